/* bench_kernels.h - phibench bench --kernels: every kernel of an instruction set by itself.
 *
 * The engine makes the cases and runs them; this repeats them in a random order between
 * measurements of the machine's limits. Needs no model. Every repetition is a record of the test
 * "kernel:gemm q4_0" (kernel and type), its tokens in prompt_tokens, the time of one pass in
 * duration_ns; gb_per_s counts what a pass reads and writes. No tokens_per_s: a kernel alone
 * finishes none.
 */
#ifndef PHIBENCH_HARNESS_RUN_BENCH_KERNELS_H
#define PHIBENCH_HARNESS_RUN_BENCH_KERNELS_H

#include "harness/run/throughput.h"

#define BENCH_KERNEL_PREFIX "kernel:"
enum { BENCH_KERNELS_VERSION = 1 }; /* of what is measured, stored with it */

struct bench_kernels_options {
    enum isa isa;
    const char *only; /* part of the name or type of the kernels to time, NULL: all */
    const int64_t *threads;
    size_t n_threads;
    int repeat;
    bool without_limits; /* those of the machine are not measured */
};

/* options stay the caller's, and must stay there. ERR_USAGE if no kernel has that name. Close with
 * bench_kernels_close. */
struct bench_kernels *bench_kernels_open(const struct bench_kernels_options *options,
                                         struct err *err);
void bench_kernels_close(struct bench_kernels *bench);

/* Measures every repetition, with the limits between them as throughput_measure does; sink->has is
 * not asked. The names in the records live as long as the bench. */
bool bench_kernels_measure(struct bench_kernels *bench, const struct throughput_sink *sink,
                           struct err *err) __attribute__((warn_unused_result));

bool bench_is_kernel(const char *test);

#endif
