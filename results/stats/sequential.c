/* sequential.c - see sequential.h.
 *
 * Capitals are products of as many factors as there are scores: they are kept as logarithms. A
 * limit is where a capital, which grows away from what was seen, reaches what ends the game.
 */
#include "results/stats/sequential.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

/* A capital that a true hypothesis meets with a probability of 5% at most, ever. */
static const double END = 20;

enum { HALVINGS = 60 };

/* The logarithm of the gamma function, without the global variable that lgamma sets. */
static double log_gamma(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

static double log_beta(double a, double b)
{
    return log_gamma(a) + log_gamma(b) - log_gamma(a + b);
}

double stats_sign_evalue(uint64_t n_positive, uint64_t n)
{
    double k = (double)n_positive, total = (double)n;
    return exp(total * M_LN2 + log_beta(k + 1, total - k + 1));
}

/* The logarithm of the e-value of k successes of n against the rate p. */
static double log_evidence(double k, double n, double p)
{
    const double weight = 60; /* of the prior, in items */
    double a = weight * p, b = weight * (1 - p);
    return log_beta(k + a, n - k + b) - log_beta(a, b) - k * log(p) - (n - k) * log1p(-p);
}

/* The lowest rate that k > 0 successes of n do not refute. */
static double lowest_rate(double k, double n)
{
    double refuted = 0, open = k / n;
    for (int i = 0; i < HALVINGS; i++) {
        double middle = (refuted + open) / 2;
        *(log_evidence(k, n, middle) < log(END) ? &open : &refuted) = middle;
    }
    return open;
}

struct interval stats_sequential_rate(uint64_t k, uint64_t n)
{
    double right = (double)k, wrong = (double)(n - k), total = (double)n;
    return (struct interval){k == 0 ? 0 : lowest_rate(right, total),
                             k == n ? 1 : 1 - lowest_rate(wrong, total)};
}

/* Bets on the scores [n]: each is made of the scores before it alone. */
static double *make_bets(const double *scores, size_t n)
{
    double *bets = mem_new_or_end(n, sizeof *bets), sum = 0.5, squares = 0.25;
    for (size_t i = 0; i < n; i++) {
        double t = (double)i + 1, variance = squares / t;
        bets[i] = sqrt(2 * log(2 * END) / (variance * t * log1p(t)));
        sum += scores[i];
        double deviation = scores[i] - sum / (t + 1);
        squares += deviation * deviation;
    }
    return bets;
}

/* The logarithm of the capital of who bets that the scores, counted from 1 down if they are
 * mirrored, have a mean above `mean`. */
static double log_capital(const double *scores, const double *bets, size_t n, bool is_mirrored,
                          double mean)
{
    const double most = 0.5; /* of the capital, that one score may cost */
    double logarithm = 0, product = 1;
    for (size_t i = 0; i < n; i++) {
        double score = is_mirrored ? 1 - scores[i] : scores[i];
        product *= 1 + fmin(bets[i], most / mean) * (score - mean);
        if (product > 1e-100 && product < 1e100) continue;
        logarithm += log(product);
        product = 1;
    }
    return logarithm + log(product);
}

/* The lowest mean against which the bettor has not won: his capital falls in it. */
static double lowest_mean(const double *scores, const double *bets, size_t n, bool is_mirrored)
{
    double end = log(2 * END), refuted = 0,
           open = 1; /* two bettors: half the stake is each one's */
    if (log_capital(scores, bets, n, is_mirrored, 0) < end) return 0;
    for (int i = 0; i < HALVINGS; i++) {
        double middle = (refuted + open) / 2;
        bool is_open = log_capital(scores, bets, n, is_mirrored, middle) < end;
        *(is_open ? &open : &refuted) = middle;
    }
    return open;
}

struct interval stats_sequential_mean(const double *scores, size_t n)
{
    double *bets = make_bets(scores, n);
    struct interval interval = {lowest_mean(scores, bets, n, false),
                                1 - lowest_mean(scores, bets, n, true)};
    free(bets);
    return interval;
}
