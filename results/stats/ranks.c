/* ranks.c - see ranks.h.
 *
 * The n (n + 1) / 2 means of pairs, or n_a n_b differences, are never laid out. How many are at
 * most x is counted in one walk over the sorted values, and the one of a given rank is the smallest
 * double whose count reaches the rank: at most 64 walks, and no rounding, since a sum of sorted
 * values is monotone in floating point too.
 */
#include "results/stats/ranks.h"

#include "base/mem.h"
#include "results/stats/distributions.h"
#include "results/stats/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Sorted samples; b is empty in a test of one sample. */
struct samples {
    double *a, *b;
    size_t n_a, n_b;
};

typedef uint64_t count_fn(const struct samples *samples, double most);

static double *sorted_copy(const double *values, size_t n)
{
    double *copy = mem_new_or_end(n, sizeof *copy);
    if (n) memcpy(copy, values, n * sizeof *copy);
    stats_sort(copy, n);
    return copy;
}

/* How many means of pairs are at most this. */
static uint64_t count_means(const struct samples *samples, double most)
{
    const double *a = samples->a;
    uint64_t count = 0;
    for (size_t i = 0, end = samples->n_a; i < end; i++) {
        while (end > i && (a[i] + a[end - 1]) / 2 > most) end--;
        count += end - i;
    }
    return count;
}

/* How many differences are at most this. */
static uint64_t count_differences(const struct samples *samples, double most)
{
    uint64_t count = 0;
    for (size_t i = 0, end = 0; i < samples->n_a; i++) {
        while (end < samples->n_b && samples->b[end] - samples->a[i] <= most) end++;
        count += end;
    }
    return count;
}

/* Doubles as integers of the same order, and back. */
static const uint64_t SIGN = (uint64_t)1 << 63;

static uint64_t place_of(double value)
{
    uint64_t bits;
    value += 0.0; /* -0 and 0 are one number */
    memcpy(&bits, &value, sizeof bits);
    return bits & SIGN ? ~bits : bits | SIGN;
}

static double at_place(uint64_t place)
{
    uint64_t bits = place & SIGN ? place & ~SIGN : ~place;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The rank-th smallest, from 1, of what is counted and lies in low..high. */
static double at_rank(const struct samples *samples, count_fn *count, struct interval all,
                      uint64_t rank)
{
    uint64_t low = place_of(all.low), high = place_of(all.high);
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (count(samples, at_place(middle)) >= rank) high = middle;
        else low = middle + 1;
    }
    return at_place(low) + 0.0;
}

/* The median of n_pairs numbers, and the limits that leave n_outside - 1 of them out on each side.
 */
static struct estimate estimate_of(const struct samples *samples, count_fn *count,
                                   struct interval all, uint64_t n_pairs, uint64_t n_outside)
{
    struct estimate estimate = {.error = NAN, .interval = {NAN, NAN}};
    uint64_t half = n_pairs / 2;
    estimate.n = samples->n_a + samples->n_b;
    estimate.mean = at_rank(samples, count, all, half + 1);
    if (n_pairs % 2 == 0) estimate.mean = (estimate.mean + at_rank(samples, count, all, half)) / 2;
    if (n_outside)
        estimate.interval =
            (struct interval){at_rank(samples, count, all, n_outside),
                              at_rank(samples, count, all, n_pairs + 1 - n_outside)};
    return estimate;
}

/* How many of the lowest values of a statistic, whose probabilities in units of `total` are those
 * of 0, 1, 2 ..., have 2.5% together or less. */
static uint64_t count_in_tail(const double *chances, size_t n, double total)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += chances[i] / total;
        if (sum > 0.025) return i;
    }
    return n;
}

/* The same by the normal distribution, corrected for continuity. */
static uint64_t normal_tail(double mean, double variance)
{
    return (uint64_t)fmax(0, floor(mean - STATS_Z * sqrt(variance) + 0.5));
}

/* Of the sum of the ranks 1..n, each taken or not: each halves what was and adds it shifted. */
static uint64_t signed_rank_tail(size_t n)
{
    enum { MAX_EXACT = 300 };
    double total = (double)n;
    if (n > MAX_EXACT)
        return normal_tail(total * (total + 1) / 4, total * (total + 1) * (2 * total + 1) / 24);
    size_t n_values = n * (n + 1) / 4 + 1;
    double *chances = mem_new_or_end(n_values, sizeof *chances);
    chances[0] = 1;
    for (size_t rank = 1; rank <= n; rank++) {
        for (size_t sum = n_values; sum-- > rank;)
            chances[sum] = (chances[sum] + chances[sum - rank]) / 2;
        for (size_t sum = 0; sum < rank && sum < n_values; sum++) chances[sum] /= 2;
    }
    uint64_t tail = count_in_tail(chances, n_values, 1);
    free(chances);
    return tail;
}

/* Of Mann and Whitney's U: numbers of orders are the coefficients of the product over i = 1..n_a of
 * (1 - q^(n_b + i)) / (1 - q^i). Those of the lower half hold no larger one in their sums. */
static uint64_t rank_sum_tail(size_t n_a, size_t n_b)
{
    enum { MAX_EXACT = 10000 };
    double pairs = (double)n_a * (double)n_b, total = 1;
    if (pairs > MAX_EXACT)
        return normal_tail(pairs / 2, pairs * ((double)n_a + (double)n_b + 1) / 12);
    size_t n_values = n_a * n_b / 2 + 1;
    double *orders = mem_new_or_end(n_values, sizeof *orders);
    orders[0] = 1;
    for (size_t i = 1; i <= n_a; i++) {
        for (size_t u = n_values; u-- > n_b + i;) orders[u] -= orders[u - n_b - i];
        for (size_t u = i; u < n_values; u++) orders[u] += orders[u - i];
        total *= (double)(n_b + i) / (double)i;
    }
    uint64_t tail = count_in_tail(orders, n_values, total);
    free(orders);
    return tail;
}

static struct estimate nothing(void)
{
    return (struct estimate){.mean = NAN, .error = NAN, .interval = {NAN, NAN}};
}

struct estimate stats_hodges_lehmann(const double *values, size_t n)
{
    if (!n) return nothing();
    struct samples samples = {.a = sorted_copy(values, n), .n_a = n};
    struct interval all = {samples.a[0], samples.a[n - 1]};
    struct estimate estimate =
        estimate_of(&samples, count_means, all, (uint64_t)n * (n + 1) / 2, signed_rank_tail(n));
    free(samples.a);
    return estimate;
}

struct estimate stats_shift(const double *a, size_t n_a, const double *b, size_t n_b)
{
    if (!n_a || !n_b) return nothing();
    struct samples samples = {sorted_copy(a, n_a), sorted_copy(b, n_b), n_a, n_b};
    struct interval all = {samples.b[0] - samples.a[n_a - 1], samples.b[n_b - 1] - samples.a[0]};
    struct estimate estimate =
        estimate_of(&samples, count_differences, all, (uint64_t)n_a * n_b, rank_sum_tail(n_a, n_b));
    free(samples.a);
    free(samples.b);
    return estimate;
}
