/* test_api_pictures.c - pictures to a server: content parts with data: URLs before the text, what
 * is known of them afterwards, and files that cannot be sent.
 */
#include "harness/ask/client_api.h"

#include "base/base64.h"
#include "base/file.h"
#include "tests/support/test_data.h"
#include "tests/support/test_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FOLDER "tests/golden/pictures/"
static const char *const ONE[] = {FOLDER "one_pixel.jpg"};
static const char *const TWO[] = {FOLDER "gray_1.png", FOLDER "lossy.webp"};

/* What was said of the one request. */
struct kept {
    bool answered;
    char failure[32], reason[512], prompt[128], tokens_hash[65], files[2][300];
    size_t n_pictures, n;
};

static bool keep(void *context, size_t i_request, const struct response *response, struct err *err)
{
    struct kept *kept = context;
    (void)i_request, (void)err;
    *kept = (struct kept){
        .answered = response->answered, .n_pictures = response->n_pictures, .n = kept->n + 1};
    snprintf(kept->failure, sizeof kept->failure, "%s", response->failure ? response->failure : "");
    snprintf(kept->reason, sizeof kept->reason, "%s", response->reason ? response->reason : "");
    snprintf(kept->prompt, sizeof kept->prompt, "%s", response->prompt);
    snprintf(kept->tokens_hash, sizeof kept->tokens_hash, "%s", response->tokens_hash);
    for (size_t i = 0; i < response->n_pictures && i < 2; i++) {
        snprintf(kept->files[i], sizeof kept->files[i], "%s", response->pictures[i].file);
        assert_true(response->pictures[i].n_thumbnail_bytes > 0);
        assert_int_equal(strlen(response->pictures[i].hash), 64);
    }
    return true;
}

static struct request question(const char *const *turns, const char *const *pictures, size_t n)
{
    return (struct request){.kind = REQUEST_CHAT,
                            .prompts = turns,
                            .n_prompts = 1,
                            .max_new_tokens = 8,
                            .pictures = pictures,
                            .n_pictures = n,
                            .max_crops = 16};
}

static bool ask(const struct test_server *server, const struct request *requests, size_t n,
                struct kept *kept, struct err *err)
{
    const struct api_options options = {.base_url = test_server_url(server),
                                        .model = "m",
                                        .n_concurrent = 1,
                                        .timeout_s = 30,
                                        .wait_s = 0.001};
    const struct client_sink sink = {keep, NULL, kept};
    struct client *client = client_open_api(&options, err);
    assert_non_null(client);
    memset(kept, 0, sizeof *kept);
    bool ok = client_ask(client, requests, n, &sink, err);
    client_close(client);
    return ok;
}

/* Appends a file as a part of a content, with the comma behind it. */
static void put_part(struct buf *body, const char *media_type, const char *path)
{
    size_t n_bytes;
    char *bytes = file_read(path, 1 << 20, &n_bytes, NULL);
    assert_non_null(bytes);
    buf_text(body, "{\"type\":\"image_url\",\"image_url\":{\"url\":\"");
    base64_put_url(body, media_type, (const uint8_t *)bytes, n_bytes);
    buf_text(body, "\"}},");
    free(bytes);
}

static void check_body(void *context, const struct test_call *call, struct test_reply *reply)
{
    assert_string_equal(call->path, "/v1/chat/completions");
    assert_string_equal(call->body, context);
    snprintf(reply->body, sizeof reply->body,
             "{\"choices\":[{\"message\":{\"content\":\"a cat\"}}]}");
}

static void pictures_go_before_the_text_as_data_urls(void **state)
{
    (void)state;
    static const char *const TURNS[] = {"What \"is\" this?"};
    struct err err = {0};
    struct kept kept;
    struct buf body = {0};
    buf_text(&body, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[");
    put_part(&body, "image/png", TWO[0]);
    put_part(&body, "image/webp", TWO[1]);
    buf_text(&body, "{\"type\":\"text\",\"text\":\"What \\\"is\\\" this?\"}]}],"
                    "\"max_tokens\":8,\"temperature\":0}");
    struct test_server *server = test_server_start(check_body, body.data);
    struct request request = question(TURNS, TWO, 2);
    if (!ask(server, &request, 1, &kept, &err)) fail_msg("%s", err.message);
    assert_true(kept.answered);
    assert_string_equal(kept.prompt, "user: <|image_1|>\n<|image_2|>\nWhat \"is\" this?");
    assert_int_equal(kept.n_pictures, 2);
    assert_string_equal(kept.files[1], TWO[1]);
    test_server_stop(server);
    buf_free(&body);
}

static void say_yes(void *context, const struct test_call *call, struct test_reply *reply)
{
    (void)context, (void)call;
    snprintf(reply->body, sizeof reply->body,
             "{\"choices\":[{\"message\":{\"content\":\"yes\"}}]}");
}

/* The text alone is the same for other pictures. */
static void what_was_asked_is_known_by_its_pictures(void **state)
{
    (void)state;
    static const char *const TURNS[] = {"Why?"};
    struct test_server *server = test_server_start(say_yes, NULL);
    struct kept first, again, other;
    const struct request one = question(TURNS, ONE, 1), two = question(TURNS, TWO, 1);
    assert_true(ask(server, &one, 1, &first, NULL));
    assert_true(ask(server, &one, 1, &again, NULL));
    assert_true(ask(server, &two, 1, &other, NULL));
    assert_int_equal(strlen(first.tokens_hash), 64);
    assert_string_equal(first.prompt, other.prompt);
    assert_string_equal(first.tokens_hash, again.tokens_hash);
    assert_string_not_equal(first.tokens_hash, other.tokens_hash);
    test_server_stop(server);
}

/* Nothing is sent; and however many they are, the server is not to blame. */
static void a_file_that_cannot_be_sent_is_no_fault_of_the_server(void **state)
{
    (void)state;
    enum { N = 60 };
    static const char *const TURNS[] = {"Why?"};
    static const char *const MISSING[] = {FOLDER "one_pixel.jpg", FOLDER "there is none.jpg"};
    struct request requests[N];
    struct test_server *server = test_server_start(say_yes, NULL);
    struct err err = {0};
    struct kept kept;
    for (size_t i = 0; i < N; i++) requests[i] = question(TURNS, MISSING, 2);
    if (!ask(server, requests, N, &kept, &err)) fail_msg("%s", err.message);
    assert_int_equal(kept.n, N);
    assert_int_equal(test_server_count(server), 0);
    assert_false(kept.answered);
    assert_string_equal(kept.failure, RESPONSE_NO_PICTURE);
    assert_int_equal(strncmp(kept.reason, MISSING[1], strlen(MISSING[1])), 0);
    assert_int_equal(kept.n_pictures, 0);
    test_server_stop(server);
}

/* Bytes behind the end of a picture are ignored, so that a small one makes a large file. */
static void pictures_too_large_for_a_body_are_not_sent(void **state)
{
    (void)state;
    static const char *const TURNS[] = {"Why?"};
    char folder[256], path[300];
    struct kept kept;
    struct err err = {0};
    size_t n_bytes;
    assert_non_null(test_make_folder(folder, sizeof folder));
    snprintf(path, sizeof path, "%s/large.jpg", folder);
    char *bytes = file_read(ONE[0], 1 << 20, &n_bytes, NULL);
    char *large = calloc(1, API_MOST_PICTURE_BYTES);
    assert_non_null(bytes);
    assert_non_null(large);
    memcpy(large, bytes, n_bytes);
    assert_true(file_write(path, large, API_MOST_PICTURE_BYTES, NULL));
    const char *const both[] = {path, ONE[0]};
    const struct request request = question(TURNS, both, 2);
    struct test_server *server = test_server_start(say_yes, NULL);
    if (!ask(server, &request, 1, &kept, &err)) fail_msg("%s", err.message);
    assert_string_equal(kept.failure, RESPONSE_NO_PICTURE);
    assert_non_null(strstr(kept.reason, "more than the 32 MiB"));
    assert_int_equal(test_server_count(server), 0);
    test_server_stop(server);
    free(bytes);
    free(large);
    test_remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_go_before_the_text_as_data_urls),
        cmocka_unit_test(what_was_asked_is_known_by_its_pictures),
        cmocka_unit_test(a_file_that_cannot_be_sent_is_no_fault_of_the_server),
        cmocka_unit_test(pictures_too_large_for_a_body_are_not_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
