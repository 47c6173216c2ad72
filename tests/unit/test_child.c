/* test_child.c - other programs: what they write, how they end, what keeps them from it.
 *
 * Each is a shell with a script, or a program that is not there.
 */
#include "base/child.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static bool run_script(const char *script, struct child_end *end, struct err *err)
{
    const char *words[] = {"sh", "-c", script, NULL};
    return child_run(&(struct child_command){.words = words}, end, err);
}

static void both_streams_and_the_status_are_told(void **unused)
{
    (void)unused;
    struct child_end end;
    struct err err = {0};
    assert_true(run_script("echo out; echo wrong >&2; echo more; exit 7", &end, &err));
    assert_string_equal(buf_string(&end.output), "out\nmore\n");
    assert_string_equal(buf_string(&end.errors), "wrong\n");
    assert_int_equal(end.status, 7);
    assert_true(end.duration_ns > 0 && end.cpu_ns >= 0);
    child_end_free(&end);

    const char *words[] = {"sh", "-c", "echo 1; echo 2 >&2; pwd; cat", NULL};
    const struct child_command joined = {.words = words, .folder = "/", .joins_streams = true};
    assert_true(child_run(&joined, &end, &err));
    assert_string_equal(buf_string(&end.output), "1\n2\n/\n");
    assert_string_equal(buf_string(&end.errors), "");
    assert_true(child_check(&end, "sh", &err));
    child_end_free(&end);
}

static void more_than_a_pipe_holds_is_read(void **unused)
{
    (void)unused;
    struct child_end end;
    struct err err = {0};
    assert_true(run_script("head -c 300000 /dev/zero >&2; head -c 500000 /dev/zero", &end, &err));
    assert_int_equal(end.output.n_bytes, 500000);
    assert_int_equal(end.errors.n_bytes, 300000);
    child_end_free(&end);
    assert_true(run_script("head -c 20000000 /dev/zero", &end, &err));
    assert_int_equal(end.output.n_bytes, 16 << 20);
    assert_int_equal(end.status, 0);
    child_end_free(&end);
}

static void check(const char *script, const char *expected)
{
    struct child_end end;
    struct err err = {0};
    assert_true(run_script(script, &end, &err));
    assert_false(child_check(&end, "it", &err));
    assert_string_equal(err.message, expected);
    assert_int_equal(err.code, ERR_IO);
    child_end_free(&end);
}

static void a_failure_is_told_with_the_programs_own_last_line(void **unused)
{
    (void)unused;
    check("echo first >&2; echo 'no such model' >&2; echo >&2; exit 2",
          "it failed with status 2: no such model");
    check("printf 'bar\\rcut' ; exit 1", "it failed with status 1: cut");
    check("exit 3", "it failed with status 3 and said nothing");
    check("kill -9 $$", "it was ended by signal 9 (Killed)");
}

static void what_cannot_be_started_is_missing(void **unused)
{
    (void)unused;
    struct child_end end;
    struct err err = {0};
    const char *words[] = {"/nowhere/program", NULL};
    assert_false(child_run(&(struct child_command){.words = words}, &end, &err));
    assert_true(end.is_missing);
    assert_string_equal(err.message, "cannot run \"/nowhere/program\": No such file or directory");
    child_end_free(&end);
    words[0] = "true";
    assert_false(
        child_run(&(struct child_command){.words = words, .folder = "/nowhere"}, &end, &err));
    assert_true(end.is_missing);
    child_end_free(&end);
}

static void time_that_is_up_ends_it_with_its_children(void **unused)
{
    (void)unused;
    char name[] = "/tmp/phibench-child-XXXXXX", script[128];
    int file = mkstemp(name);
    assert_true(file >= 0);
    close(file);
    unlink(name);
    snprintf(script, sizeof script, "(sleep 0.3; touch %s) & echo begun; sleep 60; true", name);
    struct child_end end;
    struct err err = {0};
    const char *words[] = {"sh", "-c", script, NULL};
    const struct child_command command = {.words = words, .timeout_ns = 1000000};
    assert_false(child_run(&command, &end, &err));
    assert_string_equal(err.message, "sh did not end within 0 s");
    assert_int_equal(end.status, -9);
    child_end_free(&end);
    usleep(400000);
    assert_int_equal(access(name, F_OK), -1);
}

static void split(const char *line, const char *expected)
{
    struct err err = {0};
    char **words = child_split(line, &err);
    struct buf joined = {0};
    for (size_t i = 0; words && words[i]; i++) buf_printf(&joined, "[%s]", words[i]);
    assert_string_equal(words ? buf_string(&joined) : err.message, expected);
    buf_free(&joined);
    free(words);
}

static void command_lines_are_cut_as_a_shell_does(void **unused)
{
    (void)unused;
    split("old/phibench", "[old/phibench]");
    split("  taskset -c 0\told/phibench ", "[taskset][-c][0][old/phibench]");
    split("a b c d e f g h", "[a][b][c][d][e][f][g][h]");
    split("'my builds/old' \"it's\" x\\ y ''", "[my builds/old][it's][x y][]");
    split("'a\\b' \"a\\\"b\" $HOME;*", "[a\\b][a\"b][$HOME;*]");
    split("--x='1 2'3", "[--x=1 23]");
    split("a 'b", "a quote in this command line has no end: a 'b");
    split(" \t", "an empty command line names no program");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_streams_and_the_status_are_told),
        cmocka_unit_test(more_than_a_pipe_holds_is_read),
        cmocka_unit_test(a_failure_is_told_with_the_programs_own_last_line),
        cmocka_unit_test(what_cannot_be_started_is_missing),
        cmocka_unit_test(time_that_is_up_ends_it_with_its_children),
        cmocka_unit_test(command_lines_are_cut_as_a_shell_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
