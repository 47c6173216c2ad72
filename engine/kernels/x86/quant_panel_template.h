/* quant_panel_template.h - quantized weights of a tile's rows, from their bits to what products
 * take: bytes, scales in vectors, factors as floats; step by step from the packed group, or once
 * for many tokens into a panel.
 *
 * Part of gemm_quant_template.h, which says what the includer defines. Types are constants here:
 * all branches on them vanish.
 */
#ifndef PHIBENCH_ENGINE_KERNELS_X86_QUANT_PANEL_TEMPLATE_H
#define PHIBENCH_ENGINE_KERNELS_X86_QUANT_PANEL_TEMPLATE_H

#include "engine/kernels/kernel_list.h"
#include "engine/kernels/pack_layout.h"

enum {
    TILE_ROWS = STRIPS * SIMD_LANES,
    TILE_GROUPS = TILE_ROWS / ROW_GROUP,
    PANEL_VALUES = PACK_MAX_BLOCK,
    PANEL_UNITS = PANEL_VALUES / PACK_UNIT,
    PANEL_STEPS = PANEL_VALUES / 4,
    PANEL_TOKENS = 96,
    PREFETCH_BYTES = 3072 /* how far a stream of weights reads ahead */
};
_Static_assert(TILE_ROWS % ROW_GROUP == 0, "strips make whole groups");

/* Scales of a K block: by sub-block for the products; and, two sub-blocks in an int32, what the
 * sums of activations are multiplied by: minima, or scales times what the offset takes off. */
struct tile_scales {
    V_INT scale[STRIPS][PACK_MAX_SUBS], pairs[STRIPS][PACK_MAX_SUBS / 2];
};

/* 256 k of a tile's rows, fewer at the end of rows in blocks of 32. */
struct panel {
    V_INT q[PANEL_STEPS][STRIPS];
    struct tile_scales scales;
    SIMD_FLOAT factors[PANEL_UNITS][2][STRIPS]; /* d, then the minimum's, by block */
};

/* Where the 256 k of a panel lie in packed groups. */
struct panel_place {
    size_t n_units;
    const uint8_t *body[STRIPS], *factors[STRIPS]; /* of the first block */
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

SIMD_INLINE size_t n_subs(const struct pack_shape *shape)
{
    return PACK_MAX_BLOCK / shape->sub_values;
}

/* Bytes of q go straight to int32 sums. */
SIMD_INLINE bool is_wide(const struct pack_shape *shape)
{
    return pack_bits(shape) == 8;
}

/* What is taken off the sums of products: the offset, if the product itself does not. */
SIMD_INLINE int offset_taken_off(const struct pack_shape *shape)
{
    return shape->offset - (is_wide(shape) ? WIDE_TAKES_OFF : 0);
}

/* It is taken off each sub-block's sum of products, before its scale. */
SIMD_INLINE bool starts_at_offset(const struct pack_shape *shape)
{
    return offset_taken_off(shape) && !(has_scales(shape) && INT16_SUMS);
}

/* It is taken off as minima are, times the scales. */
SIMD_INLINE bool has_offset_pairs(const struct pack_shape *shape)
{
    return offset_taken_off(shape) && !starts_at_offset(shape);
}

/* Whether a sub-block's sum of products, the offset taken off, is an int16. */
SIMD_INLINE bool is_word_sum(const struct pack_shape *shape)
{
    int n_bits = (int)pack_bits(shape);
    int largest = shape->offset ? shape->offset : (1 << n_bits) - 1;
    return (int)shape->sub_values * 127 * largest <= INT16_MAX;
}

/* Both bytes of an int16 hold `bits` ones from bit `from` on. */
SIMD_INLINE V_INT field_mask(unsigned bits, unsigned from)
{
    return v_set16((int16_t)((((1u << bits) - 1) << from) * 0x101));
}

/* What products take for codes. */
SIMD_INLINE V_INT look_up(const struct pack_shape *shape, V_INT codes)
{
    __m128i values = _mm_loadu_si128((const __m128i *)shape->values);
    return v_look_up(_mm_add_epi8(values, _mm_set1_epi8((char)shape->offset)), codes);
}

/* The q of one step of a unit, in bytes. */
SIMD_INLINE V_INT load_step(const struct pack_shape *shape, const struct panel_place *place,
                            size_t s, size_t unit, size_t step)
{
    const unsigned low_bits = shape->low_bits, high_bits = shape->high_bits;
    const size_t low_steps = 8 / low_bits, n_low_bytes = pack_plane_bytes(shape, low_bits);
    const uint8_t *low = place->body[s] + 4 * strip_row(s), *high = low + n_low_bytes;
    if (has_scales(shape)) {
        low += 64 * low_bits * unit;
        high += 64 * high_bits * unit;
    } else {
        low += pack_body_bytes(shape) * unit;
        high += pack_body_bytes(shape) * unit;
    }
    V_INT q = v_load(low + 64 * (step / low_steps));
    if (low_bits == 8) return q;
    q = v_and(v_shift_right(q, low_bits * (unsigned)(step % low_steps)), field_mask(low_bits, 0));
    if (shape->values) return look_up(shape, q);
    if (!high_bits) return q;
    const size_t high_steps = 8 / high_bits;
    const unsigned from = high_bits * (unsigned)(step % high_steps);
    V_INT h = v_load(high + 64 * (step / high_steps));
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

SIMD_INLINE void load_scales(const struct pack_shape *shape, const struct panel_place *place,
                             struct tile_scales *to)
{
    const size_t planes_bytes = pack_plane_bytes(shape, shape->low_bits + shape->high_bits);
    const bool offset_pairs = has_offset_pairs(shape);
    SIMD_UNROLL
    for (size_t s = 0; s < STRIPS; s++) {
        const uint8_t *scales = place->body[s] + planes_bytes + strip_row(s);
        __m128i side[PACK_MAX_SUBS];
        SIMD_UNROLL
        for (size_t j = 0; j < n_subs(shape); j++) {
            __m128i scale = load_scale(shape->scales, scales, j);
            side[j] = shape->has_minimum ? load_minimum(shape->scales, scales, j) : scale;
            to->scale[s][j] = widen_scale(scale, is_word_sum(shape));
        }
        if (!shape->has_minimum && !offset_pairs) continue;
        SIMD_UNROLL
        for (size_t p = 0; p < n_subs(shape) / 2; p++) {
            V_INT pair = interleave_to_pairs(side[2 * p], side[2 * p + 1]);
            /* at most 32 * 128: fits */
            if (offset_pairs) pair = v_multiply16(pair, v_set16((int16_t)-shape->offset));
            to->pairs[s][p] = pair;
        }
    }
}

SIMD_INLINE SIMD_FLOAT load_factor(const struct pack_shape *shape, const struct panel_place *place,
                                   size_t s, size_t block, size_t i_factor)
{
    size_t at = block * pack_factors(shape) + i_factor;
    const uint8_t *factors = place->factors[s] + 2 * (at * ROW_GROUP + strip_row(s));
    if (shape->factor == PACK_BFLOAT) return simd_load_bfloat(factors);
    SIMD_FLOAT d = simd_load_half(factors);
    return shape->factor == PACK_HALF_EIGHTH ? simd_mul(d, simd_set(0.125f)) : d;
}

/* Reads ahead in the bodies for one unit: asking for a whole block at once is more than a core has
 * requests for. They go to the second level: the first has too few requests to keep memory busy. */
SIMD_INLINE void prefetch_unit(const struct pack_shape *shape, const struct panel_place *place,
                               size_t unit, size_t ahead_bytes)
{
    const size_t n_bytes =
        has_scales(shape) ? pack_body_bytes(shape) / PANEL_UNITS : pack_body_bytes(shape);
    SIMD_UNROLL
    for (size_t s = 0; s < STRIPS; s++) {
        if (strip_row(s) != 0) continue; /* in the same group as the strip before */
        const uint8_t *ahead = place->body[s] + unit * n_bytes + ahead_bytes;
        SIMD_UNROLL
        for (size_t at = 0; at < n_bytes; at += 64)
            _mm_prefetch((const char *)ahead + at, _MM_HINT_T1);
    }
}

SIMD_INLINE void unpack_panel(const struct pack_shape *shape, const struct panel_place *place,
                              struct panel *panel)
{
    if (has_scales(shape)) load_scales(shape, place, &panel->scales);
    for (size_t unit = 0; unit < place->n_units; unit++) {
        prefetch_unit(shape, place, unit, PREFETCH_BYTES);
        SIMD_UNROLL
        for (size_t step = 0; step < PACK_UNIT_STEPS; step++) {
            SIMD_UNROLL
            for (size_t s = 0; s < STRIPS; s++)
                panel->q[PACK_UNIT_STEPS * unit + step][s] = load_step(shape, place, s, unit, step);
        }
        if (has_scales(shape) && unit > 0) continue; /* one block, one pair of factors */
        SIMD_UNROLL
        for (size_t i = 0; i < pack_factors(shape); i++) {
            SIMD_UNROLL
            for (size_t s = 0; s < STRIPS; s++)
                panel->factors[unit][i][s] = load_factor(shape, place, s, unit, i);
        }
    }
}

#endif
