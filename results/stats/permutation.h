/* permutation.h - one test over the paired differences of several suites.
 *
 * The hypothesis: base and candidate could be exchanged in every item (or every cluster of items),
 * so that each difference could as well have the other sign. Thread-safe.
 */
#ifndef PHIBENCH_RESULTS_STATS_PERMUTATION_H
#define PHIBENCH_RESULTS_STATS_PERMUTATION_H

#include <stddef.h>
#include <stdint.h>

/* The paired differences of one suite, in the order of its items. */
struct stats_differences {
    const double *items; /* [n], candidate minus base */
    size_t n;
    const uint32_t *cluster; /* [n], ids below n_clusters; NULL: items are independent */
    size_t n_clusters;
};

/* Two-sided p of "no suite moved in the pooled direction". The statistic is the mean over suites of
 * a suite's summed differences over their standard deviation under the hypothesis, sqrt(sum d^2),
 * where d are the items' or, where they cluster, the clusters' sums: each suite has the same
 * weight, whatever its size and scale. Signs are flipped in all ways where at most 20 d are not 0,
 * which gives the exact p; otherwise `rounds` times at random from `seed`, with (1 + hits) /
 * (1 + rounds) (Phipson and Smyth 2010, "Permutation p-values should never be zero"; Fisher 1935).
 * 1 where nothing differs. A suite without differences counts as one that did not move. */
double stats_pooled_permutation(const struct stats_differences *suites, size_t n_suites,
                                size_t rounds, uint64_t seed);

#endif
