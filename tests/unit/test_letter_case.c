/* test_letter_case.c - lower case and white space as Python has them.
 *
 * Expected values come from Python 3.11, whose data are those of Unicode 14.
 */
#include "base/letter_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void capitals_of_every_alphabet_have_small_letters(void **unused)
{
    (void)unused;
    static const uint32_t pairs[][2] = {
        {'A', 'a'},         {'Z', 'z'},         {'[', '['},       {'a', 'a'},
        {0xc0, 0xe0},       {0xd7, 0xd7},       {0xde, 0xfe},     {0x100, 0x101},
        {0x101, 0x101},     {0x178, 0xff},      {0x179, 0x17a},   {0x1c5, 0x1c6},
        {0x394, 0x3b4},     {0x410, 0x430},     {0x531, 0x561},   {0x10a0, 0x2d00},
        {0x1e9e, 0xdf},     {0x1f08, 0x1f00},   {0x2126, 0x3c9},  {0x212a, 'k'},
        {0x2167, 0x2177},   {0x24b6, 0x24d0},   {0xa64a, 0xa64b}, {0xff21, 0xff41},
        {0x10400, 0x10428}, {0x1e921, 0x1e943}, {0x4e00, 0x4e00}, {0x10ffff, 0x10ffff},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (letter_lower(pairs[i][0]) != pairs[i][1])
            fail_msg("U+%04X became U+%04X, not U+%04X", pairs[i][0], letter_lower(pairs[i][0]),
                     pairs[i][1]);
}

static void the_table_has_all_letters_of_unicode_14(void **unused)
{
    (void)unused;
    size_t n = 0;
    uint64_t sum = 0;
    for (uint32_t code = 0; code < 0x110000; code++) {
        uint32_t lower = letter_lower(code);
        if (lower == code) continue;
        assert_int_equal(letter_lower(lower), lower);
        n++;
        sum += (uint64_t)code * 31 + lower;
    }
    assert_int_equal(n, 1432);
    assert_int_equal(sum, 1033796283);
}

static void assert_lower(const char *text, const char *expected)
{
    struct buf out = {0};
    letter_lower_text(&out, text, strlen(text));
    assert_string_equal(buf_string(&out), expected);
    buf_free(&out);
}

static void a_sigma_at_the_end_of_a_word_has_its_own_form(void **unused)
{
    (void)unused;
    assert_lower("\xce\xa3\xce\x91\xce\xa3 \xce\xa3", "\xcf\x83\xce\xb1\xcf\x82 \xcf\x83");
    assert_lower("\xce\xa3\xce\x91\xce\xa3", "\xcf\x83\xce\xb1\xcf\x82");
    assert_lower("\xce\x91\xce\xa3\xce\x91", "\xce\xb1\xcf\x83\xce\xb1");
}

static void malformed_bytes_stay(void **unused)
{
    (void)unused;
    assert_lower("A\xff"
                 "B\xc3",
                 "a\xff"
                 "b\xc3");
}

static void stripping_takes_unicode_spaces_away(void **unused)
{
    (void)unused;
    size_t n = 9;
    const char *text = letter_strip("\xc2\x85 a b\xe3\x80\x80", &n, true);
    assert_int_equal(n, 3);
    assert_memory_equal(text, "a b", 3);
    n = 4;
    assert_string_equal(letter_strip(" a b", &n, false), "a b");
    n = 3;
    text = letter_strip(" a ", &n, false);
    assert_int_equal(n, 2);
    n = 2;
    letter_strip("  ", &n, true);
    assert_int_equal(n, 0);
}

/* Python 3.11: [text, text.capitalize()] */
static const char *const CAPITALIZED[][2] = {
    {"\xc3\x9f"
     "en",
     "Ssen"},
    {"\xc5\x89"
     "a",
     "\xca\xbc"
     "Na"},
    {"\xef\xac\x81"
     "sh",
     "Fish"},
    {"\xc7\x86"
     "a",
     "\xc7\x85"
     "a"},
    {"\xc7\x84"
     "A",
     "\xc7\x85"
     "a"},
    {"\xce\x9f\xce\x94\xce\xa5\xce\xa3\xce\xa3\xce\x95\xce\xa5\xce\xa3",
     "\xce\x9f\xce\xb4\xcf\x85\xcf\x83\xcf\x83\xce\xb5\xcf\x85\xcf\x82"},
    {"\xce\xb1\xce\xa3", "\xce\x91\xcf\x82"},
    {"\xce\x91\xce\xa3"
     ".\xce\x91",
     "\xce\x91\xcf\x83"
     ".\xce\xb1"},
    {"\xce\x91\xce\xa3"
     ".",
     "\xce\x91\xcf\x82"
     "."},
    {"\xce\xa3", "\xce\xa3"},
    {"A\xce\xa3\xcc\x81"
     " B",
     "A\xcf\x82\xcc\x81"
     " b"},
    {"\xe1\x83\x90\xe1\x83\x91", "\xe1\x83\x90\xe1\x83\x91"},
    {"\xe1\xbe\x80", "\xe1\xbe\x88"},
    {"\xc4\xb0"
     "I",
     "\xc4\xb0"
     "i"},
    {"\xc2\xb5"
     "M",
     "\xce\x9c"
     "m"},
    {"\xc4\xb1"
     "x",
     "Ix"},
    {"\xc7\xb0", "J\xcc\x8c"},
    {"i\xcc\x87", "I\xcc\x87"},
    {"", ""},
    {"1A\xce\xa3", "1a\xcf\x82"},
    {"\xce\x91\xe2\x80\x99\xce\xa3"
     " X",
     "\xce\x91\xe2\x80\x99\xcf\x82"
     " x"},
    {"\xe2\x85\xa0\xe2\x85\xa1", "\xe2\x85\xa0\xe2\x85\xb1"},
};

static void capitalized_is_as_python_has_it(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof CAPITALIZED / sizeof *CAPITALIZED; i++) {
        struct buf out = {0};
        letter_capitalize_text(&out, CAPITALIZED[i][0], strlen(CAPITALIZED[i][0]));
        assert_string_equal(buf_string(&out), CAPITALIZED[i][1]);
        buf_free(&out);
    }
}

static void words_are_compared_without_their_spaces(void **unused)
{
    (void)unused;
    assert_true(letter_same_words(" one\t two\xc2\xa0", "one two"));
    assert_false(letter_same_words("one two", "one"));
    assert_false(letter_same_words("one", "one two"));
    assert_false(letter_same_words("one two", "onetwo"));
    assert_true(letter_same_words("", " \n"));
    assert_true(letter_has_words("zero one\ntwo three", "one  two"));
    assert_false(letter_has_words("zero one two", "on"));
    assert_false(letter_has_words("zero one two", "two three"));
    assert_false(letter_has_words("zero", " "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(capitals_of_every_alphabet_have_small_letters),
        cmocka_unit_test(capitalized_is_as_python_has_it),
        cmocka_unit_test(words_are_compared_without_their_spaces),
        cmocka_unit_test(the_table_has_all_letters_of_unicode_14),
        cmocka_unit_test(a_sigma_at_the_end_of_a_word_has_its_own_form),
        cmocka_unit_test(malformed_bytes_stay),
        cmocka_unit_test(stripping_takes_unicode_spaces_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
