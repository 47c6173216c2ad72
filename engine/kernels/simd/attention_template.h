/* attention_template.h - attention over KV pages and storing into them, one text for every vector
 * instruction set: included once by attention_<isa>.c, after the simd header of that set.
 *
 * The queries of a call (every head of every token) are cut in groups, whose queries share every
 * load of K and V; blocks of keys that none of them sees are passed over. Three passes in the order
 * of operations that kernels.h fixes: scores, where lanes are the 16 keys of a page and a dot
 * product is one chain over dimensions; exp and sums; and the output, where lanes are dimensions
 * and a chain runs over keys.
 */
#ifndef PHIBENCH_ENGINE_KERNELS_SIMD_ATTENTION_TEMPLATE_H
#define PHIBENCH_ENGINE_KERNELS_SIMD_ATTENTION_TEMPLATE_H

#ifdef SIMD_FLOAT

#include "engine/kernels/kernel_list.h"
#include "engine/kernels/kv_q8.h"

#include <math.h>
#include <string.h>

/* Pages of a call that lie side by side, all of them in one block of the pattern if it has one. */
struct block {
    struct key_span keys, next; /* whole pages; those of the block that comes after it, or none */
    size_t n_before, n_all;     /* pages of the blocks before it; room for pages of all */
};

/* Both products hold a tile of sums in registers, queries by registers of keys or of dimensions.
 * Groups take turns at a block of pages, so that the L1 cache fetches it once; sums of the output
 * wait in scratch meanwhile. All queries of a group attend to the keys of [begin of its last, end
 * of its first); where causality or the window cuts spans elsewhere, queries go alone. */
enum {
    SLOTS = SESSION_PAGE_TOKENS,
    MAX_QUERIES = SIMD_ACCUMULATORS / SIMD_PARTS, /* of a group: its tile is 16 keys wide */
    MAX_REGISTERS = 8,                            /* of one query in a tile */
    BLOCK_PAGES = 8,
    CACHE_LINE_BYTES = 64
};

/* A group of queries and its part of the scratch. */
struct group {
    const struct attention *a;
    const struct block *block;
    size_t first, n; /* queries [first, first + n): query i is head i % n_heads of a token */
    size_t v_stride;
    struct key_span common; /* keys that all its queries attend to; begin = end if there are none */
    float *scores;          /* [pages of all blocks][n][16] */
    float *outputs;         /* [n][v_stride]: sums of products */
    float *lanes;           /* [n][16]: maxima of scores, then sums of probabilities */
    float *maxima;          /* [n] */
    float *q;               /* [head_size][n]; KV_Q8_0: struct byte_queries */
};

static struct key_span span_of(const struct attention *a, size_t query)
{
    return attention_span(a, query / a->n_heads);
}

/* The largest size of a group that n_left queries fill. */
static size_t group_size(size_t n_left)
{
    static const size_t sizes[] = {24, 12, 8, 6, 4, 3, 2};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (sizes[i] <= MAX_QUERIES && sizes[i] <= n_left) return sizes[i];
    }
    return 1;
}

/* Of one query in its group. */
static size_t query_floats(const struct attention *a)
{
    size_t head_size = a->head_size;
    if (a->type != KV_Q8_0) return head_size;
    return kv_groups(head_size) * (SIMD_QUAD_BYTES / sizeof(float)) + 2 * kv_blocks(head_size);
}

static struct group group_at(const struct attention *a, const struct block *block, size_t first)
{
    size_t n_queries = a->n_tokens * a->n_heads, v_stride = (a->head_size + 15) / 16 * 16;
    float *outputs = a->scratch + n_queries * block->n_all * SLOTS;
    float *lanes = outputs + n_queries * v_stride, *maxima = lanes + n_queries * SLOTS;
    struct group group = {
        .a = a, .block = block, .first = first, .n = group_size(n_queries - first)};
    group.v_stride = v_stride;
    group.common.begin = span_of(a, first + group.n - 1).begin;
    group.common.end = span_of(a, first).end;
    if (group.common.end < group.common.begin) group.common.end = group.common.begin;
    group.scores = a->scratch + first * block->n_all * SLOTS;
    group.outputs = outputs + first * v_stride;
    group.lanes = lanes + first * SLOTS;
    group.maxima = maxima + first;
    group.q = maxima + n_queries + first * query_floats(a);
    return group;
}

static struct key_span overlap(struct key_span a, struct key_span b)
{
    return (struct key_span){a.begin > b.begin ? a.begin : b.begin, a.end < b.end ? a.end : b.end};
}

static void fill_lanes(const struct group *group, float value)
{
    for (size_t i = 0; i < group->n * SLOTS; i += SIMD_LANES)
        simd_store(group->lanes + i, simd_set(value));
}

/* The scores of a group's first query at the 16 keys of a page of its block, given one of them. */
static inline float *scores_at(const struct group *group, size_t key)
{
    size_t i_page = (key - group->block->keys.begin) / SLOTS + group->block->n_before;
    return group->scores + i_page * group->n * SLOTS;
}

SIMD_INLINE size_t kv_bytes(const enum kv_type type)
{
    return type == KV_F16 ? 2 : 4;
}

SIMD_INLINE SIMD_FLOAT load_kv(const enum kv_type type, const uint8_t *values, size_t i)
{
    values += i * kv_bytes(type);
    return type == KV_F16 ? simd_load_half(values) : simd_load(values);
}

/* Pages lie far apart, where no hardware prefetcher finds the next: each line is asked into the L2
 * cache while the same line of an earlier page is at work. Past the block's last page the next
 * block's follow, and past the last of these it is asked for again. */
static inline const uint8_t *page_ahead(const struct group *group, size_t page)
{
    const struct block *block = group->block;
    size_t end = block->keys.end / SLOTS;
    if (page >= end) {
        size_t next = block->next.begin / SLOTS + page - end, next_end = block->next.end / SLOTS;
        page = next < next_end ? next : next_end - 1;
    }
    return group->a->pages[page];
}

#define PREFETCH_TO_L2(address) __builtin_prefetch(address, 0, 2)

#include "engine/kernels/simd/attention_q8_template.h"

static void begin_group(const struct group *group)
{
    const struct attention *a = group->a;
    for (size_t i = 0; i < group->n; i++) {
        size_t token = (group->first + i) / a->n_heads, head = (group->first + i) % a->n_heads;
        const float *q = a->q + token * a->q_stride + head * a->head_size;
        if (a->type == KV_Q8_0) quantize_query(group, i, q);
        else
            for (size_t d = 0; d < a->head_size; d++) group->q[d * group->n + i] = q[d];
    }
    memset(group->outputs, 0, group->n * group->v_stride * sizeof *group->outputs);
    fill_lanes(group, -INFINITY);
}

/* Scores of n queries for the keys of n_pages from `page` on; both counts are constants when
 * inlined. */
SIMD_INLINE void score_tile(const enum kv_type type, const size_t n, const size_t n_pages,
                            const struct group *group, size_t page)
{
    if (type == KV_Q8_0) {
        score_byte_tile(n, n_pages, group, page);
        return;
    }
    const struct attention *a = group->a;
    const float *q = group->q;
    float *scores = scores_at(group, page * SLOTS);
    const uint8_t *k[MAX_REGISTERS], *ahead[MAX_REGISTERS];
    SIMD_FLOAT dots[MAX_REGISTERS][MAX_QUERIES];
    SIMD_UNROLL for (size_t i = 0; i < n_pages; i++)
    {
        k[i] = a->pages[page + i] + a->k_offset;
        ahead[i] = page_ahead(group, page + n_pages + i) + a->k_offset;
    }
    SIMD_UNROLL for (size_t i = 0; i < n_pages * SIMD_PARTS; i++)
    {
        SIMD_UNROLL for (size_t h = 0; h < n; h++) dots[i][h] = simd_set(0.0f);
    }
    for (size_t d = 0; d < a->head_size; d++, q += n) {
        SIMD_FLOAT keys[MAX_REGISTERS];
        SIMD_UNROLL for (size_t i = 0; i < n_pages; i++)
        {
            PREFETCH_TO_L2(ahead[i] + d * SLOTS * kv_bytes(type));
        }
        SIMD_UNROLL for (size_t i = 0; i < n_pages * SIMD_PARTS; i++)
        {
            size_t lane = d * SLOTS + i % SIMD_PARTS * SIMD_LANES;
            keys[i] = load_kv(type, k[i / SIMD_PARTS], lane);
        }
        SIMD_UNROLL for (size_t h = 0; h < n; h++)
        {
            SIMD_FLOAT query = simd_set(q[h]);
            SIMD_UNROLL for (size_t i = 0; i < n_pages * SIMD_PARTS; i++)
            {
                dots[i][h] = simd_fma(query, keys[i], dots[i][h]);
            }
        }
    }
    SIMD_UNROLL for (size_t i = 0; i < n_pages * SIMD_PARTS; i++)
    {
        SIMD_UNROLL for (size_t h = 0; h < n; h++)
        {
            size_t at = (i / SIMD_PARTS * n + h) * SLOTS + i % SIMD_PARTS * SIMD_LANES;
            simd_store(scores + at, simd_mul(dots[i][h], simd_set(a->scale)));
        }
    }
}

/* Registers of one query in a tile of n. From 8 queries on, one chain each hides the latency of the
 * others, and a multiply-add that has a factor to itself reads it from memory. */
SIMD_INLINE size_t registers_of(const size_t n)
{
    if (n >= 8) return 1;
    return SIMD_ACCUMULATORS / n < MAX_REGISTERS ? SIMD_ACCUMULATORS / n : MAX_REGISTERS;
}

SIMD_INLINE void score_pages(const enum kv_type type, const size_t n, const struct group *group,
                             size_t page, size_t end)
{
    const size_t most = registers_of(n) / SIMD_PARTS;
    for (; most >= 8 && page + 8 <= end; page += 8) score_tile(type, n, 8, group, page);
    for (; most >= 4 && page + 4 <= end; page += 4) score_tile(type, n, 4, group, page);
    for (; most >= 2 && page + 2 <= end; page += 2) score_tile(type, n, 2, group, page);
    for (; page < end; page++) score_tile(type, n, 1, group, page);
}

static void cap_scores(const struct group *group)
{
    const struct key_span keys = group->block->keys;
    const SIMD_FLOAT cap = simd_set(group->a->softcap);
    float *end = scores_at(group, keys.end);
    for (float *scores = scores_at(group, keys.begin); scores < end; scores += SIMD_LANES)
        simd_store(scores, simd_mul(simd_tanh(simd_div(simd_load(scores), cap)), cap));
}

static bool sees_block(const struct group *group, size_t i)
{
    const struct attention *a = group->a;
    size_t query = group->first + i, n_keys = a->blocks.n_keys;
    return !n_keys || attention_sees_block(a, query / a->n_heads, query % a->n_heads,
                                           group->block->keys.begin / n_keys);
}

/* The keys of its block that query i of the group attends to. */
static struct key_span seen_keys(const struct group *group, size_t i)
{
    const struct key_span block = group->block->keys;
    if (!sees_block(group, i)) return (struct key_span){block.begin, block.begin};
    return overlap(span_of(group->a, group->first + i), block);
}

/* Scores in the pages of a block at keys that a query does not attend to become -infinity, whatever
 * the page held there. */
static void mask_scores(const struct group *group)
{
    const struct key_span block = group->block->keys;
    for (size_t i = 0; i < group->n; i++) {
        struct key_span keys = seen_keys(group, i);
        if (keys.begin <= block.begin && block.end <= keys.end) continue;
        for (size_t key = block.begin; key < block.end; key += SIMD_LANES) {
            float *scores = scores_at(group, key) + i * SLOTS + key % SLOTS;
            SIMD_FLOAT v = simd_load(scores);
            v = simd_keep(v, keys.begin > key ? keys.begin - key : 0,
                          keys.end > key ? keys.end - key : 0, -INFINITY);
            simd_store(scores, v);
        }
    }
}

/* The largest scores so far, by lane, of each query. */
static void update_maxima(const struct group *group)
{
    const struct key_span block = group->block->keys;
    const size_t stride = group->n * SLOTS;
    const float *end = scores_at(group, block.end);
    for (size_t i = 0; i < stride; i += SIMD_LANES) {
        SIMD_FLOAT max = simd_load(group->lanes + i);
        for (const float *scores = scores_at(group, block.begin); scores < end; scores += stride)
            max = simd_max(max, simd_load(scores + i));
        simd_store(group->lanes + i, max);
    }
}

/* The largest scores of all, and lanes that are ready for sums. */
static void find_maxima(const struct group *group)
{
    for (size_t i = 0; i < group->n; i++) {
        SIMD_FLOAT max = simd_load(group->lanes + i * SLOTS);
        for (size_t lane = SIMD_LANES; lane < SLOTS; lane += SIMD_LANES)
            max = simd_max(max, simd_load(group->lanes + i * SLOTS + lane));
        group->maxima[i] = simd_lanes_max(max);
    }
    fill_lanes(group, 0.0f);
}

/* Scores of a block -> probabilities that lack the division by their sum. */
static void exponentiate(const struct group *group)
{
    const struct key_span block = group->block->keys;
    const size_t stride = group->n * SLOTS;
    float *end = scores_at(group, block.end);
    for (size_t i = 0; i < stride; i += SIMD_LANES) {
        SIMD_FLOAT max = simd_set(group->maxima[i / SLOTS]), sum = simd_load(group->lanes + i);
        for (float *scores = scores_at(group, block.begin); scores < end; scores += stride) {
            SIMD_FLOAT p = simd_exp(simd_sub(simd_load(scores + i), max));
            simd_store(scores + i, p);
            sum = simd_add(sum, p);
        }
        simd_store(group->lanes + i, sum);
    }
}

/* Adds the products of `keys` to n_registers registers of dimensions, from the one that is `first`,
 * of n queries of the group from `query` on; both counts are constants when inlined. */
SIMD_INLINE void output_tile(const enum kv_type type, const size_t n, const size_t n_registers,
                             const struct group *group, size_t query, size_t first,
                             struct key_span keys)
{
    const struct attention *a = group->a;
    const size_t n_block_pages = (group->block->keys.end - group->block->keys.begin) / SLOTS;
    float *sums = group->outputs + query * group->v_stride + first * SIMD_LANES;
    SIMD_FLOAT outputs[MAX_REGISTERS][MAX_QUERIES];
    SIMD_UNROLL for (size_t h = 0; h < n; h++)
    {
        SIMD_UNROLL for (size_t i = 0; i < n_registers; i++)
        {
            outputs[i][h] = simd_load(sums + h * group->v_stride + i * SIMD_LANES);
        }
    }
    for (size_t key = keys.begin; key < keys.end;) {
        size_t page = key / SLOTS, slot = key % SLOTS;
        const uint8_t *v = a->pages[page] + a->v_offset;
        const uint8_t *ahead = page_ahead(group, page + n_block_pages) + a->v_offset;
        const float *p = scores_at(group, key) + query * SLOTS;
        for (; slot < SLOTS && key < keys.end; slot++, key++) {
            SIMD_FLOAT values[MAX_REGISTERS];
            SIMD_UNROLL for (size_t i = 0; i < n_registers; i++)
            {
                size_t at = slot * group->v_stride + (first + i) * SIMD_LANES;
                if (i * SIMD_LANES * kv_bytes(type) % CACHE_LINE_BYTES == 0)
                    PREFETCH_TO_L2(ahead + at * kv_bytes(type));
                values[i] = load_kv(type, v, at);
            }
            SIMD_UNROLL for (size_t h = 0; h < n; h++)
            {
                SIMD_FLOAT weight = simd_set(p[h * SLOTS + slot]);
                SIMD_UNROLL for (size_t i = 0; i < n_registers; i++)
                {
                    outputs[i][h] = simd_fma(weight, values[i], outputs[i][h]);
                }
            }
        }
    }
    SIMD_UNROLL for (size_t h = 0; h < n; h++)
    {
        SIMD_UNROLL for (size_t i = 0; i < n_registers; i++)
        {
            simd_store(sums + h * group->v_stride + i * SIMD_LANES, outputs[i][h]);
        }
    }
}

/* Adds the products of `keys` to all dimensions, which are cut in tiles as equal as can be. */
SIMD_INLINE void output_keys(const enum kv_type type, const size_t n, const struct group *group,
                             size_t query, struct key_span keys)
{
    const size_t most = registers_of(n);
    size_t n_all = (group->a->head_size + SIMD_LANES - 1) / SIMD_LANES;
    size_t n_tiles = (n_all + most - 1) / most;
    for (size_t i = 0; i < n_tiles; i++) {
        size_t first = n_all * i / n_tiles, end = n_all * (i + 1) / n_tiles;
#define OUTPUT(count)                                                                              \
    case count:                                                                                    \
        if (count > most) break;                                                                   \
        if (type == KV_Q8_0) output_byte_tile(n, count, group, query, first, keys);                \
        else output_tile(type, n, count, group, query, first, keys);                               \
        break
        switch (end - first) {
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
}

/* Calls function(type, n, ...) with the type and the size of a group as constants. */
#define WITH_CONSTANTS(type, n, function, ...)                                                     \
    switch (n) {                                                                                   \
        WITH_SIZE(type, 1, function, __VA_ARGS__);                                                 \
        WITH_SIZE(type, 2, function, __VA_ARGS__);                                                 \
        WITH_SIZE(type, 3, function, __VA_ARGS__);                                                 \
        WITH_SIZE(type, 4, function, __VA_ARGS__);                                                 \
        WITH_SIZE(type, 6, function, __VA_ARGS__);                                                 \
        WITH_SIZE(type, 8, function, __VA_ARGS__);                                                 \
        WITH_SIZE(type, 12, function, __VA_ARGS__);                                                \
        WITH_SIZE(type, 24, function, __VA_ARGS__);                                                \
    default: break;                                                                                \
    }
#define WITH_SIZE(type, n, function, ...)                                                          \
    case n:                                                                                        \
        if (n > MAX_QUERIES) break;                                                                \
        if (type == KV_F16) function(KV_F16, n, __VA_ARGS__);                                      \
        else if (type == KV_Q8_0) function(KV_Q8_0, n, __VA_ARGS__);                               \
        else function(KV_F32, n, __VA_ARGS__);                                                     \
        break

static void score_group(const struct group *group)
{
    size_t page = group->block->keys.begin / SLOTS, end = group->block->keys.end / SLOTS;
    WITH_CONSTANTS(group->a->type, group->n, score_pages, group, page, end)
}

/* Adds to the output of n queries from `query` on: the whole group, or one. */
static void output_group(const struct group *group, size_t n, size_t query, struct key_span keys)
{
    WITH_CONSTANTS(group->a->type, n, output_keys, group, query, keys)
}

#undef WITH_CONSTANTS
#undef WITH_SIZE
#undef PREFETCH_TO_L2

/* Adds to the output of each query alone: those of its keys that are among `keys`, of the block. */
static void output_alone(const struct group *group, struct key_span keys)
{
    if (keys.begin >= keys.end) return;
    for (size_t i = 0; i < group->n; i++) {
        struct key_span own = overlap(seen_keys(group, i), keys);
        if (own.begin < own.end) output_group(group, 1, i, own);
    }
}

static void output_block(const struct group *group)
{
    const struct key_span block = group->block->keys;
    struct key_span common = overlap(group->common, block);
    for (size_t i = 0; i < group->n; i++)
        if (!sees_block(group, i)) common = (struct key_span){block.end, block.end};
    output_alone(group, overlap((struct key_span){0, common.begin}, block));
    if (common.begin < common.end) output_group(group, group->n, 0, common);
    output_alone(group, overlap((struct key_span){common.end, SIZE_MAX}, block));
}

static void finish_group(const struct group *group)
{
    const struct attention *a = group->a;
    for (size_t i = 0; i < group->n; i++) {
        size_t token = (group->first + i) / a->n_heads, head = (group->first + i) % a->n_heads;
        float *out = a->out + token * a->out_stride + head * a->head_size;
        SIMD_FLOAT sums[SIMD_PARTS];
        for (size_t part = 0; part < SIMD_PARTS; part++)
            sums[part] = simd_load(group->lanes + i * SLOTS + part * SIMD_LANES);
        SIMD_FLOAT sum = simd_set(simd_lanes_sum(sums));
        for (size_t d = 0; d < a->head_size; d += SIMD_LANES) {
            SIMD_FLOAT mean = simd_div(simd_load(group->outputs + i * group->v_stride + d), sum);
            simd_store_first(out + d, mean, a->head_size - d);
        }
    }
}

/* The first of the blocks of keys, from that of `key` on, that a query of the call sees. */
static size_t next_seen_block(const struct attention *a, size_t key)
{
    size_t block = key / a->blocks.n_keys, next = attention_local_block(a);
    for (size_t i = 0; block < next && i < a->n_heads; i++) {
        size_t past = (block + (a->first_head + i) * a->blocks.head_step + 1) % a->blocks.stride;
        size_t strided = block + (past ? a->blocks.stride - past : 0);
        if (strided < next) next = strided;
    }
    return block < next ? next : block;
}

/* Pages side by side from a page's first key on, or from the first one after it that is seen; none
 * past the last that the call needs. */
static struct key_span pages_from(const struct attention *a, size_t key)
{
    size_t end = (attention_end(a) + SLOTS - 1) / SLOTS * SLOTS, n_keys = a->blocks.n_keys;
    if (n_keys && key < end) {
        size_t block = next_seen_block(a, key);
        if (block * n_keys > key) key = block * n_keys;
        if ((block + 1) * n_keys < end) end = (block + 1) * n_keys;
    }
    size_t most = key + BLOCK_PAGES * SLOTS;
    return (struct key_span){key, most < end ? most : end};
}

static struct block first_block(const struct attention *a)
{
    struct block block = {.keys = pages_from(a, attention_span(a, 0).begin / SLOTS * SLOTS)};
    block.next = pages_from(a, block.keys.end);
    block.n_all = attention_most_keys(a) / SLOTS + 2;
    return block;
}

/* Whether there is one more. */
static bool next_block(const struct attention *a, struct block *block)
{
    block->n_before += (block->keys.end - block->keys.begin) / SLOTS;
    block->keys = block->next;
    block->next = pages_from(a, block->keys.end);
    return block->keys.begin < block->keys.end;
}

void SIMD_NAME(attention)(const struct attention *a)
{
    const size_t n_queries = a->n_tokens * a->n_heads;
    const struct block first = first_block(a);
    struct block block = first;
    struct group group;
    for (size_t i = 0; i < n_queries; i += group.n) {
        group = group_at(a, &block, i);
        begin_group(&group);
    }
    do {
        for (size_t i = 0; i < n_queries; i += group.n) {
            group = group_at(a, &block, i);
            score_group(&group);
            if (a->softcap > 0) cap_scores(&group);
            mask_scores(&group);
            update_maxima(&group);
        }
    } while (next_block(a, &block));
    block = first;
    for (size_t i = 0; i < n_queries; i += group.n) {
        group = group_at(a, &block, i);
        find_maxima(&group);
    }
    do {
        for (size_t i = 0; i < n_queries; i += group.n) {
            group = group_at(a, &block, i);
            exponentiate(&group);
            output_block(&group);
        }
    } while (next_block(a, &block));
    for (size_t i = 0; i < n_queries; i += group.n) {
        group = group_at(a, &block, i);
        finish_group(&group);
    }
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
    if (type == KV_Q8_0) {
        kv_store_q8(k, v, head_size, page_k, page_v, slot);
        return;
    }
    store_key(k, head_size, type, page_k, slot);
    store_value(v, head_size, type, page_v, slot);
}

#endif

#endif
