/* test_power.c - what a comparison can see, against SciPy and statsmodels.
 *
 * Expected values: tests/golden/statistics.jsonl, made by tools/golden/statistics_oracle.py.
 */
#include "results/stats/power.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/golden_values.h"

static void what_is_detectable_is_seen_in_80_of_100(void **unused)
{
    (void)unused;
    assert_near(stats_detectable(1), 2.8015852181129683, 1e-14);
    assert_near(stats_power(stats_detectable(0.3), 0.3), 0.8, 1e-12);
    assert_near(stats_power(-stats_detectable(0.3), 0.3), 0.8, 1e-12);
    assert_true(isnan(stats_detectable(NAN)));
}

static void check_power(const struct json *one)
{
    double power = stats_power(golden_number(one, "difference"), golden_number(one, "error"));
    assert_near(power, golden_number(one, "power"), 1e-12);
}

static void power_equals_scipys_normal_distribution(void **unused)
{
    (void)unused;
    golden_each("power", check_power);
    assert_near(stats_power(0, 1), 0.025, 1e-12);
    assert_true(stats_power(0.1, 0) == 1 && stats_power(0, 0) == 0);
}

static void check_items(const struct json *one)
{
    uint64_t items = stats_items_needed(golden_number(one, "error"), golden_count(one, "n"),
                                        golden_number(one, "margin"));
    assert_int_equal(items, golden_count(one, "items"));
}

static void items_needed_are_those_of_statsmodels(void **unused)
{
    (void)unused;
    golden_each("items_needed", check_items);
    assert_int_equal(stats_items_needed(NAN, 10, 1), 0);
    assert_int_equal(stats_items_needed(0, 10, 1), 0);
    assert_true(stats_items_needed(1, 1000, 1e-12) == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_detectable_is_seen_in_80_of_100),
        cmocka_unit_test(power_equals_scipys_normal_distribution),
        cmocka_unit_test(items_needed_are_those_of_statsmodels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
