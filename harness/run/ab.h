/* ab.h - the speed of two builds: blocks of A, A again and B, each a fresh process, in random
 * balanced order, until what they tell is precise enough or the time is up.
 *
 * Runs and compares; prints nothing but progress. What a block tells is ab_verdict.h's, what a
 * process does ab_bench.h's, which kernel it is ab_kernels.h's.
 */
#ifndef PHIBENCH_HARNESS_RUN_AB_H
#define PHIBENCH_HARNESS_RUN_AB_H

#include "harness/run/ab_bench.h"
#include "harness/run/ab_kernels.h"
#include "harness/run/ab_verdict.h"
#include "harness/run/progress.h"

struct ab_options {
    const char *lines[2]; /* the command lines of A and B */
    const char *model;
    bool tests[AB_TESTS];
    int64_t batch;             /* sequences of AB_BATCHED */
    const char *const *passed; /* [n_passed], further options of bench, for both */
    size_t n_passed;
    const char *isa; /* among them, and for kernels too; NULL: the best */
    double block_seconds, minutes;
    double margin, precision; /* of rates, 0.02 for 2% */
    size_t min_blocks;        /* before it may end because the interval is narrow */
    uint64_t seed;
    bool without_kernels; /* a slowdown is not looked into */
    const struct console *console;
};

enum ab_ending { AB_PRECISE, AB_PROVED, AB_TIME_UP, AB_STOPPED };

struct ab_result {
    struct ab_program programs[2];
    struct ab_work work;
    struct ab_series series[AB_QUANTITIES];
    struct ab_comparison comparisons[AB_QUANTITIES];
    enum ab_verdict verdicts[AB_TESTS], verdict; /* the worst of those that were measured */
    enum ab_reason reasons[AB_TESTS];
    size_t n_blocks; /* complete */
    enum ab_ending ending;
    int64_t duration_ns; /* of the blocks */
    double *shares;      /* [n_shares] of the machine that others had, of every process */
    size_t n_shares, share_capacity;
    const char *counters_fault; /* why instructions were not counted; NULL: they were */
    struct ab_kernels kernels;
};

/* Runs the comparison. Ctrl-C ends it with what there is (AB_STOPPED) once a block is complete.
 * ERR_USAGE, ERR_IO or ERR_INPUT says what is wrong with a program or the model. Release *result
 * with ab_result_done in any case. */
bool ab_run(const struct ab_options *options, struct ab_result *result, struct err *err)
    __attribute__((warn_unused_result));
void ab_result_done(struct ab_result *result);

#endif
