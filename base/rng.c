/* rng.c - see rng.h.
 *
 * rng_below multiplies a random word by n and takes the high half; words whose low half falls into
 * the incomplete last interval are drawn again (Lemire 2019, "Fast random integer generation in an
 * interval", algorithm 5).
 */
#include "base/rng.h"

/* The 128-bit product is put together from 32-bit halves: ISO C11 has no wider type. */
static uint64_t multiply_high(uint64_t a, uint64_t b, uint64_t *low)
{
    uint64_t a_low = a & 0xffffffffu, a_high = a >> 32;
    uint64_t b_low = b & 0xffffffffu, b_high = b >> 32;
    uint64_t middle = a_high * b_low + (a_low * b_low >> 32);
    uint64_t other = a_low * b_high + (middle & 0xffffffffu);
    *low = a * b;
    return a_high * b_high + (middle >> 32) + (other >> 32);
}

uint64_t rng_below(struct rng *rng, uint64_t n)
{
    uint64_t low, high = multiply_high(rng_next(rng), n, &low);
    if (low < n) {
        uint64_t incomplete = (0 - n) % n; /* 2^64 mod n */
        while (low < incomplete) high = multiply_high(rng_next(rng), n, &low);
    }
    return high;
}

void rng_shuffle(struct rng *rng, size_t *order, size_t n)
{
    for (size_t i = 0; i < n; i++) order[i] = i;
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)rng_below(rng, i), swapped = order[i - 1];
        order[i - 1] = order[j];
        order[j] = swapped;
    }
}
