/* run_judge.c - see run_judge.h. A call is an answer's turn and a repetition; what a judge said to
 * the same request before, in any run, is taken over.
 *
 * Each reply is stored when it comes. A server that gave no score is asked once more; a model of
 * this machine would say the same again. Where judgments are imported nobody is asked: what the
 * file's judge said to the same request is its reply.
 */
#include "harness/run_judge.h"

#include "base/mem.h"
#include "harness/client_api.h"
#include "harness/open_model.h"
#include "results/query.h"
#include "suites/judging.h"
#include "suites/mt_bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW_CALLS = 128, MOST_REPLIES = 2 };

struct call {
    size_t i_item;
    int repetition;
    const char *prompt_name;
    struct request request;
    bool is_judged;
};

struct judging {
    struct run_context *run;
    const struct plan_job *planned;
    const struct config_judge *judge;
    int64_t job;
    struct arena *arena;
    const char **answers; /* [n_items] */
    struct call *calls;   /* [n_calls] repetitions of an item together */
    size_t n_calls;
    size_t asked[WINDOW_CALLS]; /* calls that are asked together */
    struct model *model;
    struct client *client;
};

/* ---- What is there ---- */

static size_t find_item(const struct dataset *dataset, const char *key)
{
    size_t i = 0;
    while (i < dataset->n_items && strcmp(dataset->items[i].key, key) != 0) i++;
    return i;
}

static bool keep_answer(void *context, const struct answer_record *answer, struct err *err)
{
    struct judging *judging = context;
    struct response response;
    size_t i = find_item(judging->planned->dataset, answer->key);
    if (i == judging->planned->dataset->n_items) return true;
    if (!response_read(answer->response_json, strlen(answer->response_json), &response,
                       judging->arena, err))
        return false;
    judging->answers[i] = response.text ? response.text : "";
    return true;
}

static bool mark_judged(void *context, const struct judgment_record *judgment, struct err *err)
{
    struct judging *judging = context;
    size_t i = find_item(judging->planned->dataset, judgment->key);
    (void)err;
    if (i < judging->planned->dataset->n_items && judgment->repetition < judging->judge->repeat &&
        !isnan(judgment->score))
        judging->calls[i * (size_t)judging->judge->repeat + (size_t)judgment->repetition]
            .is_judged = true;
    return true;
}

static bool list_calls(struct judging *judging, struct err *err)
{
    const struct dataset *dataset = judging->planned->dataset;
    size_t repeat = (size_t)judging->judge->repeat;
    judging->n_calls = dataset->n_items * repeat;
    judging->answers = arena_alloc(judging->arena, dataset->n_items, sizeof(const char *), err);
    judging->calls = arena_alloc(judging->arena, judging->n_calls, sizeof *judging->calls, err);
    if (!judging->answers || !judging->calls ||
        !store_each_answer(judging->run->store, judging->job, keep_answer, judging, err))
        return false;
    for (size_t i = 0; i < judging->n_calls; i++) {
        struct call *call = &judging->calls[i];
        call->i_item = i / repeat;
        call->repetition = (int)(i % repeat);
        if (!mt_bench_judge_request(dataset, call->i_item, judging->answers, judging->arena,
                                    &call->request, &call->prompt_name, err))
            return false;
        call->request.max_new_tokens = judging->judge->max_new_tokens;
    }
    return store_each_judgment(judging->run->store, judging->job, mark_judged, judging, err);
}

/* ---- Asking ---- */

static struct judgment_record record_of(const struct judging *judging, const struct call *call)
{
    return (struct judgment_record){.key = judging->planned->dataset->items[call->i_item].key,
                                    .judge = mt_bench_judge(judging->planned->dataset),
                                    .prompt_name = call->prompt_name,
                                    .request = call->request.prompts[0],
                                    .repetition = call->repetition};
}

static bool reuse_judgments(struct judging *judging, struct err *err)
{
    struct store *store = judging->run->store;
    if (judging->run->options->is_fresh || judging->judge->import) return true;
    if (!store_begin(store, err)) return false;
    bool ok = true;
    for (size_t i = 0; ok && i < judging->n_calls; i++) {
        struct call *call = &judging->calls[i];
        const struct judgment_record wanted = record_of(judging, call);
        ok = call->is_judged ||
             store_reuse_judgment(store, judging->job, &wanted, &call->is_judged, err);
    }
    ok = ok && store_commit(store, err);
    if (!ok) store_rollback(store);
    return ok;
}

/* Stores what was said; whether it has a score, the call knows. */
static bool put_reply(struct judging *judging, struct call *call, struct judgment_record *judgment,
                      struct err *err)
{
    call->is_judged = judgment->score != FASTCHAT_MISSING;
    if (!call->is_judged) judgment->score = NAN;
    return store_put_judgment(judging->run->store, judging->job, judgment, err);
}

static bool keep_reply(void *context, size_t i_request, const struct response *response,
                       struct err *err)
{
    struct judging *judging = context;
    struct store *store = judging->run->store;
    struct call *call = &judging->calls[judging->asked[i_request]];
    struct judgment_record judgment = record_of(judging, call);
    judgment.reply = response->text ? response->text : "";
    judgment.score = judging_read_score(judgment.reply, NULL);
    judgment.n_prompt_tokens = response->n_prompt_tokens;
    judgment.n_new_tokens = response->n_new_tokens;
    judgment.duration_ns = response->duration_ns;
    if (!store_begin(store, err)) return false;
    bool ok = put_reply(judging, call, &judgment, err) && store_commit(store, err);
    if (!ok) store_rollback(store);
    return ok;
}

static bool check_interrupt(void *context, struct err *err)
{
    (void)context;
    return run_check_interrupt(err);
}

static bool open_judge(struct judging *judging, struct err *err)
{
    const struct config_judge *judge = judging->judge;
    const struct config *config = judging->run->plan->config;
    const struct invocation *invocation = judging->run->options->invocation;
    if (judge->api) {
        struct api_options options = *judge->api;
        if (!client_api_find_key(judge->key_env, &options.key, err)) return false;
        judging->client = client_open_api(&options, err);
        return judging->client != NULL;
    }
    const struct client_options options = {
        .shares_prefixes = true,
        .session = {.n_threads = config->n_threads, .batch_tokens = config->batch_tokens}};
    judging->model = open_model(invocation, judge->path, config->isa, config->n_threads, err);
    if (judging->model) judging->client = client_open_engine(judging->model, &options, err);
    return judging->client != NULL;
}

static bool ask_window(struct judging *judging, size_t n, struct err *err)
{
    struct request *requests = mem_new(n, sizeof *requests, err);
    if (!requests) return false;
    for (size_t i = 0; i < n; i++) requests[i] = judging->calls[judging->asked[i]].request;
    const struct client_sink sink = {keep_reply, check_interrupt, judging};
    struct client_window *window = client_prepare(judging->client, requests, n, err);
    bool ok = window && client_answer(judging->client, window, &sink, err);
    client_window_free(window);
    free(requests);
    return ok;
}

/* Every call that is not judged, once; *n how many. */
static bool ask_round(struct judging *judging, size_t *n_asked, struct err *err)
{
    *n_asked = 0;
    for (size_t i = 0, n = 0; i <= judging->n_calls; i++) {
        bool is_last = i == judging->n_calls;
        if (n == WINDOW_CALLS || (is_last && n)) {
            if (!judging->client && !open_judge(judging, err)) return false;
            if (!ask_window(judging, n, err)) return false;
            *n_asked += n;
            n = 0;
        }
        if (!is_last && !judging->calls[i].is_judged) judging->asked[n++] = i;
    }
    return true;
}

static bool ask_judge(struct judging *judging, struct err *err)
{
    size_t n_asked = 1;
    for (int i = 0; n_asked && i < (judging->judge->api ? MOST_REPLIES : 1); i++)
        if (!ask_round(judging, &n_asked, err)) return false;
    return true;
}

/* ---- Imported judgments ---- */

static bool import_replies(struct judging *judging, size_t *n_found, struct err *err)
{
    bool ok = true;
    *n_found = 0;
    for (size_t i = 0; ok && i < judging->n_calls; i++) {
        struct call *call = &judging->calls[i];
        struct judgment_record judgment = record_of(judging, call);
        struct mt_bench_reply reply;
        if (call->is_judged ||
            !mt_bench_find_reply(judging->planned->dataset, call->prompt_name, judgment.request,
                                 (size_t)call->repetition, &reply))
            continue;
        judgment.reply = reply.text;
        judgment.score = reply.score;
        ok = put_reply(judging, call, &judgment, err);
        ++*n_found;
    }
    return ok;
}

static bool import_judgments(struct judging *judging, struct err *err)
{
    struct store *store = judging->run->store;
    size_t n_found;
    if (!store_begin(store, err)) return false;
    bool ok = import_replies(judging, &n_found, err) && store_commit(store, err);
    if (!ok) store_rollback(store);
    else if (!n_found)
        log_warning(&judging->run->options->invocation->log,
                    "%s has no judgment of an answer of this model: they are found by what the "
                    "judge was asked, in the same words",
                    judging->judge->import);
    return ok;
}

/* ---- Notes ---- */

/* The mean of the variances within items, and how many judgments there are: one row. */
static bool measure_noise(struct judging *judging, double *error, struct err *err)
{
    static const char sql[] =
        "SELECT sum(squares - total * total / n), sum(n - 1), sum(n) FROM (SELECT count(score) AS "
        "n, sum(score) AS total, sum(score * score) AS squares FROM judge_call JOIN response ON "
        "response.id = judge_call.response WHERE response.job = ? AND score IS NOT NULL "
        "GROUP BY response.id)";
    struct query *query = query_open(judging->run->store, sql, err);
    if (!query) return false;
    query_bind_integer(query, 1, judging->job);
    int more = query_next(query, err);
    *error = NAN;
    if (more > 0 && query_number(query, 1) > 0)
        *error =
            sqrt(fmax(query_number(query, 0), 0) / query_number(query, 1) / query_number(query, 2));
    query_close(query);
    return more >= 0;
}

static bool put_notes(struct judging *judging, struct err *err)
{
    struct store *store = judging->run->store;
    const struct config_judge *judge = judging->judge;
    char text[512], noise[96] = "";
    double error;
    int64_t n_missing = 0;
    if (!measure_noise(judging, &error, err)) return false;
    for (size_t i = 0; i < judging->n_calls; i++) n_missing += !judging->calls[i].is_judged;
    if (!isnan(error)) snprintf(noise, sizeof noise, "; its noise in the mean: %.3f", error);
    snprintf(text, sizeof text, "judged by %.200s, %d time%s each%s%s%.200s",
             mt_bench_judge(judging->planned->dataset), judge->repeat,
             judge->repeat == 1 ? "" : "s", noise, judge->import ? "; imported from " : "",
             judge->import ? judge->import : "");
    return store_put_note(store, judging->job, "judged", (int64_t)judging->n_calls - n_missing,
                          text, err) &&
           store_put_note(store, judging->job, "judgment_missing", n_missing,
                          judge->import
                              ? "answers without a judgment in the file: they are in no mean"
                              : "judgments in which no score was found: they are in no mean",
                          err);
}

static bool finish(struct judging *judging, struct err *err)
{
    struct store *store = judging->run->store;
    if (!store_begin(store, err)) return false;
    bool ok = store_apply_judgments(store, judging->job, err) && put_notes(judging, err) &&
              store_commit(store, err);
    if (!ok) store_rollback(store);
    return ok;
}

bool run_judge(struct run_context *run, const struct plan_job *planned, int64_t job,
               struct err *err)
{
    struct judging judging = {
        .run = run, .planned = planned, .judge = planned->suite->judge, .job = job};
    if (!judging.judge) return true;
    judging.arena = arena_new(0, err);
    bool ok = judging.arena && list_calls(&judging, err) && reuse_judgments(&judging, err) &&
              (judging.judge->import ? import_judgments : ask_judge)(&judging, err) &&
              finish(&judging, err);
    if (judging.client && !judging.model)
        client_api_report(judging.client, planned->dataset->protocol,
                          &run->options->invocation->log);
    client_close(judging.client);
    model_close(judging.model);
    arena_free(judging.arena);
    return ok;
}
