/* order.c - see order.h.
 *
 * Everything is read off sorted values; who has them unsorted gets a sorted copy.
 */
#include "results/stats/order.h"

#include "base/mem.h"
#include "results/stats/distributions.h"

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

struct estimate stats_quantile_estimate(const double *sorted, size_t n, double q)
{
    double middle = (double)n * q, half = STATS_Z * sqrt((double)n * q * (1 - q));
    return (struct estimate){.mean = stats_quantile_sorted(sorted, n, q),
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
    double quantile = stats_quantile_sorted(sorted, n, q);
    free(sorted);
    return quantile;
}

double stats_median(const double *values, size_t n)
{
    return stats_quantile(values, n, 0.5);
}
