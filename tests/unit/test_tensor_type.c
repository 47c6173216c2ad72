/* test_tensor_type.c - element types against the shared dequantization vectors, and the 16-bit
 * floats exhaustively.
 *
 * The vectors were made by an independent implementation; without them those tests say SKIP.
 */
#include "engine/tensor_type.h"

#include "base/file.h"
#include "base/rng.h"
#include "base/sha256.h"
#include "tests/support/test_data.h"

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
enum { N_TYPES = sizeof all_types / sizeof *all_types, MAX_FILE_BYTES = 1 << 20 };

/* A vector file of a type, whose letters after '_' are capitals in file names (q4_K). Skips if
 * it is missing. */
static char *read_vector(const char *type, const char *suffix, size_t *n_bytes)
{
    char name[64], path[512];
    snprintf(name, sizeof name, "quant_vectors/%s%s", type, suffix);
    char *k = strstr(name, "_k.");
    if (k) k[1] = 'K';
    if (!test_data_path(path, sizeof path, name)) {
        print_message("SKIP: no data file %s\n", name);
        skip();
    }
    char *bytes = file_read(path, MAX_FILE_BYTES, n_bytes, NULL);
    assert_non_null(bytes);
    return bytes;
}

static void decode_gives_the_bits_of_the_reference_vectors(void **state)
{
    (void)state;
    for (size_t i = 1; i < N_TYPES; i++) {
        if (all_types[i] == TENSOR_MXFP4) continue; /* none was made */
        const struct tensor_type_info *info = tensor_type_info(all_types[i]);
        size_t n_block_bytes, n_value_bytes;
        char *blocks = read_vector(info->name, ".blocks.bin", &n_block_bytes);
        char *expected = read_vector(info->name, ".dequant.f32", &n_value_bytes);
        size_t n_values = n_value_bytes / sizeof(float);
        assert_int_equal(tensor_row_bytes(all_types[i], n_values), n_block_bytes);
        float *values = malloc(n_value_bytes);
        assert_non_null(values);
        tensor_decode(all_types[i], blocks, n_values, values);
        if (memcmp(values, expected, n_value_bytes) != 0) fail_msg("%s differs", info->name);
        free(values);
        free(expected);
        free(blocks);
    }
}

/* The script that made the file says what the blocks are. */
static void decode_gives_the_hashes_of_the_golden_values(void **state)
{
    (void)state;
    static const struct {
        enum tensor_type type;
        size_t at; /* of the bits that are cleared */
        uint8_t cleared;
    } types[] = {
        {TENSOR_IQ4_NL, 1, 0x40},  {TENSOR_IQ4_XS, 1, 0x40}, {TENSOR_MXFP4, 0, 0x04},
        {TENSOR_IQ2_XXS, 1, 0x40}, {TENSOR_IQ2_XS, 1, 0x40}, {TENSOR_IQ2_S, 1, 0x40},
        {TENSOR_IQ3_XXS, 1, 0x40}, {TENSOR_IQ3_S, 1, 0x40},  {TENSOR_IQ1_S, 1, 0x40},
        {TENSOR_IQ1_M, 55, 0x40},  {TENSOR_TQ1_0, 53, 0x40}, {TENSOR_TQ2_0, 65, 0x40},
    };
    enum { N_BLOCKS = 512 };
    size_t n_bytes;
    char *golden = file_read("tests/golden/type_values.tsv", MAX_FILE_BYTES, &n_bytes, NULL);
    static uint8_t blocks[N_BLOCKS * 256];
    static float values[N_BLOCKS * 256];
    assert_non_null(golden);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        const struct tensor_type_info *info = tensor_type_info(types[i].type);
        size_t n_block_bytes = N_BLOCKS * info->block_bytes, column;
        size_t n_values = N_BLOCKS * info->block_values;
        struct rng rng = {types[i].type};
        for (size_t k = 0; k < n_block_bytes; k++) blocks[k] = (uint8_t)rng_next(&rng);
        for (size_t k = types[i].at; k < n_block_bytes; k += info->block_bytes)
            blocks[k] &= (uint8_t)~types[i].cleared;
        assert_true(tensor_is_finite(types[i].type, blocks, n_values, &column));
        tensor_decode(types[i].type, blocks, n_values, values);
        char line[128], hex[65];
        struct sha256 *hash = sha256_new(NULL);
        assert_non_null(hash);
        sha256_update(hash, values, n_values * sizeof *values);
        sha256_finish(hash, hex);
        sha256_free(hash);
        snprintf(line, sizeof line, "\n%s\t%s\n", info->name, hex);
        if (!strstr(golden, line)) fail_msg("not in the file: %s", line);
    }
    free(golden);
}

static void blocks_without_numbers_are_found(void **state)
{
    (void)state;
    static const struct {
        enum tensor_type type;
        size_t at; /* of the byte that makes the second block's values infinite or NaN */
        uint8_t byte;
    } cases[] = {
        {TENSOR_IQ4_NL, 1, 0x7c}, {TENSOR_IQ4_XS, 1, 0xfc},  {TENSOR_MXFP4, 0, 253},
        {TENSOR_MXFP4, 0, 255},   {TENSOR_IQ2_XXS, 1, 0x7c}, {TENSOR_IQ2_XS, 1, 0x7e},
        {TENSOR_IQ2_S, 1, 0x7c},  {TENSOR_IQ3_XXS, 1, 0x7c}, {TENSOR_IQ3_S, 1, 0x7c},
        {TENSOR_IQ1_S, 1, 0x7c},  {TENSOR_TQ1_0, 53, 0x7c},  {TENSOR_TQ2_0, 65, 0x7c},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct tensor_type_info *info = tensor_type_info(cases[i].type);
        uint8_t blocks[2 * 136] = {0};
        size_t column = 0, n_values = 2 * info->block_values;
        assert_true(tensor_is_finite(cases[i].type, blocks, n_values, &column));
        blocks[info->block_bytes + cases[i].at] = cases[i].byte;
        assert_false(tensor_is_finite(cases[i].type, blocks, n_values, &column));
        assert_int_equal(column, info->block_values);
    }
    uint8_t pieces[2 * 56] = {0}; /* of IQ1_M's factor: 0x7c00 */
    size_t column;
    pieces[56 + 53] = 0xc0;
    assert_true(tensor_is_finite(TENSOR_IQ1_M, pieces, 512, &column));
    pieces[56 + 55] = 0x70;
    assert_false(tensor_is_finite(TENSOR_IQ1_M, pieces, 512, &column));
    assert_int_equal(column, 256);
}

/* Mean squared error over mean square. */
static double relative_error(const float *x, const float *y, size_t n)
{
    double error = 0, square = 0;
    for (size_t i = 0; i < n; i++) {
        error += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
        square += (double)x[i] * (double)x[i];
    }
    return error / square;
}

static void encode_is_about_as_accurate_as_the_reference(void **state)
{
    (void)state;
    /* The reference's errors on the same source, and how much worse ours may be. */
    static const struct {
        enum tensor_type type;
        double reference;
    } cases[] = {
        {TENSOR_F32, 0},
        {TENSOR_F16, 0},
        {TENSOR_BF16, 0},
        {TENSOR_Q8_0, 2.91735e-5},
        {TENSOR_Q4_0, 0.00750303},
        {TENSOR_Q4_1, 0.00635367},
        {TENSOR_Q5_0, 0.00184692},
        {TENSOR_Q5_1, 0.00144933},
        {TENSOR_Q2_K, 0.0865811},
        {TENSOR_Q3_K, 0.0230341},
        {TENSOR_Q4_K, 0.00524413},
        {TENSOR_Q5_K, 0.00131128},
        {TENSOR_Q6_K, 0.000329215},
        {TENSOR_IQ4_NL, 0.00583292},
        {TENSOR_IQ4_XS, 0.00593969},
        {TENSOR_MXFP4, 0.0134563}, /* of the package gguf 0.19.0 */
    };
    const double slack = 1.02;
    enum { N_VALUES = 8192 };
    char path[512];
    size_t n_bytes;
    if (!test_data_path(path, sizeof path, "quant_vectors/source.f32")) {
        print_message("SKIP: no data file quant_vectors/source.f32\n");
        skip();
    }
    float *source = (float *)(void *)file_read(path, MAX_FILE_BYTES, &n_bytes, NULL);
    assert_non_null(source);
    assert_int_equal(n_bytes, N_VALUES * sizeof(float));
    float *decoded = malloc(n_bytes);
    void *blocks = malloc(n_bytes);
    assert_true(decoded && blocks);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tensor_encode(cases[i].type, source, N_VALUES, blocks);
        tensor_decode(cases[i].type, blocks, N_VALUES, decoded);
        double error = relative_error(source, decoded, N_VALUES);
        if (!(error <= cases[i].reference * slack)) {
            fail_msg("%s: %g", tensor_type_info(cases[i].type)->name, error);
        }
    }
    free(blocks);
    free(decoded);
    free(source);
}

static void encode_gives_the_same_bytes_on_every_machine(void **state)
{
    (void)state;
    /* FNV-1a of the blocks; x86-64 and arm64, gcc and clang must agree. Other bytes than these take
     * other versions: CONTRIBUTING.md, Numbers. */
    static const uint64_t expected[N_TYPES] = {
        0x2247680ee7f562af, 0x263fc50f44609224, 0x339637cdf8be782f, 0xa6404d2bd2dc123b,
        0x8b2b35611809b303, 0x31fe79f1445a28d2, 0x5c5443e77e8338e6, 0xc4e808ae6959b4fd,
        0xd32320bff614a75f, 0x5b24c509880a39da, 0x6bfdfd2340ee8fed, 0x0c7ba1b5fecd11a6,
        0xbe35e24dd660ea1a, 0x115e9d2c3b744438, 0x9e2882d02fafc547, 0x56772a0f7fd6fd3c};
    static float values[4096];
    static uint8_t blocks[sizeof values];
    struct rng rng = {.state = 42};
    for (size_t i = 0; i < 4096; i++) {
        /* A peaked distribution, scales from 2^-8 to 2^8 by block of 256. */
        double x = rng_uniform(&rng) + rng_uniform(&rng) - 1;
        values[i] = (float)ldexp(x * x * x, (int)(i / 256) - 8);
    }
    for (size_t i = 0; i < N_TYPES; i++) {
        tensor_encode(all_types[i], values, 4096, blocks);
        uint64_t hash = 0xcbf29ce484222325;
        for (size_t k = 0; k < tensor_row_bytes(all_types[i], 4096); k++) {
            hash = (hash ^ blocks[k]) * 0x100000001b3;
        }
        if (hash != expected[i]) {
            fail_msg("%s: 0x%016llx", tensor_type_info(all_types[i])->name,
                     (unsigned long long)hash);
        }
    }
}

static void encode_of_hostile_values_decodes_to_finite_ones(void **state)
{
    (void)state;
    static const float hostile[] = {0,      -0.0f,  NAN,   INFINITY, -INFINITY, 3e38f,
                                    -3e38f, 1e-45f, 6e-8f, 65504,    1};
    float values[256], decoded[256];
    uint8_t block[1024];
    for (size_t k = 0; k < sizeof hostile / sizeof *hostile; k++) {
        for (int only_one = 0; only_one < 2; only_one++) {
            for (size_t i = 0; i < 256; i++) values[i] = only_one && i != 77 ? 0.5f : hostile[k];
            for (size_t t = 3; t < N_TYPES; t++) {
                tensor_encode(all_types[t], values, 256, block);
                tensor_decode(all_types[t], block, 256, decoded);
                for (size_t i = 0; i < 256; i++) assert_true(isfinite(decoded[i]));
            }
        }
    }
}

static void encode_keeps_zeros_exact(void **state)
{
    (void)state;
    float values[256] = {0}, decoded[256];
    uint8_t block[1024];
    for (size_t t = 0; t < N_TYPES; t++) {
        tensor_encode(all_types[t], values, 256, block);
        tensor_decode(all_types[t], block, 256, decoded);
        for (size_t i = 0; i < 256; i++) assert_true(decoded[i] == 0);
    }
}

static void half_converts_every_value_there_and_back(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 65536; bits++) {
        float value = half_to_float((uint16_t)bits);
        int exponent = (int)(bits >> 10 & 31);
        double magnitude =
            exponent ? ldexp(1024 + (bits & 1023), exponent - 25) : ldexp(bits & 1023, -24);
        if (exponent == 31) {
            assert_true(bits & 1023 ? isnan(value) : isinf(value));
        } else {
            assert_true((double)value == (bits & 0x8000 ? -magnitude : magnitude));
        }
        uint16_t back = float_to_half(value);
        if (isnan(value)) {
            assert_true((back & 0x7fff) > 0x7c00);
        } else {
            assert_int_equal(back, bits);
        }
    }
}

static void float_to_half_rounds_to_nearest_even(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 0x7c00 - 1; bits++) {
        /* Halfway between two neighbours is exact in float32. */
        float low = half_to_float((uint16_t)bits), high = half_to_float((uint16_t)(bits + 1));
        float middle = low + (high - low) / 2;
        assert_int_equal(float_to_half(middle), bits % 2 ? bits + 1 : bits);
        assert_int_equal(float_to_half(nextafterf(middle, low)), bits);
        assert_int_equal(float_to_half(nextafterf(middle, high)), bits + 1);
        assert_int_equal(float_to_half(-middle), 0x8000 | (bits % 2 ? bits + 1 : bits));
    }
    assert_int_equal(float_to_half(65519.996f), 0x7bff);
    assert_int_equal(float_to_half(65520.0f), 0x7c00);
    assert_int_equal(float_to_half(1e30f), 0x7c00);
    assert_int_equal(float_to_half(-INFINITY), 0xfc00);
}

static void bfloat_rounds_to_nearest_even_and_keeps_nan(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 65536; bits++) {
        float value = bfloat_to_float((uint16_t)bits);
        if (isnan(value)) {
            assert_true((float_to_bfloat(value) & 0x7fff) > 0x7f80);
        } else {
            assert_int_equal(float_to_bfloat(value), bits);
        }
    }
    assert_int_equal(float_to_bfloat(0x1.01p0f), 0x3f80); /* halfway, down to even */
    assert_int_equal(float_to_bfloat(0x1.03p0f), 0x3f82); /* halfway, up to even */
    assert_int_equal(float_to_bfloat(0x1.010002p0f), 0x3f81);
    assert_int_equal(float_to_bfloat(0x1.fffffep127f), 0x7f80);
}

static void parse_finds_supported_types_in_any_case_and_lists_them_otherwise(void **state)
{
    (void)state;
    struct err err = {0};
    for (size_t i = 0; i < N_TYPES; i++) {
        char upper[16];
        const char *name = tensor_type_info(all_types[i])->name;
        size_t n = strlen(name);
        for (size_t c = 0; c <= n; c++) {
            upper[c] = (char)(name[c] >= 'a' && name[c] <= 'z' ? name[c] - 32 : name[c]);
        }
        enum tensor_type type;
        assert_true(tensor_type_parse(name, &type, &err) && type == all_types[i]);
        assert_true(tensor_type_parse(upper, &type, &err) && type == all_types[i]);
    }
    enum tensor_type type;
    assert_false(tensor_type_parse("nvfp4", &type, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_string_equal(
        err.message,
        "unknown tensor type 'nvfp4': expected one of f32, f16, q4_0, q4_1, q5_0, q5_1, "
        "q8_0, q2_k, q3_k, q4_k, q5_k, q6_k, iq4_nl, iq4_xs, bf16, mxfp4");
    struct err read_only = {0};
    assert_false(tensor_type_parse("IQ2_xxs", &type, &read_only));
    assert_int_equal(read_only.code, ERR_USAGE);
    assert_memory_equal(read_only.message, "read-only tensor type 'IQ2_xxs': expected one of f32",
                        52);
    assert_false(tensor_type_parse("", &type, NULL));
}

static void row_bytes_refuses_partial_blocks_and_overflow(void **state)
{
    (void)state;
    assert_int_equal(tensor_row_bytes(TENSOR_Q4_0, 64), 36);
    assert_int_equal(tensor_row_bytes(TENSOR_Q4_0, 48), 0);
    assert_int_equal(tensor_row_bytes(TENSOR_Q6_K, 512), 420);
    assert_int_equal(tensor_row_bytes(TENSOR_Q6_K, 128), 0);
    assert_int_equal(tensor_row_bytes(TENSOR_F32, SIZE_MAX / 2), 0);
    assert_int_equal(tensor_row_bytes((enum tensor_type)4, 32), 0);
    assert_null(tensor_type_info(4));
    assert_null(tensor_type_info(UINT32_MAX));
    assert_false(tensor_type_info(40)->supported);
    assert_true(tensor_type_info(TENSOR_IQ3_S)->supported);
    assert_false(tensor_type_info(TENSOR_IQ3_S)->encoded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decode_gives_the_bits_of_the_reference_vectors),
        cmocka_unit_test(decode_gives_the_hashes_of_the_golden_values),
        cmocka_unit_test(blocks_without_numbers_are_found),
        cmocka_unit_test(encode_is_about_as_accurate_as_the_reference),
        cmocka_unit_test(encode_gives_the_same_bytes_on_every_machine),
        cmocka_unit_test(encode_of_hostile_values_decodes_to_finite_ones),
        cmocka_unit_test(encode_keeps_zeros_exact),
        cmocka_unit_test(half_converts_every_value_there_and_back),
        cmocka_unit_test(float_to_half_rounds_to_nearest_even),
        cmocka_unit_test(bfloat_rounds_to_nearest_even_and_keeps_nan),
        cmocka_unit_test(parse_finds_supported_types_in_any_case_and_lists_them_otherwise),
        cmocka_unit_test(row_bytes_refuses_partial_blocks_and_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
