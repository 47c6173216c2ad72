/* test_stats.c - the formulas against another implementation.
 *
 * Expected values: Python 3.11, scipy 1.17.1, numpy 2.4.6: stats.binomtest(k, n).proportion_ci(
 * method="wilson"); stats.binomtest(min(b, c), b + c, 0.5).pvalue; numpy.quantile (its default is
 * type 7); stats.sem; the clustered error and the interval of the macro average by double loops
 * over the formulas in stats.h; bootstrap limits from 400,000 resamples of numpy's own generator.
 */
#include "results/stats/bootstrap.h"
#include "results/stats/means.h"
#include "results/stats/order.h"
#include "results/stats/rates.h"
#include "results/stats/several.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void assert_near(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%.17g is not within %g of %.17g", value, tolerance, expected);
}

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
    for (size_t i = 0; i < COUNT(cases); i++) {
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

static const double SCORES[] = {1, 0, 1, 1, 0, 0, 1, 1, 1, 0, 0.5, 0.25};
static const uint32_t CLUSTERS[] = {0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 3, 3};

static void clustered_error_equals_the_double_sum(void **unused)
{
    (void)unused;
    assert_near(stats_clustered_error(SCORES, NULL, 12, 0), 0.1380498647283479, 1e-15);
    assert_near(stats_clustered_error(SCORES, CLUSTERS, 12, 4), 0.11128606412386872, 1e-15);
}

static void clusters_of_one_change_nothing(void **unused)
{
    (void)unused;
    uint32_t each[12];
    for (uint32_t i = 0; i < 12; i++) each[i] = 11 - i;
    assert_near(stats_clustered_error(SCORES, each, 12, 12), 0.1380498647283479, 1e-15);
}

static void equal_clusters_leave_only_their_number(void **unused)
{
    (void)unused;
    /* Ten copies of each of four scores tell as much as about four scores: sqrt(10) more error. */
    double scores[40];
    uint32_t clusters[40];
    for (uint32_t i = 0; i < 40; i++) {
        clusters[i] = i / 10;
        scores[i] = i / 10 < 2;
    }
    double independent = stats_clustered_error(scores, NULL, 40, 0);
    double clustered = stats_clustered_error(scores, clusters, 40, 4);
    assert_near(independent, sqrt(0.25 / 39), 1e-15);
    assert_near(clustered, sqrt(0.25 / 39 + (4 * 25 - 10) / 1600.0), 1e-15);
}

static void one_score_has_no_error(void **unused)
{
    (void)unused;
    assert_true(isnan(stats_clustered_error(SCORES, NULL, 1, 0)));
    struct estimate one = stats_estimate(SCORES, CLUSTERS, 1, 1);
    assert_true(one.mean == 1 && one.n == 1 && isnan(one.error));
    assert_near(one.interval.low, 0.20654931437723745, 1e-14);
}

static void estimate_takes_wilson_for_right_and_wrong_only(void **unused)
{
    (void)unused;
    struct estimate binary = stats_estimate(SCORES, CLUSTERS, 10, 1);
    assert_near(binary.mean, 0.6, 1e-15);
    assert_near(binary.interval.low, stats_wilson(6, 10).low, 0);
    assert_near(binary.error, stats_clustered_error(SCORES, NULL, 10, 0), 0);
    struct estimate graded = stats_estimate(SCORES, CLUSTERS, 12, 4);
    assert_near(graded.mean, 0.5625, 1e-15);
    assert_near(graded.error, 0.11128606412386872, 1e-15);
    assert_near(graded.interval.low, 0.5625 - 3.1824463052837078 * 0.11128606412386872, 1e-14);
    assert_near(graded.interval.high, 0.5625 + 3.1824463052837078 * 0.11128606412386872, 1e-14);
}

static void student_is_that_of_tables(void **unused)
{
    (void)unused;
    /* scipy 1.17.1: stats.t.ppf(0.975, n) */
    static const struct {
        uint64_t n_free;
        double quantile;
    } ROWS[] = {{1, 12.706204736174694},    {2, 4.302652729749462},     {3, 3.182446305283708},
                {4, 2.7764451051977934},    {5, 2.570581835636314},     {10, 2.228138851986273},
                {30, 2.0422724563012378},   {79, 1.990450210230129},    {199, 1.9719565442517533},
                {200, 1.971896223633909},   {201, 1.971836506777618},   {250, 1.96949839342042},
                {1000, 1.9623390808264074}, {14041, 1.9601329520111466}};
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
        assert_near(stats_student(ROWS[i].n_free), ROWS[i].quantile, 1e-11);
    assert_true(isnan(stats_student(0)));
}

static void one_cluster_tells_nothing_of_the_error(void **unused)
{
    (void)unused;
    static const uint32_t same[12] = {0};
    struct estimate one = stats_mean_of_clusters(SCORES, same, 12, 1);
    assert_near(one.mean, 0.5625, 1e-15);
    assert_true(isnan(one.error) && isnan(one.interval.low) && isnan(one.interval.high));
    struct estimate four = stats_mean_of_clusters(SCORES, CLUSTERS, 12, 4);
    assert_near(four.interval.high, 0.5625 + 3.1824463052837078 * 0.11128606412386872, 1e-13);
}

static struct estimate part_of(uint64_t k, uint64_t n)
{
    double scores[100] = {0};
    for (uint64_t i = 0; i < k; i++) scores[i] = 1;
    return stats_estimate(scores, NULL, n, 1);
}

static void macro_average_recovers_the_variances_of_its_parts(void **unused)
{
    (void)unused;
    struct estimate parts[] = {part_of(3, 5), part_of(10, 10), part_of(20, 80)};
    struct estimate macro = stats_macro(parts, 3);
    assert_int_equal(macro.n, 95);
    assert_near(macro.mean, 0.6166666666666667, 1e-15);
    assert_near(macro.interval.low, 0.46028295229856114, 1e-14);
    assert_near(macro.interval.high, 0.7170718830717089, 1e-14);
    assert_near(macro.error, 0.08324890237616016, 1e-15);
    struct estimate alone = stats_macro(parts, 1);
    assert_near(alone.interval.low, parts[0].interval.low, 1e-15);
    assert_near(alone.interval.high, parts[0].interval.high, 1e-15);
}

static void quantiles_equal_numpys(void **unused)
{
    (void)unused;
    static const double values[] = {3.5, 1.25, 9, 7.75, 2, 2, 8.5, 4};
    static const double at[] = {0, 0.1, 0.25, 0.5, 0.75, 0.975, 1};
    static const double expected[] = {1.25, 1.775, 2, 3.75, 7.9375, 8.9125, 9};
    double copy[COUNT(values)];
    memcpy(copy, values, sizeof copy);
    for (size_t i = 0; i < COUNT(at); i++)
        assert_near(stats_quantile(copy, COUNT(copy), at[i]), expected[i], 1e-14);
    assert_memory_equal(copy, values, sizeof values); /* it sorts a copy */
    assert_near(stats_median(values, 8), 3.75, 0);
    assert_near(stats_median(values, 3), 3.5, 0);
    assert_near(stats_median(values, 1), 3.5, 0);
    assert_true(isnan(stats_median(values, 0)));
}

/* Of 1, 2 ... 100 the 41st and the 61st hold the median between them in 95% of all samples. */
static void the_interval_of_a_quantile_is_two_of_the_values(void **unused)
{
    (void)unused;
    double values[100];
    for (size_t i = 0; i < COUNT(values); i++) values[i] = (double)((i * 37) % 100 + 1);
    stats_sort(values, COUNT(values));
    for (size_t i = 0; i < COUNT(values); i++) assert_true(values[i] == (double)(i + 1));
    struct estimate median = stats_quantile_estimate(values, COUNT(values), 0.5);
    assert_near(median.mean, 50.5, 0);
    assert_near(median.interval.low, 41, 0);
    assert_near(median.interval.high, 61, 0);
    assert_true(isnan(median.error));
    assert_int_equal(median.n, 100);
    struct estimate largest = stats_quantile_estimate(values, COUNT(values), 1);
    assert_near(largest.mean, 100, 0);
    assert_near(largest.interval.low, 100, 0);
    assert_near(largest.interval.high, 100, 0);
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
    for (size_t i = 0; i < COUNT(cases); i++) {
        double tolerance = 1e-11 * cases[i].p;
        assert_near(stats_mcnemar(cases[i].b, cases[i].c), cases[i].p, tolerance);
        assert_near(stats_mcnemar(cases[i].c, cases[i].b), cases[i].p, tolerance);
    }
    assert_true(stats_mcnemar(0, 100000) == 0);
    assert_true(stats_mcnemar(49000, 51000) < 1e-9);
}

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
    struct interval mean = stats_bootstrap_mean(SPEEDS, 10, 20000, 1);
    assert_near(mean.low, 9.93, 0.01);
    assert_near(mean.high, 10.185, 0.01);
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
    assert_near(estimate.interval.low, -0.18 - 1.959963984540054 * estimate.error, 1e-9);
    assert_int_equal(estimate.n, 100);
    assert_true(stats_paired(0, 0, 5).error == 0);
}

static void holm_adjusts_in_steps_and_keeps_the_order(void **unused)
{
    (void)unused;
    double p[] = {0.01, 0.04, 0.03, 0.005, 0.8};
    static const double expected[] = {0.04, 0.09, 0.09, 0.025, 0.8};
    stats_holm(p, 5);
    for (size_t i = 0; i < 5; i++) assert_near(p[i], expected[i], 1e-15);
    double high[] = {0.6, 0.7};
    stats_holm(high, 2);
    assert_true(high[0] == 1 && high[1] == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wilson_interval_equals_scipys),
        cmocka_unit_test(wilson_interval_is_exact_at_the_borders),
        cmocka_unit_test(clustered_error_equals_the_double_sum),
        cmocka_unit_test(clusters_of_one_change_nothing),
        cmocka_unit_test(equal_clusters_leave_only_their_number),
        cmocka_unit_test(one_score_has_no_error),
        cmocka_unit_test(estimate_takes_wilson_for_right_and_wrong_only),
        cmocka_unit_test(student_is_that_of_tables),
        cmocka_unit_test(one_cluster_tells_nothing_of_the_error),
        cmocka_unit_test(macro_average_recovers_the_variances_of_its_parts),
        cmocka_unit_test(quantiles_equal_numpys),
        cmocka_unit_test(the_interval_of_a_quantile_is_two_of_the_values),
        cmocka_unit_test(mcnemar_equals_scipys_binomial_test),
        cmocka_unit_test(bootstrap_intervals_are_those_of_many_resamples),
        cmocka_unit_test(bootstrap_is_a_function_of_values_and_seed),
        cmocka_unit_test(bootstrap_of_nothing_is_not_a_number),
        cmocka_unit_test(paired_rates_have_the_error_of_their_differences),
        cmocka_unit_test(holm_adjusts_in_steps_and_keeps_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
