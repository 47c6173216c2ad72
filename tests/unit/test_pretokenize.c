/* test_pretokenize.c - the words of each pre-type, on texts where the pre-types differ. What the
 * expectations say was checked against the regular expressions of the published tokenizers, run by
 * another engine. */
#include "engine/pretokenize.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "engine/pre_types.h"
#include "tests/support/random_lines.h"

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
    if (!pretokenizer_split(pretokenizer, text, strlen(text), FRAGMENT_INNER, &words, &err))
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

static void an_unknown_pre_type_is_refused_with_the_names_that_are_known(void **state)
{
    (void)state;
    static const char *const KNOWN[] = {"default", "llama-bpe", "smollm", "qwen2", "viking"};
    struct err err = {0};
    char name[4096];
    assert_null(pretokenizer_new("gpt-5", &err));
    assert_int_equal(err.code, ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "\"gpt-5\""));
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = 0;
    for (size_t i = 0; i < COUNT_OF(KNOWN); i++) assert_non_null(strstr(err.message, KNOWN[i]));
    assert_null(pretokenizer_new(name, &err));
    for (size_t i = 0; i < COUNT_OF(KNOWN); i++) assert_non_null(strstr(err.message, KNOWN[i]));
    assert_null(pretokenizer_new("", &err));
}

/* ---- Every row of the table against the library `tokenizers` ---- */

struct cutter {
    struct pretokenizer *pretokenizer;
    struct word_list words;
};

static void count_bytes(void *context, const char *line, size_t n_bytes, struct buf *numbers)
{
    struct cutter *cutter = context;
    struct err err = {0};
    if (!pretokenizer_split(cutter->pretokenizer, line, n_bytes, FRAGMENT_INNER, &cutter->words,
                            &err))
        fail_msg("%s", err.message);
    for (size_t i = 0; i < cutter->words.n; i++) {
        const struct regex_span *word = &cutter->words.spans[i];
        buf_printf(numbers, i ? " %zu" : "%zu", word->end - word->begin);
    }
}

/* Rows of one family have the same expressions, so that one of them stands for the others. */
static void check_family(const struct json *family, struct buf *checked)
{
    const struct json *names = json_get(family, "pre_types");
    const struct pre_type *one = pre_type_find(json_as_string(json_at(names, 0), ""));
    struct err err = {0};
    assert_non_null(one);
    struct cutter cutter = {.pretokenizer = pretokenizer_new(one->name, &err)};
    if (!cutter.pretokenizer) fail_msg("%s", err.message);
    random_lines_check(one->name, family, count_bytes, &cutter);
    for (size_t i = 0; i < json_length(names); i++) {
        const struct pre_type *other = pre_type_find(json_as_string(json_at(names, i), ""));
        assert_non_null(other);
        for (size_t k = 0; one->expressions[k] || other->expressions[k]; k++)
            assert_string_equal(other->expressions[k], one->expressions[k]);
        buf_printf(checked, ",%s,", other->name);
    }
    word_list_done(&cutter.words);
    pretokenizer_free(cutter.pretokenizer);
}

/* Fails unless `text` has every name of the table, between `before` and `after`. */
static void check_names(const char *text, const char *before, const char *after, const char *where)
{
    struct buf all = {0};
    pre_type_list(&all);
    char *save = NULL;
    for (char *name = strtok_r(all.data, ", ", &save); name; name = strtok_r(NULL, ", ", &save)) {
        char entry[64];
        snprintf(entry, sizeof entry, "%s%s%s", before, name, after);
        if (!strstr(text, entry)) fail_msg("%s is not in %s", name, where);
    }
    buf_free(&all);
}

static void ten_thousand_lines_are_cut_as_the_published_tokenizers_cut_them(void **state)
{
    (void)state;
    struct json *golden = random_lines_golden();
    const struct json *families = json_get(golden, "words");
    struct buf checked = {0};
    for (size_t i = 0; i < json_length(families); i++) check_family(json_at(families, i), &checked);
    check_names(buf_string(&checked), ",", ",", "tests/golden/pre_types.json");
    buf_free(&checked);
    json_free(golden);
}

static void the_documentation_has_every_pre_type(void **state)
{
    (void)state;
    enum { FILE_LIMIT = 1 << 20 };
    struct err err = {0};
    char *text = file_read("docs/tokenizers.md", FILE_LIMIT, NULL, &err);
    if (!text) fail_msg("%s", err.message);
    check_names(text, "`", "`", "docs/tokenizers.md");
    free(text);
}

/* The words of 2^20 times `first`, then `last`. */
static size_t count_words_of_run(const char *type, char first, char last)
{
    enum { N_FIRST = 1 << 20 };
    struct err err = {0};
    struct word_list words = {0};
    char *text = malloc(N_FIRST + 1);
    struct pretokenizer *pretokenizer = pretokenizer_new(type, &err);
    assert_non_null(text);
    if (!pretokenizer) fail_msg("%s", err.message);
    memset(text, first, N_FIRST);
    text[N_FIRST] = last;
    if (!pretokenizer_split(pretokenizer, text, N_FIRST + 1, FRAGMENT_INNER, &words, &err))
        fail_msg("%s: %s", type, err.message);
    size_t n = words.n;
    assert_int_equal(words.spans[n - 1].end, N_FIRST + 1);
    word_list_done(&words);
    pretokenizer_free(pretokenizer);
    free(text);
    return n;
}

static void a_long_run_of_spaces_before_a_digit_is_cut_within_the_limits(void **state)
{
    (void)state;
    static const char *const TYPES[] = {"gpt-2",         "llama-bpe",  "smollm",     "gpt-4o",
                                        "tekken",        "youtu",      "qwen35",     "deepseek-v3",
                                        "bloom",         "bailingmoe", "seed-coder", "deepseek-llm",
                                        "deepseek-coder"};
    for (size_t i = 0; i < COUNT_OF(TYPES); i++) {
        size_t n = count_words_of_run(TYPES[i], ' ', '5');
        assert_true(n == 2 || n == 3);
    }
}

static void a_long_run_of_letters_is_cut_within_the_limits(void **state)
{
    (void)state;
    static const char *const TYPES[] = {"gpt-2",  "llama-bpe", "gpt-4o",
                                        "tekken", "youtu",     "deepseek-v3"};
    for (size_t i = 0; i < COUNT_OF(TYPES); i++) {
        assert_int_equal(count_words_of_run(TYPES[i], 'A', 'B'), 1);
        assert_int_equal(count_words_of_run(TYPES[i], 'a', 'b'), 1);
        assert_int_equal(count_words_of_run(TYPES[i], 'A', 'b'), 1);
        assert_int_equal(count_words_of_run(TYPES[i], 'A', '!'), 2);
    }
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
        cmocka_unit_test(an_unknown_pre_type_is_refused_with_the_names_that_are_known),
        cmocka_unit_test(ten_thousand_lines_are_cut_as_the_published_tokenizers_cut_them),
        cmocka_unit_test(the_documentation_has_every_pre_type),
        cmocka_unit_test(a_long_run_of_letters_is_cut_within_the_limits),
        cmocka_unit_test(a_long_run_of_spaces_before_a_digit_is_cut_within_the_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
