/* attention_template.h - attention over KV pages and storing into them, one text for every x86
 * instruction set: included once by attention_<isa>.c, after the simd header of that set.
 *
 * Three passes in the order of operations that kernels.h fixes: scores, where lanes are the 16 keys
 * of a page and a dot product is one chain of fused multiply-adds over dimensions; exp and sums;
 * and the output, where lanes are dimensions and a chain runs over keys. Tiles of pages or
 * registers of dimensions, by heads, keep several chains in flight, which hides the latency of one
 * operation; the heads of a tile share every load of K and V.
 */
#ifndef PHIBENCH_ENGINE_KERNELS_SIMD_ATTENTION_TEMPLATE_H
#define PHIBENCH_ENGINE_KERNELS_SIMD_ATTENTION_TEMPLATE_H

#ifdef SIMD_FLOAT

#include "engine/kernels/kernel_list.h"

#include <math.h>
#include <string.h>

enum {
    SLOTS = SESSION_PAGE_TOKENS,
    MAX_HEADS = 4, /* of a tile */
    SCORE_CHAINS = 8,
    SCORE_MAX_PAGES = SCORE_CHAINS / SIMD_PARTS,
    OUTPUT_MAX_REGISTERS = 8
};

/* What the passes share. The scores of one head are `stride` apart from the next head's, by
 * absolute position. */
struct span {
    const struct attention *a;
    size_t stride, v_stride;
};

SIMD_INLINE SIMD_FLOAT load_kv(const enum kv_type type, const uint8_t *values, size_t i)
{
    return type == KV_F16 ? simd_load_half(values + i * 2) : simd_load(values + i * 4);
}

/* Scores of n_heads from `head` on for the keys of n_pages from `page` on; both counts are
 * constants when inlined. */
SIMD_INLINE void score_tile(const enum kv_type type, const size_t n_heads, const size_t n_pages,
                            const struct span *span, size_t head, size_t page)
{
    const struct attention *a = span->a;
    const float *q = a->q + head * a->head_size;
    const uint8_t *k[SCORE_MAX_PAGES];
    SIMD_FLOAT dots[SCORE_MAX_PAGES * SIMD_PARTS][MAX_HEADS];
    SIMD_UNROLL for (size_t i = 0; i < n_pages; i++) k[i] = a->pages[page + i] + a->k_offset;
    SIMD_UNROLL for (size_t i = 0; i < n_pages * SIMD_PARTS; i++)
    {
        SIMD_UNROLL for (size_t h = 0; h < n_heads; h++) dots[i][h] = simd_set(0.0f);
    }
    for (size_t d = 0; d < a->head_size; d++) {
        SIMD_UNROLL for (size_t i = 0; i < n_pages * SIMD_PARTS; i++)
        {
            size_t lane = d * SLOTS + i % SIMD_PARTS * SIMD_LANES;
            SIMD_FLOAT keys = load_kv(type, k[i / SIMD_PARTS], lane);
            SIMD_UNROLL for (size_t h = 0; h < n_heads; h++)
            {
                dots[i][h] = simd_fma(simd_set(q[h * a->head_size + d]), keys, dots[i][h]);
            }
        }
    }
    SIMD_UNROLL for (size_t h = 0; h < n_heads; h++)
    {
        float *scores = a->scores + (head + h) * span->stride + page * SLOTS;
        SIMD_UNROLL for (size_t i = 0; i < n_pages * SIMD_PARTS; i++)
        {
            simd_store(scores + i * SIMD_LANES, simd_mul(dots[i][h], simd_set(a->scale)));
        }
    }
}

SIMD_INLINE void score_heads(const enum kv_type type, const size_t n_heads, const struct span *span,
                             size_t head, size_t page, size_t page_end)
{
    const size_t widest = SCORE_MAX_PAGES / n_heads;
    for (; widest >= 8 && page + 8 <= page_end; page += 8)
        score_tile(type, n_heads, 8, span, head, page);
    for (; widest >= 4 && page + 4 <= page_end; page += 4)
        score_tile(type, n_heads, 4, span, head, page);
    for (; widest >= 2 && page + 2 <= page_end; page += 2)
        score_tile(type, n_heads, 2, span, head, page);
    for (; page < page_end; page++) score_tile(type, n_heads, 1, span, head, page);
}

/* Pages are the outer loop: those that one step covers stay in the L1 cache for all heads. */
SIMD_INLINE void score(const enum kv_type type, const struct span *span)
{
    const size_t n_heads = span->a->n_heads, last = (span->a->end - 1) / SLOTS;
    for (size_t page = span->a->begin / SLOTS; page <= last; page += SCORE_MAX_PAGES) {
        size_t page_end = page + SCORE_MAX_PAGES <= last ? page + SCORE_MAX_PAGES : last + 1;
        size_t head = 0;
        for (; head + 4 <= n_heads; head += 4) score_heads(type, 4, span, head, page, page_end);
        for (; head + 2 <= n_heads; head += 2) score_heads(type, 2, span, head, page, page_end);
        for (; head < n_heads; head++) score_heads(type, 1, span, head, page, page_end);
    }
}

static SIMD_FLOAT load_scores(const float *scores, size_t i, size_t begin, size_t end)
{
    SIMD_FLOAT v = simd_load(scores + i);
    if (begin <= i && i + SIMD_LANES <= end) return v;
    return simd_keep(v, begin > i ? begin - i : 0, end > i ? end - i : 0, -INFINITY);
}

/* Scores of one head -> probabilities that lack the division by their sum, which is returned. Lanes
 * outside [begin, end) become -infinity first, whatever the page held there, and so 0. */
static float exponentiate(float *scores, size_t begin, size_t end)
{
    const size_t first = begin / SLOTS * SLOTS;
    SIMD_FLOAT max_lanes = simd_set(-INFINITY);
    for (size_t i = first; i < end; i += SIMD_LANES)
        max_lanes = simd_max(max_lanes, load_scores(scores, i, begin, end));
    SIMD_FLOAT max = simd_set(simd_lanes_max(max_lanes));
    SIMD_FLOAT sums[SIMD_PARTS];
    for (size_t part = 0; part < SIMD_PARTS; part++) sums[part] = simd_set(0.0f);
    for (size_t i = first; i < end; i += SLOTS) {
        for (size_t part = 0; part < SIMD_PARTS; part++) {
            size_t lane = i + part * SIMD_LANES;
            SIMD_FLOAT p = simd_exp(simd_sub(load_scores(scores, lane, begin, end), max));
            simd_store(scores + lane, p);
            sums[part] = simd_add(sums[part], p);
        }
    }
    return simd_lanes_sum(sums);
}

/* n registers of dimensions from register `first` on, for n_heads from `head` on. */
SIMD_INLINE void output_tile(const enum kv_type type, const size_t n_heads, const size_t n,
                             const struct span *span, size_t head, size_t first, const float *sums)
{
    const struct attention *a = span->a;
    const float *p = a->scores + head * span->stride;
    SIMD_FLOAT outputs[MAX_HEADS][OUTPUT_MAX_REGISTERS];
    SIMD_UNROLL for (size_t h = 0; h < n_heads; h++)
    {
        SIMD_UNROLL for (size_t i = 0; i < n; i++) outputs[h][i] = simd_set(0.0f);
    }
    for (size_t key = a->begin; key < a->end;) {
        const uint8_t *v = a->pages[key / SLOTS] + a->v_offset;
        size_t page_end = (key / SLOTS + 1) * SLOTS;
        if (page_end > a->end) page_end = a->end;
        for (; key < page_end; key++) {
            size_t row = key % SLOTS * span->v_stride + first * SIMD_LANES;
            SIMD_UNROLL for (size_t i = 0; i < n; i++)
            {
                SIMD_FLOAT values = load_kv(type, v, row + i * SIMD_LANES);
                SIMD_UNROLL for (size_t h = 0; h < n_heads; h++)
                {
                    SIMD_FLOAT weight = simd_set(p[h * span->stride + key]);
                    outputs[h][i] = simd_fma(weight, values, outputs[h][i]);
                }
            }
        }
    }
    SIMD_UNROLL for (size_t h = 0; h < n_heads; h++)
    {
        SIMD_UNROLL for (size_t i = 0; i < n; i++)
        {
            size_t d = (first + i) * SIMD_LANES;
            SIMD_FLOAT mean = simd_div(outputs[h][i], simd_set(sums[h]));
            simd_store_first(a->out + (head + h) * a->head_size + d, mean, a->head_size - d);
        }
    }
}

SIMD_INLINE void output_registers(const enum kv_type type, const size_t n_heads, size_t n,
                                  const struct span *span, size_t head, size_t first,
                                  const float *sums)
{
#define OUTPUT(count)                                                                              \
    case count:                                                                                    \
        if (count * n_heads <= SIMD_ACCUMULATORS)                                                  \
            output_tile(type, n_heads, count, span, head, first, sums);                            \
        break
    switch (n) {
        OUTPUT(1);
        OUTPUT(2);
        OUTPUT(3);
        OUTPUT(4);
        OUTPUT(5);
        OUTPUT(6);
        OUTPUT(7);
        OUTPUT(8);
    default: break;
    }
#undef OUTPUT
}

/* Passes 2 and 3 of the heads of one tile. The dimensions are cut in tiles as equal as can be. */
SIMD_INLINE void finish_heads(const enum kv_type type, const size_t n_heads,
                              const struct span *span, size_t head)
{
    const struct attention *a = span->a;
    float sums[MAX_HEADS];
    for (size_t h = 0; h < n_heads; h++)
        sums[h] = exponentiate(a->scores + (head + h) * span->stride, a->begin, a->end);
    const size_t most = SIMD_ACCUMULATORS / n_heads < OUTPUT_MAX_REGISTERS
                            ? SIMD_ACCUMULATORS / n_heads
                            : OUTPUT_MAX_REGISTERS;
    size_t n = (a->head_size + SIMD_LANES - 1) / SIMD_LANES, n_tiles = (n + most - 1) / most;
    for (size_t i = 0; i < n_tiles; i++) {
        size_t first = n * i / n_tiles, end = n * (i + 1) / n_tiles;
        output_registers(type, n_heads, end - first, span, head, first, sums);
    }
}

SIMD_INLINE void attend(const enum kv_type type, const struct attention *a)
{
    struct span span = {a, (a->end + SLOTS - 1) / SLOTS * SLOTS, (a->head_size + 15) / 16 * 16};
    score(type, &span);
    size_t head = 0;
    for (; head + 4 <= a->n_heads; head += 4) finish_heads(type, 4, &span, head);
    for (; head + 2 <= a->n_heads; head += 2) finish_heads(type, 2, &span, head);
    for (; head < a->n_heads; head++) finish_heads(type, 1, &span, head);
}

void SIMD_NAME(attention)(const struct attention *a)
{
    if (a->type == KV_F16) attend(KV_F16, a);
    else attend(KV_F32, a);
}

/* One column of K: [head_size][16]. */
static void store_key(const float *k, size_t head_size, enum kv_type type, uint8_t *page,
                      size_t slot)
{
    for (size_t d = 0; d < head_size; d += SIMD_LANES) {
        size_t n = head_size - d < SIMD_LANES ? head_size - d : SIMD_LANES;
        uint16_t halves[SIMD_LANES];
        simd_store_half(halves, simd_load_first(k + d, n));
        for (size_t i = 0; i < n; i++) {
            size_t at = (d + i) * SLOTS + slot;
            if (type == KV_F16) memcpy(page + at * sizeof *halves, &halves[i], sizeof *halves);
            else memcpy(page + at * sizeof *k, &k[d + i], sizeof *k);
        }
    }
}

/* One row of V: [16][v_stride], the padding zero. */
static void store_value(const float *v, size_t head_size, enum kv_type type, uint8_t *page,
                        size_t slot)
{
    size_t v_stride = (head_size + 15) / 16 * 16;
    for (size_t d = 0; d < v_stride; d += SIMD_LANES) {
        SIMD_FLOAT values = simd_set(0.0f);
        if (d < head_size) values = simd_load_first(v + d, head_size - d);
        size_t at = slot * v_stride + d;
        if (type == KV_F16) simd_store_half(page + at * sizeof(uint16_t), values);
        else simd_store(page + at * sizeof(float), values);
    }
}

void SIMD_NAME(kv_store)(const float *k, const float *v, size_t head_size, enum kv_type type,
                         uint8_t *page_k, uint8_t *page_v, size_t slot)
{
    store_key(k, head_size, type, page_k, slot);
    store_value(v, head_size, type, page_v, slot);
}

#endif

#endif
