/* mt_speaker.c - who answers MT-bench's questions, or judges the answers: a client, opened by the
 * command's options.
 *
 * Judges and models under test are the same thing here: something that replies to messages.
 */
#include "base/file.h"
#include "harness/interrupt.h"
#include "harness/mt_commands.h"

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

static bool open_api(const struct mt_options *options, struct mt_speaker *speaker, struct err *err)
{
    struct api_options api = {.base_url = options->api,
                              .model = options->api_model,
                              .n_concurrent = (int)options->n_concurrent,
                              .n_retries = (int)options->n_retries,
                              .timeout_s = options->timeout_s,
                              .wait_s = API_WAIT_S};
    if (!options->api_model) return err_set(err, ERR_USAGE, "--api URL goes with --api-model NAME");
    if (options->common.model)
        return err_set(err, ERR_USAGE, "-m and --api name two models: give one");
    if (!client_api_find_key(options->key_env, &api.key, err)) return false;
    speaker->client = client_open_api(&api, err);
    return speaker->client != NULL;
}

void mt_speaker_report(const struct mt_speaker *speaker, const struct log *log)
{
    if (!speaker->client || speaker->model) return;
    client_api_report(speaker->client, "the server", log);
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
    *speaker = (struct mt_speaker){0};
    if (options->api) return open_api(options, speaker, err);
    if (!common->model) return fail_unnamed(err);
    if (!parse_kv_type(common->kv, &client_options.session.kv_type, err)) return false;
    speaker->model = open_model(invocation, common->model, common->isa, common->n_threads, err);
    if (!speaker->model) return false;
    speaker->client = client_open_engine(speaker->model, &client_options, err);
    return speaker->client != NULL;
}

void mt_speaker_close(struct mt_speaker *speaker)
{
    client_close(speaker->client);
    model_close(speaker->model);
    *speaker = (struct mt_speaker){0};
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
    struct client_window *window = client_prepare(speaker->client, requests, n, err);
    bool ok = window && client_answer(speaker->client, window, &sink, err);
    client_window_free(window);
    return ok;
}
