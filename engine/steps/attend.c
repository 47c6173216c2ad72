/* attend.c - the step of attention. Threads take (KV head, tile of rows) as they get to them, heads
 * outside, so that a thread meets the same heads in every batch.
 */
#include "engine/steps/pass.h"

#include <assert.h>
#include <string.h>

/* After the keys and values of the last layer only the tokens whose logits are wanted go on. Their
 * rows move to the front of the stream, so that row i belongs to token active[i]. */
static void keep_wanting(struct pass *pass)
{
    const struct session *session = pass->session;
    assert(!pass->has_delta && !pass->has_second_delta); /* rows would belong to other tokens */
    pass->active = session->wanting;
    pass->n_active = session->n_logits;
    pass->cuts = &session->wanting_cuts;
    if (pass->i_thread != 0) return;
    for (size_t i = 0; i < pass->n_active; i++)
        if (pass->active[i] != i)
            memcpy(pass_row(pass, BUFFER_STREAM, i), pass_row(pass, BUFFER_STREAM, pass->active[i]),
                   pass->h->n_embd * sizeof(float));
}

/* Heads of one KV head look at blocks of their own, so that each would carry the others along. */
static void attend_by_head(const struct pass *pass, struct attention attention)
{
    size_t end = attention.first_head + attention.n_heads;
    attention.n_heads = 1;
    for (; attention.first_head < end; attention.first_head++) {
        pass->kernels->attention(&attention);
        attention.q += attention.head_size;
        attention.out += attention.head_size;
    }
}

static void attend_tiles(const struct pass *pass, const struct operation *operation)
{
    const struct hparams *h = pass->h;
    const struct session *session = pass->session;
    const struct scratch *scratch = pass->scratch;
    enum buffer from = operation->step->from, to = operation->step->to;
    size_t n_sharing = h->n_heads / h->n_kv_heads;
    struct attention attention = {
        .q_stride = scratch->widths[from],
        .n_heads = n_sharing,
        .head_size = h->head_size,
        .window = hparams_window(h, pass->i_layer),
        .blocks = hparams_blocks(h, pass->i_layer),
        .n_keys = hparams_keys_ahead(h),
        .type = session->kv_type,
        .scale = h->attention_scale,
        .softcap = h->attention_softcap,
        .scratch = scratch->attention + pass->i_thread * scratch->attention_stride,
        .out_stride = scratch->widths[to],
    };
    const struct tiles *tiles = attention.blocks.n_keys ? &pass->cuts->sparse : &pass->cuts->dense;
    size_t n_tiles = tiles->n_tiles, kv_layer = hparams_kv_layer(h, pass->i_layer);
    struct take take = {.n = h->n_kv_heads * n_tiles, .chunk = 1};
    while (threads_take(pass->threads, pass->i_thread, &take)) {
        size_t head = take.taken.begin / n_tiles;
        struct tile tile = tiles->tiles[take.taken.begin % n_tiles];
        size_t t = pass->active[tile.first], first_q = head * n_sharing * h->head_size;
        attention.q = pass_row(pass, from, t) + first_q;
        attention.n_tokens = tile.n;
        attention.position = session->positions[t];
        attention.first_head = head * n_sharing;
        attention.pages = session->pages[t];
        attention.k_offset = kv_k_offset(session->kv, kv_layer, head);
        attention.v_offset = kv_v_offset(session->kv, kv_layer, head);
        attention.out = pass_row(pass, to, tile.first) + first_q;
        if (attention.blocks.n_keys && tile.n > 1) attend_by_head(pass, attention);
        else pass->kernels->attention(&attention);
    }
}

void step_attend(struct pass *pass, const struct operation *operation)
{
    if (pass->i_layer + 1 == pass->h->n_layers) keep_wanting(pass);
    if (pass->n_active > 0) attend_tiles(pass, operation);
}
