/* test_pack.c - packed weights read back exactly; the scalar product against double arithmetic; the
 * table of levels.
 */
#include "engine/kernels/pack.h"

#include "base/rng.h"
#include "engine/kernels/kernels.h"
#include "engine/kernels/pack_layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const enum tensor_type all_types[] = {
    TENSOR_F32,  TENSOR_F16,    TENSOR_BF16,   TENSOR_Q8_0,  TENSOR_Q4_0, TENSOR_Q4_1,
    TENSOR_Q5_0, TENSOR_Q5_1,   TENSOR_Q2_K,   TENSOR_Q3_K,  TENSOR_Q4_K, TENSOR_Q5_K,
    TENSOR_Q6_K, TENSOR_IQ4_NL, TENSOR_IQ4_XS, TENSOR_MXFP4,
};
enum { N_TYPES = sizeof all_types / sizeof *all_types };

/* They share one packed form, and cannot be encoded. */
static const enum tensor_type grid_types[] = {
    TENSOR_IQ2_XXS, TENSOR_IQ2_XS, TENSOR_IQ2_S, TENSOR_IQ3_XXS, TENSOR_IQ3_S,
    TENSOR_IQ1_S,   TENSOR_IQ1_M,  TENSOR_TQ1_0, TENSOR_TQ2_0,
};
enum { N_GRID_TYPES = sizeof grid_types / sizeof *grid_types };

struct matrix {
    uint8_t *rows; /* as a file has them */
    uint8_t *groups;
    size_t row_bytes;
    struct packed packed;
};

/* The float operations of tensor_decode in their order. */
static void decode_block(const struct pack_shape *shape, const struct pack_block *block,
                         float *values)
{
    float d = pack_factor_float(shape, block->d), m = half_to_float(block->m);
    for (size_t k = 0; k < shape->block_values; k++) {
        size_t j = k / shape->sub_values;
        float q = (float)pack_weight(shape, block->q[k]);
        if (shape->scales == PACK_NO_SCALES) {
            values[k] = shape->has_minimum ? q * d + m : q * d;
        } else {
            float scaled = d * (float)block->scales[j] * q;
            values[k] = shape->has_minimum ? scaled - m * (float)block->minima[j] : scaled;
        }
    }
}

/* One row of a packed matrix, exactly as tensor_decode gives it: values [n_cols]. */
static void read_row(const struct packed *packed, size_t row, float *values)
{
    assert_true(row < packed->n_rows);
    const uint8_t *group = packed->data + row / ROW_GROUP * packed->group_bytes;
    const struct pack_shape shape = pack_shape(packed->type);
    if (!shape.block_values) {
        size_t element_bytes = tensor_row_bytes(packed->type, 1);
        for (size_t k = 0; k < packed->n_cols; k++) {
            tensor_decode(packed->type, group + (k * ROW_GROUP + row % ROW_GROUP) * element_bytes,
                          1, values + k);
        }
        return;
    }
    size_t n_blocks = packed->n_cols / shape.block_values;
    for (size_t i = 0; i < n_blocks; i++, values += shape.block_values) {
        struct pack_block block;
        pack_block_from_group(packed->type, group, n_blocks, i, row % ROW_GROUP, &block);
        decode_block(&shape, &block, values);
    }
}

static void fill_random(struct rng *rng, uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) bytes[i] = (uint8_t)rng_next(rng);
}

/* Packs n_rows rows, whose memory ends with the last one: a sanitizer sees a read past it. */
static struct matrix pack_matrix(enum tensor_type type, size_t n_rows, size_t n_cols, uint8_t *rows)
{
    size_t n_groups = (n_rows + ROW_GROUP - 1) / ROW_GROUP;
    struct matrix m = {.rows = rows, .row_bytes = tensor_row_bytes(type, n_cols)};
    m.packed = (struct packed){type, n_rows, n_cols, pack_group_bytes(type, n_cols), NULL};
    m.packed.data = m.groups = aligned_alloc(64, n_groups * m.packed.group_bytes);
    assert_non_null(m.groups);
    memset(m.groups, 0xa5, n_groups * m.packed.group_bytes);
    for (size_t g = 0; g < n_groups; g++) {
        size_t row = g * ROW_GROUP, left = n_rows - row;
        pack_group(type, rows + row * m.row_bytes, left < ROW_GROUP ? left : ROW_GROUP, n_cols,
                   m.groups + g * m.packed.group_bytes);
    }
    return m;
}

static void matrix_done(struct matrix *m)
{
    free(m->rows);
    free(m->groups);
}

/* Bits of every kind: factors may be NaN, infinite or subnormal; scales have every bit set
 * somewhere. */
static struct matrix random_matrix(enum tensor_type type, size_t n_rows, size_t n_cols)
{
    struct rng rng = {n_rows * 1000 + n_cols};
    size_t n_bytes = n_rows * tensor_row_bytes(type, n_cols);
    uint8_t *rows = malloc(n_bytes);
    assert_non_null(rows);
    fill_random(&rng, rows, n_bytes);
    return pack_matrix(type, n_rows, n_cols, rows);
}

static void check_packed_rows(enum tensor_type type)
{
    static const size_t row_counts[] = {1, 2, 15, 16, 17, 31, 32, 49};
    size_t block = tensor_type_info(type)->block_values;
    for (size_t r = 0; r < sizeof row_counts / sizeof *row_counts; r++) {
        size_t n_cols = block * (1 + r);
        struct matrix m = random_matrix(type, row_counts[r], n_cols);
        float *expected = malloc(n_cols * sizeof(float)), *actual = malloc(n_cols * sizeof(float));
        for (size_t row = 0; row < row_counts[r]; row++) {
            tensor_decode(type, m.rows + row * m.row_bytes, n_cols, expected);
            read_row(&m.packed, row, actual);
            for (size_t k = 0; k < n_cols; k++) {
                if (isnan(expected[k]) && isnan(actual[k])) continue;
                if (memcmp(&expected[k], &actual[k], sizeof(float)) == 0) continue;
                fail_msg("%s row %zu k %zu: %a, not %a", tensor_type_info(type)->name, row, k,
                         (double)actual[k], (double)expected[k]);
            }
        }
        free(expected);
        free(actual);
        matrix_done(&m);
    }
}

static void packed_rows_read_as_the_file_decodes(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_TYPES; i++) check_packed_rows(all_types[i]);
    for (size_t i = 0; i < N_GRID_TYPES; i++) check_packed_rows(grid_types[i]);
}

static void packing_takes_the_bytes_of_the_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_TYPES; i++) {
        size_t file_bytes = 16 * tensor_row_bytes(all_types[i], 3072);
        if (all_types[i] == TENSOR_IQ4_XS)
            file_bytes = file_bytes / 136 * 138;                             /* scales of 8 bits */
        if (all_types[i] == TENSOR_MXFP4) file_bytes = file_bytes / 17 * 18; /* bfloat16 factors */
        size_t group_bytes = pack_group_bytes(all_types[i], 3072);
        assert_int_equal(group_bytes, file_bytes);
        assert_int_equal(group_bytes % 64, 0);
    }
    for (size_t i = 0; i < N_GRID_TYPES; i++) /* bytes, 16 scales and d */
        assert_int_equal(pack_group_bytes(grid_types[i], 3072), 16 * 3072 / 256 * (256 + 16 + 2));
    assert_int_equal(pack_group_bytes(TENSOR_Q4_0, 32), 320); /* factors rounded up to 64 */
}

static void sizes_that_cannot_be_are_zero(void **state)
{
    (void)state;
    assert_int_equal(pack_group_bytes(TENSOR_Q4_0, 48), 0);
    assert_int_equal(pack_group_bytes(TENSOR_Q6_K, 128), 0);
    assert_int_equal(pack_group_bytes(TENSOR_F32, SIZE_MAX / 32), 0);
    assert_int_equal(pack_group_bytes(TENSOR_Q8_0, SIZE_MAX / 2 / 32 * 32), 0);
}

static void missing_rows_of_a_group_are_zero_weights(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_TYPES; i++) {
        struct matrix m = random_matrix(all_types[i], 3, 512);
        m.packed.n_rows = ROW_GROUP;
        float values[512];
        for (size_t row = 3; row < ROW_GROUP; row++) {
            read_row(&m.packed, row, values);
            for (size_t k = 0; k < 512; k++) assert_true(values[k] == 0);
        }
        matrix_done(&m);
    }
}

/* Random blocks whose factor, first in a block, is less than 2. */
static void fill_finite(struct rng *rng, uint8_t *rows, size_t n_bytes, size_t block_bytes)
{
    fill_random(rng, rows, n_bytes);
    for (size_t at = 1; at < n_bytes; at += block_bytes) rows[at] &= 0xbf;
}

/* Weights that a quantizer makes from uniform values, so that nothing is infinite. */
static struct matrix encoded_matrix(enum tensor_type type, size_t n_rows, size_t n_cols)
{
    struct rng rng = {(uint64_t)type};
    size_t row_bytes = tensor_row_bytes(type, n_cols);
    uint8_t *rows = malloc(n_rows * row_bytes);
    if (!tensor_type_info(type)->encoded) {
        fill_finite(&rng, rows, n_rows * row_bytes, tensor_type_info(type)->block_bytes);
        return pack_matrix(type, n_rows, n_cols, rows);
    }
    float *values = malloc(n_cols * sizeof *values);
    for (size_t row = 0; row < n_rows; row++) {
        for (size_t k = 0; k < n_cols; k++) values[k] = (float)(rng_uniform(&rng) * 2 - 1);
        tensor_encode(type, values, n_cols, rows + row * row_bytes);
    }
    free(values);
    return pack_matrix(type, n_rows, n_cols, rows);
}

/* The scalar kernel rounds once per block and term, of sums whose absolute values add up to
 * `magnitude`; 2^-22 per block of that bounds it. */
static void check_output(const struct matrix *m, const struct acts *a, size_t block, size_t token,
                         size_t row, float actual)
{
    size_t n_cols = m->packed.n_cols;
    float *w = malloc(n_cols * sizeof *w);
    tensor_decode(m->packed.type, m->rows + row * m->row_bytes, n_cols, w);
    double expected = 0, magnitude = 0;
    for (size_t k = 0; k < n_cols; k++) {
        size_t i = token * n_cols + k;
        double term = (double)w[k] * a->q[i] * (double)a->d[i / block];
        expected += term;
        magnitude += fabs(term);
    }
    double allowed = 4 * magnitude * (double)(n_cols / block + 2) * 0x1p-24;
    if (!(fabs((double)actual - expected) <= allowed)) {
        fail_msg("%s token %zu row %zu: %.9g, not %.9g within %g",
                 tensor_type_info(m->packed.type)->name, token, row, (double)actual, expected,
                 allowed);
    }
    free(w);
}

static void scalar_product_equals_double_arithmetic(void **state)
{
    (void)state;
    enum { ROWS = 37, COLS = 768, TOKENS = 35 };
    const struct kernels *kernels = kernels_for(ISA_SCALAR);
    for (size_t i = 0; i <= N_TYPES; i++) {
        enum tensor_type type = i < N_TYPES ? all_types[i] : TENSOR_IQ2_XXS;
        enum act_format format = act_format_for(type);
        if (format == ACT_F32) continue;
        size_t block = format == ACT_Q8_32 ? 32 : 256;
        struct matrix m = encoded_matrix(type, ROWS, COLS);
        struct acts a = {format,
                         TOKENS,
                         COLS,
                         NULL,
                         malloc(TOKENS * COLS),
                         malloc(TOKENS * COLS / block * sizeof(float)),
                         malloc(TOKENS * COLS / 16 * sizeof(int16_t))};
        float *x = malloc(COLS * sizeof *x), *out = malloc(TOKENS * ROWS * sizeof *out);
        struct rng rng = {7};
        for (size_t t = 0; t < TOKENS; t++) {
            for (size_t k = 0; k < COLS; k++) x[k] = (float)(rng_uniform(&rng) * 6 - 3);
            kernels->quantize(x, COLS, block, a.q + t * COLS, a.d + t * COLS / block,
                              a.sums + t * COLS / 16);
            for (size_t k = 0; k < COLS; k++) { /* half a step from the input */
                float d = a.d[(t * COLS + k) / block];
                assert_true(fabsf((float)a.q[t * COLS + k] * d - x[k]) <= d * 0.5001f);
            }
        }
        kernels->gemm[type](&m.packed, &a, 0, 3, out, ROWS);
        for (size_t t = 0; t < TOKENS; t++) {
            for (size_t row = 0; row < ROWS; row++) {
                check_output(&m, &a, block, t, row, out[t * ROWS + row]);
            }
        }
        free(x);
        free(out);
        free(a.q);
        free(a.d);
        free(a.sums);
        matrix_done(&m);
    }
}

static void quantize_keeps_its_promises_on_odd_blocks(void **state)
{
    (void)state;
    float x[5 * 32] = {0}, d[5];
    int8_t q[5 * 32];
    int16_t sums[10];
    x[0] = 0x1p-101f;                                           /* too small: zero */
    x[32] = 3.0f, x[33] = INFINITY;                             /* not finite: NaN */
    x[64] = -127.0f, x[65] = 2.5f, x[66] = 3.5f, x[67] = -2.5f; /* ties to even */
    x[96] = 1.0f, x[97] = NAN;
    x[128] = 3.4e38f, x[129] = -3.4e38f; /* the largest magnitudes */
    kernels_for(ISA_SCALAR)->quantize(x, 5 * 32, 32, q, d, sums);
    assert_true(d[0] == 0 && q[0] == 0);
    assert_true(isnan(d[1]) && q[32] == 0);
    assert_true(d[2] == 1.0f && q[64] == -127 && q[65] == 2 && q[66] == 4 && q[67] == -2);
    assert_int_equal(sums[4], -127 + 4);
    assert_true(isnan(d[3]) && q[96] == 0);
    assert_true(d[4] == 3.4e38f / 127.0f && q[128] == 127 && q[129] == -127);
}

static void instruction_sets_have_names_and_the_best_is_available(void **state)
{
    (void)state;
    for (enum isa isa = ISA_SCALAR; isa < ISA_COUNT; isa++) {
        enum isa parsed = ISA_COUNT;
        assert_true(isa_parse(isa_name(isa), &parsed, NULL));
        assert_int_equal(parsed, isa);
        const struct kernels *kernels = kernels_for(isa);
        if (isa_available(isa)) assert_non_null(kernels);
        if (!kernels) continue;
        assert_int_equal(kernels->isa, isa);
        for (size_t i = 0; i < N_TYPES; i++) assert_non_null(kernels->gemm[all_types[i]]);
        for (size_t i = 0; i < N_GRID_TYPES; i++) assert_non_null(kernels->gemm[grid_types[i]]);
        assert_true(kernels->quantize && kernels->attention && kernels->kv_store &&
                    kernels->rms_norm && kernels->layer_norm && kernels->rope &&
                    kernels->silu_mul && kernels->gegelu_mul && kernels->gelu_mul &&
                    kernels->gelu && kernels->add && kernels->add_scaled && kernels->scale &&
                    kernels->softcap);
    }
    struct err err = {0};
    enum isa parsed = ISA_COUNT;
    assert_false(isa_parse("sse9", &parsed, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_true(isa_available(ISA_SCALAR));
    assert_true(isa_available(isa_best()));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packed_rows_read_as_the_file_decodes),
        cmocka_unit_test(packing_takes_the_bytes_of_the_file),
        cmocka_unit_test(sizes_that_cannot_be_are_zero),
        cmocka_unit_test(missing_rows_of_a_group_are_zero_weights),
        cmocka_unit_test(scalar_product_equals_double_arithmetic),
        cmocka_unit_test(quantize_keeps_its_promises_on_odd_blocks),
        cmocka_unit_test(instruction_sets_have_names_and_the_best_is_available),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
