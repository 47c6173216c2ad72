/* test_several.c - several tests at once.
 *
 * Expected values by hand.
 */
#include "results/stats/several.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/golden_values.h"

static void holm_adjusts_in_steps_and_keeps_the_order(void **unused)
{
    (void)unused;
    double p[] = {0.01, 0.04, 0.03, 0.005, 0.8};
    static const double expected[] = {0.04, 0.09, 0.09, 0.025, 0.8};
    stats_holm(p, 5);
    for (size_t i = 0; i < 5; i++) assert_near(p[i], expected[i], 1e-15);
    double high[] = {0.6, 0.7};
    stats_holm(high, 2);
    assert_true(high[0] == 1 && high[1] == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holm_adjusts_in_steps_and_keeps_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
