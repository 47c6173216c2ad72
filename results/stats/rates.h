/* rates.h - rates of successes, and the difference of two rates on the same items.
 *
 * All are functions of counts. Thread-safe.
 */
#ifndef PHIBENCH_RESULTS_STATS_RATES_H
#define PHIBENCH_RESULTS_STATS_RATES_H

#include "results/stats/estimate.h"

#include <stdint.h>

/* 95% Wilson score interval for k successes of n, as rates in 0..1 (Wilson 1927, "Probable
 * inference, the law of succession, and statistical inference"). n = 0 gives {0, 1}. */
struct interval stats_wilson(uint64_t k, uint64_t n);

/* The same for a share of n > 0 successes where neither need be a whole number. */
struct interval stats_wilson_share(double share, double n);

/* Difference of two rates on the same n > 0 items, where b were a success only in the first and c
 * only in the second: mean (c - b) / n, error sqrt(b + c - (b - c)^2 / n) / n (Fleiss, Levin and
 * Paik 2003, "Statistical methods for rates and proportions", section 13.1). The interval is that
 * of half an item more of each of the four kinds, so that it does not vanish where nothing differs
 * (Agresti and Min 2005, "Simple improved confidence intervals for comparing matched
 * proportions"). */
struct estimate stats_paired(uint64_t b, uint64_t c, uint64_t n);

/* The same difference, b minus a, of the whole table: `both` right, only a, only b, neither; at
 * least one item. Its interval stays in -1..1 and holds where items are few or hardly any differ:
 * Wilson's limits of each rate, joined by the correlation of the two with its continuity
 * correction (Newcombe 1998, "Improved confidence intervals for the difference between binomial
 * proportions based on paired data", method 10). The error is that of stats_paired. */
struct estimate stats_newcombe(uint64_t both, uint64_t only_a, uint64_t only_b, uint64_t neither);

/* Two-sided exact McNemar test for b and c discordant pairs: the binomial probability, p = 1/2, of
 * a split at least as uneven (McNemar 1947). 1 if b = c. */
double stats_mcnemar(uint64_t b, uint64_t c);

#endif
