/* test_server_identity.c - what servers say of themselves: what counts of it and what does not, and
 * those that say nothing.
 */
#include "harness/ask/server_identity.h"

#include "base/mem.h"
#include "tests/support/test_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* What the readers make of a body: "" for nothing. */
static void read(const char *body, const char *model, char out[1024], struct err *err)
{
    struct buf text = {0};
    struct json_writer json = {.out = &text};
    bool is_found = false;
    json_begin_object(&json);
    bool ok = model ? server_read_models(body, strlen(body), model, &json, &is_found, err)
                    : server_read_props(body, strlen(body), &json, &is_found, err);
    json_end_object(&json);
    snprintf(out, 1024, "%s", ok && is_found ? buf_string(&text) : "");
    buf_free(&text);
}

static void assert_read(const char *body, const char *model, const char *expected)
{
    struct err err = {0};
    char found[1024];
    read(body, model, found, &err);
    if (err.code != ERR_NONE) fail_msg("%s: %s", body, err.message);
    assert_string_equal(found, expected);
}

static void what_stays_the_same_while_the_model_does_counts(void **state)
{
    (void)state;
    /* vLLM: the time of the request, and random ids of permissions. */
    assert_read("{\"object\":\"list\",\"data\":[{\"id\":\"m\",\"object\":\"model\",\"created\":17,"
                "\"owned_by\":\"vllm\",\"root\":\"/w/m\",\"parent\":null,\"max_model_len\":4096,"
                "\"permission\":[{\"id\":\"modelperm-1\",\"created\":17}]}]}",
                "m",
                "{\"models\":{\"id\":\"m\",\"root\":\"/w/m\",\"owned_by\":\"vllm\","
                "\"max_model_len\":4096}}");
    /* llama.cpp's server, which answers for its one model under any name. */
    assert_read("{\"models\":[],\"data\":[{\"id\":\"/w/a.gguf\",\"created\":18,\"owned_by\":"
                "\"llamacpp\",\"meta\":{\"n_vocab\":32064,\"n_params\":3821079552,\"size\":"
                "2318053376,\"n_ctx_train\":4096}}]}",
                "phi",
                "{\"models\":{\"id\":\"/w/a.gguf\",\"owned_by\":\"llamacpp\",\"n_vocab\":32064,"
                "\"n_ctx_train\":4096,\"n_params\":3821079552,\"size\":2318053376}}");
    assert_read(
        "{\"default_generation_settings\":{\"id\":0,\"is_processing\":true},\"total_slots\":4,"
        "\"model_path\":\"/w/a.gguf\",\"build_info\":\"b1-2\",\"chat_template\":\"{{ m }}\"}",
        NULL,
        "{\"props\":{\"model_path\":\"/w/a.gguf\",\"build_info\":\"b1-2\",\"chat_template\":"
        "\"{{ m }}\"}}");
    /* The entry of that name alone, among several. */
    assert_read("{\"data\":[{\"id\":\"a\",\"root\":\"1\"},{\"id\":\"b\",\"root\":\"2\"}]}", "b",
                "{\"models\":{\"id\":\"b\",\"root\":\"2\"}}");
    assert_read("{\"data\":[{\"id\":\"a\"},{\"id\":\"b\"}]}", "c", "");
}

static void a_long_text_stands_there_by_its_hash(void **state)
{
    char one[600], other[600], a[1024], b[1024];
    struct err err = {0};
    (void)state;
    snprintf(one, sizeof one, "{\"chat_template\":\"%0500d\"}", 1);
    snprintf(other, sizeof other, "{\"chat_template\":\"%0500d\"}", 2);
    read(one, NULL, a, &err);
    read(other, NULL, b, &err);
    assert_non_null(strstr(a, "\"chat_template\":\"sha256:"));
    assert_int_equal(strlen(a), strlen("{\"props\":{\"chat_template\":\"sha256:\"}}") + 64);
    assert_string_not_equal(a, b);
}

static void replies_that_say_nothing_are_no_faults(void **state)
{
    static const char *const nothing[] = {"{}",
                                          "[]",
                                          "{\"data\":{}}",
                                          "{\"data\":[]}",
                                          "7",
                                          "null",
                                          "{\"data\":[7]}",
                                          "\"x\"",
                                          "true",
                                          "{\"error\":{\"message\":\"\"}}"};
    struct err err = {0};
    char found[1024];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(nothing); i++) {
        assert_read(nothing[i], "m", "");
        assert_read(nothing[i], NULL, "");
    }
    read("<html>", "m", found, &err);
    assert_int_equal(err.code, ERR_INPUT);
}

/* ---- Asking ---- */

struct telling {
    int status;
    const char *models, *props; /* NULL: status 404 */
};

static void tell(void *context, const struct test_call *call, struct test_reply *reply)
{
    const struct telling *telling = context;
    bool is_props = !strcmp(call->path, "/props");
    const char *body = is_props ? telling->props : telling->models;
    assert_true(is_props || !strcmp(call->path, "/v1/models"));
    assert_non_null(strcasestr(call->head, "\r\nAuthorization: Bearer sk-secret\r\n"));
    reply->status = !body ? 404 : is_props ? 200 : telling->status;
    snprintf(reply->body, sizeof reply->body, "%s", body ? body : "");
}

static void assert_told(const struct telling *telling, const char *json, const char *why)
{
    struct err err = {0};
    struct server_words words;
    struct test_server *server = test_server_start(tell, (void *)(uintptr_t)telling);
    test_server_describe(server, tell);
    const struct api_options options = {.base_url = test_server_url(server),
                                        .model = "m",
                                        .key = "sk-secret",
                                        .timeout_s = 30,
                                        .n_retries = 1,
                                        .wait_s = 0.001};
    struct arena *arena = arena_new(0, &err);
    if (!server_ask_words(&options, arena, &words, &err)) fail_msg("%s", err.message);
    assert_string_equal(words.json ? words.json : "", json);
    assert_string_equal(words.why ? words.why : "", why);
    arena_free(arena);
    test_server_stop(server);
}

static void a_server_is_asked_at_two_places(void **state)
{
    static const char entry[] = "{\"data\":[{\"id\":\"m\"}]}", path[] = "{\"model_path\":\"/a\"}";
    static const struct {
        struct telling telling;
        const char *json, *why;
    } examples[] = {
        {{200, entry, path}, "{\"models\":{\"id\":\"m\"},\"props\":{\"model_path\":\"/a\"}}", ""},
        {{200, entry, NULL}, "{\"models\":{\"id\":\"m\"}}", ""},
        {{200, NULL, path}, "{\"props\":{\"model_path\":\"/a\"}}", ""},
        {{200, "{\"data\":[{\"id\":\"sk-secret\"}]}", NULL}, "{\"models\":{\"id\":\"(key)\"}}", ""},
        {{200, NULL, NULL}, "", "status 404"},
        {{501, "no", NULL}, "", "status 501"},
        {{503, "no", NULL}, "", "status 503"},
        {{401, "no", NULL}, "", "status 401"},
        {{200, "<html>", "<html>"}, "", "its reply cannot be read"},
        {{200, "{\"data\":[]}", NULL}, "", "it does not list the model"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(examples); i++)
        assert_told(&examples[i].telling, examples[i].json, examples[i].why);
}

static void a_server_that_cannot_be_reached_is_another_matter(void **state)
{
    char url[64];
    struct err err = {0};
    struct server_words words;
    (void)state;
    struct test_server *server = test_server_start(tell, NULL);
    snprintf(url, sizeof url, "%s", test_server_url(server));
    test_server_stop(server);
    const struct api_options options = {
        .base_url = url, .model = "m", .timeout_s = 30, .n_retries = 1, .wait_s = 0.001};
    struct arena *arena = arena_new(0, &err);
    assert_false(server_ask_words(&options, arena, &words, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_non_null(strstr(err.message, "/v1/models failed 2 times"));
    arena_free(arena);
}

/* ---- Identities ---- */

static void whatever_changes_an_answer_is_in_the_identity_and_no_secret_is(void **state)
{
    static const struct api_header header = {"X-Key", "${SECRET}"};
    static const struct api_field field = {"top_p", "0.9"};
    const struct api_options plain = {.base_url = "http://h/v1", .model = "m", .key = "sk-secret"};
    const struct server_words silent = {0}, says = {.json = "{\"models\":{\"id\":\"m\"}}"},
                              unreached = {.is_unreachable = true};
    struct err err = {0};
    struct arena *arena = arena_new(0, &err);
    struct api_options all = plain;
    (void)state;
    all.revision = "2";
    all.completes = all.names_completion_tokens = all.omits_temperature = true;
    all.reasoning_tokens = 7;
    all.headers = &header;
    all.fields = &field;
    all.n_headers = all.n_fields = 1;
    assert_string_equal(server_describe(&plain, "a", &silent, arena, &err),
                        "{\"id\":\"a\",\"base_url\":\"http://h/v1\",\"model\":\"m\",\"endpoint\":"
                        "\"chat\",\"says\":null}");
    assert_string_equal(server_describe(&plain, NULL, &unreached, arena, &err),
                        "{\"base_url\":\"http://h/v1\",\"model\":\"m\",\"endpoint\":\"chat\","
                        "\"says\":\"not known\"}");
    assert_string_equal(
        server_describe(&all, "a", &says, arena, &err),
        "{\"id\":\"a\",\"base_url\":\"http://h/v1\",\"model\":\"m\",\"revision\":\"2\","
        "\"endpoint\":\"completions\",\"max_completion_tokens\":true,\"temperature\":\"omit\","
        "\"reasoning_tokens\":7,\"headers\":{\"X-Key\":\"${SECRET}\"},\"body\":{\"top_p\":0.9},"
        "\"says\":{\"models\":{\"id\":\"m\"}}}");
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stays_the_same_while_the_model_does_counts),
        cmocka_unit_test(a_long_text_stands_there_by_its_hash),
        cmocka_unit_test(replies_that_say_nothing_are_no_faults),
        cmocka_unit_test(a_server_is_asked_at_two_places),
        cmocka_unit_test(a_server_that_cannot_be_reached_is_another_matter),
        cmocka_unit_test(whatever_changes_an_answer_is_in_the_identity_and_no_secret_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
