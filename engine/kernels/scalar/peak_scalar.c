/* peak_scalar.c - what the operations of the scalar kernels give at best: a byte product and an
 * addition in int32, fmaf as the C library has it, loads of 8 bytes.
 *
 * Operands go through an empty asm statement, so that compilers compute nothing in advance and make
 * no vectors of it. An instruction set that lacks a peak of its own can take these.
 */
#include "engine/kernels/kernel_list.h"

#include <math.h>
#include <string.h>

enum { CHAINS = 4, STREAM_PREFETCH_BYTES = 4096 };

uint64_t peak_int8_scalar(size_t n_rounds, uint32_t *witness)
{
    uint32_t s0 = *witness, s1 = s0 + 1, s2 = s0 + 2, s3 = s0 + 3, q = 3, a = 5;
    for (size_t round = 0; round < n_rounds; round++) {
        __asm__("" : "+r"(q));
        s0 += q * a;
        __asm__("" : "+r"(q));
        s1 += q * a;
        __asm__("" : "+r"(q));
        s2 += q * a;
        __asm__("" : "+r"(q));
        s3 += q * a;
    }
    *witness = s0 ^ s1 ^ s2 ^ s3;
    return (uint64_t)n_rounds * CHAINS;
}

uint64_t peak_f32_scalar(size_t n_rounds, uint32_t *witness)
{
    float s0 = (float)*witness, s1 = s0 + 1.0f, s2 = s0 + 2.0f, s3 = s0 + 3.0f;
    for (size_t round = 0; round < n_rounds; round++) {
        s0 = fmaf(s0, 0.5f, 1.0f);
        s1 = fmaf(s1, 0.5f, 1.0f);
        s2 = fmaf(s2, 0.5f, 1.0f);
        s3 = fmaf(s3, 0.5f, 1.0f);
    }
    *witness = (uint32_t)(s0 + s1 + s2 + s3);
    return (uint64_t)n_rounds * CHAINS;
}

uint32_t stream_scalar(const uint8_t *bytes, size_t n_bytes)
{
    uint64_t even = 0, odd = 0, words[8];
    for (size_t at = 0; at < n_bytes; at += sizeof words) {
        __builtin_prefetch(bytes + at + STREAM_PREFETCH_BYTES);
        memcpy(words, bytes + at, sizeof words);
        even ^= words[0] ^ words[2] ^ words[4] ^ words[6];
        odd ^= words[1] ^ words[3] ^ words[5] ^ words[7];
    }
    return (uint32_t)((even ^ odd) ^ (even ^ odd) >> 32);
}
