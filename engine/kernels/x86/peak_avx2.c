/* peak_avx2.c - what a core with AVX2 gives at best.
 *
 * Byte products as gemm_quant_avx2.c has them where it is fastest: pairs summed to int16 for a unit
 * of 32 k (eight steps of four), then to int32.
 */
#include "engine/kernels/x86/simd_avx2.h"

#include "engine/kernels/simd/peak_template.h"

uint64_t peak_int8_avx2(size_t n_rounds, uint32_t *witness)
{
    enum { CHAINS = 4, STEPS = 8 };
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i sums[CHAINS], narrow[CHAINS], q = _mm256_set1_epi8(3), a = _mm256_set1_epi8(5);
    SIMD_UNROLL
    for (size_t i = 0; i < CHAINS; i++) sums[i] = _mm256_set1_epi32((int)(*witness + i));
    for (size_t round = 0; round < n_rounds; round++) {
        SIMD_UNROLL
        for (size_t i = 0; i < CHAINS; i++) narrow[i] = _mm256_setzero_si256();
        SIMD_UNROLL
        for (size_t step = 0; step < STEPS; step++) {
            SIMD_UNROLL
            for (size_t i = 0; i < CHAINS; i++) {
                /* other values, for all that the compiler knows */
                __asm__("" : "+x"(q), "+x"(narrow[i]));
                narrow[i] = _mm256_add_epi16(narrow[i], _mm256_maddubs_epi16(q, a));
            }
        }
        SIMD_UNROLL
        for (size_t i = 0; i < CHAINS; i++)
            sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(narrow[i], ones));
    }
    for (size_t i = 1; i < CHAINS; i++) sums[0] = _mm256_add_epi32(sums[0], sums[i]);
    *witness = (uint32_t)_mm256_extract_epi32(sums[0], 0);
    return (uint64_t)n_rounds * CHAINS * STEPS * sizeof q;
}
