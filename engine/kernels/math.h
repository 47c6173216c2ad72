/* math.h - the functions of the forward pass that libm may not decide: exp for float lanes; double exp, log, sin, cos for tables
 * and log-probabilities. Fixed polynomials and range reductions in IEEE arithmetic: the same bits on every machine.
 */
#ifndef PHIBENCH_ENGINE_KERNELS_MATH_H
#define PHIBENCH_ENGINE_KERNELS_MATH_H

/* exp(x), relative error below 2^-22 for normal results; x < -87.33 gives 0 (no subnormals), x > 88.72 infinity, NaN NaN.
 * The SIMD twins in the x86 and arm folders run the same operations in the same order. */
float kernel_exp(float x);

/* Relative error below 1e-15 over the range that the engine uses. |x| < 1e6 for sin and cos. */
double math_exp(double x);
double math_log(double x);
double math_sin(double x);
double math_cos(double x);

#endif
