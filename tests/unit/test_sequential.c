/* test_sequential.c - e-values and confidence sequences against the definitions in plain form.
 *
 * Expected values: tests/golden/statistics.jsonl, made by tools/golden/statistics_oracle.py.
 * Their error under peeking is simulated by tests/coverage.
 */
#include "results/stats/sequential.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "results/stats/rates.h"
#include "tests/support/golden_values.h"

enum { MOST = 400 };

static void check_evalue(const struct json *one)
{
    double expected = golden_number(one, "evalue");
    double evalue = stats_sign_evalue(golden_count(one, "n_positive"), golden_count(one, "n"));
    assert_near(evalue, expected, 1e-10 * expected);
}

static void sign_evalue_is_the_integral_over_all_rates(void **unused)
{
    (void)unused;
    golden_each("sign_evalue", check_evalue);
    assert_near(stats_sign_evalue(0, 0), 1, 1e-15);
    assert_near(stats_sign_evalue(30, 100), stats_sign_evalue(70, 100), 1e-12);
}

/* A fair bet: what the next sign makes of an e-value is on average what it was. */
static void sign_evalue_is_a_martingale(void **unused)
{
    (void)unused;
    for (uint64_t n = 0; n < 60; n++)
        for (uint64_t k = 0; k <= n; k++) {
            double next = (stats_sign_evalue(k, n + 1) + stats_sign_evalue(k + 1, n + 1)) / 2;
            assert_near(next / stats_sign_evalue(k, n), 1, 1e-12);
        }
}

static void eight_equal_signs_end_the_question(void **unused)
{
    (void)unused;
    assert_true(stats_sign_evalue(7, 7) < 20 && stats_sign_evalue(8, 8) > 20);
}

static void check_rate(const struct json *one)
{
    struct interval interval =
        stats_sequential_rate(golden_count(one, "k"), golden_count(one, "n"));
    assert_near(interval.low, golden_number(one, "low"), 1e-9);
    assert_near(interval.high, golden_number(one, "high"), 1e-9);
}

static void interval_of_a_rate_is_where_the_mixture_does_not_refute(void **unused)
{
    (void)unused;
    golden_each("sequential_rate", check_rate);
    struct interval nothing = stats_sequential_rate(0, 0);
    assert_true(nothing.low == 0 && nothing.high == 1);
}

static void interval_of_a_rate_holds_the_one_of_a_fixed_number(void **unused)
{
    (void)unused;
    for (uint64_t n = 5; n < 3000; n = n * 3 / 2)
        for (uint64_t k = 1; k < n; k += 1 + n / 10) {
            struct interval sequential = stats_sequential_rate(k, n), fixed = stats_wilson(k, n);
            assert_true(sequential.low <= fixed.low && sequential.high >= fixed.high);
        }
}

/* What nobody can refute at 5%: a rate that gives n failures with a probability of 5%. */
static void interval_without_successes_holds_the_exact_limit(void **unused)
{
    (void)unused;
    for (uint64_t n = 1; n < 3000; n = n * 3 / 2 + 1) {
        struct interval none = stats_sequential_rate(0, n), all = stats_sequential_rate(n, n);
        assert_true(none.low == 0 && none.high > 1 - pow(0.05, 1 / (double)n));
        assert_near(all.low, 1 - none.high, 1e-15);
        assert_true(all.high == 1);
    }
}

static void check_mean(const struct json *one)
{
    double scores[MOST];
    size_t n = golden_numbers(one, "scores", scores, MOST);
    struct interval interval = stats_sequential_mean(scores, n);
    assert_near(interval.low, golden_number(one, "low"), 1e-10);
    assert_near(interval.high, golden_number(one, "high"), 1e-10);
}

static void interval_of_a_mean_is_where_no_bettor_wins(void **unused)
{
    (void)unused;
    golden_each("sequential_mean", check_mean);
    struct interval nothing = stats_sequential_mean(NULL, 0);
    assert_true(nothing.low == 0 && nothing.high == 1);
}

static void interval_of_a_mean_mirrors_and_holds_the_mean(void **unused)
{
    (void)unused;
    double scores[MOST], mirrored[MOST], sum = 0;
    struct rng rng = {5};
    for (size_t n = 1; n <= MOST; n++) {
        scores[n - 1] = (double)rng_below(&rng, 5) / 4;
        mirrored[n - 1] = 1 - scores[n - 1];
        sum += scores[n - 1];
        struct interval there = stats_sequential_mean(scores, n);
        struct interval back = stats_sequential_mean(mirrored, n);
        assert_near(there.low, 1 - back.high, 1e-12);
        assert_true(there.low <= sum / (double)n && sum / (double)n <= there.high);
    }
}

/* Ten thousand equal scores: no capital overflows, and hardly any doubt is left. */
static void equal_scores_leave_a_narrow_interval(void **unused)
{
    (void)unused;
    static double scores[10000];
    for (size_t i = 0; i < 10000; i++) scores[i] = 0.25;
    struct interval interval = stats_sequential_mean(scores, 10000);
    assert_true(interval.low > 0.24 && interval.low <= 0.25);
    assert_true(interval.high < 0.26 && interval.high >= 0.25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sign_evalue_is_the_integral_over_all_rates),
        cmocka_unit_test(sign_evalue_is_a_martingale),
        cmocka_unit_test(eight_equal_signs_end_the_question),
        cmocka_unit_test(interval_of_a_rate_is_where_the_mixture_does_not_refute),
        cmocka_unit_test(interval_of_a_rate_holds_the_one_of_a_fixed_number),
        cmocka_unit_test(interval_without_successes_holds_the_exact_limit),
        cmocka_unit_test(interval_of_a_mean_is_where_no_bettor_wins),
        cmocka_unit_test(interval_of_a_mean_mirrors_and_holds_the_mean),
        cmocka_unit_test(equal_scores_leave_a_narrow_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
