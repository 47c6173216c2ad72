/* test_change_points.c - changes of made series, beside those of Apache Otava.
 *
 * tests/golden/change_points.json is made by tools/golden/change_points.py, which says what the
 * library does otherwise: one line, which decides in the cases whose "released" is false.
 */
#include "results/stats/change_points.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"
#include "results/stats/distributions.h"

static const char FIXTURE[] = "tests/golden/change_points.json";

static struct json *read_fixture(const struct json **cases)
{
    struct err err = {0};
    struct json *root = json_read_file(FIXTURE, &err);
    if (!root) fail_msg("%s", err.message);
    *cases = json_get(root, "cases");
    assert_true(json_length(*cases) >= 50);
    return root;
}

static double number_of(const struct json *object, const char *key)
{
    return json_as_number(json_get(object, key), NAN);
}

static void assert_near(const char *what, double value, double wanted, double tolerance)
{
    if (!(fabs(value - wanted) <= tolerance) && !(isnan(value) && isnan(wanted)))
        fail_msg("%s: %.17g is not %.17g", what, value, wanted);
}

static void assert_same(const char *name, const struct change_point *point,
                        const struct json *wanted)
{
    double p = number_of(wanted, "p"), percent = number_of(wanted, "percent");
    if ((int64_t)point->index != json_as_integer(json_get(wanted, "index"), -1))
        fail_msg("%s: a change at %zu", name, point->index);
    assert_near(name, point->before, number_of(wanted, "before"), 1e-10);
    assert_near(name, point->after, number_of(wanted, "after"), 1e-10);
    assert_near(name, point->p_value, p, 1e-9 * p);
    assert_near(name, point->percent, percent, 1e-10);
}

static void check_case(const struct json *one)
{
    const struct json *list = json_get(one, "values"), *wanted = json_get(one, "points");
    const char *name = json_as_string(json_get(one, "name"), "?");
    const struct change_point_rules rules = {
        .window = (size_t)json_as_integer(json_get(one, "window"), 0),
        .max_p = number_of(one, "max_p"),
        .min_change = number_of(one, "min_change")};
    size_t n = json_length(list);
    double *values = mem_new(n, sizeof *values, NULL);
    struct change_point *points = mem_new(n, sizeof *points, NULL);
    assert_true(values && points && n > 0);
    for (size_t i = 0; i < n; i++) values[i] = json_as_number(json_at(list, i), NAN);
    size_t n_found = stats_change_points(values, n, &rules, points);
    if (n_found != json_length(wanted))
        fail_msg("%s: %zu changes, not %zu", name, n_found, json_length(wanted));
    for (size_t i = 0; i < n_found; i++) assert_same(name, &points[i], json_at(wanted, i));
    free(values);
    free(points);
}

static void changes_are_those_that_otava_finds(void **state)
{
    (void)state;
    const struct json *cases;
    struct json *root = read_fixture(&cases);
    for (size_t i = 0; i < json_length(cases); i++) check_case(json_at(cases, i));
    json_free(root);
}

/* With the library's own rules, which history has, all of these are as it is released. */
static void the_repaired_line_decides_only_under_looser_rules(void **state)
{
    (void)state;
    const struct json *cases;
    struct json *root = read_fixture(&cases);
    size_t n_own = 0;
    for (size_t i = 0; i < json_length(cases); i++) {
        const struct json *one = json_at(cases, i);
        if (number_of(one, "max_p") != CHANGE_POINT_RULES.max_p) continue;
        assert_true(json_as_bool(json_get(one, "released"), false));
        n_own++;
    }
    assert_true(n_own >= 30);
    json_free(root);
}

static void no_values_have_no_changes(void **state)
{
    (void)state;
    struct change_point none;
    assert_int_equal(stats_change_points(&(double){0}, 0, &CHANGE_POINT_RULES, &none), 0);
}

/* scipy 1.16.3: 2 * stats.t.sf(t, n_free). */
static void students_tails_equal_scipys(void **state)
{
    (void)state;
    static const struct {
        double t;
        uint64_t n_free;
        double p;
    } CASES[] = {
        {0, 1, 1},
        {1, 1, 0.49999999999999956},
        {12.7, 1, 0.050024327689344152},
        {2, 2, 0.18350341907227391},
        {1.96, 10, 0.07843624024769974},
        {0.1, 48, 0.9207608296789529},
        {5, 48, 8.0616651814710241e-06},
        {20, 48, 6.3350146399788962e-25},
        {60, 30, 8.3113096135322409e-33},
        {1.96, 1000000, 0.049996067585269782},
        {8, 3000, 1.7603665036110253e-15},
        {0.001, 7, 0.99923001724499882},
    };
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        double p = stats_student_p(CASES[i].t, CASES[i].n_free);
        assert_near("p", p, CASES[i].p, 1e-13 * (double)(1 + CASES[i].n_free) * CASES[i].p);
        assert_true(stats_student_p(-CASES[i].t, CASES[i].n_free) == p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_are_those_that_otava_finds),
        cmocka_unit_test(the_repaired_line_decides_only_under_looser_rules),
        cmocka_unit_test(no_values_have_no_changes),
        cmocka_unit_test(students_tails_equal_scipys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
