/* test_gate_file.c - the file of a gate: its keys, what they are otherwise, and where faults lie.
 *
 * Files are written into a folder of the test.
 */
#include "harness/config/gate_file.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "tests/support/test_data.h"

static char folder[256];

static struct gate_file *read(const char *text, struct err *err)
{
    char path[300];
    snprintf(path, sizeof path, "%s/gate.yaml", folder);
    assert_true(file_write(path, text, strlen(text), NULL));
    return gate_file_read(path, err);
}

static void without_margins_those_of_a_change_that_is_none(void **unused)
{
    (void)unused;
    struct err err = {0};
    struct gate_file *gate = read("baseline: main\n", &err);
    assert_non_null(gate);
    assert_string_equal(gate->db, "out/phibench.db");
    assert_string_equal(gate->candidate, "last");
    assert_null(gate->run);
    assert_true(gate->margins.score == 1 && gate->margins.speed == 5);
    assert_true(isnan(gate->margins.kld));
    assert_false(gate->margins.numerics_may_change);
    gate_file_free(gate);
}

static void margins_that_are_named_are_all(void **unused)
{
    (void)unused;
    struct err err = {0};
    struct gate_file *gate = read("baseline: 3\nnoise: 2%\nmargins:\n  numerics: may change\n"
                                  "  speed: 2.5%\n  kld: 1e-3\n",
                                  &err);
    assert_non_null(gate);
    assert_string_equal(gate->baseline, "3");
    assert_true(gate->noise == 2 && gate->margins.speed == 2.5 && gate->margins.kld == 1e-3);
    assert_true(isnan(gate->margins.score));
    assert_true(gate->margins.numerics_may_change && !gate->margins.bits_may_change);
    assert_false(gate->margins.speed_by_history);
    gate_file_free(gate);
    gate = read("baseline: x\nmargins: {speed: history}\n", &err);
    assert_non_null(gate);
    assert_true(gate->margins.speed_by_history && isnan(gate->margins.speed));
    gate_file_free(gate);
}

static void faults_have_their_place(void **unused)
{
    (void)unused;
    static const struct {
        const char *text, *message;
        int line, column;
    } cases[] = {
        {"margins: {score: 1}\n", "the gate needs the key \"baseline\"", 1, 1},
        {"baseline: x\nmargin: {}\n", "unknown key \"margin\"", 2, 1},
        {"baseline: x\nmargins: {scor: 1}\n", "unknown key \"scor\"", 2, 11},
        {"baseline: x\nmargins:\n  speed: -1\n", "speed must be how much worse it may be", 3, 10},
        {"baseline: x\nmargins:\n  speed: fast\n", "speed must be how much worse it may be", 3, 10},
        {"baseline: x\nmargins:\n  bits: other\n", "bits", 3, 9},
        {"baseline: x\nmargins: [1]\n", "margins must be a map", 2, 10},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        if (read(cases[i].text, &err)) fail_msg("case %zu passes", i);
        assert_int_equal(err.code, ERR_CONFIG);
        if (!strstr(err.message, cases[i].message)) fail_msg("case %zu: %s", i, err.message);
        if (err.line != cases[i].line || err.column != cases[i].column)
            fail_msg("case %zu at %d:%d", i, err.line, err.column);
    }
}

static int set_up(void **unused)
{
    (void)unused;
    return test_make_folder(folder, sizeof folder) ? 0 : -1;
}

static int tear_down(void **unused)
{
    (void)unused;
    test_remove_folder(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_margins_those_of_a_change_that_is_none),
        cmocka_unit_test(margins_that_are_named_are_all),
        cmocka_unit_test(faults_have_their_place),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
