/* gemm_quant_scalar.c - the specification of int8 activations and of products with quantized
 * weights.
 *
 * Every other level gives the bits of these functions. Bounds of the integer sums, over all inputs
 * (|a| <= 127): a block of 32 is at most 32 * 128 * 127 < 2^19; one of 256 at most
 * 256 * 32 * 127 * 128 < 2^27 (Q6_K, the largest q times scale; IQ4_XS has 127 times 32, types
 * below four bits 124 times 31), its minimum's sum at most 256 * 127 * 63 < 2^21. So int32 never
 * overflows, and neither do the partial sums of unsigned q that the SIMD levels start from: at most
 * 256 * 63 * 127 * 128 < 2^28.
 */
#include "engine/kernels/act_scale.h"
#include "engine/kernels/kernel_list.h"
#include "engine/kernels/pack_layout.h"

#include <math.h>
#include <string.h>

/* Tokens that share one reading of a block. */
enum { CHUNK_TOKENS = 32 };

static uint32_t magnitude_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits & 0x7fffffff;
}

void quantize_scalar(const float *x, size_t n_cols, size_t block, int8_t *q, float *d,
                     int16_t *sums)
{
    for (size_t at = 0; at < n_cols; at += block) {
        uint32_t maximum = 0;
        for (size_t i = at; i < at + block; i++) {
            if (magnitude_bits(x[i]) > maximum) maximum = magnitude_bits(x[i]);
        }
        float scale;
        if (act_scale(maximum, &d[at / block], &scale)) {
            for (size_t i = at; i < at + block; i++) q[i] = (int8_t)lrintf(x[i] * scale);
        } else {
            memset(q + at, 0, block);
        }
    }
    for (size_t i = 0; i < n_cols / 16; i++) {
        int sum = 0;
        for (size_t k = 16 * i; k < 16 * i + 16; k++) sum += q[k];
        sums[i] = (int16_t)sum;
    }
}

/* One block of one output: a: [block_values], sums: [block_values / 16]. */
static float add_block(const struct pack_shape *shape, const struct pack_block *block,
                       const int8_t *a, const int16_t *sums, float da, float acc)
{
    int32_t isum = 0, msum = 0;
    for (size_t j = 0; j < shape->block_values / shape->sub_values; j++) {
        int32_t dot = 0, sum = 0;
        for (size_t k = j * shape->sub_values; k < (j + 1) * shape->sub_values; k++) {
            dot += pack_weight(shape, block->q[k]) * a[k];
        }
        for (size_t i = j * shape->sub_values; i < (j + 1) * shape->sub_values; i += 16) {
            sum += sums[i / 16];
        }
        isum += dot * block->scales[j];
        msum += shape->scales == PACK_NO_SCALES ? sum : sum * block->minima[j];
    }
    acc = fmaf(pack_factor_float(shape, block->d) * da, (float)isum, acc);
    if (!shape->has_minimum) return acc;
    float m = half_to_float(block->m) * da;
    return fmaf(shape->scales == PACK_NO_SCALES ? m : -m, (float)msum, acc);
}

static void multiply_row(const struct packed *w, const struct acts *a, size_t row, size_t token,
                         size_t n_tokens, float *out, size_t out_stride)
{
    const struct pack_shape shape = pack_shape(w->type);
    const uint8_t *group = w->data + row / ROW_GROUP * w->group_bytes;
    size_t n_blocks = w->n_cols / shape.block_values;
    float acc[CHUNK_TOKENS] = {0};
    for (size_t i = 0; i < n_blocks; i++) {
        struct pack_block block;
        pack_block_from_group(w->type, group, n_blocks, i, row % ROW_GROUP, &block);
        for (size_t t = 0; t < n_tokens; t++) {
            size_t k = (token + t) * w->n_cols + i * shape.block_values;
            acc[t] = add_block(&shape, &block, a->q + k, a->sums + k / 16,
                               a->d[(token + t) * n_blocks + i], acc[t]);
        }
    }
    for (size_t t = 0; t < n_tokens; t++) out[(token + t) * out_stride + row] = acc[t];
}

void gemm_quant_scalar(const struct packed *w, const struct acts *a, size_t group_begin,
                       size_t group_end, float *out, size_t out_stride)
{
    size_t row_end = group_end * ROW_GROUP < w->n_rows ? group_end * ROW_GROUP : w->n_rows;
    for (size_t row = group_begin * ROW_GROUP; row < row_end; row++) {
        for (size_t token = 0; token < a->n_tokens; token += CHUNK_TOKENS) {
            size_t left = a->n_tokens - token;
            size_t n_tokens = left < CHUNK_TOKENS ? left : CHUNK_TOKENS;
            multiply_row(w, a, row, token, n_tokens, out, out_stride);
        }
    }
}
