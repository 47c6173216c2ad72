/* test_order.c - medians and quantiles against numpy, and the intervals that order statistics give.
 *
 * Expected values: numpy 2.4.6, numpy.quantile (its default is type 7); of clusters from
 * tests/golden/statistics.jsonl, made by tools/golden/statistics_oracle.py.
 */
#include "results/stats/order.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/support/golden_values.h"

static void quantiles_equal_numpys(void **unused)
{
    (void)unused;
    static const double values[] = {3.5, 1.25, 9, 7.75, 2, 2, 8.5, 4};
    static const double at[] = {0, 0.1, 0.25, 0.5, 0.75, 0.975, 1};
    static const double expected[] = {1.25, 1.775, 2, 3.75, 7.9375, 8.9125, 9};
    double copy[COUNT_OF(values)];
    memcpy(copy, values, sizeof copy);
    for (size_t i = 0; i < COUNT_OF(at); i++)
        assert_near(stats_quantile(copy, COUNT_OF(copy), at[i]), expected[i], 1e-14);
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
    for (size_t i = 0; i < COUNT_OF(values); i++) values[i] = (double)((i * 37) % 100 + 1);
    stats_sort(values, COUNT_OF(values));
    for (size_t i = 0; i < COUNT_OF(values); i++) assert_true(values[i] == (double)(i + 1));
    struct estimate median = stats_quantile_estimate(values, COUNT_OF(values), 0.5);
    assert_near(median.mean, 50.5, 0);
    assert_near(median.interval.low, 41, 0);
    assert_near(median.interval.high, 61, 0);
    assert_true(isnan(median.error));
    assert_int_equal(median.n, 100);
    struct estimate largest = stats_quantile_estimate(values, COUNT_OF(values), 1);
    assert_near(largest.mean, 100, 0);
    assert_near(largest.interval.low, 100, 0);
    assert_near(largest.interval.high, 100, 0);
}

static void check_clusters(const struct json *one)
{
    enum { MOST = 100 };
    double values[MOST], ids[MOST];
    uint32_t cluster[MOST];
    size_t n = golden_numbers(one, "values", values, MOST);
    assert_int_equal(golden_numbers(one, "cluster", ids, MOST), n);
    for (size_t i = 0; i < n; i++) cluster[i] = (uint32_t)ids[i];
    struct estimate estimate = stats_clustered_quantile(
        values, cluster, n, golden_count(one, "n_clusters"), golden_number(one, "q"));
    assert_near(estimate.mean, golden_number(one, "mean"), 1e-13);
    assert_near(estimate.interval.low, golden_number(one, "low"), 0);
    assert_near(estimate.interval.high, golden_number(one, "high"), 0);
}

static void the_interval_of_a_clustered_quantile_has_the_double_sums_ranks(void **unused)
{
    (void)unused;
    golden_each("clustered_quantile", check_clusters);
}

static void one_cluster_counts_as_independent_values(void **unused)
{
    (void)unused;
    double values[100];
    uint32_t same[100] = {0};
    for (size_t i = 0; i < COUNT_OF(values); i++) values[i] = (double)((i * 37) % 100 + 1);
    struct estimate estimate = stats_clustered_quantile(values, same, COUNT_OF(values), 1, 0.5);
    assert_near(estimate.mean, 50.5, 0);
    assert_near(estimate.interval.low, 41, 0);
    assert_near(estimate.interval.high, 61, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_equal_numpys),
        cmocka_unit_test(the_interval_of_a_quantile_is_two_of_the_values),
        cmocka_unit_test(the_interval_of_a_clustered_quantile_has_the_double_sums_ranks),
        cmocka_unit_test(one_cluster_counts_as_independent_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
