/* test_simulations.c - each interval holds the truth about as often as it says.
 *
 * Few rounds of a fixed seed, which an interval that is much too narrow does not survive; the
 * figures of docs/statistics.md are those of `make check-coverage`.
 */
#include "tests/support/simulations.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { ROUNDS = 250, SEED = 1, N = 50 };

static void every_interval_holds_the_truth_about_as_often_as_it_says(void **unused)
{
    (void)unused;
    double noise = sqrt(0.95 * 0.05 / ROUNDS);
    for (size_t i = 0; i < N_SIMULATIONS; i++) {
        const struct simulation *simulation = &SIMULATIONS[i];
        if (simulation->claim == CLAIM_NONE) continue;
        double share = simulation_run(simulation, N, ROUNDS, SEED);
        if (share < 0.95 - 3 * noise)
            fail_msg("%s of %s: %g", simulation->statistic, simulation->population, share);
    }
}

/* Otherwise a simulation could not fail: looking again and again breaks a fixed n's interval. */
static void intervals_that_claim_nothing_are_found_out(void **unused)
{
    (void)unused;
    size_t n_found_out = 0;
    for (size_t i = 0; i < N_SIMULATIONS; i++)
        if (SIMULATIONS[i].claim == CLAIM_NONE)
            n_found_out += simulation_run(&SIMULATIONS[i], N, ROUNDS, SEED) < 0.85;
    assert_in_range(n_found_out, 2, N_SIMULATIONS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_interval_holds_the_truth_about_as_often_as_it_says),
        cmocka_unit_test(intervals_that_claim_nothing_are_found_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
