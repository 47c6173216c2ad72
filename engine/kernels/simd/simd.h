/* simd.h - what the operations of simd_avx2.h, simd_avx512.h and simd_neon.h mean, and what is
 * built from them.
 *
 * These include it; alone it is empty, as the templates are. SIMD_FLOAT is a register of SIMD_LANES
 * floats; 16 lanes, the width of the numerics contract, are SIMD_PARTS registers. A tile may hold
 * sums in SIMD_ACCUMULATORS of them. Loads and stores need no alignment.
 */
#ifndef PHIBENCH_ENGINE_KERNELS_SIMD_SIMD_H
#define PHIBENCH_ENGINE_KERNELS_SIMD_SIMD_H

#ifdef SIMD_FLOAT

#include "engine/kernels/math_constants.h"

/* simd_load, _load_half, _load_bfloat   SIMD_LANES values, converted to float
 * simd_load_int8                        SIMD_LANES signed bytes, converted to float
 * simd_load_first, simd_store_first     the first n lanes, all if n is larger; other lanes load as
 *                                       zero, and their memory is not touched
 * simd_store_half                       converted to binary16, round to nearest even
 * simd_fma, simd_fms                    a * b + c and a * b - c, rounded once
 * simd_fmaddsub                         a * b - c in even lanes, a * b + c in odd ones
 * simd_keep                             lanes first..end-1 of v, `other` elsewhere whatever v has
 * simd_split_pairs                      even and odd elements of two registers
 * simd_lanes_sum                        of SIMD_PARTS registers, by the tree of lanes.h
 * simd_lanes_max                        the largest of a register; unspecified if one is NaN
 * simd_load_bytes                       SIMD_LANES quads of bytes, each 128 more than what it means
 * simd_store_quad                       four values of -127..127 as SIMD_QUAD_BYTES, to multiply by
 * simd_dot_bytes                        adds to each lane of a SIMD_INT the dot product of its quad
 *                                       and that one, exactly, and SIMD_BYTES_OFFSET times the sum
 *                                       of that one's values */

/* Tiles are inlined and unrolled for their constant sizes; where a sanitizer would add checks to
 * every copy, they stay loops in functions. */
#if defined(__has_feature)
#define SIMD_SANITIZED __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define SIMD_SANITIZED 1
#else
#define SIMD_SANITIZED 0
#endif
#if SIMD_SANITIZED
#define SIMD_INLINE static
#define SIMD_UNROLL
#elif defined(__clang__)
#define SIMD_INLINE static inline __attribute__((always_inline))
#define SIMD_UNROLL _Pragma("clang loop unroll(full)")
#else
#define SIMD_INLINE static inline __attribute__((always_inline))
#define SIMD_UNROLL _Pragma("GCC unroll 24")
#endif

enum { SIMD_PARTS = 16 / SIMD_LANES };

/* The twins of kernel_exp and kernel_tanh (math.c): the same operations in the same order. */
struct simd_exp_parts {
    SIMD_FLOAT shifted, r, series;
};

static inline struct simd_exp_parts simd_reduce_exp(SIMD_FLOAT x)
{
    SIMD_FLOAT shifted = simd_fma(x, simd_set(EXPF_LOG2_E), simd_set(EXPF_ROUND));
    SIMD_FLOAT n = simd_sub(shifted, simd_set(EXPF_ROUND));
    SIMD_FLOAT r = simd_fma(n, simd_set(-EXPF_LN2_HIGH), x);
    r = simd_fma(n, simd_set(-EXPF_LN2_LOW), r);
    SIMD_FLOAT p = simd_set(EXPF_C6);
    p = simd_fma(p, r, simd_set(EXPF_C5));
    p = simd_fma(p, r, simd_set(EXPF_C4));
    p = simd_fma(p, r, simd_set(EXPF_C3));
    p = simd_fma(p, r, simd_set(EXPF_C2));
    return (struct simd_exp_parts){shifted, r, p};
}

static inline SIMD_FLOAT simd_exp(SIMD_FLOAT x)
{
    struct simd_exp_parts parts = simd_reduce_exp(x);
    SIMD_FLOAT p = simd_fma(parts.series, parts.r, simd_set(1.0f));
    p = simd_fma(p, parts.r, simd_set(1.0f));
    return simd_exp_limits(x, simd_add_exponent(p, parts.shifted), EXPF_MIN, EXPF_MAX);
}

/* The operand that may be NaN is simd_max's second, which x86 returns then. */
static inline SIMD_FLOAT simd_tanh(SIMD_FLOAT x)
{
    SIMD_FLOAT magnitude = simd_abs(x), one = simd_set(1.0f);
    SIMD_FLOAT t = simd_max(simd_set(TANHF_MIN), simd_mul(simd_set(-2.0f), magnitude));
    struct simd_exp_parts parts = simd_reduce_exp(t);
    SIMD_FLOAT q = simd_fma(simd_mul(parts.series, parts.r), parts.r, parts.r);
    SIMD_FLOAT power = simd_add_exponent(one, parts.shifted);
    SIMD_FLOAT u = simd_fma(simd_xor(power, simd_set(-0.0f)), q, simd_sub(one, power));
    SIMD_FLOAT y = simd_div(u, simd_sub(simd_set(2.0f), u));
    return simd_xor(y, simd_xor(x, magnitude));
}

#endif

#endif
