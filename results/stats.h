/* stats.h - the statistics of comparison. Pure functions on arrays; formulas' sources at each. Thread-safe. */
#ifndef PHIBENCH_RESULTS_STATS_H
#define PHIBENCH_RESULTS_STATS_H

#include <stddef.h>
#include <stdint.h>

struct interval {
    double low, high;
};

/* 95% Wilson score interval for k successes of n, as rates in 0..1 (Wilson 1927). n = 0 gives {0, 1}. */
struct interval stats_wilson(uint64_t k, uint64_t n);

/* Standard error of the mean of scores clustered by `cluster` ids (0..n_clusters-1), the sandwich estimator
 * (Miller 2024, "Adding error bars to evals", eq. 4). */
double stats_clustered_error(const double *scores, const uint32_t *cluster, size_t n, size_t n_clusters);

/* Median, and quantile q in 0..1 with linear interpolation (Hyndman and Fan type 7). Sorts a copy; NaN if n = 0 or no memory. */
double stats_median(const double *values, size_t n);
double stats_quantile(const double *values, size_t n, double q);

/* Two-sided exact McNemar test for b and c discordant pairs. */
double stats_mcnemar(uint64_t b, uint64_t c);

/* 95% percentile bootstrap interval of the median, `rounds` resamples from `seed`. */
struct interval stats_bootstrap_median(const double *values, size_t n, size_t rounds, uint64_t seed);

/* The same for the ratio of medians a / b of independent samples. */
struct interval stats_bootstrap_ratio(const double *a, size_t n_a, const double *b, size_t n_b, size_t rounds,
                                      uint64_t seed);

#endif
