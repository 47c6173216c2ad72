/* test_buf.c - text that is built piece by piece.
 *
 * The buffer is always zero-ended, and a failure is seen at the end of a sequence.
 */
#include "base/buf.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static void buf_joins_what_is_appended(void **state)
{
    (void)state;
    struct buf buf = {0};
    assert_string_equal(buf_string(&buf), "");
    assert_true(buf_text(&buf, "one"));
    assert_true(buf_char(&buf, ' '));
    assert_true(buf_printf(&buf, "%d%s", 2, "!"));
    assert_true(buf_append(&buf, "\0x", 2));
    assert_int_equal(buf.n_bytes, 8);
    assert_memory_equal(buf.data, "one 2!\0x", 9);
    assert_true(buf_check(&buf, NULL));
    buf_free(&buf);
    assert_null(buf.data);
    buf_free(NULL);
}

static void buf_grows_through_many_appends(void **state)
{
    (void)state;
    struct buf buf = {0};
    for (int i = 0; i < 10000; i++) assert_true(buf_printf(&buf, "%04d", i));
    assert_int_equal(buf.n_bytes, 40000);
    assert_memory_equal(buf.data + 4 * 1234, "1234", 4);
    assert_memory_equal(buf.data + 4 * 9999, "9999", 5);
    buf_free(&buf);
}

static void buf_stops_at_its_maximum_and_stays_failed(void **state)
{
    (void)state;
    struct buf buf = {.maximum = 8};
    struct err err = {0};
    assert_true(buf_text(&buf, "1234567"));
    assert_false(buf_char(&buf, '8'));
    assert_false(buf_text(&buf, ""));
    assert_string_equal(buf_string(&buf), "1234567");
    assert_false(buf_check(&buf, &err));
    assert_int_equal(err.code, ERR_MEMORY);
    assert_null(buf_take(&buf, &err));
    buf_clear(&buf);
    assert_false(buf_text(&buf, "again"));
    assert_false(buf_check(&buf, &err));
    buf_free(&buf);
    assert_true(buf_text(&buf, "again"));
    assert_string_equal(buf_string(&buf), "again");
    buf_free(&buf);
}

static void buf_take_hands_the_text_over(void **state)
{
    (void)state;
    struct buf buf = {0};
    char *nothing = buf_take(&buf, NULL);
    assert_string_equal(nothing, "");
    free(nothing);
    buf_text(&buf, "text");
    char *text = buf_take(&buf, NULL);
    assert_string_equal(text, "text");
    assert_int_equal(buf.n_bytes, 0);
    buf_text(&buf, "other");
    assert_string_equal(text, "text");
    free(text);
    buf_free(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buf_joins_what_is_appended),
        cmocka_unit_test(buf_grows_through_many_appends),
        cmocka_unit_test(buf_stops_at_its_maximum_and_stays_failed),
        cmocka_unit_test(buf_take_hands_the_text_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
