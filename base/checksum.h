/* checksum.h - 64 bits that tell damaged bytes from those that were, at the speed of memory.
 *
 * Finds accidents, all but one in 2^64, and is no proof against who wants to deceive: that takes
 * base/sha256.h. It is stored, so that its value never changes. Pure, thread-safe.
 */
#ifndef PHIBENCH_BASE_CHECKSUM_H
#define PHIBENCH_BASE_CHECKSUM_H

#include "base/rng.h"

#include <string.h>

/* A step is one to one in the lane and in the word, so that one wrong word always shows. */
static inline uint64_t checksum_step(uint64_t lane, uint64_t word)
{
    lane ^= word;
    return (lane << 29 | lane >> 35) * UINT64_C(0x9e3779b97f4a7c15);
}

/* Words are little-endian, as the engine's machines are. Four lanes hide the multiplier's time. */
static inline uint64_t checksum(const void *bytes, size_t n_bytes)
{
    enum { N_LANES = 4, STRIPE_BYTES = N_LANES * 8 };
    uint64_t lanes[N_LANES] = {1, 2, 3, 4}, words[N_LANES], sum = n_bytes;
    const uint8_t *at = bytes;
    size_t left = n_bytes;
    for (; left >= STRIPE_BYTES; left -= STRIPE_BYTES, at += STRIPE_BYTES) {
        memcpy(words, at, STRIPE_BYTES);
        for (int i = 0; i < N_LANES; i++) lanes[i] = checksum_step(lanes[i], words[i]);
    }
    memset(words, 0, sizeof words);
    if (left) memcpy(words, at, left);
    for (int i = 0; i < N_LANES; i++)
        sum = rng_mix(sum ^ checksum_step(lanes[i], words[i])) + (uint64_t)i;
    return sum;
}

#endif
