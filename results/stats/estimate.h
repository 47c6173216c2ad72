/* estimate.h - what a statistic is handed back as: a value, its error, its interval.
 *
 * Of results/stats, where each file has one kind of statistics: pure functions on arrays, whose
 * headers name the sources of their formulas. They are thread-safe and a function of their
 * arguments (and seed) to the bit; where there is no memory for a number, the process ends
 * (mem_new_or_end). docs/statistics.md has their simulated coverage.
 */
#ifndef PHIBENCH_RESULTS_STATS_ESTIMATE_H
#define PHIBENCH_RESULTS_STATS_ESTIMATE_H

#include <stdint.h>

/* Limits, low <= high; NaN where nothing is known, or not enough for the level that is asked. */
struct interval {
    double low, high;
};

/* A mean (or what the function says) with what is known of its precision. */
struct estimate {
    double mean, error; /* error: standard error, NaN where one score tells nothing */
    struct interval interval;
    uint64_t n;
};

#endif
