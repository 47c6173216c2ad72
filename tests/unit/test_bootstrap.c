/* test_bootstrap.c - intervals by resampling.
 *
 * Expected values: limits from 400,000 resamples of numpy's own generator (numpy 2.4.6), and
 * tests/golden/statistics.jsonl, made by tools/golden/statistics_oracle.py.
 */
#include "results/stats/bootstrap.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/golden_values.h"

enum { MOST = 100 };

static const double SPEEDS[] = {10.1, 9.8, 10.4, 10.0, 9.9, 10.2, 10.3, 9.7, 10.05, 10.15};
static const double DOUBLED[] = {
    19.9, 19.366666666666667, 20.633333333333333, 19.9, 19.766666666666666, 20.433333333333334,
    20.7, 19.566666666666666, 20.333333333333336, 20.6};

static void bootstrap_intervals_are_those_of_many_resamples(void **unused)
{
    (void)unused;
    struct interval median = stats_bootstrap_median(SPEEDS, 10, 20000, 1);
    assert_near(median.low, 9.9, 0.03);
    assert_near(median.high, 10.225, 0.03);
    struct interval ratio = stats_bootstrap_ratio(SPEEDS, 10, DOUBLED, 10, 20000, 1);
    assert_near(ratio.low, 0.48569, 0.002);
    assert_near(ratio.high, 0.51356, 0.002);
}

static void bootstrap_is_a_function_of_values_and_seed(void **unused)
{
    (void)unused;
    struct interval a = stats_bootstrap_mean(SPEEDS, 10, 500, 42);
    struct interval b = stats_bootstrap_mean(SPEEDS, 10, 500, 42);
    struct interval c = stats_bootstrap_mean(SPEEDS, 10, 500, 43);
    assert_memory_equal(&a, &b, sizeof a);
    assert_true(a.low != c.low || a.high != c.high);
}

static void bootstrap_of_nothing_is_not_a_number(void **unused)
{
    (void)unused;
    assert_true(isnan(stats_bootstrap_median(SPEEDS, 0, 100, 1).low));
    assert_true(isnan(stats_bootstrap_median(SPEEDS, 10, 0, 1).high));
    assert_true(isnan(stats_bootstrap_ratio(SPEEDS, 10, DOUBLED, 0, 100, 1).low));
    struct interval constant = stats_bootstrap_median(SPEEDS, 1, 100, 1);
    assert_true(constant.low == 10.1 && constant.high == 10.1);
}

static void check_mean(const struct json *one)
{
    double values[MOST];
    size_t n = golden_numbers(one, "values", values, MOST);
    struct interval interval = stats_bootstrap_mean(values, n, 20000, 1);
    assert_near(interval.low, golden_number(one, "low"), 0.01);
    assert_near(interval.high, golden_number(one, "high"), 0.01);
}

static void interval_of_a_mean_is_the_expanded_one_of_many_resamples(void **unused)
{
    (void)unused;
    golden_each("bootstrap_mean", check_mean);
    struct interval constant = stats_bootstrap_mean(SPEEDS, 1, 100, 1);
    assert_true(constant.low == 10.1 && constant.high == 10.1);
}

static void check_autocorrelation(const struct json *one)
{
    double values[MOST];
    size_t n = golden_numbers(one, "values", values, MOST);
    assert_near(stats_autocorrelation(values, n), golden_number(one, "lag_1"), 1e-13);
}

static void autocorrelation_equals_statsmodels(void **unused)
{
    (void)unused;
    golden_each("autocorrelation", check_autocorrelation);
    static const double equal[] = {2, 2, 2};
    assert_true(stats_autocorrelation(equal, 3) == 0);
    assert_true(isnan(stats_autocorrelation(equal, 1)));
}

static void check_blocks(const struct json *one)
{
    double values[MOST];
    size_t n = golden_numbers(one, "values", values, MOST), block = golden_count(one, "block");
    struct interval interval = stats_bootstrap_blocks(values, n, block, 50000, 1);
    assert_near(interval.low, golden_number(one, "low"), 0.03);
    assert_near(interval.high, golden_number(one, "high"), 0.03);
    struct interval again = stats_bootstrap_blocks(values, n, block, 500, 2);
    struct interval same = stats_bootstrap_blocks(values, n, block, 500, 2);
    assert_memory_equal(&again, &same, sizeof same);
}

static void blocks_give_the_interval_of_numpys_resamples(void **unused)
{
    (void)unused;
    golden_each("bootstrap_blocks", check_blocks);
}

static void blocks_need_values_and_a_size(void **unused)
{
    (void)unused;
    assert_true(isnan(stats_bootstrap_blocks(SPEEDS, 2, 1, 100, 1).low));
    assert_true(isnan(stats_bootstrap_blocks(SPEEDS, 10, 0, 100, 1).low));
    assert_true(isnan(stats_bootstrap_blocks(SPEEDS, 10, 10, 100, 1).low));
    static const double equal[] = {2, 2, 2, 2};
    struct interval constant = stats_bootstrap_blocks(equal, 4, 2, 100, 1);
    assert_true(constant.low == 2 && constant.high == 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bootstrap_intervals_are_those_of_many_resamples),
        cmocka_unit_test(bootstrap_is_a_function_of_values_and_seed),
        cmocka_unit_test(bootstrap_of_nothing_is_not_a_number),
        cmocka_unit_test(interval_of_a_mean_is_the_expanded_one_of_many_resamples),
        cmocka_unit_test(autocorrelation_equals_statsmodels),
        cmocka_unit_test(blocks_give_the_interval_of_numpys_resamples),
        cmocka_unit_test(blocks_need_values_and_a_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
