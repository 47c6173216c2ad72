/* order.h - statistics of sorted values: median, quantiles.
 *
 * Thread-safe.
 */
#ifndef PHIBENCH_RESULTS_STATS_ORDER_H
#define PHIBENCH_RESULTS_STATS_ORDER_H

#include "results/stats/estimate.h"

#include <stddef.h>

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
 * 2003, "Order statistics", section 7.1); the error is NaN. */
struct estimate stats_quantile_estimate(const double *sorted, size_t n, double q);

#endif
