/* pack_layout.h - where the bits of a packed row group lie; for pack.c and the kernels only.
 *
 * The layout is the same for every instruction set. It is decided here once, in numbers that a
 * kernel can have as constants. Pure functions, thread-safe.
 */
#ifndef PHIBENCH_ENGINE_KERNELS_PACK_LAYOUT_H
#define PHIBENCH_ENGINE_KERNELS_PACK_LAYOUT_H

#include "engine/kernels/pack.h"

/* Float types: [n_cols][16 rows] elements, the group rounded up to 64 bytes.
 *
 * Quantized types: first the binary16 factors of all blocks, [n_blocks][n_factors][16 rows] (d,
 * then the minimum's), rounded up to 64 bytes; then one body per block, a multiple of 64 bytes. A
 * body is a low plane, a high plane and the scales of the sub-blocks.
 *
 * A plane of b bits holds the low (or the remaining high) b bits of every q, in vectors of 64
 * bytes. A step is 4 consecutive k of all 16 rows: byte 4 * row + k % 4 of a vector, which is the
 * order of operands that a four-way byte dot product takes. Vector v holds n = 8 / b steps: step
 * n * v + s in bits [b * s, b * s + b) of every byte. So in Q4_0 row 3, k = 21 is step 5, the high
 * nibble of byte 13 of vector 2. Weights are q - offset, q unsigned (Q8_0 is stored plus 128).
 *
 * Scales: one byte per sub-block and row, [16][16 rows], as in the file (Q2_K: scale and minimum in
 * the nibbles; Q6_K: signed). Or 16 values of 6 bits: low nibbles [8][16 rows], of value v low, of
 * v + 8 high; then the upper two bits [4][16 rows], of values v, v + 4, v + 8, v + 12 from the low
 * end. Values are the 16 scales of Q3_K (plus 32), or the 8 scales and then the 8 minima of Q4_K
 * and Q5_K.
 */
enum {
    PACK_ALIGN = 64,
    PACK_UNIT = 32,      /* values of a unit: the planes of every type repeat from here */
    PACK_UNIT_STEPS = 8, /* of 4 values */
    PACK_MAX_BLOCK = 256,
    PACK_MAX_SUBS = 16
};

enum pack_scales {
    PACK_NO_SCALES,
    PACK_NIBBLES,        /* Q2_K */
    PACK_BYTES,          /* Q6_K */
    PACK_SIX_BITS,       /* Q4_K, Q5_K: scales and minima */
    PACK_SIX_BITS_SIGNED /* Q3_K */
};

struct pack_shape {
    size_t block_values;
    unsigned low_bits, high_bits; /* of the planes */
    int offset;
    size_t sub_values; /* that share a scale; the block where it has no scales */
    enum pack_scales scales;
    bool has_minimum;
};

/* Inline, so that a kernel that knows its type at compile time has constants. block_values is 0 for
 * a type that is not quantized. */
static inline __attribute__((always_inline)) struct pack_shape pack_shape(enum tensor_type type)
{
    switch (type) {
    case TENSOR_Q4_0: return (struct pack_shape){32, 4, 0, 8, 32, PACK_NO_SCALES, false};
    case TENSOR_Q4_1: return (struct pack_shape){32, 4, 0, 0, 32, PACK_NO_SCALES, true};
    case TENSOR_Q5_0: return (struct pack_shape){32, 4, 1, 16, 32, PACK_NO_SCALES, false};
    case TENSOR_Q5_1: return (struct pack_shape){32, 4, 1, 0, 32, PACK_NO_SCALES, true};
    case TENSOR_Q8_0: return (struct pack_shape){32, 8, 0, 128, 32, PACK_NO_SCALES, false};
    case TENSOR_Q2_K: return (struct pack_shape){256, 2, 0, 0, 16, PACK_NIBBLES, true};
    case TENSOR_Q3_K: return (struct pack_shape){256, 2, 1, 4, 16, PACK_SIX_BITS_SIGNED, false};
    case TENSOR_Q4_K: return (struct pack_shape){256, 4, 0, 0, 32, PACK_SIX_BITS, true};
    case TENSOR_Q5_K: return (struct pack_shape){256, 4, 1, 0, 32, PACK_SIX_BITS, true};
    case TENSOR_Q6_K: return (struct pack_shape){256, 4, 2, 32, 16, PACK_BYTES, false};
    default: return (struct pack_shape){0};
    }
}

static inline size_t pack_plane_bytes(const struct pack_shape *shape, unsigned bits)
{
    return ROW_GROUP * shape->block_values / 8 * bits;
}

static inline size_t pack_scales_bytes(const struct pack_shape *shape)
{
    switch (shape->scales) {
    case PACK_NIBBLES:
    case PACK_BYTES: return ROW_GROUP * 16;
    case PACK_SIX_BITS:
    case PACK_SIX_BITS_SIGNED: return ROW_GROUP * 12;
    default: return 0;
    }
}

static inline size_t pack_body_bytes(const struct pack_shape *shape)
{
    return pack_plane_bytes(shape, shape->low_bits + shape->high_bits) + pack_scales_bytes(shape);
}

static inline size_t pack_factors(const struct pack_shape *shape)
{
    return shape->has_minimum ? 2 : 1;
}

/* Offset of the first body in a group. */
static inline size_t pack_factors_bytes(const struct pack_shape *shape, size_t n_blocks)
{
    size_t n_bytes = n_blocks * pack_factors(shape) * ROW_GROUP * sizeof(uint16_t);
    return (n_bytes + PACK_ALIGN - 1) / PACK_ALIGN * PACK_ALIGN;
}

/* One row's block in numbers: weight k is d * scales[k / sub_values] * (q[k] - offset), plus m
 * (32-value types) or minus m * minima[k / sub_values] (K types). */
struct pack_block {
    uint16_t d, m;                /* binary16 */
    int8_t scales[PACK_MAX_SUBS]; /* 1 where the type has none */
    uint8_t minima[PACK_MAX_SUBS];
    _Alignas(4) uint8_t q[PACK_MAX_BLOCK];
};

/* Reads one block of a quantized type from a file's row. */
void pack_block_from_file(enum tensor_type type, const uint8_t *bytes, struct pack_block *block);

/* Reads block i_block of one row (0..15) of a packed group. */
void pack_block_from_group(enum tensor_type type, const uint8_t *group, size_t n_blocks,
                           size_t i_block, size_t row, struct pack_block *block);

#endif
