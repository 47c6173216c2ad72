/* test_runner.c - a plan carried out: everything stored, answers reused, nothing reused when that
 * is asked for, runs that were left unfinished taken up, and faults that leave a resumable run
 * behind.
 */
#include "harness/run/runner.h"

#include "base/file.h"
#include "engine/open_source.h"
#include "engine/tools.h"
#include "harness/cli/commands.h"
#include "results/query.h"
#include "suites/mmlu.h"
#include "tests/support/test_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define TEXT                                                                                       \
    "models: [{id: m, path: \"synth:tiny\", quantizations: [q8_0]}]\n"                             \
    "defaults: {threads: 1, batch_tokens: 32}\n"                                                   \
    "suites:\n  - mmlu: {data: mmlu, shots: 1}\n"                                                  \
    "  - throughput: {prompt: 4, generate: 2, batch: [1, 2], repeat: 2}\n"

/* Prefill, decode and batched decode twice each; first token twice; one load. */
#define COUNT_SPEEDS "SELECT count(*) FROM v_speed WHERE test NOT LIKE 'limit%'"
#define COUNT_LIMITS "SELECT count(*) FROM v_speed WHERE test LIKE 'limit%'"

static int enter_folder(void **state)
{
    if (test_enter_folder(state) != 0) return -1;
    if (!file_make_folders("mmlu/dev", NULL) || !file_make_folders("mmlu/test", NULL)) return -1;
    test_write_text("mmlu/dev/letters_dev.csv", "First letter?,A,B,C,D,A\n");
    test_write_text("mmlu/test/letters_test.csv",
                    "Third letter?,A,B,C,D,C\nFourth letter?,A,B,C,D,D\nFifth letter?,C,D,E,F,C\n");
    return 0;
}

struct outcome {
    bool ok;
    int64_t run;
    struct err err;
};

/* What stands in for the requests of mmlu; NULL: nothing. */
typedef bool request_fn(const struct dataset *dataset, size_t i_item, struct arena *arena,
                        struct request *request, struct err *err);

static struct outcome execute_with(request_fn *request, const char *text, const char *db,
                                   bool is_fresh, bool must_resume)
{
    struct outcome outcome = {0};
    const struct runner_options options = {.command_line = "phibench run c.yaml",
                                           .isa = isa_best(),
                                           .is_fresh = is_fresh,
                                           .must_resume = must_resume};
    struct suite suite = SUITE_MMLU;
    test_write_text("c.yaml", text);
    struct config *config = config_read("c.yaml", NULL, 0, &outcome.err);
    struct plan *plan = config ? plan_make(config, NULL, &outcome.err) : NULL;
    struct store *store = plan ? store_open(db, STORE_CREATE, &outcome.err) : NULL;
    if (!store) fail_msg("%s", outcome.err.message);
    if (request) {
        suite.request = request;
        plan->datasets[0]->suite = &suite;
    }
    outcome.ok = runner_execute(plan, store, &options, &outcome.run, &outcome.err);
    store_close(store);
    plan_free(plan);
    config_free(config);
    return outcome;
}

static struct outcome execute(const char *text, const char *db, bool is_fresh, bool must_resume)
{
    return execute_with(NULL, text, db, is_fresh, must_resume);
}

static int64_t number(const char *db, const char *sql)
{
    struct err err = {0};
    struct store *store = store_open(db, STORE_READ, &err);
    struct query *query = store ? query_open(store, sql, &err) : NULL;
    if (!query || query_next(query, &err) != 1) fail_msg("%s: %s", sql, err.message);
    int64_t value = query_integer(query, 0);
    query_close(query);
    store_close(store);
    return value;
}

/* Changes a database behind the runner's back: what a process that died would have left. */
static void change(const char *db, const char *sql)
{
    struct err err = {0};
    struct store *store = store_open(db, STORE_WRITE, &err);
    struct query *query = store ? query_open(store, sql, &err) : NULL;
    if (!query || query_next(query, &err) < 0) fail_msg("%s: %s", sql, err.message);
    query_close(query);
    store_close(store);
}

static void a_run_stores_all_that_it_found(void **state)
{
    (void)state;
    struct outcome outcome = execute(TEXT, "all.db", false, false);
    if (!outcome.ok) fail_msg("%s", outcome.err.message);
    assert_int_equal(number("all.db", "SELECT count(*) FROM run WHERE status = 'done'"), 1);
    assert_int_equal(number("all.db", "SELECT count(*) FROM job WHERE is_finished"), 2);
    assert_int_equal(number("all.db", "SELECT count(*) FROM v_items"), 3);
    assert_int_equal(number("all.db", "SELECT count(*) FROM job WHERE kind = 'questions' AND "
                                      "chance = 0.25 AND whole_items = 14042"),
                     1);
    assert_int_equal(number("all.db", "SELECT count(*) FROM job WHERE kind = 'throughput' AND "
                                      "chance IS NULL AND whole_items IS NULL"),
                     1);
    assert_int_equal(
        number("all.db", "SELECT n FROM v_scores WHERE subset = '' AND metric = 'acc'"), 3);
    assert_int_equal(number("all.db", "SELECT count(*) FROM note WHERE kind = 'bos' AND count = 1"),
                     1);
    assert_int_equal(number("all.db", "SELECT count(*) FROM note"), 8);
    assert_true(
        number("all.db",
               "SELECT naive_tokens > computed_tokens AND computed_tokens > 0 FROM job LIMIT 1"));
    assert_int_equal(number("all.db", COUNT_SPEEDS), 9);
    assert_int_equal(
        number("all.db", "SELECT count(*) FROM v_speed WHERE tokens_per_s > 0 AND gmac_per_s > 0"),
        6);
    assert_true(number("all.db", "SELECT count(*) FROM speed_sample WHERE is_warm_up") >= 3);
    /* Limits at the start and after both halves, with 1 thread and with all. */
    int64_t n_numbers = engine_default_threads() > 1 ? 2 : 1;
    assert_int_equal(number("all.db", "SELECT count(*) FROM v_speed WHERE test = 'limit_read' AND "
                                      "gb_per_s > 0 AND gmac_per_s IS NULL"),
                     3 * n_numbers);
    assert_int_equal(number("all.db", "SELECT count(*) FROM v_speed WHERE test IN ('limit_int8', "
                                      "'limit_f32') AND gmac_per_s > 0 AND gb_per_s IS NULL"),
                     6 * n_numbers);
    assert_int_equal(number("all.db", "SELECT count(*) FROM v_speed WHERE percent_of_limit > 0 AND "
                                      "test IN ('prefill', 'decode', 'batched_decode')"),
                     6);
    assert_int_equal(number("all.db", "SELECT count(percent_of_limit) FROM v_speed"), 6);
}

static void a_second_run_takes_answers_over_and_measures_speeds(void **state)
{
    (void)state;
    assert_true(execute(TEXT, "twice.db", false, false).ok);
    struct outcome second = execute(TEXT, "twice.db", false, false);
    assert_true(second.ok);
    assert_int_equal(second.run, 2);
    assert_int_equal(number("twice.db", "SELECT count(*) FROM v_items WHERE run = 2"), 3);
    assert_int_equal(
        number("twice.db", "SELECT computed_tokens FROM job WHERE run = 2 AND suite = 'mmlu'"), 0);
    assert_int_equal(number("twice.db", COUNT_SPEEDS " AND run = 2"), 9);
    assert_true(execute(TEXT, "twice.db", true, false).ok);
    assert_true(
        number("twice.db", "SELECT computed_tokens FROM job WHERE run = 3 AND suite = 'mmlu'") > 0);
    assert_int_equal(number("twice.db", "SELECT count(DISTINCT content) FROM response"),
                     3); /* the same bits */
}

static void an_unfinished_run_is_taken_up_where_it_stopped(void **state)
{
    (void)state;
    assert_true(execute(TEXT, "cut.db", false, false).ok);
    change("cut.db", "UPDATE run SET status = 'running', finished_unix_ms = NULL");
    change("cut.db", "UPDATE job SET is_finished = 0");
    change("cut.db", "DELETE FROM response WHERE id = 2");
    change("cut.db", "DELETE FROM score");
    change("cut.db", "DELETE FROM note");
    change("cut.db", "DELETE FROM speed_sample WHERE test = 'decode' AND repetition = 1");
    change("cut.db", "DELETE FROM speed_sample WHERE test = 'limit_f32' AND repetition = 2");
    int64_t n_limits = number("cut.db", COUNT_LIMITS);
    int64_t kept_ns =
        number("cut.db", "SELECT sum(duration_ns) FROM speed_sample WHERE test = 'prefill'");
    struct outcome outcome = execute(TEXT, "cut.db", false, true);
    if (!outcome.ok) fail_msg("%s", outcome.err.message);
    assert_int_equal(outcome.run, 1);
    assert_int_equal(number("cut.db", "SELECT count(*) FROM run"), 1);
    assert_int_equal(number("cut.db", "SELECT count(*) FROM v_items"), 3);
    assert_int_equal(number("cut.db", "SELECT count(*) FROM note"), 8);
    assert_int_equal(number("cut.db", COUNT_SPEEDS), 9);
    assert_int_equal(number("cut.db", COUNT_LIMITS), n_limits / 8 * 9);
    /* The process that died knew how many tokens it had computed; this one does not. */
    assert_int_equal(number("cut.db", "SELECT count(*) FROM job WHERE suite = 'mmlu' AND "
                                      "naive_tokens > 0 AND computed_tokens IS NULL"),
                     1);
    assert_int_equal(
        number("cut.db", "SELECT sum(duration_ns) FROM speed_sample WHERE test = 'prefill'"),
        kept_ns);
    assert_int_equal(
        number("cut.db", "SELECT n FROM v_scores WHERE subset = '' AND metric = 'acc'"), 3);
    assert_int_equal(number("cut.db", "SELECT count(*) FROM run WHERE status = 'done'"), 1);
}

/* As from a model whose logits overflow. */
static void scores_that_are_no_numbers_are_counted(void **state)
{
    (void)state;
    assert_true(execute(TEXT, "nan.db", false, false).ok);
    assert_int_equal(number("nan.db", "SELECT count FROM note WHERE kind = 'no_number'"), 0);
    change("nan.db", "UPDATE run SET status = 'interrupted'");
    change("nan.db", "UPDATE job SET is_finished = 0");
    change("nan.db", "UPDATE response SET content = "
                     "json_set(content, '$.choices[1].logprob', 'nan') WHERE id = 2");
    assert_true(execute(TEXT, "nan.db", false, true).ok);
    assert_int_equal(number("nan.db", "SELECT count FROM note WHERE kind = 'no_number'"), 1);
    assert_int_equal(number("nan.db", "SELECT count FROM note WHERE kind = 'not_answered'"), 0);
}

static void an_unfinished_run_on_other_data_is_left_alone(void **state)
{
    (void)state;
    assert_true(execute(TEXT, "other.db", false, false).ok);
    change("other.db", "UPDATE run SET status = 'interrupted'");
    change("other.db", "UPDATE job SET fingerprint = 'of other data' WHERE suite = 'mmlu'");
    assert_false(execute(TEXT, "other.db", false, true).ok);
    struct outcome outcome = execute(TEXT, "other.db", false, false);
    assert_true(outcome.ok);
    assert_int_equal(outcome.run, 2);
    assert_int_equal(number("other.db", "SELECT count(*) FROM job WHERE run = 2"), 2);
    assert_int_equal(number("other.db", "SELECT count(*) FROM job WHERE run = 1"), 2);
}

static void resuming_needs_an_unfinished_run_of_this_configuration(void **state)
{
    (void)state;
    struct outcome outcome = execute(TEXT, "none.db", false, true);
    assert_false(outcome.ok);
    assert_int_equal(outcome.err.code, ERR_USAGE);
    assert_int_equal(outcome.run, 0);
    assert_int_equal(number("none.db", "SELECT count(*) FROM run"), 0);
    assert_true(execute(TEXT, "none.db", false, false).ok);
    change("none.db", "UPDATE run SET status = 'interrupted'");
    assert_false(execute(TEXT "name: other\n", "none.db", false, true).ok);
    assert_int_equal(execute(TEXT, "none.db", true, false).run, 2); /* --fresh leaves it alone */
}

static void a_run_that_fails_says_where_and_can_be_taken_up(void **state)
{
    (void)state;
    /* A budget that cannot hold one context is found when the client opens. */
    struct outcome outcome = execute("models: [{id: m, path: \"synth:tiny-llama:q8_0\"}]\n"
                                     "defaults: {threads: 1, kv_budget: 1MiB}\n"
                                     "suites:\n  - mmlu: {data: mmlu, shots: 1}\n",
                                     "failed.db", false, false);
    assert_false(outcome.ok);
    assert_non_null(strstr(outcome.err.message, "does not hold one context"));
    assert_non_null(strstr(outcome.err.message, "running m q8_0 mmlu/hendrycks 1-shot"));
    assert_int_equal(number("failed.db", "SELECT count(*) FROM run WHERE status = 'failed'"), 1);
}

enum { N_MANY = 700, FAULT = 600 }; /* two windows; in the second one */

static bool fail_late(const struct dataset *dataset, size_t i_item, struct arena *arena,
                      struct request *request, struct err *err)
{
    if (i_item == FAULT) return err_set(err, ERR_INPUT, "no such question");
    return SUITE_MMLU.request(dataset, i_item, arena, request, err);
}

static void write_many_questions(void)
{
    struct buf text = {0};
    assert_true(file_make_folders("many/dev", NULL) && file_make_folders("many/test", NULL));
    test_write_text("many/dev/numbers_dev.csv", "0?,A,B,C,D,A\n");
    for (int i = 1; i <= N_MANY; i++) buf_printf(&text, "%d?,1,2,3,%d,D\n", i, i);
    test_write_text("many/test/numbers_test.csv", buf_string(&text));
    buf_free(&text);
}

static void a_failure_in_a_later_window_keeps_the_answers_before_it(void **state)
{
    (void)state;
    static const char MANY[] = "models: [{id: m, path: \"synth:tiny:q8_0\"}]\n"
                               "defaults: {threads: 2}\n"
                               "suites:\n  - mmlu: {data: many, shots: 0}\n";
    write_many_questions();
    struct outcome outcome = execute_with(fail_late, MANY, "late.db", false, false);
    assert_false(outcome.ok);
    assert_non_null(strstr(outcome.err.message, "running m q8_0 mmlu/hendrycks 0-shot"));
    assert_non_null(strstr(outcome.err.message, "no such question"));
    assert_int_equal(number("late.db", "SELECT count(*) FROM run WHERE status = 'failed'"), 1);
    assert_int_equal(number("late.db", "SELECT count(*) FROM response"), 512);
    outcome = execute(MANY, "late.db", false, true);
    if (!outcome.ok) fail_msg("%s", outcome.err.message);
    assert_int_equal(outcome.run, 1);
    assert_int_equal(number("late.db", "SELECT count(*) FROM v_items"), N_MANY);
    assert_int_equal(execute(MANY, "late.db", true, false).run, 2);
    assert_int_equal(number("late.db", "SELECT count(*) FROM job WHERE logits_hash NOT NULL"), 2);
    assert_int_equal(number("late.db", "SELECT count(DISTINCT logits_hash) FROM job"), 1);
}

/* Writes synth:tiny:f16 with this in row 2, column 3 of its output matrix. */
static void write_model(const char *path, uint16_t bits)
{
    assert_true(model_write("synth:tiny:f16", path, NULL, 1, NULL, NULL, NULL));
    struct source *source = source_open(path, NULL);
    assert_non_null(source);
    const struct tensor_info *tensor = source_find(source, "output.weight");
    long at = (long)(tensor->offset + 2 * tensor->row_bytes + 3 * sizeof bits);
    source_close(source);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fwrite(&bits, sizeof bits, 1, file), 1);
    assert_int_equal(fclose(file), 0);
}

static void a_job_that_fails_leaves_the_others_alone(void **state)
{
    (void)state;
    static const char text[] = "models:\n  - {id: bad, path: bad.gguf}\n"
                               "  - {id: good, path: \"synth:tiny\", quantizations: [q8_0]}\n"
                               "defaults: {threads: 1, batch_tokens: 32}\n"
                               "suites:\n  - mmlu: {data: mmlu, shots: 1}\n"
                               "  - throughput: {prompt: 4, generate: 2, batch: [1], repeat: 1}\n";
    write_model("bad.gguf", 0x7e00);
    struct outcome outcome = execute(text, "left.db", false, false);
    assert_false(outcome.ok);
    assert_int_equal(outcome.err.code, ERR_JOBS);
    assert_int_equal(err_exit_status(&outcome.err), 1);
    assert_string_equal(outcome.err.message,
                        "2 of 4 jobs failed: bad.gguf: tensor output.weight has the value nan in "
                        "row 2, column 3: a weight must be a number (while running bad f16 "
                        "mmlu/hendrycks 1-shot)");
    assert_int_equal(number("left.db", "SELECT status = 'failed' FROM run"), 1);
    assert_int_equal(number("left.db", "SELECT count(*) FROM job WHERE is_finished"), 2);
    assert_int_equal(number("left.db", "SELECT count(*) FROM v_items WHERE model = 'bad'"), 0);
    assert_int_equal(number("left.db", "SELECT count(*) FROM v_scores WHERE model = 'bad'"), 0);
    assert_int_equal(number("left.db",
                            "SELECT count(*) FROM note JOIN job ON job.id = note.job "
                            "WHERE NOT is_finished AND note.kind = 'failed' AND note.text GLOB "
                            "'bad.gguf: tensor output.weight has the value nan*'"),
                     2);
    /* The same weights fail again; the same row is taken up. */
    outcome = execute(text, "left.db", false, false);
    assert_int_equal(outcome.err.code, ERR_JOBS);
    assert_int_equal(number("left.db", "SELECT count(*) FROM run"), 1);
}

static const char *fail_at;

/* As mmlu asks, but for the item that no prompt can be made of. */
static bool request_or_fail(const struct dataset *dataset, size_t i_item, struct arena *arena,
                            struct request *request, struct err *err)
{
    if (fail_at && !strcmp(dataset->items[i_item].key, fail_at))
        return err_set(err, ERR_INPUT, "no prompt can be made");
    return SUITE_MMLU.request(dataset, i_item, arena, request, err);
}

static void a_failed_job_is_asked_again_and_its_note_goes(void **state)
{
    (void)state;
    fail_at = "letters/2";
    struct outcome outcome = execute_with(request_or_fail, TEXT, "again.db", false, false);
    assert_int_equal(outcome.err.code, ERR_JOBS);
    assert_int_equal(number("again.db", "SELECT count(*) FROM note WHERE kind = 'failed'"), 1);
    assert_int_equal(number("again.db", "SELECT count(*) FROM score"), 0);
    assert_int_equal(number("again.db", "SELECT count(*) FROM job WHERE is_finished"), 1);
    fail_at = NULL;
    outcome = execute_with(request_or_fail, TEXT, "again.db", false, false);
    if (!outcome.ok) fail_msg("%s", outcome.err.message);
    assert_int_equal(number("again.db", "SELECT count(*) FROM run WHERE status = 'done'"), 1);
    assert_int_equal(number("again.db", "SELECT count(*) FROM note WHERE kind = 'failed'"), 0);
    assert_int_equal(
        number("again.db", "SELECT n FROM v_scores WHERE subset = '' AND metric = 'acc'"), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_stores_all_that_it_found),
        cmocka_unit_test(a_second_run_takes_answers_over_and_measures_speeds),
        cmocka_unit_test(an_unfinished_run_is_taken_up_where_it_stopped),
        cmocka_unit_test(scores_that_are_no_numbers_are_counted),
        cmocka_unit_test(an_unfinished_run_on_other_data_is_left_alone),
        cmocka_unit_test(resuming_needs_an_unfinished_run_of_this_configuration),
        cmocka_unit_test(a_run_that_fails_says_where_and_can_be_taken_up),
        cmocka_unit_test(a_job_that_fails_leaves_the_others_alone),
        cmocka_unit_test(a_failed_job_is_asked_again_and_its_note_goes),
        cmocka_unit_test(a_failure_in_a_later_window_keeps_the_answers_before_it),
    };
    return cmocka_run_group_tests(tests, enter_folder, test_leave_folder);
}
