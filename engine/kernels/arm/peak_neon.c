/* peak_neon.c - what a core with NEON and the byte dot product gives at best.
 *
 * Bytes: sdot, 16 multiply-adds each, in as many chains as hide its latency. Floats and memory are
 * those of peak_template.h.
 */
#include "engine/kernels/arm/simd_neon.h"

#include "engine/kernels/simd/peak_template.h"

uint64_t peak_int8_neon(size_t n_rounds, uint32_t *witness)
{
    enum { CHAINS = 12 };
    int32x4_t sums[CHAINS];
    int8x16_t q = vdupq_n_s8(3), a = vdupq_n_s8(5);
    SIMD_UNROLL
    for (size_t i = 0; i < CHAINS; i++) sums[i] = vdupq_n_s32((int)(*witness + i));
    for (size_t round = 0; round < n_rounds; round++) {
        SIMD_UNROLL
        for (size_t i = 0; i < CHAINS; i++) sums[i] = vdotq_s32(sums[i], q, a);
    }
    for (size_t i = 1; i < CHAINS; i++) sums[0] = vaddq_s32(sums[0], sums[i]);
    *witness = (uint32_t)vgetq_lane_s32(sums[0], 0);
    return (uint64_t)n_rounds * CHAINS * sizeof q;
}
