/* bootstrap.h - intervals by resampling, for what has no formula of its own.
 *
 * `rounds` resamples from `seed`: an interval is a function of values, rounds and seed. NaN where
 * there are no values or no rounds. Thread-safe.
 */
#ifndef PHIBENCH_RESULTS_STATS_BOOTSTRAP_H
#define PHIBENCH_RESULTS_STATS_BOOTSTRAP_H

#include "results/stats/estimate.h"

#include <stddef.h>
#include <stdint.h>

/* 95% percentile bootstrap interval of the median (Efron 1979). */
struct interval stats_bootstrap_median(const double *values, size_t n, size_t rounds,
                                       uint64_t seed);

/* 95% percentile bootstrap interval of the ratio of medians a / b of independent samples. */
struct interval stats_bootstrap_ratio(const double *a, size_t n_a, const double *b, size_t n_b,
                                      size_t rounds, uint64_t seed);

/* 95% percentile bootstrap interval of the mean of paired differences. */
struct interval stats_bootstrap_mean(const double *values, size_t n, size_t rounds, uint64_t seed);

/* 95% bootstrap interval of the mean of values in the order of time, whose neighbours may depend on
 * each other: circular blocks of `block` successive values, 1 to n, are drawn (Politis and Romano
 * 1992, "A circular block-resampling procedure for stationary data"). NaN for fewer than 3. */
struct interval stats_bootstrap_blocks(const double *values, size_t n, size_t block, size_t rounds,
                                       uint64_t seed);

/* Autocorrelation of successive values, lag 1: sum (x_i - mean)(x_(i+1) - mean) over the sum of
 * squares; 0 where all are equal, NaN for fewer than 2. Of independent values it has about the mean
 * -1 / n and the error 1 / sqrt(n) (Box and Jenkins 1976, "Time series analysis", section 2.1). */
double stats_autocorrelation(const double *values, size_t n);

#endif
