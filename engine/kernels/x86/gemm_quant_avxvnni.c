/* gemm_quant_avxvnni.c - quantized products with the four-way byte dot product of 256 bits, which
 * client CPUs without AVX-512 have (AVX-VNNI).
 *
 * vpdpbusd adds four products to an int32 without saturation: narrow sums are the int32 sums. 16
 * registers hold those of a group by six tokens, its q and an activation.
 * The intrinsics are those of AVX-512 VNNI with VL, encoded as either set has them. So a test runs
 * this text, compiled for that set, where AVX-VNNI is not: proof of the text, not of the encoding.
 */
#include "engine/kernels/x86/vectors_avx2.h"

#define TILE_TOKENS 6
#define FOR_TILE_TYPES(X) X(Q8_0) X(IQ2_XXS)
#define FOR_PANEL_TYPES(X)                                                                         \
    X(Q4_0, 13)                                                                                    \
    X(Q4_1, 13)                                                                                    \
    X(Q5_0, 13)                                                                                    \
    X(Q5_1, 13)                                                                                    \
    X(Q2_K, 8) X(Q3_K, 8) X(Q4_K, 8) X(Q5_K, 8) X(Q6_K, 8) X(IQ4_NL, 13) X(IQ4_XS, 8) X(MXFP4, 13)
#define FOR_TILE_TOKENS(X, type) X(type, 1) X(type, 2) X(type, 3) X(type, 4) X(type, 5) X(type, 6)
#define FOR_PANEL_TOKENS(X, type) X(type, 4) X(type, 5) X(type, 6)
#define INT16_SUMS 0
#define WIDE_TAKES_OFF 0
#ifndef GEMM_QUANT
#define GEMM_QUANT gemm_quant_avxvnni
#endif

SIMD_INLINE V_INT v_add_pairs(V_INT sum, V_INT x, V_INT y)
{
    return _mm256_dpwssd_epi32(sum, x, y);
}

SIMD_INLINE V_INT narrow_dot(V_INT sum, V_INT q, V_INT a)
{
    return _mm256_dpbusd_epi32(sum, q, a);
}

SIMD_INLINE V_INT wide_dot(V_INT sum, V_INT q, V_INT a, V_INT factor)
{
    (void)factor;
    return _mm256_dpbusd_epi32(sum, q, a);
}

SIMD_INLINE V_INT narrow_end(V_INT sum, V_INT narrow)
{
    return v_add(sum, narrow);
}

SIMD_INLINE V_INT widen_scale(__m128i scale, bool is_word)
{
    V_INT wide = _mm256_cvtepi8_epi32(scale);
    return is_word ? v_and(wide, _mm256_set1_epi32(0xffff)) : wide;
}

SIMD_INLINE V_INT narrow_end_scaled(V_INT sum, V_INT narrow, V_INT scale, bool is_word)
{
    if (is_word) return _mm256_dpwssd_epi32(sum, narrow, scale);
    return v_add(sum, _mm256_mullo_epi32(narrow, scale));
}

#include "engine/kernels/x86/gemm_quant_template.h"
