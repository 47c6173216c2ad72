/* lanes_x86.h - the sum and the largest of lanes, from the 8 to which AVX2 and AVX-512 fold them.
 *
 * Included by simd_avx2.h and simd_avx512.h, which define SIMD_FLOAT, simd_fold_add (16 lanes to 8:
 * i with i + 8) and simd_fold_max (the lanes of one register to 8).
 */
#ifndef PHIBENCH_ENGINE_KERNELS_X86_LANES_X86_H
#define PHIBENCH_ENGINE_KERNELS_X86_LANES_X86_H

static inline float simd_lanes_sum(const SIMD_FLOAT lanes[SIMD_PARTS])
{
    __m256 eight = simd_fold_add(lanes);
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

static inline float simd_lanes_max(SIMD_FLOAT v)
{
    __m256 eight = simd_fold_max(v);
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

#endif
