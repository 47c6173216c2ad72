/* items.c - one job of a suite of items: takes over what is answered, asks the model for the
 * rest, in windows of questions or in chunks of a text, grades, and hands answers to the writer.
 *
 * Items come in portions (portions.h), mostly in one. What is known of a portion is looked up in
 * the store before it is asked; meanwhile the store is the writer's.
 */
#include "harness/run/job.h"

#include "base/clock.h"
#include "base/mem.h"
#include "harness/ask/chunk_client.h"
#include "harness/ask/api_access.h"
#include "harness/ask/client_api.h"
#include "harness/ask/policies.h"
#include "harness/ask/text_chunks.h"
#include "harness/ask/windows.h"
#include "harness/run/item_end.h"
#include "harness/run/judge.h"
#include "harness/run/portions.h"
#include "harness/run/progress.h"
#include "harness/run/records.h"
#include "harness/run/references.h"
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
    struct portions portions;
    bool *is_known;  /* [n_items + 1] has an answer; the last for keys that are not the data's */
    bool is_read;    /* the job's answers have been looked at */
    size_t *pending; /* [n_pending] of the portion without an answer, in the data set's order */
    size_t n_pending, n_answered;
    /* Items of all portions so far: with an answer that was stored before they were asked, those of
     * them that were taken over from other jobs, and without one. */
    size_t n_found, n_reused, n_asked;
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

/* What a server did not answer in a readable way, or what had no picture, is asked again. */
static bool mark_known(void *context, const struct answer_record *answer, struct err *err)
{
    struct item_job *items = context;
    struct response response = {0};
    size_t i_item = item_index_find(&items->index, answer->key);
    items->is_known[i_item] = true;
    if (i_item == items->planned->dataset->n_items) return true;
    items->portions.scores[i_item] = answer->score;
    bool may_pass =
        items->planned->model->config->api || items->planned->dataset->items[i_item].n_pictures;
    if (!items->answers && !may_pass) return true;
    struct arena *arena = arena_new(0, err);
    bool ok = arena &&
              response_read(answer->response_json, strlen(answer->response_json), &response, arena,
                            err) &&
              keep_text(items, i_item, &response, err);
    items->is_known[i_item] = !response_is_passing(&response);
    arena_free(arena);
    return ok;
}

/* Without prefix sharing a run is there to be measured: it takes over its own answers alone. */
static bool may_reuse(const struct run_context *run)
{
    return !run->options->is_fresh && !run->options->own_answers_only &&
           run->plan->config->shares_prefixes;
}

/* The hashes of an item's pictures as they are now, in the arena, as a response has them; "" of one
 * without pictures. A file that cannot be read has none, and no answer was given to it. */
static const char *hash_pictures(const struct item *item, struct arena *arena, struct err *err)
{
    struct buf text = {0};
    struct json_writer json = {.out = &text};
    bool ok = true;
    if (!item->n_pictures) return "";
    json_begin_array(&json);
    for (size_t i = 0; ok && i < item->n_pictures; i++) {
        struct err fault = {0};
        char hash[SHA256_HEX_BYTES] = "";
        if (!sha256_file(item->pictures[i], hash, &fault)) {
            ok = fault.code == ERR_IO || fault.code == ERR_INPUT;
            if (!ok && err) *err = fault;
        }
        json_put_string(&json, hash);
    }
    json_end_array(&json);
    ok = ok && buf_check(&text, err);
    const char *hashes = ok ? arena_string(arena, buf_string(&text), err) : NULL;
    buf_free(&text);
    return hashes;
}

/* Questions about the same pictures stand side by side: their files are read once. */
static bool have_same_pictures(const struct item *one, const struct item *other)
{
    bool are_same = one->n_pictures == other->n_pictures;
    for (size_t i = 0; are_same && i < one->n_pictures; i++)
        are_same = !strcmp(one->pictures[i], other->pictures[i]);
    return are_same;
}

/* Takes over what other jobs have of the portion; *n how many. */
static bool reuse_answers(const struct item_job *items, size_t *n, struct err *err)
{
    const struct portions *portions = &items->portions;
    size_t n_keys = portions->end - portions->begin;
    *n = 0;
    if (!may_reuse(items->run)) return true;
    struct arena *arena = arena_new(0, err);
    const char **keys = arena ? arena_alloc(arena, n_keys, sizeof *keys, err) : NULL;
    const char **pictures = keys ? arena_alloc(arena, n_keys, sizeof *pictures, err) : NULL;
    const struct item *before = NULL;
    bool ok = pictures != NULL;
    for (size_t i = 0; ok && i < n_keys; i++) {
        const struct item *item =
            &items->planned->dataset->items[portions->order[portions->begin + i]];
        keys[i] = item->key;
        pictures[i] = before && have_same_pictures(before, item) ? pictures[i - 1]
                                                                 : hash_pictures(item, arena, err);
        ok = pictures[i] != NULL;
        before = item;
    }
    ok = ok && store_reuse_answers(items->run->store, items->job, keys, pictures, n_keys, n, err);
    arena_free(arena);
    return ok;
}

static int compare_items(const void *a, const void *b)
{
    const size_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Lists the items of the portion that are to be asked. */
static bool open_portion(struct item_job *items, struct err *err)
{
    const struct portions *portions = &items->portions;
    size_t n_reused;
    if (!reuse_answers(items, &n_reused, err)) return false;
    if ((n_reused || !items->is_read) &&
        !store_each_answer(items->run->store, items->job, mark_known, items, err))
        return false;
    items->is_read = true;
    items->n_reused += n_reused;
    for (size_t i = portions->begin; i < portions->end; i++) {
        size_t i_item = portions->order[i];
        if (!items->is_known[i_item] || run_references_lack(&items->references, i_item))
            items->pending[items->n_pending++] = i_item;
    }
    qsort(items->pending, items->n_pending, sizeof *items->pending, compare_items);
    items->n_found += portions->end - portions->begin - items->n_pending;
    items->n_asked += items->n_pending;
    items->n_answered = items->n_found + items->n_asked - items->n_pending;
    return true;
}

/* Goes on to a portion in which something is to be asked: n_pending is 0 if there is none. */
static bool find_pending(struct item_job *items, struct err *err)
{
    bool ok = true;
    items->n_pending = 0;
    while (ok && !items->n_pending && portions_next(&items->portions))
        ok = open_portion(items, err);
    return ok;
}

static bool begin_items(struct item_job *items, struct err *err)
{
    const struct dataset *dataset = items->planned->dataset;
    items->is_known = mem_new(dataset->n_items + 1, sizeof *items->is_known, err);
    items->pending = mem_new(dataset->n_items, sizeof *items->pending, err);
    return items->is_known && items->pending &&
           portions_init(&items->portions, dataset, items->planned->suite->precision / 100, err) &&
           item_index_init(&items->index, dataset, err) && expect_followers(items, err);
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

/* Whether a response's hash, or that there is none, is that of every run: what the next one asks
 * again has none yet. */
static bool knows_logits(const struct item_job *items, const struct response *response)
{
    return !items->planned->model->config->api && !response_is_passing(response);
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
    struct picture_record *pictures = record_pictures(response, err);
    if (!pictures) return false;
    const struct answer_record answer = {
        .key = item->key,
        .file = item->file,
        .line = item->line,
        .subset = item->subset,
        .expected = item->expected,
        .groups_json = buf_string(&items->groups_json),
        .pictures = pictures,
        .n_pictures = response->n_pictures,
        .response_json = buf_string(&items->response_json),
        .n_prompt_tokens = response->n_prompt_tokens,
        .n_new_tokens = response->n_new_tokens,
        .naive_tokens = response->naive_tokens,
        .logits_hash = knows_logits(items, response) ? response->logits_hash : NULL,
        .prompt = response->prompt,
        .tokens_hash = *response->tokens_hash ? response->tokens_hash : NULL,
        .duration_ns = response->duration_ns,
        .answered = verdict.answered,
        .is_correct = verdict.is_correct,
        .score = verdict.score,
        .margin = verdict.margin,
        .predicted = verdict.predicted,
        .others_json = verdict.n_others ? buf_string(&items->others_json) : NULL};
    items->portions.scores[i_item] = verdict.score;
    items->n_answered++;
    items->naive_tokens += response->naive_tokens;
    bool ok = keep_text(items, i_item, response, err) && writer_put(items->writer, &answer, err);
    free(pictures);
    return ok;
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

/* Portion by portion. Between two the store is read, so that the writer has to end. */
static bool ask_portions(struct item_job *items, struct client *client, struct err *err)
{
    while (items->n_pending) {
        if (!ask_windows(items, client, err)) return false;
        if (portions_are_over(&items->portions)) return true;
        bool ok = writer_close(items->writer, err);
        items->writer = NULL;
        if (!ok || !find_pending(items, err)) return false;
        if (items->n_pending && !(items->writer = writer_open(items->run->store, items->job, err)))
            return false;
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
    bool ok = client && ask_portions(items, client, err);
    if (client) {
        items->computed_tokens = (int64_t)client_computed_tokens(client);
        plan_job_label(items->planned, label, sizeof label);
        client_api_report(client, label, &items->run->options->console.log);
    }
    client_close(client);
    return ok;
}

/* What the tower had to do. */
static void say_pictures(const struct item_job *items, const struct client *client)
{
    char label[256];
    int64_t ns;
    size_t n = client_engine_encoded_pictures(client, &ns);
    plan_job_label(items->planned, label, sizeof label);
    if (n)
        log_info(&items->run->options->console.log,
                 "%s: %zu picture%s went through the tower, %.3g s each", label, n,
                 n == 1 ? "" : "s", (double)ns * 1e-9 / (double)n);
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
    bool ok = client && ask_portions(items, client, err);
    if (client) {
        items->computed_tokens = (int64_t)client_computed_tokens(client);
        say_pictures(items, client);
    }
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

static void say_reused(const struct item_job *items)
{
    const struct log *log = &items->run->options->console.log;
    char label[256];
    plan_job_label(items->planned, label, sizeof label);
    if (items->n_reused)
        log_info(log, "%s: %zu answers taken over from earlier runs (--fresh computes them)", label,
                 items->n_reused);
}

static void say_finished(const struct item_job *items, const char *logits_hash)
{
    const struct log *log = &items->run->options->console.log;
    const struct run_work work = {items->n_asked, items->naive_tokens, items->computed_tokens,
                                  items->wall_ns};
    size_t n_precise = portions_precise(&items->portions);
    char label[256];
    plan_job_label(items->planned, label, sizeof label);
    if (items->n_asked) run_say_work(log, label, &work);
    run_add_work(&items->run->work, &work);
    if (n_precise)
        log_info(log, "%s: %zu of %zu items were enough for ±%g points", label, n_precise,
                 items->planned->dataset->n_items, items->planned->suite->precision);
    if (*logits_hash) log_info(log, "%s: logits hash %s", label, logits_hash);
}

/* What this process computed is not known of a job of which an earlier process computed a part. */
static bool end_items(const struct item_job *items, char logits_hash[SHA256_HEX_BYTES],
                      struct err *err)
{
    bool is_continued = items->n_found > items->n_reused;
    const struct item_end end = {.run = items->run,
                                 .planned = items->planned,
                                 .job = items->job,
                                 .index = &items->index,
                                 .computed_tokens = is_continued ? -1 : items->computed_tokens,
                                 .computed_items = is_continued ? -1 : (int64_t)items->n_asked,
                                 .wall_ns = is_continued ? -1 : items->wall_ns,
                                 .n_precise = (int64_t)portions_precise(&items->portions)};
    return item_end(&end, logits_hash, err);
}

bool run_items(struct run_context *run, const struct plan_job *planned, int64_t job,
               struct err *err)
{
    struct item_job items = {.run = run, .planned = planned, .job = job};
    char logits_hash[SHA256_HEX_BYTES];
    bool ok = run_references_open(run, planned, &items.references, err) &&
              begin_items(&items, err) && find_pending(&items, err);
    if (ok) say_reused(&items);
    if (ok) run_say_own_examples(run, planned);
    ok = ok && (!items.n_pending || ask_all(&items, err)) && run_judge(run, planned, job, err) &&
         end_items(&items, logits_hash, err);
    if (ok) say_finished(&items, logits_hash);
    run_references_close(&items.references);
    buf_free(&items.response_json);
    buf_free(&items.groups_json);
    buf_free(&items.others_json);
    arena_free(items.arena);
    free(items.is_known);
    free(items.pending);
    portions_done(&items.portions);
    item_index_done(&items.index);
    return ok;
}
