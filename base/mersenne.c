/* mersenne.c - see mersenne.h.
 *
 * sample() draws positions and rejects those drawn before where few are taken of many, and deals
 * from a shrinking pool otherwise; which of the two is part of what it draws.
 */
#include "base/mersenne.h"

#include <stdbool.h>

enum { N = MERSENNE_WORDS, M = 397 };
static const uint32_t HIGH_BIT = 0x80000000u, LOW_BITS = 0x7fffffffu, TWIST = 0x9908b0dfu;

void mersenne_seed(struct mersenne *mersenne, uint32_t seed)
{
    uint32_t *words = mersenne->words;
    size_t i = 1;
    words[0] = 19650218u;
    for (size_t k = 1; k < N; k++)
        words[k] = 1812433253u * (words[k - 1] ^ (words[k - 1] >> 30)) + (uint32_t)k;
    for (size_t k = 0; k < N; k++) { /* the key is one word: it is added each time */
        words[i] = (words[i] ^ ((words[i - 1] ^ (words[i - 1] >> 30)) * 1664525u)) + seed;
        if (++i == N) words[0] = words[N - 1], i = 1;
    }
    for (size_t k = 0; k < N - 1; k++) {
        words[i] = (words[i] ^ ((words[i - 1] ^ (words[i - 1] >> 30)) * 1566083941u)) - (uint32_t)i;
        if (++i == N) words[0] = words[N - 1], i = 1;
    }
    words[0] = HIGH_BIT;
    mersenne->at = N;
}

static void renew(uint32_t *words)
{
    for (size_t i = 0; i < N; i++) {
        uint32_t y = (words[i] & HIGH_BIT) | (words[(i + 1) % N] & LOW_BITS);
        words[i] = words[(i + M) % N] ^ (y >> 1) ^ (y & 1 ? TWIST : 0);
    }
}

uint32_t mersenne_next(struct mersenne *mersenne)
{
    if (mersenne->at == N) {
        renew(mersenne->words);
        mersenne->at = 0;
    }
    uint32_t y = mersenne->words[mersenne->at++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

uint32_t mersenne_below(struct mersenne *mersenne, uint32_t n)
{
    int n_bits = 0;
    while (n_bits < 32 && n >> n_bits) n_bits++;
    for (;;) {
        uint32_t drawn = mersenne_next(mersenne) >> (32 - n_bits);
        if (drawn < n) return drawn;
    }
}

/* How large a pool sample(k) deals from rather than rejecting repetitions. */
static uint64_t pool_limit(uint32_t k)
{
    uint64_t limit = 1;
    if (k <= 5) return 21;
    while (limit < (uint64_t)k * 3) limit *= 4;
    return 21 + limit;
}

static bool is_drawn(const uint32_t *chosen, uint32_t n, uint32_t value)
{
    for (uint32_t i = 0; i < n; i++)
        if (chosen[i] == value) return true;
    return false;
}

void mersenne_sample(struct mersenne *mersenne, uint32_t n, uint32_t k, uint32_t *chosen,
                     uint32_t *scratch)
{
    if (n <= pool_limit(k)) {
        for (uint32_t i = 0; i < n; i++) scratch[i] = i;
        for (uint32_t i = 0; i < k; i++) {
            uint32_t at = mersenne_below(mersenne, n - i);
            chosen[i] = scratch[at];
            scratch[at] = scratch[n - i - 1];
        }
        return;
    }
    for (uint32_t i = 0; i < k; i++) {
        do chosen[i] = mersenne_below(mersenne, n);
        while (is_drawn(chosen, i, chosen[i]));
    }
}
