/* rates.c - see rates.h.
 *
 * Counts are taken as they are: no table is made of them and nothing is allocated.
 */
#include "results/stats/rates.h"

#include "results/stats/distributions.h"

#include <math.h>

struct interval stats_wilson(uint64_t k, uint64_t n)
{
    if (n == 0) return (struct interval){0, 1};
    double total = (double)n, rate = (double)k / total, z2 = STATS_Z * STATS_Z;
    double centre = rate + z2 / (2 * total);
    double half = STATS_Z * sqrt(rate * (1 - rate) / total + z2 / (4 * total * total));
    double scale = 1 + z2 / total;
    /* At the borders the limit is exact: rounding must not leave 1e-17 above 0. */
    return (struct interval){k == 0 ? 0 : (centre - half) / scale,
                             k == n ? 1 : (centre + half) / scale};
}

struct estimate stats_paired(uint64_t b, uint64_t c, uint64_t n)
{
    double total = (double)n, more = (double)c - (double)b;
    double mean = more / total;
    double error = sqrt((double)b + (double)c - more * mean) / total;
    return (struct estimate){mean, error, {mean - STATS_Z * error, mean + STATS_Z * error}, n};
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
