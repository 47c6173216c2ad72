/* gemm_quant_avx512vnni.c - quantized products with the four-way byte dot product of AVX-512 VNNI.
 *
 * vpdpbusd adds four products of unsigned q and signed a to an int32 without saturation, so narrow
 * sums are the int32 sums themselves. 32 registers hold a tile of two groups by six tokens.
 */
#include "engine/kernels/x86/vectors_avx512.h"

#define TILE_TOKENS 6
#define IF_TILE_OF_SIX(...) __VA_ARGS__
#define INT16_SUMS 0
#define WIDE_TAKES_OFF 0
#define GEMM_QUANT gemm_quant_avx512vnni

SIMD_INLINE V_INT narrow_dot(V_INT sum, V_INT q, V_INT a)
{
    return _mm512_dpbusd_epi32(sum, q, a);
}

SIMD_INLINE V_INT wide_dot(V_INT sum, V_INT q, V_INT a)
{
    return _mm512_dpbusd_epi32(sum, q, a);
}

SIMD_INLINE V_INT narrow_end(V_INT sum, V_INT narrow)
{
    return v_add(sum, narrow);
}

SIMD_INLINE V_INT widen_scale(__m128i scale)
{
    return _mm512_cvtepi8_epi32(scale);
}

SIMD_INLINE V_INT narrow_end_scaled(V_INT sum, V_INT narrow, V_INT scale)
{
    return v_add(sum, _mm512_mullo_epi32(narrow, scale));
}

#include "engine/kernels/simd/gemm_quant_template.h"
