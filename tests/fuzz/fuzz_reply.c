/* fuzz_reply.c - any bytes that a server may send are read as a reply, an echo, a list of models or
 * properties, or refused with a message; what is kept can be stored, and holds no key.
 *
 * The same bytes are all of these, and a judge's opinion and a Retry-After besides.
 */
#include "base/mem.h"
#include "base/utf8.h"
#include "harness/ask/http.h"
#include "harness/ask/server_identity.h"
#include "suites/judging.h"
#include "suites/reasoning.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static const char KEY[] = "sk-Proj/a+b_c-93Xy77Qz";

static void check(bool ok, const struct err *err)
{
    if (!ok && (err->code == ERR_NONE || !err->message[0])) abort();
}

static void require(bool holds)
{
    if (!holds) abort();
}

static void check_usage(const struct api_usage *usage)
{
    require(usage->tokens_in >= -1 && usage->tokens_in <= INT32_MAX);
    require(usage->tokens_out >= -1 && usage->tokens_out <= INT32_MAX);
}

static void read_text(const char *body, size_t n, size_t reasoning_tokens, struct arena *arena)
{
    static const char *const prompt = "p", *const stops[] = {"\n", "."};
    const struct request request = {.kind = REQUEST_GENERATE,
                                    .prompts = &prompt,
                                    .n_prompts = 1,
                                    .max_new_tokens = 8,
                                    .stops = stops,
                                    .n_stops = 2};
    const struct api_options options = {.reasoning_tokens = reasoning_tokens};
    struct response response = {.answered = true}, again;
    struct api_usage usage = {0};
    struct err err = {0};
    struct buf stored = {0};
    bool ok = api_read_text(&options, &request, body, n, arena, &response, &usage, &err);
    check(ok, &err);
    check_usage(&usage);
    if (!ok) return;
    require(utf8_is_valid(response.text, strlen(response.text)));
    response_write(&response, &stored);
    if (!response_read(buf_string(&stored), stored.n_bytes, &again, arena, &err)) abort();
    require(!response.reasoning || !strcmp(response.reasoning, again.reasoning));
    require(!response.reasoning || !strcmp(response.text, again.text));
    buf_free(&stored);
}

static void read_score(const char *body, size_t n)
{
    static const char *const prompt = "The capital", *const choice = " is Paris";
    const struct request request = {.kind = REQUEST_CHOICES,
                                    .prompts = &prompt,
                                    .n_prompts = 1,
                                    .choices = &choice,
                                    .n_choices = 1};
    const struct api_call call = {.request = &request};
    struct choice_score score;
    struct api_usage usage = {0};
    struct err err = {0};
    bool ok = api_read_score(&call, body, n, &score, &usage, &err);
    check(ok, &err);
    check_usage(&usage);
    require(!ok || (isfinite(score.logprob) && score.n_tokens > 0));
}

static void read_identity(const char *body, size_t n, bool is_props)
{
    struct buf text = {0};
    struct json_writer json = {.out = &text};
    struct err err = {0};
    bool is_found = false;
    json_begin_object(&json);
    bool ok = is_props ? server_read_props(body, n, &json, &is_found, &err)
                       : server_read_models(body, n, "m", &json, &is_found, &err);
    json_end_object(&json);
    check(ok, &err);
    struct json *root = json_parse(buf_string(&text), text.n_bytes, "identity", &err);
    require(root && (ok || !is_found));
    json_free(root);
    buf_free(&text);
}

static void read_words(const char *text, size_t n)
{
    struct reasoning_parts parts;
    struct buf safe = {0};
    struct err err = {0};
    bool is_whole;
    struct secrets *secrets = secrets_new(&err);
    if (!secrets || !secrets_add(secrets, KEY, &err)) abort();
    secrets_redact(secrets, text, n, &safe);
    require(!strcasestr(buf_string(&safe), KEY));
    secrets_free(secrets);
    buf_free(&safe);
    reasoning_split(text, n, n % 2, &parts);
    require(parts.answer.n_bytes + parts.reasoning.n_bytes <= n);
    require(parts.is_found || parts.answer.n_bytes == n);
    reasoning_done(&parts);
    double score = judging_read_score(text, &is_whole);
    require(score == FASTCHAT_MISSING || fastchat_is_score(score));
    judging_read_winner(text);
    double pause = http_read_retry_after(text, 1000000000);
    require(pause >= 0 && pause <= HTTP_MOST_ASKED_S);
    api_find_failure(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    struct err err = {0};
    struct arena *arena = arena_new(0, &err);
    char *text = arena ? arena_copy(arena, (const char *)bytes, n_bytes, &err) : NULL;
    if (!text) abort();
    read_text(text, n_bytes, 0, arena);
    read_text(text, n_bytes, 64, arena);
    read_score(text, n_bytes);
    read_identity(text, n_bytes, false);
    read_identity(text, n_bytes, true);
    read_words(text, n_bytes);
    arena_free(arena);
    return 0;
}
