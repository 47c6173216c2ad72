/* test_utf8.c - UTF-8 that survives any bytes.
 *
 * Well-formed and malformed sequences are those of the Unicode Standard, tables 3-7 and 3-8.
 */
#include "base/utf8.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

static void check_code(const char *text, uint32_t expected)
{
    uint32_t code;
    bool valid;
    size_t n_bytes = strlen(text);
    char again[4];
    assert_int_equal(utf8_decode(text, n_bytes, &code, &valid), n_bytes);
    assert_true(valid);
    assert_int_equal(code, expected);
    assert_int_equal(utf8_encode(code, again), n_bytes);
    assert_memory_equal(again, text, n_bytes);
}

static void utf8_decodes_and_encodes_the_borders_of_each_length(void **state)
{
    (void)state;
    check_code("\x01", 1);
    check_code("\x7f", 0x7f);
    check_code("\xc2\x80", 0x80);
    check_code("\xdf\xbf", 0x7ff);
    check_code("\xe0\xa0\x80", 0x800);
    check_code("\xed\x9f\xbf", 0xd7ff);
    check_code("\xee\x80\x80", 0xe000);
    check_code("\xef\xbf\xbf", 0xffff);
    check_code("\xf0\x90\x80\x80", 0x10000);
    check_code("\xf4\x8f\xbf\xbf", 0x10ffff);
}

static void utf8_every_code_point_survives_a_round_trip(void **state)
{
    (void)state;
    for (uint32_t expected = 0; expected <= 0x10ffff; expected++) {
        if (expected == 0xd800) expected = 0xe000;
        char text[4];
        uint32_t code;
        bool valid;
        size_t n_bytes = utf8_encode(expected, text);
        if (utf8_decode(text, n_bytes, &code, &valid) != n_bytes || !valid || code != expected)
            fail_msg("U+%04X", (unsigned)expected);
    }
}

static void check_malformed(const char *text)
{
    uint32_t code;
    bool valid = true;
    assert_int_equal(utf8_decode(text, strlen(text), &code, &valid), 1);
    assert_false(valid);
    assert_int_equal(code, 0xfffd);
    assert_false(utf8_is_valid(text, strlen(text)));
}

static void utf8_refuses_overlong_forms_surrogates_and_what_is_past_the_end(void **state)
{
    (void)state;
    check_malformed("\x80");
    check_malformed("\xc0\x80");
    check_malformed("\xc1\xbf");
    check_malformed("\xe0\x80\xaf");
    check_malformed("\xe0\x9f\xbf");
    check_malformed("\xed\xa0\x80");
    check_malformed("\xed\xbf\xbf");
    check_malformed("\xf0\x80\x80\xaf");
    check_malformed("\xf0\x8f\xbf\xbf");
    check_malformed("\xf4\x90\x80\x80");
    check_malformed("\xf5\x80\x80\x80");
    check_malformed("\xff");
    check_malformed("\xc3");
    check_malformed("\xc3z");
    check_malformed("\xe2\x82");
    check_malformed("\xf0\x9f\x98");
}

static void utf8_decode_of_nothing_takes_nothing(void **state)
{
    (void)state;
    uint32_t code = 5;
    assert_int_equal(utf8_decode(NULL, 0, &code, NULL), 0);
    assert_int_equal(code, 5);
    assert_true(utf8_is_valid(NULL, 0));
}

static void utf8_encode_replaces_what_is_no_code_point(void **state)
{
    (void)state;
    char text[4];
    assert_int_equal(utf8_encode(0xd800, text), 3);
    assert_memory_equal(text, "\xef\xbf\xbd", 3);
    assert_int_equal(utf8_encode(0x110000, text), 3);
    assert_memory_equal(text, "\xef\xbf\xbd", 3);
}

static void utf8_count_counts_code_points_and_stray_bytes(void **state)
{
    (void)state;
    assert_int_equal(utf8_count("a\xc3\xa9\xf0\x9f\x98\x80", 7), 3);
    assert_int_equal(utf8_count("a\xff\xc3", 3), 3);
    assert_int_equal(utf8_count("\0\0", 2), 2);
}

static void utf8_append_valid_repairs_byte_by_byte(void **state)
{
    (void)state;
    struct buf out = {0};
    utf8_append_valid(&out, "a\xed\xa0\x80\xc3\xa9\xf0\x9f", 8);
    assert_string_equal(buf_string(&out), "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xc3\xa9"
                                          "\xef\xbf\xbd\xef\xbf\xbd");
    assert_true(utf8_is_valid(out.data, out.n_bytes));
    buf_free(&out);
}

static void utf8_complete_prefix_holds_back_only_what_can_still_become_whole(void **state)
{
    (void)state;
    const struct {
        const char *text;
        size_t expected;
    } cases[] = {
        {"", 0},
        {"ab", 2},
        {"a\xc3\xa9", 3},
        {"a\xc3", 1},
        {"a\xe2\x82", 1},
        {"a\xf0\x9f\x98", 1},
        {"a\xf0\x9f\x98\x80", 5},
        {"\xf0", 0},
        {"a\x80", 2},     /* a stray byte will never be whole */
        {"a\xe0\x80", 3}, /* nor an overlong form */
        {"a\xed\xa0", 3}, /* nor a surrogate */
        {"a\xff\xff\xff", 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(utf8_complete_prefix(cases[i].text, strlen(cases[i].text)),
                         cases[i].expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_decodes_and_encodes_the_borders_of_each_length),
        cmocka_unit_test(utf8_every_code_point_survives_a_round_trip),
        cmocka_unit_test(utf8_refuses_overlong_forms_surrogates_and_what_is_past_the_end),
        cmocka_unit_test(utf8_decode_of_nothing_takes_nothing),
        cmocka_unit_test(utf8_encode_replaces_what_is_no_code_point),
        cmocka_unit_test(utf8_count_counts_code_points_and_stray_bytes),
        cmocka_unit_test(utf8_append_valid_repairs_byte_by_byte),
        cmocka_unit_test(utf8_complete_prefix_holds_back_only_what_can_still_become_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
