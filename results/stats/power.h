/* power.h - what a comparison can see, and what it would take to see more.
 *
 * By the normal approximation, for two-sided tests at 5% and a probability of 80% to see what is
 * there. Thread-safe.
 */
#ifndef PHIBENCH_RESULTS_STATS_POWER_H
#define PHIBENCH_RESULTS_STATS_POWER_H

#include "results/stats/distributions.h"

#include <stdint.h>

/* The difference that is seen with 80% probability, where `error` is the standard error of the
 * estimated difference: (1.95996 + 0.84162) error. A true difference of 0 has with the same
 * probability an interval that excludes a drop by this much. */
double stats_detectable(double error);

/* The probability to see a true difference: that the interval excludes 0 on its side. */
double stats_power(double difference, double error);

/* How many items it takes to see a difference of `margin` > 0 with 80% probability, where n items
 * gave this error and errors shrink with the root of their number; 0 where the error is NaN. */
uint64_t stats_items_needed(double error, uint64_t n, double margin);

#endif
