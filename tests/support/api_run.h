/* api_run.h - a run of a configuration whose one model stands behind a test's server.
 *
 * Works in the current folder, which is the test's own. Failures of SQL fail the running test.
 */
#ifndef PHIBENCH_TESTS_SUPPORT_API_RUN_H
#define PHIBENCH_TESTS_SUPPORT_API_RUN_H

#include "base/err.h"
#include "tests/support/test_server.h"

struct api_outcome {
    bool ok;
    struct err err;
};

/* Writes ten questions "ask 1a", "ask 1b" ... of MT-bench to mt/, whose folders are there; the
 * references are "one 1", "two 1" ... */
void api_run_write_mt_bench(void);

/* api: further keys of the model's `api`, ", logprobs: echo"; suites: what follows the models. */
struct api_outcome api_run(const struct test_server *server, const char *api, const char *suites,
                           const char *db);

/* The number that a statement gives in a database. */
double api_run_number(const char *db, const char *sql);

#endif
