/* test_permutation.c - the pooled test against all signs, written out.
 *
 * Expected values: tests/golden/statistics.jsonl, made by tools/golden/statistics_oracle.py,
 * which holds a single suite against scipy.stats.permutation_test and scipy.stats.binomtest.
 */
#include "results/stats/permutation.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "results/stats/rates.h"
#include "tests/support/golden_values.h"

enum { MOST_SUITES = 4, MOST = 100 };

/* The suites of a case, and where their numbers lie. */
struct example {
    struct stats_differences suites[MOST_SUITES];
    double items[MOST_SUITES][MOST];
    uint32_t clusters[MOST_SUITES][MOST];
    size_t n_suites;
};

static void read_example(const struct json *one, struct example *example)
{
    const struct json *suites = json_get(one, "suites"), *clusters = json_get(one, "clusters");
    example->n_suites = json_length(suites);
    assert_in_range(example->n_suites, 1, MOST_SUITES);
    for (size_t i = 0; i < example->n_suites; i++) {
        struct stats_differences *suite = &example->suites[i];
        *suite = (struct stats_differences){.items = example->items[i]};
        suite->n = golden_read(json_at(suites, i), example->items[i], MOST);
        if (!clusters) continue;
        double ids[MOST];
        assert_int_equal(golden_read(json_at(clusters, i), ids, MOST), suite->n);
        for (size_t j = 0; j < suite->n; j++) example->clusters[i][j] = (uint32_t)ids[j];
        suite->cluster = example->clusters[i];
        suite->n_clusters = MOST;
    }
}

static void check_exact(const struct json *one)
{
    struct example example;
    read_example(one, &example);
    double p = stats_pooled_permutation(example.suites, example.n_suites, 10, 1);
    assert_near(p, golden_number(one, "p"), 1e-12);
}

static void few_differences_get_the_exact_p_of_all_signs(void **unused)
{
    (void)unused;
    golden_each("permutation", check_exact);
}

static void check_random(const struct json *one)
{
    struct example example;
    read_example(one, &example);
    double p = stats_pooled_permutation(example.suites, example.n_suites, 20000, 1);
    assert_near(p, golden_number(one, "p"), 0.008);
    assert_true(p == stats_pooled_permutation(example.suites, example.n_suites, 20000, 1));
    assert_true(p != stats_pooled_permutation(example.suites, example.n_suites, 20000, 2));
}

static void many_differences_get_the_p_of_random_signs(void **unused)
{
    (void)unused;
    golden_each("permutation_at_random", check_random);
}

static void one_suite_of_flips_has_mcnemars_p(void **unused)
{
    (void)unused;
    double items[60] = {0};
    for (size_t i = 0; i < 40; i++) items[i] = i < 13 ? -1 : 1;
    struct stats_differences suite = {.items = items, .n = COUNT_OF(items)};
    assert_near(stats_pooled_permutation(&suite, 1, 100000, 3), stats_mcnemar(13, 27), 0.003);
    suite.n = 19;
    assert_near(stats_pooled_permutation(&suite, 1, 0, 3), stats_mcnemar(13, 6), 1e-12);
}

static void nothing_that_differs_has_p_1(void **unused)
{
    (void)unused;
    static const double zeros[5];
    static const double opposite[] = {1, -1};
    struct stats_differences suites[] = {{.items = zeros, .n = 5}, {.items = opposite, .n = 2}};
    assert_true(stats_pooled_permutation(suites, 1, 100, 1) == 1);
    assert_true(stats_pooled_permutation(suites, 2, 100, 1) == 1);
    assert_true(stats_pooled_permutation(NULL, 0, 100, 1) == 1);
}

static void p_is_never_zero(void **unused)
{
    (void)unused;
    double items[50];
    for (size_t i = 0; i < COUNT_OF(items); i++) items[i] = 1;
    struct stats_differences suite = {.items = items, .n = COUNT_OF(items)};
    assert_near(stats_pooled_permutation(&suite, 1, 999, 1), 0.001, 1e-15);
}

/* Suites whose differences are noise reject as often as is said: 200 of them at 5%. */
static void noise_is_rejected_as_often_as_is_said(void **unused)
{
    (void)unused;
    enum { N_SUITES = 3, N = 30, N_TESTS = 200 };
    struct rng rng = {11};
    size_t n_rejected = 0;
    for (size_t test = 0; test < N_TESTS; test++) {
        double items[N_SUITES][N];
        struct stats_differences suites[N_SUITES];
        for (size_t i = 0; i < N_SUITES; i++) {
            for (size_t j = 0; j < N; j++) items[i][j] = rng_uniform(&rng) - 0.5;
            suites[i] = (struct stats_differences){.items = items[i], .n = N};
        }
        n_rejected += stats_pooled_permutation(suites, N_SUITES, 199, test) <= 0.05;
    }
    assert_in_range(n_rejected, 3, 19); /* 10 +- 3 standard deviations */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_differences_get_the_exact_p_of_all_signs),
        cmocka_unit_test(many_differences_get_the_p_of_random_signs),
        cmocka_unit_test(one_suite_of_flips_has_mcnemars_p),
        cmocka_unit_test(nothing_that_differs_has_p_1),
        cmocka_unit_test(p_is_never_zero),
        cmocka_unit_test(noise_is_rejected_as_often_as_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
