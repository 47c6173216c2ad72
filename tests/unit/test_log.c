/* test_log.c - messages on a stream, with a level.
 *
 * Each level lets through what the ones below it do, and its own.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

static void log_writes_what_its_level_lets_through(void **state)
{
    (void)state;
    const char *expected[] = {
        "",
        "phibench: warning: w 1\n",
        "phibench: warning: w 1\nphibench: i 2\n",
    };
    for (int level = LOG_QUIET; level <= LOG_INFO; level++) {
        char *text = NULL;
        size_t n_bytes = 0;
        FILE *stream = open_memstream(&text, &n_bytes);
        struct log log = {.out = stream, .level = (enum log_level)level};
        log_warning(&log, "w %d", 1);
        log_info(&log, "i %d", 2);
        fclose(stream);
        assert_string_equal(text, expected[level]);
        free(text);
    }
}

static void log_warning_lines_is_a_warning_for_each_line(void **state)
{
    (void)state;
    char *text = NULL;
    size_t n_bytes = 0;
    FILE *stream = open_memstream(&text, &n_bytes);
    struct log log = {.out = stream, .level = LOG_WARNINGS};
    log_warning_lines(&log, "m", "");
    log_warning_lines(&log, "m", "one\ntwo\n");
    log_warning_lines(&log, "n", "no end");
    fclose(stream);
    assert_string_equal(text, "phibench: warning: m: one\nphibench: warning: m: two\n"
                              "phibench: warning: n: no end\n");
    free(text);
}

static void log_is_silent_without_a_stream(void **state)
{
    (void)state;
    log_warning(NULL, "nobody");
    log_info(&(struct log){.out = NULL, .level = LOG_INFO}, "nobody");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_writes_what_its_level_lets_through),
        cmocka_unit_test(log_warning_lines_is_a_warning_for_each_line),
        cmocka_unit_test(log_is_silent_without_a_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
