/* test_distributions.c - probabilities and quantiles against SciPy.
 *
 * Expected values: tests/golden/statistics.jsonl, made by tools/golden/statistics_oracle.py.
 */
#include "results/stats/distributions.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/support/golden_values.h"

static void check_quantile(const struct json *one)
{
    double expected = golden_number(one, "z");
    assert_near(stats_normal_quantile(golden_number(one, "p")), expected, 1e-12);
}

static void normal_quantiles_equal_scipys(void **unused)
{
    (void)unused;
    golden_each("normal_quantile", check_quantile);
    assert_true(stats_normal_quantile(0) == -INFINITY && stats_normal_quantile(1) == INFINITY);
    assert_true(isnan(stats_normal_quantile(-0.1)) && isnan(stats_normal_quantile(1.1)));
    assert_true(isnan(stats_normal_quantile(NAN)));
    assert_near(stats_normal_quantile(0.975), STATS_Z, 1e-15);
}

static void check_below(const struct json *one)
{
    double expected = golden_number(one, "p");
    assert_near(stats_normal_below(golden_number(one, "z")), expected, 1e-12 * expected);
}

static void normal_probabilities_equal_scipys_far_out_too(void **unused)
{
    (void)unused;
    golden_each("normal_below", check_below);
}

static void check_student(const struct json *one)
{
    assert_near(stats_student(golden_count(one, "n_free")), golden_number(one, "quantile"), 1e-11);
}

static void student_is_scipys(void **unused)
{
    (void)unused;
    golden_each("student", check_student);
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
    for (size_t i = 0; i < COUNT_OF(ROWS); i++)
        assert_near(stats_student(ROWS[i].n_free), ROWS[i].quantile, 1e-11);
    assert_true(isnan(stats_student(0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normal_quantiles_equal_scipys),
        cmocka_unit_test(normal_probabilities_equal_scipys_far_out_too),
        cmocka_unit_test(student_is_scipys),
        cmocka_unit_test(student_is_that_of_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
