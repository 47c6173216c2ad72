/* model_options.c - see model_options.h.
 *
 * Fails with ERR_USAGE where an option asks for what the model cannot do.
 * Owns nothing after opened_close.
 */
#include "harness/model_options.h"

#include <string.h>

bool parse_kv_type(const char *text, enum kv_type *type, struct err *err)
{
    *type = text && !strcmp(text, "f32") ? KV_F32 : KV_F16;
    return !text || *type == KV_F32 || !strcmp(text, "f16") ||
           err_set(err, ERR_USAGE, "--kv takes f16 or f32, not \"%s\"", text);
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
