/* rng.h - reproducible random numbers, the same on every machine.
 *
 * SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators"). The state
 * is the seed; every seed is as good as another. One thread at a time on one state.
 */
#ifndef PHIBENCH_BASE_RNG_H
#define PHIBENCH_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng {
    uint64_t state;
};

static inline uint64_t rng_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline uint64_t rng_next(struct rng *rng)
{
    rng->state += 0x9e3779b97f4a7c15u;
    return rng_mix(rng->state);
}

/* Uniform in [0, 1), 53 bits. */
static inline double rng_uniform(struct rng *rng)
{
    return (double)(rng_next(rng) >> 11) * 0x1p-53;
}

/* Uniform in [0, n), n > 0, without bias (Lemire 2019). */
uint64_t rng_below(struct rng *rng, uint64_t n);

/* order: [n], the numbers 0 to n - 1 in a random order (Fisher and Yates 1938). */
void rng_shuffle(struct rng *rng, size_t *order, size_t n);

#endif
