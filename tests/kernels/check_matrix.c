/* check_matrix.c - matrices and activations for checks of products, and the comparison itself.
 *
 * Weights are bytes of a file, so that packing is part of what is checked.
 */
#include "tests/kernels/check_matrix.h"

#include "engine/tensor_block.h"

#include <stdio.h>
#include <string.h>

static void set_factor(struct check *check, uint8_t *factor)
{
    store_u16(factor, float_to_half(check_uniform(check)));
}

void check_set_factors(struct check *check, enum tensor_type type, uint8_t *blocks, size_t n_bytes)
{
    static const struct {
        size_t d, m; /* m equals d where there is none */
    } places[TENSOR_TYPE_LIMIT] = {
        [TENSOR_Q4_0] = {0, 0},
        [TENSOR_Q4_1] = {0, 2},
        [TENSOR_Q5_0] = {0, 0},
        [TENSOR_Q5_1] = {0, 2},
        [TENSOR_Q8_0] = {0, 0},
        [TENSOR_Q2_K] = {offsetof(struct block_q2_k, d), offsetof(struct block_q2_k, d_min)},
        [TENSOR_Q3_K] = {offsetof(struct block_q3_k, d), offsetof(struct block_q3_k, d)},
        [TENSOR_Q4_K] = {0, 2},
        [TENSOR_Q5_K] = {0, 2},
        [TENSOR_Q6_K] = {offsetof(struct block_q6_k, d), offsetof(struct block_q6_k, d)},
        [TENSOR_IQ4_NL] = {0, 0},
        [TENSOR_IQ4_XS] = {0, 0},
    };
    size_t block_bytes = tensor_type_info(type)->block_bytes;
    for (size_t at = 0; at < n_bytes; at += block_bytes) {
        if (type == TENSOR_MXFP4) {
            blocks[at] = (uint8_t)(120 + rng_below(&check->rng, 8));
            continue;
        }
        set_factor(check, blocks + at + places[type].d);
        set_factor(check, blocks + at + places[type].m);
    }
}

struct packed check_pack(struct check *check, enum tensor_type type, const uint8_t *rows,
                         size_t n_rows, size_t n_cols)
{
    size_t n_groups = (n_rows + ROW_GROUP - 1) / ROW_GROUP;
    size_t group_bytes = pack_group_bytes(type, n_cols);
    uint8_t *data = check_memory(check, n_groups * group_bytes, 64);
    for (size_t g = 0; g < n_groups; g++) {
        size_t left = n_rows - g * ROW_GROUP;
        pack_group(type, rows + g * ROW_GROUP * tensor_row_bytes(type, n_cols),
                   left < ROW_GROUP ? left : ROW_GROUP, n_cols, data + g * group_bytes);
    }
    return (struct packed){type, n_rows, n_cols, group_bytes, data};
}

struct acts check_acts(struct check *check, size_t n_tokens, size_t n_cols, size_t block)
{
    size_t n = n_tokens * n_cols;
    float *x = check_memory(check, n * sizeof *x, sizeof *x);
    check_fill_uniform(check, x, n);
    struct acts a = {.format = ACT_F32, .n_tokens = n_tokens, .n_cols = n_cols, .x = x};
    if (block == 1) return a;
    a.format = block == 32 ? ACT_Q8_32 : ACT_Q8_256;
    a.q = check_memory(check, n, 64);
    a.d = check_memory(check, n / block * sizeof *a.d, sizeof *a.d);
    a.sums = check_memory(check, n / 16 * sizeof *a.sums, sizeof *a.sums);
    for (size_t t = 0; t < n_tokens; t++) {
        check->scalar->quantize(x + t * n_cols, n_cols, block, a.q + t * n_cols,
                                a.d + t * n_cols / block, a.sums + t * n_cols / 16);
    }
    return a;
}

/* Outputs end at a guard page with the last one that may be written. */
static float *run_gemm(struct check *check, const struct kernels *kernels, const struct packed *w,
                       const struct acts *a, size_t begin, size_t end, size_t stride)
{
    size_t n_bytes = ((a->n_tokens - 1) * stride + w->n_rows) * sizeof(float);
    float *out = check_memory(check, n_bytes, sizeof(float));
    check_fill_canary(out, n_bytes);
    kernels->gemm[w->type](w, a, begin, end, out, stride);
    return out;
}

static void compare_groups(struct check *check, const char *kernel, const struct packed *w,
                           const struct acts *a, size_t begin, size_t end)
{
    char shape[96];
    snprintf(shape, sizeof shape, "%zu x %zu, %zu tokens, groups %zu to %zu", w->n_rows, w->n_cols,
             a->n_tokens, begin, end);
    size_t stride = w->n_rows + 3, first = begin * ROW_GROUP;
    size_t last = end * ROW_GROUP < w->n_rows ? end * ROW_GROUP : w->n_rows;
    const float *expected = run_gemm(check, check->scalar, w, a, begin, end, stride);
    const float *actual = run_gemm(check, check->tested, w, a, begin, end, stride);
    for (size_t t = 0; t < a->n_tokens; t++) {
        size_t row_end = t + 1 < a->n_tokens ? stride : w->n_rows;
        const float *e = expected + t * stride, *o = actual + t * stride;
        check_same_floats(check, kernel, shape, e + first, o + first, last - first);
        check_that(check,
                   check_is_canary(e, first * sizeof *e) && check_is_canary(o, first * sizeof *o) &&
                       check_is_canary(e + last, (row_end - last) * sizeof *e) &&
                       check_is_canary(o + last, (row_end - last) * sizeof *o),
                   kernel, shape, "writes rows outside the groups");
    }
}

void check_gemm(struct check *check, const char *kernel, const struct packed *w,
                const struct acts *a)
{
    size_t n_groups = (w->n_rows + ROW_GROUP - 1) / ROW_GROUP;
    compare_groups(check, kernel, w, a, 0, n_groups);
    if (n_groups == 1) return;
    size_t begin = (size_t)rng_below(&check->rng, n_groups);
    compare_groups(check, kernel, w, a, begin, begin + 1);
    compare_groups(check, kernel, w, a, begin,
                   begin + 1 + (size_t)rng_below(&check->rng, n_groups - begin));
}
