/* test_unicode.c - normalization forms and properties: what Unicode's annexes give as examples, and
 * bytes that are no text.
 */
#include "base/unicode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void check(enum unicode_form form, const char *text, const char *expected)
{
    struct err err = {0};
    struct buf out = {0};
    if (!unicode_normalize(form, text, strlen(text), &out, &err)) fail_msg("%s", err.message);
    assert_string_equal(buf_string(&out), expected);
    buf_free(&out);
}

/* Annex 15, figures 3 to 6. */
static void each_form_is_that_of_the_annex(void **state)
{
    (void)state;
    check(UNICODE_NFC, "e\u0301 A\u030a", "\u00e9 \u00c5");
    check(UNICODE_NFD, "\u00e9 \u212b", "e\u0301 A\u030a");
    check(UNICODE_NFC, "\u212b\u2126", "\u00c5\u03a9");
    check(UNICODE_NFC, "s\u0323\u0307 d\u0307\u0323", "\u1e69 \u1e0d\u0307");
    check(UNICODE_NFC, "\u1100\u1161\u11a8", "\uac01");
    check(UNICODE_NFD, "\uac01", "\u1100\u1161\u11a8");
    check(UNICODE_NFC, "\ufb01\u2460", "\ufb01\u2460");
    check(UNICODE_NFKC, "\ufb01\u2460\u2075", "fi15");
    check(UNICODE_NFKD, "\u1e9b\u0323", "s\u0323\u0307");
    check(UNICODE_NFC, "\u0958", "\u0915\u093c"); /* excluded from composition */
    check(UNICODE_NFC, "", "");
}

static void malformed_bytes_stay_and_part_what_is_around_them(void **state)
{
    (void)state;
    check(UNICODE_NFC, "e\xff\u0301", "e\xff\u0301");
    check(UNICODE_NFC,
          "\xcc"
          "e\u0301\xe4\xbd",
          "\xcc\u00e9\xe4\xbd");
    check(UNICODE_NFKC, "\xff\xfe", "\xff\xfe");
}

/* Half of the marks stand above and the other half, which comes first in order, below. */
static void a_hundred_thousand_marks_in_a_row_are_ordered(void **state)
{
    enum { N = 100000 };
    struct buf text = {0}, expected = {0};
    (void)state;
    buf_char(&text, 'q');
    buf_char(&expected, 'q');
    for (int i = 0; i < N; i++) buf_text(&text, i < N / 2 ? "\u0301" : "\u0323");
    for (int i = 0; i < N; i++) buf_text(&expected, i < N / 2 ? "\u0323" : "\u0301");
    check(UNICODE_NFD, buf_string(&text), buf_string(&expected));
    check(UNICODE_NFC, buf_string(&text), buf_string(&expected));
    check(UNICODE_NFC, "q\u0301\u0323\u0300\u0324b\u0301\u0302",
          "q\u0323\u0324\u0301\u0300"
          "b\u0301\u0302");
    buf_free(&text);
    buf_free(&expected);
}

static void what_the_bytes_tell_is_true(void **state)
{
    (void)state;
    assert_true(unicode_is_surely(UNICODE_NFC, "caf\u00e9 \u02ff", 8));
    assert_false(unicode_is_surely(UNICODE_NFC, "\u0300", 2));
    assert_true(unicode_is_surely(UNICODE_NFD, "cafe", 4));
    assert_false(unicode_is_surely(UNICODE_NFKC, "\u00b2", 2));
}

static void words_are_made_of_letters_marks_digits_connectors_and_joiners(void **state)
{
    static const uint32_t YES[] = {'a',    '7',   '_',    0xe9,   0x301,
                                   0x4e00, 0x661, 0x2160, 0x24b6, 0x200d};
    static const uint32_t NO[] = {' ', '-', 0xbd, 0x2460, 0x20ac, 0x1f600, 0x2028, 0xfffd};
    (void)state;
    for (size_t i = 0; i < sizeof YES / sizeof *YES; i++) assert_true(unicode_is_word(YES[i]));
    for (size_t i = 0; i < sizeof NO / sizeof *NO; i++) assert_false(unicode_is_word(NO[i]));
    assert_true(unicode_is_space(0x3000));
    assert_false(unicode_is_space(0x180e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_is_that_of_the_annex),
        cmocka_unit_test(malformed_bytes_stay_and_part_what_is_around_them),
        cmocka_unit_test(a_hundred_thousand_marks_in_a_row_are_ordered),
        cmocka_unit_test(what_the_bytes_tell_is_true),
        cmocka_unit_test(words_are_made_of_letters_marks_digits_connectors_and_joiners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
