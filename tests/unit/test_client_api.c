/* test_client_api.c - a client that speaks to a server: what it sends, what it makes of replies,
 * and that nothing is lost or answered twice while the server is busy, late or broken.
 */
#include "harness/ask/client_api.h"

#include "base/clock.h"
#include "base/mem.h"
#include "harness/ask/api_access.h"
#include "tests/support/test_server.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

enum { MOST = 64 };

/* What came back, in order. */
struct kept {
    size_t n, order[MOST];
    bool answered[MOST];
    char text[MOST][64], prompt[64]; /* of the last one */
    struct response responses[MOST];
    struct choice_score choices[4];
};

static bool keep(void *context, size_t i_request, const struct response *response, struct err *err)
{
    struct kept *kept = context;
    (void)err;
    assert_true(kept->n < MOST);
    kept->order[kept->n] = i_request;
    kept->answered[kept->n] = response->answered;
    kept->responses[kept->n] = *response;
    snprintf(kept->text[kept->n], sizeof kept->text[0], "%s", response->text ? response->text : "");
    assert_non_null(response->prompt);
    assert_string_equal(response->tokens_hash, "");
    snprintf(kept->prompt, sizeof kept->prompt, "%s", response->prompt);
    if (response->n_choices && response->n_choices <= 4)
        memcpy(kept->choices, response->choices, response->n_choices * sizeof *response->choices);
    kept->n++;
    return true;
}

static struct api_options options_for(const struct test_server *server)
{
    return (struct api_options){.base_url = test_server_url(server),
                                .model = "m",
                                .key = "sk-secret",
                                .n_concurrent = 4,
                                .n_retries = 6,
                                .timeout_s = 0.5,
                                .wait_s = 0.001,
                                .price_in = 2,
                                .price_out = 10};
}

static bool ask(const struct api_options *options, const struct request *requests, size_t n,
                struct kept *kept, struct client_api_work *work, struct err *err)
{
    struct client *client = client_open_api(options, err);
    assert_non_null(client);
    struct client_window *window = client_prepare(client, requests, n, err);
    assert_non_null(window);
    const struct client_sink sink = {keep, NULL, kept};
    memset(kept, 0, sizeof *kept);
    bool ok = client_answer(client, window, &sink, err);
    *work = client_api_work(client);
    client_window_free(window);
    client_close(client);
    return ok;
}

static void say(struct test_reply *reply, const char *text)
{
    snprintf(reply->body, sizeof reply->body,
             "{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"%s\"}}],"
             "\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":3}}",
             text);
}

/* The number in the last user message, "question 7"; it comes back in the answer. */
static int question_of(const struct test_call *call)
{
    const char *at = NULL;
    for (const char *next = call->body; (next = strstr(next, "question ")); next++) at = next;
    assert_non_null(at);
    return atoi(at + strlen("question "));
}

/* ---- What is sent ---- */

static void check_call(void *context, const struct test_call *call, struct test_reply *reply)
{
    const char *const *expected = context;
    assert_string_equal(call->path, expected[0]);
    assert_string_equal(call->body, expected[1]);
    assert_non_null(strcasestr(call->head, "\r\nAuthorization: Bearer sk-secret\r\n"));
    assert_non_null(strcasestr(call->head, "\r\nContent-Type: application/json\r\n"));
    snprintf(reply->body, sizeof reply->body, "%s", expected[2]);
}

static void check_exchange(const struct request *request, bool completes, const char *path,
                           const char *body, const char *reply, const char *text,
                           const char *prompt)
{
    const char *const expected[] = {path, body, reply};
    struct test_server *server = test_server_start(check_call, (void *)expected);
    struct api_options options = options_for(server);
    struct kept kept;
    struct client_api_work work;
    struct err err = {0};
    options.completes = completes;
    if (!ask(&options, request, 1, &kept, &work, &err)) fail_msg("%s", err.message);
    assert_string_equal(kept.text[0], text);
    assert_string_equal(kept.prompt, prompt);
    test_server_stop(server);
}

static void conversations_and_prompts_are_sent_as_servers_take_them(void **state)
{
    (void)state;
    const char *const talk[] = {"a \"b\"", "c", "d"}, *const stops[] = {"\n", "."};
    const struct request chat = {.kind = REQUEST_CHAT,
                                 .system = "s",
                                 .prompts = talk,
                                 .n_prompts = 3,
                                 .max_new_tokens = 9,
                                 .temperature = 0.7,
                                 .seed = 5};
    check_exchange(&chat, false, "/v1/chat/completions",
                   "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"s\"},"
                   "{\"role\":\"user\",\"content\":\"a \\\"b\\\"\"},{\"role\":\"assistant\","
                   "\"content\":\"c\"},{\"role\":\"user\",\"content\":\"d\"}],\"max_tokens\":9,"
                   "\"temperature\":0.7,\"seed\":5}",
                   "{\"choices\":[{\"message\":{\"content\":\"e\"}}]}", "e",
                   "system: s\n\nuser: a \"b\"\n\nassistant: c\n\nuser: d");
    const struct request prompt = {.kind = REQUEST_GENERATE,
                                   .prompts = talk,
                                   .n_prompts = 1,
                                   .max_new_tokens = 4,
                                   .stops = stops,
                                   .n_stops = 2};
    check_exchange(&prompt, true, "/v1/completions",
                   "{\"model\":\"m\",\"prompt\":\"a \\\"b\\\"\",\"max_tokens\":4,"
                   "\"temperature\":0,\"stop\":[\"\\n\",\".\"]}",
                   "{\"choices\":[{\"text\":\" Paris. It\"}]}", " Paris", "a \"b\"");
    check_exchange(&prompt, false, "/v1/chat/completions",
                   "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"a \\\"b\\\"\"}"
                   "],\"max_tokens\":4,\"temperature\":0,\"stop\":[\"\\n\",\".\"]}",
                   "{\"choices\":[{\"message\":{\"content\":null}}]}", "", "user: a \"b\"");
}

/* ---- A bad server ---- */

/* Every question fails in its own way at first, and is answered at last. */
static void misbehave(void *context, const struct test_call *call, struct test_reply *reply)
{
    int *n_seen = context, question = question_of(call);
    char text[32];
    if (n_seen[question]++ < 2) switch (question % 8) {
        case 0:
            reply->status = 429;
            reply->header = "Retry-After: 0\r\n";
            return;
        case 1: reply->status = 500; return;
        case 2: reply->manner = SERVER_RESETS; return;
        case 3: reply->manner = SERVER_HANGS; return;
        case 4: snprintf(reply->body, sizeof reply->body, "{\"choices\": [{"); return;
        case 5: reply->manner = SERVER_STOPS_HALF; break;
        case 6: snprintf(reply->body, sizeof reply->body, "{\"choices\": []}"); return;
        default: break;
        }
    snprintf(text, sizeof text, "answer %d", question);
    say(reply, text);
}

static void make_questions(struct request *requests, const char **prompts, char (*texts)[32],
                           size_t n)
{
    for (size_t i = 0; i < n; i++) {
        snprintf(texts[i], sizeof texts[i], "question %zu", i);
        prompts[i] = texts[i];
        requests[i] = (struct request){
            .kind = REQUEST_CHAT, .prompts = &prompts[i], .n_prompts = 1, .max_new_tokens = 8};
    }
}

static void nothing_is_lost_and_nothing_answered_twice(void **state)
{
    (void)state;
    struct request requests[32];
    const char *prompts[32];
    char texts[32][32];
    int n_seen[32] = {0};
    struct kept kept;
    struct client_api_work work;
    struct err err = {0};
    make_questions(requests, prompts, texts, 32);
    struct test_server *server = test_server_start(misbehave, n_seen);
    struct api_options options = options_for(server);
    if (!ask(&options, requests, 32, &kept, &work, &err)) fail_msg("%s", err.message);
    assert_int_equal(kept.n, 32);
    for (size_t i = 0; i < 32; i++) {
        char expected[32];
        snprintf(expected, sizeof expected, "answer %zu", i);
        assert_int_equal(kept.order[i], i);
        assert_true(kept.answered[i]);
        assert_string_equal(kept.text[i], expected);
        assert_int_equal(kept.responses[i].n_prompt_tokens, 10); /* of the last attempt alone */
    }
    assert_int_equal(work.n_calls, 32);
    assert_int_equal(work.n_repeated, 28 * 2);
    assert_int_equal(work.tokens_in, 320);
    assert_int_equal(work.tokens_out, 96);
    assert_true(fabs(work.cost - (320 * 2 + 96 * 10) * 1e-6) < 1e-12);
    assert_int_equal(test_server_count(server), 32 + 56);
    test_server_stop(server);
}

/* A server that is out of order from the 10th question on. */
static void break_down(void *context, const struct test_call *call, struct test_reply *reply)
{
    (void)context;
    say(reply, "fine");
    if (question_of(call) < 10) return;
    reply->status = 503;
    snprintf(reply->body, sizeof reply->body, "no more, sk-secret\nis out");
}

static void what_was_answered_before_a_failure_is_handed_out(void **state)
{
    (void)state;
    struct request requests[32];
    const char *prompts[32];
    char texts[32][32], expected[200];
    struct kept kept;
    struct client_api_work work;
    struct err err = {0};
    make_questions(requests, prompts, texts, 32);
    struct test_server *server = test_server_start(break_down, NULL);
    struct api_options options = options_for(server);
    options.n_retries = 2;
    assert_false(ask(&options, requests, 32, &kept, &work, &err));
    assert_int_equal(kept.n, 10);
    assert_int_equal(err.code, ERR_IO);
    snprintf(expected, sizeof expected,
             "%s/chat/completions failed 3 times; the last time: status 503: no more, (key) is out",
             options.base_url);
    assert_string_equal(err.message, expected);
    test_server_stop(server);
}

static void refuse(void *context, const struct test_call *call, struct test_reply *reply)
{
    static const char *const bodies[] = {
        "{\"error\":{\"code\":\"context_length_exceeded\"}}",
        "{\"error\":{\"code\":\"content_filter\"}}",
        "{\"error\":{\"message\":\"unknown parameter\"}}",
    };
    (void)context;
    int question = question_of(call);
    say(reply, "fine");
    if (question == 3) return;
    reply->status = 400;
    snprintf(reply->body, sizeof reply->body, "%s", bodies[question]);
}

static void a_request_that_a_server_refuses_is_not_answered_and_not_repeated(void **state)
{
    (void)state;
    struct request requests[4];
    const char *prompts[4];
    char texts[4][32];
    struct kept kept;
    struct client_api_work work;
    struct err err = {0};
    make_questions(requests, prompts, texts, 4);
    struct test_server *server = test_server_start(refuse, NULL);
    struct api_options options = options_for(server);
    assert_true(ask(&options, requests, 2, &kept, &work, &err));
    assert_false(kept.answered[0] || kept.answered[1]);
    assert_int_equal(test_server_count(server), 2);
    assert_false(
        ask(&options, requests + 2, 1, &kept, &work, &err)); /* that is everybody's fault */
    assert_non_null(
        strstr(err.message, "status 400: {\"error\":{\"message\":\"unknown parameter\"}}"));
    /* Too long with examples: the next prompt has fewer. */
    const char *const shorter[] = {"question 0", "question 3"};
    const struct request shots = {
        .kind = REQUEST_GENERATE, .prompts = shorter, .n_prompts = 2, .max_new_tokens = 8};
    assert_true(ask(&options, &shots, 1, &kept, &work, &err));
    assert_true(kept.answered[0]);
    assert_int_equal(kept.responses[0].n_dropped_shots, 1);
    test_server_stop(server);
}

static void point_elsewhere(void *context, const struct test_call *call, struct test_reply *reply)
{
    (void)call;
    reply->status = 302;
    reply->header = context;
}

static void only_servers_are_asked_and_redirects_are_not_followed(void **state)
{
    (void)state;
    static const char *const elsewhere[] = {"file:///etc/passwd", "ftp://127.0.0.1/v1",
                                            "gopher://127.0.0.1/v1", "127.0.0.1/v1"};
    struct request requests[1];
    const char *prompts[1];
    char texts[1][32], header[256];
    struct kept kept;
    struct client_api_work work;
    struct err err = {0};
    make_questions(requests, prompts, texts, 1);
    struct test_server *other = test_server_start(refuse, NULL);
    snprintf(header, sizeof header, "Location: %s/chat/completions\r\n", test_server_url(other));
    struct test_server *server = test_server_start(point_elsewhere, header);
    struct api_options options = options_for(server);
    options.n_retries = 0;
    assert_false(ask(&options, requests, 1, &kept, &work, &err));
    assert_non_null(strstr(err.message, "status 302"));
    assert_int_equal(test_server_count(server), 1);
    assert_int_equal(test_server_count(other), 0);
    snprintf(header, sizeof header, "Location: file:///etc/passwd\r\n");
    assert_false(ask(&options, requests, 1, &kept, &work, &err));
    assert_non_null(strstr(err.message, "status 302"));
    test_server_stop(server);
    test_server_stop(other);
    for (size_t i = 0; i < COUNT_OF(elsewhere); i++) {
        options.base_url = elsewhere[i];
        assert_false(ask(&options, requests, 1, &kept, &work, &err));
        assert_non_null(strstr(err.message, elsewhere[i]));
        assert_non_null(strstr(err.message, "is no address of a server: http:// or https://"));
    }
}

/* ---- Scores ---- */

/* "Say: yes" as three tokens, "Say: never" as others, and what comes after. */
static void echo(void *context, const struct test_call *call, struct test_reply *reply)
{
    (void)context;
    assert_string_equal(call->path, "/v1/completions");
    bool is_yes = strstr(call->body, "\"prompt\":\"Say: yes\"") != NULL;
    assert_true(is_yes || strstr(call->body, "\"prompt\":\"Say: never\""));
    assert_non_null(strstr(call->body, "\"logprobs\":1,\"echo\":true"));
    if (is_yes)
        snprintf(reply->body, sizeof reply->body,
                 "{\"choices\":[{\"logprobs\":{\"tokens\":[\"Say\",\":\",\" "
                 "yes\",\"!\"],\"token_logprobs\":"
                 "[null,-3,-0.5,-9],\"top_logprobs\":[null,{\":\":-3},{\" yes\":-0.5},{}]}}]}");
    else
        snprintf(reply->body, sizeof reply->body,
                 "{\"choices\":[{\"logprobs\":{\"tokens\":[\"Say\",\": "
                 "ne\",\"ver\",\"!\"],\"token_logprobs\":"
                 "[null,-2,-1.5,-9],\"top_logprobs\":[null,{\":\":-2},{\"x\":-1},{}]}}]}");
}

static void choices_are_scored_by_the_echo_of_the_prompt(void **state)
{
    (void)state;
    const char *const prompt = "Say:", *const choices[] = {" yes", " never"};
    const struct request request = {.kind = REQUEST_CHOICES,
                                    .prompts = &prompt,
                                    .n_prompts = 1,
                                    .choices = choices,
                                    .n_choices = 2};
    struct kept kept;
    struct client_api_work work;
    struct err err = {0};
    struct test_server *server = test_server_start(echo, NULL);
    struct api_options options = options_for(server);
    if (!ask(&options, &request, 1, &kept, &work, &err)) fail_msg("%s", err.message);
    assert_string_equal(kept.prompt, "Say:");
    assert_true(kept.choices[0].logprob == -0.5);
    assert_int_equal(kept.choices[0].n_tokens, 1);
    assert_int_equal(kept.choices[0].n_characters, 3);
    assert_true(kept.choices[0].is_greedy && !kept.choices[0].join_spanned);
    assert_true(kept.choices[1].logprob == -3.5); /* ": ne" spans the join */
    assert_int_equal(kept.choices[1].n_tokens, 2);
    assert_true(!kept.choices[1].is_greedy && kept.choices[1].join_spanned);
    test_server_stop(server);
}

static void be_busy_once(void *context, const struct test_call *call, struct test_reply *reply)
{
    (void)context;
    say(reply, "fine");
    if (call->number) return;
    reply->status = 429;
    reply->header = "Retry-After: 1\r\n";
}

static void retry_after_is_waited_for(void **state)
{
    (void)state;
    struct request request;
    const char *prompt;
    char text[1][32];
    struct kept kept;
    struct client_api_work work;
    struct err err = {0};
    make_questions(&request, &prompt, text, 1);
    struct test_server *server = test_server_start(be_busy_once, NULL);
    struct api_options options = options_for(server);
    int64_t begin_ns = clock_ns();
    assert_true(ask(&options, &request, 1, &kept, &work, &err));
    assert_true(clock_ns() - begin_ns >= 1000000000);
    assert_int_equal(work.n_repeated, 1);
    test_server_stop(server);
}

static void nobody_listens(void **state)
{
    (void)state;
    const char *const prompt = "question 1";
    const struct request request = {
        .kind = REQUEST_CHAT, .prompts = &prompt, .n_prompts = 1, .max_new_tokens = 8};
    struct test_server *server = test_server_start(break_down, NULL);
    struct api_options options = options_for(server);
    char url[64];
    snprintf(url, sizeof url, "%s", options.base_url);
    test_server_stop(server);
    options.base_url = url;
    options.n_retries = 1;
    struct kept kept;
    struct client_api_work work;
    struct err err = {0};
    assert_false(ask(&options, &request, 1, &kept, &work, &err));
    assert_int_equal(kept.n, 0);
    assert_non_null(strstr(err.message, "failed 2 times"));
    assert_null(strstr(err.message, "sk-secret"));
}

static void a_key_comes_from_the_environment(void **state)
{
    (void)state;
    const char *key = "x";
    struct err err = {0};
    assert_true(api_find_key(NULL, &key, &err));
    assert_null(key);
    setenv("PHIBENCH_TEST_KEY", "k", 1);
    assert_true(api_find_key("PHIBENCH_TEST_KEY", &key, &err));
    assert_string_equal(key, "k");
    unsetenv("PHIBENCH_TEST_KEY");
    assert_false(api_find_key("PHIBENCH_TEST_KEY", &key, &err));
    assert_string_equal(err.message, "the environment variable PHIBENCH_TEST_KEY, which holds the "
                                     "key, is not set");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conversations_and_prompts_are_sent_as_servers_take_them),
        cmocka_unit_test(nothing_is_lost_and_nothing_answered_twice),
        cmocka_unit_test(what_was_answered_before_a_failure_is_handed_out),
        cmocka_unit_test(only_servers_are_asked_and_redirects_are_not_followed),
        cmocka_unit_test(a_request_that_a_server_refuses_is_not_answered_and_not_repeated),
        cmocka_unit_test(choices_are_scored_by_the_echo_of_the_prompt),
        cmocka_unit_test(retry_after_is_waited_for),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(a_key_comes_from_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
