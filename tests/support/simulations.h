/* simulations.h - how often an interval holds the truth, where the truth is known.
 *
 * A simulation draws n values from a population that it documents, computes an interval or a test
 * of results/stats from them, and says whether it was right. tests/coverage runs many and prints
 * the table of docs/statistics.md; a unit test runs a few.
 */
#ifndef PHIBENCH_TESTS_SUPPORT_SIMULATIONS_H
#define PHIBENCH_TESTS_SUPPORT_SIMULATIONS_H

#include "base/rng.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for one experiment; arrays hold n values. */
struct experiment {
    struct rng rng;
    double *a, *b;
    uint32_t *cluster;
    size_t n;
};

enum simulation_claim {
    CLAIM_95,   /* right in 94 to 96 of 100 */
    CLAIM_WIDE, /* right in 94 of 100 or more: discrete, and wider than need be for few values */
    CLAIM_AT_LEAST, /* right in 95 of 100 or more: an exact test, or valid at any time */
    CLAIM_NONE,     /* shown for comparison: nobody claims it */
};

struct simulation {
    const char *statistic, *population;
    bool (*is_right)(struct experiment *experiment);
    enum simulation_claim claim;
    size_t cost; /* of one experiment of few values, in units of the cheapest */
};

extern const struct simulation SIMULATIONS[];
extern const size_t N_SIMULATIONS;

/* The share of `rounds` experiments of n values that are right; a function of its arguments. */
double simulation_run(const struct simulation *simulation, size_t n, size_t rounds, uint64_t seed);

#endif
