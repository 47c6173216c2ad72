/* test_history.c - which numbers of a store are one series, in what order its revisions stand, and
 * what it says of them: changes of level and noise.
 */
#include "results/history.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/support/store_fixture.h"

/* numpy 2.2.0, from quantiles of type 7. */
static const double NOISE_OF_STEP = 0.014667216721671983;
static const int64_t HOUR_MS = 3600000;

/* A run of a revision that decodes as fast as the repetitions say. */
struct measured {
    const char *revision;
    bool is_dirty;
    int hour;
    double speeds[3]; /* 0: no repetition */
    const char *isa, *host;
};

static int64_t new_job(int64_t run, const char *fingerprint)
{
    struct err err = {0};
    int64_t model, job;
    const struct model_record tiny = {.id = "tiny", .quantization = "q4_0", .hash = "beef"};
    test_assert_done(store_put_model(test_store, &tiny, &model, &err), &err);
    const struct job_record record = {.run = run,
                                      .model = model,
                                      .kind = JOB_THROUGHPUT,
                                      .suite = "throughput",
                                      .protocol = "",
                                      .metric = "tokens_per_s",
                                      .fingerprint = fingerprint,
                                      .parameters_json = "{\"kv\":\"f16\"}"};
    test_assert_done(store_put_job(test_store, &record, &job, &err), &err);
    return job;
}

static int64_t put_run(const struct measured *measured)
{
    struct err err = {0};
    struct run_record record = test_some_run();
    int64_t run;
    record.started_unix_ms += measured->hour * HOUR_MS;
    record.build.git_revision = measured->revision;
    record.build.git_dirty = measured->is_dirty;
    record.machine.hostname_hash = measured->host ? measured->host : "d00d";
    test_assert_done(store_begin_run(test_store, &record, &run, &err), &err);
    int64_t job = new_job(run, "speed");
    struct speed_record speed = {.test = "decode",
                                 .prompt_tokens = 128,
                                 .generated_tokens = 64,
                                 .batch = 1,
                                 .n_threads = 2,
                                 .isa = measured->isa ? measured->isa : "avx2",
                                 .duration_ns = 1000000000,
                                 .rss_bytes = 64 << 20};
    for (int i = 0; i < 3 && measured->speeds[i] != 0; i++) {
        speed.repetition = i;
        speed.tokens_per_s = measured->speeds[i];
        test_assert_done(store_put_speed(test_store, job, &speed, &err), &err);
    }
    speed.test = "limit_read";
    test_assert_done(store_put_speed(test_store, job, &speed, &err), &err);
    speed.warm_up = true;
    speed.test = "decode";
    speed.tokens_per_s = 1;
    test_assert_done(store_put_speed(test_store, job, &speed, &err), &err);
    return run;
}

static struct history *load(const char *metric)
{
    struct err err = {0};
    const struct history_filter filter = {.metric = metric};
    struct history *history = history_load(test_store, &filter, &err);
    if (!history) fail_msg("%s", err.message);
    return history;
}

static void assert_point(const struct history_series *series, size_t i, const char *revision,
                         bool is_dirty, size_t n_runs, double value)
{
    const struct history_point *point = &series->points[i];
    assert_string_equal(point->revision, revision);
    assert_int_equal(point->is_dirty, is_dirty);
    assert_int_equal(point->n_runs, n_runs);
    assert_true(fabs(point->value - value) < 1e-9);
}

static void revisions_stand_in_the_order_of_their_first_runs(void **state)
{
    (void)state;
    put_run(&(struct measured){"bbb", false, 2, {10, 12, 11}, NULL, NULL});
    put_run(&(struct measured){"aaa", false, 5, {20, 0, 0}, NULL, NULL});
    put_run(&(struct measured){"bbb", true, 3, {13, 0, 0}, NULL, NULL});
    put_run(&(struct measured){"bbb", false, 9, {21, 0, 0}, NULL, NULL});
    put_run(&(struct measured){"bbb", false, 8, {14, 0, 0}, NULL, NULL});
    struct history *history = load(HISTORY_SPEED);
    assert_int_equal(history->n_series, 1);
    const struct history_series *series = history->series;
    assert_string_equal(series->key.name, "decode");
    assert_string_equal(series->key.kv, "f16");
    assert_string_equal(series->unit, "tokens/s");
    assert_true(series->is_better_higher);
    assert_int_equal(series->n_points, 3);
    /* Runs of 11 (the median of its repetitions), 14 and 21. */
    assert_point(series, 0, "bbb", false, 3, 14);
    assert_point(series, 1, "bbb", true, 1, 13);
    assert_point(series, 2, "aaa", false, 1, 20);
    assert_true(isnan(series->noise));
    assert_int_equal(series->n_noise, 2);
    history_free(history);
}

static void what_is_not_comparable_is_another_series(void **state)
{
    (void)state;
    put_run(&(struct measured){"aaa", false, 1, {10, 0, 0}, NULL, NULL});
    put_run(&(struct measured){"bbb", false, 2, {11, 0, 0}, "avx512", NULL});
    put_run(&(struct measured){"ccc", false, 3, {12, 0, 0}, NULL, "f00d"});
    struct history *history = load(NULL);
    /* Speed and memory of each: no limit of the machine, and no warm-up. */
    assert_int_equal(history->n_series, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(history->series[i].n_points, 1);
        assert_string_equal(history->series[i].key.metric, i < 3 ? HISTORY_SPEED : HISTORY_MEMORY);
    }
    assert_true(history->series[3].points[0].value == 64);
    assert_false(history->series[3].is_better_higher);
    history_free(history);
}

/* Twelve revisions, of which the seventh is a tenth slower. */
static int64_t put_step(void)
{
    static const double SPEEDS[] = {100, 101, 100, 102, 101, 100, 90, 91, 90, 89, 90, 91};
    int64_t run = 0;
    for (size_t i = 0; i < COUNT_OF(SPEEDS); i++) {
        char revision[8];
        snprintf(revision, sizeof revision, "r%zu", i);
        run = put_run(&(struct measured){revision, false, (int)i, {SPEEDS[i], 0, 0}, NULL, NULL});
    }
    return run;
}

static void a_change_of_level_is_no_noise(void **state)
{
    (void)state;
    put_step();
    struct history *history = load(HISTORY_SPEED);
    const struct history_series *series = history->series;
    assert_int_equal(series->n_changes, 1);
    assert_int_equal(series->changes[0].index, 6);
    assert_true(fabs(series->changes[0].percent -
                     100 * (90.166666666666667 / 100.66666666666667 - 1)) < 1e-9);
    assert_int_equal(series->n_noise, 10);
    assert_true(fabs(series->noise - NOISE_OF_STEP) < 1e-12);
    history_free(history);
}

static void a_gate_asks_for_the_noise_of_one_series(void **state)
{
    (void)state;
    struct err err = {0};
    struct arena *arena = arena_new(0, &err);
    struct history_key key = {.metric = HISTORY_SPEED,
                              .model = "tiny",
                              .quantization = "q4_0",
                              .name = "decode",
                              .protocol = "",
                              .prompt_tokens = 128,
                              .generated_tokens = 64,
                              .batch = 1,
                              .kv = "f16",
                              .n_threads = 2,
                              .isa = "avx2"};
    double threshold;
    size_t n;
    int64_t run = put_step();
    test_assert_done(history_machine(test_store, run, arena, &key.cpu_model, &key.host, &err),
                     &err);
    assert_string_equal(key.cpu_model, "CPU");
    test_assert_done(history_threshold(test_store, &key, &threshold, &n, &err), &err);
    assert_int_equal(n, 10);
    assert_true(fabs(threshold - NOISE_OF_STEP) < 1e-12);
    key.generated_tokens = 65;
    test_assert_done(history_threshold(test_store, &key, &threshold, &n, &err), &err);
    assert_true(isnan(threshold) && n == 0);
    assert_false(history_machine(test_store, run + 1, arena, &key.cpu_model, &key.host, &err));
    assert_int_equal(err.code, ERR_INPUT);
    arena_free(arena);
}

static void scores_have_no_machine_and_further_ones_are_asked_for(void **state)
{
    (void)state;
    struct err err = {0};
    int64_t job = test_new_job(test_new_run(), "q4_0", "a", "data", "acc");
    test_put_four_answers(job);
    test_assert_done(store_compute_scores(test_store, job, &err), &err);
    struct history *history = load(NULL);
    assert_int_equal(history->n_series, 1);
    assert_string_equal(history->series[0].key.metric, "acc");
    assert_string_equal(history->series[0].key.name, "mmlu");
    assert_string_equal(history->series[0].key.cpu_model, "");
    assert_string_equal(history->series[0].unit, "percent");
    assert_true(history->series[0].points[0].value == 50);
    history_free(history);
    history = load("acc_macro");
    assert_int_equal(history->n_series, 1);
    assert_string_equal(history->series[0].key.metric, "acc_macro");
    history_free(history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_TEST_STORE(revisions_stand_in_the_order_of_their_first_runs),
        IN_TEST_STORE(what_is_not_comparable_is_another_series),
        IN_TEST_STORE(a_change_of_level_is_no_noise),
        IN_TEST_STORE(a_gate_asks_for_the_noise_of_one_series),
        IN_TEST_STORE(scores_have_no_machine_and_further_ones_are_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
