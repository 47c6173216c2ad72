/* model_options.c - see model_options.h.
 *
 * Fails with ERR_USAGE where an option asks for what the model cannot do.
 * Owns nothing after opened_close.
 */
#include "harness/cli/model_options.h"

#include "engine/tools.h"
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
                         const struct session_options *session, struct err *err)
{
    enum isa level;
    if (!path) {
        err_set(err, ERR_USAGE, "%s needs a model: -m FILE.gguf or -m synth:tiny:q8_0",
                invocation->command->name);
        return NULL;
    }
    if (!choose_isa(invocation, isa, &level, err)) return NULL;
    struct model *model = load_model(&invocation->console, path, NULL, level, session, err);
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

bool parse_choice(const char *option, const char *const *names, const char *text, int *i,
                  struct err *err)
{
    struct buf list = {0};
    *i = 0;
    while (text && names[*i] && strcmp(text, names[*i]) != 0) ++*i;
    if (names[*i]) return true;
    for (int k = 0; names[k]; k++)
        buf_printf(&list, "%s%s", !k ? "" : names[k + 1] ? ", " : " or ", names[k]);
    err_set(err, ERR_USAGE, "%s takes %s, not \"%s\"", option, buf_string(&list), text);
    buf_free(&list);
    return false;
}

bool parse_kv_type(const char *text, enum kv_type *type, struct err *err)
{
    int i;
    if (!parse_choice("--kv", KV_TYPE_NAMES, text, &i, err)) return false;
    *type = (enum kv_type)i;
    return true;
}

bool parse_rope(const char *text, enum rope_policy *policy, struct err *err)
{
    int i;
    if (!parse_choice("--rope", ROPE_POLICY_NAMES, text, &i, err)) return false;
    *policy = (enum rope_policy)i;
    return true;
}

bool parse_rstrip(const char *text, enum rstrip_policy *policy, struct err *err)
{
    int i;
    if (!parse_choice("--rstrip", RSTRIP_POLICY_NAMES, text, &i, err)) return false;
    *policy = (enum rstrip_policy)i;
    return true;
}

bool parse_chat_format(const char *text, const char **format, struct err *err)
{
    int i;
    if (!parse_choice("--chat-format", CHAT_FORMATS, text, &i, err)) return false;
    *format = CHAT_FORMATS[i];
    return true;
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
    if (!parse_kv_type(arguments->kv, &options.kv_type, err) ||
        !parse_rope(arguments->rope, &options.rope, err))
        return false;
    opened->model = open_model(invocation, arguments->model, arguments->isa, &options, err);
    if (!opened->model) return false;
    opened->session = session_open(opened->model, &options, err);
    return opened->session != NULL;
}

void opened_close(struct opened *opened)
{
    session_close(opened->session);
    model_close(opened->model);
}

bool encode_text(const struct tokenizer *tokenizer, const struct model_arguments *arguments,
                 const char *text, bool is_chat, struct tokens *ids, struct err *err)
{
    struct encode_options options = {
        .bos = arguments->no_bos ? BOS_NEVER : BOS_AUTO,
        .parse_special = arguments->special,
    };
    return parse_rstrip(arguments->rstrip, &options.rstrip, err) &&
           (is_chat ? tokenizer_encode_chat(tokenizer, text, strlen(text), &options, ids, err)
                    : tokenizer_encode(tokenizer, text, strlen(text), &options, ids, err));
}

bool check_prompt(const struct opened *opened, const struct tokens *ids, struct err *err)
{
    size_t context = session_context_tokens(opened->session);
    if (!ids->n)
        return err_set(err, ERR_USAGE, "the prompt is empty and the model adds no BOS token");
    return ids->n <= context ||
           err_set(err, ERR_USAGE, "the prompt has %zu tokens, the context only %zu", ids->n,
                   context);
}

bool encode_prompt(const struct opened *opened, const struct model_arguments *arguments,
                   const char *text, bool is_chat, struct tokens *ids, struct err *err)
{
    return encode_text(model_tokenizer(opened->model), arguments, text, is_chat, ids, err) &&
           check_prompt(opened, ids, err);
}
