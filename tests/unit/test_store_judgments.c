/* test_store_judgments.c - what judges said of responses: kept once, replaced where no score was
 * found, taken over by request, and made the points of verdicts.
 */
#include "tests/support/store_fixture.h"

#include "results/store_internal.h"
#include "tests/support/test_data.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define WRITING "[[\"category\",\"writing\"],[\"turn\",\"1\"]]"

static struct judgment_record record_of(const char *key, const char *request, int repetition,
                                        double score)
{
    return (struct judgment_record){.key = key,
                                    .judge = "gpt-4",
                                    .prompt_name = "single-v1",
                                    .request = request,
                                    .asked = strcmp(request, "vague") != 0 ? request : NULL,
                                    .reply = isnan(score) ? "no" : "[[x]]",
                                    .repetition = repetition,
                                    .score = score,
                                    .n_prompt_tokens = 9,
                                    .n_new_tokens = 3,
                                    .duration_ns = 7};
}

static void put(int64_t job, const char *key, const char *request, int repetition, double score)
{
    struct err err = {0};
    const struct judgment_record record = record_of(key, request, repetition, score);
    test_assert_done(store_begin(test_store, &err), &err);
    test_assert_done(store_put_judgment(test_store, job, &record, &err), &err);
    test_assert_done(store_commit(test_store, &err), &err);
}

static bool reuse(int64_t job, const char *key, const char *request, int repetition)
{
    struct err err = {0};
    bool found = false;
    const struct judgment_record record = record_of(key, request, repetition, NAN);
    test_assert_done(store_reuse_judgment(test_store, job, &record, &found, &err), &err);
    return found;
}

static int64_t new_job(const char *quantization, const char *fingerprint)
{
    int64_t job = test_new_job(test_new_run(), quantization, fingerprint, "data", "points");
    test_put_answer(job, "81/1", "writing", WRITING, 0);
    test_put_answer(job, "81/2", "writing", WRITING, 0);
    test_put_answer(job, "82/1", "writing", WRITING, 0);
    return job;
}

static void a_judgment_stays_unless_it_has_no_score(void **state)
{
    (void)state;
    int64_t job = new_job("q4_0", "f");
    put(job, "81/1", "a", 0, NAN);
    test_assert_rows("SELECT score, reply FROM judge_call", "NULL|no");
    put(job, "81/1", "a", 0, 7);
    put(job, "81/1", "a", 0, 3);
    put(job, "81/1", "a", 1, 4);
    test_assert_rows(
        "SELECT repetition, request, score, n_prompt_tokens FROM judge_call ORDER BY 1",
        "0|a|7.0|9\n1|a|4.0|9");
    test_assert_rows("SELECT item, judge, score FROM v_judgments ORDER BY 3",
                     "81/1|gpt-4|4.0\n81/1|gpt-4|7.0");
}

static void assert_refused(int64_t job, double score, const char *message)
{
    struct err err = {0};
    const struct judgment_record record = record_of("81/1", "a", 0, score);
    assert_false(store_put_judgment(test_store, job, &record, &err));
    if (!strstr(err.message, message)) fail_msg("%s", err.message);
}

static void a_score_that_is_none_is_refused(void **state)
{
    (void)state;
    struct err err = {0};
    int64_t job = new_job("q4_0", "f");
    const struct estimate endless = {.mean = 5, .interval = {1, INFINITY}, .error = 1, .n = 1};
    const struct answer_record answer = {.key = "81/1", .score = -INFINITY};
    assert_refused(job, INFINITY, "a number that is infinite is not stored");
    assert_refused(job, 11, "CHECK constraint failed");
    assert_refused(job, 0.5, "CHECK constraint failed");
    assert_false(store_put_score(test_store, job, "points", &endless, &err));
    assert_string_equal(err.message, "the score points of the job is no number");
    assert_false(store_put_verdict(test_store, job, &answer, &err));
    assert_string_equal(err.message, "a number that is infinite is not stored");
    test_assert_rows("SELECT count(*) FROM judge_call", "0");
    test_assert_rows("SELECT count(*) FROM score", "0");
    put(job, "81/1", "a", 0, 10); /* the statement is as good as before */
    test_assert_rows("SELECT score FROM judge_call", "10.0");
}

static void what_was_said_of_the_same_request_is_taken_over(void **state)
{
    (void)state;
    int64_t first = new_job("q4_0", "f"), second = new_job("q8_0", "g");
    put(first, "81/1", "a", 0, 7);
    put(first, "81/2", "b", 0, NAN);
    assert_false(reuse(second, "81/1", "other", 0));
    assert_false(reuse(second, "81/1", "a", 1));
    assert_false(reuse(second, "81/2", "b", 0)); /* no score is nothing to take over */
    assert_true(reuse(second, "82/1", "a", 0));
    test_assert_rows("SELECT item, quantization, score, reply FROM v_judgments WHERE score > 0 "
                     "ORDER BY 1",
                     "81/1|q4_0|7.0|[[x]]\n82/1|q8_0|7.0|[[x]]");
}

static bool is_vague(const char *request, int repetition)
{
    struct err err = {0};
    bool is = false;
    const struct judgment_record record = record_of("81/1", request, repetition, NAN);
    test_assert_done(store_has_vague_judgment(test_store, &record, &is, &err), &err);
    return is;
}

static void what_was_asked_is_more_than_the_request(void **state)
{
    (void)state;
    struct err err = {0};
    int64_t first = new_job("q4_0", "f"), second = new_job("q8_0", "g");
    struct judgment_record record = record_of("81/1", "a", 0, 7);
    put(first, "81/1", "a", 0, 4);
    put(first, "81/2", "vague", 0, 5);
    record.asked = "a by another server";
    bool found = true;
    test_assert_done(store_reuse_judgment(test_store, second, &record, &found, &err), &err);
    assert_false(found);
    assert_false(reuse(second, "81/2", "vague", 0));
    assert_true(is_vague("vague", 0));
    assert_false(is_vague("vague", 1) || is_vague("a", 0));
    /* The answer to another question takes the place of the one before. */
    test_assert_done(store_put_judgment(test_store, first, &record, &err), &err);
    test_assert_rows("SELECT score, asked FROM judge_call ORDER BY 1",
                     "5.0|NULL\n7.0|a by another server");
}

static void put_game(int64_t job, const char *key, int repetition, double score)
{
    struct err err = {0};
    struct judgment_record record = record_of(key, "a or b", repetition, score);
    record.prompt_name = "pair-v2";
    test_assert_done(store_begin(test_store, &err), &err);
    test_assert_done(store_put_judgment(test_store, job, &record, &err), &err);
    test_assert_done(store_commit(test_store, &err), &err);
}

static void pairs_of_games_are_a_metric_beside_the_points(void **state)
{
    (void)state;
    struct err err = {0};
    int64_t job = new_job("q4_0", "f");
    put(job, "81/1", "a", 0, 4);
    put_game(job, "81/1", 0, 1);
    put_game(job, "81/1", 1, 1); /* won */
    put_game(job, "81/1", 2, 1);
    put_game(job, "81/1", 3, 0); /* the orders disagree: a tie */
    put_game(job, "81/2", 0, 0);
    put_game(job, "81/2", 1, 0); /* lost; and nobody gave it points */
    put_game(job, "81/2", 2, 0);
    put_game(job, "81/2", 3, NAN); /* no pair */
    put_game(job, "82/1", 0, 1);
    test_assert_done(store_apply_judgments(test_store, job, &err), &err);
    test_assert_done(store_compute_scores(test_store, job, &err), &err);
    test_assert_rows("SELECT item, score, others FROM v_items ORDER BY 1",
                     "81/1|4.0|{\"win_rate\":0.75}\n81/2|0.0|{\"win_rate\":0.0}\n82/1|0.0|NULL");
    test_assert_rows("SELECT metric, score, n, unit FROM v_scores WHERE subset = '' ORDER BY 1",
                     "points|4.0|1|points\npoints_macro|4.0|1|points\nwin_rate|37.5|2|percent\n"
                     "win_rate_macro|37.5|2|percent");
}

static void points_are_the_mean_of_what_was_found(void **state)
{
    (void)state;
    struct err err = {0};
    int64_t job = new_job("q4_0", "f"), other = new_job("q8_0", "g");
    put(job, "81/1", "a", 0, 7);
    put(job, "81/1", "a", 1, 4);
    put(job, "81/2", "b", 0, 10);
    put(job, "82/1", "c", 0, NAN);
    put(other, "81/1", "d", 0, 9);
    test_assert_done(store_apply_judgments(test_store, job, &err), &err);
    test_assert_done(store_apply_judgments(test_store, other, &err), &err);
    test_assert_done(store_compute_scores(test_store, job, &err), &err);
    test_assert_rows("SELECT item, score, correct FROM v_items WHERE quantization = 'q4_0'",
                     "81/1|5.5|0\n81/2|10.0|1\n82/1|0.0|0");
    /* The turn without points is in no mean, and in no pair. */
    test_assert_rows(
        "SELECT subset, score, n, unit FROM v_scores WHERE metric = 'points' AND depth "
        "< 2 ORDER BY 1",
        "|7.75|2|points\nwriting|7.75|2|points");
    test_assert_rows("SELECT n, delta FROM v_compare WHERE quantization_a = 'q4_0'", "1|3.5");
}

/* Three turns of one question that a judge gave 8, 11 and endless points; a run with one chunk of a
 * text and no end of its interval. */
static const char OLD_JUDGMENTS[] = TEST_RUN_1
    "INSERT INTO dataset VALUES (1, 'mt_bench', 'data', 'd', 3);"
    "INSERT INTO model (id, name_in_config, quantization, n_params, n_bytes, context_tokens, "
    "is_synthetic) VALUES (1, 'm', 'q4_0', 1, 1, 1, 1);"
    "INSERT INTO job (id, run, model, dataset, suite, suite_version, protocol, shots, metric, "
    "fingerprint, context_tokens, n_items) VALUES (1, 1, 1, 1, 'mt_bench', 1, 'p', 0, 'points', "
    "'f', 1, 3), (2, 1, 1, 1, 'perplexity', 1, 'p', 0, 'ppl', 'g', 1, 1);"
    "INSERT INTO item (id, dataset, key, subset, groups) SELECT column1, 1, column1 || '/1', "
    "'writing', '[[\"category\",\"writing\"]]' FROM (VALUES (1), (2), (3));"
    "INSERT INTO response (id, job, item, content, n_prompt_tokens, n_new_tokens, duration_ns) "
    "SELECT id, 1, id, '{}', 1, 1, 1 FROM item;"
    "INSERT INTO verdict (response, answered, is_correct, score) VALUES (1, 1, 0, 8), (2, 1, 0, "
    "11), (3, 1, 0, 9e999);"
    "INSERT INTO judge_call (response, repetition, judge, prompt_name, request, score) VALUES "
    "(1, 0, 'j', 'single-v1', 'a', 8), (2, 0, 'j', 'single-v1', 'b', 11), (3, 0, 'j', "
    "'single-v1', 'c', 9e999), (3, 0, 'j', 'pair-v2', 'c', 0);"
    "INSERT INTO score VALUES (1, 0, '', '', 'points', 9e999, 10, 9e999, NULL, 3), "
    "(2, 0, '', '', 'ppl', 12, 1, 9e999, NULL, 1);";

static void judgments_of_version_8_that_are_no_scores_count_as_missing(void **state)
{
    (void)state;
    const struct schema eighth = {EMBEDDED_SCHEMA, 8};
    char folder[256], path[300];
    sqlite3 *db = NULL;
    struct err err = {0};
    assert_true(test_make_folder(folder, sizeof folder));
    snprintf(path, sizeof path, "%s/old.db", folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_true(schema_migrate(db, path, &eighth, true, NULL));
    assert_int_equal(sqlite3_exec(db, OLD_JUDGMENTS, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    for (int i = 0; i < 2; i++) {
        store_close(test_store);
        test_store = store_open(path, STORE_READ, &err);
        test_assert_done(test_store != NULL, &err);
        test_assert_rows("SELECT prompt_name, score FROM judge_call",
                         "single-v1|8.0\nsingle-v1|NULL\nsingle-v1|NULL\npair-v2|0.0");
        test_assert_rows("SELECT score FROM verdict", "8.0\n0.0\n0.0");
        test_assert_rows("SELECT metric, score, low, high, n FROM score WHERE depth = 0",
                         "points|8.0|1.0|10.0|1\npoints_macro|8.0|1.0|10.0|1\n"
                         "ppl|12.0|1.0|12.0|1");
        test_assert_rows("SELECT job, kind, count FROM note", "1|judgment_outside|2");
    }
    test_remove_folder(folder);
}

static void judgments_of_version_9_of_a_judge_behind_a_server_are_vague(void **state)
{
    (void)state;
    const struct schema ninth = {EMBEDDED_SCHEMA, 9}, now = schema_current();
    struct err err = {0};
    sqlite3 *db = NULL;
    sqlite3_stmt *kept = NULL;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    test_assert_done(schema_migrate(db, "v9", &ninth, true, &err), &err);
    assert_int_equal(
        sqlite3_exec(
            db,
            "PRAGMA foreign_keys = OFF;"
            "INSERT INTO job (id, run, model, suite, suite_version, protocol, shots, metric, "
            "fingerprint, context_tokens, n_items, parameters) SELECT column1, 1, 1, 'mt_bench', "
            "1, "
            "'p', 0, 'points', column1, 1, 1, column2 FROM (VALUES (1, "
            "'{\"judge\":\"http://h\"}'), "
            "(2, '{\"judge\":\"judge.gguf\"}'), (3, NULL));"
            "INSERT INTO response (id, job, item, content, n_prompt_tokens, n_new_tokens, "
            "duration_ns) SELECT id, id, 1, '{}', 1, 1, 1 FROM job;"
            "INSERT INTO judge_call (id, response, repetition, judge, prompt_name, request, asked, "
            "score) SELECT id, id, 0, 'j', 'single-v1', 'r', 'hash', 7 FROM job",
            NULL, NULL, NULL),
        SQLITE_OK);
    test_assert_done(schema_migrate(db, "v9", &now, false, &err), &err);
    assert_int_equal(
        sqlite3_prepare_v2(db,
                           "SELECT group_concat(id || coalesce(asked, '-') || score || "
                           "coalesce(reasoning, '-')) FROM judge_call",
                           -1, &kept, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(kept), SQLITE_ROW);
    assert_string_equal(sqlite3_column_text(kept, 0), "1-7.0-,2hash7.0-,3hash7.0-");
    sqlite3_finalize(kept);
    sqlite3_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_TEST_STORE(a_judgment_stays_unless_it_has_no_score),
        IN_TEST_STORE(a_score_that_is_none_is_refused),
        IN_TEST_STORE(what_was_asked_is_more_than_the_request),
        IN_TEST_STORE(what_was_said_of_the_same_request_is_taken_over),
        IN_TEST_STORE(judgments_of_version_8_that_are_no_scores_count_as_missing),
        IN_TEST_STORE(points_are_the_mean_of_what_was_found),
        IN_TEST_STORE(pairs_of_games_are_a_metric_beside_the_points),
        cmocka_unit_test(judgments_of_version_9_of_a_judge_behind_a_server_are_vague),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
