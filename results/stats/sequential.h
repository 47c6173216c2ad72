/* sequential.h - what stays valid however often one looks, and whenever one stops.
 *
 * A confidence sequence holds the truth at all times at once with 95% probability, so that a run
 * may end when its interval is narrow enough. The price is width. What is counted must come in an
 * order that has nothing to do with the values: shuffled, not subject by subject. Thread-safe.
 */
#ifndef PHIBENCH_RESULTS_STATS_SEQUENTIAL_H
#define PHIBENCH_RESULTS_STATS_SEQUENTIAL_H

#include "results/stats/estimate.h"

#include <stddef.h>
#include <stdint.h>

/* Evidence that of n signs, of which n_positive are positive, the positive ones are not as likely
 * as the negative ones: an e-value. If they were, the probability that it ever reaches 1 / alpha
 * is at most alpha, so "stop at 20" errs in 5%. The beta-binomial mixture martingale with a
 * uniform mixture: 2^n k! (n - k)! / (n + 1)! (Howard, Ramdas, McAuliffe and Sekhon 2021,
 * "Time-uniform, nonparametric, nonasymptotic confidence sequences"; Ville 1939). 1 for n = 0. */
double stats_sign_evalue(uint64_t n_positive, uint64_t n);

/* 95% confidence sequence of a rate, k of n so far: all rates p against which the beta-binomial
 * mixture with the prior Beta(60 p, 60 (1 - p)) has an e-value below 20; tightest, with 1.55 times
 * the half-width of a fixed n's interval, about n = 500 (Howard et al. 2021, proposition 7).
 * {0, 1} for n = 0. */
struct interval stats_sequential_rate(uint64_t k, uint64_t n);

/* 95% confidence sequence of the mean of scores [n] in 0..1, in the order in which they came: the
 * means against which no hedged bettor has multiplied his capital by 20, with the predictable
 * plug-in bets (Waudby-Smith and Ramdas 2024, "Estimating means of bounded random variables by
 * betting", theorem 3). {0, 1} for n = 0. */
struct interval stats_sequential_mean(const double *scores, size_t n);

#endif
