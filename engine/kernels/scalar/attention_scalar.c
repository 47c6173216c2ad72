/* attention_scalar.c - the specification of attention over KV pages, and of storing into them.
 *
 * The layout of a page and the order of every operation are in kernels.h. Keys that a token does
 * not attend to are never read for it: a page may hold anything there.
 */
#include "engine/kernels/kernel_list.h"

#include "engine/kernels/kv_q8.h"
#include "engine/kernels/lanes.h"
#include "engine/kernels/math.h"

#include <math.h>
#include <string.h>

enum { SLOTS = SESSION_PAGE_TOKENS };

/* What stands in a page in 16 columns, one for each slot: the scale of a block. */
static float read_scale(const uint8_t *page, size_t block, size_t slot)
{
    uint16_t half;
    memcpy(&half, page + (block * SLOTS + slot) * sizeof half, sizeof half);
    return half_to_float(half);
}

static float kv_read(const uint8_t *values, enum kv_type type, size_t i)
{
    if (type == KV_F16) {
        uint16_t half;
        memcpy(&half, values + i * sizeof half, sizeof half);
        return half_to_float(half);
    }
    float value;
    memcpy(&value, values + i * sizeof value, sizeof value);
    return value;
}

static void kv_write(uint8_t *values, enum kv_type type, size_t i, float value)
{
    if (type == KV_F16) {
        uint16_t half = float_to_half(value);
        memcpy(values + i * sizeof half, &half, sizeof half);
    } else {
        memcpy(values + i * sizeof value, &value, sizeof value);
    }
}

/* Scores of the n keys from `begin` on -> probabilities that lack the division by their sum, which
 * is returned. */
static float exponentiate(float *scores, size_t begin, size_t n)
{
    float max = -INFINITY;
    for (size_t i = 0; i < n; i++) max = scores[i] > max ? scores[i] : max;
    float lanes[SLOTS] = {0.0f};
    for (size_t i = 0; i < n; i++) {
        scores[i] = kernel_exp(scores[i] - max);
        lanes[(begin + i) % SLOTS] += scores[i];
    }
    return lanes_sum(lanes);
}

/* The dot product with the key in a slot of K; q: [head_size]. */
static float dot_product(const struct attention *a, const float *q, const uint8_t *k, size_t slot)
{
    float dot = 0.0f;
    if (a->type != KV_Q8_0) {
        for (size_t d = 0; d < a->head_size; d++)
            dot = fmaf(q[d], kv_read(k, a->type, d * SLOTS + slot), dot);
        return dot;
    }
    const uint8_t *bytes = k + kv_scales_bytes(a->head_size);
    for (size_t first = 0; first < a->head_size; first += KV_BLOCK) {
        size_t n = kv_block_values(a->head_size, first);
        int8_t query[KV_BLOCK];
        float scale = kv_quantize_block(q + first, n, query);
        int32_t sum = 0;
        for (size_t d = first; d < first + n; d++) {
            uint8_t key = bytes[(d / KV_GROUP * SLOTS + slot) * KV_GROUP + d % KV_GROUP];
            sum += query[d - first] * (key - KV_KEY_OFFSET);
        }
        dot = fmaf(scale * read_scale(k, first / KV_BLOCK, slot), (float)sum, dot);
    }
    return dot;
}

/* acc and the product of p with dimension d of the value in a slot of V. */
static float add_value(const struct attention *a, float p, const uint8_t *v, size_t slot, size_t d,
                       float acc)
{
    size_t at = slot * kv_v_stride(a->head_size) + d;
    if (a->type != KV_Q8_0) return fmaf(p, kv_read(v, a->type, at), acc);
    int8_t q = (int8_t)v[kv_scales_bytes(a->head_size) + at];
    return fmaf(p * read_scale(v, d / KV_BLOCK, slot), (float)q, acc);
}

/* The first key from `key` on that a head of a token sees; keys.end if there is none. */
static size_t next_seen(const struct attention *a, size_t token, size_t head, size_t key)
{
    size_t end = attention_span(a, token).end, n_keys = a->blocks.n_keys;
    while (n_keys && key < end && !attention_sees_block(a, token, head, key / n_keys))
        key = (key / n_keys + 1) * n_keys;
    return key < end ? key : end;
}

/* One head of one token, q and out: [head_size]. Scores are stored without gaps, which are of whole
 * pages: score i is of a key that is first + i modulo 16. */
static void attend(const struct attention *a, size_t token, size_t head, const float *q, float *out)
{
    size_t n = 0;
    struct key_span keys = attention_span(a, token);
    float *scores = a->scratch;
    size_t first = next_seen(a, token, head, keys.begin);
    for (size_t i = first; i < keys.end; i = next_seen(a, token, head, i + 1)) {
        const uint8_t *k = a->pages[i / SLOTS] + a->k_offset;
        scores[n++] = dot_product(a, q, k, i % SLOTS) * a->scale;
    }
    for (size_t i = 0; a->softcap > 0 && i < n; i++)
        scores[i] = kernel_tanh(scores[i] / a->softcap) * a->softcap;
    float sum = exponentiate(scores, first, n);
    for (size_t d = 0; d < a->head_size; d++) out[d] = 0.0f;
    for (size_t i = first; i < keys.end; i = next_seen(a, token, head, i + 1), scores++) {
        const uint8_t *v = a->pages[i / SLOTS] + a->v_offset;
        for (size_t d = 0; d < a->head_size; d++)
            out[d] = add_value(a, *scores, v, i % SLOTS, d, out[d]);
    }
    for (size_t d = 0; d < a->head_size; d++) out[d] /= sum;
}

void attention_scalar(const struct attention *a)
{
    for (size_t i = 0; i < a->n_tokens; i++) {
        for (size_t head = 0; head < a->n_heads; head++) {
            attend(a, i, head, a->q + i * a->q_stride + head * a->head_size,
                   a->out + i * a->out_stride + head * a->head_size);
        }
    }
}

void kv_store_scalar(const float *k, const float *v, size_t head_size, enum kv_type type,
                     uint8_t *page_k, uint8_t *page_v, size_t slot)
{
    size_t v_stride = kv_v_stride(head_size);
    if (type == KV_Q8_0) {
        kv_store_q8(k, v, head_size, page_k, page_v, slot);
        return;
    }
    for (size_t d = 0; d < head_size; d++) kv_write(page_k, type, d * SLOTS + slot, k[d]);
    for (size_t d = 0; d < v_stride; d++)
        kv_write(page_v, type, slot * v_stride + d, d < head_size ? v[d] : 0.0f);
}
