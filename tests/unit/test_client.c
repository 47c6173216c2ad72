/* test_client.c - answers of the engine's client: equal to what one session computes token by
 * token, whatever the window, the batch and the KV budget; prompts that do not fit; generations,
 * their stops and their seeds.
 */
#include "harness/ask/client.h"

#include "base/sha256.h"
#include "base/utf8.h"
#include "engine/gguf.h"
#include "engine/open_source.h"
#include "tests/support/test_data.h"
#include "tests/support/test_engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N_REQUESTS = 12, CONTEXT = 128 };

static const char *const LETTERS[] = {" A", " B", " C", " D"};
static const char *const WORDS[] = {" the Answer", " of", " the Answer of the day"};

static int open_model_once(void **state)
{
    return test_enter_model(state, "synth:tiny:q8_0");
}

static struct client *open_client_that(bool shares_prefixes, const struct model *model,
                                       size_t batch_tokens, uint64_t kv_budget_bytes)
{
    struct err err = {0};
    const struct client_options options = {.shares_prefixes = shares_prefixes,
                                           .session = {.n_threads = 1,
                                                       .batch_tokens = batch_tokens,
                                                       .context_tokens = CONTEXT,
                                                       .kv_budget_bytes = kv_budget_bytes}};
    struct client *client = client_open_engine(model, &options, &err);
    if (!client) print_error("%s\n", err.message);
    assert_non_null(client);
    return client;
}

static struct client *open_client(const struct model *model, size_t batch_tokens,
                                  uint64_t kv_budget_bytes)
{
    return open_client_that(true, model, batch_tokens, kv_budget_bytes);
}

/* ---- Keeping responses ---- */

struct kept {
    struct response responses[64];
    struct choice_score scores[64][4];
    char texts[64][512];
    size_t n;
};

static bool keep(void *context, size_t i_request, const struct response *response, struct err *err)
{
    struct kept *kept = context;
    (void)err;
    assert_int_equal(i_request, kept->n);
    struct response *copy = &kept->responses[kept->n];
    *copy = *response;
    copy->duration_ns = 0;
    if (response->n_choices)
        memcpy(kept->scores[kept->n], response->choices,
               response->n_choices * sizeof *response->choices);
    if (response->text) snprintf(kept->texts[kept->n], sizeof kept->texts[0], "%s", response->text);
    kept->n++;
    return true;
}

static struct kept *answer(struct client *client, const struct request *requests, size_t n,
                           size_t window)
{
    struct err err = {0};
    struct kept *kept = calloc(1, sizeof *kept), part;
    assert_non_null(kept);
    for (size_t first = 0; first < n; first += window) {
        size_t n_now = n - first < window ? n - first : window;
        const struct client_sink sink = {keep, NULL, &part};
        part = (struct kept){0};
        struct client_window *prepared = client_prepare(client, requests + first, n_now, &err);
        if (!prepared || !client_answer(client, prepared, &sink, &err)) fail_msg("%s", err.message);
        client_window_free(prepared);
        assert_int_equal(part.n, n_now);
        memcpy(kept->responses + first, part.responses, n_now * sizeof part.responses[0]);
        memcpy(kept->scores + first, part.scores, n_now * sizeof part.scores[0]);
        memcpy(kept->texts + first, part.texts, n_now * sizeof part.texts[0]);
        kept->n += n_now;
    }
    return kept;
}

static void assert_same(const struct kept *a, const struct kept *b)
{
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        const struct response *x = &a->responses[i], *y = &b->responses[i];
        assert_int_equal(x->answered, y->answered);
        assert_int_equal(x->n_choices, y->n_choices);
        assert_int_equal(x->n_prompt_tokens, y->n_prompt_tokens);
        assert_int_equal(x->n_new_tokens, y->n_new_tokens);
        assert_string_equal(a->texts[i], b->texts[i]);
        assert_string_equal(x->logits_hash, y->logits_hash);
        assert_int_equal(x->naive_tokens, y->naive_tokens);
        for (size_t k = 0; k < x->n_choices; k++) {
            assert_memory_equal(&a->scores[i][k].logprob, &b->scores[i][k].logprob, sizeof(double));
            assert_int_equal(a->scores[i][k].is_greedy, b->scores[i][k].is_greedy);
        }
    }
}

/* ---- Requests ---- */

static struct request choices(const char *const *prompt, const char *const *list, size_t n)
{
    return (struct request){.kind = REQUEST_CHOICES,
                            .fit = FIT_FEWER_SHOTS,
                            .prompts = prompt,
                            .n_prompts = 1,
                            .choices = list,
                            .n_choices = n};
}

static struct request generation(const char *const *prompt, size_t n_new)
{
    return (struct request){.kind = REQUEST_GENERATE,
                            .fit = FIT_FEWER_SHOTS,
                            .prompts = prompt,
                            .n_prompts = 1,
                            .max_new_tokens = n_new};
}

/* Every kind, with shared beginnings. */
static void mixed_requests(const char *const *prompts, struct request requests[N_REQUESTS])
{
    for (size_t i = 0; i < N_REQUESTS; i++) {
        requests[i] = i % 3 == 0   ? choices(&prompts[i], LETTERS, 4)
                      : i % 3 == 1 ? choices(&prompts[i], WORDS, 3)
                                   : generation(&prompts[i], 12);
        requests[i].temperature = i % 2 ? 0.9 : 0;
        requests[i].seed = i;
    }
}

static void make_prompts(char texts[N_REQUESTS][128], const char *prompts[N_REQUESTS])
{
    for (size_t i = 0; i < N_REQUESTS; i++) {
        snprintf(texts[i], 128, "The following are questions.%s Question %zu of the day\nAnswer:",
                 i % 4 ? " They are hard." : "", i / 2);
        prompts[i] = texts[i];
    }
}

/* ---- The reference: one sequence, one token at a time ---- */

static double reference_logprob(const struct model *model, const char *context,
                                const char *continuation, int *n_tokens)
{
    const struct session_options options = {
        .n_threads = 1, .batch_tokens = 1, .context_tokens = CONTEXT};
    struct joined_tokens joined;
    struct session *session = session_open(model, &options, NULL);
    int sequence;
    double sum = 0;
    assert_non_null(session);
    assert_true(
        join_tokens(model_tokenizer(model), BOS_AUTO, context, continuation, &joined, NULL));
    assert_true(session_start(session, &sequence, NULL));
    for (size_t i = 0; i + 1 < joined.ids.n; i++) {
        const struct session_token token = {
            .sequence = sequence, .id = joined.ids.ids[i], .wants_logits = true};
        assert_true(session_eval(session, &token, 1, NULL));
        if (i + 1 >= joined.n_context)
            sum += logits_logprob(session_logits(session, 0), (size_t)model_info(model)->n_vocab,
                                  joined.ids.ids[i + 1]);
    }
    *n_tokens = (int)(joined.ids.n - joined.n_context);
    joined_tokens_done(&joined);
    session_close(session);
    return sum;
}

static void choices_have_the_log_probabilities_of_the_whole_sequence(void **state)
{
    char texts[N_REQUESTS][128];
    const char *prompts[N_REQUESTS];
    struct request requests[N_REQUESTS];
    struct client *client = open_client(*state, 64, 0);
    make_prompts(texts, prompts);
    mixed_requests(prompts, requests);
    struct kept *kept = answer(client, requests, N_REQUESTS, N_REQUESTS);
    for (size_t i = 0; i < N_REQUESTS; i++)
        for (size_t k = 0; k < kept->responses[i].n_choices; k++) {
            int n_tokens;
            double logprob =
                reference_logprob(*state, prompts[i], requests[i].choices[k], &n_tokens);
            assert_memory_equal(&logprob, &kept->scores[i][k].logprob, sizeof logprob);
            assert_int_equal(n_tokens, kept->scores[i][k].n_tokens);
        }
    assert_true(kept->scores[1][2].n_tokens > 2); /* a branch of the trie, not only a last token */
    free(kept);
    client_close(client);
}

static void a_choice_is_scored_after_its_own_stem(void **state)
{
    static const char *const PROMPTS[] = {"An example of the day.\n\n"};
    static const char *const STEMS[] = {"Question one", "The Answer of one ", ""};
    static const char *const SAME[] = {" of the day", " of the day", " of the day"};
    struct request request = choices(PROMPTS, SAME, 3);
    request.stems = STEMS;
    struct client *client = open_client(*state, 64, 0);
    struct kept *kept = answer(client, &request, 1, 1);
    assert_int_equal(kept->responses[0].n_choices, 3);
    for (size_t i = 0; i < 3; i++) {
        char context[128];
        int n_tokens;
        snprintf(context, sizeof context, "%s%s", PROMPTS[0], STEMS[i]);
        double logprob = reference_logprob(*state, context, SAME[i], &n_tokens);
        assert_memory_equal(&logprob, &kept->scores[0][i].logprob, sizeof logprob);
        assert_int_equal(n_tokens, kept->scores[0][i].n_tokens);
        assert_int_equal(kept->scores[0][i].n_characters, 10);
    }
    assert_true(kept->scores[0][0].logprob != kept->scores[0][2].logprob);
    free(kept);
    client_close(client);
}

static void answers_do_not_depend_on_window_batch_or_budget(void **state)
{
    char texts[N_REQUESTS][128];
    const char *prompts[N_REQUESTS];
    struct request requests[N_REQUESTS];
    const struct {
        size_t window, batch_tokens;
        uint64_t kv_budget_bytes; /* the smallest holds one context of the tiny model in f16 */
    } ways[] = {{N_REQUESTS, 512, 0},
                {1, 512, 0},
                {5, 7, 0},
                {N_REQUESTS, 1, 0},
                {N_REQUESTS, 64, 128 * 1024}};
    make_prompts(texts, prompts);
    mixed_requests(prompts, requests);
    struct kept *first = NULL;
    uint64_t n_first = 0;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct client *client = open_client(*state, ways[i].batch_tokens, ways[i].kv_budget_bytes);
        struct kept *kept = answer(client, requests, N_REQUESTS, ways[i].window);
        if (i == 0) n_first = client_computed_tokens(client);
        if (i == 1)
            assert_true(client_computed_tokens(client) >
                        n_first); /* nothing is shared between windows */
        if (first) assert_same(first, kept);
        if (first) free(kept);
        else first = kept;
        client_close(client);
    }
    free(first);
}

static void without_sharing_every_prompt_is_computed_from_its_first_token(void **state)
{
    char texts[N_REQUESTS][128];
    const char *prompts[N_REQUESTS];
    struct request requests[N_REQUESTS];
    const size_t batches[] = {1, 7, 512};
    make_prompts(texts, prompts);
    mixed_requests(prompts, requests);
    struct client *sharing = open_client(*state, 64, 0);
    struct kept *expected = answer(sharing, requests, N_REQUESTS, N_REQUESTS);
    uint64_t n_naive = 0;
    for (size_t i = 0; i < N_REQUESTS; i++)
        n_naive += (uint64_t)expected->responses[i].naive_tokens;
    assert_true(n_naive > 3 * client_computed_tokens(sharing));
    /* One prompt for four letters, and three for words: one has more tokens than another. */
    const struct response *letters = &expected->responses[0], *words = &expected->responses[1];
    assert_int_equal(letters->naive_tokens, letters->n_prompt_tokens);
    assert_true(words->naive_tokens > 2 * words->n_prompt_tokens);
    for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++) {
        struct client *client = open_client_that(false, *state, batches[i], 0);
        struct kept *kept = answer(client, requests, N_REQUESTS, N_REQUESTS);
        assert_same(expected, kept);
        assert_int_equal(client_computed_tokens(client), n_naive);
        free(kept);
        client_close(client);
    }
    free(expected);
    client_close(sharing);
}

static void the_hash_is_of_every_row_of_logits_in_order(void **state)
{
    char texts[N_REQUESTS][128];
    const char *prompts[N_REQUESTS];
    make_prompts(texts, prompts);
    const struct request request = choices(prompts, WORDS, 3);
    struct client *client = open_client(*state, 64, 0);
    struct kept *kept = answer(client, &request, 1, 1);
    const struct session_options options = {.n_threads = 1, .context_tokens = CONTEXT};
    struct session *session = session_open(*state, &options, NULL);
    struct sha256 *hash = sha256_new(NULL);
    char hex[SHA256_HEX_BYTES];
    assert_non_null(session);
    assert_non_null(hash);
    for (size_t k = 0; k < 3; k++) {
        struct joined_tokens joined;
        int sequence;
        assert_true(
            join_tokens(model_tokenizer(*state), BOS_AUTO, prompts[0], WORDS[k], &joined, NULL));
        assert_true(session_start(session, &sequence, NULL));
        for (size_t i = 0; i + 1 < joined.ids.n; i++) {
            const struct session_token token = {
                .sequence = sequence, .id = joined.ids.ids[i], .wants_logits = true};
            uint8_t row[SHA256_BYTES];
            assert_true(session_eval(session, &token, 1, NULL));
            if (i + 1 < joined.n_context) continue;
            sha256_digest(session_logits(session, 0),
                          (size_t)model_info(*state)->n_vocab * sizeof(float), row);
            sha256_update(hash, row, sizeof row);
        }
        session_drop(session, sequence);
        joined_tokens_done(&joined);
    }
    sha256_finish(hash, hex);
    assert_string_equal(kept->responses[0].logits_hash, hex);
    sha256_free(hash);
    session_close(session);
    free(kept);
    client_close(client);
}

static void a_prompt_that_does_not_fit_loses_examples(void **state)
{
    char longest[1500];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    const char *const prompts[] = {longest, longest + 600, "short", "shorter still"};
    struct request request = choices(prompts, LETTERS, 4);
    struct client *client = open_client(*state, 64, 0);
    request.n_prompts = 4;
    struct kept *kept = answer(client, &request, 1, 1);
    assert_true(kept->responses[0].answered);
    assert_int_equal(kept->responses[0].n_dropped_shots, 2);
    assert_int_equal(kept->responses[0].n_cut_tokens, 0);
    free(kept);
    request.n_prompts = 2; /* none of these fits */
    kept = answer(client, &request, 1, 1);
    assert_false(kept->responses[0].answered);
    assert_int_equal(kept->responses[0].n_choices, 0);
    assert_string_equal(kept->responses[0].logits_hash, "");
    free(kept);
    client_close(client);
}

static void a_prompt_that_keeps_its_end_is_scored_on_the_last_tokens(void **state)
{
    char text[1500];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    const char *prompt = text;
    struct request request = choices(&prompt, LETTERS, 4);
    struct joined_tokens joined;
    struct client *client = open_client(*state, 64, 0);
    request.fit = FIT_KEEP_END;
    struct kept *kept = answer(client, &request, 1, 1);
    assert_true(join_tokens(model_tokenizer(*state), BOS_AUTO, text, LETTERS[0], &joined, NULL));
    assert_true(kept->responses[0].answered);
    assert_int_equal(kept->responses[0].n_cut_tokens, joined.ids.n - (CONTEXT + 1));
    assert_int_equal(kept->responses[0].n_prompt_tokens, CONTEXT + 1 - kept->scores[0][0].n_tokens);
    joined_tokens_done(&joined);
    free(kept);
    client_close(client);
}

/* Greedy text by hand: the most probable token, again and again. */
static void reference_text(const struct model *model, const char *prompt, size_t n_new,
                           struct buf *text)
{
    const struct session_options options = {.n_threads = 1, .context_tokens = CONTEXT};
    const struct encode_options encode = {.bos = BOS_AUTO};
    struct session *session = session_open(model, &options, NULL);
    struct tokens ids = {0};
    int sequence;
    size_t n_done = 0;
    assert_non_null(session);
    assert_true(
        tokenizer_encode(model_tokenizer(model), prompt, strlen(prompt), &encode, &ids, NULL));
    assert_true(session_start(session, &sequence, NULL));
    for (size_t i = 0; i < n_new; i++) {
        for (; n_done < ids.n; n_done++) {
            const struct session_token token = {
                .sequence = sequence, .id = ids.ids[n_done], .wants_logits = true};
            assert_true(session_eval(session, &token, 1, NULL));
        }
        int32_t id = logits_argmax(session_logits(session, 0), (size_t)model_info(model)->n_vocab);
        if (tokenizer_is_end(model_tokenizer(model), id)) break;
        assert_true(tokens_append(&ids, &id, 1, NULL));
        assert_true(tokenizer_decode(model_tokenizer(model), &id, 1, false, false, text, NULL));
    }
    tokens_free(&ids);
    session_close(session);
}

static void greedy_text_is_the_most_probable_token_again_and_again(void **state)
{
    const char *prompt = "The question of the day";
    const struct request request = generation(&prompt, 20);
    struct client *client = open_client(*state, 64, 0);
    struct kept *kept = answer(client, &request, 1, 1);
    struct buf text = {0}, valid = {0};
    reference_text(*state, prompt, 20, &text);
    utf8_append_valid(&valid, buf_string(&text), text.n_bytes);
    assert_string_equal(kept->texts[0], buf_string(&valid));
    assert_true(strlen(kept->texts[0]) > 4);
    buf_free(&text);
    buf_free(&valid);
    free(kept);
    client_close(client);
}

static void a_stop_string_is_found_across_tokens_and_cut_off(void **state)
{
    const char *prompt = "The question of the day";
    struct request request = generation(&prompt, 20);
    struct client *client = open_client(*state, 64, 0);
    request.context = "what was read";
    struct kept *whole = answer(client, &request, 1, 1);
    const char *text = whole->texts[0];
    assert_int_equal(whole->responses[0].n_new_tokens, 20);
    assert_null(whole->responses[0].stop); /* nothing but its length ended it */
    assert_ptr_equal(whole->responses[0].context, request.context);
    size_t n = strlen(text);
    size_t n_tried = 0;
    for (size_t at = 1; at + 4 <= n;
         at++) { /* every place, so also those inside of tokens and across them */
        char stop[5];
        memcpy(stop, text + at, 4);
        stop[4] = 0;
        if ((stop[0] | stop[1] | stop[2] | stop[3]) & 0x80)
            continue; /* a replaced byte is not in the raw text */
        n_tried++;
        const char *const stops[] = {"never in the text", stop};
        request.stops = stops;
        request.n_stops = 2;
        struct kept *kept = answer(client, &request, 1, 1);
        size_t expected = (size_t)(strstr(text, stop) - text);
        assert_int_equal(strlen(kept->texts[0]), expected);
        assert_memory_equal(kept->texts[0], text, expected);
        assert_ptr_equal(kept->responses[0].stop, stop);
        assert_true(kept->responses[0].n_new_tokens <= whole->responses[0].n_new_tokens);
        free(kept);
    }
    assert_true(n_tried > 8);
    free(whole);
    client_close(client);
}

static void sampled_text_depends_on_its_seed_alone(void **state)
{
    const char *prompt = "The question of the day";
    struct request requests[3] = {generation(&prompt, 16), generation(&prompt, 16),
                                  generation(&prompt, 16)};
    struct client *client = open_client(*state, 64, 0);
    for (int i = 0; i < 3; i++) {
        requests[i].temperature = 1;
        requests[i].seed = i == 2 ? 5 : (uint64_t)i + 5;
    }
    struct kept *kept = answer(client, requests, 3, 3);
    assert_string_equal(kept->texts[0], kept->texts[2]);
    assert_string_not_equal(kept->texts[0], kept->texts[1]);
    free(kept);
    client_close(client);
}

/* The tiny model as a file whose vocabulary ends before its output matrix does. */
static void write_padded_model(const char *path, size_t n_pieces)
{
    struct source *whole = source_open("synth:tiny:q8_0", NULL);
    struct metadata *metadata = metadata_new(NULL);
    assert_non_null(whole);
    assert_non_null(metadata);
    for (size_t i = 0; i < metadata_count(whole->metadata); i++) {
        const char *key;
        struct metadata_value value = *metadata_at(whole->metadata, i, &key);
        if (value.kind == METADATA_ARRAY && value.n > n_pieces) value.n = n_pieces;
        assert_true(metadata_set(metadata, key, &value, NULL));
    }
    const struct metadata *kept = whole->metadata;
    whole->metadata = metadata;
    assert_true(gguf_write(path, whole, NULL, 1, NULL, NULL, NULL));
    whole->metadata = kept;
    metadata_free(metadata);
    source_close(whole);
}

static void an_output_that_is_no_token_is_never_drawn(void **state)
{
    (void)state;
    char folder[256], path[300];
    const char *prompt = "The question of the day";
    struct request requests[] = {generation(&prompt, 40), generation(&prompt, 40)};
    requests[1].temperature = 1;
    assert_non_null(test_make_folder(folder, sizeof folder));
    snprintf(path, sizeof path, "%s/padded.gguf", folder);
    write_padded_model(path, 300);
    struct model_options options = model_default_options();
    struct model *model = model_open(path, &options, NULL);
    assert_non_null(model);
    assert_int_equal(tokenizer_size(model_tokenizer(model)), 300);
    assert_int_equal(model_info(model)->n_vocab, 512);
    struct client *client = open_client(model, 64, 0);
    struct kept *kept = answer(client, requests, 2, 2);
    assert_int_equal(kept->responses[0].n_new_tokens, 40);
    assert_int_equal(kept->responses[1].n_new_tokens, 40);
    free(kept);
    client_close(client);
    model_close(model);
    test_remove_folder(folder);
}

static void a_generation_that_cannot_fit_is_not_answered(void **state)
{
    const char *prompt = "The question of the day";
    const struct request requests[] = {generation(&prompt, CONTEXT), generation(&prompt, 0),
                                       generation(&prompt, 60)};
    struct client *client = open_client(*state, 64, 0);
    struct kept *kept = answer(client, requests, 3, 3);
    assert_false(kept->responses[0].answered);
    assert_true(kept->responses[1].answered);
    assert_string_equal(kept->texts[1], "");
    assert_true(kept->responses[2].answered);
    assert_in_range(kept->responses[2].n_new_tokens, 1, 60);
    free(kept);
    client_close(client);
}

static void the_end_of_a_context_is_scored_with_what_follows_it(void **state)
{
    struct joined_tokens spaces, plain, empty, unbroken;
    const struct tokenizer *tokenizer = model_tokenizer(*state);
    assert_true(join_tokens(tokenizer, BOS_AUTO, "Answer: ", "A", &spaces, NULL));
    assert_true(join_tokens(tokenizer, BOS_AUTO, "Answer:", " A", &plain, NULL));
    assert_int_equal(spaces.n_context,
                     plain.n_context); /* the trailing space belongs to the continuation */
    assert_int_equal(spaces.ids.n, plain.ids.n);
    assert_memory_equal(spaces.ids.ids, plain.ids.ids, plain.ids.n * sizeof(int32_t));
    assert_false(plain.join_spanned);
    assert_true(join_tokens(tokenizer, BOS_AUTO, "Answer:", "", &empty, NULL));
    assert_true(empty.join_spanned);
    assert_int_equal(empty.n_context, empty.ids.n - 1); /* never an empty continuation */
    assert_true(
        join_tokens(tokenizer, BOS_AUTO, "Answer:\xc2\xa0\xe3\x80\x80", "A", &unbroken, NULL));
    assert_int_equal(unbroken.n_context, plain.n_context); /* nor is it a space of ASCII only */
    joined_tokens_done(&spaces);
    joined_tokens_done(&plain);
    joined_tokens_done(&empty);
    joined_tokens_done(&unbroken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(choices_have_the_log_probabilities_of_the_whole_sequence),
        cmocka_unit_test(a_choice_is_scored_after_its_own_stem),
        cmocka_unit_test(answers_do_not_depend_on_window_batch_or_budget),
        cmocka_unit_test(without_sharing_every_prompt_is_computed_from_its_first_token),
        cmocka_unit_test(the_hash_is_of_every_row_of_logits_in_order),
        cmocka_unit_test(a_prompt_that_does_not_fit_loses_examples),
        cmocka_unit_test(a_prompt_that_keeps_its_end_is_scored_on_the_last_tokens),
        cmocka_unit_test(greedy_text_is_the_most_probable_token_again_and_again),
        cmocka_unit_test(a_stop_string_is_found_across_tokens_and_cut_off),
        cmocka_unit_test(sampled_text_depends_on_its_seed_alone),
        cmocka_unit_test(an_output_that_is_no_token_is_never_drawn),
        cmocka_unit_test(a_generation_that_cannot_fit_is_not_answered),
        cmocka_unit_test(the_end_of_a_context_is_scored_with_what_follows_it),
    };
    return cmocka_run_group_tests(tests, open_model_once, test_leave_model);
}
