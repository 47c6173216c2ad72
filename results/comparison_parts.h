/* comparison_parts.h - what the files that make a comparison share: the facts of jobs, and growing
 * lists in its arena. Internal to results/.
 */
#ifndef PHIBENCH_RESULTS_COMPARISON_PARTS_H
#define PHIBENCH_RESULTS_COMPARISON_PARTS_H

#include "base/arena.h"
#include "results/comparison.h"
#include "results/store_internal.h"

#include <stdint.h>

/* In SQL with `run`, its `build` and an `other` run: whether that is of the same program,
 * configuration and machine, so that their speeds may be taken together. */
#define IS_RUN_LIKE_IT                                                                             \
    "(other.id = run.id OR (other.build = run.build AND NOT " IS_VAGUE_BUILD                       \
    " AND other.machine = run.machine AND other.config_hash = run.config_hash "                    \
    "AND other.isa IS run.isa AND other.n_threads = run.n_threads))"

/* A job with what may differ from another's. */
struct job_facts {
    int64_t id;
    const char *suite, *protocol, *model, *quantization, *kind, *metric;
    const char *data_hash, *weights_hash, *bos, *parameters, *logits_hash, *tokenizer;
    int64_t shots, suite_version, context_tokens, n_items;
    bool is_finished, is_paired;
};
struct job_list {
    struct job_facts *items; /* [n] */
    size_t n, capacity;
};

/* What comparison_make works with. */
struct comparing {
    struct comparison *comparison;
    const struct side *base, *candidate;
    const struct comparison_options *options;
    struct job_list base_jobs, candidate_jobs;
    /* The differences of every pair's scores, in points of percent: what is pooled. */
    struct pooled_part {
        const double *items; /* [n] */
        size_t n;
        struct estimate change;
    } * parts; /* [n_parts] */
    size_t n_parts, parts_capacity;
};

bool comparing_add_unlike(struct comparing *comparing, const struct unlike *unlike, struct err *err)
    __attribute__((warn_unused_result));
bool comparing_add_line(struct comparing *comparing, const struct comparison_line *line,
                        struct err *err) __attribute__((warn_unused_result));
/* The text lives in the comparison's arena; NULL fails. */
bool comparing_add_missing(struct comparing *comparing, const char *text, struct err *err)
    __attribute__((warn_unused_result));

/* comparison_jobs.c: reads the jobs of both sides and pairs them, with what is not the same. */
bool comparing_pair_jobs(struct comparing *comparing, struct err *err)
    __attribute__((warn_unused_result));
/* comparison_answers.c: reads the answers of a pair, and adds its lines. */
bool comparing_read_answers(struct comparing *comparing, struct job_pair *pair, struct err *err)
    __attribute__((warn_unused_result));
/* comparison_speed.c: adds the lines of speeds, memory and loading. */
bool comparing_read_speeds(struct comparing *comparing, struct err *err)
    __attribute__((warn_unused_result));

#endif
