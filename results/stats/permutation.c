/* permutation.c - see permutation.h.
 *
 * With the standard deviation that the hypothesis gives, which no flip changes, the statistic is a
 * sum of numbers whose signs are flipped: those of all suites lie in one array.
 */
#include "results/stats/permutation.h"

#include "base/mem.h"
#include "base/rng.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

enum { MAX_ENUMERATED = 20 };

/* What the statistic is the sum of. */
struct terms {
    double *items;
    size_t n;
    double sum, size; /* of the terms, and of what they are without signs */
};

static bool is_extreme(const struct terms *terms, double sum)
{
    const double rounding = 1e-10;
    return fabs(sum) >= fabs(terms->sum) - rounding * terms->size;
}

/* Appends the terms of a suite: what its items or clusters differ by, in units of the suite. */
static void add_suite(struct terms *terms, const struct stats_differences *suite, size_t n_suites)
{
    size_t n_sums = suite->cluster ? suite->n_clusters : suite->n;
    double *sums = mem_new_or_end(n_sums, sizeof *sums), squares = 0;
    for (size_t i = 0; i < suite->n; i++)
        sums[suite->cluster ? suite->cluster[i] : i] += suite->items[i];
    for (size_t i = 0; i < n_sums; i++) squares += sums[i] * sums[i];
    double unit = sqrt(squares) * (double)n_suites;
    for (size_t i = 0; i < n_sums; i++) {
        if (sums[i] == 0) continue;
        double term = sums[i] / unit;
        terms->items[terms->n++] = term;
        terms->sum += term;
        terms->size += fabs(term);
    }
    free(sums);
}

/* All signs of all terms but the last, whose own would only mirror them. In Gray's order one sign
 * changes at a time: that of the lowest bit of the number of the step. */
static double enumerate(const struct terms *terms)
{
    uint64_t n_steps = (uint64_t)1 << (terms->n - 1), hits = 0, flipped = 0;
    double sum = terms->sum;
    for (uint64_t step = 1;; step++) {
        hits += is_extreme(terms, sum);
        if (step == n_steps) return (double)hits / (double)n_steps;
        unsigned place = 0;
        while (!(step >> place & 1)) place++;
        bool was_flipped = flipped >> place & 1;
        sum += (was_flipped ? 2 : -2) * terms->items[place];
        flipped ^= (uint64_t)1 << place;
    }
}

static double flip_at_random(const struct terms *terms, struct rng *rng)
{
    double sum = 0;
    uint64_t bits = 0;
    for (size_t i = 0; i < terms->n; i++, bits >>= 1) {
        if (i % 64 == 0) bits = rng_next(rng);
        sum += bits & 1 ? terms->items[i] : -terms->items[i];
    }
    return sum;
}

double stats_pooled_permutation(const struct stats_differences *suites, size_t n_suites,
                                size_t rounds, uint64_t seed)
{
    size_t n = 0, hits = 0;
    for (size_t i = 0; i < n_suites; i++)
        n += suites[i].cluster ? suites[i].n_clusters : suites[i].n;
    struct terms terms = {.items = mem_new_or_end(n, sizeof *terms.items)};
    for (size_t i = 0; i < n_suites; i++) add_suite(&terms, &suites[i], n_suites);
    double p = 1;
    if (terms.n && terms.n <= MAX_ENUMERATED) {
        p = enumerate(&terms);
    } else if (terms.n) {
        struct rng rng = {seed};
        for (size_t i = 0; i < rounds; i++)
            hits += is_extreme(&terms, flip_at_random(&terms, &rng));
        p = (double)(1 + hits) / (double)(1 + rounds);
    }
    free(terms.items);
    return p;
}
