/* rates.c - see rates.h.
 *
 * Counts are taken as they are: no table is made of them and nothing is allocated.
 */
#include "results/stats/rates.h"

#include "results/stats/distributions.h"

#include <math.h>

struct interval stats_wilson_share(double share, double n)
{
    double z2 = STATS_Z * STATS_Z, centre = share + z2 / (2 * n);
    double half = STATS_Z * sqrt(share * (1 - share) / n + z2 / (4 * n * n));
    double scale = 1 + z2 / n;
    /* At the borders the limit is exact: rounding must not leave 1e-17 above 0. */
    return (struct interval){share == 0 ? 0 : (centre - half) / scale,
                             share == 1 ? 1 : (centre + half) / scale};
}

struct interval stats_wilson(uint64_t k, uint64_t n)
{
    if (n == 0) return (struct interval){0, 1};
    return stats_wilson_share((double)k / (double)n, (double)n);
}

/* The standard error of (c - b) / n. */
static double error_of_difference(double b, double c, double n)
{
    return sqrt(b + c - (c - b) * (c - b) / n) / n;
}

struct estimate stats_paired(uint64_t b, uint64_t c, uint64_t n)
{
    double only_a = (double)b, only_b = (double)c, total = (double)n;
    double middle = (only_b - only_a) / (total + 2);
    double half = STATS_Z * error_of_difference(only_a + 0.5, only_b + 0.5, total + 2);
    return (struct estimate){(only_b - only_a) / total,
                             error_of_difference(only_a, only_b, total),
                             {fmax(-1, middle - half), fmin(1, middle + half)},
                             n};
}

/* The correlation of two answers to one question, its numerator brought n / 2 closer to 0 where it
 * is positive. */
static double corrected_phi(double both, double only_a, double only_b, double neither)
{
    double n = both + only_a + only_b + neither;
    double margins = (both + only_a) * (only_b + neither) * (both + only_b) * (only_a + neither);
    double excess = both * neither - only_a * only_b;
    if (margins == 0) return 0;
    if (excess > 0) excess = fmax(0, excess - n / 2);
    return excess / sqrt(margins);
}

/* How far a difference reaches where one rate is off by `down` and the other by `up`. */
static double reach(double down, double up, double phi)
{
    return sqrt(fmax(0, down * down - 2 * phi * down * up + up * up));
}

struct estimate stats_newcombe(uint64_t both, uint64_t only_a, uint64_t only_b, uint64_t neither)
{
    uint64_t n = both + only_a + only_b + neither;
    double rate_a = (double)(both + only_a) / (double)n;
    double rate_b = (double)(both + only_b) / (double)n;
    struct interval a = stats_wilson(both + only_a, n), b = stats_wilson(both + only_b, n);
    double phi = corrected_phi((double)both, (double)only_a, (double)only_b, (double)neither);
    struct estimate estimate = stats_paired(only_a, only_b, n);
    estimate.interval.low = estimate.mean - reach(rate_b - b.low, a.high - rate_a, phi);
    estimate.interval.high = estimate.mean + reach(b.high - rate_b, rate_a - a.low, phi);
    return estimate;
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
