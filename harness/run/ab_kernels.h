/* ab_kernels.h - which kernel makes B slower: `bench --kernels` of A, A again and B, for the types
 * that a model holds.
 *
 * As ab.h, block by block; a kernel has changed if its decisive interval says so and, of all
 * kernels together, Holm's adjusted permutation test as well.
 */
#ifndef PHIBENCH_HARNESS_RUN_AB_KERNELS_H
#define PHIBENCH_HARNESS_RUN_AB_KERNELS_H

#include "harness/run/ab_bench.h"
#include "harness/run/ab_verdict.h"
#include "harness/run/progress.h"

struct ab_kernel {
    char name[80];           /* "gemm q4_k, 1 token" */
    struct ab_series series; /* passes per second */
    struct ab_comparison comparison;
    double p_value; /* of no difference, adjusted for the number of kernels */
    bool is_changed;
};

struct ab_kernels {
    struct ab_kernel *items; /* [n], the slowest of B first */
    size_t n, capacity, n_blocks, n_changed;
    char fault[512]; /* why there are none, "" if there are or nobody asked */
};

struct ab_kernels_options {
    const struct ab_program *programs; /* [2] */
    const char *model, *isa;           /* isa NULL: the best */
    bool without_limits;
    double slowdown; /* that is to be explained, a logarithm: 0.05 */
    double minutes;  /* it takes at most */
    uint64_t seed;
    const struct console *console;
};

/* What keeps it from comparing, other than memory, is told in kernels->fault. Release with
 * ab_kernels_done in any case. */
bool ab_kernels_compare(const struct ab_kernels_options *options, struct ab_kernels *kernels,
                        struct err *err) __attribute__((warn_unused_result));
void ab_kernels_done(struct ab_kernels *kernels);

#endif
