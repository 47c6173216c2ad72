/* test_cursor.c - bytes of a file, read with every bound checked.
 *
 * The input is copied to memory of its exact size, so that a sanitizer sees a read past its end.
 */
#include "base/cursor.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

static void cursor_reads_little_endian_numbers(void **state)
{
    (void)state;
    const uint8_t bytes[] = {1, 2, 3, 4, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0xfa, 0xf9, 0xf8, 0x7f};
    struct cursor cursor = {.bytes = bytes, .n_bytes = sizeof bytes};
    assert_int_equal(cursor_u32(&cursor), 0x04030201);
    assert_true(cursor_u64(&cursor) == 0xf8f9fafbfcfdfeffu);
    assert_int_equal(cursor_unsigned(&cursor, 1), 0x7f);
    assert_int_equal(cursor.at, sizeof bytes);
    assert_false(cursor.failed);
}

static void cursor_fails_past_the_end_and_stays_failed(void **state)
{
    (void)state;
    uint8_t *bytes = malloc(3);
    assert_non_null(bytes);
    bytes[0] = bytes[1] = bytes[2] = 9;
    struct cursor cursor = {.bytes = bytes, .n_bytes = 3};
    assert_int_equal(cursor_u32(&cursor), 0);
    assert_true(cursor.failed);
    assert_int_equal(cursor.at, 0);
    assert_null(cursor_take(&cursor, 1));
    assert_int_equal(cursor_unsigned(&cursor, 1), 0);
    free(bytes);
}

static void cursor_refuses_lengths_that_would_wrap(void **state)
{
    (void)state;
    const uint8_t bytes[4] = {0};
    struct cursor cursor = {.bytes = bytes, .n_bytes = sizeof bytes, .at = 2};
    assert_null(cursor_take(&cursor, UINT64_MAX));
    assert_true(cursor.failed);
    cursor = (struct cursor){.bytes = bytes, .n_bytes = sizeof bytes, .at = 2};
    assert_null(cursor_take(&cursor, (uint64_t)SIZE_MAX - 1));
    assert_true(cursor.failed);
}

static void cursor_takes_nothing_at_the_end(void **state)
{
    (void)state;
    const uint8_t bytes[2] = {1, 2};
    struct cursor cursor = {.bytes = bytes, .n_bytes = sizeof bytes};
    assert_ptr_equal(cursor_take(&cursor, 2), bytes);
    assert_ptr_equal(cursor_take(&cursor, 0), bytes + 2);
    assert_false(cursor.failed);
    assert_null(cursor_take(&cursor, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cursor_reads_little_endian_numbers),
        cmocka_unit_test(cursor_fails_past_the_end_and_stays_failed),
        cmocka_unit_test(cursor_refuses_lengths_that_would_wrap),
        cmocka_unit_test(cursor_takes_nothing_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
