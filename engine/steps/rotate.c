/* rotate.c - the steps of rotary positions: angles before the layers, and in each layer the
 * rotation of Q and K and their way, with V, to the cache.
 */
#include "engine/steps/pass.h"

#include "engine/kernels/math.h"

#include <math.h>

/* position * frequency in float, as the float32 reference implementations compute it. */
static void fill_angles(size_t position, const float *frequencies, float magnitude, size_t n_pairs,
                        float *cos_sin)
{
    for (size_t i = 0; i < n_pairs; i++) {
        float angle = (float)position * frequencies[i];
        cos_sin[2 * i] = (float)math_cos((double)angle) * magnitude;
        cos_sin[2 * i + 1] = (float)math_sin((double)angle) * magnitude;
    }
}

void step_rotation(struct pass *pass, const struct operation *operation)
{
    (void)operation;
    size_t n_pairs = pass->h->n_rope / 2;
    struct range share = pass_share(pass, pass->session->n_tokens);
    for (enum rotation_kind i = 0; i < ROTATION_OF_LAYERS; i++) {
        float *rotations = pass->scratch->rotations[i];
        for (size_t t = share.begin; rotations && t < share.end; t++) {
            bool is_long = i == ROTATION_MAIN && pass->session->is_long[t];
            enum rotation_kind kind = is_long ? ROTATION_LONG : i;
            fill_angles(pass->session->positions[t], pass->model->frequencies.of[kind],
                        pass->h->rotations[kind].magnitude, n_pairs, rotations + t * 2 * n_pairs);
        }
    }
}

/* The least magnitude that cannot be stored: with KV_Q8_0 a scale is the largest of its block by
 * 127. */
static float stored_limit(enum kv_type type)
{
    switch (type) {
    case KV_F16: return HALF_OVERFLOW;
    case KV_Q8_0: return 127 * HALF_OVERFLOW;
    default: return INFINITY;
    }
}

/* The queries that share a KV head, and its key. */
static void rotate_heads(const struct pass *pass, const float *rotation, float *q, float *k)
{
    const struct hparams *h = pass->h;
    bool is_interleaved = h->architecture->is_interleaved;
    size_t n_pairs = h->n_rope / 2, n_sharing = h->n_heads / h->n_kv_heads;
    for (size_t i = 0; i < n_sharing; i++)
        pass->kernels->rope(q + i * h->head_size, rotation, n_pairs, is_interleaved);
    pass->kernels->rope(k, rotation, n_pairs, is_interleaved);
}

/* By (token, KV head). What the cache cannot hold is left out of it: what is masked is multiplied
 * by zero, and has to be a number. */
void step_store(struct pass *pass, const struct operation *operation)
{
    const struct hparams *h = pass->h;
    const struct session *session = pass->session;
    size_t n_q = hparams_count(h, EXTENT_Q), n_kv = hparams_count(h, EXTENT_KV);
    size_t n_sharing = h->n_heads / h->n_kv_heads;
    size_t kv_layer = hparams_kv_layer(h, pass->i_layer);
    const float *rotations = pass->scratch->rotations[hparams_rotation(h, pass->i_layer)];
    float limit = stored_limit(session->kv_type);
    struct range share = pass_share(pass, session->n_tokens * h->n_kv_heads);
    for (size_t i = share.begin; i < share.end; i++) {
        size_t t = i / h->n_kv_heads, head = i % h->n_kv_heads;
        float *qkv = pass_row(pass, operation->step->from, t);
        float *k = qkv + n_q + head * h->head_size, *v = k + n_kv;
        if (rotations)
            rotate_heads(pass, rotations + t * h->n_rope, qkv + head * n_sharing * h->head_size, k);
        if (!floats_are_below(k, h->head_size, limit) ||
            !floats_are_below(v, h->head_size, limit)) {
            pass_report(pass, FAULT_STORED, t);
            continue;
        }
        size_t position = session->positions[t];
        uint8_t *page = session->pages[t][position / SESSION_PAGE_TOKENS];
        pass->kernels->kv_store(
            k, v, h->head_size, session->kv_type, page + kv_k_offset(session->kv, kv_layer, head),
            page + kv_v_offset(session->kv, kv_layer, head), position % SESSION_PAGE_TOKENS);
    }
}
