/* test_machine.c - what other programs take of the machine, between two moments of it.
 *
 * The moments are made up, but for one pair, of which only what must hold anywhere is asked.
 */
#include "harness/run/machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const int64_t SECOND = 1000000000;

/* The share of others in two seconds of four processors that were busy for busy_s, this process for
 * own_s and its children for child_s. */
static double share(double busy_s, double own_s, double child_s)
{
    const struct machine_moment begin = {5 * SECOND, SECOND, 100, 4};
    const struct machine_moment end = {7 * SECOND, SECOND + (int64_t)(own_s * 1e9), 100 + busy_s,
                                       4};
    return machine_foreign_share(&begin, &end, (int64_t)(child_s * 1e9));
}

static void others_have_what_is_busy_and_not_our_own(void **unused)
{
    (void)unused;
    assert_float_equal(share(8, 0, 0), 1, 1e-9);
    assert_float_equal(share(6, 4, 0), 0.25, 1e-9);
    assert_float_equal(share(6, 1, 3), 0.25, 1e-9);
    assert_float_equal(share(4, 4, 0), 0, 1e-9);
    assert_float_equal(share(3.99, 4, 0), 0, 0); /* a tick that is not counted yet */
    assert_float_equal(share(9, 0, 0), 1, 0);
}

static void what_cannot_be_known_is_unknown(void **unused)
{
    (void)unused;
    const struct machine_moment begin = {0, 0, 10, 2};
    struct machine_moment end = {SECOND, 0, 11, 2};
    assert_float_equal(machine_foreign_share(&begin, &end, 0), 0.5, 1e-9);
    end.at_ns = SECOND / 1000; /* a tick of /proc/stat is a hundredth of a second or so */
    assert_float_equal(machine_foreign_share(&begin, &end, 0), SPEED_SHARE_UNKNOWN, 0);
    end = (struct machine_moment){SECOND, 0, -1, 2};
    assert_float_equal(machine_foreign_share(&begin, &end, 0), SPEED_SHARE_UNKNOWN, 0);
    end = (struct machine_moment){SECOND, 0, 11, 2};
    const struct machine_moment hidden = {0, 0, -1, 2};
    assert_float_equal(machine_foreign_share(&hidden, &end, 0), SPEED_SHARE_UNKNOWN, 0);
}

static void moments_of_this_machine_go_forward(void **unused)
{
    (void)unused;
    struct machine_moment begin = machine_now(), end = machine_now();
    assert_true(end.at_ns >= begin.at_ns && end.own_cpu_ns >= begin.own_cpu_ns);
    assert_true(begin.busy_s < 0 || end.busy_s >= begin.busy_s);
    assert_true(begin.n_processors >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(others_have_what_is_busy_and_not_our_own),
        cmocka_unit_test(what_cannot_be_known_is_unknown),
        cmocka_unit_test(moments_of_this_machine_go_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
