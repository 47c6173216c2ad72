/* chunk_client.c - see chunk_client.h. As many chunks as a batch holds are computed together, the
 * tokens of one after those of another; a chunk longer than a batch takes several. The last token
 * of a chunk is predicted and never computed. After each batch threads of their own judge its rows
 * of logits, before the next batch overwrites them; each holds one row of a reference at a time.
 */
#include "harness/ask/chunk_client.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "engine/tools.h"
#include "harness/ask/prompt_tokens.h"
#include "harness/ask/text_chunks.h"
#include "suites/perplexity.h"

#include <pthread.h>
#include <stdlib.h>

enum { MAX_JUDGES = 64, MAX_TOGETHER = 4096 };

/* A row of logits and the token that came after it. */
struct row {
    const float *logits;
    int32_t id;
    size_t i_chunk, i; /* of the text, and of the chunk's scored tokens */
    struct token_score *score;
    uint8_t *hash, *reference_hash; /* [SHA256_BYTES] */
};

struct chunk_client {
    struct session *session;
    struct reference *save, *against;
    size_t n_vocab, n_judges;
    float *reference_rows; /* [n_judges, n_vocab]; NULL without a reference */
    uint64_t n_computed;
    /* Scratch for the chunks that are computed together. */
    int *sequences;                  /* [n_together] */
    struct token_score *scores;      /* [n_together, n_scored] */
    uint8_t (*hashes)[SHA256_BYTES]; /* [2, n_together, n_scored] of rows, and of the reference's */
    size_t together_capacity, scores_capacity, hashes_capacity;
    struct session_token *batch; /* [batch_tokens] */
    struct row *rows;            /* [batch_tokens], n_rows of this batch */
    size_t n_rows;
};

static bool allocate(struct chunk_client *client, struct err *err)
{
    size_t n = session_batch_tokens(client->session);
    client->batch = mem_new(n, sizeof *client->batch, err);
    client->rows = client->batch ? mem_new(n, sizeof *client->rows, err) : NULL;
    if (!client->rows || !client->against) return client->rows != NULL;
    client->reference_rows =
        mem_new(client->n_judges, client->n_vocab * sizeof *client->reference_rows, err);
    return client->reference_rows != NULL;
}

struct chunk_client *chunk_client_open(const struct model *model,
                                       const struct chunk_client_options *options, struct err *err)
{
    struct chunk_client *client = mem_new(1, sizeof *client, err);
    if (!client) return NULL;
    int n_threads = options->session.n_threads;
    size_t n_judges = (size_t)(n_threads ? n_threads : engine_default_threads());
    client->session = session_open(model, &options->session, err);
    client->save = options->save;
    client->against = options->against;
    client->n_vocab = (size_t)model_info(model)->n_vocab;
    client->n_judges = n_judges < MAX_JUDGES ? n_judges : MAX_JUDGES;
    if (client->session && allocate(client, err)) return client;
    chunk_client_close(client);
    return NULL;
}

void chunk_client_close(struct chunk_client *client)
{
    if (!client) return;
    session_close(client->session);
    free(client->sequences);
    free(client->scores);
    free(client->hashes);
    free(client->batch);
    free(client->rows);
    free(client->reference_rows);
    free(client);
}

uint64_t chunk_client_computed_tokens(const struct chunk_client *client)
{
    return client->n_computed;
}

/* ---- Judging the rows of a batch ---- */

struct judge {
    const struct chunk_client *client;
    const struct row *rows;
    size_t n;
    float *reference_row; /* [n_vocab] */
    struct err err;
    bool ok;
};

static bool compare_row(struct judge *judge, const struct row *row)
{
    const struct chunk_client *client = judge->client;
    const float *reference = judge->reference_row;
    if (!reference_get_row(client->against, row->i_chunk, row->i, judge->reference_row,
                           &judge->err))
        return false;
    row->score->reference_logprob = logits_logprob(reference, client->n_vocab, row->id);
    row->score->divergence = logits_divergence(reference, row->logits, client->n_vocab);
    row->score->same_top =
        logits_argmax(reference, client->n_vocab) == logits_argmax(row->logits, client->n_vocab);
    sha256_digest(reference, client->n_vocab * sizeof *reference, row->reference_hash);
    return true;
}

static void *judge_rows(void *context)
{
    struct judge *judge = context;
    const struct chunk_client *client = judge->client;
    judge->ok = true;
    for (size_t i = 0; judge->ok && i < judge->n; i++) {
        const struct row *row = &judge->rows[i];
        *row->score =
            (struct token_score){.logprob = logits_logprob(row->logits, client->n_vocab, row->id)};
        sha256_digest(row->logits, client->n_vocab * sizeof *row->logits, row->hash);
        judge->ok = (!client->save || reference_put_row(client->save, row->i_chunk, row->i,
                                                        row->logits, &judge->err)) &&
                    (!client->against || compare_row(judge, row));
    }
    return NULL;
}

/* Shares the rows among threads; a thread that cannot be started leaves its share to the caller. */
static bool judge_all(struct chunk_client *client, struct err *err)
{
    struct judge judges[MAX_JUDGES];
    pthread_t threads[MAX_JUDGES];
    bool is_running[MAX_JUDGES] = {false}, ok = true;
    size_t n = client->n_judges < client->n_rows ? client->n_judges : client->n_rows;
    for (size_t i = 0; i < n; i++) {
        size_t begin = client->n_rows * i / n, end = client->n_rows * (i + 1) / n;
        judges[i] =
            (struct judge){.client = client, .rows = client->rows + begin, .n = end - begin};
        if (client->against) judges[i].reference_row = client->reference_rows + i * client->n_vocab;
        is_running[i] = i + 1 < n && pthread_create(&threads[i], NULL, judge_rows, &judges[i]) == 0;
        if (!is_running[i]) judge_rows(&judges[i]);
    }
    for (size_t i = 0; i < n; i++) {
        if (is_running[i]) pthread_join(threads[i], NULL);
        if (ok && !judges[i].ok && err) *err = judges[i].err;
        ok = ok && judges[i].ok;
    }
    client->n_rows = 0;
    return ok;
}

/* ---- Computing chunks ---- */

/* Chunks that are computed together. */
struct group {
    const struct dataset *dataset;
    const size_t *items;                          /* [n] */
    size_t n, n_computed, first_scored, n_scored; /* tokens of each: computed, scored */
    const struct client_sink *sink;
};

static bool eval_batch(struct chunk_client *client, const struct client_sink *sink, size_t n,
                       struct err *err)
{
    if (!session_eval(client->session, client->batch, n, err)) return false;
    client->n_computed += n;
    for (size_t i = 0; i < client->n_rows; i++)
        client->rows[i].logits = session_logits(client->session, i);
    return judge_all(client, err) && client_sink_pause(sink, err);
}

/* The next row of the batch judges token i_scored of chunk i of the group. */
static void add_row(struct chunk_client *client, const struct group *group, size_t i,
                    size_t i_scored, int32_t id)
{
    size_t slot = i * group->n_scored + i_scored;
    client->rows[client->n_rows++] =
        (struct row){.id = id,
                     .i_chunk = group->items[i],
                     .i = i_scored,
                     .score = &client->scores[slot],
                     .hash = client->hashes[slot],
                     .reference_hash = client->hashes[group->n * group->n_scored + slot]};
}

/* Every token of every chunk of the group, in batches as full as they can be. */
static bool eval_group(struct chunk_client *client, const struct group *group, struct err *err)
{
    size_t capacity = session_batch_tokens(client->session), n = 0;
    for (size_t i = 0; i < group->n; i++) {
        const int32_t *ids = text_chunk(group->dataset, group->items[i]);
        for (size_t at = 0; at < group->n_computed; at++) {
            bool wants_logits = at + 1 >= group->first_scored;
            client->batch[n++] = (struct session_token){
                .sequence = client->sequences[i], .id = ids[at], .wants_logits = wants_logits};
            if (wants_logits) add_row(client, group, i, at + 1 - group->first_scored, ids[at + 1]);
            if (n < capacity) continue;
            if (!eval_batch(client, group->sink, n, err)) return false;
            n = 0;
        }
    }
    return !n || eval_batch(client, group->sink, n, err);
}

static bool begin_group(struct chunk_client *client, const struct group *group, struct err *err)
{
    size_t n_rows = group->n * group->n_scored;
    if (!mem_grow((void **)&client->sequences, &client->together_capacity, group->n,
                  sizeof *client->sequences, MAX_TOGETHER, err) ||
        !mem_grow((void **)&client->scores, &client->scores_capacity, n_rows,
                  sizeof *client->scores, SIZE_MAX / sizeof *client->scores, err) ||
        !mem_grow((void **)&client->hashes, &client->hashes_capacity, 2 * n_rows,
                  sizeof *client->hashes, SIZE_MAX / sizeof *client->hashes, err))
        return false;
    client->n_rows = 0;
    for (size_t i = 0; i < group->n; i++) {
        if (!session_start(client->session, &client->sequences[i], err)) return false;
        session_expect(client->session, client->sequences[i], group->n_computed);
    }
    return true;
}

/* Ends a chunk's part in the references. */
static bool end_chunk(struct chunk_client *client, const struct group *group, size_t i,
                      struct err *err)
{
    uint8_t hash[SHA256_BYTES];
    size_t n_bytes = group->n_scored * sizeof *client->hashes;
    const void *rows = client->hashes + i * group->n_scored;
    const void *reference = client->hashes + (group->n + i) * group->n_scored;
    if (client->against) {
        sha256_digest(reference, n_bytes, hash);
        if (!reference_check_chunk(client->against, group->items[i], hash, err)) return false;
    }
    if (!client->save) return true;
    sha256_digest(rows, n_bytes, hash);
    return reference_put_chunk(client->save, group->items[i], hash, err);
}

static bool respond(struct chunk_client *client, const struct group *group, size_t i,
                    size_t i_request, int64_t duration_ns, struct err *err)
{
    struct response response = {
        .answered = true,
        .tokens = client->scores + i * group->n_scored,
        .n_tokens = group->n_scored,
        .has_reference = client->against != NULL,
        .n_prompt_tokens = (int)group->first_scored,
        .n_new_tokens = (int)group->n_scored,
        .duration_ns = duration_ns,
        .naive_tokens = (int64_t)group->n_computed,
    };
    const int32_t *ids = text_chunk(group->dataset, group->items[i]);
    const struct joined_tokens tokens = {
        .ids = {.ids = (int32_t *)(uintptr_t)ids, /* that nobody changes */
                .n = group->n_computed + 1},
        .n_context = group->first_scored};
    struct sha256 *hash = sha256_new(err);
    if (!hash) return false;
    sha256_update(hash, client->hashes + i * group->n_scored,
                  group->n_scored * sizeof *client->hashes);
    sha256_finish(hash, response.logits_hash);
    sha256_free(hash);
    return prompt_hash_tokens(&tokens, 1, NULL, response.tokens_hash, err) &&
           end_chunk(client, group, i, err) &&
           group->sink->respond(group->sink->context, i_request, &response, err);
}

/* How many chunks fit a batch and the pages. */
static size_t count_together(const struct chunk_client *client, size_t chunk_tokens)
{
    size_t pages = session_most_pages(client->session, chunk_tokens);
    size_t n = session_batch_tokens(client->session) / chunk_tokens;
    size_t most = session_total_pages(client->session) / pages;
    n = n < most ? n : most;
    n = n < MAX_TOGETHER ? n : MAX_TOGETHER;
    return n ? n : 1;
}

bool chunk_client_answer(struct chunk_client *client, const struct dataset *dataset,
                         const size_t *items, size_t n, const struct client_sink *sink,
                         struct err *err)
{
    size_t chunk_tokens = text_chunks_of(dataset)->chunk_tokens;
    size_t n_together = count_together(client, chunk_tokens);
    struct group group = {.dataset = dataset,
                          .sink = sink,
                          .n_computed = chunk_tokens - 1,
                          .first_scored = perplexity_first_scored(chunk_tokens)};
    group.n_scored = chunk_tokens - group.first_scored;
    for (size_t first = 0; first < n; first += group.n) {
        int64_t begin_ns = clock_ns();
        group.items = items + first;
        group.n = n - first < n_together ? n - first : n_together;
        if (!begin_group(client, &group, err) || !eval_group(client, &group, err)) return false;
        int64_t each_ns = (clock_ns() - begin_ns) / (int64_t)group.n;
        for (size_t i = 0; i < group.n; i++) {
            session_drop(client->session, client->sequences[i]);
            if (!respond(client, &group, i, first + i, each_ns, err)) return false;
        }
        if (!client_sink_pause(sink, err)) return false;
    }
    return true;
}
