/* math.h - the functions of the forward pass that libm may not decide: exp and tanh for float
 * lanes; double exp, log, sin, cos for tables and log-probabilities. Fixed polynomials and range
 * reductions in IEEE arithmetic: the same bits on every machine.
 */
#ifndef PHIBENCH_ENGINE_KERNELS_MATH_H
#define PHIBENCH_ENGINE_KERNELS_MATH_H

/* exp(x), relative error below 2^-23. Below -87.33 it is 0 (no subnormal results), above 88.72
 * infinity, and NaN of NaN. Its SIMD twins run the same operations in the same order. */
float kernel_exp(float x);

/* tanh(x) within 3 units in the last place, odd to the bit, NaN of NaN. Its SIMD twins run the same
 * operations in the same order. */
float kernel_tanh(float x);

/* Relative error below 1e-15; |x| < 1e6 for sin and cos, which are less exact up to 2^30 and NaN
 * from there on. */
double math_exp(double x);
double math_log(double x);
double math_sin(double x);
double math_cos(double x);

#endif
