/* check_float.c - float products, attention, norms and the rest of the float kernels against the
 * scalar ones.
 *
 * Shapes are drawn at random around the borders of tiles and registers; values are uniform, or hold
 * every trap of float arithmetic. Operands end at guarded pages; what a kernel must not write holds
 * a canary; KV pages hold random bytes wherever no position was stored.
 */
#include "tests/kernels/check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SHAPE_CHARS = 128, ROUNDS = 60, SLOTS = SESSION_PAGE_TOKENS };

enum values { UNIFORM, EXTREME, NONFINITE, VALUES_COUNT };

static size_t draw(struct check *check, size_t low, size_t high)
{
    return low + (size_t)rng_below(&check->rng, high - low + 1);
}

static void fill(struct check *check, enum values kind, float *values, size_t n)
{
    if (kind == UNIFORM) check_fill_uniform(check, values, n);
    else check_fill_extreme(check, values, n, kind == NONFINITE);
}

static float *new_values(struct check *check, enum values kind, size_t n)
{
    float *values = check_memory(check, n * sizeof *values, sizeof *values);
    fill(check, kind, values, n);
    return values;
}

static float *new_output(struct check *check, size_t n)
{
    float *out = check_memory(check, n * sizeof *out, sizeof *out);
    check_fill_canary(out, n * sizeof *out);
    return out;
}

/* ---- Matrix product ---- */

/* Float weights have one layout on every level, [group][k][16 rows] (pack.h), so it is filled in
 * place. */
static struct packed new_weights(struct check *check, enum values kind, enum tensor_type type,
                                 size_t n_rows, size_t n_cols)
{
    struct packed w = {.type = type, .n_rows = n_rows, .n_cols = n_cols};
    w.group_bytes = pack_group_bytes(type, n_cols);
    size_t n_groups = (n_rows + ROW_GROUP - 1) / ROW_GROUP;
    size_t element_bytes = type == TENSOR_F32 ? 4 : 2;
    uint8_t *data = check_memory(check, n_groups * w.group_bytes, 4);
    for (size_t group = 0; group < n_groups; group++) {
        for (size_t k = 0; k < n_cols; k++) {
            float values[ROW_GROUP];
            fill(check, kind, values, ROW_GROUP);
            uint8_t *at = data + group * w.group_bytes + k * ROW_GROUP * element_bytes;
            tensor_encode(type, values, ROW_GROUP, at);
        }
    }
    w.data = data;
    return w;
}

static void check_gemm_case(struct check *check, enum tensor_type type, enum values kind)
{
    size_t n_rows = draw(check, 1, 200), n_cols = draw(check, 1, 70), n_tokens = draw(check, 1, 19);
    size_t stride = n_rows + draw(check, 0, 5);
    struct packed w = new_weights(check, kind, type, n_rows, n_cols);
    struct acts a = {.format = ACT_F32, .n_tokens = n_tokens, .n_cols = n_cols};
    a.x = new_values(check, kind, n_tokens * n_cols);
    size_t n_groups = (n_rows + ROW_GROUP - 1) / ROW_GROUP;
    size_t begin = draw(check, 0, n_groups - 1), end = draw(check, begin + 1, n_groups);
    float *expected = new_output(check, n_tokens * stride - (stride - n_rows));
    float *actual = new_output(check, n_tokens * stride - (stride - n_rows));
    check->scalar->gemm[type](&w, &a, begin, end, expected, stride);
    check->tested->gemm[type](&w, &a, begin, end, actual, stride);

    char name[32], shape[SHAPE_CHARS];
    snprintf(name, sizeof name, "gemm_%s", tensor_type_info(type)->name);
    snprintf(shape, sizeof shape, "%zu rows, groups %zu to %zu, %zu columns, %zu tokens", n_rows,
             begin, end, n_cols, n_tokens);
    size_t first = begin * ROW_GROUP, last = end * ROW_GROUP < n_rows ? end * ROW_GROUP : n_rows;
    for (size_t t = 0; t < n_tokens; t++) {
        float *row = actual + t * stride;
        size_t row_end = t + 1 < n_tokens ? stride : n_rows;
        check_same_floats(check, name, shape, expected + t * stride + first, row + first,
                          last - first);
        check_that(check, check_is_canary(row, first * sizeof *row), name, shape,
                   "rows below the range stay");
        check_that(check, check_is_canary(row + last, (row_end - last) * sizeof *row), name, shape,
                   "rows past the range stay");
    }
    check_release(check);
}

/* ---- Attention ---- */

struct kv {
    uint8_t **pages;
    size_t n_pages, k_offset, v_offset;
};

static const char *const KV_NAMES[] = {[KV_F16] = "f16", [KV_F32] = "f32", [KV_Q8_0] = "q8_0"};

/* Pages of random bytes; V ends at the guard. */
static struct kv new_pages(struct check *check, size_t n_positions, size_t head_size,
                           enum kv_type type)
{
    struct kv kv = {.n_pages = (n_positions + SLOTS - 1) / SLOTS, .k_offset = 64};
    kv.v_offset = kv.k_offset + kv_k_bytes(type, head_size);
    size_t page_bytes = kv.v_offset + kv_v_bytes(type, head_size);
    kv.pages = check_memory(check, kv.n_pages * sizeof *kv.pages, sizeof *kv.pages);
    for (size_t i = 0; i < kv.n_pages; i++) kv.pages[i] = check_memory(check, page_bytes, 2);
    return kv;
}

static void store_position(const struct kernels *kernels, struct kv *kv, const float *k,
                           const float *v, size_t head_size, enum kv_type type, size_t position)
{
    uint8_t *page = kv->pages[position / SLOTS];
    kernels->kv_store(k, v, head_size, type, page + kv->k_offset, page + kv->v_offset,
                      position % SLOTS);
}

static void check_kv_store(struct check *check, enum kv_type type, enum values kind)
{
    size_t head_size = draw(check, 1, 140), slot = draw(check, 0, SLOTS - 1);
    size_t k_bytes = kv_k_bytes(type, head_size), v_bytes = kv_v_bytes(type, head_size);
    const float *k = new_values(check, kind, head_size), *v = new_values(check, kind, head_size);
    uint8_t *pages[2][2];
    for (size_t i = 0; i < 2; i++) {
        pages[i][0] = check_memory(check, k_bytes, 2);
        pages[i][1] = check_memory(check, v_bytes, 2);
        check_fill_canary(pages[i][0], k_bytes);
        check_fill_canary(pages[i][1], v_bytes);
        const struct kernels *kernels = i ? check->tested : check->scalar;
        kernels->kv_store(k, v, head_size, type, pages[i][0], pages[i][1], slot);
    }
    char shape[SHAPE_CHARS];
    snprintf(shape, sizeof shape, "%s, head size %zu, slot %zu", KV_NAMES[type], head_size, slot);
    check_same_bytes(check, "kv_store (K)", shape, pages[0][0], pages[1][0], k_bytes);
    check_same_bytes(check, "kv_store (V)", shape, pages[0][1], pages[1][1], v_bytes);
    check_release(check);
}

/* What one token at `position` with one head gives, by the scalar kernel: rows of a call must not
 * know of each other. */
static void expect_attention(struct check *check, const struct attention *a, float *expected)
{
    for (size_t i = 0; i < a->n_tokens; i++) {
        for (size_t head = 0; head < a->n_heads; head++) {
            struct attention one = *a;
            one.n_tokens = one.n_heads = 1;
            one.position = a->position + i;
            one.first_head = a->first_head + head;
            one.q += i * a->q_stride + head * a->head_size;
            one.out = expected + i * a->out_stride + head * a->head_size;
            check->scalar->attention(&one);
        }
    }
}

/* A quarter of the cases see all keys, some of them after their own, a third of the rest blocks. */
static void draw_keys(struct check *check, struct attention *a)
{
    static const size_t sizes[] = {16, 32, 64, 144};
    if (!draw(check, 0, 3)) {
        a->window = 0;
        a->n_keys = a->position + a->n_tokens + draw(check, 0, 40);
        return;
    }
    if (draw(check, 0, 2)) return;
    a->blocks = (struct block_pattern){.n_keys = sizes[draw(check, 0, 3)],
                                       .n_local = draw(check, 1, 4),
                                       .stride = draw(check, 1, 9),
                                       .head_step = draw(check, 0, 3)};
    a->first_head = draw(check, 0, 12);
}

static bool is_read(const struct attention *a, size_t page)
{
    if (!a->blocks.n_keys) return true;
    size_t block = page * SLOTS / a->blocks.n_keys;
    for (size_t i = 0; i < a->n_tokens; i++)
        for (size_t head = 0; head < a->n_heads; head++)
            if (page * SLOTS <= a->position + i && attention_sees_block(a, i, head, block))
                return true;
    return false;
}

/* Keys that no token may see hold whatever the page had, and pages that no head looks at are not
 * there. */
static void check_attention_case(struct check *check, enum kv_type type, enum values kind)
{
    static const size_t sizes[] = {1, 8, 12, 16, 48, 64, 80, 96, 128, 144, 256};
    size_t head_size = sizes[draw(check, 0, sizeof sizes / sizeof *sizes - 1)];
    struct attention a = {.n_heads = draw(check, 1, 9), .head_size = head_size, .type = type};
    a.n_tokens = draw(check, 0, 1) ? 1 : draw(check, 1, 30);
    a.position = draw(check, 0, 300);
    a.window = draw(check, 0, 2) ? 0 : draw(check, 1, 200);
    a.scale = 8.0f / sqrtf((float)head_size);
    a.softcap = draw(check, 0, 2) ? 0.0f : (float)draw(check, 1, 20);
    draw_keys(check, &a);
    size_t begin = attention_span(&a, 0).begin, end = attention_end(&a);
    struct kv kv = new_pages(check, end, head_size, type);
    float k[256], v[256];
    for (size_t i = begin; i < end; i++) {
        fill(check, kind, k, head_size);
        fill(check, kind, v, head_size);
        store_position(check->scalar, &kv, k, v, head_size, type, i);
    }
    for (size_t i = 0; i < kv.n_pages; i++)
        if (!is_read(&a, i)) kv.pages[i] = NULL;
    a.pages = kv.pages;
    a.k_offset = kv.k_offset;
    a.v_offset = kv.v_offset;
    size_t n_row = a.n_heads * head_size;
    a.q_stride = n_row + draw(check, 0, 9);
    a.out_stride = n_row + draw(check, 0, 9);
    size_t n_out = (a.n_tokens - 1) * a.out_stride + n_row;
    a.q = new_values(check, kind, (a.n_tokens - 1) * a.q_stride + n_row);
    float *expected = new_output(check, n_out);
    a.out = new_output(check, n_out);
    size_t n_scratch =
        attention_scratch_floats(a.n_tokens, a.n_heads, head_size, attention_most_keys(&a));
    a.scratch = check_memory(check, n_scratch * sizeof(float), 64);
    expect_attention(check, &a, expected);
    check->tested->attention(&a);

    char shape[SHAPE_CHARS];
    snprintf(shape, sizeof shape,
             "%s, %zu heads of %zu, tokens %zu to %zu, window %zu, cap %g, blocks %zu, "
             "all of %zu keys",
             KV_NAMES[type], a.n_heads, head_size, a.position, a.position + a.n_tokens, a.window,
             (double)a.softcap, a.blocks.n_keys, a.n_keys);
    check_same_floats(check, "attention", shape, expected, a.out, n_out);
    check_release(check);
}

/* ---- Norm, rotation, gate, addition ---- */

static void check_rms_norm(struct check *check, enum values kind, size_t n)
{
    const float *x = new_values(check, kind, n), *w = new_values(check, kind, n);
    float *expected = new_output(check, n), *actual = new_output(check, n);
    char shape[SHAPE_CHARS];
    snprintf(shape, sizeof shape, "%zu values", n);
    check->scalar->rms_norm(x, w, n, 1e-5f, expected);
    check->tested->rms_norm(x, w, n, 1e-5f, actual);
    check_same_floats(check, "rms_norm", shape, expected, actual, n);
    memcpy(actual, x, n * sizeof *x);
    check->tested->rms_norm(actual, w, n, 1e-5f, actual);
    check_same_floats(check, "rms_norm in place", shape, expected, actual, n);
}

static void check_layer_norm(struct check *check, enum values kind, size_t n)
{
    const float *x = new_values(check, kind, n), *w = new_values(check, kind, n);
    const float *b = new_values(check, kind, n);
    float *expected = new_output(check, n), *actual = new_output(check, n);
    char shape[SHAPE_CHARS];
    snprintf(shape, sizeof shape, "%zu values", n);
    check->scalar->layer_norm(x, w, b, n, 1e-5f, expected);
    check->tested->layer_norm(x, w, b, n, 1e-5f, actual);
    check_same_floats(check, "layer_norm", shape, expected, actual, n);
    memcpy(actual, x, n * sizeof *x);
    check->tested->layer_norm(actual, w, b, n, 1e-5f, actual);
    check_same_floats(check, "layer_norm in place", shape, expected, actual, n);
}

static void check_rope(struct check *check, enum values kind, size_t n_pairs, bool interleaved)
{
    size_t n = 2 * n_pairs + draw(check, 0, 3);
    const float *table = new_values(check, kind == NONFINITE ? NONFINITE : UNIFORM, 2 * n_pairs);
    float *expected = new_values(check, kind, n), *actual = new_output(check, n);
    memcpy(actual, expected, n * sizeof *actual);
    check->scalar->rope(expected, table, n_pairs, interleaved);
    check->tested->rope(actual, table, n_pairs, interleaved);
    char shape[SHAPE_CHARS];
    snprintf(shape, sizeof shape, "%zu pairs, %s", n_pairs,
             interleaved ? "interleaved" : "in halves");
    check_same_floats(check, "rope", shape, expected, actual, n);
}

/* Both gates have one type. */
static void check_gate_kernel(struct check *check, const char *name, silu_mul_fn *scalar,
                              silu_mul_fn *tested, const float *gate, const float *up, size_t n)
{
    static const char *const places[] = {"", " into gate", " into up"};
    float *expected = new_output(check, n), *actual = new_output(check, n);
    char shape[SHAPE_CHARS];
    scalar(gate, up, n, expected);
    for (size_t place = 0; place < 3; place++) {
        snprintf(shape, sizeof shape, "%zu values%s", n, places[place]);
        if (place > 0) memcpy(actual, place == 1 ? gate : up, n * sizeof *gate);
        tested(place == 1 ? actual : gate, place == 2 ? actual : up, n, actual);
        check_same_floats(check, name, shape, expected, actual, n);
    }
}

static void check_gelu(struct check *check, const char *name, gelu_fn *scalar, gelu_fn *tested,
                       const float *x, size_t n)
{
    float *expected = new_output(check, n), *actual = new_output(check, n);
    char shape[SHAPE_CHARS];
    snprintf(shape, sizeof shape, "%zu values", n);
    scalar(x, n, expected);
    tested(x, n, actual);
    check_same_floats(check, name, shape, expected, actual, n);
    memcpy(actual, x, n * sizeof *x);
    tested(actual, n, actual);
    check_same_floats(check, name, "in place", expected, actual, n);
}

static void check_gates(struct check *check, const float *gate, const float *up, size_t n)
{
    const struct kernels *scalar = check->scalar, *tested = check->tested;
    check_gate_kernel(check, "silu_mul", scalar->silu_mul, tested->silu_mul, gate, up, n);
    check_gate_kernel(check, "gelu_mul", scalar->gelu_mul, tested->gelu_mul, gate, up, n);
    check_gelu(check, "gelu", scalar->gelu, tested->gelu, gate, n);
    check_gelu(check, "gelu_quick", scalar->gelu_quick, tested->gelu_quick, gate, n);
    check_gelu(check, "gelu_erf", scalar->gelu_erf, tested->gelu_erf, gate, n);
}

static void check_gegelu(struct check *check, enum values kind, size_t n)
{
    const float *gate = new_values(check, kind, n), *up = new_values(check, kind, n);
    float *expected = new_output(check, n), *actual = new_output(check, n);
    const float limit = draw(check, 0, 1) ? 20.0f : 0.5f;
    char shape[SHAPE_CHARS];
    snprintf(shape, sizeof shape, "%zu values, limit %g", n, (double)limit);
    check->scalar->gegelu_mul(gate, up, n, limit, expected);
    check->tested->gegelu_mul(gate, up, n, limit, actual);
    check_same_floats(check, "gegelu_mul", shape, expected, actual, n);
    memcpy(actual, gate, n * sizeof *gate);
    check->tested->gegelu_mul(actual, up, n, limit, actual);
    check_same_floats(check, "gegelu_mul into gate", shape, expected, actual, n);
    memcpy(actual, up, n * sizeof *up);
    check->tested->gegelu_mul(gate, actual, n, limit, actual);
    check_same_floats(check, "gegelu_mul into up", shape, expected, actual, n);
}

/* silu is the way to exp: the whole range of exp and past its ends, densely. */
static void check_exp_range(struct check *check)
{
    enum { N = 4096 };
    float gate[N], up[N];
    for (size_t i = 0; i < N; i++) up[i] = 1.0f;
    for (size_t round = 0; round < 200; round++) {
        for (size_t i = 0; i < N; i++) {
            double at = (double)(round * N + i) + rng_uniform(&check->rng);
            gate[i] = (float)(-95.0 + 190.0 * at / (200.0 * N));
        }
        check_gates(check, gate, up, N);
        check_release(check);
    }
    const float ends[] = {87.33f,
                          -88.72f,
                          nextafterf(87.33f, 88),
                          nextafterf(-88.72f, -89),
                          nextafterf(87.33f, 87),
                          nextafterf(-88.72f, -88),
                          INFINITY,
                          -INFINITY,
                          NAN,
                          0.0f,
                          -0.0f,
                          0x1p-149f,
                          -0x1p-149f};
    check_gates(check, ends, up, sizeof ends / sizeof *ends);
    check_release(check);
}

/* silu hides small results of exp behind 1: here key i of a page has score x[i], the largest 0, and
 * a huge value in dimension i alone, which shows exp(x[i]). */
static void check_exp_of_scores(struct check *check, const float x[SLOTS])
{
    struct kv kv = new_pages(check, SLOTS, SLOTS, KV_F32);
    for (size_t i = 0; i < SLOTS; i++) {
        float k[SLOTS] = {x[i]}, v[SLOTS] = {0.0f};
        v[i] = 3e38f;
        store_position(check->scalar, &kv, k, v, SLOTS, KV_F32, i);
    }
    float q[SLOTS] = {1.0f}, *expected = new_output(check, SLOTS);
    struct attention a = {.q = q, .n_tokens = 1, .n_heads = 1, .head_size = SLOTS};
    a.pages = kv.pages;
    a.k_offset = kv.k_offset;
    a.v_offset = kv.v_offset;
    a.type = KV_F32;
    a.position = SLOTS - 1;
    a.scale = 1.0f;
    size_t n_scratch = attention_scratch_floats(1, 1, SLOTS, SLOTS);
    a.scratch = check_memory(check, n_scratch * sizeof(float), 64);
    a.out = expected;
    check->scalar->attention(&a);
    a.out = new_output(check, SLOTS);
    check->tested->attention(&a);
    check_same_floats(check, "attention", "exp of small scores", expected, a.out, SLOTS);
    check_release(check);
}

/* One key with score x and another of score 0, of values 1 and 0: the logistic of the capped score,
 * which a cap of 1 makes that of tanh(x). */
static void check_tanh_of_score(struct check *check, float x)
{
    struct kv kv = new_pages(check, 2, 1, KV_F32);
    const float zero = 0.0f, one = 1.0f;
    store_position(check->scalar, &kv, &zero, &zero, 1, KV_F32, 0);
    store_position(check->scalar, &kv, &one, &one, 1, KV_F32, 1);
    float out[2];
    struct attention a = {.q = &x, .n_tokens = 1, .n_heads = 1, .head_size = 1};
    a.pages = kv.pages;
    a.k_offset = kv.k_offset;
    a.v_offset = kv.v_offset;
    a.type = KV_F32;
    a.position = 1;
    a.scale = a.softcap = 1.0f;
    a.scratch = check_memory(check, attention_scratch_floats(1, 1, 1, 2) * sizeof(float), 64);
    a.out = &out[0];
    check->scalar->attention(&a);
    a.out = &out[1];
    check->tested->attention(&a);
    check_same_floats(check, "attention", "tanh of a score", &out[0], &out[1], 1);
    check_release(check);
}

static void check_tanh(struct check *check)
{
    const float ends[] = {0.0f, -0.0f, 0x1p-149f, -0x1p-149f, 10.0f, -10.0f, 3e38f, -3e38f};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) check_tanh_of_score(check, ends[i]);
    for (size_t i = 0; i < 2000; i++)
        check_tanh_of_score(check, (float)(-12.0 + 24.0 * rng_uniform(&check->rng)));
}

static void check_small_exp(struct check *check)
{
    float x[SLOTS] = {0.0f, -87.33f};
    for (size_t i = 2; i < SLOTS; i++) x[i] = nextafterf(x[i - 1], i < 9 ? -88.0f : -87.0f);
    check_exp_of_scores(check, x);
    for (size_t round = 0; round < 1000; round++) {
        for (size_t i = 1; i < SLOTS; i++) x[i] = (float)(-92.0 * rng_uniform(&check->rng));
        check_exp_of_scores(check, x);
    }
}

/* What changes a row in place. */
static void check_in_place(struct check *check, enum values kind, size_t n)
{
    const float *y = new_values(check, kind, n), factor = *new_values(check, kind, 1);
    const float *x = new_values(check, kind, n),
                cap = 0.5f + 99.5f * (float)rng_uniform(&check->rng);
    static const char *const names[] = {"add", "add_scaled", "scale", "softcap"};
    char shape[SHAPE_CHARS];
    snprintf(shape, sizeof shape, "%zu values", n);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        float *rows[] = {new_output(check, n), new_output(check, n)};
        const struct kernels *kernels[] = {check->scalar, check->tested};
        for (size_t k = 0; k < 2; k++) {
            memcpy(rows[k], x, n * sizeof *x);
            if (i == 0) kernels[k]->add(rows[k], y, n);
            if (i == 1) kernels[k]->add_scaled(rows[k], y, factor, n);
            if (i == 2) kernels[k]->scale(rows[k], factor, n);
            if (i == 3) kernels[k]->softcap(rows[k], cap, n);
        }
        check_same_floats(check, names[i], shape, rows[0], rows[1], n);
    }
}

static void check_elementwise(struct check *check, enum values kind)
{
    size_t n = draw(check, 1, 200);
    check_rms_norm(check, kind, n);
    check_layer_norm(check, kind, n);
    check_rope(check, kind, n, false);
    check_rope(check, kind, n, true);
    check_gates(check, new_values(check, kind, n), new_values(check, kind, n), n);
    check_gegelu(check, kind, n);
    check_in_place(check, kind, n);
    check_release(check);
}

/* ---- Times ---- */

struct gemm_work {
    struct packed w;
    struct acts a;
    float *out;
};

static void run_gemm(const struct kernels *kernels, void *context)
{
    const struct gemm_work *work = context;
    kernels->gemm[work->w.type](&work->w, &work->a, 0, work->w.n_rows / ROW_GROUP, work->out,
                                work->w.n_rows);
}

static void time_gemm(struct check *check, enum tensor_type type, size_t n_rows, size_t n_tokens)
{
    enum { COLUMNS = 3072 };
    struct gemm_work work = {.w = new_weights(check, UNIFORM, type, n_rows, COLUMNS)};
    work.a = (struct acts){.format = ACT_F32, .n_tokens = n_tokens, .n_cols = COLUMNS};
    work.a.x = new_values(check, UNIFORM, n_tokens * COLUMNS);
    work.out = new_output(check, n_tokens * n_rows);
    char name[32], shape[SHAPE_CHARS];
    snprintf(name, sizeof name, "gemm_%s", tensor_type_info(type)->name);
    snprintf(shape, sizeof shape, "%zu x %d, %zu token%s", n_rows, COLUMNS, n_tokens,
             n_tokens == 1 ? "" : "s");
    double weights = (double)(n_rows * COLUMNS);
    check_time(check, name, shape, weights * (double)n_tokens,
               (double)work.w.group_bytes * (double)(n_rows / ROW_GROUP), run_gemm, &work);
    check_release(check);
}

static void run_attention(const struct kernels *kernels, void *context)
{
    kernels->attention(context);
}

/* The last n_tokens of KEYS. */
static void time_attention(struct check *check, enum kv_type type, size_t n_tokens, size_t n_heads,
                           size_t head_size)
{
    enum { KEYS = 4096 };
    struct kv kv = new_pages(check, KEYS, head_size, type);
    float k[256], v[256];
    for (size_t i = 0; i < KEYS; i++) {
        check_fill_uniform(check, k, head_size);
        check_fill_uniform(check, v, head_size);
        store_position(check->scalar, &kv, k, v, head_size, type, i);
    }
    struct attention a = {.n_tokens = n_tokens, .n_heads = n_heads, .head_size = head_size};
    a.type = type;
    a.pages = kv.pages;
    a.k_offset = kv.k_offset;
    a.v_offset = kv.v_offset;
    a.position = KEYS - n_tokens;
    a.scale = 0.1f;
    a.q_stride = a.out_stride = n_heads * head_size;
    a.q = new_values(check, UNIFORM, n_tokens * a.q_stride);
    a.scratch = check_memory(
        check, attention_scratch_floats(n_tokens, n_heads, head_size, KEYS) * sizeof(float), 64);
    a.out = new_output(check, n_tokens * a.out_stride);
    char shape[SHAPE_CHARS];
    snprintf(shape, sizeof shape, "%s, %zu x %zu heads of %zu", KV_NAMES[type], n_tokens, n_heads,
             head_size);
    size_t page_bytes = kv_k_bytes(type, head_size) + kv_v_bytes(type, head_size);
    double n_seen = (double)(n_tokens * KEYS - n_tokens * (n_tokens - 1) / 2);
    check_time(check, "attention", shape, 2.0 * (double)(head_size * n_heads) * n_seen,
               (double)page_bytes * KEYS / SLOTS, run_attention, &a);
    check_release(check);
}

/* Decode, and tiles of prefill, of models with and without shared KV heads. */
static void time_attentions(struct check *check)
{
    static const struct {
        size_t n_tokens, n_heads, head_size;
    } shapes[] = {{1, 1, 96},  {1, 4, 128}, {1, 8, 64},  {24, 1, 64}, {24, 1, 80},
                  {24, 1, 96}, {6, 4, 128}, {8, 3, 128}, {3, 7, 96}};
    static const enum kv_type types[] = {KV_F16, KV_Q8_0};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (size_t j = 0; j < sizeof types / sizeof *types; j++)
            time_attention(check, types[j], shapes[i].n_tokens, shapes[i].n_heads,
                           shapes[i].head_size);
}

static void compare(struct check *check)
{
    static const enum tensor_type types[] = {TENSOR_F32, TENSOR_F16, TENSOR_BF16};
    for (size_t round = 0; round < ROUNDS; round++) {
        for (enum values kind = UNIFORM; kind < VALUES_COUNT; kind++) {
            for (size_t i = 0; i < sizeof types / sizeof *types; i++)
                check_gemm_case(check, types[i], kind);
            for (int type = KV_F16; type <= KV_Q8_0; type++) {
                /* A stored NaN may have any bits. */
                if (kind != NONFINITE) check_kv_store(check, (enum kv_type)type, kind);
                check_attention_case(check, (enum kv_type)type, kind);
            }
            check_elementwise(check, kind);
        }
    }
    check_exp_range(check);
    check_small_exp(check);
    check_tanh(check);
}

static void time_kernels(struct check *check)
{
    time_gemm(check, TENSOR_F32, 768, 32);
    time_gemm(check, TENSOR_F16, 768, 32);
    time_gemm(check, TENSOR_BF16, 768, 32);
    time_gemm(check, TENSOR_F16, 8192, 1);
    time_attentions(check);
}

const struct check_family check_float = {"float", compare, time_kernels};
