/* distributions.h - probabilities and quantiles of the normal and of Student's distribution.
 *
 * Exact to rounding, or nearly: what is said at each is tested against SciPy.
 */
#ifndef PHIBENCH_RESULTS_STATS_DISTRIBUTIONS_H
#define PHIBENCH_RESULTS_STATS_DISTRIBUTIONS_H

#include <stdint.h>

/* The 97.5% quantile of the standard normal distribution. */
#define STATS_Z 1.959963984540054

/* The probability that a standard normal value lies below z, also far out in the lower tail. */
double stats_normal_below(double z);

/* The standard normal quantile of p: -INFINITY for 0, INFINITY for 1, NaN outside. Absolute error
 * below 1e-12 (Abramowitz and Stegun 1964, 26.2.23, improved by Halley's method). */
double stats_normal_quantile(double p);

/* The 97.5% quantile of Student's t distribution with n_free degrees of freedom: how many standard
 * errors the 95% interval of a mean reaches, 12.7 of two values, 1.96 of many; NaN for 0
 * (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4; 26.7.5 beyond 200). */
double stats_student(uint64_t n_free);

/* Two-sided p of a value t of Student's distribution with n_free degrees of freedom: the
 * probability that |t| is as large (NIST DLMF 8.17.22). NaN for 0 degrees and for a t that is none.
 * The relative error is below 1e-13 (1 + n_free), far out too. */
double stats_student_p(double t, uint64_t n_free);

#endif
