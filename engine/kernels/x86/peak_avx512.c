/* peak_avx512.c - what a core with AVX-512 gives at best.
 *
 * Byte products as gemm_quant_avx512.c has them where it is fastest: pairs summed to int16 for a
 * unit of 32 k (eight steps of four), then to int32.
 */
#include "engine/kernels/x86/simd_avx512.h"

#include "engine/kernels/simd/peak_template.h"

uint64_t peak_int8_avx512(size_t n_rounds, uint32_t *witness)
{
    enum { CHAINS = 8, STEPS = 8 };
    const __m512i ones = _mm512_set1_epi16(1);
    __m512i sums[CHAINS], narrow[CHAINS], q = _mm512_set1_epi8(3), a = _mm512_set1_epi8(5);
    SIMD_UNROLL
    for (size_t i = 0; i < CHAINS; i++) sums[i] = _mm512_set1_epi32((int)(*witness + i));
    for (size_t round = 0; round < n_rounds; round++) {
        SIMD_UNROLL
        for (size_t i = 0; i < CHAINS; i++) narrow[i] = _mm512_setzero_si512();
        SIMD_UNROLL
        for (size_t step = 0; step < STEPS; step++) {
            SIMD_UNROLL
            for (size_t i = 0; i < CHAINS; i++) {
                /* other values, for all that the compiler knows */
                __asm__("" : "+v"(q), "+v"(narrow[i]));
                narrow[i] = _mm512_add_epi16(narrow[i], _mm512_maddubs_epi16(q, a));
            }
        }
        SIMD_UNROLL
        for (size_t i = 0; i < CHAINS; i++)
            sums[i] = _mm512_add_epi32(sums[i], _mm512_madd_epi16(narrow[i], ones));
    }
    for (size_t i = 1; i < CHAINS; i++) sums[0] = _mm512_add_epi32(sums[0], sums[i]);
    *witness = (uint32_t)_mm_cvtsi128_si32(_mm512_castsi512_si128(sums[0]));
    return (uint64_t)n_rounds * CHAINS * STEPS * sizeof q;
}
