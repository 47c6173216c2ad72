/* early_stop.h - when a score is known well enough that asking ends: the order in which items are
 * asked, how many are between two looks, and the interval that holds whenever one stops.
 *
 * All follows from the data and the number of items asked, so that the same items are asked on
 * every machine, in every batch and after every interruption. Pure and thread-safe.
 */
#ifndef PHIBENCH_RESULTS_EARLY_STOP_H
#define PHIBENCH_RESULTS_EARLY_STOP_H

#include "results/stats/estimate.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An item is asked the earlier the smaller this is: as good as drawn at random, of the SHA-256 of
 * the SHA-256s of the data set's hash and of the item's key. */
uint64_t early_stop_rank(const char *data_hash, const char *key);

/* After how many of n_items one looks again, when n have been asked: 64, later an eighth more each
 * time, in steps of 64, for the larger a window, the more its prompts share. */
size_t early_stop_next(size_t n, size_t n_items);

/* 95% interval of the mean of scores of 0..1 in the order of their ranks: of a rate where all are 0
 * or 1. It holds at all looks at once (stats_sequential_rate, stats_sequential_mean). */
struct interval early_stop_interval(const double *scores, size_t n);

/* Whether the interval is at most +-precision wide. */
bool early_stop_is_reached(struct interval interval, double precision);

#endif
