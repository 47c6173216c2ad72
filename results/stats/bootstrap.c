/* bootstrap.c - see bootstrap.h.
 *
 * Resampling uses the project's own generator: an interval is a function of the values and the
 * seed.
 */
#include "results/stats/bootstrap.h"

#include "base/mem.h"
#include "base/rng.h"
#include "results/stats/means.h"
#include "results/stats/order.h"

#include <math.h>
#include <stdlib.h>

typedef double statistic_fn(double *values, size_t n); /* may reorder the values */

static double median_in_place(double *values, size_t n)
{
    stats_sort(values, n);
    return stats_quantile_sorted(values, n, 0.5);
}

static double mean_in_place(double *values, size_t n)
{
    return stats_average(values, n);
}

static double resample(const double *values, size_t n, double *drawn, statistic_fn *statistic,
                       struct rng *rng)
{
    for (size_t i = 0; i < n; i++) drawn[i] = values[rng_below(rng, n)];
    return statistic(drawn, n);
}

/* Bootstraps the statistic of a, divided by that of b where there is a b. */
static struct interval bootstrap(const double *a, size_t n_a, const double *b, size_t n_b,
                                 statistic_fn *statistic, size_t rounds, uint64_t seed)
{
    struct interval interval = {NAN, NAN};
    struct rng rng = {seed};
    if (n_a == 0 || (b && n_b == 0) || rounds == 0) return interval;
    double *results = mem_new_or_end(rounds, sizeof *results);
    double *drawn = mem_new_or_end(n_a > n_b ? n_a : n_b, sizeof *drawn);
    for (size_t i = 0; i < rounds; i++) {
        results[i] = resample(a, n_a, drawn, statistic, &rng);
        if (b) results[i] /= resample(b, n_b, drawn, statistic, &rng);
    }
    stats_sort(results, rounds);
    interval = (struct interval){stats_quantile_sorted(results, rounds, 0.025),
                                 stats_quantile_sorted(results, rounds, 0.975)};
    free(results);
    free(drawn);
    return interval;
}

struct interval stats_bootstrap_median(const double *values, size_t n, size_t rounds, uint64_t seed)
{
    return bootstrap(values, n, NULL, 0, median_in_place, rounds, seed);
}

struct interval stats_bootstrap_ratio(const double *a, size_t n_a, const double *b, size_t n_b,
                                      size_t rounds, uint64_t seed)
{
    return bootstrap(a, n_a, b, n_b, median_in_place, rounds, seed);
}

struct interval stats_bootstrap_mean(const double *values, size_t n, size_t rounds, uint64_t seed)
{
    return bootstrap(values, n, NULL, 0, mean_in_place, rounds, seed);
}
