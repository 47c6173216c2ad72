/* peak_template.h - what the floats and the memory of an instruction set give at best.
 *
 * Included after a simd_*.h. Twelve chains hide the latency of a multiply-add; the stream is one
 * run of addresses, which cores follow best, with the prefetch that decoding uses.
 */
#ifndef PHIBENCH_ENGINE_KERNELS_SIMD_PEAK_TEMPLATE_H
#define PHIBENCH_ENGINE_KERNELS_SIMD_PEAK_TEMPLATE_H

#ifdef SIMD_FLOAT

#include "engine/kernels/kernel_list.h"

enum { PEAK_CHAINS = 12, STREAM_PREFETCH_BYTES = 4096 };

uint64_t SIMD_NAME(peak_f32)(size_t n_rounds, uint32_t *witness)
{
    SIMD_FLOAT sums[PEAK_CHAINS], half = simd_set(0.5f), one = simd_set(1.0f);
    float lanes[SIMD_LANES];
    SIMD_UNROLL
    for (size_t i = 0; i < PEAK_CHAINS; i++) sums[i] = simd_set((float)(*witness + i));
    for (size_t round = 0; round < n_rounds; round++) {
        SIMD_UNROLL
        for (size_t i = 0; i < PEAK_CHAINS; i++) sums[i] = simd_fma(sums[i], half, one);
    }
    for (size_t i = 1; i < PEAK_CHAINS; i++) sums[0] = simd_add(sums[0], sums[i]);
    simd_store(lanes, sums[0]);
    *witness = (uint32_t)lanes[0];
    return (uint64_t)n_rounds * PEAK_CHAINS * SIMD_LANES;
}

uint32_t SIMD_NAME(stream)(const uint8_t *bytes, size_t n_bytes)
{
    enum { REGISTER_BYTES = SIMD_LANES * sizeof(float), PARTS = STREAM_BYTES / REGISTER_BYTES };
    SIMD_FLOAT seen[PARTS];
    float lanes[SIMD_LANES];
    uint32_t witness;
    SIMD_UNROLL
    for (size_t i = 0; i < PARTS; i++) seen[i] = simd_set(0.0f);
    for (size_t at = 0; at < n_bytes; at += STREAM_BYTES) {
        SIMD_UNROLL
        for (size_t line = 0; line < STREAM_BYTES; line += 64)
            __builtin_prefetch(bytes + at + STREAM_PREFETCH_BYTES + line);
        SIMD_UNROLL
        for (size_t i = 0; i < PARTS; i++)
            seen[i] = simd_xor(seen[i], simd_load(bytes + at + i * REGISTER_BYTES));
    }
    for (size_t i = 1; i < PARTS; i++) seen[0] = simd_xor(seen[0], seen[i]);
    simd_store(lanes, seen[0]);
    __builtin_memcpy(&witness, lanes, sizeof witness);
    return witness;
}

#endif

#endif
