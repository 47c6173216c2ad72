/* test_comparison.c - two runs side by side, and what a gate says of them: equal bits, copies,
 * flips, what is refused and what is missing, speeds from run to run.
 */
#include "results/comparison.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "results/gate_judge.h"
#include "results/runs.h"
#include "results/stats/rates.h"
#include "tests/support/store_fixture.h"

enum { N_ITEMS = 40 };

/* How a run differs from the plain one. */
struct making {
    const char *revision, *protocol, *logits_hash;
    int numerics;
    int first_wrong; /* items from here on are wrong */
    int n_items;
    int64_t duration_ns;  /* of every answer: other than the other run's, unless it is a copy */
    double logprob;       /* of the right choice; the wrong one has -2 */
    double rate, foreign; /* tokens/s of `decode`; 0: not measured. foreign: -1: not known */
    bool is_unfinished;
};
static const struct making PLAIN = {.revision = "aaaaaaaaaa",
                                    .protocol = "hendrycks",
                                    .logits_hash = "one",
                                    .numerics = 1,
                                    .first_wrong = 30,
                                    .n_items = N_ITEMS,
                                    .duration_ns = 1000,
                                    .logprob = -1,
                                    .foreign = -1};

static int64_t new_run(const struct making *making)
{
    struct err err = {0};
    struct run_record record = test_some_run();
    int64_t run;
    record.build.git_revision = making->revision;
    record.build.numerics_version = making->numerics;
    record.build.git_dirty = false;
    test_assert_done(store_begin_run(test_store, &record, &run, &err), &err);
    return run;
}

static void put_answers(int64_t job, const struct making *making)
{
    struct err err = {0};
    for (int i = 0; i < making->n_items; i++) {
        char key[16], content[200], hash[32];
        bool is_right = i < making->first_wrong;
        snprintf(key, sizeof key, "a/%d", i);
        snprintf(hash, sizeof hash, "%s %d", making->logits_hash, i);
        snprintf(content, sizeof content,
                 "{\"answered\":true,\"choices\":[{\"logprob\":%g},{\"logprob\":-2}]}",
                 making->logprob + 1e-3 * i);
        const struct answer_record answer = {.key = key,
                                             .subset = "a",
                                             .expected = "A",
                                             .groups_json = "[]",
                                             .response_json = content,
                                             .logits_hash = hash,
                                             .n_prompt_tokens = 10,
                                             .duration_ns = making->duration_ns + i,
                                             .answered = true,
                                             .is_correct = is_right,
                                             .score = is_right,
                                             .margin = is_right ? 1 : -1,
                                             .predicted = is_right ? "A" : "B"};
        test_assert_done(store_put_answer(test_store, job, &answer, &err), &err);
    }
}

static void put_speed(int64_t run, int64_t model, const struct making *making)
{
    enum { REPETITIONS = 5 };
    struct err err = {0};
    int64_t job;
    const struct job_record record = {.run = run,
                                      .model = model,
                                      .kind = JOB_THROUGHPUT,
                                      .suite = "throughput",
                                      .protocol = "",
                                      .metric = "tokens_per_s",
                                      .fingerprint = "t"};
    test_assert_done(store_put_job(test_store, &record, &job, &err), &err);
    for (int i = 0; i < REPETITIONS; i++) {
        const struct speed_record speed = {.test = "decode",
                                           .prompt_tokens = 8,
                                           .generated_tokens = 64,
                                           .batch = 1,
                                           .n_threads = 1,
                                           .repetition = i,
                                           .isa = "avx2",
                                           .duration_ns = 1000,
                                           .tokens_per_s = making->rate * (1 + 0.001 * i),
                                           .foreign_share = making->foreign};
        test_assert_done(store_put_speed(test_store, job, &speed, &err), &err);
    }
    const struct job_result result = job_result_of_speed(1);
    test_assert_done(store_finish_job(test_store, job, &result, &err), &err);
}

static int64_t make_run(const struct making *making)
{
    struct err err = {0};
    int64_t run = new_run(making), model, dataset, job;
    const struct model_record model_record = {.id = "mini", .quantization = "q4_0", .hash = "w"};
    const struct dataset_record dataset_record = {"mmlu", "data", "d474", N_ITEMS};
    const struct job_result result = {-1, -1, -1, -1, -1, making->logits_hash};
    test_assert_done(store_put_model(test_store, &model_record, &model, &err), &err);
    test_assert_done(store_put_dataset(test_store, &dataset_record, &dataset, &err), &err);
    const struct job_record record = {.run = run,
                                      .model = model,
                                      .dataset = dataset,
                                      .suite = "mmlu",
                                      .protocol = making->protocol,
                                      .metric = "acc",
                                      .fingerprint = making->protocol,
                                      .parameters_json = "{\"bos\":\"auto\"}",
                                      .suite_version = 1,
                                      .shots = 5,
                                      .n_items = N_ITEMS};
    test_assert_done(store_put_job(test_store, &record, &job, &err), &err);
    put_answers(job, making);
    if (!making->is_unfinished)
        test_assert_done(store_finish_job(test_store, job, &result, &err), &err);
    if (making->rate > 0) put_speed(run, model, making);
    return run;
}

static struct comparison *compare(int64_t base, int64_t candidate, struct err *err)
{
    const struct side a = {.store = test_store, .run = base};
    const struct side b = {.store = test_store, .run = candidate};
    const struct comparison_options options = {.n_flips = 3};
    return comparison_make(&a, &b, &options, err);
}

static struct comparison *compare_made(const struct making *base, const struct making *candidate)
{
    struct err err = {0};
    int64_t a = make_run(base), b = make_run(candidate);
    struct comparison *comparison = compare(a, b, &err);
    if (!comparison) fail_msg("%s", err.message);
    return comparison;
}

static struct gate_margins no_margins(void)
{
    struct gate_margins margins = {0};
    for (int i = 0; i < N_LINE_KINDS; i++) margins.most[i] = NAN;
    return margins;
}

static const struct gate *judge(const struct comparison *comparison,
                                const struct gate_margins *margins)
{
    struct err err = {0};
    const struct gate *gate = gate_judge(comparison, margins, &err);
    if (!gate) fail_msg("%s", err.message);
    return gate;
}

/* The reason of the first check of that name. */
static const char *reason_of(const struct gate *gate, const char *what, enum gate_verdict verdict)
{
    for (size_t i = 0; i < gate->n; i++)
        if (!strcmp(gate->checks[i].what, what) && gate->checks[i].verdict == verdict)
            return gate->checks[i].reason;
    fail_msg("no %s of %s", gate_verdict_name(verdict), what);
    return NULL;
}

/* ---- Bits ---- */

static void equal_bits_need_no_test(void **unused)
{
    (void)unused;
    struct making candidate = PLAIN;
    struct gate_margins margins = no_margins();
    candidate.duration_ns = 5000;
    margins.most[LINE_SCORE] = 0.5;
    margins.most[LINE_RIGHT_LOGPROB] = 0;
    struct comparison *comparison = compare_made(&PLAIN, &candidate);
    assert_true(comparison_same_bits(comparison));
    assert_int_equal(comparison->pairs[0].n, N_ITEMS);
    assert_null(comparison_line(comparison, LINE_RIGHT_LOGPROB, &comparison->pairs[0]));
    const struct gate *gate = judge(comparison, &margins);
    assert_int_equal(gate->verdict, GATE_PASS);
    assert_string_equal(reason_of(gate, "score", GATE_PASS), "same bits");
    assert_non_null(strstr(gate->power, "bit for bit"));
    comparison_free(comparison);
}

/* Reuses the answers of the run in a new one, as the runner does. */
static int64_t take_over(const struct making *making)
{
    struct making empty = *making;
    struct err err = {0};
    char keys[N_ITEMS][16];
    const char *list[N_ITEMS];
    int64_t job;
    size_t n = 0;
    empty.n_items = 0;
    int64_t run = make_run(&empty);
    for (int i = 0; i < N_ITEMS; i++) {
        snprintf(keys[i], sizeof keys[i], "a/%d", i);
        list[i] = keys[i];
    }
    test_assert_done(runs_find_job(test_store, run, making->protocol, &job, &err) &&
                         store_reuse_answers(test_store, job, list, NULL, N_ITEMS, &n, &err),
                     &err);
    assert_int_equal(n, N_ITEMS);
    return run;
}

static void answers_that_were_taken_over_tell_nothing(void **unused)
{
    (void)unused;
    struct gate_margins margins = no_margins();
    struct err err = {0};
    int64_t base = make_run(&PLAIN), candidate = take_over(&PLAIN);
    struct comparison *comparison = compare(base, candidate, &err);
    assert_non_null(comparison);
    assert_int_equal(comparison->pairs[0].n_taken_over, N_ITEMS);
    margins.most[LINE_SCORE] = 1;
    const struct gate *gate = judge(comparison, &margins);
    assert_int_equal(gate->verdict, GATE_CANNOT_TELL);
    assert_non_null(strstr(reason_of(gate, "bits", GATE_CANNOT_TELL), "--fresh"));
    comparison_free(comparison);
}

/* Other logits under one version of the numerics are a fault, whatever the scores say. */
static void changed_bits_fail_unless_they_may_change(void **unused)
{
    (void)unused;
    struct making candidate = PLAIN;
    struct gate_margins margins = no_margins();
    candidate.logits_hash = "two";
    candidate.duration_ns = 5000;
    struct comparison *comparison = compare_made(&PLAIN, &candidate);
    assert_int_equal(comparison->pairs[0].n_logits, N_ITEMS);
    const struct gate *gate = judge(comparison, &margins);
    assert_int_equal(gate->verdict, GATE_FAIL);
    assert_non_null(strstr(reason_of(gate, "bits", GATE_FAIL), "40 of 40"));
    margins.bits_may_change = true;
    assert_int_equal(judge(comparison, &margins)->verdict, GATE_PASS);
    comparison_free(comparison);
}

static void another_version_of_the_numerics_fails_unless_it_may_change(void **unused)
{
    (void)unused;
    struct making candidate = PLAIN;
    struct gate_margins margins = no_margins();
    candidate.logits_hash = "two";
    candidate.numerics = 2;
    candidate.duration_ns = 5000;
    struct comparison *comparison = compare_made(&PLAIN, &candidate);
    const struct gate *gate = judge(comparison, &margins);
    assert_int_equal(gate->verdict, GATE_FAIL);
    reason_of(gate, "numerics", GATE_FAIL);
    margins.numerics_may_change = true;
    assert_int_equal(judge(comparison, &margins)->verdict, GATE_PASS);
    comparison_free(comparison);
}

/* ---- Answers ---- */

static void flips_and_scores_are_counted_and_tested(void **unused)
{
    (void)unused;
    struct making candidate = PLAIN;
    struct gate_margins margins = no_margins();
    candidate.first_wrong = 22;
    candidate.logits_hash = "two";
    candidate.duration_ns = 5000;
    candidate.logprob = -1.5;
    struct comparison *comparison = compare_made(&PLAIN, &candidate);
    const struct job_pair *pair = &comparison->pairs[0];
    const struct comparison_line *score = comparison_line(comparison, LINE_SCORE, pair);
    const struct estimate expected = stats_newcombe(22, 8, 0, 10);
    assert_int_equal(pair->n_lost, 8);
    assert_int_equal(pair->n_gained, 0);
    assert_int_equal(pair->n_flips, 3);
    assert_true(pair->flips[0].is_lost);
    assert_string_equal(pair->flips[0].base, "A");
    assert_string_equal(pair->flips[0].candidate, "B");
    assert_true(fabs(score->change.mean + 20) < 1e-9);
    assert_true(fabs(score->change.interval.low - 100 * expected.interval.low) < 1e-9);
    assert_true(fabs(score->p - stats_mcnemar(8, 0)) < 1e-15);
    const struct comparison_line *right = comparison_line(comparison, LINE_RIGHT_LOGPROB, pair);
    assert_true(fabs(right->change.mean + 0.5) < 1e-12);
    margins.bits_may_change = true;
    margins.most[LINE_SCORE] = 1;
    assert_int_equal(judge(comparison, &margins)->verdict, GATE_FAIL);
    margins.most[LINE_SCORE] = 20;
    assert_int_equal(judge(comparison, &margins)->verdict, GATE_CANNOT_TELL);
    margins.most[LINE_SCORE] = 40;
    assert_int_equal(judge(comparison, &margins)->verdict, GATE_PASS);
    comparison_free(comparison);
}

static void what_was_asked_otherwise_is_refused(void **unused)
{
    (void)unused;
    struct making candidate = PLAIN;
    struct err err = {0};
    candidate.protocol = "lm-eval";
    int64_t base = make_run(&PLAIN), other = make_run(&candidate);
    assert_null(compare(base, other, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_non_null(strstr(err.message, "protocol is hendrycks in the base and lm-eval"));
}

static void what_is_missing_cannot_be_told(void **unused)
{
    (void)unused;
    struct making candidate = PLAIN;
    struct gate_margins margins = no_margins();
    candidate.n_items = 20;
    candidate.is_unfinished = true;
    candidate.duration_ns = 5000;
    struct comparison *comparison = compare_made(&PLAIN, &candidate);
    assert_int_equal(judge(comparison, &margins)->verdict, GATE_CANNOT_TELL);
    comparison_free(comparison);
    candidate = PLAIN;
    candidate.duration_ns = 5000;
    margins.most[LINE_SPEED] = 5;
    comparison = compare_made(&PLAIN, &candidate);
    const struct gate *gate = judge(comparison, &margins);
    assert_int_equal(gate->verdict, GATE_CANNOT_TELL);
    assert_non_null(strstr(reason_of(gate, "speed", GATE_CANNOT_TELL), "nothing was measured"));
    comparison_free(comparison);
}

/* ---- Speeds ---- */

static const struct comparison_line *speed_line(const struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->n_lines; i++)
        if (comparison->lines[i].kind == LINE_SPEED) return &comparison->lines[i];
    fail_msg("no speed");
    return NULL;
}

static enum gate_verdict judge_speeds(const struct making *base, const struct making *candidate,
                                      int n_runs, double margin)
{
    struct gate_margins margins = no_margins();
    int64_t a = make_run(&PLAIN), b = a;
    struct err err = {0};
    for (int i = 0; i < n_runs; i++) {
        struct making one = *base, other = *candidate;
        one.rate *= 1 + 0.004 * i;
        other.rate *= 1 + 0.004 * (n_runs - i);
        /* Each run computes its answers itself. */
        one.duration_ns = 100000 * (a + b) + 1000;
        other.duration_ns = 100000 * (a + b) + 2000;
        a = make_run(&one);
        b = make_run(&other);
    }
    struct comparison *comparison = compare(a, b, &err);
    if (!comparison) fail_msg("%s", err.message);
    assert_int_equal(comparison->candidate.n_runs, n_runs);
    margins.most[LINE_SPEED] = margin;
    enum gate_verdict verdict = judge(comparison, &margins)->verdict;
    comparison_free(comparison);
    return verdict;
}

/* Two single runs see large changes only; more runs see smaller ones. */
static void speeds_are_judged_by_how_far_runs_spread(void **unused)
{
    (void)unused;
    struct making base = PLAIN, candidate = PLAIN;
    base.rate = 100;
    candidate.revision = "bbbbbbbbbb";
    candidate.duration_ns = 5000;
    candidate.rate = 97;
    assert_int_equal(judge_speeds(&base, &candidate, 1, 2), GATE_CANNOT_TELL);
    candidate.revision = "cccccccccc";
    base.revision = "dddddddddd";
    candidate.rate = 80;
    assert_int_equal(judge_speeds(&base, &candidate, 1, 2), GATE_FAIL);
    candidate.revision = "eeeeeeeeee";
    base.revision = "ffffffffff";
    candidate.rate = 94;
    assert_int_equal(judge_speeds(&base, &candidate, 6, 2), GATE_FAIL);
    candidate.revision = "ababababab";
    base.revision = "cdcdcdcdcd";
    candidate.rate = 100;
    assert_int_equal(judge_speeds(&base, &candidate, 6, 3), GATE_PASS);
}

static void a_disturbed_measurement_cannot_be_told(void **unused)
{
    (void)unused;
    struct making base = PLAIN, candidate = PLAIN;
    base.rate = 100;
    candidate.revision = "bbbbbbbbbb";
    candidate.duration_ns = 5000;
    candidate.rate = 60;
    candidate.foreign = 0.3;
    struct comparison *comparison = compare_made(&base, &candidate);
    assert_non_null(strstr(speed_line(comparison)->doubt, "others had 30%"));
    struct gate_margins margins = no_margins();
    margins.most[LINE_SPEED] = 5;
    assert_int_equal(judge(comparison, &margins)->verdict, GATE_CANNOT_TELL);
    comparison_free(comparison);
}

static void a_faster_candidate_is_said_to_be(void **unused)
{
    (void)unused;
    struct making base = PLAIN, candidate = PLAIN;
    base.rate = 100;
    candidate.revision = "bbbbbbbbbb";
    candidate.duration_ns = 5000;
    candidate.rate = 130;
    struct comparison *comparison = compare_made(&base, &candidate);
    struct gate_margins margins = no_margins();
    margins.most[LINE_SPEED] = 5;
    const struct gate *gate = judge(comparison, &margins);
    assert_int_equal(gate->verdict, GATE_PASS);
    assert_true(gate->is_faster);
    comparison_free(comparison);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_TEST_STORE(equal_bits_need_no_test),
        IN_TEST_STORE(answers_that_were_taken_over_tell_nothing),
        IN_TEST_STORE(changed_bits_fail_unless_they_may_change),
        IN_TEST_STORE(another_version_of_the_numerics_fails_unless_it_may_change),
        IN_TEST_STORE(flips_and_scores_are_counted_and_tested),
        IN_TEST_STORE(what_was_asked_otherwise_is_refused),
        IN_TEST_STORE(what_is_missing_cannot_be_told),
        IN_TEST_STORE(speeds_are_judged_by_how_far_runs_spread),
        IN_TEST_STORE(a_disturbed_measurement_cannot_be_told),
        IN_TEST_STORE(a_faster_candidate_is_said_to_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
