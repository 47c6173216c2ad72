/* session.c - sequences and batches: checks a batch, reads its embeddings, gives its tokens their
 * places in the KV cache, and has the graph computed. What fails leaves no token behind.
 */
#include "engine/session.h"

#include "base/mem.h"
#include "engine/tiles.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEFAULT_BATCH_TOKENS = 512,
    MAX_BATCH_TOKENS = 1 << 16,
};
static const uint64_t DEFAULT_KV_BYTES = 1u << 30;

/* n_rows * n_cols floats, aligned and not initialized. */
static bool allocate_floats(float **values, size_t n_rows, size_t n_cols, struct err *err)
{
    size_t n_bytes;
    if (!mem_multiply(n_rows, n_cols, &n_bytes) ||
        !mem_multiply(n_bytes, sizeof **values, &n_bytes))
        return err_set(err, ERR_MEMORY, "a batch of %zu tokens is too large", n_rows);
    return (*values = mem_new_aligned(n_bytes, err));
}

static size_t largest(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Room for the inputs of every projection in one quantized format. */
static bool allocate_acts(struct acts *acts, size_t n_tokens, size_t n_cols, size_t block,
                          struct err *err)
{
    size_t n_values;
    if (!mem_multiply(n_tokens, n_cols, &n_values))
        return err_set(err, ERR_MEMORY, "a batch of %zu tokens is too large", n_tokens);
    return (acts->q = mem_new_aligned(n_values, err)) &&
           (acts->d = mem_new_aligned(n_values / block * sizeof *acts->d, err)) &&
           (acts->sums = mem_new_aligned(n_values / 16 * sizeof *acts->sums, err));
}

/* Whether a step of the model reads or writes the buffer. */
static bool has_buffer(const struct model *model, enum buffer buffer)
{
    bool has = false;
    for (size_t i = 0; i < model->n_operations; i++) {
        const struct step *step = model->operations[i].step;
        has = has || step->from == buffer || step->to == buffer;
    }
    return has;
}

static const enum extent extents[BUFFER_COUNT] = {
    [BUFFER_STREAM] = EXTENT_EMBD,
    [BUFFER_DELTA] = EXTENT_EMBD,
    [BUFFER_SECOND_DELTA] = EXTENT_EMBD,
    [BUFFER_NORMED] = EXTENT_EMBD,
    [BUFFER_QKV] = EXTENT_QKV,
    [BUFFER_ATTENDED] = EXTENT_Q,
    [BUFFER_GATE_UP] = EXTENT_GATE_UP,
    [BUFFER_HIDDEN] = EXTENT_FF,
    [BUFFER_LOGITS] = EXTENT_VOCAB,
    [BUFFER_SCORES] = EXTENT_EXPERTS,
    [BUFFER_ROUTED] = EXTENT_EMBD,
    [BUFFER_EXPERTS] = EXTENT_EMBD,
    [BUFFER_PATCHES] = EXTENT_PATCH,
    [BUFFER_MERGED] = EXTENT_MERGED,
    [BUFFER_PROJECTED] = EXTENT_PROJECTED,
    [BUFFER_SEEN] = EXTENT_PROJECTED,
};

static const bool are_routed[BUFFER_COUNT] = {[BUFFER_GATE_UP] = true,
                                              [BUFFER_HIDDEN] = true,
                                              [BUFFER_ROUTED] = true,
                                              [BUFFER_EXPERTS] = true};

/* How many rows of its own a token has: in buffers that are routed, one for each expert of it. */
static size_t rows_of_token(const struct model *model, enum buffer buffer)
{
    size_t n = model->hparams.n_experts_used;
    return are_routed[buffer] && n > 0 ? n : 1;
}

uint64_t session_scratch_bytes(const struct model *model, size_t batch_tokens)
{
    uint64_t n_values = 0;
    for (enum buffer i = 0; i < BUFFER_COUNT; i++)
        if (has_buffer(model, i))
            n_values += rows_of_token(model, i) * hparams_count(&model->hparams, extents[i]);
    return n_values * batch_tokens * sizeof(float);
}

/* The quantized copies of what projections read: as wide as the widest of them. */
static bool allocate_inputs(struct session *session, struct err *err)
{
    const struct model *model = session->model;
    struct acts *acts = session->scratch.acts;
    bool needs[ACT_FORMAT_COUNT] = {false};
    size_t n = session->batch_tokens * rows_of_token(model, BUFFER_HIDDEN), n_cols = 0;
    for (size_t i = 0; i < model->n_operations; i++) {
        const struct operation *operation = &model->operations[i];
        n_cols = largest(n_cols, operation->projection.n_cols);
        for (size_t format = 0; format < ACT_FORMAT_COUNT; format++)
            needs[format] |= operation->needs[format];
    }
    return (!needs[ACT_Q8_32] || allocate_acts(&acts[ACT_Q8_32], n, n_cols, 32, err)) &&
           (!needs[ACT_Q8_256] || allocate_acts(&acts[ACT_Q8_256], n, n_cols, 256, err));
}

static bool allocate_scratch(struct session *session, struct err *err)
{
    const struct hparams *h = &session->model->hparams;
    struct scratch *s = &session->scratch;
    size_t n = session->batch_tokens;
    for (size_t i = 0; i < BUFFER_COUNT; i++) {
        size_t n_rows = n * rows_of_token(session->model, (enum buffer)i);
        s->widths[i] = hparams_count(h, extents[i]);
        if (has_buffer(session->model, (enum buffer)i) &&
            !allocate_floats(&s->rows[i], n_rows, s->widths[i], err))
            return false;
    }
    s->attention_stride = tiles_scratch_floats(session);
    for (size_t i = 0; i < ROTATION_OF_LAYERS; i++)
        if (session->model->frequencies.of[i] &&
            !allocate_floats(&s->rotations[i], n, h->n_rope, err))
            return false;
    return allocate_floats(&s->attention, threads_count(session->threads), s->attention_stride,
                           err) &&
           allocate_inputs(session, err);
}

static bool allocate_cuts(const struct session *session, struct cuts *cuts, struct err *err)
{
    cuts->dense.tiles = mem_new(session->batch_tokens, sizeof(struct tile), err);
    cuts->sparse.tiles = mem_new(session->batch_tokens, sizeof(struct tile), err);
    return cuts->dense.tiles && cuts->sparse.tiles;
}

static bool allocate_routing(struct session *session, struct err *err)
{
    struct routing *routing = &session->routing;
    size_t n = session->batch_tokens, n_used = session->model->hparams.n_experts_used;
    return n_used == 0 || ((routing->experts = mem_new(n, n_used * sizeof(size_t), err)) &&
                           (routing->rows = mem_new(n, n_used * sizeof(size_t), err)) &&
                           (routing->weights = mem_new(n, n_used * sizeof(float), err)) &&
                           (routing->tokens = mem_new(n, n_used * sizeof(size_t), err)));
}

static bool allocate_batch(struct session *session, struct err *err)
{
    const struct hparams *h = &session->model->hparams;
    size_t n = session->batch_tokens;
    const struct tensor_info *embedding = session->model->embedding;
    if ((embedding && !(session->row_bytes = mem_new(1, embedding->row_bytes, err))) ||
        !(session->first_of_id = mem_new(h->n_vocab, sizeof *session->first_of_id, err)) ||
        !(session->positions = mem_new(n, sizeof *session->positions, err)) ||
        !(session->is_long = mem_new(n, sizeof *session->is_long, err)) ||
        !(session->pages = mem_new(n, sizeof *session->pages, err)) ||
        !(session->all = mem_new(n, sizeof *session->all, err)) ||
        !(session->wanting = mem_new(n, sizeof *session->wanting, err)) ||
        !allocate_cuts(session, &session->all_cuts, err) ||
        !allocate_cuts(session, &session->wanting_cuts, err))
        return false;
    for (size_t i = 0; i < h->n_vocab; i++) session->first_of_id[i] = -1;
    for (size_t i = 0; i < n; i++) session->all[i] = i;
    return true;
}

static struct kv_shape kv_shape_of(const struct model *model, enum kv_type type)
{
    const struct hparams *h = &model->hparams;
    return (struct kv_shape){.n_layers = hparams_kv_layers(h),
                             .n_kv_heads = h->n_kv_heads,
                             .head_size = h->head_size,
                             .type = type};
}

static uint64_t bytes_of_pages(const struct model *model, enum kv_type type, size_t n_pages)
{
    struct kv_shape shape = kv_shape_of(model, type);
    uint64_t page_bytes = kv_page_bytes(&shape), n_bytes;
    bool too_many = !page_bytes || __builtin_mul_overflow(page_bytes, n_pages, &n_bytes);
    return too_many ? UINT64_MAX : n_bytes;
}

uint64_t session_kv_bytes(const struct model *model, enum kv_type type, size_t n_tokens,
                          size_t batch_tokens)
{
    size_t window = hparams_widest_window(&model->hparams);
    if (!batch_tokens) batch_tokens = DEFAULT_BATCH_TOKENS;
    return bytes_of_pages(model, type, kv_most_pages(window, batch_tokens, n_tokens));
}

double session_kv_read_bytes(const struct model *model, enum kv_type type, size_t n)
{
    const struct hparams *h = &model->hparams;
    double n_keys = 0;
    for (size_t i = 0; i < h->n_layers; i++) {
        const struct attention call = {.n_tokens = 1,
                                       .n_heads = h->n_heads / h->n_kv_heads,
                                       .position = n - 1,
                                       .window = hparams_window(h, i),
                                       .blocks = hparams_blocks(h, i)};
        n_keys += (double)attention_most_keys(&call);
    }
    return n_keys / (double)h->n_layers * (double)model->info.kv_token_bytes[type];
}

/* What a window saves of a context is left to other sequences, as far as another one needs it. */
static uint64_t default_budget(const struct session *session, uint64_t context_bytes)
{
    size_t n_pages = kv_most_pages(0, 1, session->context_tokens);
    uint64_t n_bytes = bytes_of_pages(session->model, session->kv_type, n_pages);
    if (n_bytes / 2 > context_bytes) n_bytes = 2 * context_bytes;
    return n_bytes > DEFAULT_KV_BYTES ? n_bytes : DEFAULT_KV_BYTES;
}

static bool open_kv(struct session *session, uint64_t budget_bytes, struct err *err)
{
    struct kv_shape shape = kv_shape_of(session->model, session->kv_type);
    uint64_t context_bytes = session_kv_bytes(session->model, session->kv_type,
                                              session->context_tokens, session->batch_tokens);
    if (context_bytes == UINT64_MAX)
        return err_set(err, ERR_MEMORY, "the KV cache of one context is too large");
    if (budget_bytes == 0) budget_bytes = default_budget(session, context_bytes);
    if (budget_bytes < context_bytes)
        return err_set(err, ERR_USAGE,
                       "a KV budget of %llu bytes does not hold one context of %zu tokens, which "
                       "takes %llu: raise it, or shorten the context",
                       (unsigned long long)budget_bytes, session->context_tokens,
                       (unsigned long long)context_bytes);
    session->kv = kv_new(&shape, session->context_tokens, session->window,
                         (size_t)(budget_bytes / kv_page_bytes(&shape)), err);
    return session->kv;
}

static bool take_options(struct session *session, const struct session_options *options,
                         struct err *err)
{
    size_t n_model = session->model->hparams.context_tokens;
    session->context_tokens = options->context_tokens ? options->context_tokens : n_model;
    session->batch_tokens = options->batch_tokens ? options->batch_tokens : DEFAULT_BATCH_TOKENS;
    session->window = hparams_widest_window(&session->model->hparams);
    session->kv_type = options->kv_type;
    size_t n_short = session->model->hparams.short_tokens;
    session->starts_long = n_short && options->rope == ROPE_LONG;
    session->short_tokens = n_short && options->rope == ROPE_AUTO ? n_short : SIZE_MAX;
    if (session->context_tokens > n_model)
        return err_set(err, ERR_USAGE,
                       "a context of %zu tokens: the model was made for %zu at most",
                       session->context_tokens, n_model);
    if (session->batch_tokens > MAX_BATCH_TOKENS)
        return err_set(err, ERR_USAGE, "batches of %zu tokens: the number must be from 1 to %d",
                       session->batch_tokens, MAX_BATCH_TOKENS);
    return true;
}

struct session *session_open(const struct model *model, const struct session_options *options,
                             struct err *err)
{
    struct session *session = mem_new(1, sizeof *session, err);
    if (!session) return NULL;
    session->model = model;
    int n_threads = options->n_threads ? options->n_threads : engine_default_threads();
    if (take_options(session, options, err) && (session->threads = threads_new(n_threads, err)) &&
        open_kv(session, options->kv_budget_bytes, err) && allocate_scratch(session, err) &&
        allocate_batch(session, err) && allocate_routing(session, err))
        return session;
    session_close(session);
    return NULL;
}

void session_close(struct session *session)
{
    if (!session) return;
    struct scratch *s = &session->scratch;
    for (size_t i = 0; i < BUFFER_COUNT; i++) free(s->rows[i]);
    for (size_t i = 0; i < ROTATION_OF_LAYERS; i++) free(s->rotations[i]);
    free(s->attention);
    for (size_t i = 0; i < ACT_FORMAT_COUNT; i++) {
        free(s->acts[i].q);
        free(s->acts[i].d);
        free(s->acts[i].sums);
    }
    free(session->row_bytes);
    free(session->first_of_id);
    free(session->positions);
    free(session->is_long);
    free(session->pages);
    free(session->all);
    free(session->wanting);
    free(session->all_cuts.dense.tiles);
    free(session->all_cuts.sparse.tiles);
    free(session->wanting_cuts.dense.tiles);
    free(session->wanting_cuts.sparse.tiles);
    free(session->routing.experts);
    free(session->routing.rows);
    free(session->routing.weights);
    free(session->routing.tokens);
    kv_free(session->kv);
    threads_free(session->threads);
    free(session);
}

static bool check_batch(const struct session *session, const struct session_token *tokens,
                        size_t n_tokens, struct err *err)
{
    size_t n_vocab = session->model->hparams.n_vocab;
    if (n_tokens > session->batch_tokens)
        return err_set(err, ERR_USAGE, "%zu tokens in a batch of at most %zu", n_tokens,
                       session->batch_tokens);
    for (size_t i = 0; i < n_tokens; i++) {
        bool is_id = tokens[i].id >= 0 && (size_t)tokens[i].id < n_vocab;
        if (!is_id && !tokens[i].embedding)
            return err_set(err, ERR_USAGE, "token %d is not in the vocabulary of %zu", tokens[i].id,
                           n_vocab);
        if (!kv_is_open(session->kv, tokens[i].sequence))
            return err_set(err, ERR_USAGE, "sequence %d is not open", tokens[i].sequence);
    }
    return true;
}

/* x: the row of the embedding; an id that came before is not read again. */
static bool embed_id(struct session *session, size_t i_token, int32_t id, float *x, struct err *err)
{
    const struct source *source = session->model->source;
    const struct tensor_info *embedding = session->model->embedding;
    size_t n_embd = session->model->hparams.n_embd;
    int32_t first = session->first_of_id[id];
    if (first >= 0) {
        memcpy(x, session->scratch.rows[BUFFER_STREAM] + (size_t)first * n_embd,
               n_embd * sizeof *x);
        return true;
    }
    session->first_of_id[id] = (int32_t)i_token;
    if (!source->read_rows(source, embedding, (size_t)id, 1, session->row_bytes, err) ||
        !source_check_rows(source, embedding, (size_t)id, 1, session->row_bytes, err))
        return false;
    tensor_decode(embedding->type, session->row_bytes, n_embd, x);
    return true;
}

/* Row i of what the pass reads = the embedding of token i. */
static bool embed(struct session *session, const struct session_token *tokens, size_t n_tokens,
                  struct err *err)
{
    enum buffer input = session->model->hparams.architecture->input;
    size_t n_cols = session->scratch.widths[input], n_done = 0;
    bool ok = true;
    for (; ok && n_done < n_tokens; n_done++) {
        const struct session_token *token = &tokens[n_done];
        float *x = session->scratch.rows[input] + n_done * n_cols;
        if (token->embedding) memcpy(x, token->embedding, n_cols * sizeof *x);
        else ok = embed_id(session, n_done, token->id, x, err);
    }
    for (size_t i = 0; i < n_done; i++)
        if (!tokens[i].embedding) session->first_of_id[tokens[i].id] = -1;
    return ok;
}

static void take_back(struct session *session, const struct session_token *tokens)
{
    for (size_t i = session->n_tokens; i-- > 0;)
        kv_truncate(session->kv, tokens[i].sequence, session->positions[i]);
    session->n_logits = 0;
}

/* Says which number of the pass went wrong, and takes its tokens back. */
static bool refuse_batch(struct session *session, const struct session_token *tokens,
                         struct err *err)
{
    uint64_t fault = session->fault, step = fault >> 32;
    size_t i_token = (size_t)(fault & UINT32_MAX), position = session->positions[i_token];
    char place[80];
    snprintf(place, sizeof place, "at position %zu of sequence %d", position,
             tokens[i_token].sequence);
    take_back(session, tokens);
    if (step % FAULT_KINDS == FAULT_LOGITS)
        return err_set(err, ERR_INPUT, "the logits %s are no numbers", place);
    if (step % FAULT_KINDS == FAULT_STORED && session->kv_type != KV_F32)
        return err_set(err, ERR_INPUT,
                       "a key or value of layer %llu %s is beyond what %s holds: --kv f32 (kv: f32 "
                       "in a configuration) has more room",
                       (unsigned long long)(step / FAULT_KINDS), place,
                       session->kv_type == KV_F16 ? "f16" : "q8_0");
    return err_set(err, ERR_INPUT,
                   "the values of layer %llu %s are no numbers, or too large to compute with",
                   (unsigned long long)(step / FAULT_KINDS), place);
}

/* Finds out by which factors each token is rotated. Where a sequence grew longer than its own are
 * meant for, what is stored of it would not go with the rest. */
static bool choose_rotations(struct session *session, const struct session_token *tokens,
                             struct err *err)
{
    for (size_t i = 0; i < session->n_tokens; i++) {
        session->is_long[i] = kv_is_long(session->kv, tokens[i].sequence);
        if (session->is_long[i] || session->positions[i] < session->short_tokens) continue;
        take_back(session, tokens);
        return err_set(
            err, ERR_USAGE,
            "sequence %d is rotated by the short factors, which are meant for %zu tokens "
            "at most: a longer one has to be computed by the long ones from its start",
            tokens[i].sequence, session->short_tokens);
    }
    return true;
}

bool session_eval(struct session *session, const struct session_token *tokens, size_t n_tokens,
                  struct err *err)
{
    if (!check_batch(session, tokens, n_tokens, err) || !embed(session, tokens, n_tokens, err) ||
        !kv_append(session->kv, tokens, n_tokens, session->positions, err))
        return false;
    session->n_tokens = n_tokens;
    session->n_logits = 0;
    if (!choose_rotations(session, tokens, err)) return false;
    for (size_t i = 0; i < n_tokens; i++) {
        session->pages[i] = kv_pages(session->kv, tokens[i].sequence);
        if (tokens[i].wants_logits) session->wanting[session->n_logits++] = i;
    }
    tiles_cut(session, session->all, n_tokens, &session->all_cuts);
    tiles_cut(session, session->wanting, session->n_logits, &session->wanting_cuts);
    if (n_tokens == 0) return true;
    graph_run(session);
    return session->fault == NO_FAULT || refuse_batch(session, tokens, err);
}

const float *session_row(const struct session *session, size_t i)
{
    enum buffer output = architecture_output(session->model->hparams.architecture);
    return session->scratch.rows[output] + i * session->scratch.widths[output];
}

const float *session_logits(const struct session *session, size_t i)
{
    assert(i < session->n_logits);
    return session_row(session, i);
}

size_t session_context_tokens(const struct session *session)
{
    return session->context_tokens;
}

size_t session_batch_tokens(const struct session *session)
{
    return session->batch_tokens;
}

bool session_start(struct session *session, int *sequence, struct err *err)
{
    if (!kv_start(session->kv, sequence, err)) return false;
    kv_set_long(session->kv, *sequence, session->starts_long);
    return true;
}

bool session_fork(struct session *session, int source, size_t n_tokens, int *sequence,
                  struct err *err)
{
    return kv_fork(session->kv, source, n_tokens, sequence, err);
}

void session_expect(struct session *session, int sequence, size_t n_tokens)
{
    bool is_long = session->starts_long || n_tokens > session->short_tokens;
    kv_set_long(session->kv, sequence, is_long);
}

bool session_may_reach(const struct session *session, int sequence, size_t n_tokens)
{
    return kv_is_long(session->kv, sequence) || n_tokens <= session->short_tokens;
}

size_t session_short_tokens(const struct session *session)
{
    return session->short_tokens;
}

void session_truncate(struct session *session, int sequence, size_t n_tokens)
{
    kv_truncate(session->kv, sequence, n_tokens);
}

void session_drop(struct session *session, int sequence)
{
    kv_drop(session->kv, sequence);
}

size_t session_length(const struct session *session, int sequence)
{
    return kv_length(session->kv, sequence);
}

size_t session_free_pages(const struct session *session)
{
    return kv_free_pages(session->kv);
}

size_t session_total_pages(const struct session *session)
{
    return kv_total_pages(session->kv);
}

size_t session_shortest(const struct session *session, int sequence)
{
    return kv_shortest(session->kv, sequence);
}

size_t session_held_pages(const struct session *session, int sequence)
{
    return kv_held_pages(session->kv, sequence);
}

size_t session_most_pages(const struct session *session, size_t n_tokens)
{
    return kv_most_pages(session->window, session->batch_tokens, n_tokens);
}
