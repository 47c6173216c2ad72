/* test_open_book.c - what reading gained, from stored verdicts.
 *
 * Six questions; expected means were counted by hand, intervals come from results/stats.
 */
#include "reports/open_book.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reports/findings.h"
#include "results/stats/bootstrap.h"
#include "results/stats/rates.h"
#include "tests/support/store_fixture.h"

static int64_t new_job(int64_t run, const char *protocol, int shots, const char *parameters)
{
    struct err err = {0};
    int64_t model, dataset, job;
    struct model_record model_record = {.id = "mini", .quantization = "f16", .hash = "beef"};
    struct dataset_record dataset_record = {"triviaqa", "dev.json", "d474", 6};
    test_assert_done(store_put_model(test_store, &model_record, &model, &err), &err);
    test_assert_done(store_put_dataset(test_store, &dataset_record, &dataset, &err), &err);
    struct job_record record = {.run = run,
                                .model = model,
                                .dataset = dataset,
                                .suite = "triviaqa",
                                .protocol = protocol,
                                .metric = "em",
                                .fingerprint = protocol,
                                .parameters_json = parameters,
                                .shots = shots,
                                .n_items = 6};
    test_assert_done(store_put_job(test_store, &record, &job, &err), &err);
    return job;
}

static void put(int64_t job, int i, bool is_correct, double f1, int hit)
{
    char key[16], others[64];
    struct err err = {0};
    snprintf(key, sizeof key, "q/%d", i);
    if (hit < 0) snprintf(others, sizeof others, "{\"f1\":%g}", f1);
    else snprintf(others, sizeof others, "{\"f1\":%g,\"retrieval_hit\":%d}", f1, hit);
    struct answer_record answer = {.key = key,
                                   .response_json = "{}",
                                   .answered = true,
                                   .is_correct = is_correct,
                                   .score = is_correct,
                                   .predicted = "",
                                   .others_json = others};
    test_assert_done(store_put_answer(test_store, job, &answer, &err), &err);
}

/* Closed: 1 of 6 right. Open: 4 of 6, and 5 found. */
static int64_t put_pair(void)
{
    static const bool closed[] = {1, 0, 0, 0, 0, 0}, open[] = {0, 1, 1, 1, 1, 0};
    static const int hit[] = {1, 1, 1, 1, 0, 1};
    int64_t run = test_new_run();
    int64_t a = new_job(run, "phi3", 5, "{}"),
            b = new_job(run, "phi3-open-book-4x512", 5,
                        "{\"retrieval\":{\"top_k\":4,\"max_tokens\":512}}");
    for (int i = 5; i >= 0; i--) put(a, i, closed[i], closed[i] ? 1 : 0.25, -1);
    for (int i = 0; i < 6; i++) put(b, i, open[i], open[i] ? 1 : 0.5, hit[i]);
    new_job(run, "official-open-book", 5, "{}"); /* no closed book of these */
    new_job(run, "phi3-open-book", 0, "{}");
    return run;
}

static void closed_and_open_books_are_paired_question_by_question(void **unused)
{
    (void)unused;
    struct err err = {0};
    int64_t run = put_pair();
    struct report_data *data = report_data_load(test_store, &run, 1, &err);
    struct open_book *books;
    size_t n;
    assert_non_null(data);
    test_assert_done(open_book_load(test_store, data, &books, &n, &err), &err);
    assert_int_equal(n, 2);
    assert_string_equal(books[0].protocol, "phi3");
    assert_string_equal(books[0].metric, "em");
    assert_int_equal(books[0].top_k, 4);
    assert_true(fabs(books[0].closed - 1 / 6.0) < 1e-12);
    assert_true(fabs(books[0].open - 4 / 6.0) < 1e-12);
    assert_true(fabs(books[0].hit_rate - 5 / 6.0) < 1e-12);
    assert_true(fabs(books[0].open_hit - 3 / 5.0) < 1e-12);
    assert_true(books[0].open_miss == 1);
    struct estimate change = stats_paired(1, 4, 6);
    assert_memory_equal(&books[0].change.interval, &change.interval, sizeof change.interval);
    assert_true(books[0].p == stats_mcnemar(1, 4));

    static const double f1_changes[] = {-0.5, 0.75, 0.75, 0.75, 0.75, 0.25};
    struct interval interval = stats_bootstrap_mean(f1_changes, 6, 1000, 1);
    assert_string_equal(books[1].metric, "f1");
    assert_true(fabs(books[1].closed - 2.25 / 6) < 1e-12);
    assert_true(fabs(books[1].open - 5.0 / 6) < 1e-12);
    assert_true(fabs(books[1].change.mean - 2.75 / 6) < 1e-12);
    assert_true(isnan(books[1].p));
    assert_true(books[1].change.interval.low >= -0.5 && interval.high <= 0.75);

    struct table *table = tables_open_book(data, books, n, &err);
    struct buf csv = {0};
    table_csv(table, &csv);
    assert_non_null(strstr(buf_string(&csv), "mini,f16,triviaqa,phi3,5,\"4 passages, 512 tokens\","
                                             "em,6,16.67,66.67,+50.00,"));
    assert_non_null(strstr(buf_string(&csv), ",0.375,83.33,60.00,100.00"));
    buf_free(&csv);

    struct findings findings = {.n = 0};
    test_assert_done(findings_add_open_book(data, books, n, &findings, &err), &err);
    assert_int_equal(findings.n, 1);
    assert_string_equal(findings.items[0].claim, "An open book does not help beyond chance.");
    assert_non_null(strstr(findings.items[0].text, "Right (exact match) of 6 questions (triviaqa, "
                                                   "phi3, 5 shots, f16) without and with 4 "));
    assert_non_null(strstr(findings.items[0].text, "mini 16.7% and 66.7%, +50.0 points (95% "));
    assert_non_null(strstr(findings.items[0].text, "for 83.3% of the questions"));

    books[0].change.interval = (struct interval){.low = -0.3, .high = -0.1};
    test_assert_done(findings_add_open_book(data, books, n, &findings, &err), &err);
    assert_string_equal(findings.items[1].claim, "An open book distracts.");
    books[0].change.interval = (struct interval){.low = 0.1, .high = 0.3};
    test_assert_done(findings_add_open_book(data, books, n, &findings, &err), &err);
    assert_string_equal(findings.items[2].claim, "An open book gives the facts back.");
    for (int i = 0; i < 9; i++)
        test_assert_done(findings_add_open_book(data, books, n, &findings, &err), &err);
    assert_int_equal(findings.n, 12);
    assert_string_equal(findings.items[11].claim, findings.items[2].claim);
    report_data_free(data);
}

static void runs_without_an_open_book_have_nothing_to_say(void **unused)
{
    (void)unused;
    struct err err = {0};
    int64_t run = test_new_run();
    put(new_job(run, "phi3", 5, "{}"), 0, true, 1, -1);
    struct report_data *data = report_data_load(test_store, &run, 1, &err);
    struct findings findings = {.n = 0};
    struct open_book *books;
    size_t n;
    test_assert_done(open_book_load(test_store, data, &books, &n, &err), &err);
    assert_int_equal(n, 0);
    assert_true(findings_add_open_book(data, books, n, &findings, &err));
    assert_int_equal(findings.n, 0);
    assert_int_equal(tables_open_book(data, books, n, &err)->n_rows, 0);
    report_data_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_TEST_STORE(closed_and_open_books_are_paired_question_by_question),
        IN_TEST_STORE(runs_without_an_open_book_have_nothing_to_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
