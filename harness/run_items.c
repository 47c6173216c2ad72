/* run_items.c - one job of a suite of items: takes over what is answered, asks the model for the
 * rest in windows, grades, hands answers to the writer, and at the end counts the circumstances and
 * computes the scores.
 *
 * Everything that is stored at the end of a job is computed from its stored answers, not from what
 * this process happened to see: a resumed job ends with the same rows as an undisturbed one.
 */
#include "harness/run_job.h"

#include "base/clock.h"
#include "base/mem.h"
#include "harness/client.h"
#include "harness/progress.h"
#include "harness/writer.h"

#include <stdlib.h>
#include <string.h>

enum { WINDOW_ITEMS = 128, MAX_WINDOW_BYTES = 1 << 30 };
static const int64_t COMMIT_NS =
    50000000; /* a transaction for each batch, but no more than 20 a second */

struct item_job {
    struct run_context *run;
    const struct plan_job *planned;
    int64_t job;
    struct client *client;
    struct writer *writer;
    struct progress progress;
    size_t *pending; /* [n_pending] items without an answer, in order */
    size_t n_pending, n_answered;
    uint64_t naive_tokens; /* of the answers of this process */
    int64_t committed_ns;
    struct buf response_json, groups_json;
};

/* ---- What is there already ---- */

struct known_keys {
    const struct dataset *dataset;
    size_t *by_key; /* [n_items] items sorted by key */
    bool *is_known; /* [n_items] */
};

static int compare_keys(const void *a, const void *b, void *context)
{
    const struct item *items = context;
    return strcmp(items[*(const size_t *)a].key, items[*(const size_t *)b].key);
}

static bool mark_known(void *context, const struct answer_record *answer, struct err *err)
{
    struct known_keys *known = context;
    size_t low = 0, high = known->dataset->n_items;
    (void)err;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(known->dataset->items[known->by_key[middle]].key, answer->key);
        if (order == 0) {
            known->is_known[known->by_key[middle]] = true;
            return true;
        }
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    return true;
}

static bool find_pending(struct item_job *items, struct err *err)
{
    const struct dataset *dataset = items->planned->dataset;
    size_t n = dataset->n_items;
    struct known_keys known = {.dataset = dataset,
                               .by_key = mem_new(n, sizeof(size_t), err),
                               .is_known = mem_new(n, sizeof(bool), err)};
    items->pending = mem_new(n, sizeof *items->pending, err);
    bool ok = known.by_key && known.is_known && items->pending;
    for (size_t i = 0; ok && i < n; i++) known.by_key[i] = i;
    if (ok) {
        qsort_r(known.by_key, n, sizeof *known.by_key, compare_keys, (void *)dataset->items);
        ok = store_each_answer(items->run->store, items->job, mark_known, &known, err);
    }
    for (size_t i = 0; ok && i < n; i++)
        if (!known.is_known[i]) items->pending[items->n_pending++] = i;
    items->n_answered = n - items->n_pending;
    free(known.by_key);
    free(known.is_known);
    return ok;
}

static bool reuse_answers(const struct item_job *items, size_t *n, struct err *err)
{
    const struct dataset *dataset = items->planned->dataset;
    const char **keys = mem_new(dataset->n_items, sizeof *keys, err);
    if (!keys) return false;
    for (size_t i = 0; i < dataset->n_items; i++) keys[i] = dataset->items[i].key;
    bool ok = store_reuse_answers(items->run->store, items->job, keys, dataset->n_items, n, err);
    free(keys);
    return ok;
}

/* ---- Asking ---- */

/* The answer's tokens, as if every choice had been computed on its own: all but the last of each
 * continuation. */
static uint64_t naive_tokens(const struct response *response)
{
    uint64_t prompt = (uint64_t)response->n_prompt_tokens, n = 0;
    for (size_t i = 0; i < response->n_choices; i++)
        n += prompt + (uint64_t)response->choices[i].n_tokens - 1;
    return response->n_choices ? n : prompt + (uint64_t)response->n_new_tokens;
}

struct window {
    struct item_job *items;
    size_t first; /* in items->pending */
};

static bool keep_response(void *context, size_t i_request, const struct response *response,
                          struct err *err)
{
    const struct window *window = context;
    struct item_job *items = window->items;
    const struct dataset *dataset = items->planned->dataset;
    const struct item *item = &dataset->items[items->pending[window->first + i_request]];
    struct verdict verdict = {0};
    dataset->suite->grade(item, response, &verdict);
    buf_clear(&items->response_json);
    buf_clear(&items->groups_json);
    response_write(response, &items->response_json);
    item_write_groups(item, &items->groups_json);
    if (!buf_check(&items->response_json, err) || !buf_check(&items->groups_json, err))
        return false;
    const struct answer_record answer = {.key = item->key,
                                         .file = item->file,
                                         .line = item->line,
                                         .subset = item->subset,
                                         .expected = item->expected,
                                         .groups_json = buf_string(&items->groups_json),
                                         .response_json = buf_string(&items->response_json),
                                         .n_prompt_tokens = response->n_prompt_tokens,
                                         .n_new_tokens = response->n_new_tokens,
                                         .duration_ns = response->duration_ns,
                                         .answered = verdict.answered,
                                         .is_correct = verdict.is_correct,
                                         .score = verdict.score,
                                         .margin = verdict.margin,
                                         .predicted = verdict.predicted};
    items->n_answered++;
    items->naive_tokens += naive_tokens(response);
    return writer_put(items->writer, &answer, err);
}

static bool after_batch(void *context, struct err *err)
{
    struct item_job *items = ((const struct window *)context)->items;
    int64_t now = clock_ns();
    progress_update(&items->progress, items->n_answered);
    if (now - items->committed_ns >= COMMIT_NS) {
        if (!writer_flush(items->writer, err)) return false;
        items->committed_ns = now;
    }
    return run_check_interrupt(err);
}

static bool ask_window(struct item_job *items, size_t first, size_t n, struct err *err)
{
    const struct dataset *dataset = items->planned->dataset;
    struct arena *arena = arena_new(MAX_WINDOW_BYTES, err);
    struct request *requests = arena ? arena_alloc(arena, n, sizeof *requests, err) : NULL;
    struct window window = {.items = items, .first = first};
    const struct client_sink sink = {keep_response, after_batch, &window};
    bool ok = requests != NULL;
    for (size_t i = 0; ok && i < n; i++)
        ok = dataset->suite->request(dataset, items->pending[first + i], arena, &requests[i], err);
    ok = ok && client_answer(items->client, requests, n, &sink, err);
    arena_free(arena);
    return ok;
}

static bool ask_all(struct item_job *items, struct err *err)
{
    const struct plan_job *planned = items->planned;
    const struct config *config = items->run->plan->config;
    const struct invocation *invocation = items->run->options->invocation;
    const struct client_options options = {
        .bos = planned->model->config->bos,
        .session = {.n_threads = config->n_threads,
                    .batch_tokens = config->batch_tokens,
                    .context_tokens = planned->model->context_tokens,
                    .kv_budget_bytes = config->kv_budget_bytes,
                    .kv_type = planned->model->config->kv_type}};
    char label[256];
    bool ok = run_need_model(items->run, planned->model, err) &&
              (items->client = client_open_engine(items->run->model, &options, err)) &&
              (items->writer = writer_open(items->run->store, items->job, err));
    plan_job_label(planned, label, sizeof label);
    progress_begin(&items->progress, invocation->log.out, invocation->is_terminal,
                   invocation->columns, label, planned->dataset->n_items, items->n_answered);
    for (size_t first = 0; ok && first < items->n_pending; first += WINDOW_ITEMS) {
        size_t n =
            items->n_pending - first < WINDOW_ITEMS ? items->n_pending - first : WINDOW_ITEMS;
        ok = ask_window(items, first, n, err);
    }
    progress_end(&items->progress);
    bool written = writer_close(
        items->writer, ok ? err : NULL); /* what was answered is kept, whatever came after */
    items->writer = NULL;
    return ok && written;
}

/* ---- The end of a job ---- */

enum circumstance {
    NOT_ANSWERED,
    NO_NUMBER,
    TRUNCATED,
    DROPPED_SHOTS,
    JOIN_SPANNED,
    TIE,
    DOUBLE_BOS,
    N_CIRCUMSTANCES
};

static const struct {
    const char *kind, *text;
} CIRCUMSTANCES[N_CIRCUMSTANCES] = {
    [NOT_ANSWERED] = {"not_answered", "prompts that do not fit the context at all"},
    [NO_NUMBER] = {"no_number", "items whose choices have a score that is not a number"},
    [TRUNCATED] = {"truncated", "prompts that lost their beginning to fit the context"},
    [DROPPED_SHOTS] = {"dropped_shots", "prompts that lost examples to fit the context"},
    [JOIN_SPANNED] = {"join_spanned", "items where a token spans the prompt and a choice"},
    [TIE] = {"tie", "items whose best choices have equal scores"},
    [DOUBLE_BOS] = {"double_bos", "prompts that begin with two BOS tokens"},
};

struct summary {
    const struct suite *suite;
    int64_t counts[N_CIRCUMSTANCES];
    int64_t duration_ns;
    uint64_t naive_tokens;
};

static bool summarize(void *context, const struct answer_record *answer, struct err *err)
{
    struct summary *summary = context;
    struct response response = {0};
    struct verdict verdict = {0};
    const struct item item = {
        .key = answer->key, .subset = answer->subset, .expected = answer->expected};
    struct arena *arena = arena_new(0, err);
    bool ok = arena && response_read(answer->response_json, strlen(answer->response_json),
                                     &response, arena, err);
    if (ok) {
        bool spanned = false;
        summary->suite->grade(&item, &response, &verdict);
        for (size_t i = 0; i < response.n_choices; i++)
            spanned = spanned || response.choices[i].join_spanned;
        summary->counts[NOT_ANSWERED] += !response.answered;
        summary->counts[NO_NUMBER] += response.answered && !verdict.answered;
        summary->counts[TRUNCATED] += response.n_cut_tokens > 0;
        summary->counts[DROPPED_SHOTS] += response.n_dropped_shots > 0;
        summary->counts[JOIN_SPANNED] += spanned;
        summary->counts[TIE] += verdict.is_tie;
        summary->counts[DOUBLE_BOS] += response.double_bos;
        summary->duration_ns += answer->duration_ns;
        summary->naive_tokens += naive_tokens(&response);
    }
    arena_free(arena);
    return ok;
}

static bool put_notes(struct item_job *items, const struct summary *summary, struct err *err)
{
    static const char *const policies[] = {"by the model's file", "always", "never"};
    const struct plan_model *model = items->planned->model;
    char text[128];
    for (int i = 0; i < N_CIRCUMSTANCES; i++)
        if (!store_put_note(items->run->store, items->job, CIRCUMSTANCES[i].kind,
                            summary->counts[i], CIRCUMSTANCES[i].text, err))
            return false;
    snprintf(text, sizeof text, "prompts begin %s BOS (%s)", model->adds_bos ? "with" : "without",
             policies[model->config->bos]);
    return store_put_note(items->run->store, items->job, "bos", model->adds_bos, text, err);
}

/* is_continued: an earlier process has computed some of the answers, and nobody knows from how many
 * tokens. */
static bool finish_job(struct item_job *items, bool is_continued, struct err *err)
{
    struct store *store = items->run->store;
    struct summary summary = {.suite = items->planned->dataset->suite};
    int64_t n_computed = is_continued    ? -1
                         : items->client ? (int64_t)client_computed_tokens(items->client)
                                         : 0;
    if (!store_each_answer(store, items->job, summarize, &summary, err) || !store_begin(store, err))
        return false;
    bool ok = put_notes(items, &summary, err) && store_compute_scores(store, items->job, err) &&
              store_finish_job(store, items->job, summary.duration_ns, summary.naive_tokens,
                               n_computed, err) &&
              store_commit(store, err);
    if (!ok) store_rollback(store);
    return ok;
}

static void say_reused(const struct item_job *items, size_t n_reused)
{
    const struct log *log = &items->run->options->invocation->log;
    char label[256];
    plan_job_label(items->planned, label, sizeof label);
    if (n_reused)
        log_info(log, "%s: %zu answers taken over from earlier runs (--fresh computes them)", label,
                 n_reused);
}

static void say_finished(const struct item_job *items, int64_t duration_ns)
{
    const struct log *log = &items->run->options->invocation->log;
    char label[256], time[64];
    if (!items->n_pending) return;
    plan_job_label(items->planned, label, sizeof label);
    clock_format_duration(duration_ns, time, sizeof time);
    log_info(log, "%s: %zu answers in %s, %.3g a second; %llu tokens computed in place of %llu",
             label, items->n_pending, time, (double)items->n_pending / ((double)duration_ns * 1e-9),
             (unsigned long long)client_computed_tokens(items->client),
             (unsigned long long)items->naive_tokens);
}

bool run_items(struct run_context *run, const struct plan_job *planned, int64_t job,
               struct err *err)
{
    struct item_job items = {.run = run, .planned = planned, .job = job};
    size_t n_reused = 0;
    int64_t begin_ns = clock_ns();
    bool ok = run->options->is_fresh || reuse_answers(&items, &n_reused, err);
    if (ok) say_reused(&items, n_reused);
    ok = ok && find_pending(&items, err);
    bool is_continued = ok && items.n_answered > n_reused;
    ok = ok && (!items.n_pending || ask_all(&items, err)) && finish_job(&items, is_continued, err);
    if (ok) say_finished(&items, clock_ns() - begin_ns);
    client_close(items.client);
    buf_free(&items.response_json);
    buf_free(&items.groups_json);
    free(items.pending);
    return ok;
}
