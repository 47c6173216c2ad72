/* test_speed_limits.c - the arithmetic of percentages, the records of limits, and that the engine
 * measures something for every instruction set. No test asserts how much.
 */
#include "harness/run/speed_limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void assert_done(bool ok, const struct err *err)
{
    if (!ok) fail_msg("%s", err->message);
}

/* 1 thread: 10 GB/s, 100 and 20 GMAC/s; 3 threads: 15, 300, 60. */
static struct speed_limits make_limits(void)
{
    static int n_threads[] = {1, 3};
    static struct machine_limits latest[] = {{10, 100, 20}, {15, 300, 60}};
    return (struct speed_limits){
        .isa = ISA_SCALAR, .n = 2, .n_threads = n_threads, .latest = latest, .measured = true};
}

static void assert_percent(double actual, double expected)
{
    assert_true(actual > expected - 1e-9 && actual < expected + 1e-9);
}

static void a_percentage_is_the_larger_share_of_the_two_limits(void **state)
{
    (void)state;
    struct speed_limits limits = make_limits();
    assert_percent(speed_limits_percent(&limits, 1, false, 8, 30), 80);
    assert_percent(speed_limits_percent(&limits, 1, false, 1, 45), 45);
    assert_percent(speed_limits_percent(&limits, 3, false, 9, 30), 60);
    assert_percent(speed_limits_percent(&limits, 1, false, 20, 0), 200); /* out of the caches */
}

static void float_weights_are_held_against_floats(void **state)
{
    (void)state;
    struct speed_limits limits = make_limits();
    assert_percent(speed_limits_percent(&limits, 3, true, 0, 45), 75);
    assert_percent(speed_limits_percent(&limits, 3, false, 0, 45), 15);
    assert_true(speed_is_float("f32") && speed_is_float("f16") && speed_is_float("bf16"));
    assert_false(speed_is_float("q4_0") || speed_is_float("q8_0") || speed_is_float("q6_k"));
}

static void what_is_not_measured_has_no_percentage(void **state)
{
    (void)state;
    struct speed_limits limits = make_limits();
    assert_percent(speed_limits_percent(&limits, 2, false, 8, 30), 0);
    limits.measured = false;
    assert_percent(speed_limits_percent(&limits, 1, false, 8, 30), 0);
}

static void limits_are_three_records_for_each_number_of_threads(void **state)
{
    (void)state;
    static const struct {
        const char *test;
        int n_threads;
        double gb_per_s, gmac_per_s;
    } expected[] = {{"limit_read", 1, 10, 0}, {"limit_int8", 1, 0, 100}, {"limit_f32", 1, 0, 20},
                    {"limit_read", 3, 15, 0}, {"limit_int8", 3, 0, 300}, {"limit_f32", 3, 0, 60}};
    struct speed_limits limits = make_limits();
    assert_int_equal(speed_limits_count(&limits), 6);
    for (size_t i = 0; i < 6; i++) {
        struct speed_record record = speed_limits_record(&limits, i, 4);
        assert_string_equal(record.test, expected[i].test);
        assert_string_equal(record.isa, "scalar");
        assert_int_equal(record.n_threads, expected[i].n_threads);
        assert_int_equal(record.repetition, 4);
        assert_percent(record.gb_per_s, expected[i].gb_per_s);
        assert_percent(record.gmac_per_s, expected[i].gmac_per_s);
        assert_true(speed_is_limit(record.test));
    }
    assert_false(speed_is_limit("decode"));
}

static void one_thread_and_all_are_always_measured(void **state)
{
    (void)state;
    struct err err = {0};
    struct speed_limits limits;
    const int64_t asked[] = {5, 1, 3};
    assert_done(speed_limits_init(&limits, ISA_SCALAR, asked, 3, &err), &err);
    bool has_all = false, has_five = false;
    for (size_t i = 0; i < limits.n; i++) {
        if (i) assert_true(limits.n_threads[i - 1] < limits.n_threads[i]);
        has_all = has_all || limits.n_threads[i] == engine_default_threads();
        has_five = has_five || limits.n_threads[i] == 5;
    }
    assert_int_equal(limits.n_threads[0], 1);
    assert_true(has_all && has_five);
    assert_false(limits.measured);
    speed_limits_done(&limits);
}

static void every_instruction_set_has_limits(void **state)
{
    (void)state;
    struct err err = {0};
    for (enum isa isa = ISA_SCALAR; isa < ISA_COUNT; isa++) {
        struct speed_limits limits;
        const int64_t asked = 2;
        if (!isa_available(isa)) continue;
        assert_done(speed_limits_init(&limits, isa, &asked, 1, &err), &err);
        assert_done(speed_limits_measure(&limits, &err), &err);
        assert_true(limits.measured);
        for (size_t i = 0; i < limits.n; i++) {
            assert_true(limits.latest[i].read_gb_per_s > 0);
            assert_true(limits.latest[i].int8_gmac_per_s > 0);
            assert_true(limits.latest[i].f32_gmac_per_s > 0);
        }
        speed_limits_done(&limits);
    }
}

static void numbers_of_threads_that_cannot_be_are_refused(void **state)
{
    (void)state;
    struct err err = {0};
    const int n_threads[] = {1, 0};
    struct machine_limits limits[2];
    assert_false(engine_measure_limits(ISA_SCALAR, n_threads, 2, limits, &err));
    assert_int_equal(err.code, ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_percentage_is_the_larger_share_of_the_two_limits),
        cmocka_unit_test(float_weights_are_held_against_floats),
        cmocka_unit_test(what_is_not_measured_has_no_percentage),
        cmocka_unit_test(limits_are_three_records_for_each_number_of_threads),
        cmocka_unit_test(one_thread_and_all_are_always_measured),
        cmocka_unit_test(every_instruction_set_has_limits),
        cmocka_unit_test(numbers_of_threads_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
