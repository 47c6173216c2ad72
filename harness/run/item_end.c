/* item_end.c - see item_end.h. Circumstances are counted from stored answers, which are graded once
 * more for it.
 *
 * Owns the kinds of notes that count answers, and their words.
 */
#include "harness/run/item_end.h"

#include "base/mem.h"
#include "harness/ask/policies.h"
#include "harness/run/job_scores.h"
#include "harness/run/server_notes.h"

#include <stdlib.h>
#include <string.h>

/* ---- Circumstances ---- */

enum circumstance {
    NOT_ANSWERED,
    TOO_LONG,
    REFUSED,
    UNREADABLE,
    NO_PICTURE,
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
enum circumstance_of { OF_ALL, OF_CHOICES, OF_TEXTS, OF_SERVERS, OF_PICTURES };

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
    [NO_PICTURE] = {RESPONSE_NO_PICTURE,
                    "questions that were not asked, because a picture is missing, empty or cannot "
                    "be read",
                    OF_PICTURES},
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
    const struct item_end *end;
    int64_t counts[N_CIRCUMSTANCES];
    int64_t duration_ns, naive_tokens;
    bool naive_is_known, hash_is_known;
    struct item_hash {
        bool is_answered;
        char hex[SHA256_HEX_BYTES];
    } * hashes;        /* [n_items + 1] of the logits of each item */
    char *logits_hash; /* [SHA256_HEX_BYTES] */
};

static void count_circumstances(struct summary *summary, const struct response *response,
                                const struct verdict *verdict)
{
    const char *stop = response->stop;
    bool spanned = false;
    for (size_t i = 0; i < response->n_choices; i++)
        spanned = spanned || response->choices[i].join_spanned;
    summary->counts[NOT_ANSWERED] += !response->answered && !response->failure;
    for (int i = TOO_LONG; i <= NO_PICTURE; i++)
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
    const struct dataset *dataset = summary->end->planned->dataset;
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
        struct item_hash *hash =
            &summary->hashes[item_index_find(summary->end->index, answer->key)];
        snprintf(hash->hex, sizeof hash->hex, "%s", answer->logits_hash ? answer->logits_hash : "");
        hash->is_answered = true;
    }
    arena_free(arena);
    return ok;
}

static bool put_counts(const struct summary *summary, struct err *err)
{
    const struct item_end *end = summary->end;
    bool scores_choices = !strcmp(end->planned->dataset->suite->decoding, "loglikelihood");
    for (int i = 0; i < N_CIRCUMSTANCES; i++)
        if (CIRCUMSTANCES[i].of != (scores_choices ? OF_TEXTS : OF_CHOICES) &&
            (CIRCUMSTANCES[i].of != OF_SERVERS || end->planned->model->config->api) &&
            (CIRCUMSTANCES[i].of != OF_PICTURES || dataset_has_pictures(end->planned->dataset)) &&
            !store_put_note(end->run->store, end->job, CIRCUMSTANCES[i].kind, summary->counts[i],
                            CIRCUMSTANCES[i].text, err))
            return false;
    return true;
}

/* How prompts were made. */
static bool put_policies(const struct item_end *end, struct err *err)
{
    const struct plan_model *model = end->planned->model;
    struct store *store = end->run->store;
    char text[128];
    if (model->server)
        return store_put_note(store, end->job, "bos", 0,
                              "what prompts begin with is the server's business", err) &&
               server_notes_put(store, end->job, "server", model->server, err);
    if (model->info.short_tokens) {
        snprintf(text, sizeof text, "LongRoPE: %s", ROPE_POLICY_REASONS[model->config->rope]);
        if (!store_put_note(store, end->job, "rope", 0, text, err)) return false;
    }
    snprintf(text, sizeof text, "prompts begin %s BOS (%s)", model->adds_bos ? "with" : "without",
             BOS_POLICY_REASONS[model->config->bos]);
    if (!store_put_note(store, end->job, "bos", model->adds_bos, text, err)) return false;
    if (!dataset_asks_chat(end->planned->dataset)) return true;
    snprintf(text, sizeof text, "chat format: %s; white space after special tokens: %s",
             chat_format_title(model->config->chat), RSTRIP_POLICY_REASONS[model->config->rstrip]);
    return store_put_note(store, end->job, "chat", 0, text, err);
}

/* Marks the job as one whose asking ended early; nothing to do for others. */
static bool put_precision(const struct item_end *end, struct err *err)
{
    char text[160];
    if (!end->n_precise) return store_end_early(end->run->store, end->job, 0, err);
    snprintf(text, sizeof text,
             "items were asked in a random order until the score was known to ±%g points: "
             "intervals hold whenever one stops",
             end->planned->suite->precision);
    return store_end_early(end->run->store, end->job, end->n_precise, err) &&
           store_put_note(end->run->store, end->job, "sequential", end->n_precise, text, err);
}

/* ---- The whole ---- */

/* The hash goes over the answered items in their order, whatever order they were answered in. */
static bool hash_items(const struct dataset *dataset, struct summary *summary, struct err *err)
{
    struct sha256 *hash = sha256_new(err);
    if (!hash) return false;
    for (size_t i = 0; i < dataset->n_items; i++) {
        if (!summary->hashes[i].is_answered) continue;
        sha256_field(hash, dataset->items[i].key);
        sha256_field(hash, summary->hashes[i].hex);
    }
    sha256_finish(hash, summary->logits_hash);
    sha256_free(hash);
    return true;
}

static bool summarize_all(const struct item_end *end, struct summary *summary, struct err *err)
{
    const struct dataset *dataset = end->planned->dataset;
    summary->hashes = mem_new(dataset->n_items + 1, sizeof *summary->hashes, err);
    bool ok = summary->hashes &&
              store_each_answer(end->run->store, end->job, summarize, summary, err) &&
              hash_items(dataset, summary, err);
    free(summary->hashes);
    summary->hashes = NULL;
    return ok;
}

bool item_end(const struct item_end *end, char logits_hash[SHA256_HEX_BYTES], struct err *err)
{
    struct store *store = end->run->store;
    struct summary summary = {
        .end = end, .naive_is_known = true, .hash_is_known = true, .logits_hash = logits_hash};
    if (!summarize_all(end, &summary, err)) return false;
    if (!summary.hash_is_known) logits_hash[0] = 0;
    const struct job_result result = {.duration_ns = summary.duration_ns,
                                      .naive_tokens =
                                          summary.naive_is_known ? summary.naive_tokens : -1,
                                      .computed_tokens = end->computed_tokens,
                                      .computed_items = end->computed_items,
                                      .wall_ns = end->wall_ns,
                                      .logits_hash = summary.hash_is_known ? logits_hash : NULL};
    if (!store_begin(store, err)) return false;
    bool ok = put_counts(&summary, err) &&
              run_note_own_examples(end->run, end->planned, end->job, err) &&
              put_policies(end, err) && put_precision(end, err) &&
              job_scores_compute(store, end->job, end->planned->dataset->suite, err) &&
              store_finish_job(store, end->job, &result, err) && store_commit(store, err);
    if (!ok) store_rollback(store);
    return ok;
}
