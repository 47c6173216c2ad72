/* check_quant.c - quantization of activations and products with quantized weights.
 *
 * Weights are random bytes (every q, every scale and factors that are subnormal, huge, infinite or
 * NaN) or bytes with all bits set or clear, which reach the bounds of the integer sums.
 */
#include "tests/kernels/check.h"

#include "engine/tensor_block.h"
#include "tests/kernels/check_matrix.h"

#include <stdio.h>
#include <string.h>

static const enum tensor_type types[] = {TENSOR_Q4_0,  TENSOR_Q4_1,   TENSOR_Q5_0,   TENSOR_Q5_1,
                                         TENSOR_Q8_0,  TENSOR_Q2_K,   TENSOR_Q3_K,   TENSOR_Q4_K,
                                         TENSOR_Q5_K,  TENSOR_Q6_K,   TENSOR_IQ4_NL, TENSOR_IQ4_XS,
                                         TENSOR_MXFP4, TENSOR_IQ2_XXS};
enum { N_TYPES = sizeof types / sizeof *types };

static void compare_quantize(struct check *check, size_t n_cols, size_t block, bool is_extreme)
{
    char shape[64];
    snprintf(shape, sizeof shape, "%zu in blocks of %zu%s", n_cols, block,
             is_extreme ? ", extreme" : "");
    float *x = check_memory(check, n_cols * sizeof *x, sizeof *x);
    if (is_extreme) {
        check_fill_extreme(check, x, n_cols, false);
        /* Whole blocks of one kind: nothing but tiny values, nothing but ties, one that is not
         * finite. */
        for (size_t i = 0; i < n_cols; i++) {
            if (i / block % 5 == 1) x[i] = check_uniform(check) * 0x1p-99f;
            if (i / block % 5 == 2) x[i] = (float)((int)rng_below(&check->rng, 509) - 254) / 2;
            if (i / block % 5 == 2 && i % block == 0) x[i] = 127; /* so that the scale is 1 */
        }
        if (n_cols > 3 * block) x[3 * block + 5] = 1 / (x[0] * 0.0f);
    } else {
        check_fill_uniform(check, x, n_cols);
    }
    size_t n_q = n_cols, n_d = n_cols / block * sizeof(float), n_sums = n_cols / 16 * 2;
    int8_t *q[2];
    float *d[2];
    int16_t *sums[2];
    for (int i = 0; i < 2; i++) {
        q[i] = check_memory(check, n_q, 1);
        d[i] = check_memory(check, n_d, sizeof(float));
        sums[i] = check_memory(check, n_sums, sizeof(int16_t));
        (i ? check->tested : check->scalar)->quantize(x, n_cols, block, q[i], d[i], sums[i]);
    }
    check_same_bytes(check, "quantize", shape, q[0], q[1], n_q);
    check_same_floats(check, "quantize", shape, d[0], d[1], n_d / sizeof(float));
    check_same_bytes(check, "quantize", shape, sums[0], sums[1], n_sums);
    check_release(check);
}

/* Activations of the largest magnitude in one sign, alternating by 4 or random; sums to match. */
static struct acts extreme_acts(struct check *check, size_t n_tokens, size_t n_cols, size_t block)
{
    struct acts a = check_acts(check, n_tokens, n_cols, block);
    for (size_t t = 0; t < n_tokens; t++) {
        uint64_t kind = rng_below(&check->rng, 4);
        for (size_t k = 0; k < n_cols; k++) {
            int8_t *q = &a.q[t * n_cols + k];
            if (kind == 0) *q = 127;
            if (kind == 1) *q = -127;
            if (kind == 2) *q = k & 1 ? 127 : -127;
        }
        for (size_t i = 0; i < n_cols / 16; i++) {
            int sum = 0;
            for (size_t k = 0; k < 16; k++) sum += a.q[t * n_cols + 16 * i + k];
            a.sums[t * n_cols / 16 + i] = (int16_t)sum;
        }
    }
    return a;
}

enum { RANDOM_BYTES = -1 };

/* Every byte of the weights is `fill` but for factors, or random with factors of any bits. */
static void compare_product(struct check *check, enum tensor_type type, size_t n_rows,
                            size_t n_cols, size_t n_tokens, int fill)
{
    const char *name = tensor_type_info(type)->name;
    size_t block = tensor_type_info(type)->block_values;
    size_t n_bytes = n_rows * tensor_row_bytes(type, n_cols);
    uint8_t *rows = check_memory(check, n_bytes, 1);
    if (fill != RANDOM_BYTES) {
        memset(rows, fill, n_bytes);
        if (type == TENSOR_Q6_K) { /* its largest product: 63 times a scale of -128 */
            for (size_t at = 0; at < n_bytes; at += sizeof(struct block_q6_k)) {
                memset(rows + at + offsetof(struct block_q6_k, scales), 0x80, 16);
            }
        }
        check_set_factors(check, type, rows, n_bytes);
    }
    struct packed w = check_pack(check, type, rows, n_rows, n_cols);
    struct acts a = extreme_acts(check, n_tokens, n_cols, block);
    check_gemm(check, name, &w, &a);
    check_release(check);
}

/* Finite factors, so that no NaN hides a difference. */
static void compare_finite(struct check *check, enum tensor_type type, size_t n_rows, size_t n_cols,
                           size_t n_tokens)
{
    size_t n_bytes = n_rows * tensor_row_bytes(type, n_cols);
    uint8_t *rows = check_memory(check, n_bytes, 1);
    check_set_factors(check, type, rows, n_bytes);
    struct packed w = check_pack(check, type, rows, n_rows, n_cols);
    struct acts a = check_acts(check, n_tokens, n_cols, tensor_type_info(type)->block_values);
    check_gemm(check, tensor_type_info(type)->name, &w, &a);
    check_release(check);
}

struct timing {
    struct packed w;
    struct acts a;
    float *out;
};

static void run_product(const struct kernels *kernels, void *context)
{
    const struct timing *timing = context;
    size_t n_groups = (timing->w.n_rows + ROW_GROUP - 1) / ROW_GROUP;
    kernels->gemm[timing->w.type](&timing->w, &timing->a, 0, n_groups, timing->out,
                                  timing->w.n_rows);
}

/* A matrix of one panel of rows, again and again: packing random rows would take most of the
 * time. */
static struct packed repeat_rows(struct check *check, enum tensor_type type, size_t n_rows,
                                 size_t n_cols)
{
    enum { PACKED_ROWS = 64 };
    size_t n_bytes = PACKED_ROWS * tensor_row_bytes(type, n_cols);
    uint8_t *rows = check_memory(check, n_bytes, 64);
    check_set_factors(check, type, rows, n_bytes);
    struct packed w = check_pack(check, type, rows, PACKED_ROWS, n_cols);
    size_t packed_bytes = w.group_bytes * (PACKED_ROWS / ROW_GROUP), n_times = n_rows / PACKED_ROWS;
    uint8_t *data = check_memory(check, n_times * packed_bytes, 64);
    for (size_t i = 0; i < n_times; i++) memcpy(data + i * packed_bytes, w.data, packed_bytes);
    w.n_rows = n_rows;
    w.data = data;
    return w;
}

static void time_product(struct check *check, const struct packed *w, size_t n_tokens)
{
    const struct tensor_type_info *info = tensor_type_info(w->type);
    char shape[64];
    snprintf(shape, sizeof shape, "%zu x %zu, %zu token%s", w->n_rows, w->n_cols, n_tokens,
             n_tokens == 1 ? "" : "s");
    struct timing timing = {
        .w = *w,
        .a = check_acts(check, n_tokens, w->n_cols, info->block_values),
        .out = check_memory(check, w->n_rows * n_tokens * sizeof(float), 64),
    };
    check_time(check, info->name, shape, (double)w->n_rows * (double)w->n_cols * (double)n_tokens,
               (double)(w->group_bytes * (w->n_rows / ROW_GROUP)), run_product, &timing);
}

static void time_type(struct check *check, enum tensor_type type)
{
    if (check->tested->isa == ISA_SCALAR) {
        struct packed w = repeat_rows(check, type, 256, 3072);
        time_product(check, &w, 32);
    } else {
        struct packed w = repeat_rows(check, type, 16384, 8192); /* out of every cache */
        time_product(check, &w, 1);
        time_product(check, &w, 8);
        time_product(check, &w, 32);
        w = repeat_rows(check, type, 512, 3072);
        time_product(check, &w, 512);
    }
    check_release(check);
}

static void time_types(struct check *check)
{
    for (size_t i = 0; i < N_TYPES; i++) {
        if (check_wants_time(check, tensor_type_info(types[i])->name)) time_type(check, types[i]);
    }
}

static void compare(struct check *check)
{
    for (size_t n = 256; n <= 4096; n *= 2) {
        compare_quantize(check, n, 32, false);
        compare_quantize(check, n, 32, true);
        compare_quantize(check, n, 256, false);
        compare_quantize(check, n, 256, true);
    }
    for (size_t i = 0; i < N_TYPES; i++) {
        size_t block = tensor_type_info(types[i])->block_values;
        for (size_t n_rows = 1; n_rows <= 49; n_rows += 1 + n_rows / 5) {
            size_t n_cols = block * (1 + rng_below(&check->rng, block == 32 ? 9 : 3));
            compare_finite(check, types[i], n_rows, n_cols, 1 + rng_below(&check->rng, 19));
        }
        for (size_t n_tokens = 1; n_tokens <= 19; n_tokens++) {
            size_t n_rows = 1 + rng_below(&check->rng, 49);
            compare_finite(check, types[i], n_rows, 768, n_tokens);
        }
        /* More tokens than a kernel takes at a time. */
        for (size_t i_long = 0; i_long < 4; i_long++) {
            compare_finite(check, types[i], 1 + rng_below(&check->rng, 49), 768,
                           20 + rng_below(&check->rng, 200));
        }
        static const int fills[] = {RANDOM_BYTES, 0xff, 0x00, 0x80, 0x7f};
        for (size_t j = 0; j < sizeof fills / sizeof *fills; j++) {
            compare_product(check, types[i], 33, 512, 7, fills[j]);
            compare_product(check, types[i], 16, 256, 12, fills[j]);
            compare_product(check, types[i], 48, 512, 29, fills[j]);
        }
    }
}

const struct check_family check_quant = {"quant", compare, time_types};
