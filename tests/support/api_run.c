/* api_run.c - see api_run.h.
 *
 * The configuration is written to c.yaml in the current folder.
 */
#include "tests/support/api_run.h"

#include "base/buf.h"
#include "harness/run/runner.h"
#include "results/query.h"
#include "tests/support/test_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

void api_run_write_mt_bench(void)
{
    struct buf questions = {0}, references = {0};
    for (int i = 1; i <= 10; i++) {
        buf_printf(&questions,
                   "{\"question_id\": %d, \"category\": \"math\", \"turns\": [\"ask %da\", \"ask "
                   "%db\"]}\n",
                   i, i, i);
        buf_printf(&references,
                   "{\"question_id\": %d, \"answer_id\": \"x\", \"model_id\": \"r\", \"choices\": "
                   "[{\"index\": 0, \"turns\": [\"one %d\", \"two %d\"]}], \"tstamp\": 0.0}\n",
                   i, i, i);
    }
    test_write_text("mt/question.jsonl", buf_string(&questions));
    test_write_text("mt/reference_answer/r.jsonl", buf_string(&references));
    buf_free(&questions);
    buf_free(&references);
}

struct api_outcome api_run(const struct test_server *server, const char *api, const char *suites,
                           const char *db)
{
    struct api_outcome outcome = {0};
    struct buf text = {0};
    int64_t run;
    const struct runner_options options = {.command_line = "phibench run c.yaml",
                                           .isa = isa_best()};
    buf_printf(&text,
               "models:\n  - {id: m, api: {base_url: \"%s\", model: gpt, retries: 1, wait_ms: 1, "
               "concurrency: 2%s}}\n%s",
               test_server_url(server), api, suites);
    test_write_text("c.yaml", buf_string(&text));
    buf_free(&text);
    struct config *config = config_read("c.yaml", NULL, 0, &outcome.err);
    struct plan *plan = config ? plan_make(config, NULL, &outcome.err) : NULL;
    struct store *store = plan ? store_open(db, STORE_CREATE, &outcome.err) : NULL;
    outcome.ok = store && plan_ask_servers(plan, NULL, &outcome.err) &&
                 runner_execute(plan, store, &options, &run, &outcome.err);
    store_close(store);
    plan_free(plan);
    config_free(config);
    return outcome;
}

double api_run_number(const char *db, const char *sql)
{
    struct err err = {0};
    struct store *store = store_open(db, STORE_READ, &err);
    struct query *query = store ? query_open(store, sql, &err) : NULL;
    if (!query || query_next(query, &err) != 1) fail_msg("%s: %s", sql, err.message);
    double value = query_number(query, 0);
    query_close(query);
    store_close(store);
    return value;
}
