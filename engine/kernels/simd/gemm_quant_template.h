/* gemm_quant_template.h - the one text of products with quantized weights on x86: a file per
 * instruction set defines the primitives, includes this and gets its gemm_quant_<isa>.
 *
 * A tile is STRIPS strips of SIMD_LANES rows by 1 to TILE_TOKENS tokens; every pair of them has its
 * own chain of dependent sums, and chains of different tokens are interleaved, so that their
 * latency hides. An activation is broadcast once for all strips. Types and token counts are
 * constants here: all branches on them vanish.
 */
#ifndef PHIBENCH_ENGINE_KERNELS_SIMD_GEMM_QUANT_TEMPLATE_H
#define PHIBENCH_ENGINE_KERNELS_SIMD_GEMM_QUANT_TEMPLATE_H

#include "engine/kernels/kernel_list.h"
#include "engine/kernels/pack_layout.h"

#include <string.h>

/* Unrolled, every access checked by a sanitizer, this would take a compiler many minutes. */
#ifdef __SANITIZE_ADDRESS__
#undef SIMD_UNROLL
#define SIMD_UNROLL
#endif

/* In a block, sums of q * a (q unsigned) go step by step into a narrow sum and from there, after a
 * run of steps, times the sub-block's scale into the exact int32 sum (bounds: gemm_quant_scalar.c).
 * What the offset of q added is taken off with the given sums of activations, as the minima are.
 *
 * Floats are those of simd.h. The includer includes the simd header of its set and defines:
 *   V_INT             a vector of SIMD_LANES int32 (4 bytes or 2 int16 in each)
 *   STRIPS, TILE_TOKENS
 *   INT16_SUMS        1 if the narrow sum is of int16. It bounds a run, for steps * 2 * 127 * (the
 *                     largest q) <= 32767: 8 steps of q <= 15 (30480), 4 of q <= 31 (31496), 2 of
 *                     q <= 63 (32004)
 *   v_load, v_broadcast (of 4 bytes), v_zero, v_set16, v_and, v_or, v_add, v_to_float; of int16:
 *   v_shift_left, v_shift_right, v_multiply16 (low half), v_pair_products (sums of two, int32)
 *   narrow_dot(sum, q, a), narrow_end(sum, narrow), narrow_end_scaled(sum, narrow, scale)
 *   wide_dot(sum, q, a)  adds (q - WIDE_TAKES_OFF) * a, q any byte, straight to the int32 sum
 *   load_row_bytes (SIMD_LANES of them), widen_scale, interleave_to_pairs (to int16)
 */

enum {
    TILE_ROWS = STRIPS * SIMD_LANES,
    TILE_GROUPS = TILE_ROWS / ROW_GROUP,
    PREFETCH_BYTES = 4096 /* how far one token's stream of weights reads ahead */
};
_Static_assert(TILE_ROWS % ROW_GROUP == 0, "strips make whole groups");

struct tile {
    const struct packed *w;
    const struct acts *a;
    const uint8_t *group[STRIPS]; /* that the strip is in */
    size_t token;                 /* the first */
};

/* One block of a tile. */
struct tile_block {
    const uint8_t *body[STRIPS], *factors[STRIPS];
    const int8_t *a[TILE_TOKENS];     /* [block_values] */
    const int16_t *sums[TILE_TOKENS]; /* [block_values / 16] */
    const float *da[TILE_TOKENS];
};

/* Scales of a block: by sub-block for the products; and for the sums of activations, two of 16
 * values at a time, the minima or, in types with an offset, the scales times what the offset takes
 * off. */
struct tile_scales {
    V_INT scale[STRIPS][PACK_MAX_SUBS], pairs[STRIPS][PACK_MAX_SUBS / 2];
};

/* The strip's first row in its group. */
SIMD_INLINE size_t strip_row(size_t strip)
{
    return strip * SIMD_LANES % ROW_GROUP;
}

SIMD_INLINE bool has_scales(const struct pack_shape *shape)
{
    return shape->scales != PACK_NO_SCALES;
}

SIMD_INLINE size_t run_steps(const struct pack_shape *shape)
{
    unsigned bits = shape->low_bits + shape->high_bits;
    if (!INT16_SUMS || bits <= 4 || bits == 8) return shape->sub_values / 4;
    return bits == 5 ? 4 : 2;
}

/* Both bytes of an int16 hold `bits` ones from bit `from` on. */
SIMD_INLINE V_INT field_mask(unsigned bits, unsigned from)
{
    return v_set16((int16_t)((((1u << bits) - 1) << from) * 0x101));
}

/* The q of one step of a unit, in bytes. */
SIMD_INLINE V_INT load_step(const struct pack_shape *shape, const uint8_t *low, const uint8_t *high,
                            size_t step, size_t row)
{
    const unsigned low_bits = shape->low_bits, high_bits = shape->high_bits;
    const size_t low_steps = 8 / low_bits;
    V_INT q = v_load(low + 64 * (step / low_steps) + 4 * row);
    if (low_bits == 8) return q;
    q = v_and(v_shift_right(q, low_bits * (unsigned)(step % low_steps)), field_mask(low_bits, 0));
    if (!high_bits) return q;
    const size_t high_steps = 8 / high_bits;
    const unsigned from = high_bits * (unsigned)(step % high_steps);
    V_INT h = v_load(high + 64 * (step / high_steps) + 4 * row);
    h = from < low_bits ? v_shift_left(h, low_bits - from) : v_shift_right(h, from - low_bits);
    return v_or(q, v_and(h, field_mask(high_bits, low_bits)));
}

/* Value v of 6 bits, of a strip's rows. */
SIMD_INLINE __m128i load_six_bits(const uint8_t *scales, size_t v)
{
    __m128i low = load_row_bytes(scales + ROW_GROUP * (v % 8));
    __m128i high = load_row_bytes(scales + ROW_GROUP * (8 + v % 4));
    low = _mm_and_si128(_mm_srli_epi16(low, 4 * (int)(v / 8)), _mm_set1_epi8(15));
    high = _mm_and_si128(_mm_srli_epi16(high, 2 * (int)(v / 4)), _mm_set1_epi8(3));
    return _mm_or_si128(low, _mm_slli_epi16(high, 4));
}

SIMD_INLINE __m128i load_scale(enum pack_scales kind, const uint8_t *scales, size_t j)
{
    switch (kind) {
    case PACK_NIBBLES:
        return _mm_and_si128(load_row_bytes(scales + ROW_GROUP * j), _mm_set1_epi8(15));
    case PACK_BYTES: return load_row_bytes(scales + ROW_GROUP * j);
    case PACK_SIX_BITS_SIGNED: return _mm_sub_epi8(load_six_bits(scales, j), _mm_set1_epi8(32));
    default: return load_six_bits(scales, j);
    }
}

SIMD_INLINE __m128i load_minimum(enum pack_scales kind, const uint8_t *scales, size_t j)
{
    if (kind == PACK_SIX_BITS) return load_six_bits(scales, 8 + j);
    __m128i bytes = load_row_bytes(scales + ROW_GROUP * j);
    return _mm_and_si128(_mm_srli_epi16(bytes, 4), _mm_set1_epi8(15));
}

SIMD_INLINE void load_scales(const struct pack_shape *shape, const struct tile_block *block,
                             struct tile_scales *to)
{
    const size_t planes_bytes = pack_plane_bytes(shape, shape->low_bits + shape->high_bits);
    SIMD_UNROLL
    for (size_t s = 0; s < STRIPS; s++) {
        const uint8_t *scales = block->body[s] + planes_bytes + strip_row(s);
        __m128i side[PACK_MAX_SUBS];
        SIMD_UNROLL
        for (size_t j = 0; j < PACK_MAX_BLOCK / shape->sub_values; j++) {
            __m128i scale = load_scale(shape->scales, scales, j);
            side[j] = shape->has_minimum ? load_minimum(shape->scales, scales, j) : scale;
            to->scale[s][j] = widen_scale(scale);
        }
        SIMD_UNROLL
        for (size_t p = 0; p < PACK_MAX_SUBS / 2; p++) {
            size_t first = 32 * p / shape->sub_values, second = (32 * p + 16) / shape->sub_values;
            V_INT pair = interleave_to_pairs(side[first], side[second]);
            /* at most 32 * 128: fits */
            if (shape->offset) pair = v_multiply16(pair, v_set16((int16_t)-shape->offset));
            to->pairs[s][p] = pair;
        }
    }
}

/* The sums of a K block's activations, times its minima or what its offset takes off. */
SIMD_INLINE V_INT sum_pairs(const struct tile_block *block, const struct tile_scales *scales,
                            size_t s, size_t t)
{
    V_INT sum = v_zero();
    SIMD_UNROLL
    for (size_t p = 0; p < PACK_MAX_SUBS / 2; p++) {
        V_INT sums = v_broadcast(block->sums[t] + 2 * p);
        sum = v_add(sum, v_pair_products(scales->pairs[s][p], sums));
    }
    return sum;
}

/* The steps [begin, end) of a unit, products without scales. */
SIMD_INLINE void add_run(const struct pack_shape *shape, const size_t n_tokens,
                         const struct tile_block *block, size_t unit, size_t begin, size_t end,
                         V_INT sum[STRIPS][TILE_TOKENS])
{
    const size_t low = 64 * shape->low_bits * unit;
    const size_t high = pack_plane_bytes(shape, shape->low_bits) + 64 * shape->high_bits * unit;
    SIMD_UNROLL
    for (size_t step = begin; step < end; step++) {
        V_INT q[STRIPS];
        SIMD_UNROLL
        for (size_t s = 0; s < STRIPS; s++) {
            q[s] =
                load_step(shape, block->body[s] + low, block->body[s] + high, step, strip_row(s));
        }
        SIMD_UNROLL
        for (size_t t = 0; t < n_tokens; t++) {
            V_INT a = v_broadcast(block->a[t] + PACK_UNIT * unit + 4 * step);
            SIMD_UNROLL
            for (size_t s = 0; s < STRIPS; s++) {
                sum[s][t] = shape->low_bits == 8 ? wide_dot(sum[s][t], q[s], a)
                                                 : narrow_dot(sum[s][t], q[s], a);
            }
        }
    }
}

/* Reads ahead in the bodies for one unit: a single token's product waits for nothing but memory,
 * and asking for a whole block at once is more than a core has requests for. */
SIMD_INLINE void prefetch_unit(const struct pack_shape *shape, const struct tile_block *block,
                               size_t unit)
{
    const size_t n_units = shape->block_values / PACK_UNIT;
    const size_t n_bytes = pack_body_bytes(shape) / n_units;
    SIMD_UNROLL
    for (size_t s = 0; s < STRIPS; s++) {
        if (strip_row(s) != 0) continue; /* in the same group as the strip before */
        const uint8_t *ahead = block->body[s] + unit * n_bytes + PREFETCH_BYTES;
        SIMD_UNROLL
        for (size_t at = 0; at < n_bytes; at += 64)
            _mm_prefetch((const char *)ahead + at, _MM_HINT_T0);
    }
}

/* One unit of 32 k. Sums that no bound or scale forces apart are the exact sums themselves. */
SIMD_INLINE void add_unit(const struct pack_shape *shape, const size_t n_tokens,
                          const struct tile_block *block, const struct tile_scales *scales,
                          size_t unit, V_INT isum[STRIPS][TILE_TOKENS])
{
    if (n_tokens == 1) prefetch_unit(shape, block, unit);
    if (!has_scales(shape) && (!INT16_SUMS || shape->low_bits == 8)) {
        add_run(shape, n_tokens, block, unit, 0, PACK_UNIT_STEPS, isum);
        return;
    }
    const size_t n_steps = run_steps(shape);
    SIMD_UNROLL
    for (size_t step = 0; step < PACK_UNIT_STEPS; step += n_steps) {
        V_INT narrow[STRIPS][TILE_TOKENS];
        SIMD_UNROLL
        for (size_t t = 0; t < n_tokens; t++) {
            SIMD_UNROLL
            for (size_t s = 0; s < STRIPS; s++) narrow[s][t] = v_zero();
        }
        add_run(shape, n_tokens, block, unit, step, step + n_steps, narrow);
        const size_t sub = (PACK_UNIT * unit + 4 * step) / shape->sub_values;
        SIMD_UNROLL
        for (size_t t = 0; t < n_tokens; t++) {
            SIMD_UNROLL
            for (size_t s = 0; s < STRIPS; s++) {
                isum[s][t] = has_scales(shape) ? narrow_end_scaled(isum[s][t], narrow[s][t],
                                                                   scales->scale[s][sub])
                                               : narrow_end(isum[s][t], narrow[s][t]);
            }
        }
    }
}

/* Adds a block of a type without scales. */
SIMD_INLINE void add_legacy_block(const struct pack_shape *shape, const size_t n_tokens,
                                  const struct tile_block *block,
                                  SIMD_FLOAT acc[STRIPS][TILE_TOKENS])
{
    const int offset = shape->low_bits == 8 ? shape->offset - WIDE_TAKES_OFF : shape->offset;
    V_INT isum[STRIPS][TILE_TOKENS];
    SIMD_UNROLL
    for (size_t t = 0; t < n_tokens; t++) {
        V_INT start = v_zero();
        if (offset) {
            V_INT sums = v_broadcast(block->sums[t]);
            start = v_pair_products(v_set16((int16_t)-offset), sums);
        }
        SIMD_UNROLL
        for (size_t s = 0; s < STRIPS; s++) isum[s][t] = start;
    }
    add_unit(shape, n_tokens, block, NULL, 0, isum);
    SIMD_UNROLL
    for (size_t t = 0; t < n_tokens; t++) {
        SIMD_FLOAT da = simd_set(*block->da[t]);
        SIMD_UNROLL
        for (size_t s = 0; s < STRIPS; s++) {
            const uint8_t *factors = block->factors[s] + 2 * strip_row(s);
            SIMD_FLOAT d = simd_mul(simd_load_half(factors), da);
            acc[s][t] = simd_fma(d, v_to_float(isum[s][t]), acc[s][t]);
            if (!shape->has_minimum) continue;
            SIMD_FLOAT m = simd_mul(simd_load_half(factors + 2 * ROW_GROUP), da);
            V_INT sum = v_pair_products(v_set16(1), v_broadcast(block->sums[t]));
            acc[s][t] = simd_fma(m, v_to_float(sum), acc[s][t]);
        }
    }
}

/* Adds a block of a K type. */
SIMD_INLINE void add_k_block(const struct pack_shape *shape, const size_t n_tokens,
                             const struct tile_block *block, SIMD_FLOAT acc[STRIPS][TILE_TOKENS])
{
    V_INT isum[STRIPS][TILE_TOKENS];
    struct tile_scales scales;
    load_scales(shape, block, &scales);
    SIMD_UNROLL
    for (size_t t = 0; t < n_tokens; t++) {
        SIMD_UNROLL
        for (size_t s = 0; s < STRIPS; s++) {
            isum[s][t] = shape->offset ? sum_pairs(block, &scales, s, t) : v_zero();
        }
    }
    for (size_t unit = 0; unit < PACK_MAX_BLOCK / PACK_UNIT; unit++) {
        add_unit(shape, n_tokens, block, &scales, unit, isum);
    }
    SIMD_UNROLL
    for (size_t t = 0; t < n_tokens; t++) {
        SIMD_FLOAT da = simd_set(*block->da[t]), minus_da = simd_set(-*block->da[t]);
        SIMD_UNROLL
        for (size_t s = 0; s < STRIPS; s++) {
            const uint8_t *factors = block->factors[s] + 2 * strip_row(s);
            SIMD_FLOAT d = simd_mul(simd_load_half(factors), da);
            acc[s][t] = simd_fma(d, v_to_float(isum[s][t]), acc[s][t]);
            if (!shape->has_minimum) continue;
            SIMD_FLOAT m = simd_mul(simd_load_half(factors + 2 * ROW_GROUP), minus_da);
            V_INT sum = sum_pairs(block, &scales, s, t);
            acc[s][t] = simd_fma(m, v_to_float(sum), acc[s][t]);
        }
    }
}

SIMD_INLINE void find_block(const struct pack_shape *shape, const size_t n_tokens,
                            const struct tile *tile, size_t i, struct tile_block *block)
{
    const size_t n_cols = tile->w->n_cols, n_blocks = n_cols / shape->block_values;
    SIMD_UNROLL
    for (size_t s = 0; s < STRIPS; s++) {
        block->factors[s] = tile->group[s] + i * pack_factors(shape) * ROW_GROUP * 2;
        block->body[s] =
            tile->group[s] + pack_factors_bytes(shape, n_blocks) + i * pack_body_bytes(shape);
    }
    SIMD_UNROLL
    for (size_t t = 0; t < n_tokens; t++) {
        size_t token = tile->token + t;
        block->a[t] = tile->a->q + token * n_cols + i * shape->block_values;
        block->sums[t] = tile->a->sums + (token * n_cols + i * shape->block_values) / 16;
        block->da[t] = tile->a->d + token * n_blocks + i;
    }
}

/* result: [n_tokens][TILE_ROWS] */
SIMD_INLINE void compute_tile(enum tensor_type type, const size_t n_tokens, const struct tile *tile,
                              float *result)
{
    const struct pack_shape shape = pack_shape(type);
    const size_t n_blocks = tile->w->n_cols / shape.block_values;
    SIMD_FLOAT acc[STRIPS][TILE_TOKENS];
    SIMD_UNROLL
    for (size_t t = 0; t < n_tokens; t++) {
        SIMD_UNROLL
        for (size_t s = 0; s < STRIPS; s++) acc[s][t] = simd_set(0);
    }
    for (size_t i = 0; i < n_blocks; i++) {
        struct tile_block block;
        find_block(&shape, n_tokens, tile, i, &block);
        if (shape.scales == PACK_NO_SCALES) {
            add_legacy_block(&shape, n_tokens, &block, acc);
        } else {
            add_k_block(&shape, n_tokens, &block, acc);
        }
    }
    SIMD_UNROLL
    for (size_t t = 0; t < n_tokens; t++) {
        SIMD_UNROLL
        for (size_t s = 0; s < STRIPS; s++)
            simd_store(result + t * TILE_ROWS + s * SIMD_LANES, acc[s][t]);
    }
}

typedef void tile_fn(const struct tile *tile, float *result);

#define DEFINE_TILE(type, n)                                                                       \
    static void tile_##type##_##n(const struct tile *tile, float *result)                          \
    {                                                                                              \
        compute_tile(TENSOR_##type, n, tile, result);                                              \
    }
#define DEFINE_TILES(type)                                                                         \
    DEFINE_TILE(type, 1)                                                                           \
    DEFINE_TILE(type, 2)                                                                           \
    DEFINE_TILE(type, 3)                                                                           \
    DEFINE_TILE(type, 4) IF_TILE_OF_SIX(DEFINE_TILE(type, 5) DEFINE_TILE(type, 6))
#define LIST_TILES(type)                                                                           \
    [TENSOR_##type] = {tile_##type##_1, tile_##type##_2, tile_##type##_3,                          \
                       tile_##type##_4 IF_TILE_OF_SIX(, tile_##type##_5, tile_##type##_6)}

DEFINE_TILES(Q4_0)
DEFINE_TILES(Q4_1)
DEFINE_TILES(Q5_0)
DEFINE_TILES(Q5_1)
DEFINE_TILES(Q8_0)
DEFINE_TILES(Q2_K)
DEFINE_TILES(Q3_K)
DEFINE_TILES(Q4_K)
DEFINE_TILES(Q5_K)
DEFINE_TILES(Q6_K)

/* By type and number of tokens minus 1. */
static tile_fn *const tiles[TENSOR_TYPE_LIMIT][TILE_TOKENS] = {
    LIST_TILES(Q4_0), LIST_TILES(Q4_1), LIST_TILES(Q5_0), LIST_TILES(Q5_1), LIST_TILES(Q8_0),
    LIST_TILES(Q2_K), LIST_TILES(Q3_K), LIST_TILES(Q4_K), LIST_TILES(Q5_K), LIST_TILES(Q6_K),
};

/* Groups outside, so that one tile's weights stay in the cache for all tokens. The tokens are
 * spread evenly over as few tiles as hold them: a last tile of one would cost as much as half a
 * full one. */
void GEMM_QUANT(const struct packed *w, const struct acts *a, size_t group_begin, size_t group_end,
                float *out, size_t out_stride)
{
    size_t row_end = group_end * ROW_GROUP < w->n_rows ? group_end * ROW_GROUP : w->n_rows;
    for (size_t group = group_begin; group < group_end; group += TILE_GROUPS) {
        size_t row = group * ROW_GROUP, left = row_end - row;
        size_t n_rows = left < TILE_ROWS ? left : TILE_ROWS;
        struct tile tile = {.w = w, .a = a};
        for (size_t s = 0; s < STRIPS; s++) {
            /* A strip past the last group computes that group again; its result is dropped. */
            size_t at = group + s * SIMD_LANES / ROW_GROUP;
            tile.group[s] = w->data + (at < group_end ? at : group_end - 1) * w->group_bytes;
        }
        for (size_t n; tile.token < a->n_tokens; tile.token += n) {
            size_t n_left = a->n_tokens - tile.token;
            size_t n_tiles = (n_left + TILE_TOKENS - 1) / TILE_TOKENS;
            n = (n_left + n_tiles - 1) / n_tiles;
            float result[TILE_TOKENS * TILE_ROWS];
            tiles[w->type][n - 1](&tile, result);
            for (size_t t = 0; t < n; t++) {
                memcpy(out + (tile.token + t) * out_stride + row, result + t * TILE_ROWS,
                       n_rows * sizeof *out);
            }
        }
    }
}

#endif
