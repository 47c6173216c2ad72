/* test_tokenizer_faults.c - vocabularies as converters sometimes write them: what is read rightly
 * all the same, what is said about it, and what is refused.
 */
#include "base/rng.h"
#include "tests/support/made_vocabulary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct metadata *spm_metadata(struct made_vocabulary *made)
{
    made_put_spm(made);
    return made_metadata_of(made, "llama");
}

static void check_note(const struct tokenizer *tokenizer, const char *expected)
{
    assert_string_equal(tokenizer_notes(tokenizer), expected);
}

static void a_good_vocabulary_has_no_notes(void **state)
{
    (void)state;
    struct made_vocabulary made = {.n = 0};
    struct tokenizer *tokenizer = made_tokenizer(spm_metadata(&made));
    made_assert_ids(tokenizer, "hello the world", false, "1 367 362 372");
    check_note(tokenizer, "");
    assert_string_equal(tokenizer_kind(tokenizer), "spm");
    tokenizer_free(tokenizer);
}

/* ---- Values of another type ---- */

struct typed {
    const char *key;
    struct metadata_value value;
    const char *ids; /* of "hello the world"; NULL: refused */
};

static void values_of_another_type_are_converted_or_refused(void **state)
{
    (void)state;
    static const struct typed CASES[] = {
        {"tokenizer.ggml.add_bos_token", {.kind = METADATA_U8, .u = 0}, "367 362 372"},
        {"tokenizer.ggml.add_bos_token", {.kind = METADATA_I64, .i = 0}, "367 362 372"},
        {"tokenizer.ggml.add_bos_token", {.kind = METADATA_F32, .f = 0}, "367 362 372"},
        {"tokenizer.ggml.add_bos_token", {.kind = METADATA_U8, .u = 2}, NULL},
        {"tokenizer.ggml.add_bos_token", {.kind = METADATA_STRING, .string = {"false", 5}}, NULL},
        {"tokenizer.ggml.add_space_prefix", {.kind = METADATA_U8, .u = 0}, "1 366 362 372"},
        {"tokenizer.ggml.add_space_prefix", {.kind = METADATA_STRING, .string = {"", 0}}, NULL},
        {"tokenizer.ggml.bos_token_id", {.kind = METADATA_F32, .f = 2}, "2 367 362 372"},
        {"tokenizer.ggml.bos_token_id", {.kind = METADATA_U64, .u = 2}, "2 367 362 372"},
        {"tokenizer.ggml.bos_token_id", {.kind = METADATA_STRING, .string = {"2", 1}}, NULL},
        {"tokenizer.ggml.eos_token_id", {.kind = METADATA_STRING, .string = {"2", 1}}, NULL},
        {"tokenizer.ggml.eot_token_id", {.kind = METADATA_F32, .f = 2.5}, NULL},
        {"tokenizer.ggml.eom_token_id", {.kind = METADATA_BOOL, .u = 1}, NULL},
        {"tokenizer.ggml.unknown_token_id", {.kind = METADATA_F64, .f = -0.5}, NULL},
        {"tokenizer.ggml.model", {.kind = METADATA_U32, .u = 1}, NULL},
        {"tokenizer.chat_template", {.kind = METADATA_U32, .u = 1}, NULL},
        {"tokenizer.ggml.tokens", {.kind = METADATA_U32, .u = 1}, NULL},
        {"tokenizer.ggml.scores", {.kind = METADATA_F32, .f = 1}, NULL},
        {"tokenizer.ggml.token_type", {.kind = METADATA_STRING, .string = {"1", 1}}, NULL},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct made_vocabulary made = {.n = 0};
        struct metadata *metadata = spm_metadata(&made);
        assert_true(metadata_set(metadata, CASES[i].key, &CASES[i].value, NULL));
        if (!CASES[i].ids) {
            made_assert_refused(metadata, CASES[i].key);
            continue;
        }
        struct tokenizer *tokenizer = made_tokenizer(metadata);
        made_assert_ids(tokenizer, "hello the world", false, CASES[i].ids);
        tokenizer_free(tokenizer);
    }
}

static void arrays_of_another_width_are_read(void **state)
{
    (void)state;
    struct made_vocabulary made = {.n = 0};
    uint8_t narrow[MADE_MAX_ENTRIES];
    double wide[MADE_MAX_ENTRIES];
    int16_t halves[MADE_MAX_ENTRIES];
    made_put_spm(&made);
    made_put(&made, "<|user|>", -1000, TOKEN_CONTROL);
    for (size_t i = 0; i < made.n; i++) {
        narrow[i] = (uint8_t)made.kinds[i];
        wide[i] = (double)made.scores[i];
        halves[i] = (int16_t)made.scores[i];
    }
    struct metadata *metadata = made_metadata_of(&made, "llama");
    made_set_array(metadata, "tokenizer.ggml.token_type", METADATA_U8, narrow, made.n);
    made_set_array(metadata, "tokenizer.ggml.scores", METADATA_F64, wide, made.n);
    struct tokenizer *tokenizer = made_tokenizer(metadata);
    made_assert_ids(tokenizer, "<|user|>hello the", true, "1 374 367 362");
    tokenizer_free(tokenizer);

    metadata = made_metadata_of(&made, "llama");
    made_set_array(metadata, "tokenizer.ggml.scores", METADATA_I16, halves, made.n);
    made_set_array(metadata, "tokenizer.ggml.token_type", METADATA_F32, made.scores, made.n);
    made_assert_refused(metadata, "token 0 has the unknown type 0");

    metadata = made_metadata_of(&made, "llama");
    made_set_array(metadata, "tokenizer.ggml.token_type", METADATA_STRING, made.tokens, made.n);
    made_assert_refused(metadata, "'tokenizer.ggml.token_type' is of type string");
    metadata = made_metadata_of(&made, "llama");
    made_set_array(metadata, "tokenizer.ggml.tokens", METADATA_U8, narrow, made.n);
    made_assert_refused(metadata, "'tokenizer.ggml.tokens' is of type array of u8");
}

/* ---- Scores that say nothing ---- */

static void merges_give_the_order_where_scores_do_not(void **state)
{
    (void)state;
    static const char ALPHABET[] = "the other hello worldann  in";
    struct made_vocabulary made = {.n = 0};
    struct tokenizer *by_score = made_tokenizer(spm_metadata(&made));
    struct metadata *metadata = made_metadata_of(&made, "llama");
    made_set_merges(metadata, &made);
    for (size_t i = 0; i < made.n; i++) made.scores[i] = 0;
    made_set_array(metadata, "tokenizer.ggml.scores", METADATA_F32, made.scores, made.n);
    struct tokenizer *by_merges = made_tokenizer(metadata);
    assert_string_equal(tokenizer_kind(by_merges), "spm:merges");
    /* As Hugging Face's tokenizers 0.23 give it for the same vocabulary and merges. */
    made_assert_ids(by_merges, "the other world", false, "1 362 259 338 343 354 341 372");
    made_assert_ids(by_merges, "\xc3\xbc<s>", false, "1 259 198 191 287 342 289");
    struct rng rng = {3};
    for (int i = 0; i < 1000; i++) {
        struct tokens a = {0}, b = {0};
        char text[24];
        size_t n = (size_t)rng_below(&rng, sizeof text);
        for (size_t k = 0; k < n; k++) text[k] = ALPHABET[rng_below(&rng, sizeof ALPHABET - 1)];
        const struct encode_options options = {.bos = BOS_NEVER};
        assert_true(tokenizer_encode(by_score, text, n, &options, &a, NULL));
        assert_true(tokenizer_encode(by_merges, text, n, &options, &b, NULL));
        assert_int_equal(a.n, b.n);
        if (a.n) assert_memory_equal(a.ids, b.ids, a.n * sizeof *a.ids);
        tokens_free(&a);
        tokens_free(&b);
    }
    tokenizer_free(by_score);
    tokenizer_free(by_merges);
}

/* All of one score, whatever it is, say as little as zeros do; a file without scores too. */
static void scores_that_are_all_equal_need_merges(void **state)
{
    (void)state;
    for (int is_absent = 0; is_absent < 2; is_absent++) {
        struct made_vocabulary made = {.n = 0};
        made_put_spm(&made);
        for (size_t i = 0; i < made.n; i++) made.scores[i] = -7;
        struct metadata *metadata = made_metadata_of(&made, "llama");
        if (is_absent) {
            metadata_free(metadata);
            metadata = metadata_new(NULL);
            made_set_array(metadata, "tokenizer.ggml.tokens", METADATA_STRING, made.tokens, made.n);
            made_set_array(metadata, "tokenizer.ggml.token_type", METADATA_I32, made.kinds, made.n);
            assert_true(metadata_set_string(metadata, "tokenizer.ggml.model", "llama", NULL));
        }
        made_set_merges(metadata, &made);
        struct tokenizer *tokenizer = made_tokenizer(metadata);
        made_assert_ids(tokenizer, "the other world", false, "1 362 259 338 343 354 341 372");
        tokenizer_free(tokenizer);
        made_assert_refused(made_metadata_of(&made, "llama"), "tokenizer.ggml.merges");
    }
}

static void scores_with_an_order_are_used_whatever_the_merges_say(void **state)
{
    (void)state;
    static const struct metadata_string MERGES[] = {{"e r", 3}};
    struct made_vocabulary made = {.n = 0};
    struct metadata *metadata = spm_metadata(&made);
    made_set_array(metadata, "tokenizer.ggml.merges", METADATA_STRING, MERGES, 1);
    struct tokenizer *tokenizer = made_tokenizer(metadata);
    made_assert_ids(tokenizer, "the other world", false, "1 362 259 338 343 354 341 372");
    tokenizer_free(tokenizer);
}

/* ---- Equal pieces ---- */

static void of_equal_pieces_the_last_is_taken_and_the_user_is_told(void **state)
{
    (void)state;
    struct made_vocabulary made = {.n = 0};
    made_put_spm(&made);
    made_put(&made, "\xe2\x96\x81hello", -14, TOKEN_NORMAL);
    struct tokenizer *tokenizer = made_tokenizer(made_metadata_of(&made, "llama"));
    made_assert_ids(tokenizer, "hello the", false, "1 374 362");
    check_note(tokenizer, "1 token of equal text with another: \"\xe2\x96\x81hello\" is 367 and "
                          "374, of which 374 is taken\n");
    tokenizer_free(tokenizer);
}

/* A text that is both a normal and a special piece is the one in plain text, the other as a
 * marker, in whatever order they stand. */
static void a_special_piece_does_not_hide_a_normal_one(void **state)
{
    (void)state;
    struct made_vocabulary made = {.n = 0};
    made_put_spm(&made);
    made_put(&made, "\xe2\x96\x81hello", -14, TOKEN_UNUSED);
    made_put(&made, "hello", 0, TOKEN_CONTROL);
    made_put(&made, "<|end|>", 0, TOKEN_CONTROL);
    made_put(&made, "<|end|>", -30, TOKEN_NORMAL);
    struct tokenizer *tokenizer = made_tokenizer(made_metadata_of(&made, "llama"));
    made_assert_ids(tokenizer, "hello the", false, "1 367 362");
    made_assert_ids(tokenizer, "hello<|end|>", true, "1 375 376");
    assert_true(tokenizer_is_end(tokenizer, 376));
    tokenizer_free(tokenizer);
}

/* ---- Missing bytes ---- */

static void bytes_without_a_token_are_counted(void **state)
{
    (void)state;
    struct made_vocabulary made = {.n = 0};
    made_put(&made, "<unk>", 0, TOKEN_UNKNOWN);
    made_put(&made, "\xe2\x96\x81", 0, TOKEN_NORMAL);
    for (char c = 'a'; c <= 'z'; c++) made_put(&made, (char[]){c, 0}, 0, TOKEN_NORMAL);
    struct tokenizer *tokenizer = made_tokenizer(made_metadata_of(&made, "llama"));
    made_assert_ids(tokenizer, "a bA", false, "1 2 1 3 0");
    /* 245 bytes that UTF-8 can have but two, the letters and the space */
    check_note(tokenizer, "216 bytes have no token, 0x00 first: characters that need them become "
                          "the unknown token 0, \"<unk>\"\n");
    tokenizer_free(tokenizer);
    made.kinds[0] = TOKEN_CONTROL;
    tokenizer = made_tokenizer(made_metadata_of(&made, "llama"));
    check_note(tokenizer, "216 bytes have no token, 0x00 first: a text with characters that need "
                          "them cannot be encoded\n");
    tokenizer_free(tokenizer);
}

static void byte_pieces_are_known_by_name_where_the_file_types_none(void **state)
{
    (void)state;
    struct made_vocabulary made = {.n = 0};
    made_put_spm(&made);
    for (size_t i = 0; i < made.n; i++) made.kinds[i] = i < 3 ? made.kinds[i] : TOKEN_NORMAL;
    struct tokenizer *tokenizer = made_tokenizer(made_metadata_of(&made, "llama"));
    made_assert_ids(tokenizer, "\xc3\xbchello", false, "1 259 198 191 366");
    const int32_t ids[] = {198, 191};
    struct buf text = {0};
    assert_true(tokenizer_decode(tokenizer, ids, 2, false, false, &text, NULL));
    assert_string_equal(buf_string(&text), "\xc3\xbc");
    buf_free(&text);
    check_note(tokenizer, "");
    tokenizer_free(tokenizer);
}

/* ---- Markers of the chat template ---- */

#define CHATML                                                                                     \
    "{% for m in messages %}{{'<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + "  \
    "'\n'}}{% endfor %}{{'<|im_start|>assistant\n'}}"

static struct tokenizer *with_template(struct made_vocabulary *made, const char *template_text)
{
    struct metadata *metadata = made_metadata_of(made, "llama");
    if (template_text)
        assert_true(metadata_set_string(metadata, "tokenizer.chat_template", template_text, NULL));
    assert_true(metadata_set_unsigned(metadata, "tokenizer.ggml.eos_token_id", 2, NULL));
    return made_tokenizer(metadata);
}

static void markers_of_the_template_are_special_whatever_their_type(void **state)
{
    (void)state;
    for (enum token_kind kind = TOKEN_NORMAL; kind <= TOKEN_UNUSED; kind++) {
        if (kind == TOKEN_UNKNOWN || kind == TOKEN_USER_DEFINED) continue;
        struct made_vocabulary made = {.n = 0};
        made_put_spm(&made);
        made_put(&made, "<|im_start|>", -1000, kind);
        made_put(&made, "<|im_end|>", -1000, kind);
        struct tokenizer *tokenizer = with_template(&made, CHATML);
        made_assert_ids(tokenizer, "<|im_start|>hello<|im_end|>", true, "1 374 367 375");
        made_assert_ids(tokenizer, "<|im_end|>", false,
                        "1 259 287 351 332 336 322 328 337 327 351 289");
        assert_true(tokenizer_is_end(tokenizer, 375));
        assert_false(tokenizer_is_end(tokenizer, 374));
        check_note(tokenizer,
                   kind == TOKEN_CONTROL
                       ? ""
                       : "<|im_start|>, <|im_end|>: typed as normal text "
                         "(tokenizer.ggml.token_type), but markers of the chat template: taken as "
                         "control tokens\n");
        tokenizer_free(tokenizer);
    }
}

static void what_the_template_does_not_name_stays_normal(void **state)
{
    (void)state;
    struct made_vocabulary made = {.n = 0};
    made_put_spm(&made);
    made_put(&made, "<|im_end|>", -1000, TOKEN_NORMAL);
    made_put(&made, "<p", -21, TOKEN_NORMAL);
    made_put(&made, "<p>", -22, TOKEN_NORMAL); /* a piece like any other */
    struct tokenizer *tokenizer = with_template(&made, "{{'<p>' + m + '<|end|>'}}");
    check_note(tokenizer, "");
    made_assert_ids(tokenizer, "<p>", true, "1 259 376");
    assert_false(tokenizer_is_end(tokenizer, 374));
    tokenizer_free(tokenizer);
    tokenizer = with_template(&made, NULL);
    check_note(tokenizer, "");
    tokenizer_free(tokenizer);
}

/* Templates also put markers together, and call BOS and EOS by name. */
static void markers_that_a_template_puts_together_are_known(void **state)
{
    (void)state;
    struct made_vocabulary made = {.n = 0};
    made_put_spm(&made);
    made_put(&made, "<|user|>", -1000, TOKEN_NORMAL);
    made_put(&made, "<|assistant|>", -1000, TOKEN_NORMAL);
    made_put(&made, "[INST]", -1000, TOKEN_NORMAL);
    made.kinds[2] = TOKEN_NORMAL; /* </s> */
    struct tokenizer *tokenizer =
        with_template(&made, "{{'<|' + m['role'] + '|>\n' + m['content'] + eos_token}}[INST]");
    made_assert_ids(tokenizer, "<|user|>a</s><|assistant|>[INST]", true, "1 374 360 2 375 376");
    tokenizer_free(tokenizer);
}

/* ---- Byte-level BPE ---- */

static struct metadata *with_merges(const struct made_vocabulary *made)
{
    static const struct metadata_string MERGES[] = {{"h e", 3}};
    struct metadata *metadata = made_metadata_of(made, "gpt2");
    made_set_array(metadata, "tokenizer.ggml.merges", METADATA_STRING, MERGES, 1);
    return metadata;
}

static struct metadata *bpe_metadata(struct made_vocabulary *made)
{
    made_put_bpe(made);
    made_put(made, "he", 0, TOKEN_NORMAL);
    return with_merges(made);
}

/* As the library tokenizers has it, whose BPE has no unknown token. */
static void bpe_leaves_out_bytes_without_a_token(void **state)
{
    (void)state;
    struct made_vocabulary made = {.n = 0};
    made_put_bpe(&made);
    made_put(&made, "he", 0, TOKEN_NORMAL);
    made.tokens[4] = (struct metadata_string){"none", 4}; /* in place of byte 4 */
    struct metadata *metadata = with_merges(&made);
    assert_true(metadata_set_string(metadata, "tokenizer.ggml.pre", "default", NULL));
    struct tokenizer *tokenizer = made_tokenizer(metadata);
    made_assert_ids(tokenizer, "a\004b", false, "97 98");
    check_note(tokenizer, "1 byte has no token, 0x04 first: they are left out of a text\n");
    tokenizer_free(tokenizer);
}

static void bpe_without_a_pre_tokenizer_says_what_it_takes(void **state)
{
    (void)state;
    struct made_vocabulary made = {.n = 0}, named = {.n = 0}, numbered = {.n = 0};
    struct tokenizer *tokenizer = made_tokenizer(bpe_metadata(&made));
    assert_string_equal(tokenizer_kind(tokenizer), "bpe:default");
    assert_non_null(strstr(tokenizer_notes(tokenizer), "tokenizer.ggml.pre"));
    tokenizer_free(tokenizer);
    struct metadata *metadata = bpe_metadata(&named);
    assert_true(metadata_set_string(metadata, "tokenizer.ggml.pre", "default", NULL));
    tokenizer = made_tokenizer(metadata);
    check_note(tokenizer, "");
    tokenizer_free(tokenizer);
    metadata = bpe_metadata(&numbered);
    assert_true(metadata_set_unsigned(metadata, "tokenizer.ggml.pre", 3, NULL));
    made_assert_refused(metadata, "'tokenizer.ggml.pre' is of type u32: expected a string");
    metadata = made_metadata_of(&numbered, "gpt2");
    assert_true(metadata_set_string(metadata, "tokenizer.ggml.merges", "h e", NULL));
    made_assert_refused(metadata, "'tokenizer.ggml.merges' is of type string");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_vocabulary_has_no_notes),
        cmocka_unit_test(values_of_another_type_are_converted_or_refused),
        cmocka_unit_test(arrays_of_another_width_are_read),
        cmocka_unit_test(merges_give_the_order_where_scores_do_not),
        cmocka_unit_test(scores_that_are_all_equal_need_merges),
        cmocka_unit_test(scores_with_an_order_are_used_whatever_the_merges_say),
        cmocka_unit_test(of_equal_pieces_the_last_is_taken_and_the_user_is_told),
        cmocka_unit_test(a_special_piece_does_not_hide_a_normal_one),
        cmocka_unit_test(bytes_without_a_token_are_counted),
        cmocka_unit_test(byte_pieces_are_known_by_name_where_the_file_types_none),
        cmocka_unit_test(markers_of_the_template_are_special_whatever_their_type),
        cmocka_unit_test(what_the_template_does_not_name_stays_normal),
        cmocka_unit_test(markers_that_a_template_puts_together_are_known),
        cmocka_unit_test(bpe_leaves_out_bytes_without_a_token),
        cmocka_unit_test(bpe_without_a_pre_tokenizer_says_what_it_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
