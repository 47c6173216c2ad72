/* pack_block.c - the blocks of the file, type by type, as plain numbers.
 *
 * The bit layouts are those of tensor_block.h; what the numbers mean is struct pack_block of
 * pack_layout.h. Called once per block when weights are repacked.
 */
#include "engine/kernels/pack_layout.h"

#include <string.h>

static void no_scales(struct pack_block *block)
{
    block->m = 0;
    memset(block->scales, 1, sizeof block->scales);
    memset(block->minima, 0, sizeof block->minima);
}

static void read_nibbles(const uint8_t quants[16], uint8_t q[32])
{
    for (int i = 0; i < 16; i++) {
        q[i] = quants[i] & 15;
        q[i + 16] = quants[i] >> 4;
    }
}

static void add_fifth_bits(const uint8_t high_bits[4], uint8_t q[32])
{
    for (int i = 0; i < 32; i++) q[i] |= (uint8_t)((high_bits[i / 8] >> (i % 8) & 1) << 4);
}

static void read_q4_0(const void *bytes, struct pack_block *block)
{
    const struct block_q4_0 *from = bytes;
    no_scales(block);
    block->d = load_u16(from->d);
    read_nibbles(from->quants, block->q);
}

static void read_q4_1(const void *bytes, struct pack_block *block)
{
    const struct block_q4_1 *from = bytes;
    no_scales(block);
    block->d = load_u16(from->d);
    block->m = load_u16(from->m);
    read_nibbles(from->quants, block->q);
}

static void read_q5_0(const void *bytes, struct pack_block *block)
{
    const struct block_q5_0 *from = bytes;
    no_scales(block);
    block->d = load_u16(from->d);
    read_nibbles(from->quants, block->q);
    add_fifth_bits(from->high_bits, block->q);
}

static void read_q5_1(const void *bytes, struct pack_block *block)
{
    const struct block_q5_1 *from = bytes;
    no_scales(block);
    block->d = load_u16(from->d);
    block->m = load_u16(from->m);
    read_nibbles(from->quants, block->q);
    add_fifth_bits(from->high_bits, block->q);
}

static void read_q8_0(const void *bytes, struct pack_block *block)
{
    const struct block_q8_0 *from = bytes;
    no_scales(block);
    block->d = load_u16(from->d);
    for (int i = 0; i < 32; i++) block->q[i] = from->quants[i] ^ 128; /* plus 128, unsigned */
}

/* The 2-bit fields that Q2_K, Q3_K and the upper bits of Q6_K have in common. */
static void read_two_bits(const uint8_t quants[64], int shift, uint8_t q[256])
{
    for (int run = 0; run < 8; run++) {
        const uint8_t *from = quants + 32 * (run / 4);
        for (int i = 0; i < 32; i++)
            q[32 * run + i] |= (uint8_t)((from[i] >> (2 * (run % 4)) & 3) << shift);
    }
}

static void read_q2_k(const void *bytes, struct pack_block *block)
{
    const struct block_q2_k *from = bytes;
    block->d = load_u16(from->d);
    block->m = load_u16(from->d_min);
    for (int j = 0; j < 16; j++) {
        block->scales[j] = from->scales[j] & 15;
        block->minima[j] = from->scales[j] >> 4;
    }
    memset(block->q, 0, sizeof block->q);
    read_two_bits(from->quants, 0, block->q);
}

static void read_q3_k(const void *bytes, struct pack_block *block)
{
    const struct block_q3_k *from = bytes;
    no_scales(block);
    block->d = load_u16(from->d);
    for (int j = 0; j < 16; j++) block->scales[j] = (int8_t)unpack_scale_q3_k(from->scales, j);
    for (int run = 0; run < 8; run++) {
        for (int i = 0; i < 32; i++)
            block->q[32 * run + i] = (uint8_t)((from->high_bits[i] >> run & 1) << 2);
    }
    read_two_bits(from->quants, 0, block->q);
}

/* The 4-bit fields and the 6-bit scales and minima that Q4_K and Q5_K have in common. */
static void read_k_nibbles(const uint8_t scales[12], const uint8_t quants[128],
                           struct pack_block *block)
{
    for (int j = 0; j < 8; j++) {
        uint8_t scale;
        unpack_scale_minimum(scales, j, &scale, &block->minima[j]);
        block->scales[j] = (int8_t)scale;
    }
    for (int run = 0; run < 8; run++) {
        for (int i = 0; i < 32; i++)
            block->q[32 * run + i] = quants[32 * (run / 2) + i] >> (4 * (run % 2)) & 15;
    }
}

static void read_q4_k(const void *bytes, struct pack_block *block)
{
    const struct block_q4_k *from = bytes;
    block->d = load_u16(from->d);
    block->m = load_u16(from->d_min);
    read_k_nibbles(from->scales, from->quants, block);
}

static void read_q5_k(const void *bytes, struct pack_block *block)
{
    const struct block_q5_k *from = bytes;
    block->d = load_u16(from->d);
    block->m = load_u16(from->d_min);
    read_k_nibbles(from->scales, from->quants, block);
    for (int run = 0; run < 8; run++) {
        for (int i = 0; i < 32; i++)
            block->q[32 * run + i] |= (uint8_t)((from->high_bits[i] >> run & 1) << 4);
    }
}

static void read_q6_k(const void *bytes, struct pack_block *block)
{
    const struct block_q6_k *from = bytes;
    no_scales(block);
    block->d = load_u16(from->d);
    memcpy(block->scales, from->scales, sizeof block->scales);
    for (int run = 0; run < 4; run++) {
        const uint8_t *low_bits = from->low_bits + 64 * (run / 2);
        for (int i = 0; i < 64; i++) block->q[64 * run + i] = low_bits[i] >> (4 * (run % 2)) & 15;
    }
    read_two_bits(from->high_bits, 4, block->q);
}

static void read_iq4_xs(const void *bytes, struct pack_block *block)
{
    const struct block_iq4_xs *from = bytes;
    no_scales(block);
    block->d = load_u16(from->d);
    for (int j = 0; j < 8; j++) {
        block->scales[j] = (int8_t)unpack_scale_iq4_xs(from, j);
        read_nibbles(from->quants + 16 * j, block->q + 32 * j);
    }
}

static void read_mxfp4(const void *bytes, struct pack_block *block)
{
    const struct block_mxfp4 *from = bytes;
    no_scales(block);
    block->d = mxfp4_scale_bits(from->exponent);
    read_nibbles(from->quants, block->q);
}

static void read_grid(enum tensor_type type, const void *bytes, struct pack_block *block)
{
    struct grid_block from;
    grid_block_read(type, bytes, &from);
    no_scales(block);
    block->d = from.d;
    memcpy(block->scales, from.scales, sizeof from.scales);
    for (int i = 0; i < GRID_BLOCK_VALUES; i++) block->q[i] = (uint8_t)(from.q[i] + 128);
}

void pack_block_from_file(enum tensor_type type, const uint8_t *bytes, struct pack_block *block)
{
    switch (type) {
    case TENSOR_IQ4_NL: /* placed alike */
    case TENSOR_Q4_0: read_q4_0(bytes, block); break;
    case TENSOR_Q4_1: read_q4_1(bytes, block); break;
    case TENSOR_Q5_0: read_q5_0(bytes, block); break;
    case TENSOR_Q5_1: read_q5_1(bytes, block); break;
    case TENSOR_Q8_0: read_q8_0(bytes, block); break;
    case TENSOR_Q2_K: read_q2_k(bytes, block); break;
    case TENSOR_Q3_K: read_q3_k(bytes, block); break;
    case TENSOR_Q4_K: read_q4_k(bytes, block); break;
    case TENSOR_Q5_K: read_q5_k(bytes, block); break;
    case TENSOR_Q6_K: read_q6_k(bytes, block); break;
    case TENSOR_IQ4_XS: read_iq4_xs(bytes, block); break;
    case TENSOR_MXFP4: read_mxfp4(bytes, block); break;
    default: read_grid(type, bytes, block); break;
    }
}
