/* test_ab_verdict.c - verdicts on blocks whose truth is known: made-up rates with made-up noise.
 *
 * What is said of errors and coverage is counted over many such experiments.
 */
#include "harness/run/ab_verdict.h"

#include "base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const double MARGIN = 0.02;
static const struct ab_rule RULE = {.margin = 0.02, .n_tests = 1};

/* What makes an experiment: how B and A again differ from A in truth (logarithms), the noise of a
 * process, and how much of it the next one keeps. */
struct truth {
    double b, again, noise, kept;
};

static double normal(struct rng *rng)
{
    double u = rng_uniform(rng), v = rng_uniform(rng);
    return sqrt(-2 * log1p(-u)) * cos(2 * 3.14159265358979 * v);
}

static void add_blocks(struct ab_series *series, size_t n, const struct truth *truth,
                       struct rng *rng)
{
    const double shift[AB_ARMS] = {[AB_AGAIN] = truth->again, [AB_B] = truth->b};
    double noise[AB_ARMS] = {0}, fresh = sqrt(1 - truth->kept * truth->kept);
    for (size_t i = series->n, end = i + n; i < end; i++)
        for (enum ab_arm arm = AB_A; arm < AB_ARMS; arm++) {
            noise[arm] = truth->kept * noise[arm] + fresh * truth->noise * normal(rng);
            assert_true(ab_series_put(series, i, arm, 1000 * exp(shift[arm] + noise[arm]), NULL));
        }
}

static enum ab_verdict judge(const struct truth *truth, size_t n, struct rng *rng,
                             enum ab_reason *reason)
{
    struct ab_series series = {0};
    add_blocks(&series, n, truth, rng);
    struct ab_comparison comparison = ab_compare(&series);
    assert_int_equal(comparison.n, n);
    enum ab_verdict verdict = ab_judge(&series, &comparison, &RULE, reason);
    free(series.blocks);
    return verdict;
}

/* How many of 200 experiments of n blocks end in the verdict. */
static int count(struct truth truth, size_t n, enum ab_verdict verdict)
{
    struct rng rng = {1};
    enum ab_reason reason;
    int found = 0;
    for (int i = 0; i < 200; i++) found += judge(&truth, n, &rng, &reason) == verdict;
    return found;
}

static void what_is_true_is_found(void **unused)
{
    (void)unused;
    assert_true(count((struct truth){.b = -0.06, .noise = 0.01}, 24, AB_SLOWER) >= 198);
    assert_true(count((struct truth){.b = -0.01, .noise = 0.003}, 24, AB_SLOWER_WITHIN) >= 195);
    assert_true(count((struct truth){.b = 0.05, .noise = 0.01}, 24, AB_FASTER) >= 198);
    assert_true(count((struct truth){.noise = 0.005}, 24, AB_SAME) >= 185);
    assert_true(count((struct truth){.noise = 0.3}, 24, AB_CANNOT_TELL) >= 185);
}

static void the_same_binary_is_rarely_slower_however_large_the_noise(void **unused)
{
    (void)unused;
    int n = 0, n_all = 0;
    for (double noise = 0.001; noise < 0.5; noise *= 4)
        for (double kept = 0; kept < 0.8; kept += 0.35)
            n_all += 200, n += count((struct truth){.noise = noise, .kept = kept}, 18, AB_SLOWER);
    assert_true(n * 200 <= n_all);
    assert_int_equal(count((struct truth){.noise = 0.01}, 18, AB_SLOWER), 0);
}

static void slower_by_the_margin_alone_is_rarely_called_slower(void **unused)
{
    (void)unused;
    const double limit = log1p(-MARGIN);
    assert_true(count((struct truth){.b = limit, .noise = 0.01}, 12, AB_SLOWER) <= 8);
    assert_true(count((struct truth){.b = limit, .noise = 0.01}, 60, AB_SLOWER) <= 8);
    assert_true(count((struct truth){.b = limit, .noise = 0.01, .kept = 0.5}, 40, AB_SLOWER) <= 12);
}

static void what_the_same_binary_does_as_well_is_no_verdict(void **unused)
{
    (void)unused;
    struct rng rng = {3};
    enum ab_reason reason;
    const struct truth disturbed = {.b = -0.06, .again = -0.04, .noise = 0.003};
    assert_int_equal(judge(&disturbed, 24, &rng, &reason), AB_CANNOT_TELL);
    assert_int_equal(reason, AB_DISTURBED);
    const struct truth other_way = {.b = -0.03, .again = 0.04, .noise = 0.003};
    assert_int_equal(judge(&other_way, 24, &rng, &reason), AB_CANNOT_TELL);
    assert_int_equal(reason, AB_DISTURBED);
    const struct truth far_slower = {.b = -0.3, .again = -0.04, .noise = 0.003};
    assert_int_equal(judge(&far_slower, 24, &rng, &reason), AB_SLOWER);
    assert_int_equal(reason, AB_CLEAR);
}

static void the_reason_says_what_is_missing(void **unused)
{
    (void)unused;
    struct rng rng = {4};
    enum ab_reason reason;
    assert_int_equal(judge(&(struct truth){.b = -1, .noise = 0.01}, 5, &rng, &reason),
                     AB_CANNOT_TELL);
    assert_int_equal(reason, AB_FEW_BLOCKS);
    assert_int_equal(judge(&(struct truth){.b = -0.02, .noise = 0.005}, 24, &rng, &reason),
                     AB_CANNOT_TELL);
    assert_int_equal(reason, AB_STRADDLES);
    assert_int_equal(judge(&(struct truth){.noise = 0.1}, 12, &rng, &reason), AB_CANNOT_TELL);
    assert_int_equal(reason, AB_WIDE);
}

/* Looks after every block; whether it ever calls B slower. */
static bool peeks(const struct truth *truth, size_t n_most, struct rng *rng, size_t *n)
{
    struct ab_series series = {0};
    bool is_slower = false;
    for (*n = 0; *n < n_most && !is_slower; ++*n) {
        add_blocks(&series, 1, truth, rng);
        struct ab_comparison comparison = ab_compare(&series);
        is_slower = ab_is_proved_slower(&series, &comparison, &RULE);
    }
    free(series.blocks);
    return is_slower;
}

static void looking_after_every_block_errs_in_five_percent_at_most(void **unused)
{
    (void)unused;
    struct rng rng = {5};
    size_t n, n_wrong = 0, n_sum = 0;
    for (int i = 0; i < 200; i++)
        n_wrong += peeks(&(struct truth){.b = log1p(-MARGIN), .noise = 0.01}, 48, &rng, &n);
    assert_true(n_wrong <= 10);
    for (int i = 0; i < 50; i++) {
        assert_true(peeks(&(struct truth){.b = -0.08, .noise = 0.01}, 48, &rng, &n));
        n_sum += n;
    }
    assert_true(n_sum < 50 * 12); /* and what is far slower is found early */
}

static void correlated_blocks_are_seen_and_widen_the_interval(void **unused)
{
    (void)unused;
    struct rng rng = {6};
    int n_seen = 0, n_covered = 0;
    for (int i = 0; i < 200; i++) {
        struct ab_series series = {0};
        add_blocks(&series, 40, &(struct truth){.noise = 0.02, .kept = 0.6}, &rng);
        struct ab_comparison comparison = ab_compare(&series);
        n_seen += comparison.is_correlated;
        n_covered += comparison.decisive.low <= 0 && comparison.decisive.high >= 0;
        free(series.blocks);
    }
    assert_true(n_seen >= 180);
    assert_true(n_covered >= 186);
}

static void blocks_without_a_value_are_left_out(void **unused)
{
    (void)unused;
    struct rng rng = {7};
    struct ab_series series = {0};
    add_blocks(&series, 10, &(struct truth){.noise = 0.01}, &rng);
    assert_true(ab_series_put(&series, 12, AB_A, 1000, NULL));
    series.blocks[3].value[AB_B] = 0;
    assert_int_equal(series.n, 13);
    struct ab_comparison comparison = ab_compare(&series);
    assert_int_equal(comparison.n, 9);
    assert_float_equal(comparison.median[AB_A], 1000, 30);
    assert_true(comparison.decisive.low <= comparison.b.interval.low);
    free(series.blocks);
    const struct ab_series none = {0};
    comparison = ab_compare(&none);
    enum ab_reason reason;
    assert_int_equal(comparison.n, 0);
    assert_int_equal(ab_judge(&none, &comparison, &RULE, &reason), AB_CANNOT_TELL);
    assert_false(ab_is_proved_slower(&none, &comparison, &RULE));
}

static void it_says_how_many_blocks_it_would_take(void **unused)
{
    (void)unused;
    struct ab_comparison comparison = {
        .n = 20, .b.mean = 0, .decisive = {-2 * log(1 / 0.98), 2 * log(1 / 0.98)}};
    assert_int_equal(ab_blocks_needed(&comparison, MARGIN), 80);
    comparison.b.mean = log1p(-MARGIN);
    assert_int_equal(ab_blocks_needed(&comparison, MARGIN), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_true_is_found),
        cmocka_unit_test(the_same_binary_is_rarely_slower_however_large_the_noise),
        cmocka_unit_test(slower_by_the_margin_alone_is_rarely_called_slower),
        cmocka_unit_test(what_the_same_binary_does_as_well_is_no_verdict),
        cmocka_unit_test(the_reason_says_what_is_missing),
        cmocka_unit_test(looking_after_every_block_errs_in_five_percent_at_most),
        cmocka_unit_test(correlated_blocks_are_seen_and_widen_the_interval),
        cmocka_unit_test(blocks_without_a_value_are_left_out),
        cmocka_unit_test(it_says_how_many_blocks_it_would_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
