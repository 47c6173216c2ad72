/* test_logits.c - log-probabilities and the greedy choice: against long double arithmetic, at the
 * ends of ranges, with what is not a number, and that no bit has moved.
 */
#include "engine/tools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rng.h"

#include <math.h>

enum { N_VOCAB = 32064 };

/* Logits as a language model gives them: most in -10..10, from a fixed seed, without libm. */
static void fill_logits(float *logits, size_t n, uint64_t seed)
{
    struct rng rng = {seed};
    for (size_t i = 0; i < n; i++) logits[i] = (float)(20.0 * rng_uniform(&rng) - 10.0);
}

static long double expected_logprob(const float *logits, size_t n, int32_t id)
{
    long double sum = 0.0L;
    for (size_t i = 0; i < n; i++) sum += expl((long double)logits[i] - (long double)logits[id]);
    return -logl(sum);
}

static void logits_logprob_is_the_logarithm_of_softmax(void **state)
{
    (void)state;
    static float logits[N_VOCAB];
    for (uint64_t seed = 1; seed <= 5; seed++) {
        fill_logits(logits, N_VOCAB, seed);
        for (int32_t id = 0; id < N_VOCAB; id += 5003) {
            double expected = (double)expected_logprob(logits, N_VOCAB, id);
            assert_true(fabs(logits_logprob(logits, N_VOCAB, id) - expected) < 1e-12);
        }
    }
}

static void logits_logprobs_equals_one_by_one(void **state)
{
    (void)state;
    static float logits[N_VOCAB];
    fill_logits(logits, N_VOCAB, 6);
    const int32_t ids[] = {0, N_VOCAB - 1, 319, 350, 315, 319};
    double logprobs[6];
    logits_logprobs(logits, N_VOCAB, ids, 6, logprobs);
    for (size_t i = 0; i < 6; i++)
        assert_true(logprobs[i] == logits_logprob(logits, N_VOCAB, ids[i]));
}

static void logits_logprob_of_equal_logits_is_minus_log_n(void **state)
{
    (void)state;
    const float logits[] = {7.5f, 7.5f, 7.5f, 7.5f, 7.5f, 7.5f, 7.5f, 7.5f};
    for (int32_t id = 0; id < 8; id++)
        assert_true(fabs(logits_logprob(logits, 8, id) + log(8.0)) < 1e-15);
}

static void logits_logprob_survives_any_magnitude(void **state)
{
    (void)state;
    const float huge[] = {3e38f, -3e38f, 3e38f};
    assert_true(fabs(logits_logprob(huge, 3, 0) + log(2.0)) < 1e-15);
    assert_true(logits_logprob(huge, 3, 1) < -5e38);
    const float masked[] = {1.0f, -INFINITY, 1.0f};
    assert_true(fabs(logits_logprob(masked, 3, 2) + log(2.0)) < 1e-15);
    assert_true(logits_logprob(masked, 3, 1) == -INFINITY);
}

static void logits_logprob_of_a_certain_token_is_zero(void **state)
{
    (void)state;
    const float logits[] = {-800.0f, 0.0f, -900.0f};
    assert_true(logits_logprob(logits, 3, 1) == 0.0);
    assert_true(logits_logprob(logits, 3, 0) == -800.0);
    const float single[] = {-4.0f};
    assert_true(logits_logprob(single, 1, 0) == 0.0);
}

static void logits_logprob_is_nan_if_any_logit_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        float logits[] = {1.0f, 2.0f, 3.0f};
        logits[i] = NAN;
        for (int32_t id = 0; id < 3; id++) assert_true(isnan(logits_logprob(logits, 3, id)));
    }
}

/* The value is that of the first release: the same on every machine, or ENGINE_NUMERICS_VERSION
 * changes. */
static void logits_logprob_has_its_bits(void **state)
{
    (void)state;
    static float logits[N_VOCAB];
    fill_logits(logits, N_VOCAB, 7);
    assert_true(logits_logprob(logits, N_VOCAB, 12345) == -0x1.e523cdfe415ccp+3);
}

static void logits_argmax_prefers_the_lowest_id_among_equals(void **state)
{
    (void)state;
    const float logits[] = {-1.0f, 4.0f, 3.0f, 4.0f, -INFINITY};
    assert_int_equal(logits_argmax(logits, 5), 1);
    assert_int_equal(logits_argmax(logits + 2, 3), 1);
    assert_int_equal(logits_argmax(logits, 1), 0);
    const float zeros[] = {-0.0f, 0.0f};
    assert_int_equal(logits_argmax(zeros, 2), 0);
    const float masked[] = {-INFINITY, -INFINITY, -3e38f};
    assert_int_equal(logits_argmax(masked, 3), 2);
}

static long double expected_divergence(const float *x, const float *y, size_t n)
{
    long double sum = 0.0L;
    for (size_t i = 0; i < n; i++) {
        long double mine = expected_logprob(x, n, (int32_t)i);
        sum += expl(mine) * (mine - expected_logprob(y, n, (int32_t)i));
    }
    return sum;
}

static void logits_divergence_is_that_of_the_two_softmaxes(void **state)
{
    (void)state;
    enum { N = 300 };
    float x[N], y[N];
    for (uint64_t seed = 1; seed <= 20; seed++) {
        fill_logits(x, N, seed);
        fill_logits(y, N, seed + 100);
        if (seed % 2) /* close to each other, and shifted by a constant, which changes nothing */
            for (size_t i = 0; i < N; i++) y[i] = x[i] + 7.0F + y[i] / 1000.0F;
        double expected = (double)expected_divergence(x, y, N);
        double divergence = logits_divergence(x, y, N);
        assert_true(expected > 0);
        assert_true(fabs(divergence - expected) <= 1e-13 + 1e-12 * expected);
    }
}

static void logits_divergence_of_the_same_bits_is_exactly_zero(void **state)
{
    (void)state;
    static float x[N_VOCAB];
    for (uint64_t seed = 1; seed <= 5; seed++) {
        fill_logits(x, N_VOCAB, seed);
        assert_true(logits_divergence(x, x, N_VOCAB) == 0);
    }
    x[0] = -INFINITY; /* what cannot come adds nothing */
    assert_true(logits_divergence(x, x, N_VOCAB) == 0);
    x[0] = NAN;
    assert_true(isnan(logits_divergence(x, x, N_VOCAB)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_logprob_is_the_logarithm_of_softmax),
        cmocka_unit_test(logits_logprobs_equals_one_by_one),
        cmocka_unit_test(logits_logprob_of_equal_logits_is_minus_log_n),
        cmocka_unit_test(logits_logprob_survives_any_magnitude),
        cmocka_unit_test(logits_logprob_of_a_certain_token_is_zero),
        cmocka_unit_test(logits_logprob_is_nan_if_any_logit_is),
        cmocka_unit_test(logits_logprob_has_its_bits),
        cmocka_unit_test(logits_argmax_prefers_the_lowest_id_among_equals),
        cmocka_unit_test(logits_divergence_is_that_of_the_two_softmaxes),
        cmocka_unit_test(logits_divergence_of_the_same_bits_is_exactly_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
