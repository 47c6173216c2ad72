/* test_rates.c - rates and their differences against other implementations.
 *
 * Expected values: Python 3.11, scipy 1.17.1: stats.binomtest(k, n).proportion_ci(method="wilson");
 * stats.binomtest(min(b, c), b + c, 0.5).pvalue; intervals of differences from
 * tests/golden/statistics.jsonl, made by tools/golden/statistics_oracle.py.
 */
#include "results/stats/rates.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/support/golden_values.h"

static void wilson_interval_equals_scipys(void **unused)
{
    (void)unused;
    static const struct {
        uint64_t k, n;
        double low, high;
    } cases[] = {
        {0, 10, 0, 0.27753279986288926},
        {10, 10, 0.7224672001371109, 1},
        {7, 10, 0.39677814746114526, 0.892208732593699},
        {5713, 14042, 0.3987522393759652, 0.41500046403667584},
        {1, 1, 0.20654931437723745, 1},
        {50, 100, 0.4038315303659956, 0.5961684696340044},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct interval interval = stats_wilson(cases[i].k, cases[i].n);
        assert_near(interval.low, cases[i].low, 1e-14);
        assert_near(interval.high, cases[i].high, 1e-14);
    }
}

static void wilson_interval_is_exact_at_the_borders(void **unused)
{
    (void)unused;
    for (uint64_t n = 1; n < 2000; n++) {
        assert_true(stats_wilson(0, n).low == 0);
        assert_true(stats_wilson(n, n).high == 1);
    }
    struct interval nothing = stats_wilson(0, 0);
    assert_true(nothing.low == 0 && nothing.high == 1);
}

static void paired_rates_have_the_error_of_their_differences(void **unused)
{
    (void)unused;
    /* The definition itself: 20 times -1, 2 times +1, 78 times 0. */
    double differences[100] = {0};
    for (int i = 0; i < 22; i++) differences[i] = i < 20 ? -1 : 1;
    double variance = 0;
    for (int i = 0; i < 100; i++) variance += (differences[i] + 0.18) * (differences[i] + 0.18);
    struct estimate estimate = stats_paired(20, 2, 100);
    assert_near(estimate.mean, -0.18, 1e-15);
    assert_near(estimate.error, sqrt(variance) / 100, 1e-15);
    assert_int_equal(estimate.n, 100);
    assert_true(stats_paired(0, 0, 5).error == 0);
}

static void check_paired(const struct json *one)
{
    double counts[3];
    assert_int_equal(golden_numbers(one, "counts", counts, 3), 3);
    struct estimate estimate =
        stats_paired((uint64_t)counts[0], (uint64_t)counts[1], (uint64_t)counts[2]);
    assert_near(estimate.interval.low, golden_number(one, "low"), 1e-13);
    assert_near(estimate.interval.high, golden_number(one, "high"), 1e-13);
}

static void interval_of_paired_rates_is_that_of_half_an_item_more_of_each_kind(void **unused)
{
    (void)unused;
    golden_each("paired", check_paired);
    struct estimate same = stats_paired(0, 0, 50), all = stats_paired(0, 3, 3);
    assert_true(same.interval.low < 0 && same.interval.high == -same.interval.low);
    assert_true(all.mean == 1 && all.interval.high == 1);
}

static void mcnemar_equals_scipys_binomial_test(void **unused)
{
    (void)unused;
    static const struct {
        uint64_t b, c;
        double p;
    } cases[] = {
        {0, 0, 1},
        {5, 5, 1},
        {3, 4, 1},
        {1, 7, 0.0703125},
        {0, 6, 0.03125},
        {10, 25, 0.016673847800120715},
        {120, 171, 0.0033087986331269033},
        {1000, 1100, 0.03072070786424249},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        double tolerance = 1e-11 * cases[i].p;
        assert_near(stats_mcnemar(cases[i].b, cases[i].c), cases[i].p, tolerance);
        assert_near(stats_mcnemar(cases[i].c, cases[i].b), cases[i].p, tolerance);
    }
    assert_true(stats_mcnemar(0, 100000) == 0);
    assert_true(stats_mcnemar(49000, 51000) < 1e-9);
}

static void check_newcombe(const struct json *one)
{
    double counts[4];
    assert_int_equal(golden_numbers(one, "counts", counts, 4), 4);
    struct estimate estimate = stats_newcombe((uint64_t)counts[0], (uint64_t)counts[1],
                                              (uint64_t)counts[2], (uint64_t)counts[3]);
    assert_near(estimate.mean, golden_number(one, "mean"), 1e-14);
    assert_near(estimate.error, golden_number(one, "error"), 1e-14);
    assert_near(estimate.interval.low, golden_number(one, "low"), 1e-12);
    assert_near(estimate.interval.high, golden_number(one, "high"), 1e-12);
}

static void newcombe_interval_equals_the_one_of_the_answers_themselves(void **unused)
{
    (void)unused;
    golden_each("newcombe", check_newcombe);
}

static void newcombe_interval_mirrors_where_base_and_candidate_are_exchanged(void **unused)
{
    (void)unused;
    struct estimate there = stats_newcombe(20, 12, 2, 16), back = stats_newcombe(20, 2, 12, 16);
    assert_near(there.mean, -back.mean, 0);
    assert_near(there.interval.low, -back.interval.high, 1e-15);
    assert_near(there.interval.high, -back.interval.low, 1e-15);
    assert_int_equal(there.n, 50);
}

static void newcombe_interval_stays_within_1_and_does_not_vanish(void **unused)
{
    (void)unused;
    for (uint64_t n = 1; n < 200; n++) {
        struct estimate opposite = stats_newcombe(0, 0, n, 0), same = stats_newcombe(n, 0, 0, 0);
        assert_true(opposite.mean == 1 && opposite.interval.high <= 1 + 1e-15);
        assert_true(same.interval.low < 0 && same.interval.high > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wilson_interval_equals_scipys),
        cmocka_unit_test(wilson_interval_is_exact_at_the_borders),
        cmocka_unit_test(paired_rates_have_the_error_of_their_differences),
        cmocka_unit_test(interval_of_paired_rates_is_that_of_half_an_item_more_of_each_kind),
        cmocka_unit_test(mcnemar_equals_scipys_binomial_test),
        cmocka_unit_test(newcombe_interval_equals_the_one_of_the_answers_themselves),
        cmocka_unit_test(newcombe_interval_mirrors_where_base_and_candidate_are_exchanged),
        cmocka_unit_test(newcombe_interval_stays_within_1_and_does_not_vanish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
