/* test_findings.c - sentences of a report: an order of models where the intervals allow it and only
 * there, losses that a test finds and no others.
 */
#include "reports/findings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/store_fixture.h"

enum { N_ITEMS = 100 };

/* A job of 100 questions, those in [first_right, end_right) answered rightly. */
static void add_job(int64_t run, const char *id, uint64_t n_params, const char *quantization,
                    int first_right, int end_right)
{
    struct err err = {0};
    int64_t model, dataset, job;
    char fingerprint[64];
    snprintf(fingerprint, sizeof fingerprint, "%s %s", id, quantization);
    const struct model_record model_record = {.id = id,
                                              .name = id,
                                              .path = fingerprint,
                                              .architecture = "phi3",
                                              .quantization = quantization,
                                              .hash = fingerprint,
                                              .tokenizer = "spm",
                                              .n_params = n_params,
                                              .n_bytes = 2 * n_params,
                                              .context_tokens = 1024};
    const struct dataset_record dataset_record = {"mmlu", "data", "d474", N_ITEMS};
    test_assert_done(store_put_model(test_store, &model_record, &model, &err), &err);
    test_assert_done(store_put_dataset(test_store, &dataset_record, &dataset, &err), &err);
    const struct job_record record = {.run = run,
                                      .model = model,
                                      .dataset = dataset,
                                      .suite = "mmlu",
                                      .protocol = "hendrycks",
                                      .metric = "acc",
                                      .fingerprint = fingerprint,
                                      .bos = "auto",
                                      .parameters_json = "{}",
                                      .suite_version = 1,
                                      .shots = 5,
                                      .context_tokens = 1024,
                                      .n_items = N_ITEMS};
    test_assert_done(store_put_job(test_store, &record, &job, &err), &err);
    for (int i = 0; i < N_ITEMS; i++) {
        char key[32];
        snprintf(key, sizeof key, "anatomy/%d", i);
        test_put_answer(job, key, "anatomy", TEST_ANATOMY, i >= first_right && i < end_right);
    }
    test_assert_done(store_compute_scores(test_store, job, &err), &err);
}

/* The findings of the run are exactly these, each claim and text, NULL-ended. */
static void assert_findings(int64_t run, const char *const *expected)
{
    struct err err = {0};
    struct findings findings;
    struct report_pairs pairs;
    struct report_data *data = report_data_load(test_store, &run, 1, &err);
    test_assert_done(data && pairs_load(test_store, data, &pairs, &err) &&
                         findings_build(data, &pairs, &findings, &err),
                     &err);
    size_t n = 0;
    for (; expected[n]; n++) {
        char told[2000];
        assert_true(n < findings.n);
        snprintf(told, sizeof told, "%s %s", findings.items[n].claim, findings.items[n].text);
        assert_string_equal(told, expected[n]);
    }
    assert_int_equal(findings.n, n);
    report_data_free(data);
}

static void models_are_ordered_where_no_intervals_overlap(void **unused)
{
    (void)unused;
    int64_t run = test_new_run();
    add_job(run, "large", 6000000, "f16", 0, 95); /* not in the order of their sizes */
    add_job(run, "small", 1000000, "f16", 0, 30);
    add_job(run, "middle", 3000000, "f16", 0, 60);
    assert_findings(
        run, (const char *const[]){
                 "Bigger knows more. Of 100 questions (mmlu, hendrycks, 5 shots, f16), small gets "
                 "30.0% right (95% interval 21.9 to 39.6), middle 60.0% (50.2 to 69.1) and large "
                 "95.0% (88.8 to 97.8). No two intervals overlap.",
                 NULL});
}

static void models_are_not_ordered_where_intervals_overlap(void **unused)
{
    (void)unused;
    int64_t run = test_new_run();
    add_job(run, "small", 1000000, "f16", 0, 30);
    add_job(run, "middle", 3000000, "f16", 0, 60);
    add_job(run, "large", 6000000, "f16", 0, 62);
    assert_findings(
        run,
        (const char *const[]){
            "The biggest knows more than the smallest, the order between is open. Of 100 questions "
            "(mmlu, hendrycks, 5 shots, f16), small gets 30.0% right (95% interval 21.9 to 39.6), "
            "middle 60.0% (50.2 to 69.1) and large 62.0% (52.2 to 70.9). The intervals of middle "
            "and large overlap: they do not tell the two apart.",
            NULL});
}

static void a_larger_model_that_is_worse_is_no_order(void **unused)
{
    (void)unused;
    int64_t run = test_new_run();
    add_job(run, "small", 1000000, "f16", 0, 90);
    add_job(run, "large", 6000000, "f16", 0, 30);
    assert_findings(
        run, (const char *const[]){
                 "Bigger is not better here. Of 100 questions (mmlu, hendrycks, 5 shots, f16), "
                 "small gets 90.0% right (95% interval 82.6 to 94.5) and large 30.0% (21.9 to "
                 "39.6). small is ahead of large, which is larger.",
                 NULL});
}

static void losses_are_named_where_a_test_finds_them(void **unused)
{
    (void)unused;
    int64_t run = test_new_run();
    add_job(run, "mini", 1000000, "f16", 0, 60);
    add_job(run, "mini", 1000000, "q8_0", 1, 60);  /* one answer less */
    add_job(run, "mini", 1000000, "q4_k", 20, 62); /* 20 lost, 2 gained */
    add_job(run, "mini", 1000000, "q2_k", 50, 60);
    /* Holm: p of 50 against 0 is 1.8e-15, tripled; of 20 against 2 1.21e-4, doubled; of 1 against 0
     * it is 1. */
    assert_findings(
        run,
        (const char *const[]){
            "Fewer bits cost accuracy. Against f16 of the same model on the same 100 questions "
            "(mmlu, hendrycks, 5 shots), q4_k costs mini 18.0 points (9.1 to 26.2, p 0.00024); "
            "q2_k costs mini 50.0 points (39.1 to 58.9, p < 0.0001). "
            "No loss beyond chance in the other: mini q8_0, -1.0 points (-3.7 to +1.7, p 1). In "
            "parentheses 95% intervals; McNemar's exact test, p adjusted by Holm.",
            NULL});
}

static void no_loss_is_claimed_that_no_test_finds(void **unused)
{
    (void)unused;
    int64_t run = test_new_run();
    add_job(run, "mini", 1000000, "f16", 0, 60);
    add_job(run, "mini", 1000000, "q8_0", 1, 60);
    add_job(run, "mini", 1000000, "q4_k", 0, 60);
    assert_findings(
        run,
        (const char *const[]){
            "Fewer bits cost nothing that shows. Against f16 of the same model on the same 100 "
            "questions (mmlu, hendrycks, 5 shots), no loss beyond chance in any of 2; the "
            "lowest is mini q8_0, -1.0 points (-3.7 to +1.7, p 1). In parentheses 95% intervals; "
            "McNemar's exact test, p adjusted by Holm.",
            NULL});
}

static void a_sentence_names_one_base(void **unused)
{
    (void)unused;
    int64_t run = test_new_run();
    add_job(run, "mini", 1000000, "f16", 0, 60);
    add_job(run, "mini", 1000000, "q8_0", 1, 60);
    add_job(run, "other", 1000000, "q8_0", 0,
            60); /* has no f16: its loss is against another base */
    add_job(run, "other", 1000000, "q2_k", 20, 62);
    assert_findings(
        run,
        (const char *const[]){
            "Fewer bits cost nothing that shows. Against f16 of the same model on the same 100 "
            "questions (mmlu, hendrycks, 5 shots), no loss beyond chance in the only one: mini "
            "q8_0, -1.0 points (-3.7 to +1.7, p 1). In parentheses 95% intervals; McNemar's exact "
            "test.",
            NULL});
}

static void one_model_has_the_highest_score(void **unused)
{
    (void)unused;
    int64_t run = test_new_run();
    assert_findings(run, (const char *const[]){NULL});
    add_job(run, "mini", 1000000, "f16", 0, 60);
    assert_findings(run, (const char *const[]){
                             "Highest score: mini f16 with 60.00%, 95% interval 50.20 to 69.06, "
                             "100 questions (mmlu, hendrycks, 5 shots).",
                             NULL});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_TEST_STORE(models_are_ordered_where_no_intervals_overlap),
        IN_TEST_STORE(models_are_not_ordered_where_intervals_overlap),
        IN_TEST_STORE(a_larger_model_that_is_worse_is_no_order),
        IN_TEST_STORE(losses_are_named_where_a_test_finds_them),
        IN_TEST_STORE(no_loss_is_claimed_that_no_test_finds),
        IN_TEST_STORE(a_sentence_names_one_base),
        IN_TEST_STORE(one_model_has_the_highest_score),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
