/* throughput.h - measures how fast a model runs here: prefill, decode, batched decode, time to the
 * first token.
 *
 * Tests. prefill: a prompt of n tokens, until the next token is known (which also is the time to
 * the first token). decode: `generate` tokens, one after the other, after a prompt of the first
 * prompt length; batched_decode: the same in `batch` sequences at once, each with a prompt of its
 * own. Every repetition is a record; repetitions of all tests stand in one random order (the same
 * every time), so that a slow minute of the machine falls on all of them. Each test is first run
 * unrecorded, as warm_up records, until its time settles.
 */
#ifndef PHIBENCH_HARNESS_RUN_THROUGHPUT_H
#define PHIBENCH_HARNESS_RUN_THROUGHPUT_H

#include "harness/config/config.h"
#include "results/store.h"

/* Rates of a record. gb_per_s: the weights, which a batch streams once, however many tokens it
 * holds, and for decoded tokens the K and V that attention reads (those of a prompt stay in the
 * caches from one of its tokens to the next). gmac_per_s: the multiply-adds of the matrices; those
 * of attention, which are floats whatever the weights are, are left out. The output matrix counts
 * for tokens whose logits are wanted. percent_of_limit: see speed_limits_percent.
 *
 * Between the repetitions the machine's own limits are measured, as records of the tests limit_read
 * (gb_per_s), limit_int8 and limit_f32 (gmac_per_s), for the numbers of threads asked for, 1 and
 * all. */
struct throughput_target {
    const struct model *model;
    size_t context_tokens, batch_tokens; /* 0: the engine's defaults */
    enum kv_type kv_type;
    enum rope_policy rope;
    int64_t load_ns;         /* time that opening the model took, 0: not known */
    uint64_t load_rss_bytes; /* largest resident set while it was opened */
    int n_load_threads;      /* and with how many threads */
    bool without_limits;     /* those of the machine are not measured */
};

/* Where records go. */
struct throughput_sink {
    bool (*put)(void *context, const struct speed_record *record, struct err *err);
    /* Whether a repetition is there already and need not be measured; NULL: none is. */
    bool (*has)(void *context, const struct speed_record *record, bool *has, struct err *err);
    /* Told between measurements and inside of long ones how far they are. May be NULL. */
    void (*progress)(void *context, size_t n_done, size_t n_total);
    void *context;
};

/* What a measurement does between its steps: tells the sink, then ERR_INTERRUPTED if the user wants
 * an end. */
bool throughput_pause(const struct throughput_sink *sink, size_t n_done, size_t n_total,
                      struct err *err) __attribute__((warn_unused_result));

/* ERR_INPUT if prompts and generations do not fit the context. */
bool throughput_measure(const struct throughput_target *target,
                        const struct throughput_options *options,
                        const struct throughput_sink *sink, struct err *err)
    __attribute__((warn_unused_result));

/* How many records a complete measurement holds, without warm-up; and whether `sink` has them
 * all. */
bool throughput_is_complete(const struct throughput_options *options, enum isa isa,
                            const struct throughput_sink *sink, bool *complete, struct err *err)
    __attribute__((warn_unused_result));

#endif
