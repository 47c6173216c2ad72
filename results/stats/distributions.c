/* distributions.c - see distributions.h.
 *
 * Quantiles are found by inverting the probability, whose sums are exact to rounding.
 */
#include "results/stats/distributions.h"

#include <math.h>
#include <stdbool.h>

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
    double z2 = STATS_Z * STATS_Z;
    double first = STATS_Z * (z2 + 1) / 4;
    double second = STATS_Z * ((5 * z2 + 16) * z2 + 3) / 96;
    double third = STATS_Z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / 384;
    double fourth = STATS_Z * ((((79 * z2 + 776) * z2 + 1482) * z2 - 1920) * z2 - 945) / 92160;
    return STATS_Z + (first + (second + (third + fourth / n_free) / n_free) / n_free) / n_free;
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

double stats_normal_below(double z)
{
    return erfc(-z * M_SQRT1_2) / 2;
}

/* Of 0 < p <= 1/2. */
static double lower_quantile(double p)
{
    enum { STEPS = 3 };
    double t = sqrt(-2 * log(p));
    double z = (2.515517 + t * (0.802853 + t * 0.010328)) /
                   (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))) -
               t;
    /* The probability is divided by the density first: both underflow together far out. */
    for (int i = 0; i < STEPS; i++) {
        double step = (stats_normal_below(z) - p) * sqrt(2 * M_PI) * exp(z * z / 2);
        z -= step / (1 + z * step / 2);
    }
    return z;
}

double stats_normal_quantile(double p)
{
    if (!(p >= 0 && p <= 1)) return NAN;
    if (p == 0 || p == 1) return p == 0 ? -INFINITY : INFINITY;
    return p <= 0.5 ? lower_quantile(p) : -lower_quantile(1 - p);
}

/* The continued fraction of the incomplete beta function by the modified method of Lentz (NIST
 * DLMF 8.17.22; Press and others 2007, "Numerical recipes", section 6.4). */
static double beta_fraction(double a, double b, double x)
{
    enum { MAX_STEPS = 1000 };
    static const double TINY = 1e-300;
    double c = 1, d = 1 / (1 - (a + b) * x / (a + 1)), fraction = d;
    for (int m = 1; m <= MAX_STEPS; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        for (int half = 0; half < 2; half++) {
            double term = half ? odd : even;
            d = 1 + term * d;
            c = 1 + term / c;
            d = 1 / (fabs(d) < TINY ? TINY : d);
            if (fabs(c) < TINY) c = TINY;
            fraction *= c * d;
        }
        if (fabs(c * d - 1) < 1e-15) break;
    }
    return fraction;
}

/* The regularized incomplete beta function I_x(a, b). */
static double beta_below(double a, double b, double x)
{
    int sign;
    if (!(x > 0)) return 0;
    if (x >= 1) return 1;
    double front = exp(lgamma_r(a + b, &sign) - lgamma_r(a, &sign) - lgamma_r(b, &sign) +
                       a * log(x) + b * log1p(-x));
    return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a
                                     : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double stats_student_p(double t, uint64_t n_free)
{
    double degrees = (double)n_free;
    if (n_free == 0 || isnan(t)) return NAN;
    return beta_below(degrees / 2, 0.5, degrees / (degrees + t * t));
}
