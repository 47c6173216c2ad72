/* mt_speaker.c - see mt_speaker.h; and the one that the options of phibench mt-bench name.
 *
 * Knows nothing of questions and judgments.
 */
#include "harness/mt_speaker.h"

#include "base/file.h"
#include "harness/interrupt.h"
#include "harness/mt_commands.h"

#include <string.h>

bool mt_speaker_open_api(struct mt_speaker *speaker, const struct api_options *api,
                         const char *key_env, struct err *err)
{
    struct api_options options = *api;
    *speaker = (struct mt_speaker){0};
    if (!client_api_find_key(key_env, &options.key, err)) return false;
    speaker->client = client_open_api(&options, err);
    return speaker->client != NULL;
}

bool mt_speaker_open_model(struct mt_speaker *speaker, const struct invocation *invocation,
                           const char *path, const char *isa, const struct client_options *options,
                           struct err *err)
{
    *speaker = (struct mt_speaker){
        .model = open_model(invocation, path, isa, options->session.n_threads, err)};
    if (speaker->model) speaker->client = client_open_engine(speaker->model, options, err);
    return speaker->client != NULL;
}

void mt_speaker_close(struct mt_speaker *speaker)
{
    client_close(speaker->client);
    model_close(speaker->model);
    *speaker = (struct mt_speaker){0};
}

void mt_speaker_report(const struct mt_speaker *speaker, const char *label, const struct log *log)
{
    if (speaker->client && !speaker->model) client_api_report(speaker->client, label, log);
}

/* ---- By the command's options ---- */

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

static bool open_server(const struct mt_options *options, struct mt_speaker *speaker,
                        struct err *err)
{
    const struct api_options api = {.base_url = options->api,
                                    .model = options->api_model,
                                    .n_concurrent = (int)options->n_concurrent,
                                    .n_retries = (int)options->n_retries,
                                    .timeout_s = options->timeout_s,
                                    .wait_s = API_WAIT_MS * 1e-3};
    if (!options->api_model) return err_set(err, ERR_USAGE, "--api URL goes with --api-model NAME");
    if (options->common.model)
        return err_set(err, ERR_USAGE, "-m and --api name two models: give one");
    return mt_speaker_open_api(speaker, &api, options->key_env, err);
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
    if (options->api) return open_server(options, speaker, err);
    if (!common->model) return fail_unnamed(err);
    return parse_kv_type(common->kv, &client_options.session.kv_type, err) &&
           mt_speaker_open_model(speaker, invocation, common->model, common->isa, &client_options,
                                 err);
}

static bool check_interrupt(void *context, struct err *err)
{
    (void)context;
    return !interrupt_requested() ||
           err_set(err, ERR_INTERRUPTED, "interrupted; the same command goes on");
}

bool mt_ask(struct mt_speaker *speaker, const struct request *requests, size_t n,
            mt_reply_fn *reply, void *context, struct err *err)
{
    const struct client_sink sink = {reply, check_interrupt, context};
    return client_ask(speaker->client, requests, n, &sink, err);
}
