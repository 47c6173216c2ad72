/* judge.c - see judge.h. A call is an answer's turn and a repetition, or one of the two
 * games in which it is compared with the baseline's; what a judge said to the same request before,
 * in any run, is taken over.
 *
 * Each reply is stored when it comes. Where judgments are imported nobody is asked: what the file's
 * judge said to the same request is its reply.
 */
#include "harness/run/judge.h"

#include "base/sha256.h"
#include "engine/tools.h"
#include "harness/run/judge_rounds.h"
#include "harness/run/server_notes.h"
#include "results/runs.h"
#include "suites/judging.h"
#include "suites/mt_bench.h"

#include <math.h>
#include <string.h>

struct judging {
    struct run_context *run;
    const struct plan_job *planned;
    const struct config_judge *judge;
    int64_t job;
    struct arena *arena;
    struct item_index index;
    const char **answers;  /* [n_items] */
    const char **baseline; /* [n_items], NULL: none */
    /* [n_calls] For each item an opinion for each repetition, then two games for each, in the
     * second of which this answer is assistant B's. */
    struct judge_call *calls;
    size_t n_calls;
    struct api_options sent_to; /* for judge_call_key; no base_url: nobody is asked */
    struct model_seal *seal;    /* of the judge's file, which its name is a hash of */
    struct mt_speaker speaker;
};

/* ---- What is there ---- */

/* Answers of a job that are being read. */
struct answers {
    const struct item_index *index;
    struct arena *arena;
    const char **texts; /* [n_items] */
};

static bool keep_answer(void *context, const struct answer_record *answer, struct err *err)
{
    const struct answers *answers = context;
    struct response response;
    size_t i = item_index_find(answers->index, answer->key);
    if (i == answers->index->dataset->n_items) return true;
    if (!response_read(answer->response_json, strlen(answer->response_json), &response,
                       answers->arena, err))
        return false;
    answers->texts[i] = response.text ? response.text : "";
    return true;
}

/* All of the job's answers: [n_items], in the arena. */
static const char **read_answers(const struct judging *judging, int64_t job, struct err *err)
{
    struct answers answers = {.index = &judging->index, .arena = judging->arena};
    answers.texts =
        arena_alloc(judging->arena, judging->planned->dataset->n_items, sizeof(const char *), err);
    bool ok =
        answers.texts && store_each_answer(judging->run->store, job, keep_answer, &answers, err);
    return ok ? answers.texts : NULL;
}

/* The row of a job of this run. */
static bool find_job(const struct judging *judging, const struct plan_job *planned, int64_t *job,
                     struct err *err)
{
    const struct run_context *run = judging->run;
    return runs_find_job(run->store, run->id, planned->fingerprint, job, err) &&
           (*job || err_set(err, ERR_INPUT, "the baseline has not been asked"));
}

static bool read_baseline(struct judging *judging, struct err *err)
{
    const struct plan_job *planned = judging->planned;
    const struct dataset *dataset = planned->dataset;
    int64_t job = 0;
    if (planned->baseline) {
        if (!find_job(judging, planned->baseline, &job, err)) return false;
        judging->baseline = read_answers(judging, job, err);
    } else if (planned->suite->options.baseline) {
        judging->baseline =
            arena_alloc(judging->arena, dataset->n_items, sizeof(const char *), err);
        for (size_t i = 0; judging->baseline && i < dataset->n_items; i++)
            judging->baseline[i] = mt_bench_baseline(dataset, i);
    } else return true;
    return judging->baseline != NULL;
}

/* ---- Calls ---- */

static size_t calls_of_item(const struct judging *judging)
{
    return (size_t)judging->judge->repeat * (judging->baseline ? 3 : 1);
}

/* Which of the item's opinions, or of its games, the call is for. */
static int repetition_of(const struct judging *judging, size_t i_call)
{
    size_t repeat = (size_t)judging->judge->repeat, i = i_call % calls_of_item(judging);
    return (int)(i < repeat ? i : i - repeat);
}

static bool make_call(const struct judging *judging, size_t i_call, struct err *err)
{
    struct judge_call *call = &judging->calls[i_call];
    size_t n = calls_of_item(judging), repeat = (size_t)judging->judge->repeat;
    bool is_game = i_call % n >= repeat;
    const char *const *a = judging->answers, *const *b = is_game ? judging->baseline : NULL;
    call->is_b = is_game && repetition_of(judging, i_call) % 2;
    if (!mt_bench_judge_request(judging->planned->dataset, i_call / n, call->is_b ? b : a,
                                call->is_b ? a : b, judging->arena, &call->request,
                                &call->prompt_name, err))
        return false;
    call->request.max_new_tokens = judging->judge->max_new_tokens;
    if (!judging->sent_to.base_url) return true;
    const struct plan_server *server = judging->planned->judge_server;
    call->key = judge_call_key(&judging->sent_to, server ? server->description : NULL,
                               &call->request, judging->arena, err);
    return call->key != NULL;
}

static bool is_of_call(const struct judgment_record *judgment, const struct judge_call *call)
{
    if (call->key) return judgment->asked && !strcmp(judgment->asked, call->key);
    return !judgment->asked && !strcmp(judgment->request, call->request.prompts[0]);
}

static bool mark_judged(void *context, const struct judgment_record *judgment, struct err *err)
{
    struct judging *judging = context;
    size_t i = item_index_find(&judging->index, judgment->key);
    size_t repeat = (size_t)judging->judge->repeat, n = calls_of_item(judging);
    size_t first = judging_is_pair(judgment->prompt_name) ? repeat : 0;
    size_t i_call = first + (size_t)judgment->repetition;
    (void)err;
    if (i < judging->planned->dataset->n_items && i_call < (first ? n : repeat) &&
        !isnan(judgment->score) && is_of_call(judgment, &judging->calls[i * n + i_call]))
        judging->calls[i * n + i_call].is_judged = true;
    return true;
}

static bool list_calls(struct judging *judging, struct err *err)
{
    judging->n_calls = judging->planned->dataset->n_items * calls_of_item(judging);
    judging->calls = arena_alloc(judging->arena, judging->n_calls, sizeof *judging->calls, err);
    if (!judging->calls) return false;
    for (size_t i = 0; i < judging->n_calls; i++)
        if (!make_call(judging, i, err)) return false;
    return store_each_judgment(judging->run->store, judging->job, mark_judged, judging, err);
}

/* Who is asked, as far as it decides what is said. */
static bool find_judge(struct judging *judging, struct err *err)
{
    const struct config_judge *judge = judging->judge;
    char hash[SHA256_HEX_BYTES];
    if (judge->import) return true;
    if (judge->api) {
        judging->sent_to = *judge->api;
        return true;
    }
    return model_hash(judge->path, hash, &judging->seal, err) &&
           (judging->sent_to.model = arena_string(judging->arena, hash, err)) &&
           (judging->sent_to.base_url = arena_printf(
                judging->arena, err, "this program, numerics %d", ENGINE_NUMERICS_VERSION));
}

static bool read_what_is_there(struct judging *judging, struct err *err)
{
    judging->answers = read_answers(judging, judging->job, err);
    return judging->answers && read_baseline(judging, err) && find_judge(judging, err) &&
           list_calls(judging, err);
}

/* ---- Asking ---- */

static struct judgment_record record_of(const struct judging *judging, size_t i_call)
{
    const struct judge_call *call = &judging->calls[i_call];
    size_t i_item = i_call / calls_of_item(judging);
    return (struct judgment_record){.key = judging->planned->dataset->items[i_item].key,
                                    .judge = mt_bench_judge(judging->planned->dataset),
                                    .prompt_name = call->prompt_name,
                                    .request = call->request.prompts[0],
                                    .asked = call->key,
                                    .repetition = repetition_of(judging, i_call),
                                    .score = call->is_judged ? call->score : NAN};
}

/* is_vague: nothing is taken over, though there is a judgment of a request like this. */
static bool reuse_judgment(struct judging *judging, size_t i_call, bool *is_vague, struct err *err)
{
    struct store *store = judging->run->store;
    const struct judgment_record wanted = record_of(judging, i_call);
    bool *is_judged = &judging->calls[i_call].is_judged;
    *is_vague = false;
    return *is_judged || (store_reuse_judgment(store, judging->job, &wanted, is_judged, err) &&
                          (*is_judged || store_has_vague_judgment(store, &wanted, is_vague, err)));
}

static bool reuse_judgments(struct judging *judging, struct err *err)
{
    struct store *store = judging->run->store;
    size_t n_vague = 0;
    if (judging->run->options->is_fresh || judging->judge->import) return true;
    if (!store_begin(store, err)) return false;
    bool ok = true, is_vague;
    for (size_t i = 0; ok && i < judging->n_calls; i++) {
        ok = reuse_judgment(judging, i, &is_vague, err);
        n_vague += ok && is_vague;
    }
    ok = ok && store_commit(store, err);
    if (!ok) store_rollback(store);
    if (ok && n_vague)
        log_info(
            &judging->run->options->console.log,
            "%zu judgments of these answers by a judge of that name do not say all that it was "
            "sent and where to, as those of older programs: they are asked for anew",
            n_vague);
    return ok;
}

static bool keep_reply(void *context, size_t i_call, const struct response *response, bool is_last,
                       struct err *err)
{
    struct judging *judging = context;
    struct store *store = judging->run->store;
    struct judgment_record judgment = record_of(judging, i_call);
    (void)is_last;
    judgment.reply = response->text;
    judgment.reasoning = response->reasoning;
    judgment.n_prompt_tokens = response->n_prompt_tokens;
    judgment.n_new_tokens = response->n_new_tokens;
    judgment.duration_ns = response->duration_ns;
    if (!store_begin(store, err)) return false;
    bool ok = store_put_judgment(store, judging->job, &judgment, err) && store_commit(store, err);
    if (!ok) store_rollback(store);
    return ok;
}

static bool open_judge(struct judging *judging, struct err *err)
{
    const struct config_judge *judge = judging->judge;
    const struct config *config = judging->run->plan->config;
    const struct client_options options = {
        .shares_prefixes = true,
        .session = {.n_threads = config->n_threads, .batch_tokens = config->batch_tokens}};
    const struct plan_server *server = judging->planned->judge_server;
    if (!server)
        return mt_speaker_open_model(&judging->speaker, &judging->run->options->console,
                                     judge->path, judging->seal, judging->run->options->isa,
                                     &options, err);
    if (server->words.is_unreachable) {
        if (err) *err = server->fault;
        return false;
    }
    struct api_options api = *server->options;
    api.log = &judging->run->options->console.log;
    return mt_speaker_open_api(&judging->speaker, &api, server->key_env, err);
}

static bool ask_judge(struct judging *judging, struct err *err)
{
    return !judge_rounds_are_open(judging->calls, judging->n_calls) ||
           (open_judge(judging, err) &&
            judge_rounds_ask(&judging->speaker, judging->calls, judging->n_calls, keep_reply,
                             judging, err));
}

/* ---- Imported judgments ---- */

/* What the file's judge said to the call, if it was asked the same. */
static bool find_reply(const struct judging *judging, size_t i_call, struct mt_bench_reply *reply)
{
    struct judge_call *call = &judging->calls[i_call];
    int games = judging_is_pair(call->prompt_name) ? 2 : 1;
    if (call->is_judged ||
        !mt_bench_find_reply(judging->planned->dataset, call->prompt_name, call->request.prompts[0],
                             (size_t)(repetition_of(judging, i_call) / games), reply))
        return false;
    call->is_judged = reply->score != FASTCHAT_MISSING;
    call->score = call->is_b ? 1 - reply->score : reply->score;
    return true;
}

static bool import_replies(struct judging *judging, size_t *n_found, struct err *err)
{
    bool ok = true;
    *n_found = 0;
    for (size_t i = 0; ok && i < judging->n_calls; i++) {
        struct mt_bench_reply reply;
        if (!find_reply(judging, i, &reply)) continue;
        struct judgment_record judgment = record_of(judging, i);
        judgment.reply = reply.text;
        ok = store_put_judgment(judging->run->store, judging->job, &judgment, err);
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
        log_warning(&judging->run->options->console.log,
                    "%s has no judgment of an answer of this model: they are found by what the "
                    "judge was asked, in the same words",
                    judging->judge->import);
    return ok;
}

/* ---- Notes ---- */

enum { GAMES_WON, GAMES_TIED, GAMES_LOST, GAMES_DISAGREE, GAMES_MISSING, N_GAME_NOTES };
static const struct {
    const char *kind, *text;
} GAME_NOTES[N_GAME_NOTES] = {
    [GAMES_WON] = {"won", "answers that both orders find better than the baseline's"},
    [GAMES_TIED] = {"tied", "answers that the two orders do not agree to be better or worse"},
    [GAMES_LOST] = {"lost", "answers that both orders find worse than the baseline's"},
    [GAMES_DISAGREE] = {"orders_disagree", "ties in which the orders find opposite winners"},
    [GAMES_MISSING] = {"pair_missing", "pairs without a winner in one of the orders"},
};

static bool put_notes(struct judging *judging, struct err *err)
{
    struct store *store = judging->run->store;
    const struct config_judge *judge = judging->judge;
    char text[512], noise[96] = "";
    double error;
    int64_t n = 0, n_missing = 0;
    if (!store_judgment_error(store, judging->job, &error, err)) return false;
    for (size_t i = 0; i < judging->n_calls; i++) {
        if (judging_is_pair(judging->calls[i].prompt_name)) continue;
        n++;
        n_missing += !judging->calls[i].is_judged;
    }
    if (!isnan(error)) snprintf(noise, sizeof noise, "; its noise in the mean: %.3f", error);
    snprintf(text, sizeof text, "judged by %.200s, %d time%s each%s%s%.200s",
             mt_bench_judge(judging->planned->dataset), judge->repeat,
             judge->repeat == 1 ? "" : "s", noise, judge->import ? "; imported from " : "",
             judge->import ? judge->import : "");
    return store_put_note(store, judging->job, "judged", n - n_missing, text, err) &&
           store_put_note(store, judging->job, "judgment_missing", n_missing,
                          judge->import
                              ? "answers without a judgment in the file: they are in no mean"
                              : "judgments in which no score was found: they are in no mean",
                          err);
}

/* What the pairs of games came to, in the order of the notes. */
static bool count_games(struct judging *judging, int64_t counts[N_GAME_NOTES], struct err *err)
{
    struct game_counts games;
    if (!store_count_games(judging->run->store, judging->job, &games, err)) return false;
    size_t n = judging->planned->dataset->n_items * (size_t)judging->judge->repeat;
    counts[GAMES_WON] = games.won;
    counts[GAMES_TIED] = games.tied;
    counts[GAMES_LOST] = games.lost;
    counts[GAMES_DISAGREE] = games.opposed;
    counts[GAMES_MISSING] = (int64_t)n - games.won - games.tied - games.lost;
    return true;
}

static bool put_game_notes(struct judging *judging, struct err *err)
{
    int64_t counts[N_GAME_NOTES];
    if (!judging->baseline) return true;
    if (!count_games(judging, counts, err)) return false;
    for (size_t i = 0; i < N_GAME_NOTES; i++)
        if (!store_put_note(judging->run->store, judging->job, GAME_NOTES[i].kind, counts[i],
                            GAME_NOTES[i].text, err))
            return false;
    return true;
}

static bool finish(struct judging *judging, struct err *err)
{
    struct store *store = judging->run->store;
    if (!store_begin(store, err)) return false;
    const struct plan_server *server = judging->planned->judge_server;
    bool ok = store_apply_judgments(store, judging->job, err) && put_notes(judging, err) &&
              put_game_notes(judging, err) &&
              (!server || server_notes_put(store, judging->job, "judge_server", server, err)) &&
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
    bool ok = judging.arena && item_index_init(&judging.index, planned->dataset, err) &&
              read_what_is_there(&judging, err) && reuse_judgments(&judging, err) &&
              (judging.judge->import ? import_judgments : ask_judge)(&judging, err) &&
              finish(&judging, err);
    mt_speaker_report(&judging.speaker, planned->dataset->protocol, &run->options->console.log);
    mt_speaker_close(&judging.speaker);
    model_seal_free(judging.seal);
    item_index_done(&judging.index);
    arena_free(judging.arena);
    return ok;
}
