/* store_fixture.c - see store_fixture.h.
 *
 * cmocka's set-up functions hand state over as void pointers; the store of the running test is a
 * global instead, which only tests may have.
 */
#include "tests/support/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "results/query.h"
#include "tests/support/test_data.h"

struct store *test_store;
static char folder[256];

int test_open_store(void **unused)
{
    (void)unused;
    char path[300];
    if (!test_make_folder(folder, sizeof folder)) return -1;
    snprintf(path, sizeof path, "%s/rows.db", folder);
    test_store = store_open(path, STORE_CREATE, NULL);
    return test_store ? 0 : -1;
}

int test_close_store(void **unused)
{
    (void)unused;
    store_close(test_store);
    test_remove_folder(folder);
    return 0;
}

void test_assert_rows(const char *sql, const char *expected)
{
    struct err err = {0};
    struct buf rows = {0};
    struct query *query = query_open(test_store, sql, &err);
    int more = query ? 1 : -1;
    while (more > 0 && (more = query_next(query, &err)) > 0) {
        if (rows.n_bytes) buf_char(&rows, '\n');
        for (int c = 0; c < query_columns(query); c++)
            buf_printf(&rows, "%s%s", c ? "|" : "",
                       query_is_null(query, c) ? "NULL" : query_text(query, c));
    }
    if (more < 0) fail_msg("%s", err.message);
    assert_string_equal(buf_string(&rows), expected);
    query_close(query);
    buf_free(&rows);
}

void test_assert_done(bool done, const struct err *err)
{
    if (!done) fail_msg("%s: %s", err->file, err->message);
}

struct run_record test_some_run(void)
{
    return (struct run_record){
        .name = "scaling",
        .command_line = "phibench run a.yaml",
        .config_path = "a.yaml",
        .config_text = "name: scaling\n",
        .config_hash = "c0ffee",
        .isa = "avx2",
        .n_threads = 2,
        .started_unix_ms = 1700000000000,
        .build = {.version = "0.1.0",
                  .git_revision = "abc",
                  .compiler = "gcc 12",
                  .flags = "-O2",
                  .git_dirty = true,
                  .numerics_version = 3},
        .machine = {.cpu_model = "CPU", .n_cores = 2, .frequency_mhz = 2400, .load_1min = 0.5}};
}

int64_t test_new_run(void)
{
    struct run_record run = test_some_run();
    struct err err = {0};
    int64_t id = 0;
    test_assert_done(store_begin_run(test_store, &run, &id, &err), &err);
    return id;
}

int64_t test_new_job(int64_t run, const char *quantization, const char *fingerprint,
                     const char *data_path, const char *metric)
{
    struct err err = {0};
    int64_t model, dataset, job;
    struct model_record model_record = {.id = "phi-3-mini",
                                        .name = "Phi-3 mini",
                                        .path = "phi.gguf",
                                        .architecture = "phi3",
                                        .quantization = quantization,
                                        .hash = "beef",
                                        .tokenizer = "spm",
                                        .n_params = 3821079552,
                                        .n_bytes = 2000000000,
                                        .context_tokens = 4096};
    struct dataset_record dataset_record = {"mmlu", data_path, "d474", 4};
    test_assert_done(store_put_model(test_store, &model_record, &model, &err), &err);
    test_assert_done(store_put_dataset(test_store, &dataset_record, &dataset, &err), &err);
    struct job_record record = {.run = run,
                                .model = model,
                                .dataset = dataset,
                                .suite = "mmlu",
                                .protocol = "hendrycks",
                                .metric = metric,
                                .fingerprint = fingerprint,
                                .bos = "auto",
                                .parameters_json = "{\"kv\":\"f16\"}",
                                .suite_version = 1,
                                .shots = 5,
                                .context_tokens = 4096,
                                .n_items = 4};
    test_assert_done(store_put_job(test_store, &record, &job, &err), &err);
    return job;
}

void test_put_answer(int64_t job, const char *key, const char *subset, const char *groups,
                     double score)
{
    struct err err = {0};
    struct answer_record answer = {.key = key,
                                   .file = "a.csv",
                                   .subset = subset,
                                   .expected = "C",
                                   .line = 3,
                                   .groups_json = groups,
                                   .response_json = "{\"answered\":true}",
                                   .n_prompt_tokens = 100,
                                   .n_new_tokens = 4,
                                   .duration_ns = 5000,
                                   .answered = true,
                                   .is_correct = score == 1,
                                   .score = score,
                                   .margin = 0.25,
                                   .predicted = score == 1 ? "C" : "A"};
    test_assert_done(store_begin(test_store, &err), &err);
    test_assert_done(store_put_answer(test_store, job, &answer, &err), &err);
    test_assert_done(store_commit(test_store, &err), &err);
}

void test_put_four_answers(int64_t job)
{
    test_put_answer(job, "anatomy/1", "anatomy", TEST_ANATOMY, 1);
    test_put_answer(job, "anatomy/2", "anatomy", TEST_ANATOMY, 0);
    test_put_answer(job, "other/1", "other", TEST_OTHER, 0);
    test_put_answer(job, "anatomy/3", "anatomy", TEST_ANATOMY, 1);
}
