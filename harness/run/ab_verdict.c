/* ab_verdict.c - see ab_verdict.h.
 *
 * Why the interval is widened by A against A: the signed-rank interval takes blocks for independent
 * and ratios for symmetric about one value. Neighbours on the machine can break both, and then they
 * break them for two processes of one binary alike, where the truth is known to be 0.
 */
#include "harness/run/ab_verdict.h"

#include "base/mem.h"
#include "results/stats/bootstrap.h"
#include "results/stats/order.h"
#include "results/stats/permutation.h"
#include "results/stats/power.h"
#include "results/stats/ranks.h"
#include "results/stats/sequential.h"

#include <math.h>
#include <stdlib.h>

enum { ROUNDS = 2000, FLIPS = 20000, SEED = 20240423 };
static const double ENOUGH_EVIDENCE = 20, ONE_SIDED_Z = 1.6448536269514722;
static const double ACCUSES_BY_CHANCE = 0.01;

const char *const AB_VERDICT_NAMES[] = {"SAME", "FASTER", "SLOWER WITHIN THE MARGIN", "CANNOT TELL",
                                        "SLOWER"};

double ab_percent(double log_ratio)
{
    return 100 * expm1(log_ratio);
}

/* The length of blocks of differences that are drawn together: n^(1/3), which balances bias and
 * variance (Hall, Horowitz and Jing 1995, "On blocking rules for the bootstrap with dependent
 * data"), and at least a pair. */
static size_t bootstrap_length(size_t n)
{
    size_t length = (size_t)(cbrt((double)n) + 0.5);
    return length < 2 ? 2 : length;
}

static struct estimate estimate_of(const double *d, size_t n, bool *is_correlated)
{
    struct estimate estimate = stats_hodges_lehmann(d, n);
    double lag_1 = stats_autocorrelation(d, n);
    *is_correlated =
        isfinite(estimate.interval.low) && (lag_1 + 1 / (double)n) * sqrt((double)n) > ONE_SIDED_Z;
    if (!*is_correlated) return estimate;
    struct interval by_blocks = stats_bootstrap_blocks(d, n, bootstrap_length(n), ROUNDS, SEED);
    estimate.interval.low = fmin(estimate.interval.low, by_blocks.low);
    estimate.interval.high = fmax(estimate.interval.high, by_blocks.high);
    return estimate;
}

/* How far 0 lies outside. */
static double distance_from_0(struct interval interval)
{
    return interval.low > 0 ? interval.low : interval.high < 0 ? -interval.high : 0;
}

static struct interval widen(const struct estimate *b, const struct estimate *again)
{
    double off = distance_from_0(again->interval);
    return (struct interval){
        fmin(b->interval.low, b->mean - (again->mean - again->interval.low)) - off,
        fmax(b->interval.high, b->mean + (again->interval.high - again->mean)) + off};
}

struct ab_comparison ab_compare(const struct ab_series *series)
{
    double *values = mem_new_or_end(series->n + 1, sizeof *values);
    struct ab_comparison comparison = {0};
    bool again_is_correlated;
    for (enum ab_arm arm = AB_A; arm < AB_ARMS; arm++)
        comparison.median[arm] = stats_median(values, ab_series_values(series, arm, values));
    comparison.n = ab_series_differences(series, AB_AGAIN, values);
    comparison.again = estimate_of(values, comparison.n, &again_is_correlated);
    ab_series_differences(series, AB_B, values);
    comparison.b = estimate_of(values, comparison.n, &comparison.is_correlated);
    comparison.decisive = widen(&comparison.b, &comparison.again);
    comparison.detectable =
        stats_detectable((comparison.decisive.high - comparison.decisive.low) / (2 * STATS_Z));
    free(values);
    return comparison;
}

/* The verdict by an interval; AB_CANNOT_TELL where the limit or 0 keeps it from another one. */
static enum ab_verdict judge_interval(struct interval interval, double limit)
{
    if (interval.high < limit) return AB_SLOWER;
    if (interval.low > 0) return AB_FASTER;
    if (interval.low < limit) return AB_CANNOT_TELL;
    return interval.high < 0 ? AB_SLOWER_WITHIN : AB_SAME;
}

double ab_p_value(const struct ab_series *series, double difference)
{
    double *d = mem_new_or_end(series->n + 1, sizeof *d);
    const struct stats_differences differences = {.items = d,
                                                  .n = ab_series_differences(series, AB_B, d)};
    for (size_t i = 0; i < differences.n; i++) d[i] -= difference;
    double p_value = stats_pooled_permutation(&differences, 1, FLIPS, SEED);
    free(d);
    return p_value;
}

/* Of two sides the one below, and that of all tests. */
static bool is_beyond_doubt(const struct ab_series *series, const struct ab_rule *rule)
{
    double p_value = ab_p_value(series, log1p(-rule->margin)) / 2;
    return p_value * (double)rule->n_tests <= ACCUSES_BY_CHANCE;
}

enum ab_verdict ab_judge(const struct ab_series *series, const struct ab_comparison *comparison,
                         const struct ab_rule *rule, enum ab_reason *reason)
{
    struct interval decisive = comparison->decisive;
    double limit = log1p(-rule->margin);
    *reason = AB_FEW_BLOCKS;
    if (!isfinite(decisive.low) || !isfinite(decisive.high)) return AB_CANNOT_TELL;
    enum ab_verdict verdict = judge_interval(decisive, limit);
    *reason = AB_DOUBTFUL;
    if (verdict == AB_SLOWER && !is_beyond_doubt(series, rule)) return AB_CANNOT_TELL;
    *reason = AB_CLEAR;
    if (verdict != AB_CANNOT_TELL) return verdict;
    *reason = judge_interval(comparison->b.interval, limit) != AB_CANNOT_TELL ? AB_DISTURBED
              : decisive.high < 0                                             ? AB_STRADDLES
                                                                              : AB_WIDE;
    return verdict;
}

bool ab_is_proved_slower(const struct ab_series *series, const struct ab_comparison *comparison,
                         const struct ab_rule *rule)
{
    enum ab_reason reason;
    double *d = mem_new_or_end(series->n + 1, sizeof *d), limit = log1p(-rule->margin);
    size_t n = ab_series_differences(series, AB_B, d), n_above = 0;
    for (size_t i = 0; i < n; i++) n_above += d[i] >= limit;
    free(d);
    return 2 * n_above < n &&
           stats_sign_evalue(n_above, n) >= ENOUGH_EVIDENCE * (double)rule->n_tests &&
           ab_judge(series, comparison, rule, &reason) == AB_SLOWER;
}

size_t ab_blocks_needed(const struct ab_comparison *comparison, double margin)
{
    struct interval decisive = comparison->decisive;
    double wanted = fabs(comparison->b.mean - log1p(-margin));
    double half = (decisive.high - decisive.low) / 2;
    double factor = half / wanted;
    return isfinite(factor) && factor < 5
               ? (size_t)ceil((double)comparison->n * factor * factor - 1e-6)
               : 0;
}
