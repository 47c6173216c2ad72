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
#include <stdlib.h>
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

/* ---- What is sent ---- */

static void assert_body(const struct api_options *options, const struct request *request,
                        const char *expected)
{
    const struct api_call call = {.request = request};
    struct buf body = {0};
    api_write_call(options, &call, &body);
    assert_string_equal(buf_string(&body), expected);
    buf_free(&body);
}

static void settings_decide_what_is_sent(void **state)
{
    static const char *const prompt = "p", *const stops[] = {"\n"}, *const choices[] = {" a"};
    static const struct api_field fields[] = {{"top_p", "0.9"}, {"x", "{\"y\":[1]}"}};
    const struct request request = {.kind = REQUEST_GENERATE,
                                    .prompts = &prompt,
                                    .n_prompts = 1,
                                    .max_new_tokens = 32,
                                    .stops = stops,
                                    .n_stops = 1};
    const struct request scored = {.kind = REQUEST_CHOICES,
                                   .prompts = &prompt,
                                   .n_prompts = 1,
                                   .choices = choices,
                                   .n_choices = 1};
    struct api_options options = {.base_url = "http://h/v1/", .model = "m"};
    (void)state;
    options.names_completion_tokens = options.omits_temperature = true;
    assert_body(&options, &request,
                "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"p\"}],"
                "\"max_completion_tokens\":32,\"stop\":[\"\\n\"]}");
    options.reasoning_tokens = 4096;
    options.fields = fields;
    options.n_fields = 2;
    assert_body(&options, &request,
                "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"p\"}],"
                "\"max_completion_tokens\":4128,\"top_p\":0.9,\"x\":{\"y\":[1]}}");
    assert_body(&options, &scored,
                "{\"model\":\"m\",\"prompt\":\"p a\",\"max_tokens\":1,\"logprobs\":1,"
                "\"echo\":true,\"top_p\":0.9,\"x\":{\"y\":[1]}}");
    struct buf url = {0};
    api_write_url(&options, "/models", &url);
    assert_string_equal(buf_string(&url), "http://h/v1/models");
    buf_free(&url);
}

/* ---- Reasoning ---- */

#define REPLY(content, members, end)                                                               \
    "{\"choices\":[{\"message\":{\"content\":" content members "},\"finish_reason\":\"" end "\"}]" \
    "}"

struct reasoned {
    const char *body;
    size_t reasoning_tokens;
    const char *text, *reasoning; /* reasoning NULL: none */
    bool is_unfinished;
};

static const struct reasoned REASONED[] = {
    {REPLY("\"Paris\"", "", "stop"), 0, "Paris", NULL, false},
    {REPLY("\"<think>\\nThe capital.\\n</think>\\nParis\"", "", "stop"), 0, "Paris", "The capital.",
     false},
    {REPLY("\"The capital.\\n</think>\\nParis\"", "", "stop"), 0, "Paris", "The capital.", false},
    {REPLY("\"\\n\\nParis\\nand\"", ",\"reasoning_content\":\"The capital.\"", "stop"), 0, "Paris",
     "The capital.", false},
    {REPLY("\"Paris\"", ",\"reasoning\":\"The capital.\"", "stop"), 0, "Paris", "The capital.",
     false},
    {REPLY("\"Paris\"", ",\"reasoning_content\":null,\"reasoning\":\"\"", "stop"), 0, "Paris", NULL,
     false},
    {REPLY("[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"The "
           "capital.\"}]},{\"type\":\"text\",\"text\":\"Paris\"}]",
           "", "stop"),
     0, "Paris", "The capital.", false},
    /* The tokens ran out in the reasoning: marked, in a member of its own, or not at all. */
    {REPLY("\"<think>Is it\"", "", "length"), 0, "", "Is it", true},
    {REPLY("null", ",\"reasoning_content\":\"Is it\"", "length"), 0, "", "Is it", true},
    {"{\"choices\":[{\"message\":{\"reasoning\":\"Is it\"},\"finish_reason\":\"length\"}]}", 0, "",
     "Is it", true},
    {REPLY("\"Is it\"", "", "length"), 64, "", "Is it", true},
    {REPLY("\"Is it\"", "", "length"), 0, "Is it", NULL, false},
    {REPLY("\"Paris\"", "", "stop"), 64, "Paris", NULL, false},
    {"{\"choices\":[{\"text\":\"The capital.</think>Paris\",\"finish_reason\":\"stop\"}]}", 0,
     "Paris", "The capital.", false},
};

static void reasoning_is_kept_apart_from_the_answer(void **state)
{
    static const char *const prompt = "p", *const stops[] = {"\n"};
    const struct request request = {.kind = REQUEST_GENERATE,
                                    .prompts = &prompt,
                                    .n_prompts = 1,
                                    .max_new_tokens = 32,
                                    .stops = stops,
                                    .n_stops = 1};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(REASONED); i++) {
        const struct reasoned *reasoned = &REASONED[i];
        const struct api_options options = {.reasoning_tokens = reasoned->reasoning_tokens};
        struct err err = {0};
        struct response response = {0};
        struct api_usage usage = {0};
        struct arena *arena = arena_new(0, &err);
        if (!api_read_text(&options, &request, reasoned->body, strlen(reasoned->body), arena,
                           &response, &usage, &err))
            fail_msg("%s: %s", reasoned->body, err.message);
        const char *reasoning = response.reasoning ? response.reasoning : "(none)";
        if (strcmp(response.text, reasoned->text) != 0 ||
            strcmp(reasoning, reasoned->reasoning ? reasoned->reasoning : "(none)") != 0 ||
            response.is_reasoning_unfinished != reasoned->is_unfinished)
            fail_msg("%s: \"%s\", reasoning \"%s\", %d", reasoned->body, response.text, reasoning,
                     response.is_reasoning_unfinished);
        arena_free(arena);
    }
}

/* ---- Counts ---- */

static bool keep_counts(void *context, size_t i_request, const struct response *response,
                        struct err *err)
{
    (void)i_request, (void)err;
    *(struct response *)context = *response;
    return true;
}

#define USES(usage)                                                                                \
    "{\"choices\":[{\"message\":{\"content\":\"a\"}}],\"usage\":{\"prompt_tokens\":" usage         \
    ",\"completion_tokens\":7}}"

static void a_count_of_tokens_that_is_none_is_not_known(void **state)
{
    static const struct {
        const char *body;
        int n;
        bool is_unknown;
    } examples[] = {
        {USES("5"), 5, false},
        {USES("5.0"), 5, false},
        {USES("-5"), 0, true},
        {USES("2.5"), 0, true},
        {USES("\"5\""), 0, true},
        {USES("null"), 0, true},
        {USES("1e300"), 0, true},
        {USES("4294967296"), 0, true},
        {USES("[]"), 0, true},
        {USES("99999999999999999999999999"), 0, true},
        {USES("2147483647"), INT32_MAX, false},
    };
    const char *const prompt = "question 1";
    const struct request request = {
        .kind = REQUEST_CHAT, .prompts = &prompt, .n_prompts = 1, .max_new_tokens = 8};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(examples); i++) {
        const struct awkward awkward = {.status = 200, .body = examples[i].body};
        struct response response;
        struct err err = {0};
        struct test_server *server = test_server_start(give, (void *)(uintptr_t)&awkward);
        const struct api_options options = options_for(server, 0);
        struct client *client = client_open_api(&options, &err);
        const struct client_sink sink = {keep_counts, NULL, &response};
        assert_non_null(client);
        if (!client_ask(client, &request, 1, &sink, &err)) fail_msg("%s", err.message);
        if (response.n_prompt_tokens != examples[i].n || response.n_new_tokens != 7 ||
            response.has_unknown_tokens != examples[i].is_unknown)
            fail_msg("%s: %d", examples[i].body, response.n_prompt_tokens);
        assert_true(client_computed_tokens(client) == (uint64_t)examples[i].n + 7);
        client_close(client);
        test_server_stop(server);
    }
}

/* ---- Servers without an end ---- */

static void behave(void *context, const struct test_call *call, struct test_reply *reply)
{
    (void)call;
    reply->manner = *(const enum test_manner *)context;
}

static bool keep_failure(void *context, size_t i_request, const struct response *response,
                         struct err *err)
{
    (void)i_request, (void)err;
    snprintf(context, 256, "%s: %s", response->failure, response->reason);
    return true;
}

static void a_reply_without_an_end_ends(void **state)
{
    const char *const prompt = "question 1";
    const struct request request = {
        .kind = REQUEST_CHAT, .prompts = &prompt, .n_prompts = 1, .max_new_tokens = 8};
    (void)state;
    for (int drips = 0; drips < 2; drips++) {
        enum test_manner manner = drips ? SERVER_DRIPS : SERVER_POURS;
        char said[256] = "";
        struct err err = {0};
        struct test_server *server = test_server_start(behave, &manner);
        struct api_options options = options_for(server, 1);
        options.timeout_s = drips ? 0.2 : 30;
        struct client *client = client_open_api(&options, &err);
        const struct client_sink sink = {keep_failure, NULL, said};
        assert_non_null(client);
        assert_true(client_ask(client, &request, 1, &sink, &err) == !drips);
        if (drips) assert_non_null(strstr(err.message, "failed 2 times; the last time: "));
        else assert_non_null(strstr(said, "unreadable: "));
        if (!drips) assert_non_null(strstr(said, "the reply is longer than 64 MiB"));
        assert_int_equal(test_server_count(server), drips ? 2 : 1);
        client_close(client);
        test_server_stop(server);
    }
}

/* ---- Headers and secrets ---- */

/* Refuses, and repeats what it got. */
static void repeat(void *context, const struct test_call *call, struct test_reply *reply)
{
    (void)context;
    assert_non_null(strcasestr(call->head, "\r\nX-Team: a tEam-12345 b\r\n"));
    assert_non_null(strcasestr(call->head, "\r\nX-Plain: yes\r\n"));
    assert_non_null(strcasestr(call->head, "\r\nAuthorization: Bearer sk-secret\r\n"));
    reply->status = 400;
    snprintf(reply->body, sizeof reply->body,
             "{\"error\":{\"code\":\"content_filter\",\"message\":\"for TEAM-12345, "
             "\\u0073k-secret and c2stc2VjcmV0\"}}");
}

static void what_headers_take_from_the_environment_is_told_nobody(void **state)
{
    static const struct api_header headers[] = {{"X-Team", "a ${PHIBENCH_TEST_TEAM} b"},
                                                {"X-Plain", "yes"}};
    const char *const prompt = "question 1";
    const struct request request = {
        .kind = REQUEST_CHAT, .prompts = &prompt, .n_prompts = 1, .max_new_tokens = 8};
    char said[256] = "";
    struct err err = {0};
    (void)state;
    struct test_server *server = test_server_start(repeat, NULL);
    struct api_options options = options_for(server, 0);
    options.headers = headers;
    options.n_headers = 2;
    unsetenv("PHIBENCH_TEST_TEAM");
    assert_null(client_open_api(&options, &err));
    assert_string_equal(err.message,
                        "the environment variable PHIBENCH_TEST_TEAM, which the header "
                        "X-Team takes, is not set");
    setenv("PHIBENCH_TEST_TEAM", "x\r\nX-Evil: 1", 1);
    assert_null(client_open_api(&options, &err));
    assert_int_equal(err.code, ERR_CONFIG);
    setenv("PHIBENCH_TEST_TEAM", "tEam-12345", 1);
    struct client *client = client_open_api(&options, &err);
    const struct client_sink sink = {keep_failure, NULL, said};
    assert_non_null(client);
    if (!client_ask(client, &request, 1, &sink, &err)) fail_msg("%s", err.message);
    assert_non_null(strstr(said, "\"message\":\"for (key), (key) and (key)\""));
    client_close(client);
    test_server_stop(server);
    unsetenv("PHIBENCH_TEST_TEAM");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_awkward_item_is_told_from_a_bad_server),
        cmocka_unit_test(too_many_awkward_items_are_a_bad_server),
        cmocka_unit_test(retry_after_has_fractions_and_dates_and_an_end),
        cmocka_unit_test(settings_decide_what_is_sent),
        cmocka_unit_test(reasoning_is_kept_apart_from_the_answer),
        cmocka_unit_test(a_count_of_tokens_that_is_none_is_not_known),
        cmocka_unit_test(a_reply_without_an_end_ends),
        cmocka_unit_test(what_headers_take_from_the_environment_is_told_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
