/* tensor_block.h - the bytes of one block of each quantized type, for the files of engine/ that
 * decode, encode or repack them.
 *
 * Layouts are those of the GGUF format (ggml). Every member is bytes, so that a block may lie at
 * any address and the structs mean the same on every machine. "Sub-block": 32 values (Q4_K,
 * Q5_K, IQ4_XS) or 16 (Q2_K, Q3_K, Q6_K) of a block of 256 that share a scale.
 */
#ifndef PHIBENCH_ENGINE_TENSOR_BLOCK_H
#define PHIBENCH_ENGINE_TENSOR_BLOCK_H

#include <stdint.h>

enum { LEGACY_BLOCK_VALUES = 32, K_BLOCK_VALUES = 256 };

/* d, m: binary16, little-endian. Value i < 16 is in the low nibble of quants[i], i + 16 in its
 * high nibble; fifth bits of Q5: bit i of high_bits. */
struct block_q4_0 {
    uint8_t d[2], quants[16]; /* (q - 8) * d */
};
struct block_q4_1 {
    uint8_t d[2], m[2], quants[16]; /* q * d + m */
};
struct block_q5_0 {
    uint8_t d[2], high_bits[4], quants[16]; /* (q - 16) * d */
};
struct block_q5_1 {
    uint8_t d[2], m[2], high_bits[4], quants[16]; /* q * d + m */
};
struct block_q8_0 {
    uint8_t d[2], quants[32]; /* q * d, q signed */
};

/* 2-bit fields: value i is bits 2j, 2j + 1 of quants[32 * (i / 128) + i % 32] with j = i % 128 /
 * 32. */
struct block_q2_k {
    uint8_t scales[16];                 /* low nibble scale, high nibble minimum */
    uint8_t quants[64], d[2], d_min[2]; /* d * scale * q - d_min * minimum */
};
struct block_q3_k {
    uint8_t high_bits[32]; /* third bit of value i: bit i / 32 of high_bits[i % 32] */
    uint8_t quants[64], scales[12], d[2]; /* d * (scale - 32) * (q - 4) */
};
/* 4-bit fields: value i is the low (i % 64 < 32) or high nibble of quants[32 * (i / 64) + i %
 * 32]. */
struct block_q4_k {
    uint8_t d[2], d_min[2], scales[12], quants[128]; /* d * scale * q - d_min * minimum */
};
struct block_q5_k {
    uint8_t d[2], d_min[2], scales[12];
    uint8_t high_bits[32]; /* fifth bit of value i: bit i / 32 of high_bits[i % 32] */
    uint8_t quants[128];
};
/* Low nibbles: value i is the low (i % 128 < 64) or high nibble of low_bits[64 * (i / 128) + i %
 * 64]; the upper two bits as the 2-bit fields above. */
struct block_q6_k {
    uint8_t low_bits[128], high_bits[64];
    uint8_t scales[16]; /* signed */
    uint8_t d[2];       /* d * scale * (q - 32) */
};

/* Types whose 4 bits are codes, numbers of the values in a table. */
struct block_iq4_nl {
    uint8_t d[2], quants[16]; /* d * iq4_values[q], q placed as in Q4_0 */
};
struct block_iq4_xs {
    uint8_t d[2];
    uint8_t high_scales[2], low_scales[4]; /* see unpack_scale_iq4_xs */
    uint8_t quants[128];                   /* 16 bytes for each sub-block, as in IQ4_NL */
};
struct block_mxfp4 {
    uint8_t exponent, quants[16]; /* see mxfp4_scale_bits; q placed as in Q4_0 */
};

/* Types below four bits, each of 256 values: quants are numbers of groups of 4 or 8 values in the
 * tables of tensor_grid_tables.h, or, in TQ types, three-valued numbers; what the rest
 * means is said where tensor_grid.c reads it. */
struct block_iq2_xxs {
    uint8_t d[2];
    struct {
        uint8_t grid[4], signs_scale[4];
    } subs[8];
};
struct block_iq2_xs {
    uint8_t d[2], grid_signs[32][2], scales[8];
};
struct block_iq2_s {
    uint8_t d[2], grid[32], signs[32], grid_high[8], scales[8];
};
struct block_iq3_xxs {
    uint8_t d[2], grid[64], signs_scale[8][4];
};
struct block_iq3_s {
    uint8_t d[2], grid[64], grid_high[8], signs[32], scales[4];
};
struct block_iq1_s {
    uint8_t d[2], grid[32], grid_high[8][2];
};
struct block_iq1_m {
    uint8_t grid[32], grid_high[16], scales[4][2];
};
struct block_tq1_0 {
    uint8_t fives[48], fours[4], d[2];
};
struct block_tq2_0 {
    uint8_t quants[64], d[2];
};

static const int8_t iq4_values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                      1,    13,   25,  38,  53,  69,  89,  113};
/* E2M1, the numbers 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives, doubled (OCP Microscaling
 * Formats 1.0, 5.3.3). */
static const int8_t mxfp4_values[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

_Static_assert(sizeof(struct block_q4_0) == 18, "layout");
_Static_assert(sizeof(struct block_q4_1) == 20, "layout");
_Static_assert(sizeof(struct block_q5_0) == 22, "layout");
_Static_assert(sizeof(struct block_q5_1) == 24, "layout");
_Static_assert(sizeof(struct block_q8_0) == 34, "layout");
_Static_assert(sizeof(struct block_q2_k) == 84, "layout");
_Static_assert(sizeof(struct block_q3_k) == 110, "layout");
_Static_assert(sizeof(struct block_q4_k) == 144, "layout");
_Static_assert(sizeof(struct block_q5_k) == 176, "layout");
_Static_assert(sizeof(struct block_q6_k) == 210, "layout");
_Static_assert(sizeof(struct block_iq4_nl) == 18, "layout");
_Static_assert(sizeof(struct block_iq4_xs) == 136, "layout");
_Static_assert(sizeof(struct block_mxfp4) == 17, "layout");
_Static_assert(sizeof(struct block_iq2_xxs) == 66, "layout");
_Static_assert(sizeof(struct block_iq2_xs) == 74, "layout");
_Static_assert(sizeof(struct block_iq2_s) == 82, "layout");
_Static_assert(sizeof(struct block_iq3_xxs) == 98, "layout");
_Static_assert(sizeof(struct block_iq3_s) == 110, "layout");
_Static_assert(sizeof(struct block_iq1_s) == 50, "layout");
_Static_assert(sizeof(struct block_iq1_m) == 56, "layout");
_Static_assert(sizeof(struct block_tq1_0) == 54, "layout");
_Static_assert(sizeof(struct block_tq2_0) == 66, "layout");

static inline uint16_t load_u16(const uint8_t bytes[2])
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static inline void store_u16(uint8_t bytes[2], uint16_t value)
{
    bytes[0] = (uint8_t)value;
    bytes[1] = (uint8_t)(value >> 8);
}

/* Scale and minimum (6 bits each) of sub-block j of Q4_K and Q5_K: those of j < 4 are the low
 * six bits of scales[j] and scales[j + 4]; the others have their low nibbles in scales[j + 4]
 * and the rest in what the first left over. */
static inline void unpack_scale_minimum(const uint8_t scales[12], int j, uint8_t *scale,
                                        uint8_t *minimum)
{
    if (j < 4) {
        *scale = scales[j] & 63;
        *minimum = scales[j + 4] & 63;
    } else {
        *scale = (uint8_t)((scales[j + 4] & 15) | (scales[j - 4] >> 6) << 4);
        *minimum = (uint8_t)(scales[j + 4] >> 4 | (scales[j] >> 6) << 4);
    }
}

/* Scale (6 bits, 32 means zero) of sub-block j of Q3_K: low nibbles in scales[0..8), upper bits
 * in scales[8..12). */
static inline int unpack_scale_q3_k(const uint8_t scales[12], int j)
{
    int low = j < 8 ? scales[j] & 15 : scales[j - 8] >> 4;
    int high = scales[8 + j % 4] >> (2 * (j / 4)) & 3;
    return (low | high << 4) - 32;
}

/* Scale (6 bits, 32 means zero) of sub-block j of IQ4_XS: nibbles from the low end on, then pairs
 * of upper bits. */
static inline int unpack_scale_iq4_xs(const struct block_iq4_xs *block, int j)
{
    int low = block->low_scales[j / 2] >> (4 * (j % 2)) & 15;
    int high = load_u16(block->high_scales) >> (2 * j) & 3;
    return (low | high << 4) - 32;
}

/* What a block's mxfp4_values are multiplied by, as bfloat16, which holds all of it: E8M0 is
 * 2^(exponent - 127), here half of that; 255 means NaN (OCP Microscaling Formats 1.0, 5.4.1). */
static inline uint16_t mxfp4_scale_bits(uint8_t exponent)
{
    if (exponent == 255) return 0x7fc0;
    return (uint16_t)(exponent < 2 ? 0x20 << exponent
                                   : (exponent - 1) << 7); /* subnormal below 2 */
}

#endif
