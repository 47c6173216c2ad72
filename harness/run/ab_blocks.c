/* ab_blocks.c - see ab_blocks.h. Six blocks are balanced: each arm runs first, second and third
 * equally often, and as often after each of the others, so that what a process leaves behind
 * (caches, heat) falls on all alike.
 */
#include "harness/run/ab_blocks.h"

#include "base/mem.h"
#include "base/rng.h"

#include <math.h>
#include <string.h>

enum { MAX_BLOCKS = 1 << 20, N_ORDERS = 6 };

struct ab_orders ab_orders_begin(uint64_t seed)
{
    return (struct ab_orders){.state = seed, .n_used = N_ORDERS};
}

void ab_orders_next(struct ab_orders *orders, enum ab_arm arms[AB_ARMS])
{
    static const enum ab_arm ALL[N_ORDERS][AB_ARMS] = {
        {AB_A, AB_AGAIN, AB_B}, {AB_A, AB_B, AB_AGAIN}, {AB_AGAIN, AB_A, AB_B},
        {AB_AGAIN, AB_B, AB_A}, {AB_B, AB_A, AB_AGAIN}, {AB_B, AB_AGAIN, AB_A}};
    if (orders->n_used == N_ORDERS) {
        struct rng rng = {orders->state};
        rng_shuffle(&rng, orders->order, N_ORDERS);
        orders->state = rng.state;
        orders->n_used = 0;
    }
    memcpy(arms, ALL[orders->order[orders->n_used++]], sizeof ALL[0]);
}

bool ab_series_put(struct ab_series *series, size_t i, enum ab_arm arm, double value,
                   struct err *err)
{
    if (!mem_grow((void **)&series->blocks, &series->capacity, i + 1, sizeof *series->blocks,
                  MAX_BLOCKS, err))
        return false;
    for (; series->n <= i; series->n++) series->blocks[series->n] = (struct ab_block){0};
    series->blocks[i].value[arm] = value;
    return true;
}

static bool is_complete(const struct ab_block *block)
{
    return block->value[AB_A] > 0 && block->value[AB_AGAIN] > 0 && block->value[AB_B] > 0;
}

size_t ab_series_values(const struct ab_series *series, enum ab_arm arm, double *out)
{
    size_t n = 0;
    for (size_t i = 0; i < series->n; i++)
        if (is_complete(&series->blocks[i])) out[n++] = series->blocks[i].value[arm];
    return n;
}

size_t ab_series_differences(const struct ab_series *series, enum ab_arm arm, double *out)
{
    size_t n = 0;
    for (size_t i = 0; i < series->n; i++) {
        const double *value = series->blocks[i].value;
        if (!is_complete(&series->blocks[i])) continue;
        double base = arm == AB_B ? sqrt(value[AB_A] * value[AB_AGAIN]) : value[AB_A];
        out[n++] = log(value[arm] / base);
    }
    return n;
}
