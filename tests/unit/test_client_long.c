/* test_client_long.c - the engine's client over a model with LongRoPE: whatever else is asked in
 * the same window, an answer is judged from the logits of the tokens that it hands over, rotated as
 * their number asks for. The reference computes each of them anew, by itself.
 */
#include "harness/ask/client.h"

#include "base/sha256.h"
#include "tests/support/test_engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BORDER = 64, CONTEXT = 128, N_REQUESTS = 8, N_NEW = 12, N_VOCAB = 85 }; /* the model's */

/* One token each but for the BOS and a space before the first. */
static const char TEXT[] = "The_quick_brown_fox_jumps_over_the_lazy_dog_and_then_it_goes_to_sleep_"
                           "behind_the_barn_until_noon";
static const char *const CHOICES[] = {"!", "maybe", "No"};

/* The first n tokens of a prompt, as text. */
static const char *prompt_of(size_t n, char text[CONTEXT])
{
    snprintf(text, CONTEXT, "%.*s", (int)n - 2, TEXT);
    return text;
}

static struct request request_of(enum request_kind kind, const char *const *prompt)
{
    return (struct request){.kind = kind,
                            .fit = FIT_FEWER_SHOTS,
                            .prompts = prompt,
                            .n_prompts = 1,
                            .choices = CHOICES,
                            .n_choices = kind == REQUEST_CHOICES ? 3 : 0,
                            .max_new_tokens = kind == REQUEST_GENERATE ? N_NEW : 0};
}

/* ---- The reference ---- */

struct rows {
    uint8_t hashes[32][SHA256_BYTES];
    size_t n;
};

/* Logits after tokens [first, n) of a prompt of n: their hashes; the last of them to `last`. */
static void add_rows(struct session *session, const int32_t *ids, size_t n, size_t first,
                     struct rows *rows, float last[N_VOCAB])
{
    float *logits = calloc(n * N_VOCAB, sizeof *logits);
    int sequence;
    assert_true(session_start(session, &sequence, NULL));
    session_expect(session, sequence, n);
    test_eval(session, sequence, ids, n, 512, logits);
    session_drop(session, sequence);
    for (size_t i = first; i < n; i++)
        sha256_digest(logits + i * N_VOCAB, N_VOCAB * sizeof *logits, rows->hashes[rows->n++]);
    memcpy(last, logits + (n - 1) * N_VOCAB, N_VOCAB * sizeof *last);
    free(logits);
}

static void add_choices(struct session *session, const struct tokenizer *tokenizer,
                        const char *prompt, struct rows *rows)
{
    float last[N_VOCAB];
    for (size_t i = 0; i < 3; i++) {
        struct joined_tokens joined;
        assert_true(join_tokens(tokenizer, BOS_AUTO, prompt, CHOICES[i], &joined, NULL));
        add_rows(session, joined.ids.ids, joined.ids.n - 1, joined.n_context - 1, rows, last);
        tokens_free(&joined.ids);
    }
}

static void add_generation(struct session *session, const struct tokenizer *tokenizer,
                           const char *prompt, struct rows *rows)
{
    const struct encode_options options = {0};
    struct tokens ids = {0};
    float last[N_VOCAB];
    assert_true(tokenizer_encode(tokenizer, prompt, strlen(prompt), &options, &ids, NULL));
    for (size_t i = 0; i < N_NEW; i++) {
        add_rows(session, ids.ids, ids.n, ids.n - 1, rows, last);
        int32_t id = logits_argmax(last, (size_t)tokenizer_size(tokenizer));
        if (tokenizer_is_end(tokenizer, id)) break;
        assert_true(tokens_append(&ids, &id, 1, NULL));
    }
    tokens_free(&ids);
}

static void hash_reference(const struct model *model, const struct request *request,
                           char hex[SHA256_HEX_BYTES])
{
    struct rows rows = {.n = 0};
    struct session *session = session_open(model, &(struct session_options){.n_threads = 1}, NULL);
    assert_non_null(session);
    if (request->kind == REQUEST_CHOICES)
        add_choices(session, model_tokenizer(model), request->prompts[0], &rows);
    else add_generation(session, model_tokenizer(model), request->prompts[0], &rows);
    struct sha256 *hash = sha256_new(NULL);
    sha256_update(hash, rows.hashes, rows.n * sizeof rows.hashes[0]);
    sha256_finish(hash, hex);
    sha256_free(hash);
    session_close(session);
}

/* ---- The client ---- */

struct kept {
    char hashes[N_REQUESTS][SHA256_HEX_BYTES];
    int64_t n_naive;
    size_t n;
};

static bool keep(void *context, size_t i_request, const struct response *response, struct err *err)
{
    struct kept *kept = context;
    (void)i_request;
    (void)err;
    assert_true(response->answered);
    memcpy(kept->hashes[kept->n++], response->logits_hash, SHA256_HEX_BYTES);
    kept->n_naive += response->naive_tokens;
    return true;
}

/* All requests, so many at a time; how many tokens were computed. */
static uint64_t answer_all(const struct model *model, const struct client_options *options,
                           const struct request *requests, size_t window, struct kept *kept)
{
    struct client *client = client_open_engine(model, options, NULL);
    const struct client_sink sink = {keep, NULL, kept};
    assert_non_null(client);
    *kept = (struct kept){.n = 0};
    for (size_t i = 0; i < N_REQUESTS; i += window) {
        struct client_window *prepared = client_prepare(client, requests + i, window, NULL);
        assert_non_null(prepared);
        assert_true(client_answer(client, prepared, &sink, NULL));
        client_window_free(prepared);
    }
    uint64_t n_computed = client_computed_tokens(client);
    client_close(client);
    assert_int_equal(kept->n, N_REQUESTS);
    return n_computed;
}

static void answers_are_those_of_each_request_by_itself(void **state)
{
    (void)state;
    struct model *model = test_open_model("tests/golden/longrope-phi3.gguf", isa_best());
    assert_int_equal(model_info(model)->short_tokens, BORDER);
    assert_int_equal(model_info(model)->n_vocab, N_VOCAB);
    /* Short; a generation from the border on; one that crosses; choices on both sides; long. */
    static const size_t lengths[N_REQUESTS] = {20, BORDER, 58, BORDER - 1, 80, BORDER, 90, 40};
    char texts[N_REQUESTS][CONTEXT], expected[N_REQUESTS][SHA256_HEX_BYTES];
    const char *prompts[N_REQUESTS];
    struct request requests[N_REQUESTS];
    for (size_t i = 0; i < N_REQUESTS; i++) {
        prompts[i] = prompt_of(lengths[i], texts[i]);
        requests[i] = request_of(i % 2 && i != 1 ? REQUEST_CHOICES : REQUEST_GENERATE, &prompts[i]);
        hash_reference(model, &requests[i], expected[i]);
    }
    static const size_t windows[] = {1, 2, N_REQUESTS}, batches[] = {7, 512};
    for (size_t i = 0; i < 12; i++) {
        struct kept kept;
        const struct client_options options = {.shares_prefixes = i % 2,
                                               .session = {.n_threads = 1,
                                                           .batch_tokens = batches[i / 2 % 2],
                                                           .context_tokens = CONTEXT}};
        uint64_t n_computed = answer_all(model, &options, requests, windows[i / 4], &kept);
        for (size_t k = 0; k < N_REQUESTS; k++) assert_string_equal(kept.hashes[k], expected[k]);
        if (options.shares_prefixes) assert_true(n_computed <= (uint64_t)kept.n_naive);
        else assert_true(n_computed == (uint64_t)kept.n_naive);
        if (options.shares_prefixes && windows[i / 4] == N_REQUESTS)
            assert_true(n_computed < (uint64_t)kept.n_naive); /* long ones share, too */
    }
    model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_those_of_each_request_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
