/* order.c - see order.h.
 *
 * Everything is read off sorted values; who has them unsorted gets a sorted copy.
 */
#include "results/stats/order.h"

#include "base/mem.h"
#include "results/stats/distributions.h"
#include "results/stats/means.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double stats_quantile_sorted(const double *sorted, size_t n, double q)
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

/* Of sorted values, with limits that lie `half` ranks from the quantile's. */
static struct estimate between_ranks(const double *sorted, size_t n, double q, double half)
{
    double middle = (double)n * q;
    return (struct estimate){.mean = stats_quantile_sorted(sorted, n, q),
                             .error = NAN,
                             .interval = {at_rank(sorted, n, floor(middle - half)),
                                          at_rank(sorted, n, ceil(middle + half))},
                             .n = n};
}

struct estimate stats_quantile_estimate(const double *sorted, size_t n, double q)
{
    return between_ranks(sorted, n, q, STATS_Z * sqrt((double)n * q * (1 - q)));
}

/* How many times the variance of a share q of independent values is the one of these clusters. */
static double design_effect(const double *values, const uint32_t *cluster, size_t n,
                            size_t n_clusters, double quantile)
{
    double *is_below = mem_new_or_end(n, sizeof *is_below);
    for (size_t i = 0; i < n; i++) is_below[i] = values[i] <= quantile;
    double independent = stats_clustered_error(is_below, NULL, n, n);
    double clustered = stats_clustered_error(is_below, cluster, n, n_clusters);
    free(is_below);
    double ratio = clustered / independent;
    return ratio > 1 ? ratio * ratio : 1;
}

static double *sorted_copy(const double *values, size_t n)
{
    double *copy = mem_new_or_end(n, sizeof *copy);
    memcpy(copy, values, n * sizeof *copy);
    stats_sort(copy, n);
    return copy;
}

struct estimate stats_clustered_quantile(const double *values, const uint32_t *cluster, size_t n,
                                         size_t n_clusters, double q)
{
    double *sorted = sorted_copy(values, n);
    double quantile = stats_quantile_sorted(sorted, n, q), errors = STATS_Z, effect = 1;
    if (n_clusters > 1) {
        errors = stats_student(n_clusters - 1);
        effect = design_effect(values, cluster, n, n_clusters, quantile);
    }
    double half = errors * sqrt((double)n * q * (1 - q) * effect);
    struct estimate estimate = between_ranks(sorted, n, q, half);
    free(sorted);
    return estimate;
}

double stats_quantile(const double *values, size_t n, double q)
{
    if (!n) return NAN;
    double *sorted = sorted_copy(values, n);
    double quantile = stats_quantile_sorted(sorted, n, q);
    free(sorted);
    return quantile;
}

double stats_median(const double *values, size_t n)
{
    return stats_quantile(values, n, 0.5);
}
