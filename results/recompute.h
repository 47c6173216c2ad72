/* recompute.h - rows that follow from other rows: scores from verdicts, hashes of jobs from those
 * of their answers.
 *
 * Internal to results/, for store_check.h. The schema is the current one.
 */
#ifndef PHIBENCH_RESULTS_RECOMPUTE_H
#define PHIBENCH_RESULTS_RECOMPUTE_H

#include "results/store_check.h"
#include "results/store_internal.h"

/* Calls fn for every score of a finished job of questions that its verdicts do not give, or that is
 * missing. Intervals are left alone: programs differ in how they estimate them. Writes temporary
 * rows. */
bool recompute_scores(struct store *store, check_fault_fn *fn, void *context, struct err *err)
    __attribute__((warn_unused_result));
/* Stores what verdicts give in place of such scores. */
bool recompute_mend_scores(struct store *store, struct err *err)
    __attribute__((warn_unused_result));

/* Calls fn for every finished job whose hash over its answers' logits is another one; where the
 * order of its items cannot be told from the rows, nothing is. And for jobs of one fingerprint with
 * several hashes: the same bits were computed for all of them, or one was changed. */
bool recompute_hashes(struct store *store, check_fault_fn *fn, void *context, struct err *err)
    __attribute__((warn_unused_result));

#endif
