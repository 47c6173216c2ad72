/* gemm_float_template.h - the matrix product for F32, F16 and BF16 weights, one text for every
 * vector instruction set: included once by gemm_float_<isa>.c, after the simd header of that set.
 *
 * Each output is one chain of fused multiply-adds over ascending k (kernels.h), as slow as the
 * latency of one; a tile of several tokens and row groups keeps enough chains in flight to fill the
 * pipeline, and uses each weight and each input that it loads several times. For one token, tiles
 * of many row groups do the same and are streams for the memory.
 */
#ifndef PHIBENCH_ENGINE_KERNELS_SIMD_GEMM_FLOAT_TEMPLATE_H
#define PHIBENCH_ENGINE_KERNELS_SIMD_GEMM_FLOAT_TEMPLATE_H

#ifdef SIMD_FLOAT

#include "engine/kernels/kernel_list.h"

/* More tokens than 8 rows of inputs, whose addresses often differ by multiples of 4096, would evict
 * each other from an 8-way L1 cache. */
enum {
    TILE_MAX_TOKENS = SIMD_PARTS == 1 ? 8 : 6,
    TILE_MAX_GROUPS = 8,
    /* Weights that tile after tile of tokens reads again: they should stay in a part of the L2
     * cache. */
    BLOCK_BYTES = 384 * 1024,
    PREFETCH_BYTES = 1024
};

#define TILE_GROUPS(n_tokens)                                                                      \
    (SIMD_ACCUMULATORS / (SIMD_PARTS * (n_tokens)) < TILE_MAX_GROUPS                               \
         ? SIMD_ACCUMULATORS / (SIMD_PARTS * (n_tokens))                                           \
         : TILE_MAX_GROUPS)

SIMD_INLINE SIMD_FLOAT load_weights(enum tensor_type type, const uint8_t *data, size_t part)
{
    switch (type) {
    case TENSOR_F16: return simd_load_half(data + part * SIMD_LANES * 2);
    case TENSOR_BF16: return simd_load_bfloat(data + part * SIMD_LANES * 2);
    default: return simd_load(data + part * SIMD_LANES * 4);
    }
}

/* Row groups from `group` on, and tokens from x on; type, n_tokens and n_groups are constants where
 * this is inlined. */
SIMD_INLINE void multiply_tile(const enum tensor_type type, const size_t n_tokens,
                               const size_t n_groups, const struct packed *w, size_t group,
                               const float *x, float *out, size_t out_stride)
{
    const size_t step_bytes = ROW_GROUP * (type == TENSOR_F32 ? 4 : 2);
    const size_t n_cols = w->n_cols, group_bytes = w->group_bytes;
    SIMD_FLOAT sums[TILE_MAX_TOKENS][TILE_MAX_GROUPS * SIMD_PARTS];
    SIMD_UNROLL for (size_t t = 0; t < n_tokens; t++)
    {
        SIMD_UNROLL for (size_t i = 0; i < n_groups * SIMD_PARTS; i++) sums[t][i] = simd_set(0.0f);
    }
    const uint8_t *data = w->data + group * group_bytes;
    for (size_t k = 0; k < n_cols; k++, data += step_bytes) {
        SIMD_FLOAT weights[TILE_MAX_GROUPS * SIMD_PARTS];
        SIMD_UNROLL for (size_t g = 0; g < n_groups; g++)
        {
            if (n_tokens == 1) __builtin_prefetch(data + g * group_bytes + PREFETCH_BYTES);
            SIMD_UNROLL for (size_t part = 0; part < SIMD_PARTS; part++)
            {
                weights[g * SIMD_PARTS + part] = load_weights(type, data + g * group_bytes, part);
            }
        }
        SIMD_UNROLL for (size_t t = 0; t < n_tokens; t++)
        {
            SIMD_FLOAT input = simd_set(x[t * n_cols + k]);
            SIMD_UNROLL for (size_t i = 0; i < n_groups * SIMD_PARTS; i++)
            {
                sums[t][i] = simd_fma(weights[i], input, sums[t][i]);
            }
        }
    }
    SIMD_UNROLL for (size_t t = 0; t < n_tokens; t++)
    {
        SIMD_UNROLL for (size_t i = 0; i < n_groups * SIMD_PARTS; i++)
        {
            size_t row = group * ROW_GROUP + i * SIMD_LANES;
            if (row < w->n_rows)
                simd_store_first(out + t * out_stride + row, sums[t][i], w->n_rows - row);
        }
    }
}

SIMD_INLINE void multiply_groups(const enum tensor_type type, const size_t n_tokens,
                                 const struct packed *w, size_t group, size_t group_end,
                                 const float *x, float *out, size_t out_stride)
{
    const size_t n_groups = TILE_GROUPS(n_tokens);
    for (; group + n_groups <= group_end; group += n_groups)
        multiply_tile(type, n_tokens, n_groups, w, group, x, out, out_stride);
    for (; group < group_end; group++)
        multiply_tile(type, n_tokens, 1, w, group, x, out, out_stride);
}

SIMD_INLINE void multiply_tokens(const enum tensor_type type, size_t n_tokens,
                                 const struct packed *w, size_t group, size_t group_end,
                                 const float *x, float *out, size_t out_stride)
{
#define MULTIPLY(n)                                                                                \
    case n: multiply_groups(type, n, w, group, group_end, x, out, out_stride); break
    switch (n_tokens) {
        MULTIPLY(1);
        MULTIPLY(2);
        MULTIPLY(3);
        MULTIPLY(4);
        MULTIPLY(5);
        MULTIPLY(6);
#if SIMD_WIDE_TILES
        MULTIPLY(7);
        MULTIPLY(8);
#endif
    default: break;
    }
#undef MULTIPLY
}

/* Tokens are cut in tiles as equal as can be: 9 are 5 and 4, not 8 and 1, which would read all
 * weights for one token. */
SIMD_INLINE void multiply(const enum tensor_type type, const struct packed *w, const struct acts *a,
                          size_t group_begin, size_t group_end, float *out, size_t out_stride)
{
    size_t n_tiles = (a->n_tokens + TILE_MAX_TOKENS - 1) / TILE_MAX_TOKENS;
    size_t block = group_end - group_begin;
    if (n_tiles > 1) {
        size_t tile_groups = TILE_GROUPS((a->n_tokens + n_tiles - 1) / n_tiles);
        block = (BLOCK_BYTES / w->group_bytes / tile_groups + 1) * tile_groups;
    }
    for (size_t group = group_begin; group < group_end; group += block) {
        size_t block_end = group_end - group < block ? group_end : group + block;
        for (size_t i = 0; i < n_tiles; i++) {
            size_t t = a->n_tokens * i / n_tiles, t_end = a->n_tokens * (i + 1) / n_tiles;
            multiply_tokens(type, t_end - t, w, group, block_end, a->x + t * a->n_cols,
                            out + t * out_stride, out_stride);
        }
    }
}

void SIMD_NAME(gemm_f32)(const struct packed *w, const struct acts *a, size_t group_begin,
                         size_t group_end, float *out, size_t out_stride)
{
    multiply(TENSOR_F32, w, a, group_begin, group_end, out, out_stride);
}

void SIMD_NAME(gemm_f16)(const struct packed *w, const struct acts *a, size_t group_begin,
                         size_t group_end, float *out, size_t out_stride)
{
    multiply(TENSOR_F16, w, a, group_begin, group_end, out, out_stride);
}

void SIMD_NAME(gemm_bf16)(const struct packed *w, const struct acts *a, size_t group_begin,
                          size_t group_end, float *out, size_t out_stride)
{
    multiply(TENSOR_BF16, w, a, group_begin, group_end, out, out_stride);
}

#endif

#endif
