/* tensor_encode.c - float32 values to the blocks of each element type: round to nearest, scales
 * by least squares.
 *
 * The same bytes on every machine: only + - * /, comparisons and lrintf, in a fixed order.
 * Legacy types take the scale from the extreme value. K types try a few scales per sub-block,
 * refine each by least squares, keep the best, and then quantize the scales themselves; the
 * quants are rounded last, against the scales as stored. With weights the legacy types, Q8_0 apart,
 * find their scales in the same way. Types of codes do so too; a code is that of the nearest value.
 */
#include "engine/tensor_type.h"

#include "engine/tensor_block.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Nearest integer in [low, high], ties to even; NaN gives low. */
static int round_to_range(float x, float low, float high)
{
    x = x > low ? (x < high ? x : high) : low;
    return (int)lrintf(x);
}

static float inverse_of(float x)
{
    return x != 0 ? 1 / x : 0;
}

/* Stores x as a finite binary16 and returns what it became. */
static float store_half(uint8_t bytes[2], float x)
{
    const float largest = 65504;
    uint16_t half = float_to_half(x > -largest ? (x < largest ? x : largest) : -largest);
    store_u16(bytes, half);
    return half_to_float(half);
}

/* The first value of largest magnitude, with its sign. */
static float peak_of(const float *x, int n)
{
    float peak = 0;
    for (int i = 0; i < n; i++) {
        if (fabsf(x[i]) > fabsf(peak)) peak = x[i];
    }
    return peak;
}

static void range_of(const float *x, int n, float *low, float *high)
{
    *low = *high = x[0];
    for (int i = 1; i < n; i++) {
        *low = x[i] < *low ? x[i] : *low;
        *high = x[i] > *high ? x[i] : *high;
    }
}

/* Widening of the first guess of a scale, in quantization steps: the extreme values may well be
 * cut or not reached. */
static const float widenings[] = {-0.6f, -0.2f, 0.2f, 0.6f, 1.0f};
enum { N_WIDENINGS = sizeof widenings / sizeof *widenings };

/* The scale for which scale * q, q in [-middle, middle), comes nearest to x[0..n) in the sense
 * of least squares weighted by w[0..n). */
static float fit_centered(const float *x, const float *w, int n, int middle)
{
    float peak = peak_of(x, n), best_scale = 0, best_gain = 0;
    if (peak == 0) return 0;
    for (int t = 0; t < N_WIDENINGS; t++) {
        float inverse = -((float)middle - 0.4f + widenings[t]) / peak;
        float sum_xq = 0, sum_qq = 0;
        for (int i = 0; i < n; i++) {
            float q = (float)round_to_range(x[i] * inverse, (float)-middle, (float)(middle - 1));
            float wq = w[i] * q;
            sum_xq += x[i] * wq;
            sum_qq += wq * q;
        }
        /* With scale = sum_xq / sum_qq the squared error is the sum of x * x less this gain. */
        float gain = sum_qq > 0 ? sum_xq * sum_xq / sum_qq : 0;
        if (gain > best_gain) {
            best_gain = gain;
            best_scale = sum_xq / sum_qq;
        }
    }
    return best_scale;
}

/* The scale and minimum for which scale * q - minimum, q in [0, levels], comes nearest to x[0..n)
 * in the same sense; -minimum is at most `highest`, 0 or INFINITY. */
static float fit_ranged(const float *x, const float *w, int n, int levels, float highest,
                        float *minimum)
{
    float low, high, count = 0, sum_x = 0, best_scale = 0, best_error = INFINITY;
    range_of(x, n, &low, &high);
    low = low < highest ? low : highest;
    *minimum = -low;
    if (!(high > low)) return 0;
    for (int i = 0; i < n; i++) {
        count += w[i];
        sum_x += w[i] * x[i];
    }
    for (int t = 0; t < N_WIDENINGS; t++) {
        float inverse = ((float)levels + widenings[t]) / (high - low);
        float sum_q = 0, sum_qq = 0, sum_xq = 0;
        for (int i = 0; i < n; i++) {
            float q = (float)round_to_range((x[i] - low) * inverse, 0, (float)levels);
            float wq = w[i] * q;
            sum_q += wq;
            sum_qq += wq * q;
            sum_xq += x[i] * wq;
        }
        float determinant = count * sum_qq - sum_q * sum_q;
        if (!(determinant > 0)) continue;
        float scale = (count * sum_xq - sum_x * sum_q) / determinant;
        float offset = (sum_x - scale * sum_q) / count;
        if (offset > highest) {
            offset = 0;
            scale = sum_xq / sum_qq;
        }
        /* The squared error less the constant sum of x * x. */
        float error = scale * (scale * sum_qq + 2 * (offset * sum_q - sum_xq)) +
                      offset * (count * offset - 2 * sum_x);
        if (error < best_error) {
            best_error = error;
            best_scale = scale;
            *minimum = -offset;
        }
    }
    return best_scale;
}

static void pack_legacy(const uint8_t q[32], uint8_t quants[16])
{
    for (int i = 0; i < 16; i++) quants[i] = (uint8_t)((q[i] & 15) | (q[i + 16] & 15) << 4);
}

static void pack_fifth_bits(const uint8_t q[32], uint8_t high_bits[4])
{
    memset(high_bits, 0, 4);
    for (int i = 0; i < 32; i++) high_bits[i / 8] |= (uint8_t)((q[i] >> 4 & 1) << (i % 8));
}

/* Quants of 32 values with one scale, q in [0, 2 * middle), value (q - middle) * d. Without weights
 * the scale is such that the extreme value is met. */
static void quantize_centered(const float *values, const float *weights, int middle,
                              uint8_t d_bytes[2], uint8_t q[32])
{
    float d =
        weights ? fit_centered(values, weights, 32, middle) : peak_of(values, 32) / (float)-middle;
    float inverse = inverse_of(store_half(d_bytes, d));
    float low = (float)-middle, high = (float)(middle - 1);
    for (int i = 0; i < 32; i++)
        q[i] = (uint8_t)(round_to_range(values[i] * inverse, low, high) + middle);
}

/* Quants of 32 values with one scale and one minimum: value q * d + m, q in [0, levels]. */
static void quantize_ranged(const float *values, const float *weights, int levels,
                            uint8_t d_bytes[2], uint8_t m_bytes[2], uint8_t q[32])
{
    float low, high, d, minimum;
    range_of(values, 32, &low, &high);
    d = weights ? fit_ranged(values, weights, 32, levels, INFINITY, &minimum)
                : (high - low) / (float)levels;
    float inverse = inverse_of(store_half(d_bytes, d));
    float m = store_half(m_bytes, weights ? -minimum : low);
    for (int i = 0; i < 32; i++) {
        q[i] = (uint8_t)round_to_range((values[i] - m) * inverse, 0, (float)levels);
    }
}

static void encode_q4_0(const float *values, const float *weights, void *bytes)
{
    struct block_q4_0 *block = bytes;
    uint8_t q[32];
    quantize_centered(values, weights, 8, block->d, q);
    pack_legacy(q, block->quants);
}

static void encode_q4_1(const float *values, const float *weights, void *bytes)
{
    struct block_q4_1 *block = bytes;
    uint8_t q[32];
    quantize_ranged(values, weights, 15, block->d, block->m, q);
    pack_legacy(q, block->quants);
}

static void encode_q5_0(const float *values, const float *weights, void *bytes)
{
    struct block_q5_0 *block = bytes;
    uint8_t q[32];
    quantize_centered(values, weights, 16, block->d, q);
    pack_legacy(q, block->quants);
    pack_fifth_bits(q, block->high_bits);
}

static void encode_q5_1(const float *values, const float *weights, void *bytes)
{
    struct block_q5_1 *block = bytes;
    uint8_t q[32];
    quantize_ranged(values, weights, 31, block->d, block->m, q);
    pack_legacy(q, block->quants);
    pack_fifth_bits(q, block->high_bits);
}

static void encode_q8_0(const float *values, const float *weights, void *bytes)
{
    struct block_q8_0 *block = bytes;
    (void)weights; /* 127 steps: nothing to gain */
    float inverse = inverse_of(store_half(block->d, fabsf(peak_of(values, 32)) / 127));
    for (int i = 0; i < 32; i++) {
        block->quants[i] = (uint8_t)(int8_t)round_to_range(values[i] * inverse, -127, 127);
    }
}

/* n scales as integers in [low, high] times one binary16 factor d. */
static void quantize_scales(const float *scales, int n, int low, int high, uint8_t d_bytes[2],
                            int *integers, float *stored)
{
    float divisor = (float)(low < 0 ? low : high);
    float d = store_half(d_bytes, peak_of(scales, n) / divisor), inverse = inverse_of(d);
    for (int j = 0; j < n; j++) {
        integers[j] = round_to_range(scales[j] * inverse, (float)low, (float)high);
        stored[j] = d * (float)integers[j];
    }
}

static void round_ranged(const float *values, int n_sub, const float *scales, const float *minimums,
                         int levels, uint8_t q[K_BLOCK_VALUES])
{
    for (int i = 0; i < K_BLOCK_VALUES; i += n_sub, scales++, minimums++) {
        float inverse = inverse_of(*scales);
        for (int k = i; k < i + n_sub; k++) {
            q[k] = (uint8_t)round_to_range((values[k] + *minimums) * inverse, 0, (float)levels);
        }
    }
}

static void round_centered(const float *values, const float scales[16], int middle,
                           uint8_t q[K_BLOCK_VALUES])
{
    for (int i = 0; i < K_BLOCK_VALUES; i += 16, scales++) {
        float inverse = inverse_of(*scales), low = (float)-middle, high = (float)(middle - 1);
        for (int k = i; k < i + 16; k++) {
            q[k] = (uint8_t)(round_to_range(values[k] * inverse, low, high) + middle);
        }
    }
}

static void pack_2_bits(const uint8_t q[K_BLOCK_VALUES], int shift, uint8_t quants[64])
{
    for (int i = 0; i < 64; i++) {
        const uint8_t *four = q + 128 * (i / 32) + i % 32;
        int byte = 0;
        for (int j = 0; j < 4; j++) byte |= (four[32 * j] >> shift & 3) << (2 * j);
        quants[i] = (uint8_t)byte;
    }
}

/* Nibbles of values that lie `distance` apart share a byte. */
static void pack_4_bits(const uint8_t q[K_BLOCK_VALUES], int distance, uint8_t quants[128])
{
    for (int i = 0; i < 128; i++) {
        const uint8_t *two = q + 2 * distance * (i / distance) + i % distance;
        quants[i] = (uint8_t)((two[0] & 15) | (two[distance] & 15) << 4);
    }
}

static void pack_1_bit(const uint8_t q[K_BLOCK_VALUES], int shift, uint8_t high_bits[32])
{
    for (int i = 0; i < 32; i++) {
        int byte = 0;
        for (int j = 0; j < 8; j++) byte |= (q[32 * j + i] >> shift & 1) << j;
        high_bits[i] = (uint8_t)byte;
    }
}

static void encode_q2_k(const float *values, const float *weights, void *bytes)
{
    struct block_q2_k *block = bytes;
    float scales[16], minimums[16];
    int scale_bits[16], minimum_bits[16];
    uint8_t q[K_BLOCK_VALUES];
    for (int j = 0; j < 16; j++)
        scales[j] = fit_ranged(values + 16 * j, weights + 16 * j, 16, 3, 0, &minimums[j]);
    quantize_scales(scales, 16, 0, 15, block->d, scale_bits, scales);
    quantize_scales(minimums, 16, 0, 15, block->d_min, minimum_bits, minimums);
    for (int j = 0; j < 16; j++) block->scales[j] = (uint8_t)(scale_bits[j] | minimum_bits[j] << 4);
    round_ranged(values, 16, scales, minimums, 3, q);
    pack_2_bits(q, 0, block->quants);
}

static void encode_q3_k(const float *values, const float *weights, void *bytes)
{
    struct block_q3_k *block = bytes;
    float scales[16];
    int bits[16];
    uint8_t q[K_BLOCK_VALUES];
    for (int j = 0; j < 16; j++) scales[j] = fit_centered(values + 16 * j, weights + 16 * j, 16, 4);
    quantize_scales(scales, 16, -32, 31, block->d, bits, scales);
    for (int j = 0; j < 16; j++) bits[j] += 32;
    for (int j = 0; j < 8; j++)
        block->scales[j] = (uint8_t)((bits[j] & 15) | (bits[j + 8] & 15) << 4);
    for (int j = 0; j < 4; j++) {
        block->scales[8 + j] = (uint8_t)(bits[j] >> 4 | bits[j + 4] >> 4 << 2 |
                                         bits[j + 8] >> 4 << 4 | bits[j + 12] >> 4 << 6);
    }
    round_centered(values, scales, 4, q);
    pack_2_bits(q, 0, block->quants);
    pack_1_bit(q, 2, block->high_bits);
}

/* What Q4_K and Q5_K share: scales of eight sub-blocks, and quants in [0, levels]. */
static void encode_eight(const float *values, const float *weights, int levels, uint8_t d[2],
                         uint8_t d_min[2], uint8_t packed[12], uint8_t q[K_BLOCK_VALUES])
{
    float scales[8], minimums[8];
    int scale_bits[8], minimum_bits[8];
    for (int j = 0; j < 8; j++)
        scales[j] = fit_ranged(values + 32 * j, weights + 32 * j, 32, levels, 0, &minimums[j]);
    quantize_scales(scales, 8, 0, 63, d, scale_bits, scales);
    quantize_scales(minimums, 8, 0, 63, d_min, minimum_bits, minimums);
    for (int j = 0; j < 4; j++) {
        packed[j] = (uint8_t)(scale_bits[j] | scale_bits[j + 4] >> 4 << 6);
        packed[j + 4] = (uint8_t)(minimum_bits[j] | minimum_bits[j + 4] >> 4 << 6);
        packed[j + 8] = (uint8_t)((scale_bits[j + 4] & 15) | (minimum_bits[j + 4] & 15) << 4);
    }
    round_ranged(values, 32, scales, minimums, levels, q);
}

static void encode_q4_k(const float *values, const float *weights, void *bytes)
{
    struct block_q4_k *block = bytes;
    uint8_t q[K_BLOCK_VALUES];
    encode_eight(values, weights, 15, block->d, block->d_min, block->scales, q);
    pack_4_bits(q, 32, block->quants);
}

static void encode_q5_k(const float *values, const float *weights, void *bytes)
{
    struct block_q5_k *block = bytes;
    uint8_t q[K_BLOCK_VALUES];
    encode_eight(values, weights, 31, block->d, block->d_min, block->scales, q);
    pack_4_bits(q, 32, block->quants);
    pack_1_bit(q, 4, block->high_bits);
}

static void encode_q6_k(const float *values, const float *weights, void *bytes)
{
    struct block_q6_k *block = bytes;
    float scales[16];
    int bits[16];
    uint8_t q[K_BLOCK_VALUES];
    for (int j = 0; j < 16; j++)
        scales[j] = fit_centered(values + 16 * j, weights + 16 * j, 16, 32);
    quantize_scales(scales, 16, -128, 127, block->d, bits, scales);
    for (int j = 0; j < 16; j++) block->scales[j] = (uint8_t)(int8_t)bits[j];
    round_centered(values, scales, 32, q);
    pack_4_bits(q, 64, block->low_bits);
    pack_2_bits(q, 4, block->high_bits);
}

/* ---- Codes ---- */

/* Halfway between a value of iq4_values and the next; nothing is above the last. */
static const float iq4_middles[16] = {-115.5f, -93.5f, -74.0f, -57.0f, -42.0f, -28.5f,
                                      -16.0f,  -4.5f,  7.0f,   19.0f,  31.5f,  45.5f,
                                      61.0f,   79.0f,  101.0f, 128.0f};

/* The code whose value is nearest to x; NaN gives one of them. The code of each eighth's lower end
 * is known, and no more than one middle is inside. */
static int nearest_iq4(float x)
{
    static const uint8_t first[32] = {0, 0, 1, 1,  1,  2,  2,  3,  3,  4,  4,  5,  5,  6,  7,  7,
                                      8, 9, 9, 10, 11, 11, 12, 12, 13, 13, 14, 14, 14, 15, 15, 15};
    x = x > -128 ? (x < 127 ? x : 127) : -128;
    int code = first[(int)((x + 128) / 8)];
    return code + (x > iq4_middles[code]);
}

/* The scale for which scale * iq4_values[q] comes nearest to x[0..32) in the sense of least squares
 * weighted by w, which may be NULL. The value of largest magnitude takes either end of the table or
 * a value near it. */
static float fit_iq4(const float *x, const float *w)
{
    static const float ends[] = {-143, -135, -127, -119, -111, 129, 121, 113, 105, 97};
    float peak = peak_of(x, 32), best_scale = 0, best_gain = 0;
    if (peak == 0) return 0;
    for (size_t t = 0; t < sizeof ends / sizeof *ends; t++) {
        float inverse = ends[t] / peak, sum_xv = 0, sum_vv = 0;
        for (int i = 0; i < 32; i++) {
            float v = (float)iq4_values[nearest_iq4(x[i] * inverse)], wv = w ? w[i] * v : v;
            sum_xv += x[i] * wv;
            sum_vv += wv * v;
        }
        float gain = sum_vv > 0 ? sum_xv * sum_xv / sum_vv : 0; /* as in fit_centered */
        if (gain > best_gain) {
            best_gain = gain;
            best_scale = sum_xv / sum_vv;
        }
    }
    return best_scale;
}

static void round_iq4(const float *values, float scale, uint8_t quants[16])
{
    float inverse = inverse_of(scale);
    uint8_t q[32];
    for (int i = 0; i < 32; i++) q[i] = (uint8_t)nearest_iq4(values[i] * inverse);
    pack_legacy(q, quants);
}

static void encode_iq4_nl(const float *values, const float *weights, void *bytes)
{
    struct block_iq4_nl *block = bytes;
    round_iq4(values, store_half(block->d, fit_iq4(values, weights)), block->quants);
}

static void encode_iq4_xs(const float *values, const float *weights, void *bytes)
{
    struct block_iq4_xs *block = bytes;
    float scales[8];
    int bits[8], high = 0;
    for (int j = 0; j < 8; j++) scales[j] = fit_iq4(values + 32 * j, weights + 32 * j);
    quantize_scales(scales, 8, -32, 31, block->d, bits, scales);
    for (int j = 0; j < 8; j++) {
        high |= (bits[j] + 32) >> 4 << (2 * j);
        round_iq4(values + 32 * j, scales[j], block->quants + 16 * j);
    }
    store_u16(block->high_scales, (uint16_t)high);
    for (int j = 0; j < 4; j++)
        block->low_scales[j] = (uint8_t)((bits[2 * j] & 15) | (bits[2 * j + 1] & 15) << 4);
}

/* The code of the number in mxfp4_values that is nearest to x, ties to an even code. */
static int nearest_mxfp4(float x)
{
    float magnitude = fabsf(x);
    int code = magnitude < 4   ? round_to_range(magnitude, 0, 4)
               : magnitude < 8 ? 2 + round_to_range(magnitude / 2, 2, 4)
                               : 4 + round_to_range(magnitude / 4, 2, 3);
    return code && x < 0 ? 8 + code : code;
}

/* Codes of 32 values under a scale; returns the sum of squared errors. */
static float round_mxfp4(const float *values, const float *weights, float scale, uint8_t q[32])
{
    float inverse = 1 / scale, sum = 0;
    for (int i = 0; i < 32; i++) {
        q[i] = (uint8_t)nearest_mxfp4(values[i] * inverse);
        float error = values[i] - scale * (float)mxfp4_values[q[i]];
        sum += weights ? weights[i] * error * error : error * error;
    }
    return sum;
}

/* Of the two exponents that are tried, the larger lets the largest magnitude be 2 to 4 of at most
 * 6; with the smaller it is twice that, or cut. */
static void encode_mxfp4(const float *values, const float *weights, void *bytes)
{
    struct block_mxfp4 *block = bytes;
    float peak = fabsf(peak_of(values, 32)), least = INFINITY;
    int exponent;
    memset(block, 0, sizeof *block);
    if (!(peak >= 0x1p-100f)) return;
    frexpf(peak < 0x1p100f ? peak : 0x1p100f, &exponent);
    for (int e = exponent + 124; e <= exponent + 125; e++) {
        uint8_t q[32];
        float scale = bfloat_to_float(mxfp4_scale_bits((uint8_t)e));
        float error = round_mxfp4(values, weights, scale, q);
        if (!(error < least)) continue;
        least = error;
        block->exponent = (uint8_t)e;
        pack_legacy(q, block->quants);
    }
}

void tensor_encode_weighted(enum tensor_type type, const float *values, const float *weights,
                            size_t n_values, void *blocks)
{
    typedef void encode_fn(const float *values, const float *weights, void *block);
    static encode_fn *const encoders[TENSOR_TYPE_LIMIT] = {
        [TENSOR_Q4_0] = encode_q4_0,     [TENSOR_Q4_1] = encode_q4_1,
        [TENSOR_Q5_0] = encode_q5_0,     [TENSOR_Q5_1] = encode_q5_1,
        [TENSOR_Q8_0] = encode_q8_0,     [TENSOR_Q2_K] = encode_q2_k,
        [TENSOR_Q3_K] = encode_q3_k,     [TENSOR_Q4_K] = encode_q4_k,
        [TENSOR_Q5_K] = encode_q5_k,     [TENSOR_Q6_K] = encode_q6_k,
        [TENSOR_IQ4_NL] = encode_iq4_nl, [TENSOR_IQ4_XS] = encode_iq4_xs,
        [TENSOR_MXFP4] = encode_mxfp4,
    };
    const struct tensor_type_info *info = tensor_type_info(type);
    assert(info && info->encoded && n_values % info->block_values == 0);
    uint8_t *block = blocks;
    if (type == TENSOR_F32) {
        memcpy(blocks, values, n_values * sizeof *values);
    } else if (type == TENSOR_F16) {
        for (size_t i = 0; i < n_values; i++) store_u16(block + 2 * i, float_to_half(values[i]));
    } else if (type == TENSOR_BF16) {
        for (size_t i = 0; i < n_values; i++) store_u16(block + 2 * i, float_to_bfloat(values[i]));
    } else {
        float ones[K_BLOCK_VALUES]; /* K types have one way for both: times one changes no bit */
        for (int i = 0; i < K_BLOCK_VALUES; i++) ones[i] = 1;
        const float *otherwise = info->block_values == K_BLOCK_VALUES ? ones : NULL;
        for (size_t at = 0; at < n_values; at += info->block_values, block += info->block_bytes) {
            encoders[type](values + at, weights ? weights + at : otherwise, block);
        }
    }
}

void tensor_encode(enum tensor_type type, const float *values, size_t n_values, void *blocks)
{
    tensor_encode_weighted(type, values, NULL, n_values, blocks);
}
