/* hash.h - a hash of text for tables in memory; never stored, so it may change.
 *
 * Content that must be recognized across runs goes through base/sha256.h. Pure, thread-safe.
 */
#ifndef PHIBENCH_BASE_HASH_H
#define PHIBENCH_BASE_HASH_H

#include "base/rng.h"

#include <stddef.h>
#include <stdint.h>

/* FNV-1a (Fowler, Noll, Vo) of 64 bits, mixed once more for the low bits. */
static inline uint64_t hash_text(const char *text, size_t n_bytes)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < n_bytes; i++)
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    return rng_mix(hash);
}

#endif
