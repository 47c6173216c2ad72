/* test_rng.c - random numbers that are the same on every machine.
 *
 * Reference values: SplitMix64 as published, state 1234567 (its first outputs are listed by several
 * independent implementations).
 */
#include "base/rng.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static void rng_next_gives_the_published_sequence(void **state)
{
    (void)state;
    struct rng rng = {1234567};
    assert_true(rng_next(&rng) == UINT64_C(6457827717110365317));
    assert_true(rng_next(&rng) == UINT64_C(3203168211198807973));
    assert_true(rng_next(&rng) == UINT64_C(9817491932198370423));
    assert_true(rng_next(&rng) == UINT64_C(4593380528125082431));
    assert_true(rng_next(&rng) == UINT64_C(16408922859458223821));
}

static void rng_uniform_stays_below_one_and_spreads(void **state)
{
    (void)state;
    struct rng rng = {5};
    double sum = 0;
    for (int i = 0; i < 10000; i++) {
        double x = rng_uniform(&rng);
        assert_true(x >= 0 && x < 1);
        sum += x;
    }
    assert_true(sum > 4800 && sum < 5200);
}

static void rng_below_covers_its_range_evenly(void **state)
{
    (void)state;
    struct rng rng = {7};
    unsigned counts[7] = {0};
    for (int i = 0; i < 70000; i++) {
        uint64_t x = rng_below(&rng, 7);
        assert_true(x < 7);
        counts[x]++;
    }
    for (int i = 0; i < 7; i++) assert_in_range(counts[i], 9600, 10400);
}

static void rng_below_handles_the_ends_of_its_range(void **state)
{
    (void)state;
    struct rng rng = {9};
    for (int i = 0; i < 100; i++) {
        assert_int_equal(rng_below(&rng, 1), 0);
        assert_true(rng_below(&rng, UINT64_MAX) < UINT64_MAX);
    }
}

/* With n = 3 * 2^62 a quarter of the words must be drawn again: taking floor(3w / 4) of every word
 * w would give a multiple of 3 for half of them. */
static void rng_below_is_unbiased_for_huge_ranges(void **state)
{
    (void)state;
    struct rng rng = {11};
    const uint64_t third = UINT64_C(1) << 62;
    unsigned counts[3] = {0}, n_multiples = 0;
    for (int i = 0; i < 30000; i++) {
        uint64_t x = rng_below(&rng, 3 * third);
        assert_true(x < 3 * third);
        counts[x / third]++;
        n_multiples += x % 3 == 0;
    }
    for (int i = 0; i < 3; i++) assert_in_range(counts[i], 9600, 10400);
    assert_in_range(n_multiples, 9600, 10400);
}

static void rng_shuffle_puts_every_number_once_and_differs_by_seed(void **state)
{
    (void)state;
    enum { N = 50 };
    size_t orders[2][N];
    for (size_t k = 0; k < 2; k++) {
        struct rng rng = {k};
        bool seen[N] = {false};
        rng_shuffle(&rng, orders[k], N);
        for (size_t i = 0; i < N; i++) {
            assert_true(orders[k][i] < N && !seen[orders[k][i]]);
            seen[orders[k][i]] = true;
        }
    }
    assert_memory_not_equal(orders[0], orders[1], sizeof orders[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rng_next_gives_the_published_sequence),
        cmocka_unit_test(rng_uniform_stays_below_one_and_spreads),
        cmocka_unit_test(rng_below_covers_its_range_evenly),
        cmocka_unit_test(rng_below_handles_the_ends_of_its_range),
        cmocka_unit_test(rng_below_is_unbiased_for_huge_ranges),
        cmocka_unit_test(rng_shuffle_puts_every_number_once_and_differs_by_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
