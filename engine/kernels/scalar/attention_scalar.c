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

/* One head of one token, q and out: [head_size]. */
static void attend(const struct attention *a, struct key_span keys, const float *q, float *out)
{
    size_t v_stride = (a->head_size + 15) / 16 * 16;
    float *scores = a->scratch;
    for (size_t i = keys.begin; i < keys.end; i++) {
        const uint8_t *k = a->pages[i / SLOTS] + a->k_offset;
        float dot = 0.0f;
        for (size_t d = 0; d < a->head_size; d++)
            dot = fmaf(q[d], kv_read(k, a->type, d * SLOTS + i % SLOTS), dot);
        scores[i - keys.begin] = dot * a->scale;
    }
    for (size_t i = 0; a->softcap > 0 && i < keys.end - keys.begin; i++)
        scores[i] = kernel_tanh(scores[i] / a->softcap) * a->softcap;
    float sum = exponentiate(scores, keys.begin, keys.end - keys.begin);
    for (size_t d = 0; d < a->head_size; d++) {
        float acc = 0.0f;
        for (size_t i = keys.begin; i < keys.end; i++) {
            const uint8_t *v = a->pages[i / SLOTS] + a->v_offset;
            acc = fmaf(scores[i - keys.begin], kv_read(v, a->type, i % SLOTS * v_stride + d), acc);
        }
        out[d] = acc / sum;
    }
}

void attention_scalar(const struct attention *a)
{
    for (size_t i = 0; i < a->n_tokens; i++) {
        for (size_t head = 0; head < a->n_heads; head++) {
            attend(a, attention_span(a, i), a->q + i * a->q_stride + head * a->head_size,
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
