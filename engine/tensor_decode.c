/* tensor_decode.c - what the blocks of each element type mean, as float32, bit for bit as the
 * format defines it.
 *
 * One function per type, one block at a time; the order of the float operations is part of the
 * format.
 */
#include "engine/tensor_type.h"

#include "engine/tensor_block.h"

#include <assert.h>
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

void tensor_decode(enum tensor_type type, const void *blocks, size_t n_values, float *values)
{
    typedef void decode_fn(const void *block, float *values);
    static decode_fn *const decoders[TENSOR_TYPE_LIMIT] = {
        [TENSOR_Q4_0] = decode_q4_0, [TENSOR_Q4_1] = decode_q4_1, [TENSOR_Q5_0] = decode_q5_0,
        [TENSOR_Q5_1] = decode_q5_1, [TENSOR_Q8_0] = decode_q8_0, [TENSOR_Q2_K] = decode_q2_k,
        [TENSOR_Q3_K] = decode_q3_k, [TENSOR_Q4_K] = decode_q4_k, [TENSOR_Q5_K] = decode_q5_k,
        [TENSOR_Q6_K] = decode_q6_k,
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
            decoders[type](block, values + at);
        }
    }
}
