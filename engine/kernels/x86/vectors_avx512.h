/* vectors_avx512.h - the integer primitives of gemm_quant_template.h that AVX-512 has with and
 * without VNNI.
 *
 * A strip is one row group. Shifts are written with the compilers' vector operators, because the
 * intrinsics want literal counts in builds without optimization.
 */
#ifndef PHIBENCH_ENGINE_KERNELS_X86_VECTORS_AVX512_H
#define PHIBENCH_ENGINE_KERNELS_X86_VECTORS_AVX512_H

#include "engine/kernels/x86/simd_avx512.h"

#include <stdbool.h>
#include <string.h>

#define V_INT __m512i
#define STRIPS 2

SIMD_INLINE V_INT v_load(const void *from)
{
    return _mm512_loadu_si512(from);
}

SIMD_INLINE V_INT v_broadcast(const void *four_bytes)
{
    int32_t word;
    memcpy(&word, four_bytes, sizeof word);
    return _mm512_set1_epi32(word);
}

SIMD_INLINE V_INT v_zero(void)
{
    return _mm512_setzero_si512();
}

SIMD_INLINE V_INT v_set16(int16_t value)
{
    return _mm512_set1_epi16(value);
}

SIMD_INLINE V_INT v_and(V_INT a, V_INT b)
{
    return _mm512_and_si512(a, b);
}

SIMD_INLINE V_INT v_or(V_INT a, V_INT b)
{
    return _mm512_or_si512(a, b);
}

/* A step of a chain of sums, in its place: a compiler that is free to reorder the steps makes a
 * tree of them, whose leaves are more than there are registers. */
SIMD_INLINE V_INT v_chain(V_INT sum)
{
    __asm__("" : "+v"(sum));
    return sum;
}

SIMD_INLINE void v_park(V_INT *sum)
{
    (void)sum; /* 32 registers hold them */
}

SIMD_INLINE V_INT v_add(V_INT sum, V_INT term)
{
    return v_chain(_mm512_add_epi32(sum, term));
}

SIMD_INLINE V_INT v_shift_left(V_INT a, unsigned n)
{
    return (V_INT)((__v32hu)a << (unsigned short)n);
}

SIMD_INLINE V_INT v_shift_right(V_INT a, unsigned n)
{
    return (V_INT)((__v32hu)a >> (unsigned short)n);
}

SIMD_INLINE V_INT v_multiply16(V_INT a, V_INT b)
{
    return _mm512_mullo_epi16(a, b);
}

/* Byte i of the result is table[i's byte of codes], which is below 16. */
SIMD_INLINE V_INT v_look_up(__m128i table, V_INT codes)
{
    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(table), codes);
}

SIMD_INLINE __m128i load_row_bytes(const uint8_t *bytes)
{
    return _mm_loadu_si128((const __m128i *)bytes);
}

SIMD_INLINE V_INT interleave_to_pairs(__m128i first, __m128i second)
{
    __m256i low = _mm256_castsi128_si256(_mm_unpacklo_epi8(first, second));
    return _mm512_cvtepi8_epi16(_mm256_inserti128_si256(low, _mm_unpackhi_epi8(first, second), 1));
}

SIMD_INLINE SIMD_FLOAT v_to_float(V_INT a)
{
    return _mm512_cvtepi32_ps(a);
}

#endif
