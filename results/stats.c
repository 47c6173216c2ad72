/* stats.c - see stats.h. Sums run in the order of the input, so that equal inputs give equal bits.
 *
 * Resampling uses the project's own generator: an interval is a function of the values and the
 * seed.
 */
#include "results/stats.h"

#include "base/mem.h"
#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The 97.5% quantile of the standard normal distribution. */
static const double Z = 1.959963984540054;

struct interval stats_wilson(uint64_t k, uint64_t n)
{
    if (n == 0) return (struct interval){0, 1};
    double total = (double)n, rate = (double)k / total, z2 = Z * Z;
    double centre = rate + z2 / (2 * total);
    double half = Z * sqrt(rate * (1 - rate) / total + z2 / (4 * total * total));
    double scale = 1 + z2 / total;
    /* At the borders the limit is exact: rounding must not leave 1e-17 above 0. */
    return (struct interval){k == 0 ? 0 : (centre - half) / scale,
                             k == n ? 1 : (centre + half) / scale};
}

/* The 95% interval of the normal approximation; NaN for an error that is NaN. */
static struct interval normal_interval(double mean, double error)
{
    return (struct interval){mean - Z * error, mean + Z * error};
}

static double mean_of(const double *values, size_t n)
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
    if (n < 2) return NAN;
    double mean = mean_of(scores, n), squares = 0, total = (double)n;
    for (size_t i = 0; i < n; i++) squares += (scores[i] - mean) * (scores[i] - mean);
    double variance = squares / (total - 1) / total;
    if (cluster)
        variance +=
            (between_clusters(scores, cluster, n, n_clusters, mean) - squares) / (total * total);
    /* Never below zero but for rounding: a cluster's squared sum may cancel all of `squares`. */
    return variance < 0 ? 0 : sqrt(variance);
}

/* The probability that Student's |t| is below sqrt(n_free) tan(angle). */
static double within_angle(double angle, uint64_t n_free)
{
    double cosine = cos(angle), square = cosine * cosine, sum = 0;
    bool is_odd = n_free % 2;
    double term = is_odd ? cosine : 1;
    for (uint64_t i = is_odd ? 3 : 2; i <= n_free; i += 2) {
        sum += term;
        term *= square * (double)(i - 1) / (double)i;
    }
    return is_odd ? M_2_PI * (angle + sin(angle) * sum) : sin(angle) * sum;
}

/* Expansion about the normal quantile, exact to 1e-11 beyond MAX_SUMMED. */
static double student_of_many(double n_free)
{
    double z2 = Z * Z;
    double first = Z * (z2 + 1) / 4;
    double second = Z * ((5 * z2 + 16) * z2 + 3) / 96;
    double third = Z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / 384;
    double fourth = Z * ((((79 * z2 + 776) * z2 + 1482) * z2 - 1920) * z2 - 945) / 92160;
    return Z + (first + (second + (third + fourth / n_free) / n_free) / n_free) / n_free;
}

double stats_student(uint64_t n_free)
{
    enum { MAX_SUMMED = 200, HALVINGS = 60 };
    if (n_free == 0) return NAN;
    if (n_free > MAX_SUMMED) return student_of_many((double)n_free);
    double low = 0, high = M_PI_2;
    for (int i = 0; i < HALVINGS; i++) {
        double middle = (low + high) / 2;
        *(within_angle(middle, n_free) < 0.95 ? &low : &high) = middle;
    }
    return sqrt((double)n_free) * tan((low + high) / 2);
}

struct estimate stats_mean(const double *scores, const uint32_t *cluster, size_t n,
                           size_t n_clusters)
{
    struct estimate estimate = {.mean = mean_of(scores, n), .n = n};
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

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Type 7 on sorted values: position q (n - 1), linear between its neighbours. */
static double quantile_sorted(const double *sorted, size_t n, double q)
{
    double position = q * (double)(n - 1), whole = floor(position);
    size_t below = (size_t)whole, above = below + 1 < n ? below + 1 : below;
    return sorted[below] + (position - whole) * (sorted[above] - sorted[below]);
}

void stats_sort(double *values, size_t n)
{
    if (n) qsort(values, n, sizeof *values, compare_doubles);
}

static double at_rank(const double *sorted, size_t n, double rank)
{
    return sorted[(size_t)fmin((double)(n - 1), fmax(0, rank))];
}

struct estimate stats_quantile_estimate(const double *sorted, size_t n, double q)
{
    double middle = (double)n * q, half = Z * sqrt((double)n * q * (1 - q));
    return (struct estimate){.mean = quantile_sorted(sorted, n, q),
                             .error = NAN,
                             .interval = {at_rank(sorted, n, floor(middle - half)),
                                          at_rank(sorted, n, ceil(middle + half))},
                             .n = n};
}

double stats_quantile(const double *values, size_t n, double q)
{
    if (!n) return NAN;
    double *sorted = mem_new_or_end(n, sizeof *sorted);
    memcpy(sorted, values, n * sizeof *sorted);
    stats_sort(sorted, n);
    double quantile = quantile_sorted(sorted, n, q);
    free(sorted);
    return quantile;
}

double stats_median(const double *values, size_t n)
{
    return stats_quantile(values, n, 0.5);
}

struct estimate stats_paired(uint64_t b, uint64_t c, uint64_t n)
{
    double total = (double)n, more = (double)c - (double)b;
    double mean = more / total;
    double error = sqrt((double)b + (double)c - more * mean) / total;
    return (struct estimate){mean, error, normal_interval(mean, error), n};
}

double stats_mcnemar(uint64_t b, uint64_t c)
{
    uint64_t n = b + c, fewer = b < c ? b : c;
    if (b == c) return 1;
    /* Terms n over k / 2^n for k = fewer, fewer - 1, ...: each from the one before, so that the sum
     * runs from the largest and ends when nothing is added. */
    double k = (double)fewer, total = (double)n;
    double term = exp(lgamma(total + 1) - lgamma(k + 1) - lgamma(total - k + 1) - total * M_LN2);
    double tail = 0;
    for (; term > 0 && tail + term > tail; k--) {
        tail += term;
        term *= k / (total - k + 1);
    }
    return tail < 0.5 ? 2 * tail : 1;
}

/* ---- Bootstrap ---- */

typedef double statistic_fn(double *values, size_t n); /* may reorder the values */

static double median_in_place(double *values, size_t n)
{
    stats_sort(values, n);
    return quantile_sorted(values, n, 0.5);
}

static double mean_in_place(double *values, size_t n)
{
    return mean_of(values, n);
}

static double resample(const double *values, size_t n, double *drawn, statistic_fn *statistic,
                       struct rng *rng)
{
    for (size_t i = 0; i < n; i++) drawn[i] = values[rng_below(rng, n)];
    return statistic(drawn, n);
}

/* Bootstraps the statistic of a, divided by that of b where there is a b. */
static struct interval bootstrap(const double *a, size_t n_a, const double *b, size_t n_b,
                                 statistic_fn *statistic, size_t rounds, uint64_t seed)
{
    struct interval interval = {NAN, NAN};
    struct rng rng = {seed};
    if (n_a == 0 || (b && n_b == 0) || rounds == 0) return interval;
    double *results = mem_new_or_end(rounds, sizeof *results);
    double *drawn = mem_new_or_end(n_a > n_b ? n_a : n_b, sizeof *drawn);
    for (size_t i = 0; i < rounds; i++) {
        results[i] = resample(a, n_a, drawn, statistic, &rng);
        if (b) results[i] /= resample(b, n_b, drawn, statistic, &rng);
    }
    stats_sort(results, rounds);
    interval = (struct interval){quantile_sorted(results, rounds, 0.025),
                                 quantile_sorted(results, rounds, 0.975)};
    free(results);
    free(drawn);
    return interval;
}

struct interval stats_bootstrap_median(const double *values, size_t n, size_t rounds, uint64_t seed)
{
    return bootstrap(values, n, NULL, 0, median_in_place, rounds, seed);
}

struct interval stats_bootstrap_ratio(const double *a, size_t n_a, const double *b, size_t n_b,
                                      size_t rounds, uint64_t seed)
{
    return bootstrap(a, n_a, b, n_b, median_in_place, rounds, seed);
}

struct interval stats_bootstrap_mean(const double *values, size_t n, size_t rounds, uint64_t seed)
{
    return bootstrap(values, n, NULL, 0, mean_in_place, rounds, seed);
}

/* ---- Holm ---- */

struct ranked {
    double p;
    size_t place;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->p != y->p) return x->p < y->p ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

void stats_holm(double *p_values, size_t n)
{
    struct ranked *ranked = mem_new_or_end(n, sizeof *ranked);
    for (size_t i = 0; i < n; i++) ranked[i] = (struct ranked){p_values[i], i};
    qsort(ranked, n, sizeof *ranked, compare_ranked);
    double highest = 0;
    for (size_t i = 0; i < n; i++) {
        double adjusted = fmin(1, ranked[i].p * (double)(n - i));
        highest = fmax(highest, adjusted);
        p_values[ranked[i].place] = highest;
    }
    free(ranked);
}
