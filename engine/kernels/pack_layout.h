/* pack_layout.h - where the bits of a packed row group lie; for pack.c and the kernels only.
 *
 * The layout is the same for every instruction set. It is decided here once, in numbers that a
 * kernel can have as constants. Pure functions, thread-safe.
 */
#ifndef PHIBENCH_ENGINE_KERNELS_PACK_LAYOUT_H
#define PHIBENCH_ENGINE_KERNELS_PACK_LAYOUT_H

#include "engine/kernels/pack.h"
#include "engine/tensor_block.h"
#include "engine/tensor_grid.h"

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
 * Where q are codes (IQ4_NL, IQ4_XS, MXFP4), products take in their place what they stand for plus
 * the offset, from a table that a byte shuffle looks up.
 *
 * The factors of MXFP4 are powers of two that binary16 does not have: they are bfloat16.
 *
 * Types below four bits (IQ1 to IQ3, TQ) look groups of values up in tables that no register holds.
 * All of them are packed alike, as 8-bit integers with a scale for 16 of them, which with d / 8
 * give the file's values exactly (tensor_grid.h), in more memory than the file takes.
 *
 * Scales: one byte per sub-block and row, [8 or 16][16 rows], as in the file (Q2_K: scale and
 * minimum in the nibbles; Q6_K: signed) or, for IQ4_XS, signed and wider
 * than there. Or 16 values of 6 bits: low nibbles [8][16 rows], of value v low, of v + 8 high; then
 * the upper two bits [4][16 rows], of values v, v + 4, v + 8, v + 12 from the low end. Values are
 * the 16 scales of Q3_K (plus 32), or the 8 scales and then the 8 minima of Q4_K and Q5_K.
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
    PACK_BYTES,          /* Q6_K, IQ4_XS */
    PACK_SIX_BITS,       /* Q4_K, Q5_K: scales and minima */
    PACK_SIX_BITS_SIGNED /* Q3_K */
};

enum pack_factor { PACK_HALF, PACK_HALF_EIGHTH, PACK_BFLOAT };

struct pack_shape {
    size_t block_values;
    unsigned low_bits, high_bits; /* of the planes */
    int offset;
    size_t sub_values; /* that share a scale; the block where it has no scales */
    enum pack_scales scales;
    bool has_minimum;
    const int8_t *values;    /* [16] that codes stand for; NULL where q are no codes */
    unsigned value_bits;     /* of the largest of them plus the offset */
    enum pack_factor factor; /* how d is stored: binary16, to be divided by 8 or not, or bfloat16 */
};

static inline __attribute__((always_inline)) struct pack_shape
pack_linear(size_t block_values, unsigned low_bits, unsigned high_bits, int offset,
            size_t sub_values, enum pack_scales scales, bool has_minimum)
{
    return (struct pack_shape){.block_values = block_values,
                               .low_bits = low_bits,
                               .high_bits = high_bits,
                               .offset = offset,
                               .sub_values = sub_values,
                               .scales = scales,
                               .has_minimum = has_minimum};
}

/* Inline, so that a kernel that knows its type at compile time has constants. block_values is 0 for
 * a type that is not quantized. */
static inline __attribute__((always_inline)) struct pack_shape pack_shape(enum tensor_type type)
{
    switch (type) {
    case TENSOR_Q4_0: return pack_linear(32, 4, 0, 8, 32, PACK_NO_SCALES, false);
    case TENSOR_Q4_1: return pack_linear(32, 4, 0, 0, 32, PACK_NO_SCALES, true);
    case TENSOR_Q5_0: return pack_linear(32, 4, 1, 16, 32, PACK_NO_SCALES, false);
    case TENSOR_Q5_1: return pack_linear(32, 4, 1, 0, 32, PACK_NO_SCALES, true);
    case TENSOR_Q8_0: return pack_linear(32, 8, 0, 128, 32, PACK_NO_SCALES, false);
    case TENSOR_Q2_K: return pack_linear(256, 2, 0, 0, 16, PACK_NIBBLES, true);
    case TENSOR_Q3_K: return pack_linear(256, 2, 1, 4, 16, PACK_SIX_BITS_SIGNED, false);
    case TENSOR_Q4_K: return pack_linear(256, 4, 0, 0, 32, PACK_SIX_BITS, true);
    case TENSOR_Q5_K: return pack_linear(256, 4, 1, 0, 32, PACK_SIX_BITS, true);
    case TENSOR_Q6_K: return pack_linear(256, 4, 2, 32, 16, PACK_BYTES, false);
    case TENSOR_IQ4_NL:
        return (struct pack_shape){32,    4,          0, 128,      32, PACK_NO_SCALES,
                                   false, iq4_values, 8, PACK_HALF};
    case TENSOR_IQ4_XS:
        return (struct pack_shape){256, 4, 0, 128, 32, PACK_BYTES, false, iq4_values, 8, PACK_HALF};
    case TENSOR_MXFP4:
        return (struct pack_shape){32,           4, 0,          12, 32, PACK_NO_SCALES, false,
                                   mxfp4_values, 5, PACK_BFLOAT};
    default:
        if (tensor_is_grid(type))
            return (struct pack_shape){256,        8,     0,    128, 16,
                                       PACK_BYTES, false, NULL, 0,   PACK_HALF_EIGHTH};
        return (struct pack_shape){0};
    }
}

/* The type whose kernels a type shares, being packed as that one is. */
static inline enum tensor_type pack_kernel_type(enum tensor_type type)
{
    return tensor_is_grid(type) ? TENSOR_IQ2_XXS : type;
}

/* Weight of q, without factor and scale. */
static inline int pack_weight(const struct pack_shape *shape, uint8_t q)
{
    return shape->values ? shape->values[q] : q - shape->offset;
}

/* Bits of what products take for q. */
static inline unsigned pack_bits(const struct pack_shape *shape)
{
    return shape->values ? shape->value_bits : shape->low_bits + shape->high_bits;
}

static inline float pack_factor_float(const struct pack_shape *shape, uint16_t bits)
{
    if (shape->factor == PACK_BFLOAT) return bfloat_to_float(bits);
    return half_to_float(bits) * (shape->factor == PACK_HALF_EIGHTH ? 0.125f : 1.0f);
}

static inline size_t pack_plane_bytes(const struct pack_shape *shape, unsigned bits)
{
    return ROW_GROUP * shape->block_values / 8 * bits;
}

static inline size_t pack_scales_bytes(const struct pack_shape *shape)
{
    switch (shape->scales) {
    case PACK_NIBBLES:
    case PACK_BYTES: return ROW_GROUP * (shape->block_values / shape->sub_values);
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

/* One row's block in numbers: weight k is d * scales[k / sub_values] * pack_weight(q[k]), plus m
 * (32-value types) or minus m * minima[k / sub_values] (K types). */
struct pack_block {
    uint16_t d, m;                /* pack_factor_float of the shape, and binary16 */
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
