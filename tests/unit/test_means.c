/* test_means.c - means and their clustered errors against other implementations.
 *
 * Expected values: Python 3.11, scipy 1.17.1: stats.sem; the clustered error and the interval of
 * the macro average by double loops over the formulas in means.h (pairs of one cluster, times 4/3).
 */
#include "results/stats/means.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "results/stats/rates.h"
#include "tests/support/golden_values.h"

static const double SCORES[] = {1, 0, 1, 1, 0, 0, 1, 1, 1, 0, 0.5, 0.25};
static const uint32_t CLUSTERS[] = {0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 3, 3};

static void clustered_error_equals_the_double_sum(void **unused)
{
    (void)unused;
    assert_near(stats_clustered_error(SCORES, NULL, 12, 0), 0.1380498647283479, 1e-15);
    assert_near(stats_clustered_error(SCORES, CLUSTERS, 12, 4), 0.11998022599424302, 1e-15);
}

static void clusters_of_one_change_nothing(void **unused)
{
    (void)unused;
    uint32_t each[12];
    for (uint32_t i = 0; i < 12; i++) each[i] = 11 - i;
    assert_near(stats_clustered_error(SCORES, each, 12, 12), 0.1380498647283479, 1e-15);
}

static void equal_clusters_leave_only_their_number(void **unused)
{
    (void)unused;
    /* Ten copies of each of four scores tell as much as four scores. */
    double scores[40];
    uint32_t clusters[40];
    for (uint32_t i = 0; i < 40; i++) {
        clusters[i] = i / 10;
        scores[i] = i / 10 < 2;
    }
    double independent = stats_clustered_error(scores, NULL, 40, 0);
    double clustered = stats_clustered_error(scores, clusters, 40, 4);
    assert_near(independent, sqrt(0.25 / 39), 1e-15);
    assert_near(clustered, stats_clustered_error((double[]){1, 1, 0, 0}, NULL, 4, 0), 1e-15);
}

static void one_score_has_no_error(void **unused)
{
    (void)unused;
    assert_true(isnan(stats_clustered_error(SCORES, NULL, 1, 0)));
    struct estimate one = stats_estimate(SCORES, CLUSTERS, 1, 1);
    assert_true(one.mean == 1 && one.n == 1 && isnan(one.error));
    assert_near(one.interval.low, 0.20654931437723745, 1e-14);
}

static void estimate_takes_wilson_for_right_and_wrong_only(void **unused)
{
    (void)unused;
    struct estimate binary = stats_estimate(SCORES, CLUSTERS, 10, 1);
    assert_near(binary.mean, 0.6, 1e-15);
    assert_near(binary.interval.low, stats_wilson(6, 10).low, 0);
    assert_near(binary.error, stats_clustered_error(SCORES, NULL, 10, 0), 0);
    struct estimate graded = stats_estimate(SCORES, CLUSTERS, 12, 4);
    assert_near(graded.mean, 0.5625, 1e-15);
    assert_near(graded.error, 0.11998022599424302, 1e-15);
    assert_near(graded.interval.low, 0.5625 - 3.1824463052837078 * 0.11998022599424302, 1e-14);
    assert_near(graded.interval.high, 0.5625 + 3.1824463052837078 * 0.11998022599424302, 1e-14);
}

static void one_cluster_tells_nothing_of_the_error(void **unused)
{
    (void)unused;
    static const uint32_t same[12] = {0};
    struct estimate one = stats_mean_of_clusters(SCORES, same, 12, 1);
    assert_near(one.mean, 0.5625, 1e-15);
    assert_true(isnan(one.error) && isnan(one.interval.low) && isnan(one.interval.high));
    struct estimate four = stats_mean_of_clusters(SCORES, CLUSTERS, 12, 4);
    assert_near(four.interval.high, 0.5625 + 3.1824463052837078 * 0.11998022599424302, 1e-13);
}

static void a_share_of_clusters_has_wilsons_interval_of_fewer(void **unused)
{
    (void)unused;
    double scores[40];
    uint32_t alike[40], one[40] = {0};
    for (uint32_t i = 0; i < 40; i++) {
        alike[i] = i / 10;
        scores[i] = i / 10 < 2;
    }
    /* Ten copies of each of four scores: three, and fewer by the square of normal to Student. */
    double n = 3 * pow(1.959963984540054 / 3.1824463052837078, 2);
    struct estimate share = stats_clustered_share(scores, alike, 40, 4);
    assert_near(share.interval.low, stats_wilson_share(0.5, n).low, 1e-12);
    assert_near(share.interval.high, stats_wilson_share(0.5, n).high, 1e-12);
    assert_near(share.mean, 0.5, 0);
    struct estimate whole = stats_clustered_share(scores, one, 40, 1);
    assert_near(whole.interval.low, stats_wilson(20, 40).low, 1e-15);
    /* Where clusters are more even than chance, there are no more answers than there are. */
    for (uint32_t i = 0; i < 40; i++) scores[i] = i % 2;
    struct estimate even = stats_clustered_share(scores, alike, 40, 4);
    assert_near(even.interval.low, stats_wilson(20, 40).low, 1e-15);
}

static void f1_is_the_harmonic_mean_of_precision_and_recall(void **unused)
{
    (void)unused;
    /* 6 found, 1 wrongly, 3 missed. */
    const double overlap[] = {1, 1, 1, 1, 1, 1, 0, 0, 0, 0};
    double precision = 6 / 7.0, recall = 6 / 9.0;
    struct estimate share = stats_estimate(overlap, NULL, 10, 1), f1 = stats_f1(share);
    assert_near(f1.mean, 2 * precision * recall / (precision + recall), 1e-15);
    assert_near(f1.error, share.error * 2 / (1.6 * 1.6), 1e-15);
    assert_near(f1.interval.low, 2 * share.interval.low / (1 + share.interval.low), 1e-15);
    assert_near(f1.interval.high, 2 * share.interval.high / (1 + share.interval.high), 1e-15);
    assert_int_equal(f1.n, 10);
    assert_near(stats_f1(stats_estimate(overlap + 6, NULL, 4, 1)).mean, 0, 0);
}

static struct estimate part_of(uint64_t k, uint64_t n)
{
    double scores[100] = {0};
    for (uint64_t i = 0; i < k; i++) scores[i] = 1;
    return stats_estimate(scores, NULL, n, 1);
}

static void macro_average_recovers_the_variances_of_its_parts(void **unused)
{
    (void)unused;
    struct estimate parts[] = {part_of(3, 5), part_of(10, 10), part_of(20, 80)};
    struct estimate macro = stats_macro(parts, 3);
    assert_int_equal(macro.n, 95);
    assert_near(macro.mean, 0.6166666666666667, 1e-15);
    assert_near(macro.interval.low, 0.46028295229856114, 1e-14);
    assert_near(macro.interval.high, 0.7170718830717089, 1e-14);
    assert_near(macro.error, 0.08324890237616016, 1e-15);
    struct estimate alone = stats_macro(parts, 1);
    assert_near(alone.interval.low, parts[0].interval.low, 1e-15);
    assert_near(alone.interval.high, parts[0].interval.high, 1e-15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clustered_error_equals_the_double_sum),
        cmocka_unit_test(clusters_of_one_change_nothing),
        cmocka_unit_test(equal_clusters_leave_only_their_number),
        cmocka_unit_test(one_score_has_no_error),
        cmocka_unit_test(estimate_takes_wilson_for_right_and_wrong_only),
        cmocka_unit_test(one_cluster_tells_nothing_of_the_error),
        cmocka_unit_test(a_share_of_clusters_has_wilsons_interval_of_fewer),
        cmocka_unit_test(f1_is_the_harmonic_mean_of_precision_and_recall),
        cmocka_unit_test(macro_average_recovers_the_variances_of_its_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
