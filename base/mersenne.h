/* mersenne.h - the random numbers of Python's `random.Random(seed)`: protocols of evaluation draw
 * their examples with it. For all else there is base/rng.h.
 *
 * MT19937 (Matsumoto and Nishimura 1998), seeded by an array of one word as Python seeds it. The
 * draws are those of CPython from 3.2 on. One thread at a time on one state.
 */
#ifndef PHIBENCH_BASE_MERSENNE_H
#define PHIBENCH_BASE_MERSENNE_H

#include <stddef.h>
#include <stdint.h>

enum { MERSENNE_WORDS = 624 };

struct mersenne {
    uint32_t words[MERSENNE_WORDS];
    size_t at;
};

/* Does what random.Random(seed) does. */
void mersenne_seed(struct mersenne *mersenne, uint32_t seed);
/* What getrandbits(32) returns. */
uint32_t mersenne_next(struct mersenne *mersenne);
/* What randrange(n) returns, n > 0. */
uint32_t mersenne_below(struct mersenne *mersenne, uint32_t n);
/* Puts what sample(range(n), k) returns into chosen: [k], k <= n. scratch: [n], overwritten. */
void mersenne_sample(struct mersenne *mersenne, uint32_t n, uint32_t k, uint32_t *chosen,
                     uint32_t *scratch);

#endif
