/* test_prompt_tokens.c - a question that is asked in a chat becomes tokens of the rendered chat,
 * and its choices begin where the model's turn does.
 */
#include "harness/ask/api.h"
#include "harness/ask/chat_prompt.h"
#include "harness/ask/prompt_tokens.h"
#include "tests/support/made_vocabulary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define TURNS                                                                                      \
    "<|{{ m.role }}|>\n{{ m.content }}<|end|>\n{% endfor %}"                                       \
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
static const char TALKS[] = "{{ bos_token }}{% for m in messages %}" TURNS;
static const char REFUSES[] = "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}"
                              "{{ raise_exception('no system here') }}{% endif %}" TURNS;
static const char REFUSES_ALL[] = "{{ raise_exception('nothing here') }}";

static const char *const LONG[] = {"Q one", "A", "Q two", "B", "Q three"};
static const char *const SHORT[] = {"Q one", "A", "Q three"};
static const char *const NONE[] = {"Q three"};
static const struct dialogue DIALOGUES[] = {{LONG, 5}, {SHORT, 3}, {NONE, 1}};
static const char *const CHOICES[] = {"A", "hello", "B b"};

static struct tokenizer *make(const char *template)
{
    static const char *const MARKS[] = {"<|system|>", "<|user|>", "<|assistant|>", "<|end|>"};
    struct made_vocabulary made = {.n = 0};
    made_put_spm(&made);
    for (size_t i = 0; i < sizeof MARKS / sizeof *MARKS; i++)
        made_put(&made, MARKS[i], 0, TOKEN_CONTROL);
    struct metadata *metadata = made_metadata_of(&made, "llama");
    assert_true(metadata_set_string(metadata, "tokenizer.chat_template", template, NULL));
    return made_tokenizer(metadata);
}

static struct request question(enum fit_policy fit, size_t n_prompts)
{
    return (struct request){.kind = REQUEST_CHOICES,
                            .fit = fit,
                            .system = "Do.",
                            .dialogues = DIALOGUES,
                            .n_prompts = n_prompts,
                            .choices = CHOICES,
                            .n_choices = 3};
}

static bool tokens_of(const struct tokenizer *tokenizer, size_t context_tokens,
                      const struct request *request, struct prompt_tokens *prompt, struct err *err)
{
    const struct prompt_options options = {.context_tokens = context_tokens};
    struct line_encoder encoder;
    line_encoder_init(&encoder, tokenizer, BOS_AUTO);
    bool ok = prompt_tokens_make(&encoder, &options, request, prompt, err);
    line_encoder_done(&encoder);
    return ok;
}

/* The chat, and behind it the choice. */
static struct tokens encode(const struct tokenizer *tokenizer, const char *system,
                            const struct dialogue *dialogue, const char *stem, const char *choice)
{
    const struct encode_options options = {.bos = BOS_AUTO};
    struct buf text = {0};
    struct tokens ids = {0};
    assert_true(chat_prompt_render(tokenizer, NULL, system, dialogue, stem, &text, NULL));
    if (choice) buf_text(&text, choice);
    else text.n_bytes--; /* the line feed behind the assistant's mark goes to the continuation */
    assert_true(
        tokenizer_encode_chat(tokenizer, buf_string(&text), text.n_bytes, &options, &ids, NULL));
    buf_free(&text);
    return ids;
}

static void check_branch(const struct joined_tokens *branch, struct tokens wanted, size_t n_context)
{
    assert_int_equal(branch->ids.n, wanted.n);
    assert_memory_equal(branch->ids.ids, wanted.ids, wanted.n * sizeof *wanted.ids);
    assert_int_equal(branch->n_context, n_context);
    tokens_free(&wanted);
}

/* The prompt's text is the chat, without a stem. */
static void check_text(const struct prompt_tokens *prompt, const struct tokenizer *tokenizer,
                       const char *system, const struct dialogue *dialogue)
{
    struct buf text = {0};
    assert_true(chat_prompt_render(tokenizer, NULL, system, dialogue, "", &text, NULL));
    assert_string_equal(buf_string(&prompt->text), buf_string(&text));
    buf_free(&text);
}

/* SHA-256 of [2, 1, 3, 10, 11, 12, 1, 2, 10, 13] as little-endian 32-bit numbers, by Python's
 * hashlib and struct. */
static void the_hash_of_tokens_tells_where_sequences_and_choices_begin(void **state)
{
    (void)state;
    int32_t first[] = {10, 11, 12}, second[] = {10, 13};
    struct joined_tokens branches[] = {{.ids = {.ids = first, .n = 3}, .n_context = 1},
                                       {.ids = {.ids = second, .n = 2}, .n_context = 1}};
    char hash[SHA256_HEX_BYTES], other[SHA256_HEX_BYTES];
    assert_true(prompt_hash_tokens(branches, 2, NULL, hash, NULL));
    assert_string_equal(hash, "aed0ece9c3bf0e3769a15728f2a5135fbc3571ece0a50a6f5ce56b3cbdb63934");
    branches[0].n_context = 2;
    assert_true(prompt_hash_tokens(branches, 2, NULL, other, NULL));
    assert_string_not_equal(hash, other);
    branches[0].n_context = 1;
    branches[0].ids.n = 2;
    assert_true(prompt_hash_tokens(branches, 2, NULL, other, NULL));
    assert_string_not_equal(hash, other);
}

static void choices_stand_behind_the_rendered_chat(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = make(TALKS);
    const struct request request = question(FIT_FEWER_SHOTS, 3);
    struct prompt_tokens prompt;
    struct tokens context = encode(tokenizer, "Do.", &DIALOGUES[0], "", NULL);
    assert_true(tokens_of(tokenizer, 4096, &request, &prompt, NULL));
    assert_true(prompt.fits);
    assert_true(prompt.moves_space);
    assert_false(prompt.double_bos); /* the template's is the only one */
    assert_int_equal(prompt.n_branches, 3);
    assert_int_equal(prompt.branches[0].ids.ids[0], tokenizer_bos(tokenizer));
    check_text(&prompt, tokenizer, "Do.", &DIALOGUES[0]);
    for (size_t i = 0; i < 3; i++)
        check_branch(&prompt.branches[i], encode(tokenizer, "Do.", &DIALOGUES[0], "", CHOICES[i]),
                     context.n);
    tokens_free(&context);
    prompt_tokens_done(&prompt);
    tokenizer_free(tokenizer);
}

static void a_stem_ends_the_last_turn(void **state)
{
    (void)state;
    static const char *const STEMS[] = {" x", " y", " z"};
    struct tokenizer *tokenizer = make(TALKS);
    struct request request = question(FIT_KEEP_END, 1);
    struct prompt_tokens prompt;
    request.stems = STEMS;
    assert_true(tokens_of(tokenizer, 4096, &request, &prompt, NULL));
    for (size_t i = 0; i < 3; i++) {
        struct tokens context = encode(tokenizer, "Do.", &DIALOGUES[0], STEMS[i], NULL);
        check_branch(&prompt.branches[i],
                     encode(tokenizer, "Do.", &DIALOGUES[0], STEMS[i], CHOICES[i]), context.n);
        tokens_free(&context);
    }
    check_text(&prompt, tokenizer, "Do.", &DIALOGUES[0]);
    prompt_tokens_done(&prompt);
    tokenizer_free(tokenizer);
}

static void a_chat_that_is_too_long_loses_examples_or_its_beginning(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = make(TALKS);
    struct request request = question(FIT_FEWER_SHOTS, 3);
    struct prompt_tokens prompt;
    struct tokens shorter = encode(tokenizer, "Do.", &DIALOGUES[1], "", "B b");
    struct tokens longer = encode(tokenizer, "Do.", &DIALOGUES[0], "", "B b");
    assert_true(tokens_of(tokenizer, shorter.n - 1, &request, &prompt, NULL));
    assert_true(prompt.fits);
    assert_int_equal(prompt.n_dropped_shots, 1);
    assert_int_equal(prompt.branches[2].ids.n, shorter.n);
    check_text(&prompt, tokenizer, "Do.", &DIALOGUES[1]);
    prompt_tokens_done(&prompt);
    assert_true(tokens_of(tokenizer, 8, &request, &prompt, NULL));
    assert_false(prompt.fits);
    request = question(FIT_KEEP_END, 1);
    assert_true(tokens_of(tokenizer, 20, &request, &prompt, NULL));
    assert_true(prompt.fits);
    assert_int_equal(prompt.n_cut_tokens, longer.n - 21);
    assert_memory_equal(prompt.branches[2].ids.ids, longer.ids + longer.n - 21,
                        21 * sizeof *longer.ids);
    prompt_tokens_done(&prompt);
    tokens_free(&shorter);
    tokens_free(&longer);
    tokenizer_free(tokenizer);
}

static void a_generation_begins_with_the_turn_of_the_model(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = make(TALKS);
    struct request request = question(FIT_KEEP_END, 1);
    struct prompt_tokens prompt;
    struct tokens wanted = encode(tokenizer, "Do.", &DIALOGUES[0], "", "");
    request.kind = REQUEST_GENERATE;
    request.max_new_tokens = 4;
    assert_true(tokens_of(tokenizer, 4096, &request, &prompt, NULL));
    assert_int_equal(prompt.n_branches, 1);
    size_t n = wanted.n;
    check_branch(&prompt.branches[0], wanted, n);
    check_text(&prompt, tokenizer, "Do.", &DIALOGUES[0]);
    prompt_tokens_done(&prompt);
    tokenizer_free(tokenizer);
}

/* As HFLM.apply_chat_template of the harness does it. */
static void a_template_that_refuses_a_system_message_gets_none(void **state)
{
    (void)state;
    struct err err = {0};
    struct tokenizer *tokenizer = make(REFUSES);
    struct request request = question(FIT_KEEP_END, 1);
    struct prompt_tokens prompt;
    struct tokens context = encode(tokenizer, NULL, &DIALOGUES[0], "", NULL);
    assert_true(tokens_of(tokenizer, 4096, &request, &prompt, &err));
    assert_int_equal(err.code, ERR_NONE);
    check_branch(&prompt.branches[1], encode(tokenizer, NULL, &DIALOGUES[0], "", CHOICES[1]),
                 context.n);
    check_text(&prompt, tokenizer, NULL, &DIALOGUES[0]);
    tokens_free(&context);
    prompt_tokens_done(&prompt);
    tokenizer_free(tokenizer);
    tokenizer = make(REFUSES_ALL);
    assert_false(tokens_of(tokenizer, 4096, &request, &prompt, &err));
    assert_non_null(strstr(err.message, "nothing here"));
    tokenizer_free(tokenizer);
}

static void a_server_gets_every_turn_as_a_message(void **state)
{
    (void)state;
    struct request request = question(FIT_FEWER_SHOTS, 3);
    request.kind = REQUEST_GENERATE;
    request.max_new_tokens = 4;
    const struct api_options options = {.model = "m"};
    const struct api_call call = {.request = &request, .i_prompt = 1};
    struct buf body = {0};
    assert_string_equal(api_write_call(&options, &call, &body), "/chat/completions");
    assert_non_null(strstr(buf_string(&body),
                           "\"messages\":[{\"role\":\"system\",\"content\":\"Do.\"},"
                           "{\"role\":\"user\",\"content\":\"Q one\"},"
                           "{\"role\":\"assistant\",\"content\":\"A\"},"
                           "{\"role\":\"user\",\"content\":\"Q three\"}]"));
    buf_clear(&body);
    api_write_prompt(&options, &call, &body);
    assert_string_equal(buf_string(&body),
                        "system: Do.\n\nuser: Q one\n\nassistant: A\n\nuser: Q three");
    buf_free(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hash_of_tokens_tells_where_sequences_and_choices_begin),
        cmocka_unit_test(choices_stand_behind_the_rendered_chat),
        cmocka_unit_test(a_stem_ends_the_last_turn),
        cmocka_unit_test(a_chat_that_is_too_long_loses_examples_or_its_beginning),
        cmocka_unit_test(a_generation_begins_with_the_turn_of_the_model),
        cmocka_unit_test(a_template_that_refuses_a_system_message_gets_none),
        cmocka_unit_test(a_server_gets_every_turn_as_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
