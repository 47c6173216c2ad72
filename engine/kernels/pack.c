/* pack.c - repacks weights so that SIMD lanes are output rows, and reads blocks back.
 *
 * The layout is described in pack_layout.h. A block goes through its numbers (struct pack_block):
 * from the file's bits by pack_block.c, into and out of the planes here, four k at a time as the
 * bytes of one 32-bit word. Nothing here depends on the instruction set.
 */
#include "engine/kernels/pack.h"

#include "base/mem.h"
#include "engine/kernels/pack_layout.h"

#include <assert.h>
#include <string.h>

enum { BYTES_ONE = 0x01010101 };

/* What packs a row is expanded for each type, so that its widths and counts are constants: loading
 * a model spends much of its time here. */
#define INLINE static inline __attribute__((always_inline))

size_t pack_group_bytes(enum tensor_type type, size_t n_cols)
{
    size_t n_bytes, row_bytes = tensor_row_bytes(type, n_cols);
    if (n_cols && !row_bytes) return 0;
    /* Twice PACK_ALIGN: factors and bodies are rounded up apart. Eight: where a group is wider than
     * the file, it is less than that. */
    if (!mem_multiply(row_bytes, 8 * ROW_GROUP, &n_bytes) ||
        !mem_add(n_bytes, 2 * PACK_ALIGN, &n_bytes)) {
        return 0;
    }
    const struct pack_shape shape = pack_shape(type);
    if (!shape.block_values) {
        return (row_bytes * ROW_GROUP + PACK_ALIGN - 1) / PACK_ALIGN * PACK_ALIGN;
    }
    size_t n_blocks = n_cols / shape.block_values;
    return pack_factors_bytes(&shape, n_blocks) + n_blocks * pack_body_bytes(&shape);
}

INLINE uint32_t field_mask(unsigned bits)
{
    return ((1u << bits) - 1) * (uint32_t)BYTES_ONE;
}

/* Bits [from, from + bits) of every q of a row into a plane, which is zero before. */
INLINE void write_plane(uint8_t *plane, unsigned bits, unsigned from, size_t n_values, size_t row,
                        const uint8_t *q)
{
    if (!bits) return;
    size_t per_vector = 8 / bits;
    for (size_t i = 0; i < n_values / 4; i += per_vector) {
        uint32_t packed = 0;
        for (size_t s = 0; s < per_vector; s++) {
            uint32_t word;
            memcpy(&word, q + 4 * (i + s), sizeof word);
            packed |= (word >> from & field_mask(bits)) << (bits * s);
        }
        memcpy(plane + 64 * (i / per_vector) + 4 * row, &packed, sizeof packed);
    }
}

static void read_plane(const uint8_t *plane, unsigned bits, unsigned from, size_t n_values,
                       size_t row, uint8_t *q)
{
    if (!bits) return;
    size_t per_vector = 8 / bits;
    for (size_t i = 0; i < n_values / 4; i++) {
        uint32_t packed, word;
        memcpy(&packed, plane + 64 * (i / per_vector) + 4 * row, sizeof packed);
        memcpy(&word, q + 4 * i, sizeof word);
        word |= (packed >> (bits * (i % per_vector)) & field_mask(bits)) << from;
        memcpy(q + 4 * i, &word, sizeof word);
    }
}

static void write_six_bits(uint8_t *scales, size_t v, size_t row, unsigned value)
{
    uint8_t *low = scales + ROW_GROUP * (v % 8) + row;
    uint8_t *high = scales + ROW_GROUP * (8 + v % 4) + row;
    *low = (uint8_t)(*low | (value & 15) << 4 * (v / 8));
    *high = (uint8_t)(*high | (value >> 4) << 2 * (v / 4));
}

static unsigned read_six_bits(const uint8_t *scales, size_t v, size_t row)
{
    unsigned low = scales[ROW_GROUP * (v % 8) + row] >> 4 * (v / 8) & 15;
    unsigned high = scales[ROW_GROUP * (8 + v % 4) + row] >> 2 * (v / 4) & 3;
    return low | high << 4;
}

INLINE void write_scales(const struct pack_shape *shape, uint8_t *scales, size_t row,
                         const struct pack_block *block)
{
    for (size_t j = 0; j < shape->block_values / shape->sub_values; j++) {
        uint8_t *byte = scales + ROW_GROUP * j + row, scale = (uint8_t)block->scales[j];
        switch (shape->scales) {
        case PACK_NIBBLES: *byte = (uint8_t)(scale | block->minima[j] << 4); break;
        case PACK_BYTES: *byte = scale; break;
        case PACK_SIX_BITS:
            write_six_bits(scales, j, row, scale);
            write_six_bits(scales, 8 + j, row, block->minima[j]);
            break;
        case PACK_SIX_BITS_SIGNED:
            write_six_bits(scales, j, row, (unsigned)(block->scales[j] + 32));
            break;
        case PACK_NO_SCALES: break;
        }
    }
}

static void read_scales(const struct pack_shape *shape, const uint8_t *scales, size_t row,
                        struct pack_block *block)
{
    for (size_t j = 0; j < shape->block_values / shape->sub_values; j++) {
        const uint8_t *byte = scales + ROW_GROUP * j + row;
        block->minima[j] = 0;
        switch (shape->scales) {
        case PACK_NIBBLES:
            block->scales[j] = (int8_t)(*byte & 15);
            block->minima[j] = *byte >> 4;
            break;
        case PACK_BYTES: block->scales[j] = (int8_t)*byte; break;
        case PACK_SIX_BITS:
            block->scales[j] = (int8_t)read_six_bits(scales, j, row);
            block->minima[j] = (uint8_t)read_six_bits(scales, 8 + j, row);
            break;
        case PACK_SIX_BITS_SIGNED:
            block->scales[j] = (int8_t)((int)read_six_bits(scales, j, row) - 32);
            break;
        case PACK_NO_SCALES: block->scales[j] = 1; break;
        }
    }
}

void pack_block_from_group(enum tensor_type type, const uint8_t *group, size_t n_blocks,
                           size_t i_block, size_t row, struct pack_block *block)
{
    const struct pack_shape shape = pack_shape(type);
    const uint8_t *factors =
        group + (i_block * pack_factors(&shape) * ROW_GROUP + row) * sizeof(uint16_t);
    memcpy(&block->d, factors, sizeof block->d);
    block->m = 0;
    if (shape.has_minimum) {
        memcpy(&block->m, factors + ROW_GROUP * sizeof block->m, sizeof block->m);
    }
    const uint8_t *low =
        group + pack_factors_bytes(&shape, n_blocks) + i_block * pack_body_bytes(&shape);
    const uint8_t *high = low + pack_plane_bytes(&shape, shape.low_bits);
    const uint8_t *scales = high + pack_plane_bytes(&shape, shape.high_bits);
    memset(block->q, 0, shape.block_values);
    read_plane(low, shape.low_bits, 0, shape.block_values, row, block->q);
    read_plane(high, shape.high_bits, shape.low_bits, shape.block_values, row, block->q);
    read_scales(&shape, scales, row, block);
}

INLINE void pack_quantized_row(enum tensor_type type, const uint8_t *bytes, size_t n_cols,
                               size_t row, uint8_t *group)
{
    const struct pack_shape shape = pack_shape(type);
    size_t n_blocks = n_cols / shape.block_values, n_factors = pack_factors(&shape);
    size_t file_block_bytes = tensor_row_bytes(type, shape.block_values);
    uint8_t *low = group + pack_factors_bytes(&shape, n_blocks);
    for (size_t i = 0; i < n_blocks; i++, low += pack_body_bytes(&shape)) {
        struct pack_block block;
        pack_block_from_file(type, bytes + i * file_block_bytes, &block);
        uint8_t *factors = group + (i * n_factors * ROW_GROUP + row) * sizeof block.d;
        memcpy(factors, &block.d, sizeof block.d);
        if (shape.has_minimum) {
            memcpy(factors + ROW_GROUP * sizeof block.m, &block.m, sizeof block.m);
        }
        uint8_t *high = low + pack_plane_bytes(&shape, shape.low_bits);
        uint8_t *scales = high + pack_plane_bytes(&shape, shape.high_bits);
        write_plane(low, shape.low_bits, 0, shape.block_values, row, block.q);
        write_plane(high, shape.high_bits, shape.low_bits, shape.block_values, row, block.q);
        write_scales(&shape, scales, row, &block);
    }
}

INLINE void pack_float_row(size_t element_bytes, const uint8_t *bytes, size_t n_cols, size_t row,
                           uint8_t *group)
{
    for (size_t k = 0; k < n_cols; k++) {
        memcpy(group + (k * ROW_GROUP + row) * element_bytes, bytes + k * element_bytes,
               element_bytes);
    }
}

static void pack_row(enum tensor_type type, const uint8_t *bytes, size_t n_cols, size_t row,
                     uint8_t *group)
{
#define CASE(t)                                                                                    \
    case t: pack_quantized_row(t, bytes, n_cols, row, group); break
    switch (type) {
        CASE(TENSOR_Q4_0);
        CASE(TENSOR_Q4_1);
        CASE(TENSOR_Q5_0);
        CASE(TENSOR_Q5_1);
        CASE(TENSOR_Q8_0);
        CASE(TENSOR_Q2_K);
        CASE(TENSOR_Q3_K);
        CASE(TENSOR_Q4_K);
        CASE(TENSOR_Q5_K);
        CASE(TENSOR_Q6_K);
        CASE(TENSOR_IQ4_NL);
        CASE(TENSOR_IQ4_XS);
        CASE(TENSOR_MXFP4);
    case TENSOR_F32: pack_float_row(4, bytes, n_cols, row, group); break;
    case TENSOR_F16:
    case TENSOR_BF16: pack_float_row(2, bytes, n_cols, row, group); break;
    default: pack_quantized_row(type, bytes, n_cols, row, group); break;
    }
#undef CASE
}

void pack_group(enum tensor_type type, const uint8_t *rows, size_t n_rows, size_t n_cols,
                uint8_t *group)
{
    assert(n_rows <= ROW_GROUP);
    size_t row_bytes = tensor_row_bytes(type, n_cols);
    memset(group, 0, pack_group_bytes(type, n_cols));
    for (size_t row = 0; row < n_rows; row++)
        pack_row(type, rows + row * row_bytes, n_cols, row, group);
}
