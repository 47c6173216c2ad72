/* ab_blocks.h - blocks of A, A again and B: the order in which they run, and what they measured.
 *
 * Two processes of one binary differ by their layout in memory and by the minute, and so A runs
 * twice in each block: what that differs, a difference of B has to exceed. Pure; thread-safe.
 */
#ifndef PHIBENCH_HARNESS_RUN_AB_BLOCKS_H
#define PHIBENCH_HARNESS_RUN_AB_BLOCKS_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum ab_arm { AB_A, AB_AGAIN, AB_B, AB_ARMS };

/* The orders in which the arms of a block run: of six successive blocks, each of the six orders
 * once, shuffled. */
struct ab_orders {
    uint64_t state;
    size_t order[6], n_used;
};
struct ab_orders ab_orders_begin(uint64_t seed);
void ab_orders_next(struct ab_orders *orders, enum ab_arm arms[AB_ARMS]);

/* What three processes measured, one after the other: rates, times or bytes. 0: not known. */
struct ab_block {
    double value[AB_ARMS];
};

/* The blocks of one quantity. Free its blocks. */
struct ab_series {
    struct ab_block *blocks; /* [n] */
    size_t n, capacity;
};
/* Sets a value of block i; blocks before it that are not there yet have no values. */
bool ab_series_put(struct ab_series *series, size_t i, enum ab_arm arm, double value,
                   struct err *err) __attribute__((warn_unused_result));

/* The values of an arm in the blocks that have all. out: room for series->n. Returns how many. */
size_t ab_series_values(const struct ab_series *series, enum ab_arm arm, double *out);

/* The same of logarithms of ratios: of A again to A, or of B to the geometric mean of both. So B is
 * compared with all that was measured of A, and the two differences of a block have no noise in
 * common. */
size_t ab_series_differences(const struct ab_series *series, enum ab_arm arm, double *out);

#endif
