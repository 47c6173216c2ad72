/* simd_avx512.h - the few vector operations that the float kernels are written in, as AVX-512 has
 * them.
 *
 * Included before a *_template.h, by files compiled for this instruction set only; simd_avx2.h
 * offers the same names. What each operation means is documented in simd.h.
 */
#ifndef PHIBENCH_ENGINE_KERNELS_X86_SIMD_AVX512_H
#define PHIBENCH_ENGINE_KERNELS_X86_SIMD_AVX512_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SIMD_NAME(function) function##_avx512
#define SIMD_FLOAT __m512
#define SIMD_WIDE_TILES 1
enum { SIMD_LANES = 16, SIMD_ACCUMULATORS = 24 };

static inline __mmask16 simd_first(size_t n)
{
    return (__mmask16)(n < 16 ? (1u << n) - 1 : 0xffff);
}

static inline SIMD_FLOAT simd_set(float value)
{
    return _mm512_set1_ps(value);
}

static inline SIMD_FLOAT simd_load(const void *values)
{
    return _mm512_loadu_ps(values);
}

static inline SIMD_FLOAT simd_load_half(const void *halves)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256(halves));
}

static inline SIMD_FLOAT simd_load_bfloat(const void *bfloats)
{
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(bfloats));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}

static inline SIMD_FLOAT simd_load_int8(const void *bytes)
{
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(bytes)));
}

static inline SIMD_FLOAT simd_load_first(const float *values, size_t n)
{
    return _mm512_maskz_loadu_ps(simd_first(n), values);
}

static inline void simd_store(void *values, SIMD_FLOAT v)
{
    _mm512_storeu_ps(values, v);
}

static inline void simd_store_first(float *values, SIMD_FLOAT v, size_t n)
{
    _mm512_mask_storeu_ps(values, simd_first(n), v);
}

static inline void simd_store_half(void *halves, SIMD_FLOAT v)
{
    /* All lanes by a mask: without optimization the plain form is a macro that warns. */
    _mm256_storeu_si256(halves,
                        _mm512_maskz_cvtps_ph((__mmask16)0xffff, v, _MM_FROUND_TO_NEAREST_INT));
}

static inline SIMD_FLOAT simd_add(SIMD_FLOAT a, SIMD_FLOAT b)
{
    return _mm512_add_ps(a, b);
}

static inline SIMD_FLOAT simd_sub(SIMD_FLOAT a, SIMD_FLOAT b)
{
    return _mm512_sub_ps(a, b);
}

static inline SIMD_FLOAT simd_mul(SIMD_FLOAT a, SIMD_FLOAT b)
{
    return _mm512_mul_ps(a, b);
}

static inline SIMD_FLOAT simd_div(SIMD_FLOAT a, SIMD_FLOAT b)
{
    return _mm512_div_ps(a, b);
}

static inline SIMD_FLOAT simd_max(SIMD_FLOAT a, SIMD_FLOAT b)
{
    return _mm512_max_ps(a, b);
}

static inline SIMD_FLOAT simd_abs(SIMD_FLOAT v)
{
    return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), v);
}

static inline SIMD_FLOAT simd_xor(SIMD_FLOAT a, SIMD_FLOAT b)
{
    return _mm512_xor_ps(a, b);
}

static inline SIMD_FLOAT simd_fma(SIMD_FLOAT a, SIMD_FLOAT b, SIMD_FLOAT c)
{
    return _mm512_fmadd_ps(a, b, c);
}

static inline SIMD_FLOAT simd_fms(SIMD_FLOAT a, SIMD_FLOAT b, SIMD_FLOAT c)
{
    return _mm512_fmsub_ps(a, b, c);
}

static inline SIMD_FLOAT simd_fmaddsub(SIMD_FLOAT a, SIMD_FLOAT b, SIMD_FLOAT c)
{
    return _mm512_fmaddsub_ps(a, b, c);
}

static inline SIMD_FLOAT simd_keep(SIMD_FLOAT v, size_t first, size_t end, float other)
{
    __mmask16 mask = _kandn_mask16(simd_first(first), simd_first(end));
    return _mm512_mask_mov_ps(_mm512_set1_ps(other), mask, v);
}

static inline SIMD_FLOAT simd_exp_limits(SIMD_FLOAT x, SIMD_FLOAT y, float min, float max)
{
    const __m512 infinity = _mm512_set1_ps(__builtin_inff());
    __mmask16 above = _mm512_cmp_ps_mask(x, _mm512_set1_ps(max), _CMP_NLE_UQ);
    __mmask16 below = _mm512_cmp_ps_mask(x, _mm512_set1_ps(min), _CMP_LT_OQ);
    y = _mm512_mask_add_ps(y, above, x, infinity);
    return _mm512_mask_mov_ps(y, below, _mm512_setzero_ps());
}

static inline SIMD_FLOAT simd_add_exponent(SIMD_FLOAT p, SIMD_FLOAT shifted)
{
    __m512i n = _mm512_slli_epi32(_mm512_castps_si512(shifted), 23);
    return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(p), n));
}

static inline __m256 simd_high_half(SIMD_FLOAT v)
{
    return _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(v), 1));
}

/* v: the 16 lanes. */
static inline __m256 simd_fold_add(const SIMD_FLOAT v[1])
{
    return _mm256_add_ps(_mm512_castps512_ps256(v[0]), simd_high_half(v[0]));
}

static inline __m256 simd_fold_max(SIMD_FLOAT v)
{
    return _mm256_max_ps(_mm512_castps512_ps256(v), simd_high_half(v));
}

static inline void simd_split_pairs(SIMD_FLOAT low, SIMD_FLOAT high, SIMD_FLOAT *even,
                                    SIMD_FLOAT *odd)
{
    const __m512i evens =
        _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    *even = _mm512_permutex2var_ps(low, evens, high);
    *odd = _mm512_permutex2var_ps(low, _mm512_add_epi32(evens, _mm512_set1_epi32(1)), high);
}

static inline SIMD_FLOAT simd_duplicate_even(SIMD_FLOAT v)
{
    return _mm512_moveldup_ps(v);
}

static inline SIMD_FLOAT simd_duplicate_odd(SIMD_FLOAT v)
{
    return _mm512_movehdup_ps(v);
}

static inline SIMD_FLOAT simd_swap_pairs(SIMD_FLOAT v)
{
    return _mm512_permute_ps(v, 0xb1);
}

#define SIMD_INT __m512i
enum { SIMD_BYTES_OFFSET = 128 };

static inline SIMD_INT simd_set_int(int32_t value)
{
    return _mm512_set1_epi32(value);
}

static inline SIMD_FLOAT simd_int_to_float(SIMD_INT v)
{
    return _mm512_cvtepi32_ps(v);
}

static inline SIMD_INT simd_repeat_word(const uint8_t *bytes)
{
    int32_t word;
    memcpy(&word, bytes, sizeof word);
    return _mm512_set1_epi32(word);
}

#ifdef __AVX512VNNI__
enum { SIMD_QUAD_BYTES = 4 };

struct simd_bytes {
    __m512i all;
};

static inline struct simd_bytes simd_load_bytes(const uint8_t *bytes)
{
    return (struct simd_bytes){_mm512_loadu_si512(bytes)};
}

static inline void simd_store_quad(const int8_t q[4], uint8_t *quad)
{
    memcpy(quad, q, 4);
}

static inline SIMD_INT simd_dot_bytes(SIMD_INT sum, struct simd_bytes bytes, const uint8_t *quad)
{
    return _mm512_dpbusd_epi32(sum, bytes.all, simd_repeat_word(quad));
}
#else
enum { SIMD_QUAD_BYTES = 8 };

/* As 16-bit integers: two products of them fit an int32, but not an int16. */
struct simd_bytes {
    __m512i even, odd;
};

static inline struct simd_bytes simd_load_bytes(const uint8_t *bytes)
{
    __m512i all = _mm512_loadu_si512(bytes);
    return (struct simd_bytes){_mm512_and_si512(all, _mm512_set1_epi16(0xff)),
                               _mm512_srli_epi16(all, 8)};
}

static inline void simd_store_quad(const int8_t q[4], uint8_t *quad)
{
    const int16_t pairs[] = {q[0], q[2], q[1], q[3]};
    memcpy(quad, pairs, sizeof pairs);
}

static inline SIMD_INT simd_dot_bytes(SIMD_INT sum, struct simd_bytes bytes, const uint8_t *quad)
{
    sum = _mm512_add_epi32(sum, _mm512_madd_epi16(bytes.even, simd_repeat_word(quad)));
    return _mm512_add_epi32(sum, _mm512_madd_epi16(bytes.odd, simd_repeat_word(quad + 4)));
}
#endif

#include "engine/kernels/simd/simd.h"
#include "engine/kernels/x86/lanes_x86.h"

#endif
