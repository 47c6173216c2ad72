/* test_err.c - what an error says, and where.
 *
 * Codes, places and exit statuses are what scripts and people see of every failure.
 */
#include "base/err.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

static void print_to(const struct err *err, char *out, size_t n)
{
    FILE *stream = fmemopen(out, n, "w");
    assert_non_null(stream);
    err_print(err, stream);
    fclose(stream);
}

static void err_set_fills_code_and_message_and_returns_false(void **state)
{
    (void)state;
    struct err err = {.line = 7, .file = "old"};
    assert_false(err_set(&err, ERR_INPUT, "%d of %s", 3, "four"));
    assert_int_equal(err.code, ERR_INPUT);
    assert_string_equal(err.message, "3 of four");
    assert_string_equal(err.file, "");
    assert_int_equal(err.line, 0);
}

static void err_functions_accept_no_err(void **state)
{
    (void)state;
    assert_false(err_set(NULL, ERR_INPUT, "x"));
    assert_false(err_set_at(NULL, ERR_INPUT, "f", 1, 1, "x"));
    assert_false(err_set_errno(NULL, "x"));
    assert_false(err_place(NULL, "f", 1, 1));
    assert_false(err_context(NULL, "x"));
    err_clear(NULL);
}

static void err_place_keeps_the_first_place(void **state)
{
    (void)state;
    struct err err = {0};
    err_set(&err, ERR_INPUT, "wrong");
    err_place(&err, "inner.csv", 3, 9);
    err_place(&err, "outer.yaml", 1, 1);
    assert_string_equal(err.file, "inner.csv");
    assert_int_equal(err.line, 3);
    assert_int_equal(err.column, 9);
}

static void err_context_appends_from_the_inside_out(void **state)
{
    (void)state;
    struct err err = {0};
    err_set(&err, ERR_INPUT, "wrong");
    err_context(&err, "loading %s", "mmlu");
    err_context(&err, "planning");
    assert_string_equal(err.message, "wrong (while loading mmlu) (while planning)");
}

static void err_set_errno_tells_the_reason_and_no_memory_apart(void **state)
{
    (void)state;
    struct err err = {0};
    errno = ENOENT;
    err_set_errno(&err, "cannot open %s", "x");
    assert_int_equal(err.code, ERR_IO);
    assert_string_equal(err.message, "cannot open x: No such file or directory");
    errno = ENOMEM;
    err_set_errno(&err, "cannot open");
    assert_int_equal(err.code, ERR_MEMORY);
}

static void err_cuts_messages_that_are_too_long(void **state)
{
    (void)state;
    char text[4000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    struct err err = {0};
    err_set_at(&err, ERR_INPUT, text, 1, 1, "%s", text);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
    assert_int_equal(strlen(err.file), sizeof err.file - 1);
    err_context(&err, "%s", text);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
}

static void err_print_shows_as_much_of_the_place_as_is_known(void **state)
{
    (void)state;
    char out[256];
    struct err err = {0};
    err_set(&err, ERR_USAGE, "no command");
    print_to(&err, out, sizeof out);
    assert_string_equal(out, "phibench: no command\n");
    err_set_at(&err, ERR_INPUT, "a.csv", 0, 0, "wrong");
    print_to(&err, out, sizeof out);
    assert_string_equal(out, "a.csv: wrong\n");
    err_set_at(&err, ERR_INPUT, "a.csv", 12, 0, "wrong");
    print_to(&err, out, sizeof out);
    assert_string_equal(out, "a.csv:12: wrong\n");
    err_set_at(&err, ERR_INPUT, "a.csv", 12, 5, "wrong");
    print_to(&err, out, sizeof out);
    assert_string_equal(out, "a.csv:12:5: wrong\n");
}

static void err_exit_status_follows_the_manual(void **state)
{
    (void)state;
    const struct {
        enum err_code code;
        int status;
    } expected[] = {
        {ERR_NONE, 0},          {ERR_USAGE, 2},      {ERR_CONFIG, 2},    {ERR_UNSUPPORTED, 2},
        {ERR_INPUT, 1},         {ERR_IO, 1},         {ERR_MEMORY, 1},    {ERR_CAPACITY, 1},
        {ERR_INTERRUPTED, 130}, {ERR_REGRESSION, 1}, {ERR_UNDECIDED, 3},
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        struct err err = {.code = expected[i].code};
        assert_int_equal(err_exit_status(&err), expected[i].status);
    }
}

static void a_failure_without_an_error_is_never_taken_for_success(void **state)
{
    (void)state;
    char out[256] = "";
    struct err err = {0};
    FILE *stream = fmemopen(out, sizeof out, "w");
    assert_non_null(stream);
    assert_int_equal(err_finish(true, &err, stream), 0);
    assert_int_equal(ftell(stream), 0);
    assert_int_equal(err_finish(false, &err, stream), 1);
    fclose(stream);
    assert_string_equal(out, "phibench: failed without saying why: this is a fault of phibench\n");
}

static void err_clear_leaves_nothing_behind(void **state)
{
    (void)state;
    struct err err = {0};
    err_set_at(&err, ERR_INPUT, "a.csv", 1, 2, "wrong");
    err_clear(&err);
    assert_int_equal(err.code, ERR_NONE);
    assert_string_equal(err.message, "");
    assert_string_equal(err.file, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(err_set_fills_code_and_message_and_returns_false),
        cmocka_unit_test(err_functions_accept_no_err),
        cmocka_unit_test(err_place_keeps_the_first_place),
        cmocka_unit_test(err_context_appends_from_the_inside_out),
        cmocka_unit_test(err_set_errno_tells_the_reason_and_no_memory_apart),
        cmocka_unit_test(err_cuts_messages_that_are_too_long),
        cmocka_unit_test(err_print_shows_as_much_of_the_place_as_is_known),
        cmocka_unit_test(err_exit_status_follows_the_manual),
        cmocka_unit_test(a_failure_without_an_error_is_never_taken_for_success),
        cmocka_unit_test(err_clear_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
