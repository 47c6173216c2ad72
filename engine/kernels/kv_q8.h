/* kv_q8.h - keys, values and queries as bytes: quantizes blocks of 32 dimensions and stores them in
 * a page, one text for every instruction set.
 *
 * A block is quantized as activations are (act_scale.h); one that is shorter, at the end of a head,
 * as if zeros followed. What is stored of its scale is rounded to binary16. Loops are of constant
 * length, so that compilers make vectors of them.
 */
#ifndef PHIBENCH_ENGINE_KERNELS_KV_Q8_H
#define PHIBENCH_ENGINE_KERNELS_KV_Q8_H

#include "engine/half.h"
#include "engine/kernels/act_scale.h"
#include "engine/kernels/kv_layout.h"

/* x: [n], n at most KV_BLOCK -> q: [KV_BLOCK] in -127..127, 0 past n; returns the scale. */
static inline float kv_quantize_block(const float *x, size_t n, int8_t *q)
{
    float values[KV_BLOCK] = {0.0f}, d, scale;
    uint32_t bits[KV_BLOCK], maximum = 0;
    memcpy(values, x, n * sizeof *x);
    memcpy(bits, values, sizeof bits);
    for (size_t i = 0; i < KV_BLOCK; i++) {
        uint32_t magnitude = bits[i] & 0x7fffffff;
        maximum = magnitude > maximum ? magnitude : maximum;
    }
    if (!act_scale(maximum, &d, &scale)) {
        memset(q, 0, KV_BLOCK);
        return d;
    }
    /* Adding 1.5 * 2^23 rounds to an integer, to nearest even, and leaves it in the low bits. */
    for (size_t i = 0; i < KV_BLOCK; i++) values[i] = values[i] * scale + 0x1.8p23f;
    memcpy(bits, values, sizeof bits);
    for (size_t i = 0; i < KV_BLOCK; i++) q[i] = (int8_t)(bits[i] & 0xff);
    return d;
}

/* Values of a head from `first` on that are in its block. */
static inline size_t kv_block_values(size_t head_size, size_t first)
{
    return head_size - first < KV_BLOCK ? head_size - first : KV_BLOCK;
}

static inline void kv_store_scale(uint8_t *page, size_t block, size_t slot, float d)
{
    uint16_t half = float_to_half(d);
    memcpy(page + (block * SESSION_PAGE_TOKENS + slot) * sizeof half, &half, sizeof half);
}

/* kv_store_fn of KV_Q8_0. */
static inline void kv_store_q8(const float *k, const float *v, size_t head_size, uint8_t *page_k,
                               uint8_t *page_v, size_t slot)
{
    size_t n_scales = kv_scales_bytes(head_size), v_stride = kv_v_stride(head_size);
    uint8_t *keys = page_k + n_scales, *values = page_v + n_scales + slot * v_stride;
    int8_t q[KV_BLOCK];
    for (size_t first = 0; first < head_size; first += KV_BLOCK) {
        size_t n = kv_block_values(head_size, first);
        kv_store_scale(page_k, first / KV_BLOCK, slot, kv_quantize_block(k + first, n, q));
        for (size_t i = 0; i < n; i += KV_GROUP) {
            uint8_t *to = keys + ((first + i) / KV_GROUP * SESSION_PAGE_TOKENS + slot) * KV_GROUP;
            for (size_t j = 0; j < KV_GROUP; j++) to[j] = (uint8_t)(q[i + j] + KV_KEY_OFFSET);
        }
        kv_store_scale(page_v, first / KV_BLOCK, slot, kv_quantize_block(v + first, n, q));
        memcpy(values + first, q, v_stride - first < KV_BLOCK ? v_stride - first : KV_BLOCK);
    }
}

#endif
