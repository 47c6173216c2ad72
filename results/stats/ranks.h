/* ranks.h - robust shifts: Hodges-Lehmann estimates with the intervals of the rank tests.
 *
 * For values with outliers, such as times: an estimate that a quarter of them cannot carry away,
 * and limits that hold for any distribution (in one sample: any symmetric one). Thread-safe.
 */
#ifndef PHIBENCH_RESULTS_STATS_RANKS_H
#define PHIBENCH_RESULTS_STATS_RANKS_H

#include "results/stats/estimate.h"

#include <stddef.h>

/* The centre of values [n]: the median of the means of all pairs, each value with itself included
 * (Hodges and Lehmann 1963), as .mean. The 95% interval is that of the signed-rank test (Tukey
 * 1949; Hollander and Wolfe 1999, "Nonparametric statistical methods", 3.2 and 3.3): exact up to
 * 300 values, by the normal distribution beyond. No limits (NaN) below 6 values, which cannot
 * tell. .error is NaN. */
struct estimate stats_hodges_lehmann(const double *values, size_t n);

/* By how much the values b lie above the values a, samples of their own: the median of all b_j -
 * a_i, as .mean, with the 95% interval of the rank-sum test (Moses; Hollander and Wolfe 1999, 4.2
 * and 4.3): exact up to 10,000 pairs, by the normal distribution beyond. Equal values make it
 * wider than it need be, never narrower. No limits (NaN) where the samples are too small to tell
 * (3 and 3). .error is NaN, .n is n_a + n_b. */
struct estimate stats_shift(const double *a, size_t n_a, const double *b, size_t n_b);

#endif
