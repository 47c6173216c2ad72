/* test_base64.c - bytes as text: the vectors of RFC 4648, section 10, and bytes of every value.
 *
 * What is written is read back here, digit by digit.
 */
#include "base/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void assert_written(const void *bytes, size_t n_bytes, const char *text)
{
    struct buf out = {0};
    buf_char(&out, '>');
    base64_put(&out, bytes, n_bytes);
    assert_true(buf_check(&out, NULL));
    assert_string_equal(buf_string(&out) + 1, text);
    buf_free(&out);
}

static void the_vectors_of_the_rfc_are_written(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {"",         "Zg==",     "Zm8=",    "Zm9v",
                                        "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (size_t n = 0; n < sizeof TEXTS / sizeof *TEXTS; n++) assert_written("foobar", n, TEXTS[n]);
    static const uint8_t HIGH[] = {0xfb, 0xff, 0xfe, 0, 0};
    assert_written(HIGH, sizeof HIGH, "+//+AAA=");
}

/* The value of a digit. */
static uint32_t value_of(char digit)
{
    if (digit >= 'A' && digit <= 'Z') return (uint32_t)(digit - 'A');
    if (digit >= 'a' && digit <= 'z') return (uint32_t)(digit - 'a') + 26;
    if (digit >= '0' && digit <= '9') return (uint32_t)(digit - '0') + 52;
    return digit == '+' ? 62 : 63;
}

/* More than one piece of the writer's. */
static void long_bytes_are_what_their_digits_say(void **state)
{
    (void)state;
    enum { N = 3 * 4001 };
    static uint8_t bytes[N];
    struct buf out = {0};
    for (size_t i = 0; i < N; i++) bytes[i] = (uint8_t)(i * 97 + i / 256);
    base64_put_url(&out, "image/png", bytes, N);
    assert_true(buf_check(&out, NULL));
    static const char HEAD[] = "data:image/png;base64,";
    assert_int_equal(strncmp(buf_string(&out), HEAD, sizeof HEAD - 1), 0);
    const char *text = buf_string(&out) + sizeof HEAD - 1;
    assert_int_equal(strlen(text), N / 3 * 4);
    for (size_t i = 0; i < N / 3; i++) {
        uint32_t number = 0;
        for (size_t k = 0; k < 4; k++) number = number << 6 | value_of(text[4 * i + k]);
        assert_int_equal(number, (uint32_t)bytes[3 * i] << 16 | (uint32_t)bytes[3 * i + 1] << 8 |
                                     bytes[3 * i + 2]);
    }
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_the_rfc_are_written),
        cmocka_unit_test(long_bytes_are_what_their_digits_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
