/* bootstrap.c - see bootstrap.h.
 *
 * Resampling uses the project's own generator: an interval is a function of the values and the
 * seed. Resamples of n values spread as if there were n - 1 degrees of freedom and the error of
 * the mean were known; for means, quantiles farther out make up for both.
 */
#include "results/stats/bootstrap.h"

#include "base/mem.h"
#include "base/rng.h"
#include "results/stats/distributions.h"
#include "results/stats/means.h"
#include "results/stats/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What is resampled. For the median, values are a sorted copy, and there is room for how often each
 * was drawn. */
struct sample {
    const double *values; /* [n] */
    size_t n;
    double *copy;
    uint32_t *n_drawn;
};

typedef double statistic_fn(const struct sample *sample, struct rng *rng);

static double mean_of_draws(const struct sample *sample, struct rng *rng)
{
    double sum = 0;
    for (size_t i = 0; i < sample->n; i++) sum += sample->values[rng_below(rng, sample->n)];
    return sum / (double)sample->n;
}

/* Counts instead of sorting: the middle of the draws is where half of them are passed. */
static double median_of_draws(const struct sample *sample, struct rng *rng)
{
    size_t n = sample->n, passed = 0, i = 0;
    memset(sample->n_drawn, 0, n * sizeof *sample->n_drawn);
    for (size_t drawn = 0; drawn < n; drawn++) sample->n_drawn[rng_below(rng, n)]++;
    while (passed + sample->n_drawn[i] < (n + 1) / 2) passed += sample->n_drawn[i++];
    double middle = sample->values[i];
    if (n % 2 || passed + sample->n_drawn[i] > n / 2) return middle;
    do i++;
    while (!sample->n_drawn[i]);
    return (middle + sample->values[i]) / 2;
}

/* What lies beyond each limit of the interval of a mean of n values that tell as much as n_free + 1
 * independent ones: 2.5% of many. */
static double tail_of_mean(double n, uint64_t n_free)
{
    if (n_free == 0) return 0.025;
    return stats_normal_below(-stats_student(n_free) * sqrt(n / (n - 1)));
}

/* The results that leave out this share on each side; sorts them. Of n results the i-th is taken
 * for the quantile i / (n + 1) of all (Davison and Hinkley 1997, section 2.5.1). */
static struct interval middle_of(double *results, size_t n, double tail)
{
    double place = n > 1 ? (tail * (double)(n + 1) - 1) / (double)(n - 1) : 0;
    stats_sort(results, n);
    return (struct interval){stats_quantile_sorted(results, n, fmax(0, place)),
                             stats_quantile_sorted(results, n, fmin(1, 1 - place))};
}

/* Bootstraps the statistic of a, divided by that of b where there is a b. */
static struct interval bootstrap(const struct sample *a, const struct sample *b,
                                 statistic_fn *statistic, double tail, size_t rounds, uint64_t seed)
{
    struct rng rng = {seed};
    if (a->n == 0 || rounds == 0) return (struct interval){NAN, NAN};
    double *results = mem_new_or_end(rounds, sizeof *results);
    for (size_t i = 0; i < rounds; i++) {
        results[i] = statistic(a, &rng);
        if (b) results[i] /= statistic(b, &rng);
    }
    struct interval interval = middle_of(results, rounds, tail);
    free(results);
    return interval;
}

static struct sample sample_sorted(const double *values, size_t n)
{
    struct sample sample = {.n = n};
    sample.copy = mem_new_or_end(n, sizeof *sample.copy);
    sample.n_drawn = mem_new_or_end(n, sizeof *sample.n_drawn);
    if (n) memcpy(sample.copy, values, n * sizeof *values);
    stats_sort(sample.copy, n);
    sample.values = sample.copy;
    return sample;
}

static void sample_done(struct sample *sample)
{
    free(sample->copy);
    free(sample->n_drawn);
}

struct interval stats_bootstrap_median(const double *values, size_t n, size_t rounds, uint64_t seed)
{
    struct sample sample = sample_sorted(values, n);
    struct interval interval = bootstrap(&sample, NULL, median_of_draws, 0.025, rounds, seed);
    sample_done(&sample);
    return interval;
}

struct interval stats_bootstrap_ratio(const double *a, size_t n_a, const double *b, size_t n_b,
                                      size_t rounds, uint64_t seed)
{
    struct sample above = sample_sorted(a, n_a), below = sample_sorted(b, n_b);
    struct interval interval =
        bootstrap(&above, &below, median_of_draws, 0.025, n_b ? rounds : 0, seed);
    sample_done(&above);
    sample_done(&below);
    return interval;
}

struct interval stats_bootstrap_mean(const double *values, size_t n, size_t rounds, uint64_t seed)
{
    struct sample sample = {.values = values, .n = n};
    double tail = n ? tail_of_mean((double)n, n - 1) : 0;
    return bootstrap(&sample, NULL, mean_of_draws, tail, rounds, seed);
}

double stats_autocorrelation(const double *values, size_t n)
{
    if (n < 2) return NAN;
    double mean = stats_average(values, n), products = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        double deviation = values[i] - mean;
        squares += deviation * deviation;
        if (i + 1 < n) products += deviation * (values[i + 1] - mean);
    }
    return squares > 0 ? products / squares : 0;
}

/* The autocorrelation without its bias of about -(1 + 4 r) / n, which would make intervals too
 * narrow (Marriott and Pope 1954); away from 1, where a mean has no precision, and not below 0,
 * where chance would make them narrow. */
static double unbiased_autocorrelation(const double *values, size_t n)
{
    const double most = 0.9;
    double biased = stats_autocorrelation(values, n), total = (double)n;
    return n < 5 ? 0 : fmax(0, fmin(most, (total * biased + 1) / (total - 4)));
}

/* The mean of n of the innovations [n], taken in runs of `block` from anywhere, round the end. */
static double mean_of_blocks(const double *innovations, size_t n, size_t block, struct rng *rng)
{
    double sum = 0;
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        at = i % block == 0 ? rng_below(rng, n) : at + 1 < n ? at + 1 : 0;
        sum += innovations[at];
    }
    return sum / (double)n;
}

struct interval stats_bootstrap_blocks(const double *values, size_t n, size_t block, size_t rounds,
                                       uint64_t seed)
{
    if (n < 3 || block == 0 || block >= n || rounds == 0) return (struct interval){NAN, NAN};
    struct rng rng = {seed};
    double mean = stats_average(values, n), total = (double)n;
    double correlation = unbiased_autocorrelation(values, n);
    double *innovations = mem_new_or_end(n - 1, sizeof *innovations);
    double *results = mem_new_or_end(rounds, sizeof *results);
    for (size_t i = 0; i + 1 < n; i++)
        innovations[i] = values[i + 1] - mean - correlation * (values[i] - mean);
    double centre = stats_average(innovations, n - 1);
    for (size_t i = 0; i < rounds; i++) {
        double drawn = mean_of_blocks(innovations, n - 1, block, &rng);
        results[i] = mean + (drawn - centre) / (1 - correlation);
    }
    double n_independent = total * (1 - correlation) / (1 + correlation);
    double tail = tail_of_mean(total / (double)block, (uint64_t)fmax(1, n_independent - 1));
    struct interval interval = middle_of(results, rounds, tail);
    free(innovations);
    free(results);
    return interval;
}
