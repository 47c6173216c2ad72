/* gemm_quant_avx2.c - int8 activations and quantized products with AVX2.
 *
 * Byte products are summed in pairs to int16 (vpmaddubsw), which the runs of the template keep from
 * saturating; the product with the scale then sums the pairs to int32. 16 registers hold the narrow
 * sums of a group by four tokens; what is needed once per run or block stays in the cache.
 */
#include "engine/kernels/act_scale.h"
#include "engine/kernels/x86/vectors_avx2.h"

#define TILE_TOKENS 4
#define FOR_TILE_TYPES(X) X(Q4_1) X(Q8_0) X(IQ2_XXS)
#define FOR_PANEL_TYPES(X)                                                                         \
    X(Q4_0, 6)                                                                                     \
    X(Q5_0, 6)                                                                                     \
    X(Q5_1, 6)                                                                                     \
    X(Q2_K, 6) X(Q3_K, 6) X(Q4_K, 6) X(Q5_K, 6) X(Q6_K, 6) X(IQ4_NL, 6) X(IQ4_XS, 6) X(MXFP4, 6)
#define FOR_TILE_TOKENS(X, type) X(type, 1) X(type, 2) X(type, 3) X(type, 4)
#define FOR_PANEL_TOKENS(X, type) X(type, 3) X(type, 4)
#define INT16_SUMS 1
#define WIDE_TAKES_OFF 128
#define GEMM_QUANT gemm_quant_avx2

SIMD_INLINE V_INT v_pair_products(V_INT a, V_INT b)
{
    return _mm256_madd_epi16(a, b);
}

SIMD_INLINE V_INT v_add_pairs(V_INT sum, V_INT x, V_INT y)
{
    return v_add(sum, v_pair_products(x, y));
}

SIMD_INLINE V_INT narrow_dot(V_INT sum, V_INT q, V_INT a)
{
    return v_chain(_mm256_add_epi16(sum, _mm256_maddubs_epi16(q, a)));
}

/* Magnitude times a with the sign of w: a pair is at most 2 * 128 * 127 = 32512. */
SIMD_INLINE V_INT wide_dot(V_INT sum, V_INT q, V_INT a, V_INT factor)
{
    V_INT w = _mm256_xor_si256(q, _mm256_set1_epi8(-128));
    V_INT pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(a, w));
    return v_add(sum, v_pair_products(pairs, factor));
}

SIMD_INLINE V_INT narrow_end(V_INT sum, V_INT narrow)
{
    return v_add(sum, v_pair_products(narrow, v_set16(1)));
}

SIMD_INLINE V_INT narrow_end_scaled(V_INT sum, V_INT narrow, V_INT scale, bool is_word)
{
    (void)is_word;
    return v_add(sum, v_pair_products(narrow, scale));
}

/* A scale in both halves of an int32. */
SIMD_INLINE V_INT widen_scale(__m128i scale, bool is_word)
{
    (void)is_word;
    V_INT low = v_and(_mm256_cvtepi8_epi32(scale), _mm256_set1_epi32(0xffff));
    return v_or(low, _mm256_slli_epi32(low, 16));
}

#include "engine/kernels/x86/gemm_quant_template.h"

static uint32_t block_maximum(const float *x, size_t n)
{
    __m256i maximum = v_zero(), magnitude = _mm256_set1_epi32(0x7fffffff);
    for (size_t i = 0; i < n; i += 8) {
        maximum = _mm256_max_epi32(maximum, v_and(v_load(x + i), magnitude));
    }
    uint32_t lanes[8], largest = 0;
    _mm256_storeu_si256((__m256i *)lanes, maximum);
    for (int i = 0; i < 8; i++) largest = lanes[i] > largest ? lanes[i] : largest;
    return largest;
}

/* The sum of 16 signed bytes. */
static int16_t sum_bytes(__m128i bytes)
{
    __m128i pairs = _mm_maddubs_epi16(_mm_set1_epi8(1), bytes);
    __m128i fours = _mm_madd_epi16(pairs, _mm_set1_epi16(1));
    fours = _mm_add_epi32(fours, _mm_shuffle_epi32(fours, 0x4e));
    fours = _mm_add_epi32(fours, _mm_shuffle_epi32(fours, 0xb1));
    return (int16_t)_mm_cvtsi128_si32(fours);
}

void quantize_avx2(const float *x, size_t n_cols, size_t block, int8_t *q, float *d, int16_t *sums)
{
    for (size_t at = 0; at < n_cols; at += block) {
        float scale;
        if (!act_scale(block_maximum(x + at, block), &d[at / block], &scale)) {
            memset(q + at, 0, block);
            memset(sums + at / 16, 0, block / 16 * sizeof *sums);
            continue;
        }
        for (size_t i = at; i < at + block; i += 16) {
            /* to nearest even */
            __m256i low = _mm256_cvtps_epi32(simd_mul(_mm256_loadu_ps(x + i), simd_set(scale)));
            __m256i high =
                _mm256_cvtps_epi32(simd_mul(_mm256_loadu_ps(x + i + 8), simd_set(scale)));
            __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8);
            __m128i bytes =
                _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
            _mm_storeu_si128((__m128i *)(q + i), bytes);
            sums[i / 16] = sum_bytes(bytes);
        }
    }
}
