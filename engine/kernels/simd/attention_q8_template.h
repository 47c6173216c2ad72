/* attention_q8_template.h - the products of attention over pages of KV_Q8_0: the part of
 * attention_template.h, which includes it, that knows bytes.
 *
 * Scores are integer dot products of whole blocks, exact whatever the instructions, and one
 * multiply-add a block. For the output, probabilities are multiplied by the scales of a block's
 * values a page at a time.
 */
#ifndef PHIBENCH_ENGINE_KERNELS_SIMD_ATTENTION_Q8_TEMPLATE_H
#define PHIBENCH_ENGINE_KERNELS_SIMD_ATTENTION_Q8_TEMPLATE_H

#ifdef SIMD_FLOAT

enum {
    GROUPS_OF_BLOCK = KV_BLOCK / KV_GROUP,
    TILE_BLOCKS = MAX_REGISTERS * SIMD_LANES / KV_BLOCK + 1 /* that a tile of values touches */
};

/* The queries of a group, in the place of their floats. */
struct byte_queries {
    uint8_t *quads;  /* [groups][n][SIMD_QUAD_BYTES] */
    float *scales;   /* [blocks][n] */
    int32_t *starts; /* [blocks][n]: what dot products begin with, so that the offset goes */
};

static struct byte_queries byte_queries_of(const struct group *group)
{
    size_t head_size = group->a->head_size;
    uint8_t *quads = (uint8_t *)group->q;
    float *scales = group->q + kv_groups(head_size) * group->n * (SIMD_QUAD_BYTES / sizeof(float));
    return (struct byte_queries){quads, scales,
                                 (int32_t *)(void *)(scales + kv_blocks(head_size) * group->n)};
}

/* q: [head_size] becomes query i of the group. */
static void quantize_query(const struct group *group, size_t i, const float *q)
{
    const struct byte_queries queries = byte_queries_of(group);
    const size_t head_size = group->a->head_size;
    int8_t bytes[KV_BLOCK];
    for (size_t first = 0; first < head_size; first += KV_BLOCK) {
        size_t n = kv_block_values(head_size, first), at = first / KV_BLOCK * group->n + i;
        int32_t sum = 0;
        queries.scales[at] = kv_quantize_block(q + first, n, bytes);
        for (size_t d = 0; d < KV_BLOCK; d++) sum += bytes[d];
        queries.starts[at] = -SIMD_BYTES_OFFSET * sum;
        for (size_t d = 0; d < n; d += KV_GROUP) {
            size_t quad = (first + d) / KV_GROUP * group->n + i;
            simd_store_quad(bytes + d, queries.quads + quad * SIMD_QUAD_BYTES);
        }
    }
}

/* score_tile, where a sum of integers takes the place of a sum of floats: those wait in the scores
 * while a block is multiplied. */
SIMD_INLINE void score_byte_tile(const size_t n, const size_t n_pages, const struct group *group,
                                 size_t page)
{
    const struct attention *a = group->a;
    const struct byte_queries queries = byte_queries_of(group);
    const size_t n_groups = kv_groups(a->head_size), n_blocks = kv_blocks(a->head_size);
    const size_t n_scales = kv_scales_bytes(a->head_size);
    float *scores = scores_at(group, page * SLOTS);
    const uint8_t *k[MAX_REGISTERS], *ahead[MAX_REGISTERS];
    SIMD_UNROLL for (size_t i = 0; i < n_pages; i++)
    {
        k[i] = a->pages[page + i] + a->k_offset;
        ahead[i] = page_ahead(group, page + n_pages + i) + a->k_offset;
    }
    for (size_t block = 0; block < n_blocks; block++) {
        size_t first = block * GROUPS_OF_BLOCK, end = first + GROUPS_OF_BLOCK;
        SIMD_INT sums[MAX_REGISTERS][MAX_QUERIES];
        SIMD_UNROLL for (size_t h = 0; h < n; h++)
        {
            SIMD_INT start = simd_set_int(queries.starts[block * n + h]);
            SIMD_UNROLL for (size_t i = 0; i < n_pages * SIMD_PARTS; i++) sums[i][h] = start;
        }
        for (size_t at = first; at < (end < n_groups ? end : n_groups); at++) {
            const uint8_t *quads = queries.quads + at * n * SIMD_QUAD_BYTES;
            struct simd_bytes keys[MAX_REGISTERS];
            SIMD_UNROLL for (size_t i = 0; i < n_pages; i++)
            {
                PREFETCH_TO_L2(ahead[i] + n_scales + at * SLOTS * KV_GROUP);
            }
            SIMD_UNROLL for (size_t i = 0; i < n_pages * SIMD_PARTS; i++)
            {
                size_t lane = at * SLOTS + i % SIMD_PARTS * SIMD_LANES;
                keys[i] = simd_load_bytes(k[i / SIMD_PARTS] + n_scales + lane * KV_GROUP);
            }
            SIMD_UNROLL for (size_t h = 0; h < n; h++)
            {
                SIMD_UNROLL for (size_t i = 0; i < n_pages * SIMD_PARTS; i++)
                {
                    sums[i][h] = simd_dot_bytes(sums[i][h], keys[i], quads + h * SIMD_QUAD_BYTES);
                }
            }
        }
        SIMD_UNROLL for (size_t i = 0; i < n_pages * SIMD_PARTS; i++)
        {
            size_t lane = block * SLOTS + i % SIMD_PARTS * SIMD_LANES;
            SIMD_FLOAT dk = simd_load_half(k[i / SIMD_PARTS] + lane * sizeof(uint16_t));
            PREFETCH_TO_L2(ahead[i / SIMD_PARTS] + lane * sizeof(uint16_t));
            SIMD_UNROLL for (size_t h = 0; h < n; h++)
            {
                size_t at = (i / SIMD_PARTS * n + h) * SLOTS + i % SIMD_PARTS * SIMD_LANES;
                SIMD_FLOAT d = simd_mul(simd_set(queries.scales[block * n + h]), dk);
                SIMD_FLOAT dot = block > 0 ? simd_load(scores + at) : simd_set(0.0f);
                dot = simd_fma(d, simd_int_to_float(sums[i][h]), dot);
                if (block + 1 == n_blocks) dot = simd_mul(dot, simd_set(a->scale));
                simd_store(scores + at, dot);
            }
        }
    }
}

/* The probabilities of n queries at the 16 keys of a page, times the scales of the values' blocks
 * from `first` on. */
SIMD_INLINE void weigh_page(const size_t n, size_t first, size_t n_blocks, const float *p,
                            const uint8_t *v, float weights[TILE_BLOCKS][MAX_QUERIES][SLOTS])
{
    for (size_t block = 0; block < n_blocks; block++) {
        SIMD_UNROLL for (size_t part = 0; part < SIMD_PARTS; part++)
        {
            size_t lane = (first + block) * SLOTS + part * SIMD_LANES;
            SIMD_FLOAT dv = simd_load_half(v + lane * sizeof(uint16_t));
            SIMD_UNROLL for (size_t h = 0; h < n; h++)
            {
                const float *from = p + h * SLOTS + part * SIMD_LANES;
                simd_store(weights[block][h] + part * SIMD_LANES, simd_mul(simd_load(from), dv));
            }
        }
    }
}

/* output_tile of bytes. */
SIMD_INLINE void output_byte_tile(const size_t n, const size_t n_registers,
                                  const struct group *group, size_t query, size_t first,
                                  struct key_span keys)
{
    const struct attention *a = group->a;
    const size_t n_scales = kv_scales_bytes(a->head_size);
    const size_t block = first * SIMD_LANES / KV_BLOCK;
    const size_t n_block_pages = (group->block->keys.end - group->block->keys.begin) / SLOTS;
    const size_t n_blocks = ((first + n_registers) * SIMD_LANES - 1) / KV_BLOCK + 1 - block;
    float *sums = group->outputs + query * group->v_stride + first * SIMD_LANES;
    float weights[TILE_BLOCKS][MAX_QUERIES][SLOTS];
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
        PREFETCH_TO_L2(ahead + block * SLOTS * sizeof(uint16_t));
        weigh_page(n, block, n_blocks, scores_at(group, key) + query * SLOTS, v, weights);
        for (; slot < SLOTS && key < keys.end; slot++, key++) {
            SIMD_UNROLL for (size_t i = 0; i < n_registers; i++)
            {
                size_t at = n_scales + slot * group->v_stride + (first + i) * SIMD_LANES;
                size_t i_block = (first + i) * SIMD_LANES / KV_BLOCK - block;
                if (i * SIMD_LANES % CACHE_LINE_BYTES == 0) PREFETCH_TO_L2(ahead + at);
                SIMD_FLOAT values = simd_load_int8(v + at);
                SIMD_UNROLL for (size_t h = 0; h < n; h++)
                {
                    SIMD_FLOAT weight = simd_set(weights[i_block][h][slot]);
                    outputs[i][h] = simd_fma(weight, values, outputs[i][h]);
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

#endif

#endif
