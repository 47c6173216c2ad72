/* test_pretokenize.c - the words of each pre-type, on texts where the pre-types differ. What the
 * expectations say was checked against the regular expressions of the published tokenizers, run by
 * another engine. */
#include "engine/pretokenize.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Words are compared with a bar between them. */
static void check_words(const char *type, const char *text, const char *expected)
{
    struct err err = {0};
    struct word_list words = {0};
    struct buf joined = {0};
    struct pretokenizer *pretokenizer = pretokenizer_new(type, &err);
    if (!pretokenizer) fail_msg("%s", err.message);
    if (!pretokenizer_split(pretokenizer, text, strlen(text), &words, &err))
        fail_msg("%s", err.message);
    for (size_t i = 0; i < words.n; i++) {
        if (i) buf_char(&joined, '|');
        buf_append(&joined, text + words.spans[i].begin, words.spans[i].end - words.spans[i].begin);
    }
    assert_string_equal(buf_string(&joined), expected);
    buf_free(&joined);
    word_list_done(&words);
    pretokenizer_free(pretokenizer);
}

static const char DIGITS[] = "in 1234567 x86";
static const char SPACES[] = "a  b\n\n c \n";
static const char CONTRACTIONS[] = "we'll WE'LL it's.";
static const char MARKS[] = "$5+`x` (no)!\n\nyes";

static void gpt_2_keeps_digits_together_and_knows_small_contractions(void **state)
{
    (void)state;
    check_words("gpt-2", DIGITS, "in| 1234567| x|86");
    check_words("gpt-2", SPACES, "a| | b|\n\n| c| \n");
    check_words("gpt-2", CONTRACTIONS, "we|'ll| WE|'|LL| it|'s|.");
    check_words("gpt-2", MARKS, "$|5|+`|x|`| (|no|)!|\n|\n|yes");
    check_words("mpt", DIGITS, "in| 1234567| x|86");
}

static void llama_bpe_cuts_digits_by_three_and_knows_all_contractions(void **state)
{
    (void)state;
    check_words("llama-bpe", DIGITS, "in| |123|456|7| x|86");
    check_words("llama-bpe", SPACES, "a| | b|\n\n| c| \n");
    check_words("llama-bpe", CONTRACTIONS, "we|'ll| WE|'LL| it|'s|.");
    check_words("llama-bpe", MARKS, "$|5|+`|x|`| (|no|)!\n\n|yes");
}

static void qwen2_cuts_every_digit(void **state)
{
    (void)state;
    check_words("qwen2", DIGITS, "in| |1|2|3|4|5|6|7| x|8|6");
    check_words("qwen2", MARKS, "$|5|+`|x|`| (|no|)!\n\n|yes");
}

static void starcoder_and_refact_cut_every_digit_before_gpt_2_does_the_rest(void **state)
{
    (void)state;
    check_words("starcoder", DIGITS, "in| |1|2|3|4|5|6|7| x|8|6");
    check_words("refact", CONTRACTIONS, "we|'ll| WE|'|LL| it|'s|.");
}

static void falcon_and_default_cut_punctuation_first(void **state)
{
    (void)state;
    check_words("falcon", DIGITS, "in| |123|456|7| x|86");
    check_words("falcon", CONTRACTIONS, "we|'|ll| WE|'|LL| it|'|s|.");
    check_words("falcon", MARKS, "$|5|+`|x|`| |(|no|)!|\n|\n|yes");
    check_words("default", DIGITS, "in| |123|456|7| x|86");
}

static void deepseek_types_cut_line_feeds_and_join_a_space_to_letters(void **state)
{
    (void)state;
    check_words("deepseek-coder", DIGITS, "in| |1|2|3|4|5|6|7| x|8|6");
    check_words("deepseek-llm", DIGITS, "in| |1234567| x|86");
    check_words("deepseek-llm", SPACES, "a| | b|\n|\n| c| |\n");
    check_words("deepseek-llm", "one\xe6\xbc\xa2\xe5\xad\x97 2  ",
                "one|\xe6\xbc\xa2\xe5\xad\x97| |2|  ");
}

/* U+180E is a format character since Unicode 6.3, as U+200B is, and U+001C a control character:
 * they are cut like marks. U+0085 and U+2003 are white space. */
static void white_space_is_what_unicode_says_it_is(void **state)
{
    (void)state;
    static const char *const NONE[] = {"\xe1\xa0\x8e", "\xe2\x80\x8b", "\x1c"};
    static const char *const SPACE[] = {"\xc2\x85", "\xe2\x80\x83", "\t"};
    static const char *const ONE_RUN[] = {"gpt-2", "mpt", "llama-bpe", "qwen2", "starcoder"};
    static const char *const APART[] = {"default", "falcon"};
    for (size_t i = 0; i < 3; i++) {
        char text[32], expected[64];
        snprintf(text, sizeof text, " %s! %sx", NONE[i], NONE[i]);
        for (size_t k = 0; k < sizeof ONE_RUN / sizeof *ONE_RUN; k++) {
            snprintf(expected, sizeof expected, " %s!| %s|x", NONE[i], NONE[i]);
            check_words(ONE_RUN[k], text, expected);
        }
        snprintf(expected, sizeof expected, " %s|!| %s|x", NONE[i], NONE[i]);
        for (size_t k = 0; k < sizeof APART / sizeof *APART; k++)
            check_words(APART[k], text, expected);
        snprintf(text, sizeof text, "a%sb", SPACE[i]);
        snprintf(expected, sizeof expected, "a|%s|b", SPACE[i]);
        check_words("gpt-2", text, expected);
    }
    /* Its third expression has U+180E among the ideographs. */
    check_words("deepseek-coder", " \xe1\xa0\x8e! \xe1\xa0\x8ex",
                " |\xe1\xa0\x8e|!| |\xe1\xa0\x8e|x");
}

static void an_unknown_pre_type_is_refused_by_name(void **state)
{
    (void)state;
    struct err err = {0};
    assert_null(pretokenizer_new("gpt-5", &err));
    assert_int_equal(err.code, ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "gpt-5"));
}

static void a_long_run_of_spaces_before_a_digit_is_cut_within_the_limits(void **state)
{
    (void)state;
    enum { N_SPACES = 1 << 20 };
    static const char *const TYPES[] = {"gpt-2", "llama-bpe", "deepseek-llm", "deepseek-coder"};
    char *text = malloc(N_SPACES + 1);
    assert_non_null(text);
    memset(text, ' ', N_SPACES);
    text[N_SPACES] = '5';
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++) {
        struct err err = {0};
        struct word_list words = {0};
        struct pretokenizer *pretokenizer = pretokenizer_new(TYPES[i], &err);
        if (!pretokenizer) fail_msg("%s", err.message);
        if (!pretokenizer_split(pretokenizer, text, N_SPACES + 1, &words, &err))
            fail_msg("%s", err.message);
        assert_true(words.n == 2 || words.n == 3);
        assert_int_equal(words.spans[words.n - 1].end, N_SPACES + 1);
        word_list_done(&words);
        pretokenizer_free(pretokenizer);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gpt_2_keeps_digits_together_and_knows_small_contractions),
        cmocka_unit_test(llama_bpe_cuts_digits_by_three_and_knows_all_contractions),
        cmocka_unit_test(qwen2_cuts_every_digit),
        cmocka_unit_test(starcoder_and_refact_cut_every_digit_before_gpt_2_does_the_rest),
        cmocka_unit_test(falcon_and_default_cut_punctuation_first),
        cmocka_unit_test(deepseek_types_cut_line_feeds_and_join_a_space_to_letters),
        cmocka_unit_test(white_space_is_what_unicode_says_it_is),
        cmocka_unit_test(an_unknown_pre_type_is_refused_by_name),
        cmocka_unit_test(a_long_run_of_spaces_before_a_digit_is_cut_within_the_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
