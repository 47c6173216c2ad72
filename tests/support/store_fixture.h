/* store_fixture.h - a store for each test, rows to fill it with, and a look at what came out.
 *
 * Everything works on test_store and fails the running test where it cannot do its work.
 */
#ifndef PHIBENCH_TESTS_SUPPORT_STORE_FIXTURE_H
#define PHIBENCH_TESTS_SUPPORT_STORE_FIXTURE_H

#include "results/store.h"

extern struct store *test_store;

/* Set-up and tear-down: an empty store in a folder of its own. */
int test_open_store(void **unused);
int test_close_store(void **unused);
#define IN_TEST_STORE(test) cmocka_unit_test_setup_teardown(test, test_open_store, test_close_store)

/* Compares all rows of a query: columns separated by '|', rows by '\n', NULL as NULL. */
void test_assert_rows(const char *sql, const char *expected);
/* Fails with the error's message unless done. */
void test_assert_done(bool done, const struct err *err);

/* Run 1, with its build and its machine, in a database of any version. */
#define TEST_RUN_1                                                                                 \
    "INSERT INTO build (id, version, git_revision, git_dirty, numerics_version) "                  \
    "VALUES (1, '0', 'a', 0, 1); INSERT INTO machine (id) VALUES (1);"                             \
    "INSERT INTO run (id, name, status, build, machine, config_hash, n_threads, "                  \
    "started_unix_ms) VALUES (1, 'r', 'interrupted', 1, 1, 'c', 1, 1);"

struct run_record test_some_run(void);
int64_t test_new_run(void);
/* A job of phi-3-mini on mmlu, hendrycks, 5 shots; the hash of the data is always the same. */
int64_t test_new_job(int64_t run, const char *quantization, const char *fingerprint,
                     const char *data_path, const char *metric);

#define TEST_ANATOMY                                                                               \
    "[[\"subject\",\"anatomy\"],[\"subcategory\",\"health\"],[\"category\",\"other\"]]"
#define TEST_OTHER "[[\"subject\",\"other\"],[\"subcategory\",\"other\"],[\"category\",\"other\"]]"

void test_put_answer(int64_t job, const char *key, const char *subset, const char *groups,
                     double score);
/* anatomy: right, wrong, right; other: wrong. */
void test_put_four_answers(int64_t job);

#endif
