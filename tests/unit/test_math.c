/* test_math.c - exp, tanh, log, sin and cos: errors against libm in long double, the ends of the
 * ranges, special values, and that no bit of any function has moved since its release.
 */
#include "engine/kernels/math.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rng.h"
#include "base/sha256.h"

#include <math.h>
#include <string.h>

enum { N_SAMPLES = 200000 };

static float float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t bits_of_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static double uniform(struct rng *rng, double low, double high)
{
    return low + (high - low) * rng_uniform(rng);
}

/* |actual - expected| in units of the last place of the nearest double. */
static double error_in_ulp(double actual, long double expected)
{
    int exponent;
    frexp((double)expected, &exponent);
    if (exponent < -1021) exponent = -1021;
    return (double)fabsl((long double)actual - expected) / ldexp(1.0, exponent - 53);
}

static void kernel_exp_is_within_one_part_in_2_to_23_of_exp(void **state)
{
    (void)state;
    double worst = 0.0;
    for (uint32_t bits = 0; bits <= UINT32_MAX - 97; bits += 97) {
        float x = float_of_bits(bits);
        if (!(x >= -87.33f && x <= 88.72f)) continue;
        double error = fabs((double)kernel_exp(x) / exp((double)x) - 1.0);
        if (error > worst) worst = error;
    }
    assert_true(worst > 0.0);
    assert_true(worst < 0x1p-23);
}

static void kernel_exp_has_sharp_ends(void **state)
{
    (void)state;
    assert_true(kernel_exp(-87.33f) >= 0x1p-126f);
    assert_true(kernel_exp(nextafterf(-87.33f, -88.0f)) == 0.0f);
    assert_true(isfinite(kernel_exp(88.72f)));
    assert_true(kernel_exp(nextafterf(88.72f, 89.0f)) == INFINITY);
    assert_true(kernel_exp(-INFINITY) == 0.0f);
    assert_true(kernel_exp(INFINITY) == INFINITY);
    assert_true(kernel_exp(-3e38f) == 0.0f);
    assert_true(kernel_exp(3e38f) == INFINITY);
    assert_true(isnan(kernel_exp(NAN)));
    assert_true(isnan(kernel_exp(-NAN)));
}

static void kernel_exp_of_both_zeros_and_of_subnormals_is_one(void **state)
{
    (void)state;
    assert_true(kernel_exp(0.0f) == 1.0f);
    assert_true(kernel_exp(-0.0f) == 1.0f);
    assert_true(kernel_exp(0x1p-149f) == 1.0f);
    assert_true(kernel_exp(-0x1p-149f) == 1.0f);
}

/* Between samples lie fewer values than one in 2^16, all signs and exponents are met. */
static void kernel_tanh_is_within_three_ulp_and_odd(void **state)
{
    (void)state;
    double worst = 0.0;
    for (uint32_t bits = 0; bits < 0x7f800000; bits += 257) {
        float x = float_of_bits(bits), y = kernel_tanh(x);
        double expected = tanh((double)x);
        double ulp = (double)nextafterf((float)expected, 2.0f) - (double)(float)expected;
        double error = fabs((double)y - expected) / ulp;
        if (error > worst) worst = error;
        assert_true(bits_of_float(kernel_tanh(-x)) == (bits_of_float(y) ^ 0x80000000));
    }
    assert_true(worst > 0.0);
    assert_true(worst < 3.0);
}

static void kernel_tanh_has_its_special_values(void **state)
{
    (void)state;
    assert_true(kernel_tanh(0.0f) == 0.0f && !signbit(kernel_tanh(0.0f)));
    assert_true(kernel_tanh(0x1p-149f) == 0x1p-149f);
    assert_true(kernel_tanh(10.0f) == 1.0f);
    assert_true(kernel_tanh(3e38f) == 1.0f);
    assert_true(kernel_tanh(INFINITY) == 1.0f);
    assert_true(kernel_tanh(-INFINITY) == -1.0f);
    assert_true(isnan(kernel_tanh(NAN)));
    assert_true(isnan(kernel_tanh(-NAN)));
}

static void math_exp_is_within_an_ulp_and_a_bit(void **state)
{
    (void)state;
    struct rng rng = {1};
    for (size_t i = 0; i < N_SAMPLES; i++) {
        double wide = uniform(&rng, -744.0, 709.7), near = uniform(&rng, -1.0, 1.0);
        assert_true(error_in_ulp(math_exp(wide), expl(wide)) < 1.25);
        assert_true(error_in_ulp(math_exp(near), expl(near)) < 1.25);
    }
}

static void math_exp_has_its_special_values(void **state)
{
    (void)state;
    assert_true(math_exp(0.0) == 1.0);
    assert_true(math_exp(-0.0) == 1.0);
    assert_true(math_exp(709.78) < INFINITY);
    assert_true(math_exp(709.785) == INFINITY);
    assert_true(math_exp(1e300) == INFINITY);
    assert_true(math_exp(INFINITY) == INFINITY);
    assert_true(math_exp(-745.13) == 0x1p-1074);
    assert_true(math_exp(-745.2) == 0.0);
    assert_true(math_exp(-1e300) == 0.0);
    assert_true(math_exp(-INFINITY) == 0.0);
    assert_true(isnan(math_exp(NAN)));
}

static void math_log_is_within_two_ulp_and_a_bit(void **state)
{
    (void)state;
    struct rng rng = {2};
    for (size_t i = 0; i < N_SAMPLES; i++) {
        double wide = exp(uniform(&rng, -744.0, 709.0)), near = uniform(&rng, 0.5, 2.0);
        double nearer = 1.0 + uniform(&rng, -1e-6, 1e-6), sum = uniform(&rng, 1.0, 200000.0);
        assert_true(error_in_ulp(math_log(wide), logl(wide)) < 2.5);
        assert_true(error_in_ulp(math_log(near), logl(near)) < 2.5);
        assert_true(error_in_ulp(math_log(nearer), logl(nearer)) < 2.5);
        assert_true(error_in_ulp(math_log(sum), logl(sum)) < 2.5);
    }
}

static void math_log_has_its_special_values(void **state)
{
    (void)state;
    assert_true(math_log(1.0) == 0.0);
    assert_true(math_log(0.0) == -INFINITY);
    assert_true(math_log(-0.0) == -INFINITY);
    assert_true(math_log(INFINITY) == INFINITY);
    assert_true(isnan(math_log(-1.0)));
    assert_true(isnan(math_log(-INFINITY)));
    assert_true(isnan(math_log(NAN)));
    assert_true(error_in_ulp(math_log(0x1p-1074), logl(0x1p-1074L)) < 2.5);
}

static void assert_sin_cos(double x)
{
    assert_true(error_in_ulp(math_sin(x), sinl(x)) < 2.5);
    assert_true(error_in_ulp(math_cos(x), cosl(x)) < 2.5);
}

static void math_sin_and_cos_are_within_two_ulp_and_a_bit(void **state)
{
    (void)state;
    struct rng rng = {3};
    for (size_t i = 0; i < N_SAMPLES; i++) {
        assert_sin_cos(uniform(&rng, -1e6, 1e6));
        assert_sin_cos(uniform(&rng, -7.0, 7.0));
    }
}

/* The angles of rotary position embeddings: position * base^(-2i / n). */
static void math_sin_and_cos_hold_for_the_angles_of_rotations(void **state)
{
    (void)state;
    for (size_t position = 0; position < 131072; position += 61) {
        for (size_t i = 0; i < 48; i += 5)
            assert_sin_cos((double)position * pow(10000.0, -(double)i / 48.0));
    }
}

static void math_sin_and_cos_hold_next_to_their_zeros(void **state)
{
    (void)state;
    const double quarter = 0x1.921fb54442d18p+0;
    for (int k = -600000; k <= 600000; k += 7) {
        double x = k * quarter;
        assert_sin_cos(x);
        assert_sin_cos(nextafter(x, 0.0));
    }
}

static void math_sin_and_cos_have_their_special_values(void **state)
{
    (void)state;
    assert_true(math_sin(0.0) == 0.0);
    assert_true(math_cos(0.0) == 1.0);
    assert_true(math_sin(-1.0) == -math_sin(1.0));
    assert_true(math_cos(-1.0) == math_cos(1.0));
    assert_true(isnan(math_sin(INFINITY)) && isnan(math_cos(-INFINITY)));
    assert_true(isnan(math_sin(NAN)) && isnan(math_cos(NAN)));
}

/* One value of every function per sample; the arguments use no libm. */
struct sample {
    double exp, log, sin, cos;
    float kernel_exp;
    uint32_t zero; /* no padding: all bytes are hashed */
};

/* The hash is that of the functions as first released, in the byte order of a little-endian
 * machine: another compiler, level of optimization or machine must give the same. If it changes, so
 * does ENGINE_NUMERICS_VERSION. */
static void no_bit_of_any_function_has_moved(void **state)
{
    (void)state;
    struct sha256 *hash = sha256_new(NULL);
    assert_non_null(hash);
    struct rng rng = {4};
    for (size_t i = 0; i < N_SAMPLES; i++) {
        double x = uniform(&rng, -100.0, 100.0), y = uniform(&rng, 0.0, 200000.0);
        struct sample sample = {math_exp(x), math_log(y),          math_sin(y),
                                math_cos(y), kernel_exp((float)x), 0};
        sha256_update(hash, &sample, sizeof sample);
    }
    char hex[SHA256_HEX_BYTES];
    sha256_finish(hash, hex);
    sha256_free(hash);
    assert_string_equal(hex, "c6eac2f4fb6385490acc5ccf90f7c9bbc6e926b88e8ce3837c6524c310540454");
}

static void no_bit_of_tanh_has_moved(void **state)
{
    (void)state;
    struct sha256 *hash = sha256_new(NULL);
    assert_non_null(hash);
    struct rng rng = {5};
    for (size_t i = 0; i < N_SAMPLES; i++) {
        float y = kernel_tanh((float)uniform(&rng, -12.0, 12.0));
        sha256_update(hash, &y, sizeof y);
    }
    char hex[SHA256_HEX_BYTES];
    sha256_finish(hash, hex);
    sha256_free(hash);
    assert_string_equal(hex, "347cc37e5e3388e3d113d5b8b401acbdc2c0cfbd388c142266f8e92d2908d9df");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernel_exp_is_within_one_part_in_2_to_23_of_exp),
        cmocka_unit_test(kernel_exp_has_sharp_ends),
        cmocka_unit_test(kernel_exp_of_both_zeros_and_of_subnormals_is_one),
        cmocka_unit_test(kernel_tanh_is_within_three_ulp_and_odd),
        cmocka_unit_test(kernel_tanh_has_its_special_values),
        cmocka_unit_test(math_exp_is_within_an_ulp_and_a_bit),
        cmocka_unit_test(math_exp_has_its_special_values),
        cmocka_unit_test(math_log_is_within_two_ulp_and_a_bit),
        cmocka_unit_test(math_log_has_its_special_values),
        cmocka_unit_test(math_sin_and_cos_are_within_two_ulp_and_a_bit),
        cmocka_unit_test(math_sin_and_cos_hold_for_the_angles_of_rotations),
        cmocka_unit_test(math_sin_and_cos_hold_next_to_their_zeros),
        cmocka_unit_test(math_sin_and_cos_have_their_special_values),
        cmocka_unit_test(no_bit_of_any_function_has_moved),
        cmocka_unit_test(no_bit_of_tanh_has_moved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
