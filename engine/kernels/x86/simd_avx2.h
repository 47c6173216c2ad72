/* simd_avx2.h - the few vector operations that the float kernels are written in, as AVX2 with FMA
 * and F16C has them.
 *
 * Included before a *_template.h, by files compiled for this instruction set only; simd_avx512.h
 * offers the same names. What each operation means is documented in simd.h.
 */
#ifndef PHIBENCH_ENGINE_KERNELS_X86_SIMD_AVX2_H
#define PHIBENCH_ENGINE_KERNELS_X86_SIMD_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SIMD_NAME(function) function##_avx2
#define SIMD_FLOAT __m256
#define SIMD_WIDE_TILES 0
enum { SIMD_LANES = 8, SIMD_ACCUMULATORS = 12 };

static inline __m256i simd_first(size_t n)
{
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n < 8 ? (int)n : 8), lanes);
}

static inline SIMD_FLOAT simd_set(float value)
{
    return _mm256_set1_ps(value);
}

static inline SIMD_FLOAT simd_load(const void *values)
{
    return _mm256_loadu_ps(values);
}

static inline SIMD_FLOAT simd_load_half(const void *halves)
{
    return _mm256_cvtph_ps(_mm_loadu_si128(halves));
}

static inline SIMD_FLOAT simd_load_bfloat(const void *bfloats)
{
    __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(bfloats));
    return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}

static inline SIMD_FLOAT simd_load_int8(const void *bytes)
{
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(bytes)));
}

static inline SIMD_FLOAT simd_load_first(const float *values, size_t n)
{
    return _mm256_maskload_ps(values, simd_first(n));
}

static inline void simd_store(void *values, SIMD_FLOAT v)
{
    _mm256_storeu_ps(values, v);
}

static inline void simd_store_first(float *values, SIMD_FLOAT v, size_t n)
{
    _mm256_maskstore_ps(values, simd_first(n), v);
}

static inline void simd_store_half(void *halves, SIMD_FLOAT v)
{
    _mm_storeu_si128(halves, _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}

static inline SIMD_FLOAT simd_add(SIMD_FLOAT a, SIMD_FLOAT b)
{
    return _mm256_add_ps(a, b);
}

static inline SIMD_FLOAT simd_sub(SIMD_FLOAT a, SIMD_FLOAT b)
{
    return _mm256_sub_ps(a, b);
}

static inline SIMD_FLOAT simd_mul(SIMD_FLOAT a, SIMD_FLOAT b)
{
    return _mm256_mul_ps(a, b);
}

static inline SIMD_FLOAT simd_div(SIMD_FLOAT a, SIMD_FLOAT b)
{
    return _mm256_div_ps(a, b);
}

static inline SIMD_FLOAT simd_max(SIMD_FLOAT a, SIMD_FLOAT b)
{
    return _mm256_max_ps(a, b);
}

static inline SIMD_FLOAT simd_abs(SIMD_FLOAT v)
{
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), v);
}

static inline SIMD_FLOAT simd_xor(SIMD_FLOAT a, SIMD_FLOAT b)
{
    return _mm256_xor_ps(a, b);
}

static inline SIMD_FLOAT simd_fma(SIMD_FLOAT a, SIMD_FLOAT b, SIMD_FLOAT c)
{
    return _mm256_fmadd_ps(a, b, c);
}

static inline SIMD_FLOAT simd_fms(SIMD_FLOAT a, SIMD_FLOAT b, SIMD_FLOAT c)
{
    return _mm256_fmsub_ps(a, b, c);
}

static inline SIMD_FLOAT simd_fmaddsub(SIMD_FLOAT a, SIMD_FLOAT b, SIMD_FLOAT c)
{
    return _mm256_fmaddsub_ps(a, b, c);
}

static inline SIMD_FLOAT simd_keep(SIMD_FLOAT v, size_t first, size_t end, float other)
{
    __m256i mask = _mm256_andnot_si256(simd_first(first), simd_first(end));
    return _mm256_blendv_ps(_mm256_set1_ps(other), v, _mm256_castsi256_ps(mask));
}

static inline SIMD_FLOAT simd_exp_limits(SIMD_FLOAT x, SIMD_FLOAT y, float min, float max)
{
    const __m256 infinity = _mm256_set1_ps(__builtin_inff());
    __m256 above = _mm256_cmp_ps(x, _mm256_set1_ps(max), _CMP_NLE_UQ);
    __m256 below = _mm256_cmp_ps(x, _mm256_set1_ps(min), _CMP_LT_OQ);
    y = _mm256_blendv_ps(y, _mm256_add_ps(x, infinity), above);
    return _mm256_andnot_ps(below, y);
}

static inline SIMD_FLOAT simd_add_exponent(SIMD_FLOAT p, SIMD_FLOAT shifted)
{
    __m256i n = _mm256_slli_epi32(_mm256_castps_si256(shifted), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), n));
}

/* v: the 16 lanes, in two parts. */
static inline __m256 simd_fold_add(const SIMD_FLOAT v[2])
{
    return _mm256_add_ps(v[0], v[1]);
}

static inline __m256 simd_fold_max(SIMD_FLOAT v)
{
    return v;
}

static inline void simd_split_pairs(SIMD_FLOAT low, SIMD_FLOAT high, SIMD_FLOAT *even,
                                    SIMD_FLOAT *odd)
{
    /* Each shuffle leaves the quarters in the order 0, 2, 1, 3. */
    __m256d evens = _mm256_castps_pd(_mm256_shuffle_ps(low, high, 0x88));
    __m256d odds = _mm256_castps_pd(_mm256_shuffle_ps(low, high, 0xdd));
    *even = _mm256_castpd_ps(_mm256_permute4x64_pd(evens, 0xd8));
    *odd = _mm256_castpd_ps(_mm256_permute4x64_pd(odds, 0xd8));
}

static inline SIMD_FLOAT simd_duplicate_even(SIMD_FLOAT v)
{
    return _mm256_moveldup_ps(v);
}

static inline SIMD_FLOAT simd_duplicate_odd(SIMD_FLOAT v)
{
    return _mm256_movehdup_ps(v);
}

static inline SIMD_FLOAT simd_swap_pairs(SIMD_FLOAT v)
{
    return _mm256_permute_ps(v, 0xb1);
}

#define SIMD_INT __m256i
enum { SIMD_BYTES_OFFSET = 128 };

static inline SIMD_INT simd_set_int(int32_t value)
{
    return _mm256_set1_epi32(value);
}

static inline SIMD_FLOAT simd_int_to_float(SIMD_INT v)
{
    return _mm256_cvtepi32_ps(v);
}

static inline SIMD_INT simd_repeat_word(const uint8_t *bytes)
{
    int32_t word;
    memcpy(&word, bytes, sizeof word);
    return _mm256_set1_epi32(word);
}

#if defined(__AVXVNNI__) || defined(__AVX512VNNI__)
enum { SIMD_QUAD_BYTES = 4 };

struct simd_bytes {
    __m256i all;
};

static inline struct simd_bytes simd_load_bytes(const uint8_t *bytes)
{
    return (struct simd_bytes){_mm256_loadu_si256((const __m256i *)(const void *)bytes)};
}

static inline void simd_store_quad(const int8_t q[4], uint8_t *quad)
{
    memcpy(quad, q, 4);
}

static inline SIMD_INT simd_dot_bytes(SIMD_INT sum, struct simd_bytes bytes, const uint8_t *quad)
{
    return _mm256_dpbusd_epi32(sum, bytes.all, simd_repeat_word(quad));
}
#else
enum { SIMD_QUAD_BYTES = 8 };

/* As 16-bit integers: two products of them fit an int32, but not an int16. */
struct simd_bytes {
    __m256i even, odd;
};

static inline struct simd_bytes simd_load_bytes(const uint8_t *bytes)
{
    __m256i all = _mm256_loadu_si256((const __m256i *)(const void *)bytes);
    return (struct simd_bytes){_mm256_and_si256(all, _mm256_set1_epi16(0xff)),
                               _mm256_srli_epi16(all, 8)};
}

static inline void simd_store_quad(const int8_t q[4], uint8_t *quad)
{
    const int16_t pairs[] = {q[0], q[2], q[1], q[3]};
    memcpy(quad, pairs, sizeof pairs);
}

static inline SIMD_INT simd_dot_bytes(SIMD_INT sum, struct simd_bytes bytes, const uint8_t *quad)
{
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(bytes.even, simd_repeat_word(quad)));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(bytes.odd, simd_repeat_word(quad + 4)));
}
#endif

#include "engine/kernels/simd/simd.h"
#include "engine/kernels/x86/lanes_x86.h"

#endif
