/* sampler.c - picks a token from logits: greedy, or drawn after temperature, top-k, top-p and
 * min-p.
 *
 * The candidates stand in a heap by (logit descending, id ascending) and are popped only as far as
 * the filters and the draw reach, so that a pick costs n_vocab + kept * log(n_vocab). Weights are
 * exp((logit - highest) / temperature), so the first has weight 1; they are summed in one fixed
 * order, with the project's own exp: the same pick on every machine.
 */
#include "engine/engine.h"

#include "base/mem.h"
#include "base/rng.h"
#include "engine/kernels/math.h"

#include <math.h>
#include <stdlib.h>

struct candidate {
    float logit;
    int32_t id;
    double weight;
};

struct sampler {
    struct sampling sampling;
    struct rng rng;
    size_t n_vocab;
    struct candidate *heap;   /* [n_vocab] those not popped yet */
    struct candidate *popped; /* [n_vocab] in order */
    size_t n_heap, n_popped;
};

static bool check_sampling(const struct sampling *s, struct err *err)
{
    if (!(s->temperature >= 0 && isfinite(s->temperature)))
        return err_set(err, ERR_USAGE, "temperature %g: it must be 0 or more", s->temperature);
    if (s->top_k < 0) return err_set(err, ERR_USAGE, "top-k %d: it must be 0 or more", s->top_k);
    if (!(s->top_p > 0 && s->top_p <= 1))
        return err_set(err, ERR_USAGE, "top-p %g: it must be above 0 and at most 1", s->top_p);
    if (!(s->min_p >= 0 && s->min_p <= 1))
        return err_set(err, ERR_USAGE, "min-p %g: it must be from 0 to 1", s->min_p);
    return true;
}

struct sampler *sampler_new(const struct sampling *sampling, size_t n_vocab, struct err *err)
{
    if (sampling->temperature != 0 && !check_sampling(sampling, err)) return NULL;
    struct sampler *sampler = mem_new(1, sizeof *sampler, err);
    if (!sampler) return NULL;
    *sampler = (struct sampler){
        .sampling = *sampling, .rng = {.state = sampling->seed}, .n_vocab = n_vocab};
    if (sampling->temperature == 0) return sampler;
    sampler->heap = mem_new(n_vocab, sizeof *sampler->heap, err);
    sampler->popped = mem_new(n_vocab, sizeof *sampler->popped, err);
    if (sampler->heap && sampler->popped) return sampler;
    sampler_free(sampler);
    return NULL;
}

void sampler_free(struct sampler *sampler)
{
    if (!sampler) return;
    free(sampler->heap);
    free(sampler->popped);
    free(sampler);
}

static bool is_before(const struct candidate *a, const struct candidate *b)
{
    return a->logit != b->logit ? a->logit > b->logit : a->id < b->id;
}

static void sift_down(struct candidate *heap, size_t n, size_t i)
{
    struct candidate moving = heap[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= n) break;
        if (child + 1 < n && is_before(&heap[child + 1], &heap[child])) child++;
        if (!is_before(&heap[child], &moving)) break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = moving;
}

/* Fills the heap, whose first logit is finite. Tokens of no weight (NaN, far below) stay out.
 * Returns the sum of all weights, by ascending id. */
static double fill(struct sampler *sampler, const float *logits, float highest)
{
    double sum = 0;
    sampler->n_heap = sampler->n_popped = 0;
    for (size_t i = 0; i < sampler->n_vocab; i++) {
        double below = (double)logits[i] - (double)highest;
        double weight = below <= 0 ? math_exp(below / sampler->sampling.temperature) : 0;
        if (!(weight > 0)) continue;
        sampler->heap[sampler->n_heap++] =
            (struct candidate){.logit = logits[i], .id = (int32_t)i, .weight = weight};
        sum += weight;
    }
    for (size_t i = sampler->n_heap / 2; i-- > 0;) sift_down(sampler->heap, sampler->n_heap, i);
    return sum;
}

/* The n-th candidate in order, popping up to it; NULL past the last. */
static const struct candidate *candidate_at(struct sampler *sampler, size_t n)
{
    while (sampler->n_popped <= n) {
        if (sampler->n_heap == 0) return NULL;
        sampler->popped[sampler->n_popped++] = sampler->heap[0];
        sampler->heap[0] = sampler->heap[--sampler->n_heap];
        if (sampler->n_heap > 0) sift_down(sampler->heap, sampler->n_heap, 0);
    }
    return &sampler->popped[n];
}

/* How many candidates the filters keep, at least one; *sum becomes their weight. */
static size_t apply_filters(struct sampler *sampler, double *sum)
{
    const struct sampling *s = &sampler->sampling;
    size_t n_kept = sampler->n_heap;
    const struct candidate *candidate;
    if (s->top_k > 0 && (size_t)s->top_k < n_kept) {
        n_kept = (size_t)s->top_k;
        *sum = 0;
        for (size_t i = 0; i < n_kept; i++) *sum += candidate_at(sampler, i)->weight;
    }
    if (s->top_p >= 1 && s->min_p <= 0) return n_kept;
    double wanted = s->top_p < 1 ? s->top_p * *sum : INFINITY, reached = 0;
    size_t n = 0;
    while (n < n_kept && reached < wanted && (candidate = candidate_at(sampler, n)) &&
           candidate->weight >= s->min_p) {
        reached += candidate->weight;
        n++;
    }
    *sum = reached;
    return n;
}

int32_t sampler_pick(struct sampler *sampler, const float *logits)
{
    int32_t best = logits_argmax(logits, sampler->n_vocab);
    if (sampler->sampling.temperature == 0) return best;
    double draw = rng_uniform(&sampler->rng);
    if (!isfinite(logits[best])) return best;
    double sum = fill(sampler, logits, logits[best]);
    size_t n_kept = apply_filters(sampler, &sum);
    double left = draw * sum;
    for (size_t i = 0;; i++) {
        const struct candidate *candidate = candidate_at(sampler, i);
        left -= candidate->weight;
        if (left < 0 || i + 1 == n_kept) return candidate->id;
    }
}
