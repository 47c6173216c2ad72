/* check_coverage.c - simulates how often each interval of results/stats holds the truth.
 *
 *     check_coverage [ROUNDS [STATISTIC [N]]]     10,000 rounds of all, as a table in Markdown
 *
 * Costly statistics get a fifth of the rounds with 500 values, a tenth with 5,000. Status 1 if one
 * misses what is claimed. The table of docs/statistics.md is its output (`make check-coverage`).
 */
#include "tests/support/simulations.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const size_t SIZES[] = {50, 500, 5000};
static const char *const CLAIMS[] = {"94 to 96", "94 or more", "95 or more", "none"};

enum { N_SIZES = 3, SEED = 16 };

/* Within a point of what is stated, and what sampling alone is off by, a standard deviation. */
static bool is_as_claimed(enum simulation_claim claim, double share, size_t rounds)
{
    double noise = sqrt(0.95 * 0.05 / (double)rounds);
    switch (claim) {
    case CLAIM_95: return fabs(share - 0.95) <= 0.01 + noise;
    case CLAIM_WIDE: return share >= 0.94 - noise;
    case CLAIM_AT_LEAST: return share >= 0.95 - 2 * noise;
    case CLAIM_NONE: break;
    }
    return true;
}

static size_t rounds_of(const struct simulation *simulation, size_t n, size_t rounds)
{
    size_t fewer = simulation->cost == 1 || n <= 50 ? 1 : n <= 500 ? 5 : simulation->cost;
    return (rounds + fewer - 1) / fewer;
}

int main(int argc, char **argv)
{
    size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000;
    size_t only = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
    bool is_all_right = true;
    if (rounds == 0) {
        fprintf(stderr, "usage: check_coverage [ROUNDS [STATISTIC [N]]]\n");
        return 2;
    }
    printf("| statistic | of | 50 | 500 | 5,000 | claimed |\n|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < N_SIMULATIONS; i++) {
        const struct simulation *simulation = &SIMULATIONS[i];
        if (argc > 2 && strcmp(argv[2], simulation->statistic)) continue;
        printf("| %s | %s |", simulation->statistic, simulation->population);
        for (size_t j = 0; j < N_SIZES; j++) {
            if (only && only != SIZES[j]) continue;
            size_t n_rounds = rounds_of(simulation, SIZES[j], rounds);
            double share = simulation_run(simulation, SIZES[j], n_rounds, SEED);
            bool is_right = is_as_claimed(simulation->claim, share, n_rounds);
            is_all_right = is_all_right && is_right;
            printf(" %.1f%s |", 100 * share, is_right ? "" : " (!)");
            fflush(stdout);
        }
        printf(" %s |\n", CLAIMS[simulation->claim]);
    }
    return is_all_right ? 0 : 1;
}
