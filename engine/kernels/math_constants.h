/* math_constants.h - the constants of kernel_exp, kernel_tanh and what is made of them, one text
 * for the scalar functions and their SIMD twins.
 *
 * The polynomial 1 + r + r^2 (C2 + C3 r + ... + C6 r^4) is the minimax of the relative error on |r|
 * <= ln(2) / 2, found with the Remez exchange: error 3.1e-9 before rounding, so that float rounding
 * decides.
 */
#ifndef PHIBENCH_ENGINE_KERNELS_MATH_CONSTANTS_H
#define PHIBENCH_ENGINE_KERNELS_MATH_CONSTANTS_H

#define EXPF_MIN (-87.33f) /* below: 0 */
#define EXPF_MAX 88.72f    /* above: infinity */
#define EXPF_ROUND 0x1.8p23f
#define EXPF_LOG2_E 0x1.715476p+0f
#define EXPF_LN2_HIGH 0x1.62e430p-1f
#define EXPF_LN2_LOW (-0x1.05c610p-29f)
#define EXPF_C2 0x1.fffffcp-2f
#define EXPF_C3 0x1.555492p-3f
#define EXPF_C4 0x1.5558f2p-5f
#define EXPF_C5 0x1.1239f2p-7f
#define EXPF_C6 0x1.6a241ap-10f

#define TANHF_MIN (-20.0f)  /* twice the argument from which on tanh rounds to 1, and a little */
#define GEGELU_SLOPE 1.702f /* of the logistic function that stands in for the normal one's */

/* gelu: 2 sqrt(2 / pi), and that times 0.044715. */
#define GELU_LINEAR 1.5957691216057308f
#define GELU_CUBE 0.07135481627260025f

/* The tail of the normal distribution: for a >= 0 the probability of what is above a is exp(-a^2 /
 * 2) t (C0 + C1 t + ... + C7 t^7), t = 1 / (1 + NORMAL_SLOPE a), the form of Abramowitz and Stegun
 * 7.1.26; least relative error for a up to 14, found by Lawson's iteration: 1.5e-7. */
#define NORMAL_SLOPE 0.3f
#define NORMAL_C0 0.119629303f
#define NORMAL_C1 0.120753962f
#define NORMAL_C2 0.0999134861f
#define NORMAL_C3 0.128561655f
#define NORMAL_C4 (-0.0536836924f)
#define NORMAL_C5 0.206353549f
#define NORMAL_C6 (-0.157203126f)
#define NORMAL_C7 0.0356747892f

#endif
