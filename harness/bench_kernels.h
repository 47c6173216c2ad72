/* bench_kernels.h - phibench bench --kernels: every kernel of an instruction set by itself.
 *
 * The engine makes the cases and runs them; this repeats them in a random order between
 * measurements of the machine's limits, sums up and prints. Needs no model.
 */
#ifndef PHIBENCH_HARNESS_BENCH_KERNELS_H
#define PHIBENCH_HARNESS_BENCH_KERNELS_H

#include "harness/command.h"

#include "engine/engine.h"

enum bench_format {
    BENCH_TABLE,
    BENCH_JSON,
    BENCH_JSONL,
    BENCH_CSV,
    BENCH_MARKDOWN,
    BENCH_FORMATS
};

struct bench_kernels_options {
    enum isa isa;
    const char *only; /* part of the name or type of the kernels to time, NULL: all */
    const int64_t *threads;
    size_t n_threads;
    int64_t repeat;
    enum bench_format format;
};

/* ERR_USAGE if no kernel has that name. */
bool bench_kernels(const struct invocation *invocation, const struct bench_kernels_options *options,
                   struct err *err) __attribute__((warn_unused_result));

#endif
