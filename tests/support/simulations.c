/* simulations.c - see simulations.h.
 *
 * Populations resemble what phibench measures: graded answers, flips, log-probabilities, speeds.
 * A rate is drawn anew for each experiment, since at one rate the coverage of counts depends on
 * how n and the rate happen to fit.
 */
#include "tests/support/simulations.h"

#include "base/mem.h"
#include "results/stats/bootstrap.h"
#include "results/stats/means.h"
#include "results/stats/order.h"
#include "results/stats/permutation.h"
#include "results/stats/ranks.h"
#include "results/stats/rates.h"
#include "results/stats/sequential.h"

#include <math.h>
#include <stdlib.h>

enum { ROUNDS = 999, N_LOOKS = 50 };

static bool holds(struct interval interval, double truth)
{
    return interval.low <= truth && truth <= interval.high;
}

/* ---- populations ---- */

/* Standard normal (Box and Muller 1958). */
static double draw_normal(struct rng *rng)
{
    double length = sqrt(-2 * log(1 - rng_uniform(rng)));
    return length * cos(2 * M_PI * rng_uniform(rng));
}

static uint64_t draw_count(struct rng *rng, size_t n, double rate)
{
    uint64_t count = 0;
    for (size_t i = 0; i < n; i++) count += rng_uniform(rng) < rate;
    return count;
}

/* A graded answer in 0..1: right, wrong, or in part. */
static const double MEAN_SCORE = 0.20 + 0.55 * (0.5 + 0.75) / 2;
static double draw_score(struct rng *rng)
{
    double u = rng_uniform(rng);
    return u < 0.25 ? 0 : u < 0.45 ? 1 : rng_uniform(rng) < 0.5 ? 0.5 : 0.5 + rng_uniform(rng) / 2;
}

/* What a score changes by: nothing in 70 of 100 items. */
static const double MEAN_CHANGE = 0.03;
static double draw_change(struct rng *rng)
{
    return rng_uniform(rng) < 0.7 ? 0 : 2 * rng_uniform(rng) - 0.9;
}

/* Student's t with 3 degrees of freedom: what log-probabilities change by, with far outliers. */
static double draw_heavy(struct rng *rng)
{
    double squares = 0;
    for (int i = 0; i < 3; i++) {
        double normal = draw_normal(rng);
        squares += normal * normal;
    }
    return draw_normal(rng) / sqrt(squares / 3);
}

/* Tokens per second of a block, slower in one of ten; half of them are above 100. */
static double draw_speed(struct rng *rng)
{
    double speed = 100 * exp(0.02 * draw_normal(rng));
    return rng_uniform(rng) < 0.1 ? speed * (0.8 + 0.4 * rng_uniform(rng)) : speed;
}

static double draw_exponential(struct rng *rng)
{
    return -log(1 - rng_uniform(rng));
}

typedef double draw_fn(struct rng *rng);

static const double *fill(struct experiment *experiment, double *values, draw_fn *draw)
{
    for (size_t i = 0; i < experiment->n; i++) values[i] = draw(&experiment->rng);
    return values;
}

/* Values [n] that share a normal effect of their cluster, a fifth of their variance; the sizes of
 * clusters differ by a factor of 2. */
static void fill_clusters(struct rng *rng, double *values, uint32_t *cluster, size_t n,
                          size_t n_clusters)
{
    size_t at = 0;
    for (size_t c = 0; c < n_clusters; c++) {
        double share = (double)(2 * n_clusters + 2 * c) / (double)(3 * n_clusters - 1);
        double effect = 0.5 * draw_normal(rng);
        size_t size = (size_t)lrint(share * (double)n / (double)n_clusters);
        size_t end = c + 1 == n_clusters ? n : at + size;
        for (; at < end && at < n; at++) {
            cluster[at] = (uint32_t)c;
            values[at] = effect + draw_normal(rng);
        }
    }
}

/* How many clusters n values lie in: as many as MMLU has subjects, where n is large enough. */
static size_t clusters_of(size_t n)
{
    return n <= 50 ? 10 : 57;
}

/* Noise of which each value keeps a share of the one before. */
static const double *fill_series(struct experiment *experiment, double kept)
{
    double value = draw_normal(&experiment->rng) / sqrt(1 - kept * kept);
    for (size_t i = 0; i < experiment->n; i++) {
        experiment->a[i] = value;
        value = kept * value + draw_normal(&experiment->rng);
    }
    return experiment->a;
}

/* ---- rates ---- */

static bool wilson(struct experiment *experiment)
{
    double rate = 0.05 + 0.9 * rng_uniform(&experiment->rng);
    return holds(stats_wilson(draw_count(&experiment->rng, experiment->n, rate), experiment->n),
                 rate);
}

/* Right and wrong answers, six about each picture; to half of the pictures all six are the same. */
static bool clustered_share(struct experiment *experiment)
{
    enum { SIZE = 6 };
    struct rng *rng = &experiment->rng;
    size_t n = experiment->n;
    double rate = 0.1 + 0.8 * rng_uniform(rng), *scores = experiment->a;
    uint32_t *cluster = mem_new_or_end(n, sizeof *cluster);
    bool is_same = false;
    for (size_t i = 0; i < n; i++) {
        if (i % SIZE == 0) is_same = rng_uniform(rng) < 0.5;
        bool is_copy = is_same && i % SIZE != 0;
        scores[i] = is_copy ? scores[i - 1] : (double)draw_count(rng, 1, rate);
        cluster[i] = (uint32_t)(i / SIZE);
    }
    struct estimate estimate = stats_clustered_share(scores, cluster, n, (n + SIZE - 1) / SIZE);
    free(cluster);
    return holds(estimate.interval, rate);
}

/* Only a is right in one share of the items, only b in another; both or neither in the rest. */
struct flips {
    double only_a, only_b;
    uint64_t counts[4];
};

static struct flips draw_flips(struct experiment *experiment, double fewest, double most)
{
    struct rng *rng = &experiment->rng;
    struct flips flips = {.only_a = fewest + (most - fewest) * rng_uniform(rng),
                          .only_b = fewest + (most - fewest) * rng_uniform(rng)};
    for (size_t i = 0; i < experiment->n; i++) {
        double u = rng_uniform(rng);
        bool is_other = u < flips.only_a + flips.only_b;
        flips.counts[is_other ? (u < flips.only_a ? 1 : 2) : u < 0.65 ? 0 : 3]++;
    }
    return flips;
}

static bool paired_holds(struct flips flips, size_t n)
{
    struct estimate estimate = stats_paired(flips.counts[1], flips.counts[2], n);
    return holds(estimate.interval, flips.only_b - flips.only_a);
}

static bool paired(struct experiment *experiment)
{
    return paired_holds(draw_flips(experiment, 0.03, 0.13), experiment->n);
}

static bool paired_rare(struct experiment *experiment)
{
    return paired_holds(draw_flips(experiment, 0, 0.02), experiment->n);
}

static bool newcombe_holds(struct flips flips)
{
    const uint64_t *counts = flips.counts;
    struct estimate estimate = stats_newcombe(counts[0], counts[1], counts[2], counts[3]);
    return holds(estimate.interval, flips.only_b - flips.only_a);
}

static bool newcombe(struct experiment *experiment)
{
    return newcombe_holds(draw_flips(experiment, 0.03, 0.13));
}

static bool newcombe_rare(struct experiment *experiment)
{
    return newcombe_holds(draw_flips(experiment, 0, 0.02));
}

static bool mcnemar(struct experiment *experiment)
{
    uint64_t n = draw_count(&experiment->rng, experiment->n, 0.16);
    uint64_t only_a = draw_count(&experiment->rng, n, 0.5);
    return stats_mcnemar(only_a, n - only_a) > 0.05;
}

/* ---- means ---- */

static bool student(struct experiment *experiment)
{
    const double *scores = fill(experiment, experiment->a, draw_score);
    return holds(stats_mean(scores, NULL, experiment->n, 0).interval, MEAN_SCORE);
}

static bool student_of_heavy(struct experiment *experiment)
{
    const double *values = fill(experiment, experiment->a, draw_heavy);
    return holds(stats_mean(values, NULL, experiment->n, 0).interval, 0);
}

static bool student_of_skewed(struct experiment *experiment)
{
    const double *values = fill(experiment, experiment->a, draw_exponential);
    return holds(stats_mean(values, NULL, experiment->n, 0).interval, 1);
}

static bool clustered(struct experiment *experiment)
{
    size_t n_clusters = clusters_of(experiment->n);
    fill_clusters(&experiment->rng, experiment->a, experiment->cluster, experiment->n, n_clusters);
    struct estimate estimate =
        stats_mean(experiment->a, experiment->cluster, experiment->n, n_clusters);
    return holds(estimate.interval, 0);
}

static bool macro(struct experiment *experiment)
{
    enum { N_PARTS = 5 };
    struct estimate parts[N_PARTS];
    double truth = 0;
    uint64_t n = experiment->n / N_PARTS;
    for (size_t i = 0; i < N_PARTS; i++) {
        double rate = 0.2 + 0.7 * rng_uniform(&experiment->rng);
        uint64_t k = draw_count(&experiment->rng, n, rate);
        parts[i] = (struct estimate){
            .mean = (double)k / (double)n, .interval = stats_wilson(k, n), .n = n};
        truth += rate / N_PARTS;
    }
    return holds(stats_macro(parts, N_PARTS).interval, truth);
}

/* ---- quantiles ---- */

static bool quantile(struct experiment *experiment, double q)
{
    fill(experiment, experiment->a, draw_exponential);
    stats_sort(experiment->a, experiment->n);
    struct estimate estimate = stats_quantile_estimate(experiment->a, experiment->n, q);
    return holds(estimate.interval, -log(1 - q));
}

static bool middle(struct experiment *experiment)
{
    return quantile(experiment, 0.5);
}

static bool upper_tenth(struct experiment *experiment)
{
    return quantile(experiment, 0.9);
}

static bool clustered_middle(struct experiment *experiment)
{
    size_t n_clusters = clusters_of(experiment->n);
    fill_clusters(&experiment->rng, experiment->a, experiment->cluster, experiment->n, n_clusters);
    struct estimate estimate = stats_clustered_quantile(experiment->a, experiment->cluster,
                                                        experiment->n, n_clusters, 0.5);
    return holds(estimate.interval, 0);
}

static bool clustered_upper_tenth(struct experiment *experiment)
{
    size_t n_clusters = clusters_of(experiment->n);
    fill_clusters(&experiment->rng, experiment->a, experiment->cluster, experiment->n, n_clusters);
    struct estimate estimate = stats_clustered_quantile(experiment->a, experiment->cluster,
                                                        experiment->n, n_clusters, 0.9);
    return holds(estimate.interval, 1.2815515655446004 * sqrt(1.25));
}

/* ---- bootstrap ---- */

static bool bootstrap_mean(struct experiment *experiment)
{
    const double *changes = fill(experiment, experiment->a, draw_change);
    uint64_t seed = rng_next(&experiment->rng);
    return holds(stats_bootstrap_mean(changes, experiment->n, ROUNDS, seed), MEAN_CHANGE);
}

static bool bootstrap_median(struct experiment *experiment)
{
    const double *values = fill(experiment, experiment->a, draw_heavy);
    uint64_t seed = rng_next(&experiment->rng);
    return holds(stats_bootstrap_median(values, experiment->n, ROUNDS, seed), 0);
}

static bool bootstrap_ratio(struct experiment *experiment)
{
    const double *a = fill(experiment, experiment->a, draw_speed);
    const double *b = fill(experiment, experiment->b, draw_speed);
    uint64_t seed = rng_next(&experiment->rng);
    size_t n = experiment->n;
    return holds(stats_bootstrap_ratio(a, n, b, n, ROUNDS, seed), 1);
}

static bool blocks(struct experiment *experiment, double kept)
{
    const double *values = fill_series(experiment, kept);
    size_t block = (size_t)lrint(cbrt((double)experiment->n));
    uint64_t seed = rng_next(&experiment->rng);
    return holds(stats_bootstrap_blocks(values, experiment->n, block, ROUNDS, seed), 0);
}

static bool blocks_of_noise(struct experiment *experiment)
{
    return blocks(experiment, 0);
}

static bool blocks_of_series(struct experiment *experiment)
{
    return blocks(experiment, 0.3);
}

static bool blocks_of_strong_series(struct experiment *experiment)
{
    return blocks(experiment, 0.6);
}

/* ---- ranks ---- */

static bool hodges_lehmann(struct experiment *experiment)
{
    const double *values = fill(experiment, experiment->a, draw_heavy);
    return holds(stats_hodges_lehmann(values, experiment->n).interval, 0);
}

static bool shift(struct experiment *experiment)
{
    const double *a = fill(experiment, experiment->a, draw_speed);
    fill(experiment, experiment->b, draw_speed);
    for (size_t i = 0; i < experiment->n; i++) experiment->b[i] += 3;
    return holds(stats_shift(a, experiment->n, experiment->b, experiment->n).interval, 3);
}

/* ---- tests ---- */

/* Three suites of a third of the items each: nothing moved but with its cluster. */
static bool permutation(struct experiment *experiment)
{
    enum { N_SUITES = 3 };
    size_t n_clusters = clusters_of(experiment->n), n = experiment->n / N_SUITES;
    struct stats_differences suites[N_SUITES];
    for (size_t i = 0; i < N_SUITES; i++) {
        double *items = experiment->a + i * n;
        uint32_t *cluster = experiment->cluster + i * n;
        fill_clusters(&experiment->rng, items, cluster, n, n_clusters);
        suites[i] = (struct stats_differences){items, n, cluster, n_clusters};
    }
    return stats_pooled_permutation(suites, N_SUITES, ROUNDS, rng_next(&experiment->rng)) > 0.05;
}

/* ---- sequential: whether it was right at every one of the looks ---- */

/* After how many values one looks for the i-th time. */
static size_t look(const struct experiment *experiment, size_t i)
{
    return (i + 1) * experiment->n / N_LOOKS;
}

static bool sequential_rate(struct experiment *experiment)
{
    double rate = 0.05 + 0.9 * rng_uniform(&experiment->rng);
    uint64_t k = 0;
    for (size_t i = 0, n = 0; i < N_LOOKS; i++) {
        for (; n < look(experiment, i); n++) k += rng_uniform(&experiment->rng) < rate;
        if (!holds(stats_sequential_rate(k, n), rate)) return false;
    }
    return true;
}

/* One stops at the first look, of 20 values or more, at which the interval is as narrow as it
 * should be for half of the values: a rule that looks at the width alone, as `ab` has it. */
static bool hodges_lehmann_until_narrow(struct experiment *experiment)
{
    const double unit = 1.257; /* the error of the estimate times the root of n */
    const size_t fewest = 20;
    double enough = 2 * 1.96 * unit / sqrt((double)experiment->n / 2);
    const double *values = fill(experiment, experiment->a, draw_heavy);
    struct interval interval = {NAN, NAN};
    for (size_t i = 0; i < N_LOOKS && !(interval.high - interval.low < enough); i++)
        if (look(experiment, i) >= fewest)
            interval = stats_hodges_lehmann(values, look(experiment, i)).interval;
    return holds(interval, 0);
}

static bool wilson_with_looks(struct experiment *experiment)
{
    double rate = 0.05 + 0.9 * rng_uniform(&experiment->rng);
    uint64_t k = 0;
    for (size_t i = 0, n = 0; i < N_LOOKS; i++) {
        for (; n < look(experiment, i); n++) k += rng_uniform(&experiment->rng) < rate;
        if (!holds(stats_wilson(k, n), rate)) return false;
    }
    return true;
}

static bool sequential_mean(struct experiment *experiment)
{
    const double *scores = fill(experiment, experiment->a, draw_score);
    for (size_t i = 0; i < N_LOOKS; i++)
        if (!holds(stats_sequential_mean(scores, look(experiment, i)), MEAN_SCORE)) return false;
    return true;
}

/* One looks after every sign. */
static bool sign_evalue(struct experiment *experiment)
{
    uint64_t n_positive = 0;
    for (size_t n = 1; n <= experiment->n; n++) {
        n_positive += rng_next(&experiment->rng) & 1;
        if (stats_sign_evalue(n_positive, n) >= 20) return false;
    }
    return true;
}

static bool mcnemar_with_looks(struct experiment *experiment)
{
    uint64_t n_positive = 0;
    for (size_t i = 0, n = 0; i < N_LOOKS; i++) {
        for (; n < look(experiment, i); n++) n_positive += rng_next(&experiment->rng) & 1;
        if (stats_mcnemar(n_positive, n - n_positive) <= 0.05) return false;
    }
    return true;
}

const struct simulation SIMULATIONS[] = {
    {"stats_wilson", "rate 0.05 to 0.95", wilson, CLAIM_95, 1},
    {"stats_clustered_share", "6 answers a picture", clustered_share, CLAIM_95, 1},
    {"stats_macro", "5 rates 0.2 to 0.9", macro, CLAIM_95, 1},
    {"stats_paired", "flips 3 to 13% each way", paired, CLAIM_WIDE, 1},
    {"stats_paired", "flips 0 to 2% each way", paired_rare, CLAIM_WIDE, 1},
    {"stats_newcombe", "flips 3 to 13% each way", newcombe, CLAIM_WIDE, 1},
    {"stats_newcombe", "flips 0 to 2% each way", newcombe_rare, CLAIM_WIDE, 1},
    {"stats_mcnemar", "p > 0.05, flips 16%", mcnemar, CLAIM_AT_LEAST, 1},
    {"stats_mean", "scores 0 to 1", student, CLAIM_95, 1},
    {"stats_mean", "Student's t, 3 degrees", student_of_heavy, CLAIM_95, 1},
    {"stats_mean", "exponential", student_of_skewed, CLAIM_NONE, 1},
    {"stats_mean, clusters", "10, then 57 clusters", clustered, CLAIM_95, 1},
    {"stats_quantile_estimate", "median, exponential", middle, CLAIM_95, 1},
    {"stats_quantile_estimate", "0.9, exponential", upper_tenth, CLAIM_WIDE, 1},
    {"stats_clustered_quantile", "median, normal", clustered_middle, CLAIM_WIDE, 1},
    {"stats_clustered_quantile", "0.9, normal", clustered_upper_tenth, CLAIM_WIDE, 1},
    {"stats_bootstrap_mean", "changes, 70% of them 0", bootstrap_mean, CLAIM_95, 10},
    {"stats_bootstrap_median", "Student's t, 3 degrees", bootstrap_median, CLAIM_95, 10},
    {"stats_bootstrap_ratio", "speeds", bootstrap_ratio, CLAIM_WIDE, 10},
    {"stats_bootstrap_blocks", "noise", blocks_of_noise, CLAIM_95, 10},
    {"stats_bootstrap_blocks", "AR(1), 0.3", blocks_of_series, CLAIM_95, 10},
    {"stats_bootstrap_blocks", "AR(1), 0.6", blocks_of_strong_series, CLAIM_95, 10},
    {"stats_hodges_lehmann", "Student's t, 3 degrees", hodges_lehmann, CLAIM_95, 10},
    {"stats_hodges_lehmann", "until narrow, 50 looks", hodges_lehmann_until_narrow, CLAIM_95, 10},
    {"stats_shift", "speeds", shift, CLAIM_95, 10},
    {"stats_pooled_permutation", "p > 0.05, 3 suites, clusters", permutation, CLAIM_95, 10},
    {"stats_sequential_rate", "50 looks, rate 0.05 to 0.95", sequential_rate, CLAIM_AT_LEAST, 1},
    {"stats_sequential_mean", "50 looks, scores 0 to 1", sequential_mean, CLAIM_AT_LEAST, 10},
    {"stats_sign_evalue", "below 20, n looks", sign_evalue, CLAIM_AT_LEAST, 1},
    {"stats_wilson", "50 looks", wilson_with_looks, CLAIM_NONE, 1},
    {"stats_mcnemar", "p > 0.05, 50 looks", mcnemar_with_looks, CLAIM_NONE, 1},
};
const size_t N_SIMULATIONS = COUNT_OF(SIMULATIONS);

double simulation_run(const struct simulation *simulation, size_t n, size_t rounds, uint64_t seed)
{
    struct experiment experiment = {.rng = {seed}, .n = n};
    experiment.a = mem_new_or_end(n, sizeof *experiment.a);
    experiment.b = mem_new_or_end(n, sizeof *experiment.b);
    experiment.cluster = mem_new_or_end(n, sizeof *experiment.cluster);
    size_t n_right = 0;
    for (size_t i = 0; i < rounds; i++) n_right += simulation->is_right(&experiment);
    free(experiment.a);
    free(experiment.b);
    free(experiment.cluster);
    return (double)n_right / (double)rounds;
}
