/* math.c - exp and tanh for float lanes; double exp, log, sin and cos, without libm.
 *
 * Every function is one fixed sequence of IEEE operations: multiply, add, divide and, for float
 * lanes, fmaf. The build forbids contraction, so the sequence is the same on every machine.
 * Ranges are reduced after Cody and Waite (Software Manual for the Elementary Functions, 1980): a
 * multiple of a constant split in parts whose products are exact is subtracted part by part.
 * Rounding to an integer is the addition of 1.5 * 2^(mantissa bits), whose low bits then hold the
 * integer, for any input and without a conversion that could overflow.
 */
#include "engine/kernels/math.h"

#include "engine/kernels/math_constants.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static uint32_t bits_of_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint64_t bits_of_double(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static double double_of_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* exp(x) = 2^n * (1 + r + r^2 * series), n = round(x / ln 2), |r| <= ln(2) / 2 and a little. */
struct exp_parts {
    float shifted; /* its low bits hold n */
    float r, series;
};

static struct exp_parts reduce_exp(float x)
{
    float shifted = fmaf(x, EXPF_LOG2_E, EXPF_ROUND);
    float n = shifted - EXPF_ROUND;
    float r = fmaf(n, -EXPF_LN2_HIGH, x);
    r = fmaf(n, -EXPF_LN2_LOW, r);
    float p = EXPF_C6;
    p = fmaf(p, r, EXPF_C5);
    p = fmaf(p, r, EXPF_C4);
    p = fmaf(p, r, EXPF_C3);
    p = fmaf(p, r, EXPF_C2);
    return (struct exp_parts){shifted, r, p};
}

/* p * 2^n */
static float add_exponent(float p, float shifted)
{
    return float_of_bits(bits_of_float(p) + (bits_of_float(shifted) << 23));
}

/* The polynomial's value is in [0.70, 1.42], so that adding n to its exponent field stays a normal
 * number over the whole range, n = 128 at the top included. */
float kernel_exp(float x)
{
    struct exp_parts parts = reduce_exp(x);
    float p = fmaf(parts.series, parts.r, 1.0f);
    p = fmaf(p, parts.r, 1.0f);
    float y = add_exponent(p, parts.shifted);
    /* Not x > EXPF_MAX: a NaN takes the sum, too. */
    if (!(x <= EXPF_MAX)) y = x + INFINITY;
    if (x < EXPF_MIN) y = 0.0f;
    return y;
}

/* With u = 1 - exp(-2|x|), which the parts of exp give without cancellation, tanh|x| = u / (2 - u).
 */
float kernel_tanh(float x)
{
    float t = -2.0f * fabsf(x);
    if (t < TANHF_MIN) t = TANHF_MIN;
    struct exp_parts parts = reduce_exp(t);
    float q = fmaf(parts.series * parts.r, parts.r, parts.r);
    float power = add_exponent(1.0f, parts.shifted);
    float u = fmaf(-power, q, 1.0f - power);
    return copysignf(u / (2.0f - u), x);
}

static const double LOG2_E = 0x1.71547652b82fep+0;
static const double LN2_HIGH = 0x1.62e42fee00000p-1; /* 32 bits: exact times any exponent */
static const double LN2_LOW = 0x1.a39ef35793c76p-33;
static const double ROUND = 0x1.8p52;

/* The Taylor series to r^13: the next term is below 2^-57 for |r| <= ln(2) / 2. */
double math_exp(double x)
{
    static const double c[] = {1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800,
                               1.0 / 362880,     1.0 / 40320,     1.0 / 5040,     1.0 / 720,
                               1.0 / 120,        1.0 / 24,        1.0 / 6,        0.5};
    if (x != x) return x;
    if (x > 709.79) return INFINITY;
    if (x < -745.2) return 0.0;
    double shifted = x * LOG2_E + ROUND;
    double n = shifted - ROUND;
    double r = x - n * LN2_HIGH;
    r = r - n * LN2_LOW;
    double q = c[0];
    for (size_t i = 1; i < sizeof c / sizeof *c; i++) q = q * r + c[i];
    double p = 1.0 + (r + r * r * q);
    /* Two factors, each a normal number: the first product is exact, the second rounds to a
     * subnormal at most once. */
    int exponent = (int)n;
    int half = exponent / 2;
    return p * double_of_bits((uint64_t)(1023 + half) << 52) *
           double_of_bits((uint64_t)(1023 + exponent - half) << 52);
}

/* x = m * 2^e with m in [sqrt(1/2), sqrt(2)); log m = 2 artanh(s) with s = (m - 1) / (m + 1), below
 * 0.1716: the first term that the series leaves out is below 2^-63 of the sum. */
double math_log(double x)
{
    if (x != x || x < 0.0) return NAN;
    if (x == 0.0) return -INFINITY;
    if (x == INFINITY) return x;
    int exponent = 0;
    if (x < 0x1p-1022) {
        x *= 0x1p54;
        exponent = -54;
    }
    uint64_t bits = bits_of_double(x);
    exponent += (int)(bits >> 52) - 1023;
    double m = double_of_bits((bits & 0x000fffffffffffff) | 0x3ff0000000000000);
    if (m >= 0x1.6a09e667f3bcdp+0) {
        m *= 0.5;
        exponent++;
    }
    double f = m - 1.0; /* exact */
    double s = f / (2.0 + f);
    double z = s * s;
    double series = 1.0 / 23.0;
    for (int k = 21; k >= 3; k -= 2) series = series * z + 1.0 / k;
    double log_m = 2.0 * s + 2.0 * s * (z * series);
    double e = (double)exponent;
    return e * LN2_HIGH + (log_m + e * LN2_LOW);
}

static double sin_series(double r)
{
    static const double c[] = {
        1.0 / 355687428096000, -1.0 / 1307674368000, 1.0 / 6227020800, -1.0 / 39916800,
        1.0 / 362880,          -1.0 / 5040,          1.0 / 120,        -1.0 / 6};
    double z = r * r;
    double p = c[0];
    for (size_t i = 1; i < sizeof c / sizeof *c; i++) p = p * z + c[i];
    return r + r * z * p;
}

static double cos_series(double r)
{
    static const double c[] = {
        1.0 / 20922789888000, -1.0 / 87178291200, 1.0 / 479001600, -1.0 / 3628800,
        1.0 / 40320,          -1.0 / 720,         1.0 / 24};
    double z = r * r;
    double p = c[0];
    for (size_t i = 1; i < sizeof c / sizeof *c; i++) p = p * z + c[i];
    return 1.0 - (0.5 * z - z * z * p);
}

/* sin(x + quarter_turns * pi / 2), |r| <= pi / 4 after the reduction. pi / 2 in parts of 33, 33 and
 * 53 bits: the products of the first two with n < 2^20 are exact. */
static double sin_shifted(double x, uint64_t quarter_turns)
{
    if (!(x > -0x1p30 && x < 0x1p30)) return NAN;
    double shifted = x * 0x1.45f306dc9c883p-1 + ROUND;
    double n = shifted - ROUND;
    double r = x - n * 0x1.921fb54400000p+0;
    r = r - n * 0x1.0b4611a600000p-34;
    r = r - n * 0x1.3198a2e037073p-69;
    uint64_t quadrant = (bits_of_double(shifted) + quarter_turns) & 3;
    double y = (quadrant & 1) ? cos_series(r) : sin_series(r);
    return (quadrant & 2) ? -y : y;
}

double math_sin(double x)
{
    return sin_shifted(x, 0);
}

double math_cos(double x)
{
    return sin_shifted(x, 1);
}
