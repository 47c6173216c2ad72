/* kernel_timing.c - runs every kernel of an instruction set by itself: what to multiply, how often,
 * and how long it took.
 *
 * A case is a kernel with a type and a number of tokens, in the shapes of a model of 3,072 columns.
 * Threads divide rows or tokens as a model's do. Matrices are one packed group of random weights,
 * repeated: memory does not care what it holds. They are made when a case of another type is run.
 */
#include "engine/tools.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "engine/kernels/kernels.h"
#include "engine/threads.h"

#include <stdlib.h>
#include <string.h>

enum {
    N_COLUMNS = 3072,
    N_TOKENS = 512, /* most */
    N_ROWS = 64,    /* of the kernels that take a row at a time */
    HEAD_SIZE = 96,
    N_HEADS = 32,
    N_KEYS = 1024,
    MAX_CASES = 96,
};
static const size_t WEIGHT_BYTES = (size_t)64 << 20, MAX_OUTPUTS = (size_t)4 << 20;
static const uint64_t VECTOR_MACS = UINT64_C(3) << 30, SCALAR_MACS = UINT64_C(32) << 20;
static const int64_t PASSES_NS = 2000000;

enum kind {
    KIND_GEMM,
    KIND_ATTENTION,
    KIND_QUANTIZE_32,
    KIND_QUANTIZE_256,
    KIND_KV_STORE,
    KIND_RMS_NORM,
    KIND_LAYER_NORM,
    KIND_ROPE,
    KIND_SILU_MUL,
    KIND_GEGELU_MUL,
    KIND_GELU_MUL,
    KIND_ADD
};

struct timed_case {
    struct kernel_case shown;
    enum kind kind;
    enum tensor_type type; /* of weights */
    size_t n_groups, n_passes;
};

struct kernel_timing {
    const struct kernels *kernels;
    struct threads *threads;
    struct timed_case cases[MAX_CASES], *current;
    size_t n_cases;
    enum tensor_type packed_type; /* of what `weights` holds, TENSOR_TYPE_LIMIT: nothing */
    struct packed matrix;
    uint8_t *weights, *group;           /* [WEIGHT_BYTES]; one group */
    float *x, *y, *out;                 /* [N_TOKENS, N_COLUMNS] twice; [MAX_OUTPUTS] */
    struct acts acts[ACT_FORMAT_COUNT]; /* x in every format */
    uint8_t *keys, *pages[N_KEYS / 16]; /* all heads of a layer in each page */
    float rotation[HEAD_SIZE];
    float *scratch; /* [threads, scratch_floats] of attention */
    size_t scratch_floats;
    int64_t duration_ns;
};

/* ---- Running ---- */

static const size_t HEAD_BYTES = (size_t)SESSION_PAGE_TOKENS * HEAD_SIZE * sizeof(uint16_t);

/* One KV head: its queries of the last tokens. */
static void attend(struct kernel_timing *timing, size_t head, size_t i_thread)
{
    size_t n_tokens = timing->current->shown.n_tokens, stride = (size_t)N_HEADS * HEAD_SIZE;
    const struct attention attention = {
        .q = timing->x + head * HEAD_SIZE,
        .q_stride = stride,
        .n_tokens = n_tokens,
        .n_heads = 1,
        .head_size = HEAD_SIZE,
        .position = N_KEYS - n_tokens,
        .pages = timing->pages,
        .k_offset = 2 * head * HEAD_BYTES,
        .v_offset = (2 * head + 1) * HEAD_BYTES,
        .type = KV_F16,
        .scale = 0.1f,
        .scratch = timing->scratch + i_thread * timing->scratch_floats,
        .out = timing->out + head * HEAD_SIZE,
        .out_stride = stride,
    };
    timing->kernels->attention(&attention);
}

/* Row i of the activations, through a kernel that takes one. */
static void run_row(struct kernel_timing *timing, size_t i)
{
    const struct kernels *kernels = timing->kernels;
    float *x = timing->x + i * N_COLUMNS, *y = timing->y + i * N_COLUMNS;
    float *out = timing->out + i * N_COLUMNS;
    size_t block = timing->current->kind == KIND_QUANTIZE_32 ? 32 : 256;
    const struct acts *acts = &timing->acts[block == 32 ? ACT_Q8_32 : ACT_Q8_256];
    uint8_t *page = timing->pages[i / SESSION_PAGE_TOKENS];
    switch (timing->current->kind) {
    case KIND_QUANTIZE_32:
    case KIND_QUANTIZE_256:
        kernels->quantize(x, N_COLUMNS, block, acts->q + i * N_COLUMNS,
                          acts->d + i * (N_COLUMNS / block), acts->sums + i * (N_COLUMNS / 16));
        break;
    case KIND_KV_STORE:
        for (size_t head = 0; head < N_HEADS; head++)
            kernels->kv_store(x + head * HEAD_SIZE, y + head * HEAD_SIZE, HEAD_SIZE, KV_F16,
                              page + 2 * head * HEAD_BYTES, page + (2 * head + 1) * HEAD_BYTES,
                              i % SESSION_PAGE_TOKENS);
        break;
    case KIND_RMS_NORM: kernels->rms_norm(x, timing->y, N_COLUMNS, 1e-5f, out); break;
    case KIND_LAYER_NORM:
        kernels->layer_norm(x, timing->y, timing->y, N_COLUMNS, 1e-5f, out);
        break;
    case KIND_ROPE:
        for (size_t head = 0; head < N_HEADS; head++)
            kernels->rope(x + head * HEAD_SIZE, timing->rotation, HEAD_SIZE / 2, false);
        break;
    case KIND_SILU_MUL: kernels->silu_mul(x, y, N_COLUMNS, out); break;
    case KIND_GEGELU_MUL: kernels->gegelu_mul(x, y, N_COLUMNS, 20.0f, out); break;
    case KIND_GELU_MUL: kernels->gelu_mul(x, y, N_COLUMNS, out); break;
    default: kernels->add(out, y, N_COLUMNS); break;
    }
}

static void run_pass(struct kernel_timing *timing, size_t i_thread)
{
    struct timed_case *current = timing->current;
    struct threads *threads = timing->threads;
    if (current->kind == KIND_GEMM) {
        struct range groups = threads_share(threads, current->n_groups, i_thread);
        struct acts acts = timing->acts[act_format_for(current->type)];
        acts.n_tokens = current->shown.n_tokens;
        if (groups.begin < groups.end)
            timing->kernels->gemm[current->type](&timing->matrix, &acts, groups.begin, groups.end,
                                                 timing->out, timing->matrix.n_rows);
        return;
    }
    bool by_head = current->kind == KIND_ATTENTION;
    struct range range =
        threads_share(threads, by_head ? N_HEADS : current->shown.n_tokens, i_thread);
    for (size_t i = range.begin; i < range.end; i++) {
        if (by_head) attend(timing, i, i_thread);
        else run_row(timing, i);
    }
}

static void run_share(void *context, struct threads *threads, size_t i_thread)
{
    struct kernel_timing *timing = context;
    size_t n_passes = timing->current->n_passes;
    run_pass(timing, i_thread); /* caches and registers awake */
    threads_barrier(threads, i_thread);
    int64_t begin_ns = clock_ns();
    for (size_t pass = 0; pass < n_passes; pass++) run_pass(timing, i_thread);
    threads_barrier(threads, i_thread);
    if (i_thread == 0) timing->duration_ns = clock_ns() - begin_ns;
}

/* Each thread writes the groups that it will read. */
static void fill_share(void *context, struct threads *threads, size_t i_thread)
{
    struct kernel_timing *timing = context;
    size_t n_bytes = pack_group_bytes(timing->current->type, N_COLUMNS);
    struct range groups = threads_share(threads, WEIGHT_BYTES / n_bytes, i_thread);
    for (size_t i = groups.begin; i < groups.end; i++)
        memcpy(timing->weights + i * n_bytes, timing->group, n_bytes);
}

static void make_matrix(struct kernel_timing *timing)
{
    enum tensor_type type = timing->current->type;
    size_t row_bytes = tensor_row_bytes(type, N_COLUMNS);
    uint8_t *rows = (uint8_t *)timing->out; /* scratch, ROW_GROUP rows of any type */
    if (timing->packed_type != type) {
        for (size_t i = 0; i < ROW_GROUP; i++)
            tensor_encode(type, timing->x + i * N_COLUMNS, N_COLUMNS, rows + i * row_bytes);
        pack_group(type, rows, ROW_GROUP, N_COLUMNS, timing->group);
        threads_run(timing->threads, fill_share, timing);
        timing->packed_type = type;
    }
    timing->matrix = (struct packed){.type = type,
                                     .n_rows = timing->current->n_groups * ROW_GROUP,
                                     .n_cols = N_COLUMNS,
                                     .group_bytes = pack_group_bytes(type, N_COLUMNS),
                                     .data = timing->weights};
}

double kernel_timing_run(struct kernel_timing *timing, size_t i)
{
    struct timed_case *current = timing->current = &timing->cases[i];
    if (current->kind == KIND_GEMM) make_matrix(timing);
    while (!current->n_passes) {
        current->n_passes = 1;
        threads_run(timing->threads, run_share, timing);
        if (timing->duration_ns < PASSES_NS)
            current->n_passes += (size_t)(PASSES_NS / (timing->duration_ns + 1));
    }
    threads_run(timing->threads, run_share, timing);
    return (double)timing->duration_ns / (double)current->n_passes;
}

/* ---- Cases ---- */

static void add_case(struct kernel_timing *timing, enum kind kind, enum tensor_type type,
                     size_t n_groups, struct kernel_case shown)
{
    timing->cases[timing->n_cases++] =
        (struct timed_case){.shown = shown, .kind = kind, .type = type, .n_groups = n_groups};
}

static void add_gemm(struct kernel_timing *timing, enum tensor_type type, size_t n_tokens)
{
    size_t group_bytes = pack_group_bytes(type, N_COLUMNS), n_groups = WEIGHT_BYTES / group_bytes;
    uint64_t group_macs = (uint64_t)ROW_GROUP * N_COLUMNS * n_tokens;
    uint64_t most = timing->kernels->isa == ISA_SCALAR ? SCALAR_MACS : VECTOR_MACS;
    if (n_groups > most / group_macs) n_groups = most / group_macs;
    if (n_groups > MAX_OUTPUTS / ROW_GROUP / n_tokens)
        n_groups = MAX_OUTPUTS / ROW_GROUP / n_tokens;
    if (n_groups == 0) n_groups = 1;
    add_case(timing, KIND_GEMM, type, n_groups,
             (struct kernel_case){.kernel = "gemm",
                                  .type = tensor_type_info(type)->name,
                                  .n_tokens = n_tokens,
                                  .n_macs = group_macs * n_groups,
                                  .n_bytes = group_bytes * n_groups,
                                  .has_limit = true});
}

static void add_attention(struct kernel_timing *timing, size_t n_tokens)
{
    uint64_t n_keys = 0; /* of all tokens */
    for (size_t i = 0; i < n_tokens; i++) n_keys += N_KEYS - i;
    add_case(timing, KIND_ATTENTION, TENSOR_F16, 0,
             (struct kernel_case){.kernel = "attention",
                                  .type = "f16",
                                  .n_tokens = n_tokens,
                                  .n_macs = n_keys * 2 * N_HEADS * HEAD_SIZE,
                                  .n_bytes = 2 * HEAD_BYTES * N_HEADS * (N_KEYS / 16)});
}

/* The kernels that take a row at a time; bytes for each value, read and written. */
static void add_rows(struct kernel_timing *timing)
{
    static const struct {
        enum kind kind;
        const char *name, *type;
        uint64_t value_bytes;
    } rows[] = {
        {KIND_QUANTIZE_32, "quantize", "q8_32", 5}, {KIND_QUANTIZE_256, "quantize", "q8_256", 5},
        {KIND_KV_STORE, "kv_store", "f16", 12},     {KIND_RMS_NORM, "rms_norm", "f32", 8},
        {KIND_LAYER_NORM, "layer_norm", "f32", 8},  {KIND_ROPE, "rope", "f32", 8},
        {KIND_SILU_MUL, "silu_mul", "f32", 12},     {KIND_GEGELU_MUL, "gegelu_mul", "f32", 12},
        {KIND_GELU_MUL, "gelu_mul", "f32", 12},     {KIND_ADD, "add", "f32", 12},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        add_case(timing, rows[i].kind, TENSOR_F32, 0,
                 (struct kernel_case){.kernel = rows[i].name,
                                      .type = rows[i].type,
                                      .n_tokens = N_ROWS,
                                      .n_bytes = rows[i].value_bytes * N_ROWS * N_COLUMNS});
}

static void list_cases(struct kernel_timing *timing)
{
    static const size_t tokens[] = {1, 8, 32, N_TOKENS};
    for (enum tensor_type type = 0; type < TENSOR_TYPE_LIMIT; type++) {
        const struct tensor_type_info *info = tensor_type_info(type);
        if (!info || !info->encoded) continue;
        for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++)
            add_gemm(timing, type, tokens[i]);
    }
    add_attention(timing, 1);
    add_attention(timing, 32);
    add_rows(timing);
}

/* ---- Opening ---- */

static bool new_acts(struct kernel_timing *timing, struct err *err)
{
    const size_t n = (size_t)N_TOKENS * N_COLUMNS, blocks[ACT_FORMAT_COUNT] = {0, 32, 256};
    timing->acts[ACT_F32] =
        (struct acts){.format = ACT_F32, .n_tokens = N_TOKENS, .n_cols = N_COLUMNS, .x = timing->x};
    for (size_t format = ACT_Q8_32; format < ACT_FORMAT_COUNT; format++) {
        struct acts *acts = &timing->acts[format];
        *acts = (struct acts){
            .format = (enum act_format)format, .n_tokens = N_TOKENS, .n_cols = N_COLUMNS};
        acts->q = mem_new_aligned(n, err);
        acts->d = mem_new_aligned(n / blocks[format] * sizeof *acts->d, err);
        acts->sums = mem_new_aligned(n / 16 * sizeof *acts->sums, err);
        if (!acts->q || !acts->d || !acts->sums) return false;
        for (size_t t = 0; t < N_TOKENS; t++)
            timing->kernels->quantize(
                timing->x + t * N_COLUMNS, N_COLUMNS, blocks[format], acts->q + t * N_COLUMNS,
                acts->d + t * (N_COLUMNS / blocks[format]), acts->sums + t * (N_COLUMNS / 16));
    }
    return true;
}

static bool new_buffers(struct kernel_timing *timing, struct err *err)
{
    const size_t n = (size_t)N_TOKENS * N_COLUMNS, page_bytes = 2 * HEAD_BYTES * N_HEADS;
    size_t n_threads = threads_count(timing->threads);
    timing->scratch_floats = attention_scratch_floats(32, 1, HEAD_SIZE, N_KEYS);
    timing->scratch_floats += 16 - timing->scratch_floats % 16; /* each thread's is aligned */
    timing->x = mem_new_aligned(n * sizeof(float), err);
    timing->y = mem_new_aligned(n * sizeof(float), err);
    timing->out = mem_new_aligned(MAX_OUTPUTS * sizeof(float), err);
    timing->group = mem_new_aligned((size_t)ROW_GROUP * N_COLUMNS * sizeof(float), err);
    timing->weights = mem_new_aligned(WEIGHT_BYTES, err);
    timing->keys = mem_new_aligned(page_bytes * (N_KEYS / 16), err);
    timing->scratch = mem_new_aligned(n_threads * timing->scratch_floats * sizeof(float), err);
    if (!timing->x || !timing->y || !timing->out || !timing->group || !timing->weights ||
        !timing->keys || !timing->scratch)
        return false;
    struct rng rng = {1};
    for (size_t i = 0; i < n; i++) {
        timing->x[i] = (float)rng_uniform(&rng) - 0.5f;
        timing->y[i] = (float)rng_uniform(&rng) - 0.5f;
    }
    for (size_t i = 0; i < HEAD_SIZE; i++) /* what is rotated neither grows nor fades */
        timing->rotation[i] = i % 2 ? 0.8f : 0.6f;
    memset(timing->out, 0, MAX_OUTPUTS * sizeof(float));
    for (size_t i = 0; i < N_KEYS / 16; i++) timing->pages[i] = timing->keys + i * page_bytes;
    memset(timing->keys, 0x2c, page_bytes * (N_KEYS / 16)); /* halves of 0.065 */
    return new_acts(timing, err);
}

struct kernel_timing *kernel_timing_open(enum isa isa, int n_threads, struct err *err)
{
    struct kernel_timing *timing = mem_new(1, sizeof *timing, err);
    if (!timing) return NULL;
    timing->kernels = kernels_for(isa);
    timing->packed_type = TENSOR_TYPE_LIMIT;
    timing->threads = threads_new(n_threads, err);
    if (timing->threads && new_buffers(timing, err)) {
        list_cases(timing);
        return timing;
    }
    kernel_timing_close(timing);
    return NULL;
}

void kernel_timing_close(struct kernel_timing *timing)
{
    if (!timing) return;
    threads_free(timing->threads);
    for (size_t i = 0; i < ACT_FORMAT_COUNT; i++) {
        free(timing->acts[i].q);
        free(timing->acts[i].d);
        free(timing->acts[i].sums);
    }
    free(timing->weights);
    free(timing->group);
    free(timing->x);
    free(timing->y);
    free(timing->out);
    free(timing->keys);
    free(timing->scratch);
    free(timing);
}

const struct kernel_case *kernel_timing_case(const struct kernel_timing *timing, size_t i)
{
    return i < timing->n_cases ? &timing->cases[i].shown : NULL;
}
