/* test_store_scores.c - from verdicts to rows of `score`, and what the views make of them.
 *
 * Expected intervals come from results/stats, which has tests of its own against scipy.
 */
#include "results/store.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "results/early_stop.h"
#include "results/query.h"
#include "results/stats/rates.h"
#include "results/stats/sequential.h"
#include "tests/support/store_fixture.h"

static void compute_scores(int64_t job)
{
    struct err err = {0};
    test_assert_done(store_compute_scores(test_store, job, &err), &err);
}

/* Compares one row of v_scores with rates, in percent. */
static void assert_score(const char *subset, const char *metric, double score, double low,
                         double high, int n)
{
    struct err err = {0};
    struct query *query = query_open(
        test_store, "SELECT score, low, high, n FROM v_scores WHERE subset = ? AND metric = ?",
        &err);
    assert_non_null(query);
    query_bind_text(query, 1, subset);
    query_bind_text(query, 2, metric);
    assert_int_equal(query_next(query, &err), 1);
    const double expected[] = {100 * score, 100 * low, 100 * high, n};
    for (int i = 0; i < 4; i++)
        if (!(fabs(query_number(query, i) - expected[i]) < 1e-9))
            fail_msg("%s %s column %d: %.12g, not %.12g", subset, metric, i, query_number(query, i),
                     expected[i]);
    assert_int_equal(query_next(query, &err), 0);
    query_close(query);
}

static void scores_are_given_for_the_whole_and_every_group(void **unused)
{
    (void)unused;
    int64_t job = test_new_job(test_new_run(), "q4_0", "f1", "data", "acc");
    test_put_four_answers(job);
    compute_scores(job);
    compute_scores(job); /* replaces */
    test_assert_rows("SELECT subset, metric, n FROM v_scores ORDER BY subset, metric",
                     "|acc|4\n|acc_macro|4\nanatomy|acc|3\ncategory:other|acc|4\nother|acc|1\n"
                     "subcategory:health|acc|3\nsubcategory:other|acc|1");
    struct interval two_of_four = stats_wilson(2, 4), two_of_three = stats_wilson(2, 3);
    struct interval none_of_one = stats_wilson(0, 1);
    assert_score("", "acc", 0.5, two_of_four.low, two_of_four.high, 4);
    assert_score("category:other", "acc", 0.5, two_of_four.low, two_of_four.high, 4);
    assert_score("anatomy", "acc", 2 / 3.0, two_of_three.low, two_of_three.high, 3);
    assert_score("subcategory:other", "acc", 0, 0, none_of_one.high, 1);
    double down = 2 / 3.0 - two_of_three.low;
    double up = hypot(two_of_three.high - 2 / 3.0, none_of_one.high);
    assert_score("", "acc_macro", 1 / 3.0, 1 / 3.0 - down / 2, 1 / 3.0 + up / 2, 4);
    test_assert_rows(
        "SELECT DISTINCT run, model, params, quantization, bytes, suite, protocol, shots "
        "FROM v_scores",
        "1|phi-3-mini|3821079552|q4_0|2000000000|mmlu|hendrycks|5");
}

static void standard_errors_are_clustered_by_the_first_level(void **unused)
{
    (void)unused;
    int64_t job = test_new_job(test_new_run(), "q4_0", "f1", "data", "acc");
    test_put_four_answers(job);
    compute_scores(job);
    /* Deviations from 1/2: anatomy +, -, +, in sum 1/2; other -1/2. So the squared error is
     * 2 (1/4 + 1/4) / 16 = 6/96. */
    test_assert_rows(
        "SELECT round(error * error * 96, 9) FROM score WHERE depth = 0 AND metric = 'acc'", "6.0");
    test_assert_rows("SELECT error IS NULL FROM score WHERE depth = 1 AND name = 'other'", "1");
}

static void points_are_shown_as_points(void **unused)
{
    (void)unused;
    int64_t job = test_new_job(test_new_run(), "q4_0", "f1", "data", "points");
    test_put_answer(job, "w/1", "writing", "[[\"category\",\"writing\"]]", 8);
    test_put_answer(job, "w/2", "writing", "[[\"category\",\"writing\"]]", 9);
    compute_scores(job);
    /* Two turns of one question: nothing is known of other questions. */
    assert_score("", "points", 0.085, 0.01, 0.1, 2);
    test_assert_rows("SELECT count(*) FROM score WHERE error IS NOT NULL", "0");
    job = test_new_job(test_new_run(), "q8_0", "f2", "data", "points");
    test_put_answer(job, "w/1", "writing", "[[\"category\",\"writing\"]]", 5);
    test_put_answer(job, "x/1", "writing", "[[\"category\",\"writing\"]]", 5.125);
    compute_scores(job);
    /* Two questions: sd 0.0884, error 0.0625, and Student's quantile of one degree of freedom. */
    char range[64];
    snprintf(range, sizeof range, "%.9f|%.9f", 5.0625 - 12.706204736174707 * 0.0625,
             5.0625 + 12.706204736174707 * 0.0625);
    test_assert_rows("SELECT printf('%.9f', low), printf('%.9f', high) FROM score WHERE depth = 0 "
                     "AND metric = 'points' AND job = (SELECT max(id) FROM job)",
                     range);
}

/* An answer with further metrics, of a source. */
static void put_other_metrics(int64_t job, const char *key, double em, const char *others)
{
    const char *groups = key[0] == 'a' ? "[[\"source\",\"a\"]]" : "[[\"source\",\"b\"]]";
    struct err err = {0};
    struct answer_record answer = {.key = key,
                                   .groups_json = groups,
                                   .response_json = "{}",
                                   .answered = true,
                                   .is_correct = em == 1,
                                   .score = em,
                                   .predicted = "",
                                   .others_json = others};
    test_assert_done(store_put_answer(test_store, job, &answer, &err), &err);
}

static void further_metrics_have_scores_of_their_own(void **unused)
{
    (void)unused;
    int64_t job = test_new_job(test_new_run(), "q4_0", "f1", "data", "em");
    put_other_metrics(job, "a/1", 1, "{\"f1\":1,\"hit\":1}");
    put_other_metrics(job, "a/2", 0, "{\"f1\":0.5,\"hit\":0}");
    put_other_metrics(job, "b/1", 0, "{\"f1\":0.25,\"hit\":null}");
    put_other_metrics(job, "b/2", 0, NULL);
    compute_scores(job);
    test_assert_rows("SELECT level, name, metric, round(score, 4), n FROM score "
                     "ORDER BY metric, depth, name",
                     "||em|0.25|4\nsource|a|em|0.5|2\nsource|b|em|0.0|2\n||em_macro|0.25|4\n"
                     "||f1|0.5833|3\nsource|a|f1|0.75|2\nsource|b|f1|0.25|1\n||f1_macro|0.5|3\n"
                     "||hit|0.5|2\nsource|a|hit|0.5|2\n||hit_macro|0.5|2");
    assert_score("b", "f1", 0.25, 0, 1, 1); /* of one score nothing is known */
    /* Sources are no clusters: the error is that of independent scores: (3/16) * (4/3) / 4. */
    test_assert_rows("SELECT round(error * error, 9) FROM score WHERE depth = 0 AND metric = 'em'",
                     "0.0625");
    test_assert_rows("SELECT item, score, others FROM v_items ORDER BY item LIMIT 2",
                     "a/1|1.0|{\"f1\":1,\"hit\":1}\na/2|0.0|{\"f1\":0.5,\"hit\":0}");
}

static void put_yes_or_no(int64_t job, const char *key, double score, const char *others)
{
    struct err err = {0};
    const struct answer_record answer = {.key = key,
                                         .file = "f",
                                         .line = 1,
                                         .subset = "random",
                                         .expected = "yes",
                                         .groups_json = "[[\"split\",\"random\"]]",
                                         .response_json = "{}",
                                         .answered = true,
                                         .score = score,
                                         .predicted = "yes",
                                         .others_json = others};
    test_assert_done(store_put_answer(test_store, job, &answer, &err), &err);
}

/* Two pictures: of the one 2 found and 1 missed, of the other 1 found wrongly and 1 rightly not.
 * The errors are worked out by hand after means.h. */
static void f1_is_of_counts_and_its_error_clustered_by_picture(void **unused)
{
    (void)unused;
    int64_t job = test_new_job(test_new_run(), "q4_0", "f1", "data", "acc");
    put_yes_or_no(job, "a/random/1", 1, "{\"yes_f1\":1,\"yes_precision\":1,\"yes_recall\":1}");
    put_yes_or_no(job, "a/random/2", 1, "{\"yes_f1\":1,\"yes_precision\":1,\"yes_recall\":1}");
    put_yes_or_no(job, "a/random/3", 0, "{\"yes_f1\":0,\"yes_recall\":0}");
    put_yes_or_no(job, "b/random/1", 0, "{\"yes_f1\":0,\"yes_precision\":0}");
    put_yes_or_no(job, "b/random/2", 1, NULL);
    compute_scores(job);
    /* Precision and recall are 2/3; half of the four say the same: sums from 1/2 are 1/2, -1/2. */
    test_assert_rows("SELECT metric, round(score, 9), n, round(error * error, 9) FROM score "
                     "WHERE depth = 0 AND metric LIKE 'yes%' AND metric NOT LIKE '%macro' "
                     "ORDER BY metric",
                     "yes_f1|0.666666667|4|0.049382716\nyes_precision|0.666666667|3|0.197530864\n"
                     "yes_recall|0.666666667|3|0.111111111");
}

static void what_is_no_number_is_not_stored(void **unused)
{
    (void)unused;
    struct err err = {0};
    int64_t job = test_new_job(test_new_run(), "q4_0", "f1", "data", "acc");
    struct estimate estimates[] = {{.mean = NAN, .interval = {0, 1}},
                                   {.mean = INFINITY, .interval = {0, 1}},
                                   {.mean = 0.5, .interval = {NAN, 1}},
                                   {.mean = 0.5, .interval = {0, INFINITY}}};
    for (size_t i = 0; i < sizeof estimates / sizeof *estimates; i++) {
        assert_false(store_put_score(test_store, job, "ppl", &estimates[i], &err));
        assert_int_equal(err.code, ERR_INPUT);
        assert_string_equal(err.message, "the score ppl of the job is no number");
        assert_string_equal(err.file, ""); /* it is no fault of the store */
    }
    struct speed_record speed = {
        .test = "decode", .isa = "scalar", .duration_ns = 1, .tokens_per_s = INFINITY};
    assert_false(store_put_speed(test_store, job, &speed, &err));
    test_assert_rows("SELECT count(*) FROM score", "0");
    test_assert_rows("SELECT count(*) FROM speed_sample", "0");
    /* An error may be unknown, and the same statements serve what is a number. */
    struct estimate one = {.mean = 0.5, .interval = {0, 1}, .error = NAN, .n = 1};
    test_assert_done(store_put_score(test_store, job, "ppl", &one, &err), &err);
    test_assert_rows("SELECT score, error FROM score", "0.5|NULL");
}

static void scores_do_not_depend_on_the_order_of_storing(void **unused)
{
    (void)unused;
    int64_t run = test_new_run(), forth = test_new_job(run, "q4_0", "f1", "data", "f1");
    int64_t back = test_new_job(run, "q8_0", "f2", "data", "f1");
    char key[16];
    for (int i = 0; i < 50; i++) {
        snprintf(key, sizeof key, "k/%d", i);
        test_put_answer(forth, key, "k", i % 3 ? TEST_ANATOMY : TEST_OTHER, 1.0 / (i + 2));
        snprintf(key, sizeof key, "k/%d", 49 - i);
        test_put_answer(back, key, "k", (49 - i) % 3 ? TEST_ANATOMY : TEST_OTHER, 1.0 / (51 - i));
    }
    compute_scores(forth);
    compute_scores(back);
    test_assert_rows(
        "SELECT count(*) FROM score a JOIN score b USING (depth, level, name, metric, score, "
        "low, high, error, n) WHERE a.job < b.job",
        "7");
}

static void items_are_shown_with_their_verdicts(void **unused)
{
    (void)unused;
    test_put_four_answers(test_new_job(test_new_run(), "q4_0", "f1", "data", "acc"));
    test_assert_rows("SELECT * FROM v_items WHERE item IN ('anatomy/2', 'anatomy/3')",
                     "1|phi-3-mini|q4_0|mmlu|anatomy|anatomy/2|0|A|C|0.25|hendrycks|5|0.0|NULL\n"
                     "1|phi-3-mini|q4_0|mmlu|anatomy|anatomy/3|1|C|C|0.25|hendrycks|5|1.0|NULL");
}

static void jobs_on_the_same_questions_are_compared_item_by_item(void **unused)
{
    (void)unused;
    int64_t run = test_new_run(), a = test_new_job(run, "q4_0", "f1", "data", "acc");
    int64_t b = test_new_job(run, "q8_0", "f2", "elsewhere", "acc"); /* the same hash */
    test_put_four_answers(a);
    test_put_answer(b, "anatomy/1", "anatomy", TEST_ANATOMY, 1);
    test_put_answer(b, "anatomy/2", "anatomy", TEST_ANATOMY, 1);
    test_put_answer(b, "anatomy/3", "anatomy", TEST_ANATOMY, 0);
    test_put_answer(b, "other/1", "other", TEST_OTHER, 1);
    test_put_answer(b, "other/2", "other", TEST_OTHER, 1);
    test_assert_rows("SELECT * FROM v_compare ORDER BY quantization_a",
                     "mmlu|hendrycks|5|acc|1|phi-3-mini|q4_0|1|phi-3-mini|q8_0|4|1|1|2|25.0\n"
                     "mmlu|hendrycks|5|acc|1|phi-3-mini|q8_0|1|phi-3-mini|q4_0|4|1|2|1|-25.0");
}

static void end_early(int64_t job, int64_t n_items)
{
    struct err err = {0};
    test_assert_done(store_end_early(test_store, job, n_items, &err), &err);
}

static void a_job_that_ended_early_has_intervals_that_hold_whenever_one_stops(void **unused)
{
    (void)unused;
    int64_t job = test_new_job(test_new_run(), "q4_0", "f1", "data", "acc");
    test_put_four_answers(job);
    end_early(job, 4);
    compute_scores(job);
    struct interval two_of_four = stats_sequential_rate(2, 4);
    struct interval two_of_three = stats_sequential_rate(2, 3);
    assert_score("", "acc", 0.5, two_of_four.low, two_of_four.high, 4);
    assert_score("anatomy", "acc", 2 / 3.0, two_of_three.low, two_of_three.high, 3);
    end_early(job, 0);
    compute_scores(job);
    two_of_four = stats_wilson(2, 4);
    assert_score("", "acc", 0.5, two_of_four.low, two_of_four.high, 4);
}

/* What a bettor bets depends on what came before: shares count in the order of asking. */
static void shares_of_a_job_that_ended_early_count_in_the_order_of_asking(void **unused)
{
    (void)unused;
    enum { N = 12 };
    int64_t job = test_new_job(test_new_run(), "q4_0", "f1", "data", "acc");
    uint64_t ranks[N];
    double scores[N], in_order[N], sum = 0;
    char key[32];
    for (int i = 0; i < N; i++) {
        snprintf(key, sizeof key, "anatomy/%d", i);
        ranks[i] = early_stop_rank("d474", key);
        sum += scores[i] = (double)i / (N - 1);
        test_put_answer(job, key, "anatomy", TEST_ANATOMY, scores[i]);
    }
    for (int i = 0; i < N; i++) {
        int place = 0;
        for (int k = 0; k < N; k++) place += ranks[k] < ranks[i];
        in_order[place] = scores[i];
    }
    end_early(job, N);
    compute_scores(job);
    struct interval interval = stats_sequential_mean(in_order, N);
    struct interval other = stats_sequential_mean(scores, N);
    assert_true(fabs(interval.low - other.low) > 1e-6);
    assert_score("", "acc", sum / N, interval.low, interval.high, N);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_TEST_STORE(scores_are_given_for_the_whole_and_every_group),
        IN_TEST_STORE(standard_errors_are_clustered_by_the_first_level),
        IN_TEST_STORE(points_are_shown_as_points),
        IN_TEST_STORE(further_metrics_have_scores_of_their_own),
        IN_TEST_STORE(f1_is_of_counts_and_its_error_clustered_by_picture),
        IN_TEST_STORE(what_is_no_number_is_not_stored),
        IN_TEST_STORE(scores_do_not_depend_on_the_order_of_storing),
        IN_TEST_STORE(items_are_shown_with_their_verdicts),
        IN_TEST_STORE(jobs_on_the_same_questions_are_compared_item_by_item),
        IN_TEST_STORE(a_job_that_ended_early_has_intervals_that_hold_whenever_one_stops),
        IN_TEST_STORE(shares_of_a_job_that_ended_early_count_in_the_order_of_asking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
