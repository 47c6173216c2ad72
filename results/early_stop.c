/* early_stop.c - see early_stop.h.
 *
 * Owns nothing.
 */
#include "results/early_stop.h"

#include "base/sha256.h"
#include "results/stats/sequential.h"

#include <string.h>

enum { LEAST_ITEMS = 64, MOST_ITEMS = 512, SHARE = 8 };

uint64_t early_stop_rank(const char *data_hash, const char *key)
{
    uint8_t digests[2][SHA256_BYTES], digest[SHA256_BYTES];
    uint64_t rank = 0;
    sha256_digest(data_hash, strlen(data_hash), digests[0]);
    sha256_digest(key, strlen(key), digests[1]);
    sha256_digest(digests, sizeof digests, digest);
    for (size_t i = 0; i < sizeof rank; i++) rank = rank << 8 | digest[i];
    return rank;
}

size_t early_stop_next(size_t n, size_t n_items)
{
    size_t more = n / SHARE / LEAST_ITEMS * LEAST_ITEMS;
    if (more < LEAST_ITEMS) more = LEAST_ITEMS;
    if (more > MOST_ITEMS) more = MOST_ITEMS;
    return n_items - n < more ? n_items : n + more;
}

struct interval early_stop_interval(const double *scores, size_t n)
{
    uint64_t n_right = 0;
    for (size_t i = 0; i < n; i++) {
        if (scores[i] != 0 && scores[i] != 1) return stats_sequential_mean(scores, n);
        n_right += scores[i] == 1;
    }
    return stats_sequential_rate(n_right, n);
}

bool early_stop_is_reached(struct interval interval, double precision)
{
    return interval.high - interval.low <= 2 * precision;
}
