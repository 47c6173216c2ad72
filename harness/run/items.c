/* items.c - one job of a suite of items: takes over what is answered, asks the model for the
 * rest, in windows of questions or in chunks of a text, grades, hands answers to the writer, and at
 * the end counts the circumstances, hashes the logits' hashes and computes the scores.
 *
 * Everything that is stored at the end of a job is computed from its stored answers, not from what
 * this process happened to see: a resumed job ends with the same rows as an undisturbed one.
 */
#include "harness/run/job.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "harness/ask/chunk_client.h"
#include "harness/ask/api_access.h"
#include "harness/ask/client_api.h"
#include "harness/ask/policies.h"
#include "harness/ask/text_chunks.h"
#include "harness/ask/windows.h"
#include "harness/run/job_scores.h"
#include "harness/run/judge.h"
#include "harness/run/progress.h"
#include "harness/run/references.h"
#include "harness/run/server_notes.h"
#include "harness/run/writer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const int64_t COMMIT_NS =
    50000000; /* a transaction for each batch, but no more than 20 a second */

struct item_job {
    struct run_context *run;
    const struct plan_job *planned;
    int64_t job;
    struct writer *writer;
    struct run_references references; /* of a text */
    struct progress progress;
    struct item_index index;
    size_t *pending; /* [n_pending] items without an answer, in order */
    size_t n_pending, n_answered;
    int64_t naive_tokens;    /* of the answers of this process */
    int64_t computed_tokens; /* for them */
    int64_t begin_ns;        /* when asking for them began, after the model was loaded */
    int64_t wall_ns;         /* and how long it took */
    struct arena *arena;     /* of the answers */
    const char **answers;    /* [n_items], as far as known; NULL where no item follows another */
    int64_t committed_ns;
    struct buf response_json, groups_json, others_json;
};

/* ---- What is there already ---- */

/* Keeps the text of an answer for the items that follow it. */
static bool keep_text(struct item_job *items, size_t i_item, const struct response *response,
                      struct err *err)
{
    return !items->answers || (items->answers[i_item] = arena_string(
                                   items->arena, response->text ? response->text : "", err));
}

static bool expect_followers(struct item_job *items, struct err *err)
{
    const struct dataset *dataset = items->planned->dataset;
    size_t n = 0;
    while (n < dataset->n_items && !dataset->items[n].follows) n++;
    if (n == dataset->n_items) return true;
    items->arena = arena_new(0, err);
    items->answers = items->arena
                         ? arena_alloc(items->arena, dataset->n_items, sizeof(const char *), err)
                         : NULL;
    return items->answers != NULL;
}

struct known {
    struct item_job *items;
    bool *is_known; /* [n_items + 1], the last for keys that are not the data set's */
};

/* What a server did not answer in a readable way is asked again. */
static bool mark_known(void *context, const struct answer_record *answer, struct err *err)
{
    const struct known *known = context;
    struct item_job *items = known->items;
    struct response response = {0};
    size_t i_item = item_index_find(&items->index, answer->key);
    known->is_known[i_item] = true;
    if (i_item == items->planned->dataset->n_items ||
        !(items->answers || items->planned->model->config->api))
        return true;
    struct arena *arena = arena_new(0, err);
    bool ok = arena &&
              response_read(answer->response_json, strlen(answer->response_json), &response, arena,
                            err) &&
              keep_text(items, i_item, &response, err);
    known->is_known[i_item] =
        !response.failure || strcmp(response.failure, RESPONSE_UNREADABLE) != 0;
    arena_free(arena);
    return ok;
}

static bool find_pending(struct item_job *items, struct err *err)
{
    size_t n = items->planned->dataset->n_items;
    struct known known = {items, mem_new(n + 1, sizeof(bool), err)};
    items->pending = mem_new(n, sizeof *items->pending, err);
    bool ok = known.is_known && items->pending &&
              store_each_answer(items->run->store, items->job, mark_known, &known, err);
    for (size_t i = 0; ok && i < n; i++)
        if (!known.is_known[i] || run_references_lack(&items->references, i))
            items->pending[items->n_pending++] = i;
    items->n_answered = n - items->n_pending;
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

/* The pending items from position `first` on, which are being asked. */
struct asking {
    struct item_job *items;
    size_t first;
};

/* A score that is no number is nobody's wrong answer. */
static bool check_scores(const struct item *item, const struct response *response, struct err *err)
{
    for (size_t i = 0; i < response->n_choices; i++)
        if (!isfinite(response->choices[i].logprob))
            return err_set(err, ERR_INPUT,
                           "the log-probability of choice %zu of item %s is no number", i + 1,
                           item->key);
    return true;
}

static bool keep_response(void *context, size_t i_request, const struct response *response,
                          struct err *err)
{
    const struct asking *asking = context;
    struct item_job *items = asking->items;
    const struct dataset *dataset = items->planned->dataset;
    size_t i_item = items->pending[asking->first + i_request];
    const struct item *item = &dataset->items[i_item];
    struct verdict verdict = {0};
    if (!check_scores(item, response, err) ||
        !dataset->suite->grade(dataset->suite, dataset->protocol, item, response, &verdict, err))
        return false;
    buf_clear(&items->response_json);
    buf_clear(&items->groups_json);
    buf_clear(&items->others_json);
    response_write(response, &items->response_json);
    item_write_groups(item, &items->groups_json);
    verdict_write_others(&verdict, &items->others_json);
    if (!buf_check(&items->response_json, err) || !buf_check(&items->groups_json, err) ||
        !buf_check(&items->others_json, err))
        return false;
    const struct answer_record answer = {
        .key = item->key,
        .file = item->file,
        .line = item->line,
        .subset = item->subset,
        .expected = item->expected,
        .groups_json = buf_string(&items->groups_json),
        .response_json = buf_string(&items->response_json),
        .n_prompt_tokens = response->n_prompt_tokens,
        .n_new_tokens = response->n_new_tokens,
        .naive_tokens = response->naive_tokens,
        .logits_hash = items->planned->model->config->api ? NULL : response->logits_hash,
        .prompt = response->prompt,
        .tokens_hash = *response->tokens_hash ? response->tokens_hash : NULL,
        .duration_ns = response->duration_ns,
        .answered = verdict.answered,
        .is_correct = verdict.is_correct,
        .score = verdict.score,
        .margin = verdict.margin,
        .predicted = verdict.predicted,
        .others_json = verdict.n_others ? buf_string(&items->others_json) : NULL};
    if (!keep_text(items, i_item, response, err)) return false;
    items->n_answered++;
    items->naive_tokens += response->naive_tokens;
    return writer_put(items->writer, &answer, err);
}

static bool after_batch(void *context, struct err *err)
{
    struct item_job *items = ((const struct asking *)context)->items;
    int64_t now = clock_ns();
    progress_update(&items->progress, items->n_answered);
    if (now - items->committed_ns >= COMMIT_NS) {
        if (!writer_flush(items->writer, err)) return false;
        items->committed_ns = now;
    }
    return true;
}

/* Asks for the pending items from `first` to `end`, none of which follows another one of them. */
static bool ask_part(struct item_job *items, struct client *client, size_t first, size_t end,
                     struct err *err)
{
    const struct item_list list = {items->planned->dataset, items->pending + first, end - first,
                                   items->answers};
    struct windows *windows = windows_open(&list, client, err);
    if (!windows) return false;
    bool ok = true, failed = false;
    for (struct window *window; ok && (window = windows_next(windows, &failed, err));) {
        struct asking asking = {items, first + window->first};
        const struct client_sink sink = {keep_response, after_batch, &asking};
        ok = client_answer(client, window->prepared, &sink, err);
        window_free(window);
    }
    windows_close(windows);
    return ok && !failed;
}

/* Items that follow others are asked when the answers to those are there. */
static bool ask_windows(struct item_job *items, struct client *client, struct err *err)
{
    const struct dataset *dataset = items->planned->dataset;
    for (size_t first = 0, end; first < items->n_pending; first = end) {
        bool follows = dataset->items[items->pending[first]].follows != NULL;
        end = first + 1;
        while (end < items->n_pending &&
               follows == (dataset->items[items->pending[end]].follows != NULL))
            end++;
        if (!ask_part(items, client, first, end, err)) return false;
    }
    return true;
}

static bool ask_server(struct item_job *items, struct err *err)
{
    const struct config_model *model = items->planned->model->config;
    const struct plan_server *server = items->planned->model->server;
    struct api_options options = *model->api;
    char label[256];
    if (server->words.is_unreachable) {
        if (err) *err = server->fault;
        return false;
    }
    options.log = &items->run->options->console.log;
    if (!api_find_key(model->key_env, &options.key, err)) return false;
    struct client *client = client_open_api(&options, err);
    items->begin_ns = clock_ns();
    bool ok = client && ask_windows(items, client, err);
    if (client) {
        items->computed_tokens = (int64_t)client_computed_tokens(client);
        plan_job_label(items->planned, label, sizeof label);
        client_api_report(client, label, &items->run->options->console.log);
    }
    client_close(client);
    return ok;
}

static bool ask_questions(struct item_job *items, const struct session_options *session,
                          struct err *err)
{
    const struct config_model *model = items->planned->model->config;
    const struct client_options options = {.bos = model->bos,
                                           .chat_format = CHAT_FORMATS[model->chat],
                                           .rstrip = model->rstrip,
                                           .reasoning_tokens = model->reasoning_tokens,
                                           .shares_prefixes =
                                               items->run->plan->config->shares_prefixes,
                                           .session = *session};
    struct client *client = client_open_engine(items->run->model, &options, err);
    items->begin_ns = clock_ns();
    bool ok = client && ask_windows(items, client, err);
    if (client) items->computed_tokens = (int64_t)client_computed_tokens(client);
    client_close(client);
    return ok;
}

static bool ask_chunks(struct item_job *items, const struct session_options *session,
                       struct err *err)
{
    const struct dataset *dataset = items->planned->dataset;
    struct chunk_client_options options = {
        .session = *session, .save = items->references.save, .against = items->references.against};
    struct asking asking = {items, 0};
    const struct client_sink sink = {keep_response, after_batch, &asking};
    options.session.context_tokens = text_chunks_of(dataset)->chunk_tokens;
    struct chunk_client *client = chunk_client_open(items->run->model, &options, err);
    items->begin_ns = clock_ns();
    bool ok = client &&
              chunk_client_answer(client, dataset, items->pending, items->n_pending, &sink, err);
    if (client) items->computed_tokens = (int64_t)chunk_client_computed_tokens(client);
    chunk_client_close(client);
    return ok;
}

static bool ask_model(struct item_job *items, struct err *err)
{
    const struct plan_job *planned = items->planned;
    const struct config *config = items->run->plan->config;
    const struct session_options session = {.n_threads = config->n_threads,
                                            .batch_tokens = config->batch_tokens,
                                            .context_tokens = planned->model->context_tokens,
                                            .kv_budget_bytes = config->kv_budget_bytes,
                                            .kv_type = planned->model->config->kv_type,
                                            .rope = planned->model->config->rope};
    if (planned->model->config->api) return ask_server(items, err);
    return planned->suite->kind == CONFIG_SUITE_TEXT ? ask_chunks(items, &session, err)
                                                     : ask_questions(items, &session, err);
}

static bool ask_all(struct item_job *items, struct err *err)
{
    char label[256];
    if (!run_need_model(items->run, items->planned->model, err)) return false;
    items->writer = writer_open(items->run->store, items->job, err);
    if (!items->writer) return false;
    plan_job_label(items->planned, label, sizeof label);
    progress_begin(&items->progress, &items->run->options->console, label,
                   items->planned->dataset->n_items, items->n_answered);
    bool ok = ask_model(items, err);
    progress_end(&items->progress);
    bool written = writer_close(
        items->writer, ok ? err : NULL); /* what was answered is kept, whatever came after */
    items->writer = NULL;
    items->wall_ns = clock_ns() - items->begin_ns;
    return ok && written;
}

/* ---- The end of a job ---- */

enum circumstance {
    NOT_ANSWERED,
    TOO_LONG,
    REFUSED,
    UNREADABLE,
    NO_NUMBER,
    UNREAD,
    TRUNCATED,
    DROPPED_SHOTS,
    JOIN_SPANNED,
    TIE,
    DOUBLE_BOS,
    UNFINISHED,
    UNFINISHED_REASONING,
    CUT_AT_MARK,
    UNKNOWN_TOKENS,
    N_CIRCUMSTANCES
};

/* Where a circumstance can occur. */
enum circumstance_of { OF_ALL, OF_CHOICES, OF_TEXTS, OF_SERVERS };

static const struct {
    const char *kind, *text;
    enum circumstance_of of;
} CIRCUMSTANCES[N_CIRCUMSTANCES] = {
    [NOT_ANSWERED] = {"not_answered", "prompts that do not fit the context at all", OF_ALL},
    [TOO_LONG] = {RESPONSE_TOO_LONG, "prompts that the server found too long for its context",
                  OF_SERVERS},
    [REFUSED] = {RESPONSE_REFUSED,
                 "prompts that the server would not answer, or answers that it "
                 "withheld, for their content",
                 OF_SERVERS},
    [UNREADABLE] = {RESPONSE_UNREADABLE,
                    "prompts to which the server gave no answer that can be "
                    "read",
                    OF_SERVERS},
    [NO_NUMBER] = {"no_number", "items whose choices have a score that is not a number",
                   OF_CHOICES},
    [UNREAD] = {"unread", "answers in which no answer of the form that is wanted was found",
                OF_TEXTS},
    [TRUNCATED] = {"truncated", "prompts that lost their beginning to fit the context", OF_ALL},
    [DROPPED_SHOTS] = {"dropped_shots", "prompts that lost examples to fit the context", OF_ALL},
    [JOIN_SPANNED] = {"join_spanned", "items where a token spans the prompt and a choice",
                      OF_CHOICES},
    [TIE] = {"tie", "items whose best choices have equal scores", OF_CHOICES},
    [DOUBLE_BOS] = {"double_bos", "prompts that begin with two BOS tokens", OF_ALL},
    [UNFINISHED] = {"unfinished", "answers that ran out of tokens before they came to an end",
                    OF_TEXTS},
    [UNFINISHED_REASONING] = {"unfinished_reasoning",
                              "answers that ended before the model had done with its reasoning, "
                              "which is no answer: reasoning_tokens gives it room",
                              OF_TEXTS},
    [UNKNOWN_TOKENS] = {"unknown_tokens",
                        "answers whose tokens the server does not count, or not in numbers that "
                        "can be",
                        OF_SERVERS},
    [CUT_AT_MARK] = {"cut_at_mark", "answers that a full stop or a comma ended, as in St. Ives",
                     OF_TEXTS},
};

struct summary {
    const struct item_job *items;
    int64_t counts[N_CIRCUMSTANCES];
    int64_t duration_ns, naive_tokens;
    bool naive_is_known, hash_is_known;
    char (*hashes)[SHA256_HEX_BYTES]; /* [n_items + 1] of the logits of each item */
    char logits_hash[SHA256_HEX_BYTES];
};

static void count_circumstances(struct summary *summary, const struct response *response,
                                const struct verdict *verdict)
{
    const char *stop = response->stop;
    bool spanned = false;
    for (size_t i = 0; i < response->n_choices; i++)
        spanned = spanned || response->choices[i].join_spanned;
    summary->counts[NOT_ANSWERED] += !response->answered && !response->failure;
    for (int i = TOO_LONG; i <= UNREADABLE; i++)
        summary->counts[i] +=
            response->failure && !strcmp(response->failure, CIRCUMSTANCES[i].kind);
    bool is_read = !response->answered || verdict->answered;
    summary->counts[NO_NUMBER] += !is_read && !response->text;
    summary->counts[UNREAD] += !is_read && response->text;
    summary->counts[TRUNCATED] += response->n_cut_tokens > 0;
    summary->counts[DROPPED_SHOTS] += response->n_dropped_shots > 0;
    summary->counts[JOIN_SPANNED] += spanned;
    summary->counts[TIE] += verdict->is_tie;
    summary->counts[DOUBLE_BOS] += response->double_bos;
    summary->counts[UNFINISHED] += response->text && !stop && !response->is_reasoning_unfinished;
    summary->counts[UNFINISHED_REASONING] += response->is_reasoning_unfinished;
    summary->counts[UNKNOWN_TOKENS] += response->answered && response->has_unknown_tokens;
    summary->counts[CUT_AT_MARK] += stop && (!strcmp(stop, ".") || !strcmp(stop, ","));
}

static bool summarize(void *context, const struct answer_record *answer, struct err *err)
{
    struct summary *summary = context;
    struct response response = {0};
    struct verdict verdict = {0};
    const struct item item = {
        .key = answer->key, .subset = answer->subset, .expected = answer->expected};
    struct arena *arena = arena_new(0, err);
    const struct dataset *dataset = summary->items->planned->dataset;
    bool ok =
        arena &&
        response_read(answer->response_json, strlen(answer->response_json), &response, arena,
                      err) &&
        dataset->suite->grade(dataset->suite, dataset->protocol, &item, &response, &verdict, err);
    if (ok) {
        count_circumstances(summary, &response, &verdict);
        summary->duration_ns += answer->duration_ns;
        summary->naive_tokens += answer->naive_tokens;
        summary->naive_is_known = summary->naive_is_known && answer->naive_tokens >= 0;
        summary->hash_is_known = summary->hash_is_known && answer->logits_hash;
        snprintf(summary->hashes[item_index_find(&summary->items->index, answer->key)],
                 SHA256_HEX_BYTES, "%s", answer->logits_hash ? answer->logits_hash : "");
    }
    arena_free(arena);
    return ok;
}

static bool put_notes(struct item_job *items, const struct summary *summary, struct err *err)
{
    const struct plan_model *model = items->planned->model;
    bool scores_choices = !strcmp(items->planned->dataset->suite->decoding, "loglikelihood");
    char text[128];
    for (int i = 0; i < N_CIRCUMSTANCES; i++)
        if (CIRCUMSTANCES[i].of != (scores_choices ? OF_TEXTS : OF_CHOICES) &&
            (CIRCUMSTANCES[i].of != OF_SERVERS || model->config->api) &&
            !store_put_note(items->run->store, items->job, CIRCUMSTANCES[i].kind,
                            summary->counts[i], CIRCUMSTANCES[i].text, err))
            return false;
    if (!run_note_own_examples(items->run, items->planned, items->job, err)) return false;
    if (model->server)
        return store_put_note(items->run->store, items->job, "bos", 0,
                              "what prompts begin with is the server's business", err) &&
               server_notes_put(items->run->store, items->job, "server", model->server, err);
    if (model->info.short_tokens) {
        snprintf(text, sizeof text, "LongRoPE: %s", ROPE_POLICY_REASONS[model->config->rope]);
        if (!store_put_note(items->run->store, items->job, "rope", 0, text, err)) return false;
    }
    snprintf(text, sizeof text, "prompts begin %s BOS (%s)", model->adds_bos ? "with" : "without",
             BOS_POLICY_REASONS[model->config->bos]);
    if (!store_put_note(items->run->store, items->job, "bos", model->adds_bos, text, err))
        return false;
    if (!dataset_asks_chat(items->planned->dataset)) return true;
    snprintf(text, sizeof text, "chat format: %s; white space after special tokens: %s",
             chat_format_title(model->config->chat), RSTRIP_POLICY_REASONS[model->config->rstrip]);
    return store_put_note(items->run->store, items->job, "chat", 0, text, err);
}

/* The hash goes over the items in their order, whatever order they were answered in. */
static bool hash_items(const struct dataset *dataset, struct summary *summary, struct err *err)
{
    struct sha256 *hash = sha256_new(err);
    if (!hash) return false;
    for (size_t i = 0; i < dataset->n_items; i++) {
        sha256_field(hash, dataset->items[i].key);
        sha256_field(hash, summary->hashes[i]);
    }
    sha256_finish(hash, summary->logits_hash);
    sha256_free(hash);
    return true;
}

static bool summarize_all(const struct item_job *items, struct summary *summary, struct err *err)
{
    const struct dataset *dataset = items->planned->dataset;
    *summary =
        (struct summary){.items = items,
                         .naive_is_known = true,
                         .hash_is_known = true,
                         .hashes = mem_new(dataset->n_items + 1, sizeof *summary->hashes, err)};
    bool ok = summary->hashes &&
              store_each_answer(items->run->store, items->job, summarize, summary, err) &&
              hash_items(dataset, summary, err);
    free(summary->hashes);
    summary->hashes = NULL;
    return ok;
}

/* is_continued: an earlier process has computed some of the answers, and nobody knows from how many
 * tokens. */
static bool finish_job(struct item_job *items, const struct summary *summary, bool is_continued,
                       struct err *err)
{
    struct store *store = items->run->store;
    const struct job_result result = {
        .duration_ns = summary->duration_ns,
        .naive_tokens = summary->naive_is_known ? summary->naive_tokens : -1,
        .computed_tokens = is_continued ? -1 : items->computed_tokens,
        .computed_items = is_continued ? -1 : (int64_t)items->n_pending,
        .wall_ns = is_continued ? -1 : items->wall_ns,
        .logits_hash = summary->hash_is_known ? summary->logits_hash : NULL};
    if (!store_begin(store, err)) return false;
    bool ok = put_notes(items, summary, err) &&
              job_scores_compute(store, items->job, items->planned->dataset->suite, err) &&
              store_finish_job(store, items->job, &result, err) && store_commit(store, err);
    if (!ok) store_rollback(store);
    return ok;
}

static void say_reused(const struct item_job *items, size_t n_reused)
{
    const struct log *log = &items->run->options->console.log;
    char label[256];
    plan_job_label(items->planned, label, sizeof label);
    if (n_reused)
        log_info(log, "%s: %zu answers taken over from earlier runs (--fresh computes them)", label,
                 n_reused);
}

static void say_finished(const struct item_job *items, const struct summary *summary)
{
    const struct log *log = &items->run->options->console.log;
    const struct run_work work = {items->n_pending, items->naive_tokens, items->computed_tokens,
                                  items->wall_ns};
    char label[256];
    plan_job_label(items->planned, label, sizeof label);
    if (items->n_pending) run_say_work(log, label, &work);
    run_add_work(&items->run->work, &work);
    if (summary->hash_is_known) log_info(log, "%s: logits hash %s", label, summary->logits_hash);
}

/* Without prefix sharing a run is there to be measured: it takes over its own answers alone. */
static bool may_reuse(const struct run_context *run)
{
    return !run->options->is_fresh && !run->options->own_answers_only &&
           run->plan->config->shares_prefixes;
}

bool run_items(struct run_context *run, const struct plan_job *planned, int64_t job,
               struct err *err)
{
    struct item_job items = {.run = run, .planned = planned, .job = job};
    struct summary summary;
    size_t n_reused = 0;
    bool ok = run_references_open(run, planned, &items.references, err) &&
              (!may_reuse(run) || reuse_answers(&items, &n_reused, err));
    if (ok) say_reused(&items, n_reused);
    if (ok) run_say_own_examples(run, planned);
    ok = ok && item_index_init(&items.index, planned->dataset, err) &&
         expect_followers(&items, err) && find_pending(&items, err);
    bool is_continued = ok && items.n_answered > n_reused;
    ok = ok && (!items.n_pending || ask_all(&items, err)) && run_judge(run, planned, job, err) &&
         summarize_all(&items, &summary, err) && finish_job(&items, &summary, is_continued, err);
    if (ok) say_finished(&items, &summary);
    run_references_close(&items.references);
    buf_free(&items.response_json);
    buf_free(&items.groups_json);
    buf_free(&items.others_json);
    arena_free(items.arena);
    free(items.pending);
    item_index_done(&items.index);
    return ok;
}
