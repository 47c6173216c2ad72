/* vectors_avx2.h - the integer primitives of gemm_quant_template.h that AVX2 has with and without
 * VNNI.
 *
 * A row group is two strips of 8 rows.
 */
#ifndef PHIBENCH_ENGINE_KERNELS_X86_VECTORS_AVX2_H
#define PHIBENCH_ENGINE_KERNELS_X86_VECTORS_AVX2_H

#include "engine/kernels/x86/simd_avx2.h"

#include <stdbool.h>
#include <string.h>

#define V_INT __m256i
#define STRIPS 2

SIMD_INLINE V_INT v_load(const void *from)
{
    return _mm256_loadu_si256(from);
}

SIMD_INLINE V_INT v_broadcast(const void *four_bytes)
{
    int32_t word;
    memcpy(&word, four_bytes, sizeof word);
    return _mm256_set1_epi32(word);
}

SIMD_INLINE V_INT v_zero(void)
{
    return _mm256_setzero_si256();
}

SIMD_INLINE V_INT v_set16(int16_t value)
{
    return _mm256_set1_epi16(value);
}

SIMD_INLINE V_INT v_and(V_INT a, V_INT b)
{
    return _mm256_and_si256(a, b);
}

SIMD_INLINE V_INT v_or(V_INT a, V_INT b)
{
    return _mm256_or_si256(a, b);
}

/* A step of a chain of sums, in its place: a compiler that is free to reorder the steps makes a
 * tree of them, whose leaves are more than there are registers. */
SIMD_INLINE V_INT v_chain(V_INT sum)
{
    __asm__("" : "+x"(sum));
    return sum;
}

SIMD_INLINE void v_park(V_INT *sum)
{
    __asm__("" : "+m"(*sum));
}

SIMD_INLINE V_INT v_add(V_INT sum, V_INT term)
{
    return v_chain(_mm256_add_epi32(sum, term));
}

SIMD_INLINE V_INT v_shift_left(V_INT a, unsigned n)
{
    return _mm256_slli_epi16(a, (int)n);
}

SIMD_INLINE V_INT v_shift_right(V_INT a, unsigned n)
{
    return _mm256_srli_epi16(a, (int)n);
}

SIMD_INLINE V_INT v_multiply16(V_INT a, V_INT b)
{
    return _mm256_mullo_epi16(a, b);
}

/* Byte i of the result is table[i's byte of codes], which is below 16. */
SIMD_INLINE V_INT v_look_up(__m128i table, V_INT codes)
{
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(table), codes);
}

SIMD_INLINE __m128i load_row_bytes(const uint8_t *bytes)
{
    return _mm_loadl_epi64((const __m128i *)bytes);
}

SIMD_INLINE V_INT interleave_to_pairs(__m128i first, __m128i second)
{
    return _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(first, second));
}

SIMD_INLINE SIMD_FLOAT v_to_float(V_INT a)
{
    return _mm256_cvtepi32_ps(a);
}

#endif
