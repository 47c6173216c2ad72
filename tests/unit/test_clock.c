/* test_clock.c - time as text, and time that only moves forward.
 *
 * No assertion depends on how fast this machine is.
 */
#include "base/clock.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

static void clock_ns_never_goes_back(void **state)
{
    (void)state;
    int64_t last = clock_ns();
    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_ns();
        assert_true(now >= last);
        last = now;
    }
}

static void clock_unix_ms_is_in_this_century(void **state)
{
    (void)state;
    assert_true(clock_unix_ms() > INT64_C(1700000000000));
    assert_true(clock_unix_ms() < INT64_C(4102444800000));
}

static void check_duration(int64_t ns, const char *expected)
{
    char text[32];
    clock_format_duration(ns, text, sizeof text);
    assert_string_equal(text, expected);
}

static void clock_format_duration_formats(void **state)
{
    (void)state;
    const int64_t s = 1000000000;
    check_duration(0, "0 s");
    check_duration(-5 * s, "0 s");
    check_duration(s / 2 - 1, "0 s");
    check_duration(s / 2, "1 s");
    check_duration(42 * s, "42 s");
    check_duration(60 * s - s / 2, "1 min 00 s");
    check_duration(190 * s, "3 min 10 s");
    check_duration(3599 * s, "59 min 59 s");
    check_duration(7500 * s, "2 h 05 min");
    check_duration(100 * 3600 * s, "100 h 00 min");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clock_ns_never_goes_back),
        cmocka_unit_test(clock_unix_ms_is_in_this_century),
        cmocka_unit_test(clock_format_duration_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
