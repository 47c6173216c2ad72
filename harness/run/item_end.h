/* item_end.h - how a job of items ends: the circumstances of its answers are counted and noted, the
 * hashes of their logits become one, the scores are computed, and the job is finished.
 *
 * Internal to items.c. All of it comes from the stored answers, not from what this process happened
 * to see: a resumed job ends with the same rows as an undisturbed one.
 */
#ifndef PHIBENCH_HARNESS_RUN_ITEM_END_H
#define PHIBENCH_HARNESS_RUN_ITEM_END_H

#include "harness/run/job.h"

struct item_end {
    const struct run_context *run;
    const struct plan_job *planned;
    int64_t job;
    const struct item_index *index; /* of the data set */
    /* What this process computed, and in which time; -1: an earlier one has computed a part. */
    int64_t computed_tokens, computed_items, wall_ns;
    int64_t
        n_precise; /* items after which the score was known precisely enough; 0: all were asked */
};

/* In one transaction. logits_hash: "" where an answer's hash is not known. */
bool item_end(const struct item_end *end, char logits_hash[SHA256_HEX_BYTES], struct err *err)
    __attribute__((warn_unused_result));

#endif
