/* model_options.c - see model_options.h.
 *
 * Fails with ERR_USAGE where an option asks for what the model cannot do.
 * Owns nothing after opened_close.
 */
#include "harness/cli/model_options.h"

#include "harness/ask/policies.h"
#include "harness/run/load_model.h"

#include <string.h>

bool choose_isa(const struct invocation *invocation, const char *isa, enum isa *level,
                struct err *err)
{
    const char *wanted = isa ? isa : invocation->isa;
    if (!wanted) {
        *level = isa_best();
        return true;
    }
    if (!isa_parse(wanted, level, err))
        return isa ? err_context(err, "reading --isa") : err_context(err, "reading PHIBENCH_ISA");
    if (!isa_available(*level))
        return err_set(err, ERR_USAGE, "this machine has no %s; the best here is %s",
                       isa_name(*level), isa_name(isa_best()));
    return true;
}

struct model *open_model(const struct invocation *invocation, const char *path, const char *isa,
                         int64_t n_threads, struct err *err)
{
    enum isa level;
    if (!path) {
        err_set(err, ERR_USAGE, "%s needs a model: -m FILE.gguf or -m synth:tiny:q8_0",
                invocation->command->name);
        return NULL;
    }
    if (!choose_isa(invocation, isa, &level, err)) return NULL;
    struct model *model = load_model(&invocation->console, path, level, (int)n_threads, err);
    if (model)
        log_warning_lines(&invocation->console.log, path, tokenizer_notes(model_tokenizer(model)));
    return model;
}

struct tokenizer *open_tokenizer(const struct invocation *invocation, const char *path,
                                 struct err *err)
{
    if (!path) {
        err_set(err, ERR_USAGE, "%s needs a model: -m FILE.gguf", invocation->command->name);
        return NULL;
    }
    struct model_file *file = model_file_open(path, err);
    if (!file) return NULL;
    struct tokenizer *tokenizer = model_file_tokenizer(file, err);
    model_file_close(file);
    if (tokenizer) log_warning_lines(&invocation->console.log, path, tokenizer_notes(tokenizer));
    return tokenizer;
}

bool parse_kv_type(const char *text, enum kv_type *type, struct err *err)
{
    int i = KV_F16;
    while (text && KV_TYPE_NAMES[i] && strcmp(text, KV_TYPE_NAMES[i]) != 0) i++;
    *type = (enum kv_type)i;
    return KV_TYPE_NAMES[i] || err_set(err, ERR_USAGE, "--kv takes f16 or f32, not \"%s\"", text);
}

bool opened_open(const struct invocation *invocation, const struct model_arguments *arguments,
                 struct opened *opened, struct err *err)
{
    struct session_options options = {
        .n_threads = (int)arguments->n_threads,
        .batch_tokens = (size_t)arguments->batch_tokens,
        .context_tokens = (size_t)arguments->context_tokens,
    };
    *opened = (struct opened){0};
    if (!parse_kv_type(arguments->kv, &options.kv_type, err)) return false;
    opened->model =
        open_model(invocation, arguments->model, arguments->isa, arguments->n_threads, err);
    if (!opened->model) return false;
    opened->session = session_open(opened->model, &options, err);
    return opened->session != NULL;
}

void opened_close(struct opened *opened)
{
    session_close(opened->session);
    model_close(opened->model);
}

bool encode_prompt(const struct opened *opened, const struct model_arguments *arguments,
                   const char *text, struct tokens *ids, struct err *err)
{
    struct encode_options options = {
        .bos = arguments->no_bos ? BOS_NEVER : BOS_AUTO,
        .parse_special = arguments->special,
    };
    if (!tokenizer_encode(model_tokenizer(opened->model), text, strlen(text), &options, ids, err))
        return false;
    if (!ids->n)
        return err_set(err, ERR_USAGE, "the prompt is empty and the model adds no BOS token");
    size_t context = session_context_tokens(opened->session);
    return ids->n <= context ||
           err_set(err, ERR_USAGE, "the prompt has %zu tokens, the context only %zu", ids->n,
                   context);
}
