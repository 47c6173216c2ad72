/* peak_avxvnni.c - the byte products of a core with AVX-VNNI at best: vpdpbusd, 32 multiply-adds
 * each, in as many chains as hide its latency. Floats are those of AVX2.
 */
#include "engine/kernels/x86/simd_avx2.h"

#include "engine/kernels/kernel_list.h"

uint64_t peak_int8_avxvnni(size_t n_rounds, uint32_t *witness)
{
    enum { CHAINS = 12 };
    __m256i sums[CHAINS], q = _mm256_set1_epi8(3), a = _mm256_set1_epi8(5);
    SIMD_UNROLL
    for (size_t i = 0; i < CHAINS; i++) sums[i] = _mm256_set1_epi32((int)(*witness + i));
    for (size_t round = 0; round < n_rounds; round++) {
        SIMD_UNROLL
        for (size_t i = 0; i < CHAINS; i++) sums[i] = _mm256_dpbusd_epi32(sums[i], q, a);
    }
    for (size_t i = 1; i < CHAINS; i++) sums[0] = _mm256_add_epi32(sums[0], sums[i]);
    *witness = (uint32_t)_mm256_extract_epi32(sums[0], 0);
    return (uint64_t)n_rounds * CHAINS * sizeof q;
}
