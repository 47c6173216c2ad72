/* mt_commands.c - see mt_commands.h: who answers or judges, as the options of phibench mt-bench
 * name it.
 * And what is told of damaged files.
 *
 * Knows nothing of what questions and judgments mean.
 */
#include "harness/cli/mt_commands.h"

#include "base/file.h"
#include "harness/config/config.h"

#include <string.h>

static bool fail_unnamed(struct err *err)
{
    return err_set(err, ERR_USAGE,
                   "who is asked? give -m MODEL, or --api URL with --api-model NAME");
}

const char *mt_speaker_name(const struct mt_options *options, struct err *err)
{
    const char *model = options->common.model;
    if (options->id) return options->id;
    if (options->api_model) return options->api_model;
    if (model) return !strncmp(model, "synth:", 6) ? model : file_name(model);
    fail_unnamed(err);
    return NULL;
}

static bool open_server(const struct mt_options *options, const struct log *log,
                        struct mt_speaker *speaker, struct err *err)
{
    if (!options->api_model) return err_set(err, ERR_USAGE, "--api URL goes with --api-model NAME");
    if (options->common.model)
        return err_set(err, ERR_USAGE, "-m and --api name two models: give one");
    const struct text_list *settings = &options->api_settings;
    const char *key_env;
    struct arena *arena = arena_new(0, err);
    const struct api_options *read =
        arena ? config_read_server(arena, options->api, options->api_model, settings->items,
                                   settings->n, &key_env, err)
              : NULL;
    bool ok = false;
    if (read) {
        struct api_options api = *read;
        api.n_concurrent = (int)options->n_concurrent;
        api.n_retries = (int)options->n_retries;
        api.timeout_s = options->timeout_s;
        api.log = log;
        ok = mt_speaker_open_api(speaker, &api, options->key_env ? options->key_env : key_env, err);
    }
    speaker->arena = arena;
    return ok;
}

bool mt_speaker_open(const struct invocation *invocation, const struct mt_options *options,
                     struct mt_speaker *speaker, struct err *err)
{
    const struct model_arguments *common = &options->common;
    struct client_options client_options = {
        .bos = common->no_bos ? BOS_NEVER : BOS_AUTO,
        .shares_prefixes = true,
        .session = {.n_threads = (int)common->n_threads,
                    .batch_tokens = (size_t)common->batch_tokens,
                    .context_tokens = (size_t)common->context_tokens},
    };
    enum isa isa;
    if (options->api) return open_server(options, &invocation->console.log, speaker, err);
    if (!common->model) return fail_unnamed(err);
    return parse_kv_type(common->kv, &client_options.session.kv_type, err) &&
           parse_rope(common->rope, &client_options.session.rope, err) &&
           parse_rstrip(common->rstrip, &client_options.rstrip, err) &&
           parse_chat_format(common->chat_format, &client_options.chat_format, err) &&
           choose_isa(invocation, common->isa, &isa, err) &&
           mt_speaker_open_model(speaker, &invocation->console, common->model, NULL, isa,
                                 &client_options, err);
}

void mt_say_damage(const struct fastchat_damage *damage, const struct log *log)
{
    if (damage->n_repaired)
        log_warning(log,
                    "%s:%d: halves of surrogate pairs, NUL or bytes that are no UTF-8 are read as "
                    "U+FFFD (lines of this kind: %zu)",
                    damage->repaired_file, damage->repaired_line, damage->n_repaired);
    if (damage->n_torn)
        log_warning(log, "%s:%d: the last line is torn, and does not count (such files: %zu)",
                    damage->torn_file, damage->torn_line, damage->n_torn);
}
