/* job_scores.c - see job_scores.h. All tokens of a job are laid out in the order of the text, in
 * memory: some ten bytes for each byte of the text's scored half.
 */
#include "harness/run/job_scores.h"

#include "base/mem.h"
#include "harness/ask/text_chunks.h"
#include "results/stats/means.h"
#include "results/stats/order.h"
#include "suites/perplexity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CHUNKS = 1 << 26 };

struct chunk {
    size_t number;
    const struct token_score *tokens;
    size_t n;
    bool has_reference;
};

struct text {
    struct arena *arena;
    struct chunk *chunks;
    size_t n_chunks, capacity;
    struct token_score *tokens; /* [n] in the text's order */
    uint32_t *chunk_of;         /* [n] */
    double *values;             /* [n] scratch: one statistic of each token */
    size_t n;
    bool has_reference;
};

/* ---- Reading ---- */

static bool add_chunk(void *context, const struct answer_record *answer, struct err *err)
{
    struct text *text = context;
    struct response response;
    if (!response_read(answer->response_json, strlen(answer->response_json), &response, text->arena,
                       err))
        return err_context(err, "reading the stored response of %s", answer->key);
    if (!mem_grow((void **)&text->chunks, &text->capacity, text->n_chunks + 1, sizeof *text->chunks,
                  MAX_CHUNKS, err))
        return false;
    text->chunks[text->n_chunks++] = (struct chunk){text_chunk_number(answer->key), response.tokens,
                                                    response.n_tokens, response.has_reference};
    text->n += response.n_tokens;
    return true;
}

static int compare_chunks(const void *a, const void *b)
{
    const struct chunk *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

static bool lay_out(struct text *text, struct err *err)
{
    size_t at = 0;
    text->tokens = mem_new(text->n, sizeof *text->tokens, err);
    text->chunk_of = mem_new(text->n, sizeof *text->chunk_of, err);
    text->values = mem_new(text->n, sizeof *text->values, err);
    if (!text->tokens || !text->chunk_of || !text->values) return false;
    if (text->n_chunks) qsort(text->chunks, text->n_chunks, sizeof *text->chunks, compare_chunks);
    text->has_reference = text->n_chunks > 0;
    for (size_t i = 0; i < text->n_chunks; i++) {
        const struct chunk *chunk = &text->chunks[i];
        text->has_reference = text->has_reference && chunk->has_reference;
        for (size_t k = 0; k < chunk->n; k++, at++) {
            text->tokens[at] = chunk->tokens[k];
            text->chunk_of[at] = (uint32_t)i;
        }
    }
    return true;
}

/* ---- Statistics ---- */

typedef double token_value_fn(const struct token_score *token);

static double loss(const struct token_score *token)
{
    return -token->logprob;
}

static double reference_loss(const struct token_score *token)
{
    return -token->reference_logprob;
}

static double loss_difference(const struct token_score *token)
{
    return token->reference_logprob - token->logprob;
}

static double divergence(const struct token_score *token)
{
    return token->divergence;
}

static double same_top(const struct token_score *token)
{
    return token->same_top ? 1 : 0;
}

static double probability_difference(const struct token_score *token)
{
    return exp(token->logprob) - exp(token->reference_logprob);
}

static double squared_difference(const struct token_score *token)
{
    double difference = probability_difference(token);
    return difference * difference;
}

static void fill_values(const struct text *text, token_value_fn *value)
{
    for (size_t i = 0; i < text->n; i++) text->values[i] = value(&text->tokens[i]);
}

/* A mean of any numbers, be they all 0 or 1 by chance. */
static struct estimate estimate(const struct text *text, token_value_fn *value)
{
    fill_values(text, value);
    return stats_mean(text->values, text->chunk_of, text->n, text->n_chunks);
}

static struct estimate rate(const struct text *text, token_value_fn *value)
{
    fill_values(text, value);
    return stats_estimate(text->values, text->chunk_of, text->n, text->n_chunks);
}

static struct estimate root(struct estimate estimate)
{
    estimate.mean = sqrt(estimate.mean);
    estimate.error = estimate.mean > 0 ? estimate.error / (2 * estimate.mean) : 0;
    estimate.interval.low = sqrt(fmax(0, estimate.interval.low));
    estimate.interval.high = sqrt(fmax(0, estimate.interval.high));
    return estimate;
}

/* A single token has no interval but itself. */
static bool put(struct store *store, int64_t job, const char *metric, struct estimate estimate,
                struct err *err)
{
    if (isnan(estimate.interval.low))
        estimate.interval = (struct interval){estimate.mean, estimate.mean};
    return store_put_score(store, job, metric, &estimate, err);
}

/* ---- Quantiles ---- */

static struct estimate quantile(const struct text *text, double q)
{
    return stats_clustered_quantile(text->values, text->chunk_of, text->n, text->n_chunks, q);
}

/* Stores the quantiles as PREFIX_p99.9 and so on, and PREFIX_max, whose interval is itself. */
static bool put_quantiles(struct store *store, int64_t job, const struct text *text,
                          const char *prefix, token_value_fn *value, const double *percents,
                          size_t n_percents, struct err *err)
{
    char metric[32];
    fill_values(text, value);
    for (size_t i = 0; i < n_percents; i++) {
        snprintf(metric, sizeof metric, "%s_p%g", prefix, percents[i]);
        if (!put(store, job, metric, quantile(text, percents[i] / 100), err)) return false;
    }
    snprintf(metric, sizeof metric, "%s_max", prefix);
    return put(store, job, metric, quantile(text, 1), err);
}

/* ---- All of a job ---- */

static bool put_reference(struct store *store, int64_t job, const struct text *text,
                          struct err *err)
{
    static const double percents[] = {99.9, 99, 95, 90, 50, 10, 5, 1, 0.1};
    enum { N_PERCENTS = COUNT_OF(percents) };
    return put(store, job, "ppl_reference", stats_exponential(estimate(text, reference_loss)),
               err) &&
           put(store, job, "ln_ppl_ratio", estimate(text, loss_difference), err) &&
           put(store, job, "kld", estimate(text, divergence), err) &&
           put(store, job, "same_top", rate(text, same_top), err) &&
           put(store, job, "dp_mean", estimate(text, probability_difference), err) &&
           put(store, job, "dp_rms", root(estimate(text, squared_difference)), err) &&
           put_quantiles(store, job, text, "kld", divergence, percents, N_PERCENTS - 1, err) &&
           put_quantiles(store, job, text, "dp", probability_difference, percents, N_PERCENTS,
                         err) &&
           put(store, job, "dp_min", quantile(text, 0), err);
}

static bool is_number(const struct text *text)
{
    for (size_t i = 0; i < text->n; i++) {
        const struct token_score *token = &text->tokens[i];
        if (!isfinite(token->logprob)) return false;
        if (text->has_reference &&
            (!isfinite(token->reference_logprob) || !isfinite(token->divergence)))
            return false;
    }
    return text->n > 0;
}

static bool compute_text(struct store *store, int64_t job, struct err *err)
{
    struct text text = {.arena = arena_new(0, err)};
    bool ok =
        text.arena && store_each_answer(store, job, add_chunk, &text, err) && lay_out(&text, err);
    if (ok && is_number(&text))
        ok = put(store, job, "ppl", stats_exponential(estimate(&text, loss)), err) &&
             (!text.has_reference || put_reference(store, job, &text, err));
    free(text.chunks);
    free(text.tokens);
    free(text.chunk_of);
    free(text.values);
    arena_free(text.arena);
    return ok;
}

bool job_scores_compute(struct store *store, int64_t job, const struct suite *suite,
                        struct err *err)
{
    return suite == &SUITE_PERPLEXITY ? compute_text(store, job, err)
                                      : store_compute_scores(store, job, err);
}
