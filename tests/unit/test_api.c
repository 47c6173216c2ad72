/* test_api.c - what becomes of a request that a server does not answer well: which failures are of
 * that request alone, how many of them are the server's, and how long a pause it may ask for.
 */
#include "harness/ask/api.h"

#include "base/mem.h"
#include "harness/ask/client_api.h"
#include "harness/ask/http.h"
#include "tests/support/test_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct api_options options_for(const struct test_server *server, int n_retries)
{
    return (struct api_options){.base_url = test_server_url(server),
                                .model = "m",
                                .key = "sk-secret",
                                .n_concurrent = 1,
                                .n_retries = n_retries,
                                .timeout_s = 30,
                                .wait_s = 0.001};
}

/* A reply, and what becomes of the request that got it. */
struct awkward {
    int status;
    const char *body, *failure, *text; /* failure NULL: answered with the text */
    int n_attempts;
};

static void give(void *context, const struct test_call *call, struct test_reply *reply)
{
    const struct awkward *awkward = context;
    (void)call;
    reply->status = awkward->status;
    snprintf(reply->body, sizeof reply->body, "%s", awkward->body);
}

#define SAYS(text) "{\"choices\":[{\"message\":{\"content\":\"" text "\"}}]}"
#define ERROR(message) "{\"error\":{\"message\":\"" message "\"}}"

static const struct awkward AWKWARD[] = {
    {400, ERROR("This model's maximum context length is 8 tokens."), "too_long", "", 1},
    {400, ERROR("The input (5000 tokens) is longer than the model's context length (4096 tokens)."),
     "too_long", "", 1},
    {400,
     ERROR("The decoder prompt (length 5000) is longer than the maximum model length of 4096."),
     "too_long", "", 1},
    {422, ERROR("`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 4500 and 256"),
     "too_long", "", 1},
    {400, ERROR("prompt is too long: 210000 tokens > 200000 maximum"), "too_long", "", 1},
    {400, ERROR("The input token count (40000) exceeds the maximum number of tokens allowed (9)."),
     "too_long", "", 1},
    {413, "<html>", "too_long", "", 1},
    {500, ERROR("the request exceeds the available context size"), "too_long", "", 2},
    {200, ERROR("Input is too long for requested model."), "too_long", "", 1},
    {400, ERROR("Content Exists Risk"), "refused", "", 1},
    {403, ERROR("Your chosen model requires moderation and your input was flagged"), "refused", "",
     1},
    {200,
     "{\"choices\":[{\"finish_reason\":\"content_filter\",\"message\":{\"content\":\"Par\"}}]}",
     "refused", "", 1},
    {200, ERROR("upstream is down"), "unreadable", "", 2},
    {200, "{\"error\":\"upstream is down\"}", "unreadable", "", 2},
    {200, "{\"object\":\"error\",\"message\":\"upstream is down\"}", "unreadable", "", 2},
    {200, "{\"choices\":[{\"error\":{\"message\":\"upstream is down\"},\"text\":\"P\"}]}",
     "unreadable", "", 2},
    {200, "<html>upstream is down: context length", "unreadable", "", 2},
    {200, "{\"choices\":[{\"message\":{\"content\":7}}]}", "unreadable", "", 2},
    {200, SAYS("Paris \\ud83d"), NULL, "Paris \xef\xbf\xbd", 1},
    {200, SAYS("Paris\\u0000"), NULL, "Paris\xef\xbf\xbd", 1},
    {200, "{\"error\":null,\"choices\":[{\"message\":{\"content\":\"Paris\"}}]}", NULL, "Paris", 1},
    {200, "{\"choices\":[{\"message\":{\"content\":null,\"refusal\":\"I'd rather not.\"}}]}", NULL,
     "I'd rather not.", 1},
};

static bool keep_reason(void *context, size_t i_request, const struct response *response,
                        struct err *err)
{
    const struct awkward *awkward = context;
    (void)i_request, (void)err;
    if (awkward->failure) {
        assert_string_equal(response->failure, awkward->failure);
        if (strstr(awkward->body, "upstream") && *awkward->body == '{')
            assert_non_null(strstr(response->reason, "upstream is down"));
    } else assert_null(response->failure);
    assert_true(response->answered == !awkward->failure);
    assert_string_equal(response->text ? response->text : "", awkward->text);
    return true;
}

static void an_awkward_item_is_told_from_a_bad_server(void **state)
{
    const char *const prompt = "question 1";
    const struct request request = {
        .kind = REQUEST_CHAT, .prompts = &prompt, .n_prompts = 1, .max_new_tokens = 8};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(AWKWARD); i++) {
        struct err err = {0};
        struct test_server *server = test_server_start(give, (void *)(uintptr_t)&AWKWARD[i]);
        const struct api_options options = options_for(server, 1);
        struct client *client = client_open_api(&options, &err);
        const struct client_sink sink = {keep_reason, NULL, (void *)(uintptr_t)&AWKWARD[i]};
        assert_non_null(client);
        if (!client_ask(client, &request, 1, &sink, &err))
            fail_msg("%s: %s", AWKWARD[i].body, err.message);
        assert_int_equal(test_server_count(server), AWKWARD[i].n_attempts);
        client_close(client);
        test_server_stop(server);
    }
}

/* *context: every n-th question is refused, with 0 none can be read. */
static void refuse_some(void *context, const struct test_call *call, struct test_reply *reply)
{
    const int *every = context;
    snprintf(reply->body, sizeof reply->body, SAYS("fine"));
    if (*every && call->number % *every) return;
    if (*every) reply->status = 400;
    snprintf(reply->body, sizeof reply->body, "%s",
             *every ? ERROR("Content Exists Risk") : ERROR("it rains, sk-secret"));
}

static bool count(void *context, size_t i_request, const struct response *response, struct err *err)
{
    size_t *n = context;
    (void)response, (void)err;
    assert_int_equal(i_request, *n);
    ++*n;
    return true;
}

static void too_many_awkward_items_are_a_bad_server(void **state)
{
    static const struct {
        int every;
        size_t n_answers;
        const char *message;
    } examples[] = {
        {0, 20, "20 requests in a row were not answered; the last one (unreadable): "},
        {9, 55, "7 of 55 requests were not answered; the last one (refused): "},
        {12, 60, ""},
    };
    const char *const prompt = "question";
    struct request requests[60];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(requests); i++)
        requests[i] = (struct request){
            .kind = REQUEST_CHAT, .prompts = &prompt, .n_prompts = 1, .max_new_tokens = 8};
    for (size_t i = 0; i < COUNT_OF(examples); i++) {
        struct err err = {0};
        size_t n = 0;
        int every = examples[i].every;
        struct test_server *server = test_server_start(refuse_some, &every);
        const struct api_options options = options_for(server, 0);
        struct client *client = client_open_api(&options, &err);
        const struct client_sink sink = {count, NULL, &n};
        assert_non_null(client);
        assert_true(client_ask(client, requests, COUNT_OF(requests), &sink, &err) ==
                    !*examples[i].message);
        assert_int_equal(n, examples[i].n_answers);
        assert_null(strstr(err.message, "sk-secret"));
        assert_non_null(strstr(err.message, examples[i].message));
        client_close(client);
        test_server_stop(server);
    }
}

static void retry_after_has_fractions_and_dates_and_an_end(void **state)
{
    (void)state;
    assert_true(http_read_retry_after("1.5", 0) == 1.5);
    assert_true(http_read_retry_after("0.25\r\n", 0) == 0.25);
    assert_true(http_read_retry_after("7\r\n", 0) == 7);
    assert_true(http_read_retry_after("86400", 0) == HTTP_MOST_ASKED_S);
    assert_true(http_read_retry_after("1e999", 0) == HTTP_MOST_ASKED_S);
    assert_true(http_read_retry_after("-5", 0) == 0);
    assert_true(http_read_retry_after("nan", 0) == 0);
    assert_true(http_read_retry_after("soon", 0) == 0);
    assert_true(http_read_retry_after("", 0) == 0);
    assert_true(http_read_retry_after("Thu, 01 Jan 1970 00:01:00 GMT\r\n", 15) == 45);
    assert_true(http_read_retry_after("Thu, 01 Jan 1970 00:01:00 GMT\r\n", 90) == 0);
    assert_true(http_read_retry_after("Fri, 01 Jan 2100 00:00:00 GMT", 0) == HTTP_MOST_ASKED_S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_awkward_item_is_told_from_a_bad_server),
        cmocka_unit_test(too_many_awkward_items_are_a_bad_server),
        cmocka_unit_test(retry_after_has_fractions_and_dates_and_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
