/* test_mersenne.c - the draws of Python's random.Random.
 *
 * Expected values were printed by Python 3.11: random.Random(1234).getrandbits(32), sample(...).
 */
#include "base/mersenne.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void words_are_those_of_python(void **unused)
{
    (void)unused;
    static const uint32_t expected[] = {4150886329u, 3342196574u, 1892932127u, 501869158u};
    struct mersenne mersenne;
    mersenne_seed(&mersenne, 1234);
    for (size_t i = 0; i < 4; i++) assert_int_equal(mersenne_next(&mersenne), expected[i]);
    mersenne_seed(&mersenne, 0);
    assert_int_equal(mersenne_next(&mersenne), 3626764237u);
    mersenne_seed(&mersenne, UINT32_MAX);
    assert_int_equal(mersenne_next(&mersenne), 2728839433u);
}

static void words_stay_those_of_python_when_all_are_used(void **unused)
{
    (void)unused;
    struct mersenne mersenne;
    uint32_t words[2000];
    mersenne_seed(&mersenne, 7);
    for (size_t i = 0; i < 2000; i++) words[i] = mersenne_next(&mersenne);
    assert_int_equal(words[623], 960836459u);
    assert_int_equal(words[624], 693491440u);
    assert_int_equal(words[1999], 2803521222u);
}

static void assert_sample(struct mersenne *mersenne, uint32_t n, uint32_t k,
                          const uint32_t *expected)
{
    uint32_t chosen[64], scratch[8837];
    mersenne_sample(mersenne, n, k, chosen, scratch);
    for (uint32_t i = 0; i < k; i++)
        if (chosen[i] != expected[i])
            fail_msg("draw %u of %u from %u is %u, not %u", i, k, n, chosen[i], expected[i]);
}

static void samples_follow_each_other_as_in_python(void **unused)
{
    (void)unused;
    static const uint32_t first[] = {7220, 1914, 122, 1485, 572},
                          second[] = {1375, 1612, 5810, 3879, 285}, third[] = {0, 9, 5},
                          fourth[] = {82, 79, 61, 78, 59, 19, 11, 23, 91, 14};
    static const uint32_t below[] = {865, 14, 515};
    struct mersenne mersenne;
    mersenne_seed(&mersenne, 1234);
    assert_sample(&mersenne, 8837, 5, first);
    assert_sample(&mersenne, 8837, 5, second);
    assert_sample(&mersenne, 10, 3, third);
    assert_sample(&mersenne, 100, 10, fourth);
    for (size_t i = 0; i < 3; i++) assert_int_equal(mersenne_below(&mersenne, 1000), below[i]);
}

/* Python deals from a pool up to a size that depends on how many are drawn, and else rejects. */
static void both_ways_to_sample_begin_where_they_do_in_python(void **unused)
{
    (void)unused;
    static const uint32_t pool_5[] = {14, 3, 0, 2, 1}, rejecting_5[] = {21, 2, 3, 11, 7},
                          pool_6[] = {2, 3, 84, 44, 79, 61},
                          rejecting_6[] = {78, 59, 19, 11, 23, 14};
    struct mersenne mersenne;
    mersenne_seed(&mersenne, 1234);
    assert_sample(&mersenne, 21, 5, pool_5);
    assert_sample(&mersenne, 22, 5, rejecting_5);
    assert_sample(&mersenne, 85, 6, pool_6);
    assert_sample(&mersenne, 86, 6, rejecting_6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_those_of_python),
        cmocka_unit_test(words_stay_those_of_python_when_all_are_used),
        cmocka_unit_test(samples_follow_each_other_as_in_python),
        cmocka_unit_test(both_ways_to_sample_begin_where_they_do_in_python),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
