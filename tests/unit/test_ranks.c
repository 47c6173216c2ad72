/* test_ranks.c - Hodges-Lehmann estimates and their limits against all pairs, laid out and sorted.
 *
 * Expected values: tests/golden/statistics.jsonl, made by tools/golden/statistics_oracle.py,
 * which holds limits against SciPy's exact tests; tails in integers of any size.
 */
#include "results/stats/ranks.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "results/stats/order.h"
#include "tests/support/golden_values.h"

enum { MOST = 100 };

static void assert_estimate(struct estimate estimate, const struct json *one)
{
    assert_near(estimate.mean, golden_number(one, "mean"), 1e-13);
    assert_near(estimate.interval.low, golden_number(one, "low"), 1e-13);
    assert_near(estimate.interval.high, golden_number(one, "high"), 1e-13);
    assert_true(isnan(estimate.error));
}

static void check_one_sample(const struct json *one)
{
    double values[MOST];
    size_t n = golden_numbers(one, "values", values, MOST);
    struct estimate estimate = stats_hodges_lehmann(values, n);
    assert_estimate(estimate, one);
    assert_int_equal(estimate.n, n);
}

static void one_sample_equals_the_sorted_means_of_pairs(void **unused)
{
    (void)unused;
    golden_each("hodges_lehmann", check_one_sample);
    assert_true(isnan(stats_hodges_lehmann(NULL, 0).mean));
}

static void check_two_samples(const struct json *one)
{
    double a[MOST], b[MOST];
    size_t n_a = golden_numbers(one, "a", a, MOST), n_b = golden_numbers(one, "b", b, MOST);
    struct estimate estimate = stats_shift(a, n_a, b, n_b);
    assert_estimate(estimate, one);
    assert_int_equal(estimate.n, n_a + n_b);
    struct estimate back = stats_shift(b, n_b, a, n_a);
    assert_near(back.mean, -estimate.mean, 1e-13);
    assert_near(back.interval.low, -estimate.interval.high, 1e-13);
}

static void two_samples_equal_the_sorted_differences(void **unused)
{
    (void)unused;
    golden_each("shift", check_two_samples);
    double value = 1;
    assert_true(isnan(stats_shift(&value, 1, NULL, 0).mean));
}

static double *random_values(struct rng *rng, size_t n)
{
    double *values = mem_new_or_end(n, sizeof *values);
    for (size_t i = 0; i < n; i++) values[i] = rng_uniform(rng) - 0.5;
    return values;
}

/* A limit is that mean of a pair which leaves as many out as the exact distribution says. */
static void check_signed_rank_tail(const struct json *one)
{
    size_t n = golden_count(one, "n"), tail = golden_count(one, "tail"), n_pairs = 0;
    struct rng rng = {n};
    double *values = random_values(&rng, n);
    double *pairs = mem_new_or_end(n * (n + 1) / 2, sizeof *pairs);
    for (size_t i = 0; i < n; i++)
        for (size_t j = i; j < n; j++) pairs[n_pairs++] = (values[i] + values[j]) / 2;
    stats_sort(pairs, n_pairs);
    struct estimate estimate = stats_hodges_lehmann(values, n);
    assert_true(estimate.interval.low == pairs[tail - 1]);
    assert_true(estimate.interval.high == pairs[n_pairs - tail]);
    free(pairs);
    free(values);
}

static void limits_of_one_sample_are_exact_up_to_300(void **unused)
{
    (void)unused;
    golden_each("signed_rank_tail", check_signed_rank_tail);
}

static void check_rank_sum_tail(const struct json *one)
{
    size_t n_a = golden_count(one, "n_a"), n_b = golden_count(one, "n_b");
    size_t tail = golden_count(one, "tail"), n_pairs = 0;
    struct rng rng = {n_a};
    double *a = random_values(&rng, n_a), *b = random_values(&rng, n_b);
    double *pairs = mem_new_or_end(n_a * n_b, sizeof *pairs);
    for (size_t i = 0; i < n_a; i++)
        for (size_t j = 0; j < n_b; j++) pairs[n_pairs++] = b[j] - a[i];
    stats_sort(pairs, n_pairs);
    struct estimate estimate = stats_shift(a, n_a, b, n_b);
    assert_true(estimate.interval.low == pairs[tail - 1]);
    assert_true(estimate.interval.high == pairs[n_pairs - tail]);
    free(pairs);
    free(a);
    free(b);
}

static void limits_of_two_samples_are_exact(void **unused)
{
    (void)unused;
    golden_each("rank_sum_tail", check_rank_sum_tail);
}

/* Where the normal distribution takes over, the interval goes on as it was. */
static void many_values_have_the_limits_of_slightly_fewer(void **unused)
{
    (void)unused;
    enum { N = 301 };
    struct rng rng = {7};
    double *values = random_values(&rng, N), *others = random_values(&rng, N);
    struct estimate exact = stats_hodges_lehmann(values, N - 1);
    struct estimate normal = stats_hodges_lehmann(values, N);
    assert_near(normal.interval.low, exact.interval.low, 0.003);
    assert_near(normal.interval.high, exact.interval.high, 0.003);
    exact = stats_shift(values, 100, others, 100);
    normal = stats_shift(values, 101, others, 100);
    assert_near(normal.interval.low, exact.interval.low, 0.02);
    assert_near(normal.interval.high, exact.interval.high, 0.02);
    free(values);
    free(others);
}

static void an_estimate_of_zeros_has_no_sign(void **unused)
{
    (void)unused;
    double zeros[] = {-0.0, 0.0, -0.0, 0.0, -0.0, 0.0, -0.0, 0.0};
    struct estimate estimate = stats_hodges_lehmann(zeros, COUNT_OF(zeros));
    assert_true(estimate.mean == 0 && !signbit(estimate.mean));
    assert_true(!signbit(estimate.interval.low) && !signbit(estimate.interval.high));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_sample_equals_the_sorted_means_of_pairs),
        cmocka_unit_test(two_samples_equal_the_sorted_differences),
        cmocka_unit_test(limits_of_one_sample_are_exact_up_to_300),
        cmocka_unit_test(limits_of_two_samples_are_exact),
        cmocka_unit_test(many_values_have_the_limits_of_slightly_fewer),
        cmocka_unit_test(an_estimate_of_zeros_has_no_sign),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
