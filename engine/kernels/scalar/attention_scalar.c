/* attention_scalar.c - the specification of attention over KV pages, and of storing into them.
 *
 * The layout of a page and the order of every operation are in kernels.h. Keys that a token does
 * not attend to are never read for it: a page may hold anything there.
 */
#include "engine/kernels/kernel_list.h"

#include "engine/kernels/lanes.h"
#include "engine/kernels/math.h"

#include <math.h>
#include <string.h>

enum { SLOTS = SESSION_PAGE_TOKENS };

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
    size_t v_stride = (a->head_size + 15) / 16 * 16, n = 0;
    struct key_span keys = attention_span(a, token);
    float *scores = a->scratch;
    size_t first = next_seen(a, token, head, keys.begin);
    for (size_t i = first; i < keys.end; i = next_seen(a, token, head, i + 1)) {
        const uint8_t *k = a->pages[i / SLOTS] + a->k_offset;
        float dot = 0.0f;
        for (size_t d = 0; d < a->head_size; d++)
            dot = fmaf(q[d], kv_read(k, a->type, d * SLOTS + i % SLOTS), dot);
        scores[n++] = dot * a->scale;
    }
    for (size_t i = 0; a->softcap > 0 && i < n; i++)
        scores[i] = kernel_tanh(scores[i] / a->softcap) * a->softcap;
    float sum = exponentiate(scores, first, n);
    for (size_t d = 0; d < a->head_size; d++) out[d] = 0.0f;
    for (size_t i = first; i < keys.end; i = next_seen(a, token, head, i + 1), scores++) {
        const uint8_t *v = a->pages[i / SLOTS] + a->v_offset;
        for (size_t d = 0; d < a->head_size; d++)
            out[d] = fmaf(*scores, kv_read(v, a->type, i % SLOTS * v_stride + d), out[d]);
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
    size_t v_stride = (head_size + 15) / 16 * 16;
    for (size_t d = 0; d < head_size; d++) kv_write(page_k, type, d * SLOTS + slot, k[d]);
    for (size_t d = 0; d < v_stride; d++)
        kv_write(page_v, type, slot * v_stride + d, d < head_size ? v[d] : 0.0f);
}
