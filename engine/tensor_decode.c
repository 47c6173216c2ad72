/* tensor_decode.c - what the blocks of each element type mean, as float32, bit for bit as the
 * format defines it, and whether they mean numbers.
 *
 * One function per type, one block at a time; the order of the float operations is part of the
 * format.
 */
#include "engine/tensor_type.h"

#include "engine/tensor_block.h"
#include "engine/tensor_grid.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static float load_half(const uint8_t bytes[2])
{
    return half_to_float(load_u16(bytes));
}

static void decode_q4_0(const void *bytes, float *values)
{
    const struct block_q4_0 *block = bytes;
    float d = load_half(block->d);
    for (int i = 0; i < 16; i++) {
        values[i] = (float)((block->quants[i] & 15) - 8) * d;
        values[i + 16] = (float)((block->quants[i] >> 4) - 8) * d;
    }
}

static void decode_q4_1(const void *bytes, float *values)
{
    const struct block_q4_1 *block = bytes;
    float d = load_half(block->d), m = load_half(block->m);
    for (int i = 0; i < 16; i++) {
        values[i] = (float)(block->quants[i] & 15) * d + m;
        values[i + 16] = (float)(block->quants[i] >> 4) * d + m;
    }
}

/* The fifth bit of value i, in place. */
static int fifth_bit(const uint8_t high_bits[4], int i)
{
    return (high_bits[i / 8] >> (i % 8) & 1) << 4;
}

static void decode_q5_0(const void *bytes, float *values)
{
    const struct block_q5_0 *block = bytes;
    float d = load_half(block->d);
    for (int i = 0; i < 16; i++) {
        int low = (block->quants[i] & 15) | fifth_bit(block->high_bits, i);
        int high = block->quants[i] >> 4 | fifth_bit(block->high_bits, i + 16);
        values[i] = (float)(low - 16) * d;
        values[i + 16] = (float)(high - 16) * d;
    }
}

static void decode_q5_1(const void *bytes, float *values)
{
    const struct block_q5_1 *block = bytes;
    float d = load_half(block->d), m = load_half(block->m);
    for (int i = 0; i < 16; i++) {
        int low = (block->quants[i] & 15) | fifth_bit(block->high_bits, i);
        int high = block->quants[i] >> 4 | fifth_bit(block->high_bits, i + 16);
        values[i] = (float)low * d + m;
        values[i + 16] = (float)high * d + m;
    }
}

static void decode_q8_0(const void *bytes, float *values)
{
    const struct block_q8_0 *block = bytes;
    float d = load_half(block->d);
    for (int i = 0; i < 32; i++) values[i] = (float)(int8_t)block->quants[i] * d;
}

static void decode_q2_k(const void *bytes, float *values)
{
    const struct block_q2_k *block = bytes;
    float d = load_half(block->d), d_min = load_half(block->d_min);
    for (int j = 0; j < 16; j++) {
        const uint8_t *quants = block->quants + 32 * (j / 8) + 16 * (j % 2);
        int shift = 2 * (j % 8 / 2);
        float scale = d * (float)(block->scales[j] & 15),
              minimum = d_min * (float)(block->scales[j] >> 4);
        for (int i = 0; i < 16; i++) {
            values[16 * j + i] = scale * (float)(quants[i] >> shift & 3) - minimum;
        }
    }
}

static void decode_q3_k(const void *bytes, float *values)
{
    const struct block_q3_k *block = bytes;
    float d = load_half(block->d);
    for (int j = 0; j < 16; j++) {
        const uint8_t *quants = block->quants + 32 * (j / 8) + 16 * (j % 2);
        const uint8_t *high_bits = block->high_bits + 16 * (j % 2);
        int shift = 2 * (j % 8 / 2);
        float scale = d * (float)unpack_scale_q3_k(block->scales, j);
        for (int i = 0; i < 16; i++) {
            int q = (quants[i] >> shift & 3) | (high_bits[i] >> (j / 2) & 1) << 2;
            values[16 * j + i] = scale * (float)(q - 4);
        }
    }
}

static void decode_q4_k(const void *bytes, float *values)
{
    const struct block_q4_k *block = bytes;
    float d = load_half(block->d), d_min = load_half(block->d_min);
    for (int j = 0; j < 8; j++) {
        const uint8_t *quants = block->quants + 32 * (j / 2);
        uint8_t scale_bits, minimum_bits;
        unpack_scale_minimum(block->scales, j, &scale_bits, &minimum_bits);
        float scale = d * (float)scale_bits, minimum = d_min * (float)minimum_bits;
        int shift = 4 * (j % 2);
        for (int i = 0; i < 32; i++) {
            values[32 * j + i] = scale * (float)(quants[i] >> shift & 15) - minimum;
        }
    }
}

static void decode_q5_k(const void *bytes, float *values)
{
    const struct block_q5_k *block = bytes;
    float d = load_half(block->d), d_min = load_half(block->d_min);
    for (int j = 0; j < 8; j++) {
        const uint8_t *quants = block->quants + 32 * (j / 2);
        uint8_t scale_bits, minimum_bits;
        unpack_scale_minimum(block->scales, j, &scale_bits, &minimum_bits);
        float scale = d * (float)scale_bits, minimum = d_min * (float)minimum_bits;
        int shift = 4 * (j % 2);
        for (int i = 0; i < 32; i++) {
            int q = (quants[i] >> shift & 15) | (block->high_bits[i] >> j & 1) << 4;
            values[32 * j + i] = scale * (float)q - minimum;
        }
    }
}

static void decode_q6_k(const void *bytes, float *values)
{
    const struct block_q6_k *block = bytes;
    float d = load_half(block->d);
    for (int j = 0; j < 16; j++) {
        const uint8_t *low_bits = block->low_bits + 64 * (j / 8) + 16 * (j % 4);
        const uint8_t *high_bits = block->high_bits + 32 * (j / 8) + 16 * (j % 2);
        int low_shift = 4 * (j % 8 / 4), high_shift = 2 * (j % 8 / 2);
        float scale = d * (float)(int8_t)block->scales[j];
        for (int i = 0; i < 16; i++) {
            int q = (low_bits[i] >> low_shift & 15) | (high_bits[i] >> high_shift & 3) << 4;
            values[16 * j + i] = scale * (float)(q - 32);
        }
    }
}

/* 32 values whose codes are placed as in Q4_0. */
static void decode_codes(const uint8_t quants[16], const int8_t table[16], float scale,
                         float values[32])
{
    for (int i = 0; i < 16; i++) {
        values[i] = scale * (float)table[quants[i] & 15];
        values[i + 16] = scale * (float)table[quants[i] >> 4];
    }
}

static void decode_iq4_nl(const void *bytes, float *values)
{
    const struct block_iq4_nl *block = bytes;
    decode_codes(block->quants, iq4_values, load_half(block->d), values);
}

static void decode_iq4_xs(const void *bytes, float *values)
{
    const struct block_iq4_xs *block = bytes;
    for (int j = 0; j < 8; j++) {
        float scale = load_half(block->d) * (float)unpack_scale_iq4_xs(block, j);
        decode_codes(block->quants + 16 * j, iq4_values, scale, values + 32 * j);
    }
}

static void decode_mxfp4(const void *bytes, float *values)
{
    const struct block_mxfp4 *block = bytes;
    float scale = bfloat_to_float(mxfp4_scale_bits(block->exponent));
    decode_codes(block->quants, mxfp4_values, scale, values);
}

static void decode_grid(enum tensor_type type, const void *bytes, float *values)
{
    struct grid_block block;
    grid_block_read(type, bytes, &block);
    for (int j = 0; j < GRID_BLOCK_VALUES / GRID_SUB_VALUES; j++) {
        float scale = half_to_float(block.d) / 8 * (float)block.scales[j];
        for (int i = GRID_SUB_VALUES * j; i < GRID_SUB_VALUES * (j + 1); i++)
            values[i] = scale * (float)block.q[i];
    }
}

void tensor_decode(enum tensor_type type, const void *blocks, size_t n_values, float *values)
{
    typedef void decode_fn(const void *block, float *values);
    static decode_fn *const decoders[TENSOR_TYPE_LIMIT] = {
        [TENSOR_Q4_0] = decode_q4_0,     [TENSOR_Q4_1] = decode_q4_1,
        [TENSOR_Q5_0] = decode_q5_0,     [TENSOR_Q5_1] = decode_q5_1,
        [TENSOR_Q8_0] = decode_q8_0,     [TENSOR_Q2_K] = decode_q2_k,
        [TENSOR_Q3_K] = decode_q3_k,     [TENSOR_Q4_K] = decode_q4_k,
        [TENSOR_Q5_K] = decode_q5_k,     [TENSOR_Q6_K] = decode_q6_k,
        [TENSOR_IQ4_NL] = decode_iq4_nl, [TENSOR_IQ4_XS] = decode_iq4_xs,
        [TENSOR_MXFP4] = decode_mxfp4,
    };
    const struct tensor_type_info *info = tensor_type_info(type);
    assert(info && info->supported && n_values % info->block_values == 0);
    const uint8_t *block = blocks;
    if (type == TENSOR_F32) {
        memcpy(values, blocks, n_values * sizeof *values);
    } else if (type == TENSOR_F16) {
        for (size_t i = 0; i < n_values; i++) values[i] = load_half(block + 2 * i);
    } else if (type == TENSOR_BF16) {
        for (size_t i = 0; i < n_values; i++) values[i] = bfloat_to_float(load_u16(block + 2 * i));
    } else {
        for (size_t at = 0; at < n_values; at += info->block_values, block += info->block_bytes) {
            if (tensor_is_grid(type)) decode_grid(type, block, values + at);
            else decoders[type](block, values + at);
        }
    }
}

/* ---- Whether they are numbers ---- */

/* Where the binary16 factors of a block stand, which make all of its values. */
struct factors {
    size_t n, at[2];
};

static const struct factors factors_of[TENSOR_TYPE_LIMIT] = {
    [TENSOR_Q4_0] = {1, {offsetof(struct block_q4_0, d)}},
    [TENSOR_Q4_1] = {2, {offsetof(struct block_q4_1, d), offsetof(struct block_q4_1, m)}},
    [TENSOR_Q5_0] = {1, {offsetof(struct block_q5_0, d)}},
    [TENSOR_Q5_1] = {2, {offsetof(struct block_q5_1, d), offsetof(struct block_q5_1, m)}},
    [TENSOR_Q8_0] = {1, {offsetof(struct block_q8_0, d)}},
    [TENSOR_Q2_K] = {2, {offsetof(struct block_q2_k, d), offsetof(struct block_q2_k, d_min)}},
    [TENSOR_Q3_K] = {1, {offsetof(struct block_q3_k, d)}},
    [TENSOR_Q4_K] = {2, {offsetof(struct block_q4_k, d), offsetof(struct block_q4_k, d_min)}},
    [TENSOR_Q5_K] = {2, {offsetof(struct block_q5_k, d), offsetof(struct block_q5_k, d_min)}},
    [TENSOR_Q6_K] = {1, {offsetof(struct block_q6_k, d)}},
    [TENSOR_IQ4_NL] = {1, {offsetof(struct block_iq4_nl, d)}},
    [TENSOR_IQ4_XS] = {1, {offsetof(struct block_iq4_xs, d)}},
    [TENSOR_IQ2_XXS] = {1, {offsetof(struct block_iq2_xxs, d)}},
    [TENSOR_IQ2_XS] = {1, {offsetof(struct block_iq2_xs, d)}},
    [TENSOR_IQ2_S] = {1, {offsetof(struct block_iq2_s, d)}},
    [TENSOR_IQ3_XXS] = {1, {offsetof(struct block_iq3_xxs, d)}},
    [TENSOR_IQ3_S] = {1, {offsetof(struct block_iq3_s, d)}},
    [TENSOR_IQ1_S] = {1, {offsetof(struct block_iq1_s, d)}},
    [TENSOR_TQ1_0] = {1, {offsetof(struct block_tq1_0, d)}},
    [TENSOR_TQ2_0] = {1, {offsetof(struct block_tq2_0, d)}},
};

/* The first value of the first block that has a factor whose bits, without the sign, are `limit` or
 * more; n_values if there is none. */
static size_t find_factor(enum tensor_type type, const uint8_t *blocks, size_t n_values,
                          uint16_t limit)
{
    const struct tensor_type_info *info = tensor_type_info(type);
    const struct factors *factors = &factors_of[type];
    for (size_t at = 0; factors->n && at < n_values; at += info->block_values)
        for (size_t i = 0; i < factors->n; i++) {
            const uint8_t *block = blocks + at / info->block_values * info->block_bytes;
            if ((load_u16(block + factors->at[i]) & 0x7fff) >= limit) return at;
        }
    return n_values;
}

/* The first of n values of two bytes whose bits, without the sign, are `limit` or more. Sixteen are
 * looked at together, as floats_are_below does it. */
static size_t find_half(const uint8_t *halves, size_t n, uint16_t limit)
{
    enum { STEP = 16 };
    uint16_t to_sign = (uint16_t)(0x8000 - limit), step = 0;
    size_t i = 0;
    for (; i + STEP <= n && !(step & 0x8000); i += STEP) {
        uint16_t bits[STEP];
        memcpy(bits, halves + 2 * i, sizeof bits);
        for (size_t k = 0; k < STEP; k++) step |= (uint16_t)((bits[k] & 0x7fff) + to_sign);
    }
    if (step & 0x8000) i -= STEP;
    while (i < n && (load_u16(halves + 2 * i) & 0x7fff) < limit) i++;
    return i;
}

static size_t find_float(const uint8_t *floats, size_t n)
{
    float value;
    size_t i = 0;
    if (floats_are_below((const float *)(const void *)floats, n, INFINITY)) return n;
    for (; i < n; i++) {
        memcpy(&value, floats + i * sizeof value, sizeof value);
        if (!isfinite(value)) break;
    }
    return i;
}

/* The same of MXFP4, whose exponents from 253 on have values past the largest float. */
static size_t find_exponent(const struct block_mxfp4 *blocks, size_t n_values)
{
    size_t i = 0, n_blocks = n_values / LEGACY_BLOCK_VALUES;
    while (i < n_blocks && blocks[i].exponent < 253) i++;
    return i * LEGACY_BLOCK_VALUES;
}

/* The same of IQ1_M, whose factor is in pieces. */
static size_t find_pieces(const uint8_t *blocks, size_t n_values, uint16_t limit)
{
    struct grid_block block;
    size_t at = 0;
    for (; at < n_values; at += GRID_BLOCK_VALUES, blocks += sizeof(struct block_iq1_m)) {
        grid_block_read(TENSOR_IQ1_M, blocks, &block);
        if ((block.d & 0x7fff) >= limit) break;
    }
    return at;
}

bool tensor_is_finite(enum tensor_type type, const void *blocks, size_t n_values, size_t *column)
{
    switch (type) {
    case TENSOR_F32: *column = find_float(blocks, n_values); break;
    case TENSOR_F16: *column = find_half(blocks, n_values, 0x7c00); break;
    case TENSOR_BF16: *column = find_half(blocks, n_values, 0x7f80); break;
    case TENSOR_MXFP4: *column = find_exponent(blocks, n_values); break;
    case TENSOR_IQ1_M: *column = find_pieces(blocks, n_values, 0x7c00); break;
    default: *column = find_factor(type, blocks, n_values, 0x7c00); break;
    }
    return *column == n_values;
}

bool tensor_is_within_scales(enum tensor_type type, const void *blocks, size_t n_values,
                             size_t *column)
{
    *column = find_factor(type, blocks, n_values, 0x7bff);
    return *column == n_values;
}
