/* test_early_stop.c - in which order items are asked, when one looks, and that an interval which is
 * looked at again and again still holds the truth; the portions that a job asks by it.
 */
#include "results/early_stop.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/rng.h"
#include "harness/run/portions.h"
#include "results/stats/sequential.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N_ITEMS = 700 };

/* ---- Order ---- */

/* By Python's hashlib: the first 8 bytes of sha256(sha256(hash) + sha256(key)). */
static void ranks_are_those_of_the_hashes(void **state)
{
    (void)state;
    static const char HASH[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    assert_true(early_stop_rank(HASH, "anatomy/1") == UINT64_C(0x538049c4920ae83e));
    assert_true(early_stop_rank(HASH, "anatomy/2") == UINT64_C(0x614affd02d2fa433));
    assert_true(early_stop_rank(HASH, "birds/17") == UINT64_C(0xb2d7d165c3c78dcd));
    assert_true(early_stop_rank("other", "birds/17") != UINT64_C(0xb2d7d165c3c78dcd));
}

static void looks_get_rarer_and_end_with_the_items(void **state)
{
    (void)state;
    static const size_t FIRST[] = {64, 128, 192, 256, 320, 384, 448, 512, 576, 640};
    size_t n = 0, n_looks = 0, before = 0;
    for (size_t i = 0; i < sizeof FIRST / sizeof *FIRST; i++)
        assert_int_equal(n = early_stop_next(n, 14042), FIRST[i]);
    for (n = 0; n < 14042; n_looks++) {
        before = n;
        n = early_stop_next(n, 14042);
        assert_true(n > before && n - before <= 512 && (n % 64 == 0 || n == 14042));
    }
    assert_true(n_looks > 30 && n_looks < 60);
    assert_int_equal(early_stop_next(0, 10), 10);
    assert_int_equal(early_stop_next(64, 128), 128);
    assert_int_equal(early_stop_next(1024, 1100), 1100);
}

/* ---- Intervals ---- */

static void rates_and_shares_have_intervals_of_their_own(void **state)
{
    (void)state;
    double scores[100];
    for (size_t i = 0; i < 100; i++) scores[i] = i % 4 == 0;
    struct interval interval = early_stop_interval(scores, 100),
                    rate = stats_sequential_rate(25, 100);
    assert_true(interval.low == rate.low && interval.high == rate.high);
    scores[7] = 0.5;
    struct interval mean = stats_sequential_mean(scores, 100);
    interval = early_stop_interval(scores, 100);
    assert_true(interval.low == mean.low && interval.high == mean.high);
    assert_true(early_stop_is_reached((struct interval){0.25, 0.75}, 0.25));
    assert_false(early_stop_is_reached((struct interval){0.25, 0.75}, 0.2499));
    assert_false(early_stop_is_reached(early_stop_interval(scores, 0), 0.49));
}

/* 400 runs at each rate, each stopped where its interval is narrow enough: in at most 5% it may
 * miss the rate. Fewer than 5% of 400 and three standard deviations, 13, are 33. */
static void stopping_when_it_is_narrow_misses_in_at_most_one_of_twenty(void **state)
{
    (void)state;
    static const double RATES[] = {0.05, 0.3, 0.5};
    enum { N_RUNS = 400 };
    double scores[N_ITEMS];
    struct rng rng = {.state = 16};
    for (size_t r = 0; r < sizeof RATES / sizeof *RATES; r++) {
        int n_missed = 0, n_early = 0;
        for (int run = 0; run < N_RUNS; run++) {
            for (size_t i = 0; i < N_ITEMS; i++) scores[i] = rng_uniform(&rng) < RATES[r];
            size_t n = early_stop_next(0, N_ITEMS);
            struct interval interval = early_stop_interval(scores, n);
            while (n < N_ITEMS && !early_stop_is_reached(interval, 0.07)) {
                n = early_stop_next(n, N_ITEMS);
                interval = early_stop_interval(scores, n);
            }
            n_early += n < N_ITEMS;
            n_missed += RATES[r] < interval.low || RATES[r] > interval.high;
        }
        if (n_missed > 33 || n_early < N_RUNS / 2)
            fail_msg("at %g: %d of %d missed, %d early", RATES[r], n_missed, N_RUNS, n_early);
    }
}

/* ---- Portions ---- */

struct fixture {
    struct arena *arena;
    struct item *items;
    struct dataset dataset;
};

static void make_dataset(struct fixture *fixture)
{
    fixture->arena = arena_new(0, NULL);
    fixture->items = arena_alloc(fixture->arena, N_ITEMS, sizeof *fixture->items, NULL);
    assert_non_null(fixture->items);
    for (size_t i = 0; i < N_ITEMS; i++)
        fixture->items[i].key = arena_printf(fixture->arena, NULL, "item/%zu", i);
    fixture->dataset =
        (struct dataset){.items = fixture->items, .n_items = N_ITEMS, .data_hash = "data"};
}

static void without_a_precision_all_items_are_one_portion(void **state)
{
    (void)state;
    struct fixture fixture;
    struct portions portions;
    make_dataset(&fixture);
    assert_true(portions_init(&portions, &fixture.dataset, 0, NULL));
    assert_true(portions_next(&portions));
    assert_int_equal(portions.begin, 0);
    assert_int_equal(portions.end, N_ITEMS);
    for (size_t i = 0; i < N_ITEMS; i++) assert_int_equal(portions.order[i], i);
    assert_false(portions_next(&portions));
    assert_int_equal(portions_precise(&portions), 0);
    portions_done(&portions);
    arena_free(fixture.arena);
}

/* Gives every item of the portion its score. */
static void answer(struct portions *portions, bool is_right(size_t i_item))
{
    for (size_t i = portions->begin; i < portions->end; i++)
        portions->scores[portions->order[i]] = is_right(portions->order[i]);
}

static bool is_even(size_t i_item)
{
    return i_item % 2 == 0;
}

static bool is_always(size_t i_item)
{
    (void)i_item;
    return true;
}

static void a_precision_that_is_not_reached_asks_every_item_once(void **state)
{
    (void)state;
    struct fixture fixture;
    struct portions portions;
    int n_asked[N_ITEMS] = {0};
    size_t n_portions = 0, n_in_place = 0;
    make_dataset(&fixture);
    assert_true(portions_init(&portions, &fixture.dataset, 0.001, NULL));
    for (; portions_next(&portions); n_portions++) {
        for (size_t i = portions.begin; i < portions.end; i++) n_asked[portions.order[i]]++;
        answer(&portions, is_even);
    }
    for (size_t i = 0; i < N_ITEMS; i++) assert_int_equal(n_asked[i], 1);
    for (size_t i = 0; i < N_ITEMS; i++) n_in_place += portions.order[i] == i;
    assert_true(n_portions > 8 && n_in_place < 20);
    assert_int_equal(portions_precise(&portions), 0);
    portions_done(&portions);
    arena_free(fixture.arena);
}

/* The order of 12 items by the ranks that Python finds. */
static void asking_ends_at_the_first_look_that_is_precise_enough(void **state)
{
    (void)state;
    static const size_t ORDER[] = {11, 7, 10, 2, 3, 6, 9, 0, 1, 5, 8, 4};
    struct fixture fixture;
    struct portions portions;
    size_t n_right = 0;
    make_dataset(&fixture);
    fixture.dataset.n_items = 12;
    assert_true(portions_init(&portions, &fixture.dataset, 0.1, NULL));
    assert_memory_equal(portions.order, ORDER, sizeof ORDER);
    portions_done(&portions);
    fixture.dataset.n_items = N_ITEMS;
    assert_true(portions_init(&portions, &fixture.dataset, 0.1, NULL));
    while (portions_next(&portions)) answer(&portions, is_even);
    size_t n = portions_precise(&portions);
    assert_true(n > 64 && n < N_ITEMS && n % 64 == 0);
    for (size_t i = 0; i < n; i++) n_right += is_even(portions.order[i]);
    assert_true(early_stop_is_reached(stats_sequential_rate(n_right, n), 0.1));
    for (size_t i = n - 64; i < n; i++) n_right -= is_even(portions.order[i]);
    assert_false(early_stop_is_reached(stats_sequential_rate(n_right, n - 64), 0.1));
    portions_done(&portions);
    assert_true(portions_init(&portions, &fixture.dataset, 0.1, NULL));
    while (portions_next(&portions)) answer(&portions, is_always);
    assert_true(portions_precise(&portions) && portions_precise(&portions) < n);
    portions_done(&portions);
    arena_free(fixture.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_are_those_of_the_hashes),
        cmocka_unit_test(looks_get_rarer_and_end_with_the_items),
        cmocka_unit_test(rates_and_shares_have_intervals_of_their_own),
        cmocka_unit_test(stopping_when_it_is_narrow_misses_in_at_most_one_of_twenty),
        cmocka_unit_test(without_a_precision_all_items_are_one_portion),
        cmocka_unit_test(a_precision_that_is_not_reached_asks_every_item_once),
        cmocka_unit_test(asking_ends_at_the_first_look_that_is_precise_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
