/* test_pairs.c - two quantizations on the same questions: rates by what is right in one alone,
 * points of a judge by question; and the rows that MT-bench has in a report.
 */
#include "reports/pairs.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "reports/tables.h"
#include "results/stats/bootstrap.h"
#include "results/stats/rates.h"
#include "tests/support/store_fixture.h"

/* Four questions of two categories, both turns of each, with these points. */
static void add_mt_bench(int64_t run, const char *quantization, const double points[8])
{
    struct err err = {0};
    int64_t model, dataset, job;
    const struct model_record model_record = {
        .id = "mini", .quantization = quantization, .hash = quantization};
    const struct dataset_record dataset_record = {"mt_bench", "mt_bench", "d474", 8};
    test_assert_done(store_put_model(test_store, &model_record, &model, &err), &err);
    test_assert_done(store_put_dataset(test_store, &dataset_record, &dataset, &err), &err);
    const struct job_record record = {.run = run,
                                      .model = model,
                                      .dataset = dataset,
                                      .suite = "mt_bench",
                                      .protocol = "reference-match",
                                      .metric = "points",
                                      .fingerprint = quantization,
                                      .parameters_json = "{}",
                                      .n_items = 8};
    test_assert_done(store_put_job(test_store, &record, &job, &err), &err);
    for (int i = 0; i < 8; i++) {
        char key[16], groups[80];
        const char *category = i < 4 ? "math" : "writing";
        snprintf(key, sizeof key, "%d/%d", 81 + i / 2, 1 + i % 2);
        snprintf(groups, sizeof groups, "[[\"category\",\"%s\"],[\"turn\",\"%d\"]]", category,
                 1 + i % 2);
        const struct answer_record answer = {.key = key,
                                             .subset = category,
                                             .groups_json = groups,
                                             .response_json = "{}",
                                             .answered = true,
                                             .score = points[i],
                                             .predicted = ""};
        test_assert_done(store_put_answer(test_store, job, &answer, &err), &err);
    }
    test_assert_done(store_compute_scores(test_store, job, &err), &err);
}

static int64_t put_mt_bench(void)
{
    static const double base[8] = {9, 7, 8, 6, 5, 5, 4, 2}, other[8] = {8, 6, 8, 6, 2, 0, 4, 2};
    int64_t run = test_new_run();
    add_mt_bench(run, "f16", base);
    add_mt_bench(run, "q2_k", other); /* the second turn of question 83 has no judgment */
    return run;
}

static void points_are_compared_question_by_question(void **unused)
{
    (void)unused;
    struct err err = {0};
    int64_t run = put_mt_bench();
    struct report_pairs pairs;
    struct report_data *data = report_data_load(test_store, &run, 1, &err);
    test_assert_done(data && pairs_load(test_store, data, &pairs, &err), &err);
    assert_int_equal(pairs.n, 1);
    const struct report_pair *pair = &pairs.items[0];
    static const double changes[] = {-1, 0, -3, 0};
    struct interval interval = stats_bootstrap_mean(changes, 4, 1000, 1);
    assert_string_equal(pair->score->measure, "mt_bench, judged by the rule reference-match");
    assert_int_equal(pair->n, 7);
    assert_true(pair->change.mean == -1);
    assert_memory_equal(&pair->change.interval, &interval, sizeof interval);
    assert_true(isnan(pair->p));
    report_data_free(data);
}

static void rates_are_compared_by_what_is_right_in_one_alone(void **unused)
{
    (void)unused;
    struct err err = {0};
    int64_t run = test_new_run();
    int64_t base = test_new_job(run, "f16", "a", "data", "acc"),
            other = test_new_job(run, "q2_k", "b", "data", "acc");
    for (int i = 0; i < 10; i++) {
        char key[32];
        snprintf(key, sizeof key, "anatomy/%d", i);
        test_put_answer(base, key, "anatomy", TEST_ANATOMY, i < 7);
        test_put_answer(other, key, "anatomy", TEST_ANATOMY, i > 3 && i < 8);
    }
    test_assert_done(store_compute_scores(test_store, base, &err) &&
                         store_compute_scores(test_store, other, &err),
                     &err);
    struct report_pairs pairs;
    struct report_data *data = report_data_load(test_store, &run, 1, &err);
    test_assert_done(data && pairs_load(test_store, data, &pairs, &err), &err);
    assert_int_equal(pairs.n, 1);
    struct estimate change = stats_paired(4, 1, 10);
    assert_int_equal(pairs.items[0].only_base, 4);
    assert_int_equal(pairs.items[0].only_entry, 1);
    assert_true(pairs.items[0].change.mean == 100 * change.mean);
    assert_true(pairs.items[0].change.interval.low == 100 * change.interval.low);
    assert_true(pairs.items[0].p == stats_mcnemar(4, 1));
    report_data_free(data);
}

/* A category's name is no category of its own, and turns do not double its rows. */
static void categories_of_mt_bench_have_one_row_each_after_the_turns(void **unused)
{
    (void)unused;
    struct err err = {0};
    int64_t run = put_mt_bench();
    struct report_data *data = report_data_load(test_store, &run, 1, &err);
    test_assert_done(data != NULL, &err);
    struct table *table = tables_subsets(data, &data->scores[0], &err);
    struct buf csv = {0};
    test_assert_done(table != NULL, &err);
    table_csv(table, &csv);
    static const char *const rows[] = {"subset,n,model,f16,q2_k\nturn:1,4,mini,6.50 (",
                                       "turn:2,4,mini,5.00 (", "math,4,mini,7.50 (",
                                       "writing,4,mini,4.00 ("};
    assert_int_equal(table->n_rows, 4);
    for (size_t i = 0; i < 4; i++)
        if (!strstr(buf_string(&csv), rows[i])) fail_msg("no %s in %s", rows[i], buf_string(&csv));
    buf_free(&csv);
    report_data_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_TEST_STORE(points_are_compared_question_by_question),
        IN_TEST_STORE(rates_are_compared_by_what_is_right_in_one_alone),
        IN_TEST_STORE(categories_of_mt_bench_have_one_row_each_after_the_turns),
    };
    return cmocka_run_group_tests_name("pairs", tests, NULL, NULL);
}
