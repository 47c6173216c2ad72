/* attention_scalar.c - the specification of attention over KV pages, and of storing into them.
 *
 * The layout of a page and the order of every operation are in kernels.h. Positions outside of
 * [begin, end) are never read: a page may hold anything there.
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

/* Scores of one head -> probabilities that lack the division by their sum, which is returned. */
static float exponentiate(float *scores, size_t begin, size_t end)
{
    float max = -INFINITY;
    for (size_t i = begin; i < end; i++) max = scores[i] > max ? scores[i] : max;
    float lanes[SLOTS] = {0.0f};
    for (size_t i = begin; i < end; i++) {
        scores[i] = kernel_exp(scores[i] - max);
        lanes[i % SLOTS] += scores[i];
    }
    return lanes_sum(lanes);
}

void attention_scalar(const struct attention *a)
{
    size_t v_stride = (a->head_size + 15) / 16 * 16;
    for (size_t head = 0; head < a->n_heads; head++) {
        const float *q = a->q + head * a->head_size;
        float *out = a->out + head * a->head_size;
        for (size_t i = a->begin; i < a->end; i++) {
            const uint8_t *k = a->pages[i / SLOTS] + a->k_offset;
            float dot = 0.0f;
            for (size_t d = 0; d < a->head_size; d++)
                dot = fmaf(q[d], kv_read(k, a->type, d * SLOTS + i % SLOTS), dot);
            a->scores[i] = dot * a->scale;
        }
        float sum = exponentiate(a->scores, a->begin, a->end);
        for (size_t d = 0; d < a->head_size; d++) {
            float acc = 0.0f;
            for (size_t i = a->begin; i < a->end; i++) {
                const uint8_t *v = a->pages[i / SLOTS] + a->v_offset;
                acc = fmaf(a->scores[i], kv_read(v, a->type, i % SLOTS * v_stride + d), acc);
            }
            out[d] = acc / sum;
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
