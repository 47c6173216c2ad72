/* kv_layout.h - where the keys and values of one layer and KV head stand in a page of 16 positions.
 *
 * Known to the cache, which places them, to the kernels that read and write them, and to tests.
 * KV_F16 and KV_F32: K is [head_size][16], lanes are keys; V is [16][v_stride], lanes are
 * dimensions, padding is zero. KV_Q8_0, in blocks of 32 dimensions of a key: each of K and V begins
 * with scales, binary16 [blocks][16]; from the next cache line on K is [groups][16][4], bytes q +
 * 128 of four dimensions, the padding of the last group 128; V is int8 [16][v_stride].
 */
#ifndef PHIBENCH_ENGINE_KERNELS_KV_LAYOUT_H
#define PHIBENCH_ENGINE_KERNELS_KV_LAYOUT_H

#include "engine/engine.h"

enum {
    KV_BLOCK = 32,      /* dimensions that share a scale */
    KV_GROUP = 4,       /* dimensions that stand together */
    KV_KEY_OFFSET = 128 /* of the bytes of keys, which are unsigned */
};

static inline size_t kv_v_stride(size_t head_size)
{
    return (head_size + 15) / 16 * 16;
}

static inline size_t kv_blocks(size_t head_size)
{
    return (head_size + KV_BLOCK - 1) / KV_BLOCK;
}

static inline size_t kv_groups(size_t head_size)
{
    return (head_size + KV_GROUP - 1) / KV_GROUP;
}

/* Bytes before the first q of KV_Q8_0. */
static inline size_t kv_scales_bytes(size_t head_size)
{
    return (kv_blocks(head_size) * SESSION_PAGE_TOKENS * sizeof(uint16_t) + 63) / 64 * 64;
}

/* Bytes of all keys, and of all values: multiples of 64 if head_size, below 2^32, is even. */
static inline size_t kv_k_bytes(enum kv_type type, size_t head_size)
{
    size_t n = head_size * SESSION_PAGE_TOKENS;
    if (type == KV_Q8_0)
        return kv_scales_bytes(head_size) + kv_groups(head_size) * SESSION_PAGE_TOKENS * KV_GROUP;
    return type == KV_F16 ? n * sizeof(uint16_t) : n * sizeof(float);
}

static inline size_t kv_v_bytes(enum kv_type type, size_t head_size)
{
    size_t n = kv_v_stride(head_size) * SESSION_PAGE_TOKENS;
    if (type == KV_Q8_0) return kv_scales_bytes(head_size) + n;
    return type == KV_F16 ? n * sizeof(uint16_t) : n * sizeof(float);
}

#endif
