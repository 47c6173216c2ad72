/* test_runs.c - what readers ask of runs and jobs: which there are, what they were made with, what
 * rates were measured last.
 */
#include "results/runs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/store_fixture.h"

static void finish_run(int64_t run, enum run_status status)
{
    struct err err = {0};
    test_assert_done(store_finish_run(test_store, run, status, 1700000001000, NULL, &err), &err);
}

static int64_t newest(bool prefers_done)
{
    int64_t run;
    struct err err = {0};
    test_assert_done(runs_newest(test_store, prefers_done, &run, &err), &err);
    return run;
}

static void the_newest_run_may_be_one_that_is_done(void **unused)
{
    (void)unused;
    assert_int_equal(newest(false), 0);
    assert_int_equal(newest(true), 0);
    int64_t first = test_new_run(), second = test_new_run(), third = test_new_run();
    assert_int_equal(newest(true), third); /* none is done */
    finish_run(first, RUN_DONE);
    finish_run(second, RUN_DONE);
    finish_run(third, RUN_FAILED);
    assert_int_equal(newest(false), third);
    assert_int_equal(newest(true), second);
    bool has;
    assert_true(runs_has(test_store, second, &has, NULL) && has);
    assert_true(runs_has(test_store, 99, &has, NULL) && !has);
}

static void what_a_run_was_made_with_is_read_back(void **unused)
{
    (void)unused;
    int64_t run = test_new_run();
    struct err err = {0};
    struct arena *arena = arena_new(0, NULL);
    const char *name, *text;
    assert_true(runs_configuration(test_store, run, arena, &name, &text, &err));
    assert_string_equal(name, "scaling");
    assert_string_equal(text, "name: scaling\n");
    assert_string_equal(runs_cpu_model(test_store, run, arena, &err), "CPU");
    assert_string_equal(runs_cpu_model(test_store, 99, arena, &err), "");
    assert_false(runs_configuration(test_store, 99, arena, &name, &text, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_string_equal(err.message, "there is no run 99");
    arena_free(arena);
}

static void jobs_are_listed_and_found_by_their_fingerprint(void **unused)
{
    (void)unused;
    int64_t run = test_new_run(), found;
    int64_t first = test_new_job(run, "q8_0", "f1", "data", "acc");
    int64_t second = test_new_job(run, "q4_0", "f2", "data", "acc");
    struct err err = {0};
    struct query *query = runs_jobs(test_store, run, &err);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(query_next(query, &err), 1);
        const struct job_row job = runs_job(query);
        assert_int_equal(job.id, i ? second : first);
        assert_string_equal(job.suite, "mmlu");
        assert_string_equal(job.protocol, "hendrycks");
        assert_string_equal(job.fingerprint, i ? "f2" : "f1");
        assert_string_equal(job.task, "");
        assert_false(job.is_judged);
    }
    assert_int_equal(query_next(query, &err), 0);
    query_close(query);
    assert_true(runs_find_job(test_store, run, "f2", &found, &err));
    assert_int_equal(found, second);
    assert_true(runs_find_job(test_store, run + 1, "f2", &found, &err));
    assert_int_equal(found, 0);
}

/* Ends a job that took 2 s for 4 items and 100 tokens. */
static void finish_job(int64_t job)
{
    struct err err = {0};
    const struct job_result result = {.duration_ns = 1,
                                      .naive_tokens = -1,
                                      .computed_tokens = 100,
                                      .computed_items = 4,
                                      .wall_ns = 2000000000};
    test_assert_done(store_finish_job(test_store, job, &result, &err), &err);
}

static void the_last_rate_with_the_same_weights_counts(void **unused)
{
    (void)unused;
    int64_t run = test_new_run(), job = test_new_job(run, "q8_0", "f1", "data", "acc");
    struct measured_rate rate;
    struct err err = {0};
    bool finished;
    assert_true(runs_job_is_finished(test_store, job, &finished, &err) && !finished);
    assert_true(runs_time_of_token(test_store, "beef", &rate, &err));
    assert_true(rate.seconds == 0); /* nothing is measured */
    const struct speed_record prefill = {.test = "prefill",
                                         .prompt_tokens = 64,
                                         .batch = 1,
                                         .n_threads = 1,
                                         .isa = "avx2",
                                         .duration_ns = 1,
                                         .tokens_per_s = 8};
    test_assert_done(store_put_speed(test_store, job, &prefill, &err), &err);
    assert_true(runs_time_of_token(test_store, "beef", &rate, &err));
    assert_true(rate.seconds == 0.125); /* in measured prefill */
    finish_job(job);
    assert_true(runs_job_is_finished(test_store, job, &finished, &err) && finished);
    assert_true(runs_time_of_token(test_store, "beef", &rate, &err));
    assert_true(rate.seconds == 0.02 && rate.run == run); /* in the job */
    assert_true(runs_time_of_item(test_store, "beef", "mmlu", "hendrycks", 5, &rate, &err));
    assert_true(rate.seconds == 0.5 && rate.run == run);
    assert_true(runs_time_of_item(test_store, "beef", "mmlu", "hendrycks", 0, &rate, &err));
    assert_true(rate.seconds == 0); /* with other shots */
    assert_true(runs_time_of_item(test_store, "dead", "mmlu", "hendrycks", 5, &rate, &err));
    assert_true(rate.seconds == 0); /* with other weights */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_TEST_STORE(the_newest_run_may_be_one_that_is_done),
        IN_TEST_STORE(what_a_run_was_made_with_is_read_back),
        IN_TEST_STORE(jobs_are_listed_and_found_by_their_fingerprint),
        IN_TEST_STORE(the_last_rate_with_the_same_weights_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
