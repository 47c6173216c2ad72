/* gemm_quant_neon.c - int8 activations and quantized products with the byte dot product of Armv8.2.
 *
 * sdot adds four products of signed bytes to each int32 and takes the activations of a step from a
 * lane, so one register holds 16 activations of a token. A tile is one row group, four parts of 4
 * rows, by up to four tokens, and parts take turns: of 32 registers, 16 hold the tile's sums, 4
 * those of the part and 8 activations. A part has four chains of sdot; where they would wait for
 * their own sums, the next part begins. Only the bits are proved, by emulation: speed has not been
 * measured.
 */
/* Scheduled before registers are assigned, unrolled loops begin with all their loads, whose results
 * then wait on the stack: 152 moves to and from it for the 128 sdot of Q4_0, and 22 without. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-schedule-insns")
#endif

#include "engine/kernels/act_scale.h"
#include "engine/kernels/arm/simd_neon.h"
#include "engine/kernels/kernel_list.h"
#include "engine/kernels/pack_layout.h"

#include <string.h>

enum {
    TILE_TOKENS = 4,
    RUN_VALUES = 16, /* a register of activations */
    RUN_STEPS = RUN_VALUES / 4
};

struct tile {
    const struct packed *w;
    const struct acts *a;
    const uint8_t *group;
    size_t token; /* the first */
};

/* One block of a tile, or the rest of it from some unit on. */
struct tile_block {
    const uint8_t *low, *high, *scales, *factors;
    const int8_t *a[TILE_TOKENS];
    const int16_t *sums[TILE_TOKENS]; /* [block_values / 16] */
    float da[TILE_TOKENS];
};

struct tile_scales {
    int16_t scale[PACK_MAX_SUBS][ROW_GROUP], minimum[PACK_MAX_SUBS][ROW_GROUP];
};

SIMD_INLINE bool has_scales(const struct pack_shape *shape)
{
    return shape->scales != PACK_NO_SCALES;
}

/* The offset of q is taken off byte by byte, where there are scales or q has 8 bits; else all rows
 * lose the same, which their sums start with. */
SIMD_INLINE bool starts_with_offset(const struct pack_shape *shape)
{
    return !has_scales(shape) && pack_bits(shape) < 8;
}

/* What products take for codes: their values, plus the offset where the sums start with it. */
SIMD_INLINE uint8x16_t look_up(const struct pack_shape *shape, uint8x16_t codes)
{
    int offset = starts_with_offset(shape) ? shape->offset : 0;
    int8x16_t values = vaddq_s8(vld1q_s8(shape->values), vdupq_n_s8((int8_t)offset));
    return vreinterpretq_u8_s8(vqtbl1q_s8(values, codes));
}

/* Field number `step` of a plane, of the 4 rows of a part. */
SIMD_INLINE uint8x16_t load_field(const uint8_t *plane, unsigned bits, size_t step, size_t part)
{
    const size_t n_steps = 8 / bits;
    const unsigned from = bits * (unsigned)(step % n_steps);
    uint8x16_t bytes = vld1q_u8(plane + 64 * (step / n_steps) + 16 * part) >> (uint8_t)from;
    return from + bits < 8 ? vandq_u8(bytes, vdupq_n_u8((uint8_t)((1u << bits) - 1))) : bytes;
}

SIMD_INLINE int8x16_t load_weights(const struct pack_shape *shape, const struct tile_block *block,
                                   size_t step, size_t part)
{
    uint8x16_t q = load_field(block->low, shape->low_bits, step, part);
    if (shape->values) return vreinterpretq_s8_u8(look_up(shape, q));
    if (shape->high_bits) {
        uint8x16_t high = load_field(block->high, shape->high_bits, step, part);
        q = vorrq_u8(q, high << (uint8_t)shape->low_bits);
    }
    if (!starts_with_offset(shape)) q = vsubq_u8(q, vdupq_n_u8((uint8_t)shape->offset));
    return vreinterpretq_s8_u8(q);
}

/* The instruction has the lane as a constant. */
SIMD_INLINE int32x4_t dot_lane(int32x4_t sum, int8x16_t w, int8x16_t a, size_t lane)
{
    switch (lane) {
    case 0: return vdotq_laneq_s32(sum, w, a, 0);
    case 1: return vdotq_laneq_s32(sum, w, a, 1);
    case 2: return vdotq_laneq_s32(sum, w, a, 2);
    default: return vdotq_laneq_s32(sum, w, a, 3);
    }
}

/* Products of the part with each token in n_runs runs from `first` on, without scales. */
SIMD_INLINE void add_runs(const struct pack_shape *shape, const size_t n_tokens,
                          const struct tile_block *block, size_t part, size_t first, size_t n_runs,
                          int32x4_t sum[TILE_TOKENS])
{
    SIMD_UNROLL
    for (size_t run = first; run < first + n_runs; run++) {
        SIMD_UNROLL
        for (size_t step = 0; step < RUN_STEPS; step++) {
            int8x16_t w = load_weights(shape, block, RUN_STEPS * run + step, part);
            SIMD_UNROLL
            for (size_t t = 0; t < n_tokens; t++) {
                int8x16_t a = vld1q_s8(block->a[t] + RUN_VALUES * run);
                sum[t] = dot_lane(sum[t], w, a, step);
            }
        }
    }
}

SIMD_INLINE SIMD_FLOAT load_factor(const struct pack_shape *shape, const uint8_t *factors)
{
    if (shape->factor == PACK_BFLOAT) return simd_load_bfloat(factors);
    SIMD_FLOAT d = simd_load_half(factors);
    return shape->factor == PACK_HALF_EIGHTH ? simd_mul(d, simd_set(0.125f)) : d;
}

/* Adds a block of a type without scales. */
SIMD_INLINE void add_legacy_block(const struct pack_shape *shape, const size_t n_tokens,
                                  const struct tile_block *block,
                                  SIMD_FLOAT acc[TILE_TOKENS][SIMD_PARTS])
{
    const int offset = starts_with_offset(shape) ? shape->offset : 0;
    SIMD_UNROLL
    for (size_t part = 0; part < SIMD_PARTS; part++) {
        const uint8_t *factors = block->factors + 2 * SIMD_LANES * part;
        int32x4_t sum[TILE_TOKENS];
        SIMD_UNROLL
        for (size_t t = 0; t < n_tokens; t++) {
            sum[t] = vdupq_n_s32(-offset * (block->sums[t][0] + block->sums[t][1]));
        }
        add_runs(shape, n_tokens, block, part, 0, PACK_UNIT / RUN_VALUES, sum);
        SIMD_UNROLL
        for (size_t t = 0; t < n_tokens; t++) {
            SIMD_FLOAT da = simd_set(block->da[t]);
            SIMD_FLOAT d = simd_mul(load_factor(shape, factors), da);
            acc[t][part] = simd_fma(d, vcvtq_f32_s32(sum[t]), acc[t][part]);
            if (!shape->has_minimum) continue;
            SIMD_FLOAT m = simd_mul(simd_load_half(factors + 2 * ROW_GROUP), da);
            SIMD_FLOAT asum = simd_set((float)(block->sums[t][0] + block->sums[t][1]));
            acc[t][part] = simd_fma(m, asum, acc[t][part]);
        }
    }
}

/* Value v of 6 bits. */
SIMD_INLINE uint8x16_t load_six_bits(const uint8_t *scales, size_t v)
{
    uint8x16_t low = vld1q_u8(scales + ROW_GROUP * (v % 8)) >> (uint8_t)(4 * (v / 8));
    uint8x16_t high = vld1q_u8(scales + ROW_GROUP * (8 + v % 4)) >> (uint8_t)(2 * (v / 4));
    low = vandq_u8(low, vdupq_n_u8(15));
    return vorrq_u8(low, vandq_u8(high, vdupq_n_u8(3)) << (uint8_t)4);
}

SIMD_INLINE int8x16_t load_scale(enum pack_scales kind, const uint8_t *scales, size_t j)
{
    uint8x16_t scale;
    switch (kind) {
    case PACK_NIBBLES: scale = vandq_u8(vld1q_u8(scales + ROW_GROUP * j), vdupq_n_u8(15)); break;
    case PACK_BYTES: scale = vld1q_u8(scales + ROW_GROUP * j); break;
    case PACK_SIX_BITS_SIGNED: scale = vsubq_u8(load_six_bits(scales, j), vdupq_n_u8(32)); break;
    default: scale = load_six_bits(scales, j); break;
    }
    return vreinterpretq_s8_u8(scale);
}

SIMD_INLINE int8x16_t load_minimum(enum pack_scales kind, const uint8_t *scales, size_t j)
{
    return vreinterpretq_s8_u8(kind == PACK_NIBBLES ? vld1q_u8(scales + ROW_GROUP * j) >> (uint8_t)4
                                                    : load_six_bits(scales, 8 + j));
}

SIMD_INLINE void store_wide(int8x16_t bytes, int16_t words[ROW_GROUP])
{
    vst1q_s16(words, vmovl_s8(vget_low_s8(bytes)));
    vst1q_s16(words + 8, vmovl_high_s8(bytes));
}

SIMD_INLINE void load_scales(const struct pack_shape *shape, const uint8_t *scales,
                             struct tile_scales *to)
{
    SIMD_UNROLL
    for (size_t j = 0; j < shape->block_values / shape->sub_values; j++) {
        store_wide(load_scale(shape->scales, scales, j), to->scale[j]);
        if (shape->has_minimum) store_wide(load_minimum(shape->scales, scales, j), to->minimum[j]);
    }
}

/* One unit of a part: each sub-block's products times its scale. */
SIMD_INLINE void add_unit(const struct pack_shape *shape, const size_t n_tokens,
                          const struct tile_block *block, const struct tile_scales *scales,
                          size_t unit, size_t part, int32x4_t isum[TILE_TOKENS][SIMD_PARTS])
{
    const size_t n_subs = PACK_UNIT / shape->sub_values, n_runs = shape->sub_values / RUN_VALUES;
    SIMD_UNROLL
    for (size_t i = 0; i < n_subs; i++) {
        int32x4_t sum[TILE_TOKENS];
        SIMD_UNROLL
        for (size_t t = 0; t < n_tokens; t++) sum[t] = vdupq_n_s32(0);
        add_runs(shape, n_tokens, block, part, n_runs * i, n_runs, sum);
        const int16_t *words = scales->scale[n_subs * unit + i] + SIMD_LANES * part;
        const int32x4_t scale = vmovl_s16(vld1_s16(words));
        SIMD_UNROLL
        for (size_t t = 0; t < n_tokens; t++) {
            isum[t][part] = vmlaq_s32(isum[t][part], sum[t], scale);
        }
    }
}

/* The sums of a token's activations, times the minima. */
SIMD_INLINE int32x4_t sum_minima(const struct pack_shape *shape, const int16_t *sums,
                                 const struct tile_scales *scales, size_t part)
{
    int32x4_t msum = vdupq_n_s32(0);
    SIMD_UNROLL
    for (size_t j = 0; j < shape->block_values / shape->sub_values; j++) {
        /* at most 32 * 127: fits */
        const int16_t sum =
            shape->sub_values == 16 ? sums[j] : (int16_t)(sums[2 * j] + sums[2 * j + 1]);
        msum = vmlal_n_s16(msum, vld1_s16(scales->minimum[j] + SIMD_LANES * part), sum);
    }
    return msum;
}

/* Adds a block of a K type. */
SIMD_INLINE void add_k_block(const struct pack_shape *shape, const size_t n_tokens,
                             const struct tile_block *block,
                             SIMD_FLOAT acc[TILE_TOKENS][SIMD_PARTS])
{
    struct tile_block rest = *block;
    struct tile_scales scales;
    int32x4_t isum[TILE_TOKENS][SIMD_PARTS];
    load_scales(shape, block->scales, &scales);
    SIMD_UNROLL
    for (size_t t = 0; t < n_tokens; t++) {
        SIMD_UNROLL
        for (size_t part = 0; part < SIMD_PARTS; part++) isum[t][part] = vdupq_n_s32(0);
    }
    for (size_t unit = 0; unit < PACK_MAX_BLOCK / PACK_UNIT; unit++) {
        SIMD_UNROLL
        for (size_t part = 0; part < SIMD_PARTS; part++) {
            add_unit(shape, n_tokens, &rest, &scales, unit, part, isum);
        }
        rest.low += 64 * shape->low_bits;
        rest.high += 64 * shape->high_bits;
        SIMD_UNROLL
        for (size_t t = 0; t < n_tokens; t++) rest.a[t] += PACK_UNIT;
    }
    SIMD_UNROLL
    for (size_t part = 0; part < SIMD_PARTS; part++) {
        const uint8_t *factors = block->factors + 2 * SIMD_LANES * part;
        SIMD_UNROLL
        for (size_t t = 0; t < n_tokens; t++) {
            SIMD_FLOAT d = simd_mul(load_factor(shape, factors), simd_set(block->da[t]));
            acc[t][part] = simd_fma(d, vcvtq_f32_s32(isum[t][part]), acc[t][part]);
            if (!shape->has_minimum) continue;
            const int32x4_t msum = sum_minima(shape, block->sums[t], &scales, part);
            SIMD_FLOAT m =
                simd_mul(simd_load_half(factors + 2 * ROW_GROUP), simd_set(-block->da[t]));
            acc[t][part] = simd_fma(m, vcvtq_f32_s32(msum), acc[t][part]);
        }
    }
}

SIMD_INLINE void find_block(const struct pack_shape *shape, const size_t n_tokens,
                            const struct tile *tile, size_t i, struct tile_block *block)
{
    const size_t n_cols = tile->w->n_cols, n_blocks = n_cols / shape->block_values;
    block->factors = tile->group + i * pack_factors(shape) * ROW_GROUP * 2;
    block->low = tile->group + pack_factors_bytes(shape, n_blocks) + i * pack_body_bytes(shape);
    block->high = block->low + pack_plane_bytes(shape, shape->low_bits);
    block->scales = block->high + pack_plane_bytes(shape, shape->high_bits);
    SIMD_UNROLL
    for (size_t t = 0; t < n_tokens; t++) {
        size_t token = tile->token + t;
        block->a[t] = tile->a->q + token * n_cols + i * shape->block_values;
        block->sums[t] = tile->a->sums + (token * n_cols + i * shape->block_values) / 16;
        block->da[t] = tile->a->d[token * n_blocks + i];
    }
}

/* result: [n_tokens][ROW_GROUP] */
SIMD_INLINE void compute_tile(enum tensor_type type, const size_t n_tokens, const struct tile *tile,
                              float *result)
{
    const struct pack_shape shape = pack_shape(type);
    const size_t n_blocks = tile->w->n_cols / shape.block_values;
    SIMD_FLOAT acc[TILE_TOKENS][SIMD_PARTS];
    SIMD_UNROLL
    for (size_t t = 0; t < n_tokens; t++) {
        SIMD_UNROLL
        for (size_t part = 0; part < SIMD_PARTS; part++) acc[t][part] = simd_set(0);
    }
    for (size_t i = 0; i < n_blocks; i++) {
        struct tile_block block;
        find_block(&shape, n_tokens, tile, i, &block);
        if (has_scales(&shape)) add_k_block(&shape, n_tokens, &block, acc);
        else add_legacy_block(&shape, n_tokens, &block, acc);
    }
    SIMD_UNROLL
    for (size_t t = 0; t < n_tokens; t++) {
        SIMD_UNROLL
        for (size_t part = 0; part < SIMD_PARTS; part++) {
            simd_store(result + t * ROW_GROUP + part * SIMD_LANES, acc[t][part]);
        }
    }
}

typedef void tile_fn(const struct tile *tile, float *result);

#define DEFINE_TILE(type, n)                                                                       \
    static void tile_##type##_##n(const struct tile *tile, float *result)                          \
    {                                                                                              \
        compute_tile(TENSOR_##type, n, tile, result);                                              \
    }
#define DEFINE_TILES(type)                                                                         \
    DEFINE_TILE(type, 1) DEFINE_TILE(type, 2) DEFINE_TILE(type, 3) DEFINE_TILE(type, 4)
#define LIST_TILES(type)                                                                           \
    [TENSOR_##type] = {tile_##type##_1, tile_##type##_2, tile_##type##_3, tile_##type##_4}

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
DEFINE_TILES(IQ4_NL)
DEFINE_TILES(IQ4_XS)
DEFINE_TILES(MXFP4)
DEFINE_TILES(IQ2_XXS)

/* Tiles by type and number of tokens minus 1. */
static tile_fn *const tiles[TENSOR_TYPE_LIMIT][TILE_TOKENS] = {
    LIST_TILES(Q4_0),  LIST_TILES(Q4_1),    LIST_TILES(Q5_0),   LIST_TILES(Q5_1),
    LIST_TILES(Q8_0),  LIST_TILES(Q2_K),    LIST_TILES(Q3_K),   LIST_TILES(Q4_K),
    LIST_TILES(Q5_K),  LIST_TILES(Q6_K),    LIST_TILES(IQ4_NL), LIST_TILES(IQ4_XS),
    LIST_TILES(MXFP4), LIST_TILES(IQ2_XXS),
};

/* Groups outside, so that a group's weights stay in the cache for all tokens, which are spread
 * evenly over as few tiles as hold them. */
void gemm_quant_neon(const struct packed *w, const struct acts *a, size_t group_begin,
                     size_t group_end, float *out, size_t out_stride)
{
    for (size_t group = group_begin; group < group_end; group++) {
        size_t row = group * ROW_GROUP, left = w->n_rows - row;
        size_t n_rows = left < ROW_GROUP ? left : ROW_GROUP;
        struct tile tile = {.w = w, .a = a, .group = w->data + group * w->group_bytes};
        for (size_t n; tile.token < a->n_tokens; tile.token += n) {
            size_t n_left = a->n_tokens - tile.token;
            size_t n_tiles = (n_left + TILE_TOKENS - 1) / TILE_TOKENS;
            n = (n_left + n_tiles - 1) / n_tiles;
            float result[TILE_TOKENS * ROW_GROUP];
            tiles[pack_kernel_type(w->type)][n - 1](&tile, result);
            for (size_t t = 0; t < n; t++) {
                memcpy(out + (tile.token + t) * out_stride + row, result + t * ROW_GROUP,
                       n_rows * sizeof *out);
            }
        }
    }
}

static uint32_t block_maximum(const float *x, size_t n)
{
    uint32x4_t maximum = vdupq_n_u32(0);
    for (size_t i = 0; i < n; i += SIMD_LANES) {
        uint32x4_t bits = vreinterpretq_u32_f32(simd_load(x + i));
        maximum = vmaxq_u32(maximum, vandq_u32(bits, vdupq_n_u32(0x7fffffff)));
    }
    return vmaxvq_u32(maximum);
}

/* 4 values in the low halves of int32, rounded to nearest even. */
SIMD_INLINE int16x4_t quantize_four(const float *x, float scale)
{
    return vmovn_s32(vcvtnq_s32_f32(simd_mul(simd_load(x), simd_set(scale))));
}

void quantize_neon(const float *x, size_t n_cols, size_t block, int8_t *q, float *d, int16_t *sums)
{
    for (size_t at = 0; at < n_cols; at += block) {
        float scale;
        if (!act_scale(block_maximum(x + at, block), &d[at / block], &scale)) {
            memset(q + at, 0, block);
            memset(sums + at / 16, 0, block / 16 * sizeof *sums);
            continue;
        }
        for (size_t i = at; i < at + block; i += 16) {
            int16x8_t first =
                vcombine_s16(quantize_four(x + i, scale), quantize_four(x + i + 4, scale));
            int16x8_t last =
                vcombine_s16(quantize_four(x + i + 8, scale), quantize_four(x + i + 12, scale));
            vst1q_s8(q + i, vcombine_s8(vmovn_s16(first), vmovn_s16(last)));
            sums[i / 16] = vaddvq_s16(vaddq_s16(first, last));
        }
    }
}
