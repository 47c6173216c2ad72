/* gemm_quant_avx512.c - int8 activations and quantized products with AVX-512 alone.
 *
 * Byte products are summed in pairs to int16 (vpmaddubsw), which the runs of the template keep from
 * saturating; the product with the scale then sums the pairs to int32. 32 registers hold a tile of
 * two groups by four tokens, with its second set of sums.
 */
#include "engine/kernels/act_scale.h"
#include "engine/kernels/x86/vectors_avx512.h"

#define TILE_TOKENS 4
#define FOR_TILE_TYPES(X) X(Q8_0) X(IQ2_XXS)
#define FOR_PANEL_TYPES(X)                                                                         \
    X(Q4_0, 6)                                                                                     \
    X(Q4_1, 6)                                                                                     \
    X(Q5_0, 12)                                                                                    \
    X(Q5_1, 12)                                                                                    \
    X(Q2_K, 6) X(Q3_K, 6) X(Q4_K, 6) X(Q5_K, 6) X(Q6_K, 6) X(IQ4_NL, 6) X(IQ4_XS, 6) X(MXFP4, 6)
#define FOR_TILE_TOKENS(X, type) X(type, 1) X(type, 2) X(type, 3) X(type, 4)
#define FOR_PANEL_TOKENS(X, type) X(type, 3) X(type, 4)
#define INT16_SUMS 1
#define WIDE_TAKES_OFF 128
#define GEMM_QUANT gemm_quant_avx512

SIMD_INLINE V_INT v_pair_products(V_INT a, V_INT b)
{
    return _mm512_madd_epi16(a, b);
}

SIMD_INLINE V_INT v_add_pairs(V_INT sum, V_INT x, V_INT y)
{
    return v_add(sum, v_pair_products(x, y));
}

SIMD_INLINE V_INT narrow_dot(V_INT sum, V_INT q, V_INT a)
{
    return v_chain(_mm512_add_epi16(sum, _mm512_maddubs_epi16(q, a)));
}

/* Magnitude times a with the sign of w: a pair is at most 2 * 128 * 127 = 32512. */
SIMD_INLINE V_INT wide_dot(V_INT sum, V_INT q, V_INT a, V_INT factor)
{
    V_INT w = _mm512_xor_si512(q, _mm512_set1_epi8(-128));
    V_INT signed_a = _mm512_mask_sub_epi8(a, _mm512_movepi8_mask(w), v_zero(), a);
    V_INT pairs = _mm512_maddubs_epi16(_mm512_abs_epi8(w), signed_a);
    return v_add(sum, v_pair_products(pairs, factor));
}

SIMD_INLINE V_INT narrow_end(V_INT sum, V_INT narrow)
{
    return v_add(sum, v_pair_products(narrow, v_set16(1)));
}

/* A scale in both halves of an int32. */
SIMD_INLINE V_INT widen_scale(__m128i scale, bool is_word)
{
    (void)is_word;
    V_INT low = _mm512_and_si512(_mm512_cvtepi8_epi32(scale), _mm512_set1_epi32(0xffff));
    return v_or(low, _mm512_slli_epi32(low, 16));
}

SIMD_INLINE V_INT narrow_end_scaled(V_INT sum, V_INT narrow, V_INT scale, bool is_word)
{
    (void)is_word;
    return v_add(sum, v_pair_products(narrow, scale));
}

#include "engine/kernels/x86/gemm_quant_template.h"

static uint32_t block_maximum(const float *x, size_t n)
{
    __m512i maximum = v_zero(), magnitude = _mm512_set1_epi32(0x7fffffff);
    for (size_t i = 0; i < n; i += 16) {
        maximum = _mm512_max_epi32(maximum, v_and(v_load(x + i), magnitude));
    }
    return (uint32_t)_mm512_reduce_max_epi32(maximum);
}

void quantize_avx512(const float *x, size_t n_cols, size_t block, int8_t *q, float *d,
                     int16_t *sums)
{
    for (size_t at = 0; at < n_cols; at += block) {
        float scale;
        if (!act_scale(block_maximum(x + at, block), &d[at / block], &scale)) {
            memset(q + at, 0, block);
            memset(sums + at / 16, 0, block / 16 * sizeof *sums);
            continue;
        }
        for (size_t i = at; i < at + block; i += 16) {
            __m512 scaled = simd_mul(_mm512_loadu_ps(x + i), simd_set(scale));
            __m512i rounded = _mm512_cvtps_epi32(scaled); /* to nearest even */
            _mm_storeu_si128((__m128i *)(q + i), _mm512_cvtepi32_epi8(rounded));
            sums[i / 16] = (int16_t)_mm512_reduce_add_epi32(rounded);
        }
    }
}
