/* peak_avx512vnni.c - the byte products of a core with AVX-512 VNNI at best: vpdpbusd, 64
 * multiply-adds each, in as many chains as hide its latency. Floats are those of AVX-512.
 */
#include "engine/kernels/x86/simd_avx512.h"

#include "engine/kernels/kernel_list.h"

uint64_t peak_int8_avx512vnni(size_t n_rounds, uint32_t *witness)
{
    enum { CHAINS = 12 };
    __m512i sums[CHAINS], q = _mm512_set1_epi8(3), a = _mm512_set1_epi8(5);
    SIMD_UNROLL
    for (size_t i = 0; i < CHAINS; i++) sums[i] = _mm512_set1_epi32((int)(*witness + i));
    for (size_t round = 0; round < n_rounds; round++) {
        SIMD_UNROLL
        for (size_t i = 0; i < CHAINS; i++) sums[i] = _mm512_dpbusd_epi32(sums[i], q, a);
    }
    for (size_t i = 1; i < CHAINS; i++) sums[0] = _mm512_add_epi32(sums[0], sums[i]);
    *witness = (uint32_t)_mm_cvtsi128_si32(_mm512_castsi512_si128(sums[0]));
    return (uint64_t)n_rounds * CHAINS * sizeof q;
}
