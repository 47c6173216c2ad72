/* plan_api.c - see plan_api.h. A server gives texts; the log-probabilities of choices only where it
 * echoes those of its prompt; logits and speeds of a machine never.
 *
 * Errors have no place: the caller knows the line.
 */
#include "harness/run/plan_api.h"

#include "harness/ask/api_access.h"
#include "harness/run/plan_identity.h"

#include <string.h>

/* Where the configuration names none: the server knows its own. */
enum { CONTEXT_TOKENS = 1 << 17 };

/* The identity as it is known so far. */
static bool describe(struct plan_server *server, struct arena *arena, struct err *err)
{
    server->description = server_describe(server->options, server->id, &server->words, arena, err);
    return server->description && sha256_text(server->description, server->hash, err);
}

static struct plan_server *new_server(const struct api_options *options, const char *key_env,
                                      const char *id, struct arena *arena, struct err *err)
{
    struct plan_server *server = arena_alloc(arena, 1, sizeof *server, err);
    if (!server || !api_access_check(options, key_env, err)) return NULL;
    *server = (struct plan_server){.options = options, .key_env = key_env, .id = id};
    return describe(server, arena, err) ? server : NULL;
}

bool plan_api_model(struct plan_model *model, struct arena *arena, struct err *err)
{
    const struct config_model *config = model->config;
    const struct api_options *api = config->api;
    model->server = new_server(api, config->key_env, config->id, arena, err);
    if (!model->server) return false;
    model->quantization = "api";
    model->context_tokens = config->context_tokens ? config->context_tokens : CONTEXT_TOKENS;
    model->info = (struct model_info){.path = api->base_url,
                                      .name = api->model,
                                      .architecture = "",
                                      .quantization = model->quantization,
                                      .context_tokens = (int)model->context_tokens};
    memcpy(model->hash, model->server->hash, sizeof model->hash);
    return true;
}

bool plan_api_judge(const struct plan *plan, struct plan_job *job, struct err *err)
{
    const struct config_judge *judge = job->suite->judge;
    if (!judge || !judge->api) return true;
    for (const struct plan_job *other = plan->jobs; other < job && !job->judge_server; other++)
        if (other->suite == job->suite) job->judge_server = other->judge_server;
    if (!job->judge_server)
        job->judge_server = new_server(judge->api, judge->key_env, NULL, plan->arena, err);
    return job->judge_server != NULL;
}

/* ---- Asking ---- */

static bool is_same_server(const struct plan_server *a, const struct plan_server *b)
{
    return !strcmp(a->options->base_url, b->options->base_url) &&
           !strcmp(a->options->model, b->options->model) &&
           a->options->headers == b->options->headers &&
           !strcmp(a->key_env ? a->key_env : "", b->key_env ? b->key_env : "");
}

/* The server at which another one of the plan was asked already; NULL if there is none. */
static const struct plan_server *find_asked(const struct plan *plan,
                                            const struct plan_server *server)
{
    for (size_t i = 0; i < plan->n_jobs; i++) {
        const struct plan_server *const both[] = {plan->jobs[i].model->server,
                                                  plan->jobs[i].judge_server};
        for (size_t k = 0; k < 2; k++)
            if (both[k] && both[k]->is_asked && is_same_server(both[k], server)) return both[k];
    }
    return NULL;
}

/* Asks the server, unless it was. Nobody can tell what stands behind one that cannot be reached:
 * its jobs will fail, and the others be carried out. */
static bool ask(const struct plan *plan, struct plan_server *server, const struct log *log,
                struct err *err)
{
    if (!server || server->is_asked) return true;
    const struct plan_server *asked = find_asked(plan, server);
    struct api_options options = *server->options;
    options.log = log;
    server->is_asked = true;
    if (asked) {
        server->words = asked->words;
        server->fault = asked->fault;
        return describe(server, plan->arena, err);
    }
    if (!api_find_key(server->key_env, &options.key, err)) return false;
    if (!server_ask_words(&options, plan->arena, &server->words, &server->fault)) {
        if (server->fault.code != ERR_IO) {
            if (err) *err = server->fault;
            return false;
        }
        server->words =
            (struct server_words){.why = "it cannot be reached", .is_unreachable = true};
    } else if (!server->words.json)
        log_info(log,
                 "%s%s: the server at %s tells nothing of itself (%s): answers are known by URL, "
                 "name and settings alone; `revision` in the configuration tells models apart",
                 server->id ? "" : "judge ", server->id ? server->id : options.model,
                 options.base_url, server->words.why);
    return describe(server, plan->arena, err);
}

bool plan_ask_servers(struct plan *plan, const struct log *log, struct err *err)
{
    for (size_t i = 0; i < plan->n_jobs; i++) {
        struct plan_job *job = &plan->jobs[i];
        if (!ask(plan, job->model->server, log, err) || !ask(plan, job->judge_server, log, err))
            return false;
    }
    for (size_t i = 0; i < plan->n_models; i++) {
        struct plan_model *model = &plan->models[i];
        if (model->server) memcpy(model->hash, model->server->hash, sizeof model->hash);
    }
    return plan_identify(plan, err);
}

/* ---- What a server can do ---- */

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
    if (dataset_has_pictures(job->dataset) && (scored || job->model->config->api->completes))
        return err_set(err, ERR_CONFIG,
                       "%s/%s asks about pictures, which a server takes in a chat alone: %s",
                       suite->suite->name, job->dataset->protocol,
                       scored ? "protocols in which texts are written are possible"
                              : "endpoint: chat is possible");
    return !scored || job->model->config->api->echoes ||
           err_set(err, ERR_CONFIG,
                   "%s/%s scores choices, which takes a server that echoes log-probabilities (say "
                   "so with \"logprobs: echo\" in the api of %s); suites and protocols in which "
                   "texts are written are possible",
                   suite->suite->name, job->dataset->protocol, id);
}
