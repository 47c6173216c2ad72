/* ab_bench.h - one process of a comparison of builds: a program with the arguments of `bench`, and
 * what its JSON says.
 *
 * Knows no blocks and no statistics. Any build that has `bench -o json` will do, also one that is
 * older than the comparison.
 */
#ifndef PHIBENCH_HARNESS_RUN_AB_BENCH_H
#define PHIBENCH_HARNESS_RUN_AB_BENCH_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct json;

/* What a process tells of itself. The first AB_TESTS are rates in tokens/s, and decide. */
enum ab_quantity {
    AB_PREFILL,
    AB_DECODE,
    AB_BATCHED,
    AB_TESTS,
    AB_LOAD = AB_TESTS, /* seconds */
    AB_MEMORY,          /* bytes, the most that were resident while it measured */
    AB_INSTRUCTIONS,    /* of the whole process, in user mode */
    AB_CYCLES,
    AB_QUANTITIES
};
extern const char *const AB_QUANTITY_NAMES[AB_QUANTITIES]; /* of tests, as bench has them */

struct ab_program {
    const char *line; /* the command line that it was made of, the caller's */
    char **words;
    char version[128], isa[16]; /* as it says itself; "" before it was run */
};
/* ERR_USAGE if the line cannot be cut into words. Release with ab_program_done. */
bool ab_program_init(struct ab_program *program, const char *line, struct err *err)
    __attribute__((warn_unused_result));
void ab_program_done(struct ab_program *program);
/* Asks the program for its version, which stays empty if it has none to tell. */
bool ab_program_ask_version(struct ab_program *program, struct err *err)
    __attribute__((warn_unused_result));

/* What a process measures. */
struct ab_work {
    const char *model;
    bool tests[AB_TESTS];
    int64_t prompt, generate, batch, repeat; /* batch: sequences of AB_BATCHED */
    const char *const *options;              /* [n_options], further ones of bench */
    size_t n_options;
    bool without_limits; /* with --no-limits, which older programs do not have */
};

/* What a process used besides. */
struct ab_usage {
    double foreign_share; /* of the machine's time while it ran, that others had: machine.h */
    int64_t duration_ns;
    int status;                  /* its exit status */
    double instructions, cycles; /* 0: not known */
};

/* Runs the program with the arguments [n], of which the first is no program. The JSON that it
 * printed, to be freed with json_free; NULL with ERR_IO and its own last line if it failed,
 * ERR_INPUT if it printed something else. Fills *usage in any case. */
struct json *ab_run_program(const struct ab_program *program, const char *const *arguments,
                            size_t n, int64_t timeout_ns, struct ab_usage *usage, struct err *err)
    __attribute__((warn_unused_result));

/* Measures the work once. values: medians over its repetitions, 0 for what is not known. ERR_INPUT
 * if a rate of a test is missing. */
bool ab_measure(struct ab_program *program, const struct ab_work *work, int64_t timeout_ns,
                double values[AB_QUANTITIES], struct ab_usage *usage, struct err *err)
    __attribute__((warn_unused_result));

/* Chooses prompt, generate and repeat so that each test's repetitions take about `seconds`: rates
 * are those of a first try, context_tokens what prompt and generation together may have. */
void ab_choose_sizes(struct ab_work *work, const double rates[AB_TESTS], double seconds,
                     int64_t context_tokens);

#endif
