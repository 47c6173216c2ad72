/* test_open_model.c - what stands between a command and its model: the choice of kernels, and that
 * a model of gigabytes is not loaded to the end for somebody who has pressed Ctrl-C.
 *
 * The interrupt is a real signal, which this process sends itself; nothing can take it back, so
 * that test comes last.
 */
#include "harness/cli/model_options.h"

#include "base/interrupt.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct command COMMAND = {.name = "try"};
static const struct session_options SESSION = {.n_threads = 1};

static void the_option_comes_before_the_environment(void **state)
{
    (void)state;
    const struct invocation invocation = {.command = &COMMAND, .isa = "scalar"};
    struct err err = {0};
    struct model *model = open_model(&invocation, "synth:tiny:q8_0", NULL, &SESSION, &err);
    assert_non_null(model);
    assert_int_equal(model_info(model)->isa, ISA_SCALAR);
    model_close(model);
    model = open_model(&invocation, "synth:tiny:q8_0", isa_name(isa_best()), &SESSION, &err);
    assert_non_null(model);
    assert_int_equal(model_info(model)->isa, isa_best());
    model_close(model);
    assert_null(open_model(&invocation, "synth:tiny:q8_0", "mmx", &SESSION, &err));
    assert_int_equal(err.code, ERR_USAGE);
}

static void a_command_without_a_model_says_what_it_needs(void **state)
{
    (void)state;
    const struct invocation invocation = {.command = &COMMAND};
    struct err err = {0};
    assert_null(open_model(&invocation, NULL, NULL, &SESSION, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_non_null(strstr(err.message, "try needs a model"));
}

static void an_interrupt_ends_the_loading(void **state)
{
    (void)state;
    const struct invocation invocation = {.command = &COMMAND};
    struct err err = {0};
    interrupt_catch();
    assert_int_equal(raise(SIGINT), 0);
    assert_null(open_model(&invocation, "synth:tiny:q8_0", NULL, &SESSION, &err));
    assert_int_equal(err.code, ERR_INTERRUPTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_option_comes_before_the_environment),
        cmocka_unit_test(a_command_without_a_model_says_what_it_needs),
        cmocka_unit_test(an_interrupt_ends_the_loading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
