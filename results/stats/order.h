/* order.h - statistics of sorted values: median, quantiles.
 *
 * Thread-safe.
 */
#ifndef PHIBENCH_RESULTS_STATS_ORDER_H
#define PHIBENCH_RESULTS_STATS_ORDER_H

#include "results/stats/estimate.h"

#include <stddef.h>
#include <stdint.h>

/* Sorts ascending, in place. */
void stats_sort(double *values, size_t n);

/* Median, and quantile q in 0..1 with linear interpolation (Hyndman and Fan 1996, type 7). Sorts a
 * copy; NaN if n = 0. */
double stats_median(const double *values, size_t n);
double stats_quantile(const double *values, size_t n, double q);

/* Quantile q as above of values that are sorted, n > 0: position q (n - 1), linear between its
 * neighbours. */
double stats_quantile_sorted(const double *sorted, size_t n, double q);

/* The same with a 95% interval that is distribution-free, from order statistics (David and Nagaraja
 * 2003, "Order statistics", section 7.1); the error is NaN. Where fewer than about 4 of the values
 * lie beyond the quantile, the limit on that side is the outermost value, which is no bound. */
struct estimate stats_quantile_estimate(const double *sorted, size_t n, double q);

/* Quantile q of values [n], n > 0, that cluster by ids 0..n_clusters-1, such as the tokens of a
 * text's chunks: the ranks of the interval lie as much farther apart as the clustered error of the
 * share below the quantile is larger than that of independent values, by Student's quantile
 * (Woodruff 1952, "Confidence intervals for medians and other position measures"; Korn and Graubard
 * 1998 on the design effect). As stats_quantile_estimate where there are fewer than two clusters.
 */
struct estimate stats_clustered_quantile(const double *values, const uint32_t *cluster, size_t n,
                                         size_t n_clusters, double q);

#endif
