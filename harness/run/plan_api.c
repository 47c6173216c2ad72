/* plan_api.c - see plan_api.h. A server gives texts; the log-probabilities of choices only where it
 * echoes those of its prompt; logits and speeds of a machine never.
 *
 * Errors have no place: the caller knows the line.
 */
#include "harness/run/plan_api.h"

#include "base/sha256.h"
#include "harness/ask/api_access.h"

enum {
    CONTEXT_TOKENS = 1 << 17
}; /* where the configuration names none: the server knows its own */

bool plan_api_model(struct plan_model *model, struct arena *arena, struct err *err)
{
    const struct config_model *config = model->config;
    const struct api_options *api = config->api;
    const char *key;
    if (!api_find_key(config->key_env, &key, err)) return false;
    model->quantization = "api";
    model->context_tokens = config->context_tokens ? config->context_tokens : CONTEXT_TOKENS;
    model->info = (struct model_info){.path = api->base_url,
                                      .name = api->model,
                                      .architecture = "",
                                      .quantization = model->quantization,
                                      .context_tokens = (int)model->context_tokens};
    const char *identity = arena_printf(arena, err, "api %s %s %s", api->base_url, api->model,
                                        api->completes ? "completions" : "chat");
    return identity && sha256_text(identity, model->hash, err);
}

static bool is_scored(const struct dataset *dataset, bool *scored, struct err *err)
{
    struct request request;
    struct arena *arena = arena_new(0, err);
    bool ok = arena && dataset->suite->request(dataset, 0, arena, &request, err);
    if (ok) *scored = request.kind == REQUEST_CHOICES || request.kind == REQUEST_LOGLIK;
    arena_free(arena);
    return ok;
}

bool plan_api_check(const struct plan_job *job, struct err *err)
{
    const struct config_suite *suite = job->suite;
    const char *id = job->model->config->id;
    bool scored = false;
    if (suite->kind == CONFIG_SUITE_THROUGHPUT)
        return err_set(err, ERR_CONFIG,
                       "throughput measures this machine, and %s is behind an API: leave one out",
                       id);
    if (suite->kind == CONFIG_SUITE_TEXT)
        return err_set(err, ERR_CONFIG,
                       "%s needs every logit, and %s is behind an API: suites that score choices "
                       "or have texts written are possible",
                       suite->suite->name, id);
    if (job->retrieval)
        return err_set(err, ERR_CONFIG,
                       "passages are cut by the model's tokens, and %s is behind an API: closed "
                       "book is possible",
                       id);
    if (!is_scored(job->dataset, &scored, err)) return false;
    if (job->dataset->chat.is_asked && scored)
        return err_set(err, ERR_CONFIG,
                       "%s/%s scores choices, and a server gives no log-probabilities of what "
                       "stands in a chat: leave chat out, or ask a model of this machine",
                       suite->suite->name, job->dataset->protocol);
    if (job->dataset->chat.is_asked && job->model->config->api->completes)
        return err_set(err, ERR_CONFIG,
                       "%s/%s is asked in a chat, which the endpoint completions of %s has not: "
                       "endpoint: chat is possible",
                       suite->suite->name, job->dataset->protocol, id);
    return !scored || job->model->config->api->echoes ||
           err_set(err, ERR_CONFIG,
                   "%s/%s scores choices, which takes a server that echoes log-probabilities (say "
                   "so with \"logprobs: echo\" in the api of %s); suites and protocols in which "
                   "texts are written are possible",
                   suite->suite->name, job->dataset->protocol, id);
}
