/* test_run_servers.c - runs with models whose server says what it is, or nothing: which answers are
 * taken over, which are asked anew, and what becomes of reasoning.
 */
#include "tests/support/api_run.h"

#include "base/file.h"
#include "results/query.h"
#include "results/store.h"
#include "tests/support/test_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MT_BENCH "suites:\n  - mt_bench: {data: mt, judge: {rule: reference-match}}\n"

static int enter_folder(void **state)
{
    if (test_enter_folder(state) != 0 || !file_make_folders("mt/reference_answer", NULL)) return -1;
    api_run_write_mt_bench();
    return 0;
}

static int number_after(const char *body, const char *word)
{
    const char *at = strstr(body, word);
    return at ? atoi(at + strlen(word)) : 0;
}

static void answer(void *context, const struct test_call *call, struct test_reply *reply)
{
    (void)context, (void)call;
    snprintf(reply->body, sizeof reply->body,
             "{\"choices\":[{\"message\":{\"content\":\"one\"}}],\"usage\":{\"prompt_tokens\":5,"
             "\"completion_tokens\":2}}");
}

/* What the server says of itself. */
struct self {
    const char *root; /* NULL: nothing */
    int created;
};

static void describe_self(void *context, const struct test_call *call, struct test_reply *reply)
{
    struct self *self = context;
    reply->status = self->root && !strcmp(call->path, "/v1/models") ? 200 : 404;
    snprintf(reply->body, sizeof reply->body,
             "{\"data\":[{\"id\":\"gpt\",\"root\":\"%s\",\"created\":%d,\"permission\":[%d]}]}",
             self->root ? self->root : "", self->created, self->created);
    self->created++;
}

/* How often the server is asked by another run. */
static int count_asked(struct test_server *server, const char *api)
{
    static int n_runs = 0;
    char suites[256];
    int n_before = test_server_count(server);
    snprintf(suites, sizeof suites, "name: run %d\n" MT_BENCH, n_runs++);
    struct api_outcome outcome = api_run(server, api, suites, "self.db");
    if (!outcome.ok) fail_msg("%s", outcome.err.message);
    return test_server_count(server) - n_before;
}

static void answers_belong_to_the_model_that_stands_behind_the_url(void **state)
{
    (void)state;
    struct self self = {"/w/one", 0};
    struct test_server *server = test_server_start(answer, &self);
    test_server_describe(server, describe_self);
    assert_int_equal(count_asked(server, ""), 20);
    assert_int_equal(count_asked(server, ""), 0); /* another time, the same model */
    assert_true(api_run_number("self.db",
                               "SELECT text = 'the server says of itself: {\"models\":{\"id\":"
                               "\"gpt\",\"root\":\"/w/one\"}}' FROM note WHERE kind = 'server'") ==
                1);
    self.root = "/w/two";
    assert_int_equal(count_asked(server, ""), 20);
    self.root = "/w/one";
    assert_int_equal(count_asked(server, ""), 0);
    self.root = NULL; /* nothing is known */
    assert_int_equal(count_asked(server, ""), 20);
    assert_int_equal(count_asked(server, ""), 0);
    assert_true(api_run_number("self.db",
                               "SELECT text = 'the server tells nothing of itself (status 404)' "
                               "FROM note WHERE kind = 'server' ORDER BY job DESC LIMIT 1") == 1);
    /* What the user says counts, and what is sent; how it is sent does not. */
    assert_int_equal(count_asked(server, ", revision: b"), 20);
    assert_int_equal(count_asked(server, ", temperature: omit"), 20);
    assert_int_equal(count_asked(server, ", max_completion_tokens: true"), 20);
    assert_int_equal(count_asked(server, ", body: {top_p: 0.5}"), 20);
    assert_int_equal(count_asked(server, ", body: {top_p: 0.6}"), 20);
    assert_int_equal(count_asked(server, ", headers: {X-A: b}"), 20);
    assert_int_equal(count_asked(server, ", reasoning_tokens: 64"), 20);
    assert_int_equal(count_asked(server, ", timeout: 7"), 0);
    test_server_stop(server);
}

/* Question 1 is reasoned about until the tokens run out. */
static void answer_with_reasoning(void *context, const struct test_call *call,
                                  struct test_reply *reply)
{
    int question = number_after(call->body, "\"content\":\"ask ");
    (void)context;
    snprintf(reply->body, sizeof reply->body,
             "{\"choices\":[{\"finish_reason\":\"%s\",\"message\":{\"content\":\"<think>two %d?%s "
             "%d\"}}],\"usage\":{\"prompt_tokens\":-5,\"completion_tokens\":1e99}}",
             question == 1 ? "length" : "stop", question, question == 1 ? "" : "</think>\\none",
             question);
}

static void reasoning_is_stored_and_counted_and_never_graded(void **state)
{
    (void)state;
    struct test_server *server = test_server_start(answer_with_reasoning, NULL);
    struct api_outcome outcome = api_run(server, "", MT_BENCH, "think.db");
    if (!outcome.ok) fail_msg("%s", outcome.err.message);
    assert_true(api_run_number("think.db",
                               "SELECT count FROM note WHERE kind = 'unfinished_reasoning'") == 2);
    assert_true(api_run_number("think.db", "SELECT count FROM note WHERE kind = 'unfinished'") ==
                0);
    assert_true(
        api_run_number("think.db", "SELECT count FROM note WHERE kind = 'unknown_tokens'") == 20);
    assert_true(api_run_number("think.db",
                               "SELECT sum(n_prompt_tokens + n_new_tokens) FROM response") == 0);
    assert_true(api_run_number("think.db",
                               "SELECT count(*) FROM response WHERE json_extract(content, "
                               "'$.text') GLOB 'one [1-9]*' AND json_extract(content, "
                               "'$.reasoning') GLOB 'two [1-9]*[?]'") == 18);
    assert_true(api_run_number("think.db",
                               "SELECT count(*) FROM verdict WHERE predicted LIKE '%two%'") == 0);
    test_server_stop(server);
}

static void answers_with_a_weak_key_are_asked_anew_and_told_once(void **state)
{
    (void)state;
    struct err err = {0};
    struct test_server *server = test_server_start(answer, NULL);
    struct api_outcome outcome = api_run(server, "", MT_BENCH, "weak.db");
    if (!outcome.ok) fail_msg("%s", outcome.err.message);
    struct weak_answers_query wanted = {test_server_url(server), "gpt", "mt_bench",
                                        "reference-match",       "new", 0};
    int64_t n = -1;
    struct store *store = store_open("weak.db", STORE_WRITE, &err);
    assert_true(store_count_weak_answers(store, &wanted, &n, &err));
    assert_int_equal(n, 0); /* all is known of these */
    struct query *query = query_open(
        store,
        "UPDATE job SET fingerprint = 'old', parameters = json_remove(parameters, '$.server')",
        &err);
    assert_int_equal(query_next(query, &err), 0);
    query_close(query);
    assert_true(store_count_weak_answers(store, &wanted, &n, &err));
    assert_int_equal(n, 20);
    wanted.model = "another";
    assert_true(store_count_weak_answers(store, &wanted, &n, &err));
    assert_int_equal(n, 0);
    wanted.model = "gpt";
    wanted.fingerprint = "old"; /* as if they were asked anew by now */
    assert_true(store_count_weak_answers(store, &wanted, &n, &err));
    assert_int_equal(n, 0);
    store_close(store);
    int n_before = test_server_count(server);
    outcome = api_run(server, "", "name: again\n" MT_BENCH, "weak.db");
    if (!outcome.ok) fail_msg("%s", outcome.err.message);
    assert_int_equal(test_server_count(server) - n_before, 20);
    test_server_stop(server);
}

static void nobody_is_asked_of_whom_nothing_can_be_known(void **state)
{
    (void)state;
    struct test_server *server = test_server_start(answer, NULL);
    struct api_outcome outcome =
        api_run(server, ", revision: x, base_url: x", MT_BENCH, "none.db"); /* a repeated key */
    assert_int_equal(outcome.err.code, ERR_CONFIG);
    outcome = api_run(server,
                      "}}\n  - {id: k, api: {base_url: \"http://127.0.0.1:1/v1\", model: k, "
                      "retries: 1, wait_ms: 1",
                      MT_BENCH, "gone.db");
    assert_int_equal(outcome.err.code, ERR_JOBS);
    assert_non_null(strstr(outcome.err.message, "http://127.0.0.1:1/v1/models failed 2 times"));
    assert_true(api_run_number("gone.db", "SELECT count(*) FROM response") == 20); /* m's */
    test_server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_belong_to_the_model_that_stands_behind_the_url),
        cmocka_unit_test(reasoning_is_stored_and_counted_and_never_graded),
        cmocka_unit_test(answers_with_a_weak_key_are_asked_anew_and_told_once),
        cmocka_unit_test(nobody_is_asked_of_whom_nothing_can_be_known),
    };
    return cmocka_run_group_tests(tests, enter_folder, test_leave_folder);
}
