/* graph.c - the forward pass of a batch: every thread walks the same steps and takes its share.
 *
 * Pre-norm transformer with RMSNorm (Zhang, Sennrich 2019), rotary positions (Su et al. 2021),
 * grouped query attention (Ainslie et al. 2023) and a SiLU-gated feed-forward (Shazeer 2020).
 *
 * A step reads what earlier steps wrote, and a barrier stands between them. Each output is
 * computed whole by one kernel call from inputs that do not depend on how a step is divided, so
 * that threads, batch and chunking leave no trace in the bits.
 */
#include "engine/session.h"

#include "engine/importance.h"
#include "engine/kernels/math.h"

#include <math.h>
#include <string.h>

/* Columns of the feed-forward that one thread gates and quantizes at a time: whole blocks of any
 * format. */
enum { SLICE_COLUMNS = 1024 };

/* A thread takes its share of a projection in so many parts, each of whole pairs of row groups,
 * which kernels compute together: few enough to cost nothing, and where one thread is kept from
 * its CPU the others wait for one such part at most. */
enum { PARTS_PER_SHARE = 16 };

/* Squares of what is below have a sum that is a number: above, a norm would make zeros of it. */
static const float MAX_SQUARED = 0x1p52f;

/* One thread's view of the pass. */
struct pass {
    struct session *session; /* of which a thread changes the fault alone */
    const struct model *model;
    const struct kernels *kernels;
    const struct hparams *h;
    const struct scratch *scratch;
    struct threads *threads;
    size_t i_thread, i_layer; /* i_layer: past the last one for the logits */
    const size_t *active;     /* [n_active] the tokens that rows of the stream belong to */
    size_t n_active;
    const struct tiles *tiles; /* of these rows */
};

static size_t n_q_of(const struct hparams *h)
{
    return h->n_heads * h->head_size;
}

static size_t n_kv_of(const struct hparams *h)
{
    return h->n_kv_heads * h->head_size;
}

/* Ends a step: what all threads wrote in it is visible after. */
static void meet(const struct pass *pass)
{
    threads_barrier(pass->threads, pass->i_thread);
}

static struct range share_of(const struct pass *pass, size_t n)
{
    return threads_share(pass->threads, n, pass->i_thread);
}

/* Keeps the fault if it is the first so far. Only what is wrong comes here. */
static void report_fault(const struct pass *pass, enum fault_kind kind, size_t i_token)
{
    uint64_t code = fault_code(pass->i_layer, kind, i_token);
    uint64_t first = atomic_load_explicit(&pass->session->fault, memory_order_relaxed);
    while (code < first && !atomic_compare_exchange_weak(&pass->session->fault, &first, code)) {}
}

/* Columns [begin, end) of row i of an input, x: [n_cols], in the quantized formats that are
 * needed. They must be numbers: a product of quantized inputs would hide that they are none. */
static void quantize_columns(const struct pass *pass, const bool *needs, const float *x, size_t i,
                             size_t n_cols, size_t begin, size_t end)
{
    static const size_t blocks[ACT_FORMAT_COUNT] = {[ACT_Q8_32] = 32, [ACT_Q8_256] = 256};
    if (!floats_are_below(x + begin, end - begin, INFINITY))
        report_fault(pass, FAULT_STREAM, pass->active[i]);
    for (size_t format = 0; format < ACT_FORMAT_COUNT; format++) {
        if (!needs[format] || !blocks[format]) continue;
        const struct acts *acts = &pass->scratch->acts[format];
        size_t block = blocks[format];
        pass->kernels->quantize(x + begin, end - begin, block, acts->q + i * n_cols + begin,
                                acts->d + i * (n_cols / block) + begin / block,
                                acts->sums + i * (n_cols / 16) + begin / 16);
    }
}

/* What project does, for some of the row groups. */
static void project_groups(const struct pass *pass, const struct projection *projection,
                           const float *x, struct range groups, float *out, size_t out_stride)
{
    size_t first_group = 0, first_row = 0;
    for (size_t i = 0; i < projection->n_parts; i++) {
        const struct packed *part = &projection->parts[i];
        size_t n_part_groups = part_groups(part);
        size_t begin = groups.begin > first_group ? groups.begin - first_group : 0;
        size_t end = groups.end > first_group ? groups.end - first_group : 0;
        if (end > n_part_groups) end = n_part_groups;
        if (begin < end) {
            enum act_format format = act_format_for(part->type);
            struct acts acts = pass->scratch->acts[format];
            acts.format = format;
            acts.n_tokens = pass->n_active;
            acts.n_cols = part->n_cols;
            acts.x = x;
            pass->kernels->gemm[part->type](part, &acts, begin, end, out + first_row, out_stride);
        }
        first_group += n_part_groups;
        first_row += part->n_rows;
    }
}

/* Adds the inputs of a projection to what is observed; each thread adds columns of its own. */
static void observe(const struct pass *pass, const struct projection *projection, const float *x)
{
    struct range share = share_of(pass, projection->n_cols);
    importance_observe(pass->session->importance, projection->i_projection, x, pass->n_active,
                       share.begin, share.end);
}

/* out: [n_active, out_stride], from column 0 on = projection of input x: [n_active, n_cols], which
 * was quantized before. */
static void project(const struct pass *pass, const struct projection *projection, const float *x,
                    float *out, size_t out_stride)
{
    struct take take = {.n = projection_groups(projection)};
    size_t n_parts = PARTS_PER_SHARE * threads_count(pass->threads);
    take.chunk = (take.n / n_parts + 2) / 2 * 2;
    if (pass->session->importance) observe(pass, projection, x);
    while (threads_take(pass->threads, pass->i_thread, &take))
        project_groups(pass, projection, x, take.taken, out, out_stride);
}

/* Cosine and sine of the angles of each token's position: position * frequency in float, as the
 * float32 reference implementations compute it. */
static void compute_rotations(const struct pass *pass)
{
    size_t n_pairs = pass->h->n_rope / 2;
    struct range share = share_of(pass, pass->session->n_tokens);
    for (size_t t = share.begin; t < share.end; t++) {
        float *rotation = pass->scratch->rotation + t * 2 * n_pairs;
        for (size_t i = 0; i < n_pairs; i++) {
            float angle = (float)pass->session->positions[t] * pass->model->rope_frequencies[i];
            rotation[2 * i] = (float)math_cos((double)angle);
            rotation[2 * i + 1] = (float)math_sin((double)angle);
        }
    }
}

/* Each row of the stream: adds the last block's delta if there is one, normalizes, quantizes. */
static void add_and_norm(const struct pass *pass, bool adds_delta, const float *weight,
                         const bool *needs)
{
    size_t n_embd = pass->h->n_embd;
    struct range share = share_of(pass, pass->n_active);
    for (size_t i = share.begin; i < share.end; i++) {
        float *x = pass->scratch->x + i * n_embd, *normed = pass->scratch->normed + i * n_embd;
        if (adds_delta) pass->kernels->add(x, pass->scratch->delta + i * n_embd, n_embd);
        if (!floats_are_below(x, n_embd, MAX_SQUARED))
            report_fault(pass, FAULT_STREAM, pass->active[i]);
        pass->kernels->rms_norm(x, weight, n_embd, pass->h->rms_eps, normed);
        quantize_columns(pass, needs, normed, i, n_embd, 0, n_embd);
    }
}

/* Rotates queries and keys and stores keys and values, by (token, KV head). Those that the cache
 * cannot hold are left out of it: what is masked is multiplied by zero, and has to be a number. */
static void rotate_and_store(const struct pass *pass, size_t i_layer)
{
    const struct hparams *h = pass->h;
    const struct session *session = pass->session;
    bool is_interleaved = h->architecture->is_interleaved;
    size_t n_q = n_q_of(h), n_kv = n_kv_of(h), n_pairs = h->n_rope / 2;
    size_t n_sharing = h->n_heads / h->n_kv_heads;
    float limit = session->kv_type == KV_F16 ? HALF_OVERFLOW : INFINITY;
    struct range share = share_of(pass, session->n_tokens * h->n_kv_heads);
    for (size_t i = share.begin; i < share.end; i++) {
        size_t t = i / h->n_kv_heads, head = i % h->n_kv_heads;
        const float *rotation = pass->scratch->rotation + t * 2 * n_pairs;
        float *qkv = pass->scratch->qkv + t * (n_q + 2 * n_kv);
        float *k = qkv + n_q + head * h->head_size, *v = k + n_kv;
        for (size_t j = head * n_sharing; j < (head + 1) * n_sharing; j++)
            pass->kernels->rope(qkv + j * h->head_size, rotation, n_pairs, is_interleaved);
        pass->kernels->rope(k, rotation, n_pairs, is_interleaved);
        if (!floats_are_below(k, h->head_size, limit) ||
            !floats_are_below(v, h->head_size, limit)) {
            report_fault(pass, FAULT_STORED, t);
            continue;
        }
        size_t position = session->positions[t];
        uint8_t *page = session->pages[t][position / SESSION_PAGE_TOKENS];
        pass->kernels->kv_store(
            k, v, h->head_size, session->kv_type, page + kv_k_offset(session->kv, i_layer, head),
            page + kv_v_offset(session->kv, i_layer, head), position % SESSION_PAGE_TOKENS);
    }
}

/* Attention of active rows, divided by (KV head, tile of rows), heads outside, so that a thread
 * meets the same heads in every batch. */
static void attend(const struct pass *pass, size_t i_layer)
{
    const struct hparams *h = pass->h;
    const struct session *session = pass->session;
    const struct scratch *scratch = pass->scratch;
    size_t n_q = n_q_of(h), n_sharing = h->n_heads / h->n_kv_heads;
    struct attention attention = {
        .q_stride = n_q + 2 * n_kv_of(h),
        .n_heads = n_sharing,
        .head_size = h->head_size,
        .window = h->sliding_window,
        .type = session->kv_type,
        .scale = 1.0f / sqrtf((float)h->head_size),
        .scratch = scratch->attention + pass->i_thread * scratch->attention_stride,
        .out_stride = n_q,
    };
    size_t n_tiles = pass->tiles->n_tiles;
    struct take take = {.n = h->n_kv_heads * n_tiles, .chunk = 1};
    while (threads_take(pass->threads, pass->i_thread, &take)) {
        size_t head = take.taken.begin / n_tiles;
        struct tile tile = pass->tiles->tiles[take.taken.begin % n_tiles];
        size_t t = pass->active[tile.first], first_q = head * n_sharing * h->head_size;
        attention.q = scratch->qkv + t * attention.q_stride + first_q;
        attention.n_tokens = tile.n;
        attention.position = session->positions[t];
        attention.pages = session->pages[t];
        attention.k_offset = kv_k_offset(session->kv, i_layer, head);
        attention.v_offset = kv_v_offset(session->kv, i_layer, head);
        attention.out = scratch->attended + tile.first * n_q + first_q;
        pass->kernels->attention(&attention);
    }
}

static void quantize_rows(const struct pass *pass, const bool *needs, const float *x, size_t n_cols)
{
    struct range share = share_of(pass, pass->n_active);
    for (size_t i = share.begin; i < share.end; i++)
        quantize_columns(pass, needs, x + i * n_cols, i, n_cols, 0, n_cols);
}

/* hidden = silu(gate) * up, by slices of columns, so that one token too is divided. */
static void gate(const struct pass *pass, const bool *needs)
{
    size_t n_ff = pass->h->n_ff, n_slices = (n_ff + SLICE_COLUMNS - 1) / SLICE_COLUMNS;
    struct range share = share_of(pass, pass->n_active * n_slices);
    for (size_t unit = share.begin; unit < share.end; unit++) {
        size_t i = unit / n_slices, begin = unit % n_slices * SLICE_COLUMNS;
        size_t end = begin + SLICE_COLUMNS < n_ff ? begin + SLICE_COLUMNS : n_ff;
        const float *gates = pass->scratch->gate_up + i * 2 * n_ff;
        float *hidden = pass->scratch->hidden + i * n_ff;
        pass->kernels->silu_mul(gates + begin, gates + n_ff + begin, end - begin, hidden + begin);
        quantize_columns(pass, needs, hidden, i, n_ff, begin, end);
    }
}

/* After the keys and values of the last layer only the tokens whose logits are wanted go on. Their
 * rows move to the front of the stream, so that row i belongs to token active[i]. */
static void keep_wanting(struct pass *pass)
{
    const struct session *session = pass->session;
    size_t n_embd = pass->h->n_embd;
    pass->active = session->wanting;
    pass->n_active = session->n_logits;
    pass->tiles = &session->wanting_tiles;
    if (pass->i_thread != 0) return;
    for (size_t i = 0; i < pass->n_active; i++)
        if (pass->active[i] != i)
            memcpy(pass->scratch->x + i * n_embd, pass->scratch->x + pass->active[i] * n_embd,
                   n_embd * sizeof(float));
}

/* The stream enters without the last block's delta, which is added here, and leaves so too. */
static void run_layer(struct pass *pass, size_t i_layer)
{
    const struct layer *layer = &pass->model->layers[i_layer];
    const struct scratch *s = pass->scratch;
    const struct hparams *h = pass->h;
    pass->i_layer = i_layer;
    add_and_norm(pass, i_layer > 0, layer->attn_norm, layer->qkv.needs);
    meet(pass);
    project(pass, &layer->qkv, s->normed, s->qkv, layer->qkv.n_rows);
    meet(pass);
    rotate_and_store(pass, i_layer);
    meet(pass);
    if (i_layer + 1 == h->n_layers) keep_wanting(pass);
    if (pass->n_active == 0) return;
    attend(pass, i_layer);
    meet(pass);
    quantize_rows(pass, layer->attn_output.needs, s->attended, n_q_of(h));
    meet(pass);
    project(pass, &layer->attn_output, s->attended, s->delta, h->n_embd);
    meet(pass);
    add_and_norm(pass, true, layer->ffn_norm, layer->gate_up.needs);
    meet(pass);
    project(pass, &layer->gate_up, s->normed, s->gate_up, 2 * h->n_ff);
    meet(pass);
    gate(pass, layer->ffn_down.needs);
    meet(pass);
    project(pass, &layer->ffn_down, s->hidden, s->delta, h->n_embd);
    meet(pass);
}

/* Each thread looks at its share of the logits. */
static void check_logits(const struct pass *pass)
{
    size_t n_vocab = pass->h->n_vocab;
    struct range share = share_of(pass, pass->n_active * n_vocab);
    for (size_t at = share.begin, end; at < share.end; at = end) {
        size_t i = at / n_vocab;
        end = (i + 1) * n_vocab < share.end ? (i + 1) * n_vocab : share.end;
        if (!floats_are_below(pass->scratch->logits + at, end - at, INFINITY))
            report_fault(pass, FAULT_LOGITS, pass->active[i]);
    }
}

static void run_share(void *context, struct threads *threads, size_t i_thread)
{
    struct session *session = context;
    const struct model *model = session->model;
    struct pass pass = {.session = session,
                        .model = model,
                        .kernels = model->kernels,
                        .h = &model->hparams,
                        .scratch = &session->scratch,
                        .threads = threads,
                        .i_thread = i_thread,
                        .active = session->all,
                        .n_active = session->n_tokens,
                        .tiles = &session->all_tiles};
    compute_rotations(&pass);
    for (size_t i = 0; i < model->hparams.n_layers; i++) run_layer(&pass, i);
    pass.i_layer = model->hparams.n_layers;
    if (pass.n_active == 0) return;
    add_and_norm(&pass, true, model->output_norm, model->output.needs);
    meet(&pass);
    project(&pass, &model->output, session->scratch.normed, session->scratch.logits,
            model->hparams.n_vocab);
    meet(&pass);
    check_logits(&pass);
}

void graph_run(struct session *session)
{
    atomic_store(&session->fault, NO_FAULT);
    threads_run(session->threads, run_share, session);
}
