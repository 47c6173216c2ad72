/* test_ab.c - what a comparison of builds does before anything is decided: orders of blocks, sizes
 * of work, and what a process says.
 *
 * Programs are shells that print what bench would.
 */
#include "harness/run/ab_bench.h"
#include "harness/run/ab_blocks.h"

#include "base/json.h"
#include "base/mem.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- Orders ---- */

static void six_blocks_have_each_order_once(void **unused)
{
    (void)unused;
    struct ab_orders orders = ab_orders_begin(7);
    size_t n_same = 0;
    char last[64] = "";
    for (int six = 0; six < 20; six++) {
        bool seen[3][3][3] = {{{false}}};
        char now[64] = "";
        for (int i = 0; i < 6; i++) {
            enum ab_arm arms[AB_ARMS];
            ab_orders_next(&orders, arms);
            assert_true(arms[0] != arms[1] && arms[0] != arms[2] && arms[1] != arms[2]);
            assert_false(seen[arms[0]][arms[1]][arms[2]]);
            seen[arms[0]][arms[1]][arms[2]] = true;
            snprintf(now + strlen(now), sizeof now - strlen(now), "%d%d%d ", arms[0], arms[1],
                     arms[2]);
        }
        n_same += !strcmp(now, last);
        memcpy(last, now, sizeof last);
    }
    assert_true(n_same <= 1); /* shuffled anew each time */
}

static void a_seed_gives_the_same_orders_again(void **unused)
{
    (void)unused;
    struct ab_orders a = ab_orders_begin(5), b = ab_orders_begin(5), other = ab_orders_begin(6);
    size_t n_other = 0;
    for (int i = 0; i < 60; i++) {
        enum ab_arm x[AB_ARMS], y[AB_ARMS], z[AB_ARMS];
        ab_orders_next(&a, x);
        ab_orders_next(&b, y);
        ab_orders_next(&other, z);
        assert_memory_equal(x, y, sizeof x);
        n_other += memcmp(x, z, sizeof x) != 0;
    }
    assert_true(n_other > 20);
}

/* ---- Sizes ---- */

static struct ab_work sizes(double prefill, double decode, double batched, int64_t context_tokens)
{
    struct ab_work work = {.tests = {prefill > 0, decode > 0, batched > 0}, .batch = 8};
    const double rates[AB_TESTS] = {prefill, decode, batched};
    ab_choose_sizes(&work, rates, 1, context_tokens);
    return work;
}

static void a_block_is_a_second_of_each_test(void **unused)
{
    (void)unused;
    struct ab_work work = sizes(1600, 80, 0, 8192);
    assert_int_equal(work.repeat, 4);
    assert_int_equal(work.prompt, 400);
    assert_int_equal(work.generate, 20);
    work = sizes(1600, 80, 320, 8192); /* steps of 8 sequences: 40 each second */
    assert_int_equal(work.generate, 10);
    work = sizes(1600, 0, 0, 8192);
    assert_int_equal(work.generate, 0);
    work = sizes(0, 80, 0, 8192);
    assert_int_equal(work.generate, 20);
    assert_int_equal(work.prompt, 64);
}

static void sizes_fit_the_context_and_are_never_nothing(void **unused)
{
    (void)unused;
    struct ab_work work = sizes(100000, 5000, 0, 1024); /* half of it takes 5 ms: a hundredth */
    assert_int_equal(work.repeat, 100);
    assert_int_equal(work.prompt, 512);
    assert_int_equal(work.generate, 50);
    work = sizes(10000, 500, 0, 1024);
    assert_int_equal(work.prompt, 512);
    assert_int_equal(work.repeat, 20);
    assert_int_equal(work.generate, 25);
    work = sizes(3, 0.5, 0, 4096); /* what takes longer than a second */
    assert_int_equal(work.prompt, 16);
    assert_int_equal(work.generate, 4);
    assert_int_equal(work.repeat, 4);
    work = sizes(1000, 50, 0, 16);
    assert_true(work.prompt == 16 && work.generate <= 16);
}

/* ---- Processes ---- */

static const char RECORDS[] =
    "[{\"isa\":\"avx2\",\"test\":\"load\",\"duration_ns\":2500000000,\"rss_bytes\":900},"
    "{\"test\":\"first_token\",\"duration_ns\":5,\"rss_bytes\":100,\"tokens_per_s\":null},"
    "{\"test\":\"prefill\",\"duration_ns\":5,\"rss_bytes\":100,\"tokens_per_s\":110},"
    "{\"test\":\"prefill\",\"duration_ns\":5,\"rss_bytes\":300,\"tokens_per_s\":100},"
    "{\"test\":\"prefill\",\"duration_ns\":5,\"rss_bytes\":200,\"tokens_per_s\":7},"
    "{\"test\":\"decode\",\"duration_ns\":5,\"rss_bytes\":200,\"tokens_per_s\":20.5}]";

/* Measures with a shell that runs the script; its arguments are bench's. */
static bool measure(const char *script, struct ab_work work, double values[AB_QUANTITIES],
                    struct ab_program *program, struct err *err)
{
    struct buf line = {0};
    struct ab_usage usage;
    buf_printf(&line, "sh -c '%s' sh", script);
    work.tests[AB_PREFILL] = true;
    assert_true(ab_program_init(program, buf_string(&line), err));
    bool ok = ab_measure(program, &work, 0, values, &usage, err);
    buf_free(&line);
    return ok;
}

static void a_process_tells_medians_memory_and_the_time_of_loading(void **unused)
{
    (void)unused;
    struct ab_program program;
    struct err err = {0};
    double values[AB_QUANTITIES];
    const struct ab_work work = {.tests[AB_DECODE] = true};
    char script[1024];
    snprintf(script, sizeof script, "echo \"$*\" >&2; cat <<X\n%s\nX", RECORDS);
    if (!measure(script, work, values, &program, &err)) fail_msg("%s", err.message);
    assert_float_equal(values[AB_PREFILL], 100, 0);
    assert_float_equal(values[AB_DECODE], 20.5, 0);
    assert_float_equal(values[AB_BATCHED], 0, 0);
    assert_float_equal(values[AB_LOAD], 2.5, 1e-12);
    assert_float_equal(values[AB_MEMORY], 300, 0);
    assert_true(values[AB_INSTRUCTIONS] >= 0 && values[AB_CYCLES] >= 0);
    assert_string_equal(program.isa, "avx2");
    ab_program_done(&program);
}

static void the_program_gets_the_arguments_of_bench(void **unused)
{
    (void)unused;
    static const char *const options[] = {"-t", "2"};
    struct ab_program program;
    struct err err = {0};
    double values[AB_QUANTITIES];
    struct ab_work work = {.model = "m.gguf",
                           .tests = {[AB_DECODE] = true, [AB_BATCHED] = true},
                           .prompt = 5,
                           .generate = 6,
                           .batch = 8,
                           .repeat = 4,
                           .options = options,
                           .n_options = 2};
    assert_false(measure("echo \"$*\"; exit 1", work, values, &program, &err));
    assert_non_null(
        strstr(err.message, "status 1: bench -m m.gguf -p 5 -n 6 -r 4 -o json -b 1,8 -t 2"));
    ab_program_done(&program);
    work.tests[AB_DECODE] = work.tests[AB_BATCHED] = false;
    work.without_limits = true;
    assert_false(measure("echo \"$*\"; exit 1", work, values, &program, &err));
    assert_non_null(strstr(err.message, "bench -m m.gguf -p 5 -n 0 -r 4 -o json --no-limits -t 2"));
    ab_program_done(&program);
}

static void refuse(const char *script, enum err_code code, const char *message)
{
    struct ab_program program;
    struct err err = {0};
    double values[AB_QUANTITIES];
    const struct ab_work work = {.tests[AB_DECODE] = true};
    assert_false(measure(script, work, values, &program, &err));
    assert_int_equal(err.code, code);
    if (!strstr(err.message, message)) fail_msg("%s", err.message);
    ab_program_done(&program);
}

static void what_is_no_measurement_is_refused(void **unused)
{
    (void)unused;
    refuse("echo \"no such model\" >&2; exit 1", ERR_IO, "status 1: no such model");
    refuse("echo [{", ERR_INPUT, "");
    refuse("true", ERR_INPUT, "");
    refuse("echo []", ERR_INPUT, "measured no prefill");
    refuse("echo \"{}\"", ERR_INPUT, "measured no prefill");
    refuse("echo \"[{\\\"test\\\":\\\"prefill\\\",\\\"tokens_per_s\\\":5}]\"", ERR_INPUT,
           "measured no decode");
    refuse("kill -SEGV $$", ERR_IO, "was ended by signal 11");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(six_blocks_have_each_order_once),
        cmocka_unit_test(a_seed_gives_the_same_orders_again),
        cmocka_unit_test(a_block_is_a_second_of_each_test),
        cmocka_unit_test(sizes_fit_the_context_and_are_never_nothing),
        cmocka_unit_test(a_process_tells_medians_memory_and_the_time_of_loading),
        cmocka_unit_test(the_program_gets_the_arguments_of_bench),
        cmocka_unit_test(what_is_no_measurement_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
