/* means.c - see means.h. Sums run in the order of the input, so that equal inputs give equal bits.
 *
 * A clustered error is that of independent sums, one of each cluster.
 */
#include "results/stats/means.h"

#include "base/mem.h"
#include "results/stats/distributions.h"
#include "results/stats/rates.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

double stats_average(const double *values, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += values[i];
    return sum / (double)n;
}

/* Sum over clusters of the squared sum of deviations. */
static double between_clusters(const double *scores, const uint32_t *cluster, size_t n,
                               size_t n_clusters, double mean)
{
    double *sums = mem_new_or_end(n_clusters, sizeof *sums), total = 0;
    for (size_t i = 0; i < n; i++) sums[cluster[i]] += scores[i] - mean;
    for (size_t c = 0; c < n_clusters; c++) total += sums[c] * sums[c];
    free(sums);
    return total;
}

double stats_clustered_error(const double *scores, const uint32_t *cluster, size_t n,
                             size_t n_clusters)
{
    size_t n_independent = cluster ? n_clusters : n;
    if (n_independent < 2) return NAN;
    double mean = stats_average(scores, n), squares = 0, free_of = (double)n_independent - 1;
    if (cluster) squares = between_clusters(scores, cluster, n, n_clusters, mean);
    else
        for (size_t i = 0; i < n; i++) squares += (scores[i] - mean) * (scores[i] - mean);
    return sqrt(squares * (double)n_independent / free_of) / (double)n;
}

struct estimate stats_mean(const double *scores, const uint32_t *cluster, size_t n,
                           size_t n_clusters)
{
    struct estimate estimate = {.mean = stats_average(scores, n), .n = n};
    bool is_clustered = cluster && n_clusters > 1;
    estimate.error = stats_clustered_error(scores, is_clustered ? cluster : NULL, n, n_clusters);
    double half = stats_student((is_clustered ? n_clusters : n) - 1) * estimate.error;
    estimate.interval = (struct interval){estimate.mean - half, estimate.mean + half};
    return estimate;
}

struct estimate stats_mean_of_clusters(const double *scores, const uint32_t *cluster, size_t n,
                                       size_t n_clusters)
{
    struct estimate estimate = stats_mean(scores, cluster, n, n_clusters);
    if (n_clusters > 1) return estimate;
    estimate.error = NAN;
    estimate.interval = (struct interval){NAN, NAN};
    return estimate;
}

struct estimate stats_estimate(const double *scores, const uint32_t *cluster, size_t n,
                               size_t n_clusters)
{
    uint64_t n_right = 0;
    bool is_binary = true;
    for (size_t i = 0; i < n; i++) {
        n_right += scores[i] == 1;
        is_binary = is_binary && (scores[i] == 0 || scores[i] == 1);
    }
    struct estimate estimate = stats_mean(scores, cluster, n, n_clusters);
    if (is_binary) estimate.interval = stats_wilson(n_right, n);
    return estimate;
}

struct estimate stats_clustered_share(const double *scores, const uint32_t *cluster, size_t n,
                                      size_t n_clusters)
{
    struct estimate estimate = stats_estimate(scores, cluster, n, n_clusters);
    if (!cluster || n_clusters < 2 || !(estimate.error > 0)) return estimate;
    double few = STATS_Z / stats_student(n_clusters - 1);
    double variance = estimate.error * estimate.error;
    double n_effective = estimate.mean * (1 - estimate.mean) / variance * few * few;
    estimate.interval = stats_wilson_share(estimate.mean, fmin(n_effective, (double)n));
    return estimate;
}

struct estimate stats_f1(struct estimate overlap)
{
    double m = overlap.mean, slope = 2 / ((1 + m) * (1 + m));
    const struct interval *limits = &overlap.interval;
    return (struct estimate){
        .mean = 2 * m / (1 + m),
        .error = slope * overlap.error,
        .interval = {2 * limits->low / (1 + limits->low), 2 * limits->high / (1 + limits->high)},
        .n = overlap.n};
}

struct estimate stats_exponential(struct estimate logarithm)
{
    double mean = exp(logarithm.mean);
    return (struct estimate){
        .mean = mean,
        .error = mean * logarithm.error,
        .interval = {exp(logarithm.interval.low), exp(logarithm.interval.high)},
        .n = logarithm.n};
}

struct estimate stats_macro(const struct estimate *parts, size_t n_parts)
{
    struct estimate macro = {0};
    double errors = 0, below = 0, above = 0, total = (double)n_parts;
    for (size_t i = 0; i < n_parts; i++) {
        double down = parts[i].mean - parts[i].interval.low;
        double up = parts[i].interval.high - parts[i].mean;
        macro.mean += parts[i].mean;
        macro.n += parts[i].n;
        errors += parts[i].error * parts[i].error;
        below += down * down;
        above += up * up;
    }
    macro.mean /= total;
    macro.error = sqrt(errors) / total;
    macro.interval.low = macro.mean - sqrt(below) / total;
    macro.interval.high = macro.mean + sqrt(above) / total;
    return macro;
}
