/* test_metric.c - the table of metrics: names with and without suffix, the units of v_scores, and
 * what every suite stores.
 */
#include "results/metric.h"

#include "results/query.h"
#include "suites/mmlu.h"
#include "suites/mt_bench.h"
#include "suites/perplexity.h"
#include "suites/triviaqa.h"
#include "suites/vision_suites.h"
#include "tests/support/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void a_name_has_its_row_with_and_without_the_suffix(void **unused)
{
    (void)unused;
    assert_string_equal(metric_find("acc")->name, "acc");
    assert_string_equal(metric_find("acc_macro")->name, "acc");
    assert_string_equal(metric_find("acc_norm_macro")->name, "acc_norm");
    assert_string_equal(metric_find("ppl_reference")->name, "ppl_reference");
    assert_string_equal(metric_find("kld_p99.9")->name, "kld_p99.9");
    const char *const others[] = {"exact_match", "ac", "accuracy", "kld_p", "_macro", ""};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        const struct metric *metric = metric_find(others[i]);
        assert_null(metric->name);
        assert_int_equal(metric->kind, METRIC_OF_ANSWERS);
        assert_string_equal(metric_title(others[i]), others[i]);
    }
    assert_string_equal(metric_title("em_macro"), "exact match");
    assert_true(metric_is_macro("acc_macro") && !metric_is_macro("acc"));
    assert_false(metric_is_macro("_macro"));
    assert_true(metric_is_macro_of("acc_macro", "acc"));
    assert_false(metric_is_macro_of("acc_norm_macro", "acc"));
    assert_false(metric_is_macro_of("acc_macro", "acc_norm"));
    assert_false(metric_is_macro_of("acc", "acc"));
}

/* Stores a score of one half under the name, and as its macro average where there can be one: what
 * is compared with a reference has no subsets. The number of rows. */
static size_t put_scores(int64_t job, const char *name)
{
    struct err err = {0};
    const struct estimate half = {.mean = 0.5, .interval = {0.25, 1}, .n = 2};
    bool has_macro = metric_find(name)->kind != METRIC_OF_REFERENCE;
    char macro[64];
    snprintf(macro, sizeof macro, "%s" METRIC_MACRO, name);
    test_assert_done(store_put_score(test_store, job, name, &half, &err), &err);
    if (has_macro) test_assert_done(store_put_score(test_store, job, macro, &half, &err), &err);
    return 1 + has_macro;
}

static void v_scores_gives_the_unit_and_the_scale_of_every_metric(void **unused)
{
    (void)unused;
    struct err err = {0};
    int64_t job = test_new_job(test_new_run(), "q4_0", "f1", "data", "acc");
    size_t n = put_scores(job, "exact_match"), n_seen = 0;
    for (const struct metric *metric = METRICS; metric->name; metric++)
        if (metric->kind != METRIC_OF_SPEED) n += put_scores(job, metric->name);
    struct query *query = query_open(test_store, "SELECT metric, unit, score FROM v_scores", &err);
    test_assert_done(query != NULL, &err);
    for (; query_next(query, &err) > 0; n_seen++) {
        const struct metric *metric = metric_find(query_text(query, 0));
        if (strcmp(query_text(query, 1), metric->unit) != 0 ||
            query_number(query, 2) != 0.5 * metric->scale)
            fail_msg("%s is %g %s in v_scores and %g %s in the table", query_text(query, 0),
                     query_number(query, 2), query_text(query, 1), 0.5 * metric->scale,
                     metric->unit);
    }
    query_close(query);
    assert_int_equal(n_seen, n);
}

static void every_metric_of_a_suite_is_in_the_table(void **unused)
{
    (void)unused;
    const char *const names[] = {
        SUITE_MMLU.metric,     SUITE_MT_BENCH.metric, SUITE_PERPLEXITY.metric,
        SUITE_TRIVIAQA.metric, TRIVIAQA_F1,           TRIVIAQA_HIT};
    static const enum metric_kind kinds[] = {METRIC_OF_ANSWERS, METRIC_OF_JUDGES,
                                             METRIC_OF_TEXTS,   METRIC_OF_ANSWERS,
                                             METRIC_OF_ANSWERS, METRIC_OF_ANSWERS};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_non_null(metric_find(names[i])->name);
        assert_int_equal(metric_find(names[i])->kind, kinds[i]);
    }
    const char *const of_pictures[] = {
        SUITE_POPE.metric, SUITE_SCIENCEQA.metric, SUITE_TEXTVQA.metric, SCIENCEQA_IMAGE,
        POPE_F1,           POPE_PRECISION,         POPE_RECALL,          POPE_YES};
    for (size_t i = 0; i < sizeof of_pictures / sizeof of_pictures[0]; i++) {
        const struct metric *metric = metric_find(of_pictures[i]);
        assert_non_null(metric->name);
        assert_int_equal(metric->kind, METRIC_OF_ANSWERS);
        assert_int_equal(metric->is_f1, !strcmp(of_pictures[i], POPE_F1));
    }
}

static void rows_are_complete_and_names_unique(void **unused)
{
    (void)unused;
    for (const struct metric *metric = METRICS;; metric++) {
        assert_true(metric->heading && metric->axis && metric->unit && metric->counted);
        assert_true(metric->scale > 0 && metric->range.low < metric->range.high);
        assert_true(metric_is_percent(metric) == !strcmp(metric->unit, "percent"));
        if (!metric->name) break;
        assert_ptr_equal(metric_find(metric->name), metric);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_has_its_row_with_and_without_the_suffix),
        IN_TEST_STORE(v_scores_gives_the_unit_and_the_scale_of_every_metric),
        cmocka_unit_test(every_metric_of_a_suite_is_in_the_table),
        cmocka_unit_test(rows_are_complete_and_names_unique),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
