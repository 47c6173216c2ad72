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

/* 95% percentile bootstrap interval of the mean, of paired differences for example. Its quantiles
 * lie as much farther out as Student's do (Hesterberg 2015, "What teachers should know about the
 * bootstrap", the expanded percentile interval), since it would be too narrow for few values. One
 * value is both of its limits. */
struct interval stats_bootstrap_mean(const double *values, size_t n, size_t rounds, uint64_t seed);

/* 95% bootstrap interval of the mean of values in the order of time, of which neighbours may
 * resemble each other. What follows from the value before is taken out, circular blocks of `block`
 * successive remainders are drawn, for dependence of other kinds, and it is put back (Politis and
 * Romano 1992, "A circular block-resampling procedure for stationary data"; Davison and Hinkley
 * 1997, "Bootstrap methods and their application", 8.2.3, post-blackening). The cube root of n is a
 * good size of blocks. NaN for fewer than 3 values and for a block that is not in 1..n-1. */
struct interval stats_bootstrap_blocks(const double *values, size_t n, size_t block, size_t rounds,
                                       uint64_t seed);

/* Autocorrelation of successive values, lag 1: sum (x_i - mean)(x_(i+1) - mean) over the sum of
 * squares; 0 where all are equal, NaN for fewer than 2. Of independent values it has about the mean
 * -1 / n and the error 1 / sqrt(n) (Box and Jenkins 1976, "Time series analysis", section 2.1). */
double stats_autocorrelation(const double *values, size_t n);

#endif
