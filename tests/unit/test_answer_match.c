/* test_answer_match.c - short answers in normal form, and how two of them are compared.
 *
 * Every normal form was written down by hand from the five rules of the official evaluation (see
 * answer_match.h) and confirmed with a few lines of Python 3.11 that say the same.
 */
#include "suites/answer_match.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/json.h"
#include "tests/support/test_data.h"

static const char *const NORMAL_FORMS[][2] = {
    /* case, white space */
    {"Sunset Blvd", "sunset blvd"},
    {"  New   York\t", "new york"},
    {"New\xc2\xa0York", "new york"},
    {"the\nfox", "fox"},
    {"\xe3\x80\x80the\xe3\x80\x80"
     "fox",
     "fox"},
    {"", ""},
    /* articles are words */
    {"The Beatles", "beatles"},
    {"A Tale of Two Cities", "tale of two cities"},
    {"An Inspector Calls", "inspector calls"},
    {"Anna and the King", "anna and king"},
    {"Theatre", "theatre"},
    {"vitamin A", "vitamin"},
    {"the", ""},
    {"A", ""},
    {"a the an", ""},
    /* underscores and punctuation become spaces, before articles go */
    {"rock_n_roll", "rock n roll"},
    {"__init__", "init"},
    {"the_who", "who"},
    {"Rock 'n' Roll", "rock n roll"},
    {"U.S.A.", "u s"},
    {"A.A. Milne", "milne"},
    {"St. John's", "st john s"},
    {"Dr.No", "dr no"},
    {"1,000,000", "1 000 000"},
    {"3.14", "3 14"},
    {"50%", "50"},
    {"C++", "c"},
    {"AT&T", "at t"},
    {"Mary-the-Great", "mary great"},
    {"(What's the Story) Morning Glory?", "what s story morning glory"},
    /* four quotes beyond ASCII's are punctuation too, other marks are not */
    {"O\xe2\x80\x99"
     "Brien",
     "o brien"},
    {"it\xe2\x80\x98s", "it s"},
    {"\xc2\xb4"
     "acute`grave",
     "acute grave"},
    {"\xe2\x80\x9cThe Who\xe2\x80\x9d", "\xe2\x80\x9c who\xe2\x80\x9d"},
    {"\xc2\xab"
     "A\xc2\xbb",
     "\xc2\xab \xc2\xbb"},
    {"the\xe2\x80\x93"
     "end",
     "\xe2\x80\x93"
     "end"},
    {"a\xe2\x80\x94"
     "b",
     "\xe2\x80\x94"
     "b"},
    {"hello\xe2\x80\xa6"
     "a",
     "hello\xe2\x80\xa6"},
    /* letters of other alphabets bound words and have two cases */
    {"\xc3\xa4 the \xc3\xa9", "\xc3\xa4 \xc3\xa9"},
    {"\xc3\xa9"
     "a the",
     "\xc3\xa9"
     "a"},
    {"a\xc3\xa9 the", "a\xc3\xa9"},
    {"a\xcc\x81 b", "\xcc\x81 b"}, /* a combining mark is no letter */
    {"\xe2\x85\xa7 a", "\xe2\x85\xb7"},
    {"\xef\xbc\x91 the", "\xef\xbc\x91"},
    {"\xc3\x89"
     "COLE DES BEAUX-ARTS",
     "\xc3\xa9"
     "cole des beaux arts"},
    {"\xce\x9f\xce\x94\xce\xa5\xce\xa3\xce\xa3\xce\x95\xce\xa5\xce\xa3",
     "\xce\xbf\xce\xb4\xcf\x85\xcf\x83\xcf\x83\xce\xb5\xcf\x85\xcf\x82"},
    {"Stra\xc3\x9f"
     "e",
     "stra\xc3\x9f"
     "e"},
    {"\xc4\xb0stanbul", "i\xcc\x87stanbul"},
};

static void assert_form(void (*form)(const char *, struct buf *), const char *text,
                        const char *expected)
{
    struct buf out = {0};
    form(text, &out);
    if (strcmp(buf_string(&out), expected))
        fail_msg("\"%s\" became \"%s\", not \"%s\"", text, buf_string(&out), expected);
    buf_free(&out);
}

static void answers_have_the_official_normal_form(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof NORMAL_FORMS / sizeof NORMAL_FORMS[0]; i++)
        assert_form(answer_normalize, NORMAL_FORMS[i][0], NORMAL_FORMS[i][1]);
}

static void a_normal_form_is_appended(void **unused)
{
    (void)unused;
    struct buf out = {0};
    buf_text(&out, "x");
    answer_normalize("The Cat", &out);
    answer_simplify("D.!", &out);
    assert_string_equal(buf_string(&out), "xcatd");
    buf_free(&out);
}

static void simplifying_keeps_articles_and_white_space(void **unused)
{
    (void)unused;
    assert_form(answer_simplify, "The  Who! ", "the  who ");
    assert_form(answer_simplify, "St. John's_x", "st johnsx");
    assert_form(answer_simplify, "\xc3\x89t\xc3\xa9\xe2\x80\x99s",
                "\xc3\xa9t\xc3\xa9\xe2\x80\x99s");
}

static void assert_f1(const char *predicted, const char *gold, double expected)
{
    double f1 = answer_f1(predicted, gold);
    if (!(f1 > expected - 1e-12 && f1 < expected + 1e-12))
        fail_msg("F1 of \"%s\" and \"%s\" is %g, not %g", predicted, gold, f1, expected);
}

static void f1_counts_each_word_as_often_as_both_have_it(void **unused)
{
    (void)unused;
    assert_f1("sunset blvd", "sunset blvd", 1);
    assert_f1("sunset", "sunset blvd", 2.0 / 3);
    assert_f1("blvd sunset", "sunset blvd", 1);
    assert_f1("new new york", "new york", 0.8);
    assert_f1("new york", "new new new york", 2.0 / 3);
    assert_f1("new new new york", "new york", 2.0 / 3);
    assert_f1("b a b a", "a a c", 4.0 / 7);
    assert_f1("york", "new yorker", 0);
    assert_f1("", "", 0);
    assert_f1("x", "", 0);
    assert_f1("", "x", 0);
}

static void an_answer_is_within_a_text_as_whole_words(void **unused)
{
    (void)unused;
    assert_true(answer_is_within("new york", "in new york city"));
    assert_true(answer_is_within("new york", "new york"));
    assert_true(answer_is_within("ape", "shape ape"));
    assert_false(answer_is_within("ape", "shape apes"));
    assert_false(answer_is_within("york new", "new york"));
    assert_false(answer_is_within("", "new york"));
}

/* ---- The real data: every alias was normalised by Python when the file was made ---- */

struct tally {
    size_t n_aliases, n_others;
};

/* NormalizedAliases are the distinct normal forms of the aliases that have one, in order. */
static void tally_answer(const struct json *answer, struct tally *tally)
{
    const struct json *aliases = json_get(answer, "Aliases"),
                      *forms = json_get(answer, "NormalizedAliases");
    for (size_t i = 0; i < json_length(aliases); i++) {
        struct buf form = {0};
        bool is_known = false;
        answer_normalize(json_as_string(json_at(aliases, i), ""), &form);
        for (size_t k = 0; !is_known && k < json_length(forms); k++)
            is_known = !strcmp(json_as_string(json_at(forms, k), ""), buf_string(&form));
        tally->n_aliases++;
        if (!is_known && form.n_bytes && tally->n_others++ < 5)
            printf("%s: %s\n", json_as_string(json_at(aliases, i), ""), buf_string(&form));
        buf_free(&form);
    }
}

static void aliases_of_the_data_set_have_the_forms_that_it_gives(void **unused)
{
    (void)unused;
    static const char *const names[] = {"triviaqa/unfiltered-dev.json", "triviaqa/shots.json"};
    struct tally tally = {0};
    for (size_t f = 0; f < 2; f++) {
        char path[512];
        struct err err = {0};
        if (!test_data_path(path, sizeof path, names[f])) skip();
        struct json *root = json_read_file(path, &err);
        if (!root) fail_msg("%s", err.message);
        const struct json *data = json_get(root, "Data");
        for (size_t i = 0; i < json_length(data); i++)
            tally_answer(json_get(json_at(data, i), "Answer"), &tally);
        json_free(root);
    }
    assert_true(tally.n_aliases > 200000);
    assert_int_equal(tally.n_others, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_have_the_official_normal_form),
        cmocka_unit_test(a_normal_form_is_appended),
        cmocka_unit_test(simplifying_keeps_articles_and_white_space),
        cmocka_unit_test(f1_counts_each_word_as_often_as_both_have_it),
        cmocka_unit_test(an_answer_is_within_a_text_as_whole_words),
        cmocka_unit_test(aliases_of_the_data_set_have_the_forms_that_it_gives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
