/* test_store_rows.c - what is written to the store comes back: runs, jobs, answers, reuse, speeds,
 * notes.
 */
#include "results/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "tests/support/store_fixture.h"

/* ---- Runs, models, jobs ---- */

static void a_run_row_holds_its_record(void **unused)
{
    (void)unused;
    struct err err = {0};
    int64_t run = test_new_run();
    test_assert_rows(
        "SELECT name, status, command_line, config_path, config_text, config_hash, isa, "
        "n_threads, started_unix_ms, finished_unix_ms, frequency_mhz_before, "
        "temperature_c_before, load_1min_before, frequency_mhz_after FROM run",
        "scaling|running|phibench run a.yaml|a.yaml|name: scaling\n|c0ffee|avx2|2|"
        "1700000000000|NULL|2400.0|NULL|0.5|NULL");
    test_assert_rows("SELECT version, git_revision, git_dirty, compiler, flags, numerics_version "
                     "FROM build",
                     "0.1.0|abc|1|gcc 12|-O2|3");
    test_assert_rows("SELECT cpu_model, features, n_cores, memory_bytes FROM machine",
                     "CPU|NULL|2|NULL");
    struct machine_record after = {.frequency_mhz = 2300, .temperature_c = 61};
    test_assert_done(store_finish_run(test_store, run, RUN_DONE, 1700000001000, &after, &err),
                     &err);
    test_assert_rows("SELECT status, finished_unix_ms, frequency_mhz_after, temperature_c_after, "
                     "load_1min_after, frequency_mhz_before FROM run",
                     "done|1700000001000|2300.0|61.0|NULL|2400.0");
    assert_false(store_finish_run(test_store, 77, RUN_DONE, 1, NULL, &err));
    assert_string_equal(err.message, "there is no run 77");
}

static void equal_records_share_a_row(void **unused)
{
    (void)unused;
    struct err err = {0};
    struct run_record run = test_some_run();
    int64_t first, second, third;
    test_assert_done(store_begin_run(test_store, &run, &first, &err), &err);
    run.machine.frequency_mhz = 1000; /* state, not identity */
    test_assert_done(store_begin_run(test_store, &run, &second, &err), &err);
    run.machine.features = "avx2";
    run.build.git_dirty = false;
    test_assert_done(store_begin_run(test_store, &run, &third, &err), &err);
    assert_true(first != second && second != third);
    test_assert_rows("SELECT group_concat(build), group_concat(machine) FROM run", "1,1,2|1,1,2");

    struct model_record model = {.id = "m", .quantization = "f16", .n_params = 5};
    int64_t a, b, c;
    test_assert_done(store_put_model(test_store, &model, &a, &err), &err);
    test_assert_done(store_put_model(test_store, &model, &b, &err), &err);
    model.hash = "x";
    test_assert_done(store_put_model(test_store, &model, &c, &err), &err);
    assert_true(a == b && b != c);
    struct dataset_record dataset = {"mmlu", "data", "hash", 4};
    test_assert_done(store_put_dataset(test_store, &dataset, &a, &err), &err);
    test_assert_done(store_put_dataset(test_store, &dataset, &b, &err), &err);
    dataset.n_items = 5;
    test_assert_done(store_put_dataset(test_store, &dataset, &c, &err), &err);
    assert_true(a == b && b != c);
}

static int64_t unfinished(const struct run_record *run)
{
    int64_t id = -1;
    struct err err = {0};
    test_assert_done(store_find_unfinished_run(test_store, run, &id, &err), &err);
    return id;
}

static void the_newest_unfinished_run_is_found(void **unused)
{
    (void)unused;
    struct err err = {0};
    struct run_record run = test_some_run();
    assert_int_equal(unfinished(&run), 0);
    int64_t old = test_new_run(), young = test_new_run();
    assert_int_equal(unfinished(&run), young);
    test_assert_done(store_finish_run(test_store, young, RUN_DONE, 5, NULL, &err), &err);
    assert_int_equal(unfinished(&run), old);
    test_assert_done(store_finish_run(test_store, young, RUN_INTERRUPTED, 5, NULL, &err), &err);
    assert_int_equal(unfinished(&run), young);
    test_assert_done(store_finish_run(test_store, young, RUN_FAILED, 5, NULL, &err), &err);
    assert_int_equal(unfinished(&run), young);
    test_assert_done(store_finish_run(test_store, young, RUN_RUNNING, 0, NULL, &err), &err);
    test_assert_rows("SELECT status, finished_unix_ms FROM run ORDER BY id",
                     "running|NULL\nrunning|NULL");
}

/* What its row says of configuration, program and machine must be true of all that is added. */
static void an_unfinished_run_of_another_kind_is_not_found(void **unused)
{
    (void)unused;
    const struct run_record same = test_some_run();
    test_new_run();
    struct run_record others[8];
    for (int i = 0; i < 8; i++) others[i] = same;
    others[0].config_hash = "other";
    others[1].build.numerics_version = 4;
    others[2].build.git_revision = "abd";
    others[3].build.git_dirty = false;
    others[4].build.compiler = "clang 14";
    others[5].build.flags = "-O3";
    others[6].isa = "scalar";
    others[7].machine.cpu_model = NULL;
    for (int i = 0; i < 8; i++)
        if (unfinished(&others[i])) fail_msg("record %d found the run", i);
    struct run_record later = same; /* a moment, not a machine */
    later.machine.load_1min = 3;
    later.started_unix_ms++;
    later.command_line = "phibench run a.yaml --resume";
    assert_int_equal(unfinished(&later), 1);
}

static void a_job_is_made_once_for_each_run_model_and_fingerprint(void **unused)
{
    (void)unused;
    struct err err = {0};
    int64_t run = test_new_run();
    int64_t job = test_new_job(run, "q4_0", "f1", "data", "acc");
    const struct job_result whole = {123, 1000, 400, 4, 2000000000, "5ame"};
    const struct job_result speed = job_result_of_speed(124);
    assert_int_equal(test_new_job(run, "q4_0", "f1", "data", "acc"), job);
    assert_true(test_new_job(run, "q8_0", "f1", "data", "acc") != job);
    assert_true(test_new_job(run, "q4_0", "f2", "data", "acc") != job);
    assert_true(test_new_job(test_new_run(), "q4_0", "f1", "data", "acc") != job);
    test_assert_done(store_finish_job(test_store, job, &whole, &err), &err);
    test_assert_rows("SELECT is_finished, duration_ns, naive_tokens, computed_tokens FROM job "
                     "ORDER BY id LIMIT 2",
                     "1|123|1000|400\n0|NULL|NULL|NULL");
    test_assert_rows("SELECT items, answered, naive_tokens, computed, seconds, items_per_s, "
                     "tokens_per_s, logits_hash FROM v_jobs LIMIT 1",
                     "4|0|1000|4|2.0|2.0|200.0|5ame");
    test_assert_rows("SELECT suite, suite_version, protocol, shots, metric, fingerprint, bos, "
                     "context_tokens, parameters, n_items FROM job LIMIT 1",
                     "mmlu|1|hendrycks|5|acc|f1|auto|4096|{\"kv\":\"f16\"}|4");
    test_assert_done(store_finish_job(test_store, job, &speed, &err), &err);
    test_assert_rows("SELECT duration_ns, naive_tokens, computed_tokens, computed_items, wall_ns, "
                     "logits_hash FROM job LIMIT 1",
                     "124|NULL|NULL|NULL|NULL|NULL");
    assert_false(store_finish_job(test_store, 99, &whole, &err));
}

static void a_job_says_what_it_is_and_what_guessing_scores(void **unused)
{
    (void)unused;
    struct err err = {0};
    int64_t other = test_new_job(test_new_run(), "q4_0", "f1", "data", "acc"), id;
    struct job_record job = {.run = 1,
                             .model = 1,
                             .dataset = 1,
                             .suite = "arc",
                             .protocol = "p",
                             .metric = "acc",
                             .fingerprint = "f",
                             .n_whole = 1172,
                             .chance = 0.25};
    test_assert_done(store_put_job(test_store, &job, &id, &err), &err);
    test_put_four_answers(id);
    test_put_four_answers(other);
    test_assert_done(store_compute_scores(test_store, id, &err), &err);
    test_assert_done(store_compute_scores(test_store, other, &err), &err);
    test_assert_rows("SELECT suite, metric, chance FROM v_scores WHERE depth = 0",
                     "mmlu|acc|NULL\nmmlu|acc_macro|NULL\narc|acc|25.0\narc|acc_macro|NULL");
    struct job_record text = {.run = 1,
                              .model = 1,
                              .kind = JOB_TEXT,
                              .suite = "perplexity",
                              .protocol = "p",
                              .metric = "ppl",
                              .fingerprint = "g"};
    test_assert_done(store_put_job(test_store, &text, &id, &err), &err);
    text.kind = JOB_THROUGHPUT, text.fingerprint = "h";
    test_assert_done(store_put_job(test_store, &text, &id, &err), &err);
    text.kind = JOB_KERNELS, text.fingerprint = "i";
    test_assert_done(store_put_job(test_store, &text, &id, &err), &err);
    test_assert_rows("SELECT kind, whole_items FROM job",
                     "questions|NULL\nquestions|1172\ntext|NULL\nthroughput|NULL\nkernels|NULL");
}

static void rows_that_point_nowhere_are_refused(void **unused)
{
    (void)unused;
    struct err err = {0};
    struct job_record job = {.run = 5,
                             .model = 6,
                             .suite = "mmlu",
                             .protocol = "p",
                             .metric = "acc",
                             .fingerprint = "f"};
    int64_t id;
    assert_false(store_put_job(test_store, &job, &id, &err));
    assert_non_null(strstr(err.message, "FOREIGN KEY"));
    struct answer_record answer = {.key = "a/1", .response_json = "{}"};
    assert_false(store_put_answer(test_store, 5, &answer, &err));
    assert_string_equal(err.message, "there is no job 5 with a data set");
    assert_false(store_compute_scores(test_store, 5, &err));
    assert_string_equal(err.message, "there is no job 5");
}

/* ---- Answers ---- */

static void an_answer_that_is_there_stays(void **unused)
{
    (void)unused;
    int64_t job = test_new_job(test_new_run(), "q4_0", "f1", "data", "acc");
    test_put_answer(job, "anatomy/1", "anatomy", TEST_ANATOMY, 1);
    test_put_answer(job, "anatomy/1", "anatomy", TEST_ANATOMY, 0);
    test_assert_rows("SELECT is_correct, score, predicted, answered, margin FROM verdict",
                     "1|1.0|C|1|0.25");
    test_assert_rows("SELECT content, n_prompt_tokens, n_new_tokens, duration_ns FROM response",
                     "{\"answered\":true}|100|4|5000");
    test_assert_rows("SELECT key, file, line, subset, expected, groups FROM item",
                     "anatomy/1|a.csv|3|anatomy|C|" TEST_ANATOMY);
}

static void jobs_on_the_same_data_share_its_items(void **unused)
{
    (void)unused;
    int64_t run = test_new_run();
    test_put_four_answers(test_new_job(run, "q4_0", "f1", "data", "acc"));
    test_put_four_answers(test_new_job(run, "q8_0", "f2", "data", "acc"));
    test_put_four_answers(test_new_job(run, "q8_0", "f3", "elsewhere", "acc"));
    test_assert_rows("SELECT count(*), (SELECT count(*) FROM response) FROM item", "8|12");
}

static void malformed_json_is_refused(void **unused)
{
    (void)unused;
    struct err err = {0};
    int64_t job = test_new_job(test_new_run(), "q4_0", "f1", "data", "acc");
    struct answer_record answer = {.key = "a/1", .response_json = "{", .groups_json = "[]"};
    assert_true(store_begin(test_store, &err));
    assert_false(store_put_answer(test_store, job, &answer, &err));
    assert_non_null(strstr(err.message, "CHECK constraint failed"));
    store_rollback(test_store);
    test_assert_rows("SELECT count(*) FROM item", "0");
}

static void a_verdict_can_be_replaced(void **unused)
{
    (void)unused;
    struct err err = {0};
    int64_t job = test_new_job(test_new_run(), "q4_0", "f1", "data", "acc");
    test_put_answer(job, "anatomy/1", "anatomy", TEST_ANATOMY, 1);
    struct answer_record regraded = {.key = "anatomy/1",
                                     .answered = true,
                                     .score = 0,
                                     .margin = -1.5,
                                     .predicted = "B",
                                     .others_json = "{\"f1\":0.5}"};
    test_assert_done(store_put_verdict(test_store, job, &regraded, &err), &err);
    test_assert_rows("SELECT is_correct, score, predicted, margin, others FROM verdict",
                     "0|0.0|B|-1.5|{\"f1\":0.5}");
    test_assert_rows("SELECT groups FROM item", TEST_ANATOMY);
    regraded.groups_json = TEST_OTHER;
    regraded.subset = "other";
    test_assert_done(store_put_verdict(test_store, job, &regraded, &err), &err);
    test_assert_rows("SELECT subset, groups FROM item", "other|" TEST_OTHER);
    regraded.key = "anatomy/9";
    assert_false(store_put_verdict(test_store, job, &regraded, &err));
    assert_non_null(strstr(err.message, "has no answer to anatomy/9"));
}

struct visit {
    struct buf keys;
    int64_t job;
    size_t stop_after, n;
};

static bool visit_answer(void *context, const struct answer_record *answer, struct err *err)
{
    struct visit *visit = context;
    buf_printf(&visit->keys, "%s:%s:%d:%.1f ", answer->key, answer->predicted, answer->is_correct,
               answer->score);
    assert_string_equal(answer->response_json, "{\"answered\":true}");
    assert_true(answer->answered && answer->margin == 0.25 && answer->line == 3);
    assert_true(answer->n_prompt_tokens == 100 && answer->n_new_tokens == 4 &&
                answer->duration_ns == 5000);
    assert_string_equal(answer->file, "a.csv");
    assert_string_equal(answer->expected, "C");
    struct answer_record regraded = {
        .key = answer->key, .answered = true, .predicted = "D", .margin = 0.25};
    return store_put_verdict(test_store, visit->job, &regraded, err) &&
           ++visit->n != visit->stop_after;
}

static void answers_are_visited_in_order_and_may_be_regraded_meanwhile(void **unused)
{
    (void)unused;
    struct err err = {0};
    struct visit visit = {.job = test_new_job(test_new_run(), "q4_0", "f1", "data", "acc")};
    test_put_four_answers(visit.job);
    test_assert_done(store_each_answer(test_store, visit.job, visit_answer, &visit, &err), &err);
    assert_string_equal(buf_string(&visit.keys), "anatomy/1:C:1:1.0 anatomy/2:A:0:0.0 "
                                                 "other/1:A:0:0.0 anatomy/3:C:1:1.0 ");
    test_assert_rows("SELECT group_concat(predicted, '') FROM verdict", "DDDD");
    visit.n = 0;
    visit.stop_after = 2;
    assert_false(store_each_answer(test_store, visit.job, visit_answer, &visit, &err));
    assert_int_equal(visit.n, 2);
    assert_true(store_begin(test_store, NULL)); /* nothing is left open */
    assert_true(store_commit(test_store, NULL));
    buf_free(&visit.keys);
}

/* ---- Reuse ---- */

static size_t reuse_first(int64_t job, size_t n_keys)
{
    static const char *const keys[] = {"anatomy/1", "anatomy/2", "other/1", "anatomy/3", "a/1"};
    struct err err = {0};
    size_t n = 99;
    assert_true(n_keys <= sizeof keys / sizeof *keys);
    test_assert_done(store_reuse_answers(test_store, job, keys, NULL, n_keys, &n, &err), &err);
    return n;
}

static size_t reuse(int64_t job)
{
    return reuse_first(job, 5);
}

static void only_answers_to_the_items_asked_for_are_reused(void **unused)
{
    (void)unused;
    test_put_four_answers(test_new_job(test_new_run(), "q4_0", "f1", "data", "acc"));
    int64_t job = test_new_job(test_new_run(), "q4_0", "f1", "data", "acc");
    assert_int_equal(reuse_first(job, 0), 0);
    assert_int_equal(reuse_first(job, 2), 2);
    test_assert_rows("SELECT item.key FROM response JOIN item ON item.id = response.item "
                     "WHERE job = (SELECT max(id) FROM job) ORDER BY 1",
                     "anatomy/1\nanatomy/2");
}

static const char ANSWERS_OF_LAST_JOB[] =
    "SELECT item.key, item.subset, content, n_prompt_tokens, duration_ns, score, predicted, margin "
    "FROM response JOIN verdict ON verdict.response = response.id "
    "JOIN item ON item.id = response.item "
    "WHERE job = (SELECT max(id) FROM job) ORDER BY response.id";

static void answers_of_the_same_fingerprint_are_reused(void **unused)
{
    (void)unused;
    int64_t run = test_new_run(), old = test_new_job(run, "q4_0", "f1", "data", "acc");
    test_put_four_answers(old);
    test_put_four_answers(test_new_job(run, "q4_0", "f2", "data", "acc"));
    assert_int_equal(reuse(old), 0);
    int64_t job = test_new_job(test_new_run(), "q4_0", "f1", "data", "acc");
    test_put_answer(job, "anatomy/2", "anatomy", TEST_ANATOMY, 1); /* its own stays */
    assert_int_equal(reuse(job), 3);
    assert_int_equal(reuse(job), 0);
    test_assert_rows(ANSWERS_OF_LAST_JOB,
                     "anatomy/2|anatomy|{\"answered\":true}|100|5000|1.0|C|0.25\n"
                     "anatomy/1|anatomy|{\"answered\":true}|100|5000|1.0|C|0.25\n"
                     "other/1|other|{\"answered\":true}|100|5000|0.0|A|0.25\n"
                     "anatomy/3|anatomy|{\"answered\":true}|100|5000|1.0|C|0.25");
}

static void answers_are_reused_when_the_data_has_moved(void **unused)
{
    (void)unused;
    int64_t run = test_new_run();
    test_put_four_answers(test_new_job(run, "q4_0", "f1", "data", "acc"));
    int64_t moved = test_new_job(run, "q4_0", "f1", "elsewhere", "acc");
    assert_int_equal(moved, 1); /* within a run a fingerprint is one job */
    moved = test_new_job(test_new_run(), "q4_0", "f1", "elsewhere", "acc");
    assert_int_equal(reuse(moved), 4);
    test_assert_rows("SELECT count(DISTINCT item.dataset), count(DISTINCT item.id) FROM item "
                     "JOIN response ON response.item = item.id",
                     "2|8");
}

static void the_oldest_of_several_answers_is_reused_with_its_verdict(void **unused)
{
    (void)unused;
    test_put_answer(test_new_job(test_new_run(), "q4_0", "f1", "data", "acc"), "a/1", "a", "[]",
                    0.25);
    test_put_answer(test_new_job(test_new_run(), "q4_0", "f1", "data", "acc"), "a/1", "a", "[]",
                    0.75);
    const struct answer_record graded = {.key = "a/1",
                                         .answered = true,
                                         .score = 0.25,
                                         .margin = 0.25,
                                         .predicted = "A",
                                         .others_json = "{\"f1\":0.5}"};
    struct err err = {0};
    test_assert_done(store_put_verdict(test_store, 1, &graded, &err), &err);
    assert_int_equal(reuse(test_new_job(test_new_run(), "q4_0", "f1", "data", "acc")), 1);
    test_assert_rows("SELECT others FROM verdict ORDER BY response DESC LIMIT 1", "{\"f1\":0.5}");
    test_assert_rows(ANSWERS_OF_LAST_JOB, "a/1|a|{\"answered\":true}|100|5000|0.25|A|0.25");
}

/* ---- Speed, notes ---- */

static void repetitions_are_stored_once_and_warm_up_is_not_shown(void **unused)
{
    (void)unused;
    struct err err = {0};
    int64_t job = test_new_job(test_new_run(), "q4_0", "f1", "data", "tokens_per_s");
    struct speed_record speed = {.test = "decode",
                                 .prompt_tokens = 128,
                                 .generated_tokens = 64,
                                 .batch = 1,
                                 .n_threads = 2,
                                 .repetition = 1,
                                 .isa = "avx2",
                                 .duration_ns = 7,
                                 .tokens_per_s = 12.5,
                                 .gb_per_s = 20,
                                 .percent_of_limit = 80,
                                 .rss_bytes = 1000,
                                 .foreign_share = 0};
    bool has = true;
    test_assert_done(store_has_speed(test_store, job, &speed, &has, &err), &err);
    assert_false(has);
    test_assert_done(store_put_speed(test_store, job, &speed, &err), &err);
    test_assert_done(store_has_speed(test_store, job, &speed, &has, &err), &err);
    assert_true(has);
    speed.tokens_per_s = 99;
    test_assert_done(store_put_speed(test_store, job, &speed, &err), &err);
    speed.warm_up = true;
    speed.foreign_share = SPEED_SHARE_UNKNOWN;
    test_assert_done(store_has_speed(test_store, job, &speed, &has, &err), &err);
    assert_false(has);
    test_assert_done(store_put_speed(test_store, job, &speed, &err), &err);
    test_assert_rows("SELECT * FROM v_speed",
                     "1|phi-3-mini|3821079552|q4_0|2000000000|decode|128|64|1|2|"
                     "avx2|1|12.5|20.0|NULL|80.0");
    test_assert_rows("SELECT count(*), sum(is_warm_up), sum(duration_ns), sum(rss_bytes) "
                     "FROM speed_sample",
                     "2|1|14|2000");
    test_assert_rows("SELECT is_warm_up, foreign_share FROM speed_sample ORDER BY is_warm_up",
                     "0|0.0\n1|NULL");
}

static void a_note_of_a_kind_replaces_the_one_before(void **unused)
{
    (void)unused;
    struct err err = {0};
    int64_t job = test_new_job(test_new_run(), "q4_0", "f1", "data", "acc");
    test_assert_done(store_put_note(test_store, job, "tie", 3, NULL, &err), &err);
    test_assert_done(store_put_note(test_store, job, "tie", 4, "first at anatomy/2", &err), &err);
    test_assert_done(store_put_note(test_store, job, "bos", 1, "always", &err), &err);
    test_assert_rows("SELECT kind, count, text FROM note ORDER BY kind",
                     "bos|1|always\ntie|4|first at anatomy/2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_TEST_STORE(a_run_row_holds_its_record),
        IN_TEST_STORE(equal_records_share_a_row),
        IN_TEST_STORE(the_newest_unfinished_run_is_found),
        IN_TEST_STORE(an_unfinished_run_of_another_kind_is_not_found),
        IN_TEST_STORE(a_job_is_made_once_for_each_run_model_and_fingerprint),
        IN_TEST_STORE(a_job_says_what_it_is_and_what_guessing_scores),
        IN_TEST_STORE(rows_that_point_nowhere_are_refused),
        IN_TEST_STORE(an_answer_that_is_there_stays),
        IN_TEST_STORE(jobs_on_the_same_data_share_its_items),
        IN_TEST_STORE(malformed_json_is_refused),
        IN_TEST_STORE(a_verdict_can_be_replaced),
        IN_TEST_STORE(answers_are_visited_in_order_and_may_be_regraded_meanwhile),
        IN_TEST_STORE(answers_of_the_same_fingerprint_are_reused),
        IN_TEST_STORE(only_answers_to_the_items_asked_for_are_reused),
        IN_TEST_STORE(answers_are_reused_when_the_data_has_moved),
        IN_TEST_STORE(the_oldest_of_several_answers_is_reused_with_its_verdict),
        IN_TEST_STORE(repetitions_are_stored_once_and_warm_up_is_not_shown),
        IN_TEST_STORE(a_note_of_a_kind_replaces_the_one_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
