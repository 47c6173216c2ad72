/* check.h - the small framework of check-kernels: every kernel of every available instruction set
 * against the scalar one, by bits, and timed in the same run.
 *
 * A family of checks is one file check_<family>.c with one `struct check_family`, listed in
 * check_kernels.c. Its functions take the level under test and the scalar table; they draw inputs
 * from check->rng, which starts from the same seed for every level. One thread.
 */
#ifndef PHIBENCH_TESTS_KERNELS_CHECK_H
#define PHIBENCH_TESTS_KERNELS_CHECK_H

#include "base/rng.h"
#include "engine/kernels/kernels.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct check_region;

struct check {
    const struct kernels *scalar; /* the specification */
    const struct kernels *tested; /* may be the scalar table itself: then only timed and run */
    struct rng rng;
    bool timed;                   /* measure, after comparing if that is asked for */
    const char *only;             /* measure kernels with this in their name, NULL for all */
    uint64_t n_compared;          /* outputs compared, all kernels of the level */
    uint64_t n_different;         /* calls whose outputs differ; a few are printed */
    struct check_region *regions; /* guarded memory of the case at hand */
};

struct check_family {
    const char *name;
    void (*compare)(struct check *check);
    void (*time)(struct check *check);
};

#if defined(__x86_64__)
/* The products and the attention of AVX-VNNI, for a machine that has AVX-512 VNNI instead. */
gemm_fn gemm_quant_ymm_avx512vnni;
attention_fn attention_ymm_avx512vnni;
kv_store_fn kv_store_ymm_avx512vnni;
#endif

extern const struct check_family check_quant;
extern const struct check_family check_float;

/* Memory that ends at a page without access, so that a read or write past the end dies. Filled with
 * random bytes; before its start (at most 64-byte alignment is lost: the end is exact only for
 * multiples of `align`) lies a page without access as well. Lives until check_release. Exits if the
 * system refuses. */
void *check_memory(struct check *check, size_t n_bytes, size_t align);

/* Frees all memory that check_memory gave. */
void check_release(struct check *check);

/* Outputs are filled with this before a call; what a kernel must not write still has it after. */
void check_fill_canary(void *memory, size_t n_bytes);
bool check_is_canary(const void *memory, size_t n_bytes);

/* Compares n floats by their bits, NaN equal to NaN of any bits; counts, and prints the first few
 * differences as "KERNEL ISA: SHAPE: [index] expected, actual". */
void check_same_floats(struct check *check, const char *kernel, const char *shape,
                       const float *expected, const float *actual, size_t n);
void check_same_bytes(struct check *check, const char *kernel, const char *shape,
                      const void *expected, const void *actual, size_t n_bytes);
/* Counts a failure if `holds` is false; `what` says what should hold. */
void check_that(struct check *check, bool holds, const char *kernel, const char *shape,
                const char *what);

/* Whether times of this kernel are asked for: for who would prepare much for them. */
bool check_wants_time(const struct check *check, const char *kernel);

/* If its time is wanted, calls fn(context) for a few tenths of a second, and prints kernel, level,
 * shape, GMAC/s (of `macs` a call) and GB/s (of `bytes` a call) of the fastest of the rounds. */
void check_time(struct check *check, const char *kernel, const char *shape, double macs,
                double bytes, void (*fn)(const struct kernels *kernels, void *context),
                void *context);

/* Inputs: uniform in [-1, 1); and n floats that hold every trap: zeros of both signs, subnormals,
 * huge and tiny magnitudes, and, if asked, infinities and NaN. */
float check_uniform(struct check *check);
void check_fill_uniform(struct check *check, float *values, size_t n);
void check_fill_extreme(struct check *check, float *values, size_t n, bool with_nonfinite);

#endif
