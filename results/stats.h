/* stats.h - the statistics of comparison. Pure functions on arrays; formulas' sources at each.
 * Thread-safe. Where there is no memory for a number, the process ends (mem_new_or_end).
 */
#ifndef PHIBENCH_RESULTS_STATS_H
#define PHIBENCH_RESULTS_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct interval {
    double low, high;
};

/* 95% Wilson score interval for k successes of n, as rates in 0..1 (Wilson 1927, "Probable
 * inference, the law of succession, and statistical inference"). n = 0 gives {0, 1}. */
struct interval stats_wilson(uint64_t k, uint64_t n);

/* Standard error of the mean of scores [n] that cluster by ids 0..n_clusters-1: sqrt(var/n + 1/n^2
 * sum over clusters of sum_{i != j} (s_i - mean)(s_j - mean)), with the variance of n - 1 (Miller
 * 2024, "Adding error bars to evals", equations 1 and 4). cluster NULL: independent scores. NaN if
 * n < 2. */
double stats_clustered_error(const double *scores, const uint32_t *cluster, size_t n,
                             size_t n_clusters);

/* The 97.5% quantile of Student's t distribution with n_free degrees of freedom: how many standard
 * errors the 95% interval of a mean reaches, 12.7 of two values, 1.96 of many; NaN for 0
 * (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4; 26.7.5 beyond 200). */
double stats_student(uint64_t n_free);

/* A mean with what is known of its precision. */
struct estimate {
    double mean, error; /* error: standard error, NaN where one score tells nothing */
    struct interval interval;
    uint64_t n;
};

/* The mean of scores [n], n > 0, on any scale, with Student's interval; the error is clustered if
 * there are two clusters or more, whose number less one is then that of the degrees of freedom. */
struct estimate stats_mean(const double *scores, const uint32_t *cluster, size_t n,
                           size_t n_clusters);

/* As stats_mean, of scores that depend on each other within a cluster, be there but one: several
 * answers to one question say nothing of the precision, and the error is NaN. */
struct estimate stats_mean_of_clusters(const double *scores, const uint32_t *cluster, size_t n,
                                       size_t n_clusters);

/* The mean of scores [n], n > 0, with Wilson's interval if all are 0 or 1, otherwise as stats_mean
 * has it. */
struct estimate stats_estimate(const double *scores, const uint32_t *cluster, size_t n,
                               size_t n_clusters);

/* The exponential of a mean of logarithms; its error is that of the delta method. */
struct estimate stats_exponential(struct estimate logarithm);

/* Mean of the means of independent parts [n_parts], each of the same weight. The interval recovers
 * the variances from the parts' own limits: mean - sqrt(sum (m_i - low_i)^2) / n_parts, and high
 * alike (Zou and Donner 2008, "Construction of confidence limits about effect measures: a general
 * approach"), so that it stays in 0..1 and does not vanish where every score is right. */
struct estimate stats_macro(const struct estimate *parts, size_t n_parts);

/* Median, and quantile q in 0..1 with linear interpolation (Hyndman and Fan 1996, type 7). Sorts a
 * copy; NaN if n = 0. */
double stats_median(const double *values, size_t n);
double stats_quantile(const double *values, size_t n, double q);

/* Sorts ascending, in place. */
void stats_sort(double *values, size_t n);

/* Quantile q as above of values that are sorted, n > 0. The 95% interval is distribution-free, from
 * order statistics (David and Nagaraja 2003, "Order statistics", section 7.1); the error is NaN. */
struct estimate stats_quantile_estimate(const double *sorted, size_t n, double q);

/* Difference of two rates on the same n > 0 items, where b were a success only in the first and c
 * only in the second: mean (c - b) / n, error sqrt(b + c - (b - c)^2 / n) / n (Fleiss, Levin and
 * Paik 2003, "Statistical methods for rates and proportions", section 13.1). */
struct estimate stats_paired(uint64_t b, uint64_t c, uint64_t n);

/* Two-sided exact McNemar test for b and c discordant pairs: the binomial probability, p = 1/2, of
 * a split at least as uneven (McNemar 1947). 1 if b = c. */
double stats_mcnemar(uint64_t b, uint64_t c);

/* 95% percentile bootstrap interval of the median, `rounds` resamples from `seed` (Efron 1979). */
struct interval stats_bootstrap_median(const double *values, size_t n, size_t rounds,
                                       uint64_t seed);

/* 95% percentile bootstrap interval of the ratio of medians a / b of independent samples. */
struct interval stats_bootstrap_ratio(const double *a, size_t n_a, const double *b, size_t n_b,
                                      size_t rounds, uint64_t seed);

/* 95% percentile bootstrap interval of the mean of paired differences. */
struct interval stats_bootstrap_mean(const double *values, size_t n, size_t rounds, uint64_t seed);

/* Holm's step-down adjustment of p-values [n] in place (Holm 1979). */
void stats_holm(double *p_values, size_t n);

#endif
