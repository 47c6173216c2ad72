/* tensor_grid.c - reads blocks of the types below four bits, one function for each.
 *
 * What such a type stores are numbers of groups of values in a table, upper bits of these numbers
 * in bytes apart, signs and scales. Magnitudes are read in eighths of what the format gives them,
 * so that all are integers; scales s mean 2s + 1.
 */
#include "engine/tensor_grid.h"

#include "engine/tensor_block.h"
#include "engine/tensor_grid_tables.h"

#include <assert.h>
#include <string.h>

static uint32_t load_u32(const uint8_t bytes[4])
{
    return (uint32_t)load_u16(bytes) | (uint32_t)load_u16(bytes + 2) << 16;
}

/* Number i of the nibbles of bytes, the low one of a byte first. */
static unsigned nibble(const uint8_t *bytes, int i)
{
    return (unsigned)bytes[i / 2] >> (4 * (i % 2)) & 15u;
}

/* Seven signs are stored, and the eighth makes their number even. */
static unsigned eight_signs(uint32_t seven)
{
    unsigned signs = seven & 127, parity = signs ^ signs >> 4;
    parity ^= parity >> 2;
    return signs | ((parity ^ parity >> 1) & 1) << 7;
}

/* Sets n values: magnitude[code], negative where the sign's bit is set. */
static void put_signed(int8_t *q, int n, uint16_t entry, int code_bits, const int8_t *magnitudes,
                       unsigned signs)
{
    for (int i = 0; i < n; i++) {
        int magnitude = magnitudes[entry >> (code_bits * i) & ((1 << code_bits) - 1)];
        q[i] = (int8_t)(signs >> i & 1 ? -magnitude : magnitude);
    }
}

static void put_eight(int8_t q[8], uint16_t entry, unsigned signs)
{
    static const int8_t magnitudes[4] = {8, 25, 43, 0};
    put_signed(q, 8, entry, 2, magnitudes, signs);
}

/* The scale of sub-block j of n values. */
static void put_scale(struct grid_block *block, int j, int n, unsigned bits)
{
    memset(block->scales + j * n / GRID_SUB_VALUES, (int)(2 * bits + 1),
           (size_t)(n / GRID_SUB_VALUES));
}

static void read_iq2_xxs(const void *bytes, struct grid_block *block)
{
    const struct block_iq2_xxs *from = bytes;
    block->d = load_u16(from->d);
    for (int j = 0; j < 8; j++) {
        uint32_t word = load_u32(from->subs[j].signs_scale);
        put_scale(block, j, 32, word >> 28);
        for (int g = 0; g < 4; g++)
            put_eight(block->q + 32 * j + 8 * g, grid_iq2_xxs[from->subs[j].grid[g]],
                      eight_signs(word >> (7 * g)));
    }
}

static void read_iq2_xs(const void *bytes, struct grid_block *block)
{
    const struct block_iq2_xs *from = bytes;
    block->d = load_u16(from->d);
    for (int j = 0; j < 16; j++) put_scale(block, j, 16, nibble(from->scales, j));
    for (int g = 0; g < 32; g++) {
        unsigned word = load_u16(from->grid_signs[g]);
        put_eight(block->q + 8 * g, grid_iq2_xs[word & 511], eight_signs(word >> 9));
    }
}

static void read_iq2_s(const void *bytes, struct grid_block *block)
{
    const struct block_iq2_s *from = bytes;
    block->d = load_u16(from->d);
    for (int j = 0; j < 16; j++) put_scale(block, j, 16, nibble(from->scales, j));
    for (int g = 0; g < 32; g++) {
        int high = from->grid_high[g / 4] >> (2 * (g % 4)) & 3;
        put_eight(block->q + 8 * g, grid_iq2_s[from->grid[g] | high << 8], from->signs[g]);
    }
}

static void read_iq3_xxs(const void *bytes, struct grid_block *block)
{
    static const int8_t magnitudes[8] = {8, 24, 40, 56, 72, 88, 104, 124}; /* of d / 4: doubled */
    const struct block_iq3_xxs *from = bytes;
    block->d = load_u16(from->d);
    for (int j = 0; j < 8; j++) {
        uint32_t word = load_u32(from->signs_scale[j]);
        put_scale(block, j, 32, word >> 28);
        for (int g = 0; g < 8; g++)
            put_signed(block->q + 32 * j + 4 * g, 4, grid_iq3_xxs[from->grid[8 * j + g]], 3,
                       magnitudes, eight_signs(word >> (7 * (g / 2))) >> (4 * (g % 2)));
    }
}

static void read_iq3_s(const void *bytes, struct grid_block *block)
{
    static const int8_t magnitudes[8] = {8, 24, 40, 56, 72, 88, 104, 120};
    const struct block_iq3_s *from = bytes;
    block->d = load_u16(from->d);
    for (int j = 0; j < 8; j++) put_scale(block, j, 32, nibble(from->scales, j));
    for (int g = 0; g < 64; g++) {
        int high = from->grid_high[g / 8] >> (g % 8) & 1;
        put_signed(block->q + 4 * g, 4, grid_iq3_s[from->grid[g] | high << 8], 3, magnitudes,
                   (unsigned)from->signs[g / 2] >> (4 * (g % 2)));
    }
}

/* Values of the table and an eighth more, or less where is_less. */
static void put_shifted(int8_t q[8], uint16_t entry, bool is_less)
{
    for (int i = 0; i < 8; i++)
        q[i] = (int8_t)(8 * ((entry >> (2 * i) & 3) - 1) + (is_less ? -1 : 1));
}

static void read_iq1_s(const void *bytes, struct grid_block *block)
{
    const struct block_iq1_s *from = bytes;
    block->d = load_u16(from->d);
    for (int j = 0; j < 8; j++) {
        unsigned word = load_u16(from->grid_high[j]);
        put_scale(block, j, 32, word >> 12 & 7);
        for (int g = 0; g < 4; g++)
            put_shifted(block->q + 32 * j + 8 * g,
                        grid_iq1[from->grid[4 * j + g] | (word >> (3 * g) & 7) << 8], word >> 15);
    }
}

/* d is in the upper nibbles of the scales' words. */
static void read_iq1_m(const void *bytes, struct grid_block *block)
{
    const struct block_iq1_m *from = bytes;
    block->d = 0;
    for (int i = 0; i < 4; i++) {
        unsigned word = load_u16(from->scales[i]);
        block->d |= (uint16_t)(word >> 12 << (4 * i));
        for (int j = 0; j < 4; j++) put_scale(block, 4 * i + j, 16, word >> (3 * j) & 7);
    }
    for (int g = 0; g < 32; g++) {
        unsigned high = nibble(from->grid_high, g);
        put_shifted(block->q + 8 * g, grid_iq1[from->grid[g] | (high & 7) << 8], high >> 3);
    }
}

/* n bytes of five values each (four, where a byte has no more): value i of all bytes, then value
 * i + 1. A byte is a fraction of 256 in base 3. */
static int8_t *put_ternary(int8_t *q, const uint8_t *bytes, int n, int n_values)
{
    static const uint8_t powers[5] = {1, 3, 9, 27, 81};
    for (int i = 0; i < n_values; i++)
        for (int k = 0; k < n; k++) {
            uint8_t fraction = (uint8_t)(bytes[k] * powers[i]);
            *q++ = (int8_t)(8 * ((fraction * 3 >> 8) - 1));
        }
    return q;
}

static void read_tq1_0(const void *bytes, struct grid_block *block)
{
    const struct block_tq1_0 *from = bytes;
    block->d = load_u16(from->d);
    memset(block->scales, 1, sizeof block->scales);
    int8_t *q = put_ternary(block->q, from->fives, 32, 5);
    q = put_ternary(q, from->fives + 32, 16, 5);
    put_ternary(q, from->fours, 4, 4);
}

static void read_tq2_0(const void *bytes, struct grid_block *block)
{
    const struct block_tq2_0 *from = bytes;
    block->d = load_u16(from->d);
    memset(block->scales, 1, sizeof block->scales);
    for (int i = 0; i < GRID_BLOCK_VALUES; i++) {
        int code = from->quants[32 * (i / 128) + i % 32] >> (2 * (i % 128 / 32)) & 3;
        block->q[i] = (int8_t)(8 * (code - 1));
    }
}

void grid_block_read(enum tensor_type type, const void *bytes, struct grid_block *block)
{
    switch (type) {
    case TENSOR_IQ2_XXS: read_iq2_xxs(bytes, block); break;
    case TENSOR_IQ2_XS: read_iq2_xs(bytes, block); break;
    case TENSOR_IQ2_S: read_iq2_s(bytes, block); break;
    case TENSOR_IQ3_XXS: read_iq3_xxs(bytes, block); break;
    case TENSOR_IQ3_S: read_iq3_s(bytes, block); break;
    case TENSOR_IQ1_S: read_iq1_s(bytes, block); break;
    case TENSOR_IQ1_M: read_iq1_m(bytes, block); break;
    case TENSOR_TQ1_0: read_tq1_0(bytes, block); break;
    case TENSOR_TQ2_0: read_tq2_0(bytes, block); break;
    default: assert(false && "no type below four bits");
    }
}
