/* test_sampler.c - filters keep what they should, ties go to lower ids, draws follow the seed
 * alone.
 *
 * Frequencies are compared within 4.5 standard deviations of 20000 draws of fixed seeds.
 */
#include "engine/engine.h"

#include "base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N = 8, N_DRAWS = 20000 };

/* Probabilities 0.30 0.05 0.20 0.10 0.15 0.10 0.08 0.02, as logits. */
static const double probabilities[N] = {0.30, 0.05, 0.20, 0.10, 0.15, 0.10, 0.08, 0.02};

static void fill_logits(float *logits, double temperature)
{
    for (size_t i = 0; i < N; i++) logits[i] = (float)(temperature * log(probabilities[i]));
}

static void count_picks(const struct sampling *sampling, const float *logits, size_t counts[N])
{
    struct sampler *sampler = sampler_new(sampling, N, NULL);
    assert_non_null(sampler);
    memset(counts, 0, N * sizeof *counts);
    for (int i = 0; i < N_DRAWS; i++) {
        int32_t id = sampler_pick(sampler, logits);
        assert_in_range(id, 0, N - 1);
        counts[id]++;
    }
    sampler_free(sampler);
}

/* Only ids of `kept` (a bit each) are drawn, each as often as its probability says. */
static void check_frequencies(const struct sampling *sampling, const float *logits, unsigned kept)
{
    size_t counts[N];
    double sum = 0;
    for (size_t i = 0; i < N; i++) sum += kept >> i & 1 ? probabilities[i] : 0;
    count_picks(sampling, logits, counts);
    for (size_t i = 0; i < N; i++) {
        if (kept >> i & 1) {
            double p = probabilities[i] / sum, deviation = sqrt(p * (1 - p) / N_DRAWS);
            assert_true(fabs((double)counts[i] / N_DRAWS - p) <= 4.5 * deviation);
        } else {
            assert_int_equal(counts[i], 0);
        }
    }
}

static void zero_temperature_takes_the_highest_and_the_lowest_id_of_equals(void **state)
{
    (void)state;
    struct sampling greedy = {.temperature = 0};
    struct sampler *sampler = sampler_new(&greedy, 4, NULL);
    assert_int_equal(sampler_pick(sampler, (float[]){1, 5, 5, 2}), 1);
    assert_int_equal(sampler_pick(sampler, (float[]){1, 2, 3, 4}), 3);
    sampler_free(sampler);
}

static void without_filters_draws_follow_the_probabilities(void **state)
{
    (void)state;
    float logits[N];
    fill_logits(logits, 1.0);
    check_frequencies(&(struct sampling){.temperature = 1, .top_p = 1, .seed = 1}, logits, 0xff);
    fill_logits(logits, 0.25);
    check_frequencies(&(struct sampling){.temperature = 0.25, .top_p = 1, .seed = 2}, logits, 0xff);
}

static void top_k_keeps_the_most_likely_and_lower_ids_of_equals(void **state)
{
    (void)state;
    float logits[N];
    fill_logits(logits, 1.0);
    struct sampling sampling = {.temperature = 1, .top_p = 1, .top_k = 3, .seed = 3};
    check_frequencies(&sampling, logits, 1 << 0 | 1 << 2 | 1 << 4);
    sampling.top_k = 4; /* ids 3 and 5 are equal */
    check_frequencies(&sampling, logits, 1 << 0 | 1 << 2 | 1 << 4 | 1 << 3);
    sampling.top_k = 100;
    check_frequencies(&sampling, logits, 0xff);
    sampling.top_k = 1;
    check_frequencies(&sampling, logits, 1 << 0);
}

static void top_p_keeps_the_fewest_that_reach_it(void **state)
{
    (void)state;
    float logits[N];
    fill_logits(logits, 1.0);
    struct sampling sampling = {.temperature = 1, .top_p = 0.49, .seed = 4};
    check_frequencies(&sampling, logits, 1 << 0 | 1 << 2);
    sampling.top_p = 0.51;
    check_frequencies(&sampling, logits, 1 << 0 | 1 << 2 | 1 << 4);
    sampling.top_p = 1e-9;
    check_frequencies(&sampling, logits, 1 << 0);
}

static void top_p_counts_what_top_k_left(void **state)
{
    (void)state;
    float logits[N];
    fill_logits(logits, 1.0);
    /* Of 0.30 0.20 0.15, renormalized 0.46 0.31 0.23, two reach 0.7; of all it would take four. */
    struct sampling sampling = {.temperature = 1, .top_k = 3, .top_p = 0.7, .seed = 5};
    check_frequencies(&sampling, logits, 1 << 0 | 1 << 2);
}

static void min_p_keeps_what_is_near_the_first(void **state)
{
    (void)state;
    float logits[N];
    fill_logits(logits, 1.0);
    struct sampling sampling = {.temperature = 1, .top_p = 1, .min_p = 0.3, .seed = 6};
    check_frequencies(&sampling, logits, 1 << 0 | 1 << 2 | 1 << 4 | 1 << 3 | 1 << 5);
    sampling.min_p = 1;
    check_frequencies(&sampling, logits, 1 << 0);
    sampling.min_p = 0.6;
    sampling.top_p = 0.4;
    check_frequencies(&sampling, logits, 1 << 0 | 1 << 2);
}

static void filters_see_probabilities_after_the_temperature(void **state)
{
    (void)state;
    float logits[N];
    fill_logits(logits, 0.5); /* 0.30 and 0.20 again only at temperature 0.5 */
    struct sampling sampling = {.temperature = 0.5, .top_p = 0.49, .seed = 7};
    check_frequencies(&sampling, logits, 1 << 0 | 1 << 2);
}

static void the_i_th_draw_depends_on_seed_and_i_only(void **state)
{
    (void)state;
    float logits[N], certain[N] = {0, 0, 0, 900};
    fill_logits(logits, 1.0);
    struct sampling sampling = {.temperature = 1, .top_p = 1, .seed = 42};
    struct sampler *a = sampler_new(&sampling, N, NULL), *b = sampler_new(&sampling, N, NULL);
    sampling.seed = 43;
    struct sampler *other = sampler_new(&sampling, N, NULL);
    size_t n_different = 0;
    for (int i = 0; i < 200; i++) {
        /* b drew from something else on odd calls, and from infinities on some. */
        float infinite[N] = {0, INFINITY};
        if (i % 2) {
            sampler_pick(a, logits);
            assert_int_equal(sampler_pick(b, i % 3 ? certain : infinite), i % 3 ? 3 : 1);
            sampler_pick(other, logits);
            continue;
        }
        int32_t id = sampler_pick(a, logits);
        assert_int_equal(sampler_pick(b, logits), id);
        n_different += sampler_pick(other, logits) != id;
    }
    assert_true(n_different > 50);
    sampler_free(a);
    sampler_free(b);
    sampler_free(other);
}

static void the_draw_walks_candidates_in_order_of_their_logits(void **state)
{
    (void)state;
    float logits[N];
    static const int32_t order[N] = {0, 2, 4, 3, 5, 6, 1, 7};
    fill_logits(logits, 1.0);
    struct sampling sampling = {.temperature = 1, .top_p = 1, .seed = 9};
    struct sampler *sampler = sampler_new(&sampling, N, NULL);
    struct rng rng = {.state = 9};
    for (int i = 0; i < 1000; i++) {
        double left = rng_uniform(&rng);
        size_t n = 0;
        while ((left -= probabilities[order[n]]) >= 0) n++;
        assert_true(n < N);
        assert_int_equal(sampler_pick(sampler, logits), order[n]);
    }
    sampler_free(sampler);
}

static void tokens_without_a_number_or_far_below_are_never_drawn(void **state)
{
    (void)state;
    float logits[N] = {0, NAN, -INFINITY, 0, -1e30f, 0, NAN, -INFINITY};
    size_t counts[N];
    count_picks(&(struct sampling){.temperature = 1.5, .top_p = 1, .seed = 8}, logits, counts);
    for (size_t i = 0; i < N; i++) assert_true((counts[i] > 0) == (i == 0 || i == 3 || i == 5));
    float none[N];
    for (size_t i = 0; i < N; i++) none[i] = -INFINITY;
    count_picks(&(struct sampling){.temperature = 1, .top_p = 0.5, .top_k = 2}, none, counts);
    assert_int_equal(counts[0], N_DRAWS);
}

static void values_out_of_range_are_refused(void **state)
{
    (void)state;
    static const struct sampling bad[] = {
        {.temperature = -1, .top_p = 1},
        {.temperature = NAN, .top_p = 1},
        {.temperature = INFINITY, .top_p = 1},
        {.temperature = 1, .top_p = 0},
        {.temperature = 1, .top_p = 1.5},
        {.temperature = 1, .top_p = NAN},
        {.temperature = 1, .top_p = 1, .top_k = -1},
        {.temperature = 1, .top_p = 1, .min_p = -0.1},
        {.temperature = 1, .top_p = 1, .min_p = 2},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err err = {0};
        assert_null(sampler_new(&bad[i], N, &err));
        assert_int_equal(err.code, ERR_USAGE);
    }
    sampler_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zero_temperature_takes_the_highest_and_the_lowest_id_of_equals),
        cmocka_unit_test(without_filters_draws_follow_the_probabilities),
        cmocka_unit_test(top_k_keeps_the_most_likely_and_lower_ids_of_equals),
        cmocka_unit_test(top_p_keeps_the_fewest_that_reach_it),
        cmocka_unit_test(top_p_counts_what_top_k_left),
        cmocka_unit_test(min_p_keeps_what_is_near_the_first),
        cmocka_unit_test(filters_see_probabilities_after_the_temperature),
        cmocka_unit_test(the_i_th_draw_depends_on_seed_and_i_only),
        cmocka_unit_test(the_draw_walks_candidates_in_order_of_their_logits),
        cmocka_unit_test(tokens_without_a_number_or_far_below_are_never_drawn),
        cmocka_unit_test(values_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
