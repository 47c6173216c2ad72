/* gemm_quant_avx512vnni.c - quantized products with the four-way byte dot product of AVX-512 VNNI.
 *
 * vpdpbusd adds four products of unsigned q and signed a to an int32 without saturation, so narrow
 * sums are the int32 sums themselves. 32 registers hold a tile of two groups by six tokens.
 */
#include "engine/kernels/x86/vectors_avx512.h"

#define TILE_TOKENS 6
#define FOR_TILE_TYPES(X) X(Q4_0) X(Q4_1) X(Q5_0) X(Q5_1) X(Q8_0) X(IQ2_XXS)
#define FOR_PANEL_TYPES(X)                                                                         \
    X(Q2_K, 13)                                                                                    \
    X(Q3_K, 13) X(Q4_K, 13) X(Q5_K, 13) X(Q6_K, 13) X(IQ4_NL, 13) X(IQ4_XS, 13) X(MXFP4, 13)
#define FOR_TILE_TOKENS(X, type) X(type, 1) X(type, 2) X(type, 3) X(type, 4) X(type, 5) X(type, 6)
#define FOR_PANEL_TOKENS(X, type) X(type, 4) X(type, 5) X(type, 6)
#define INT16_SUMS 0
#define WIDE_TAKES_OFF 0
#define GEMM_QUANT gemm_quant_avx512vnni

SIMD_INLINE V_INT narrow_dot(V_INT sum, V_INT q, V_INT a)
{
    return _mm512_dpbusd_epi32(sum, q, a);
}

SIMD_INLINE V_INT v_add_pairs(V_INT sum, V_INT x, V_INT y)
{
    return _mm512_dpwssd_epi32(sum, x, y);
}

SIMD_INLINE V_INT wide_dot(V_INT sum, V_INT q, V_INT a, V_INT factor)
{
    (void)factor;
    return _mm512_dpbusd_epi32(sum, q, a);
}

SIMD_INLINE V_INT narrow_end(V_INT sum, V_INT narrow)
{
    return v_add(sum, narrow);
}

SIMD_INLINE V_INT widen_scale(__m128i scale, bool is_word)
{
    V_INT wide = _mm512_cvtepi8_epi32(scale);
    return is_word ? v_and(wide, _mm512_set1_epi32(0xffff)) : wide;
}

SIMD_INLINE V_INT narrow_end_scaled(V_INT sum, V_INT narrow, V_INT scale, bool is_word)
{
    if (is_word) return _mm512_dpwssd_epi32(sum, narrow, scale);
    return v_add(sum, _mm512_mullo_epi32(narrow, scale));
}

#include "engine/kernels/x86/gemm_quant_template.h"
