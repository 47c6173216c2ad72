/* job_scores.h - a job's rows of `score`, from its stored answers alone: an interrupted job, an
 * undisturbed one and a regraded one get the same.
 *
 * Knows which suites are averages over items, which the store computes, and which are statistics
 * over the tokens of a text.
 */
#ifndef PHIBENCH_HARNESS_RUN_JOB_SCORES_H
#define PHIBENCH_HARNESS_RUN_JOB_SCORES_H

#include "results/store.h"
#include "suites/suite.h"

/* Replaces the job's scores. Of a text:
 *   ppl           exp of the mean loss; its error by the delta method
 * and against a reference, for each token:
 *   ppl_reference of the reference on the same tokens
 *   ln_ppl_ratio  logarithm of ppl / ppl_reference; its error from the differences of each token
 *   kld           mean divergence in nats; kld_p99.9 ... kld_p1 its quantiles, kld_max
 *   same_top      share of tokens where both find the same one most probable
 *   dp_mean, dp_rms, dp_p99.9 ... dp_p0.1, dp_max, dp_min   difference of the probabilities of the
 *                 token that came, model minus reference
 * Errors and intervals of means are clustered by chunk; that of same_top is Wilson's; those of a
 * quantile are distribution-free, from order statistics (David and Nagaraja 2003, "Order
 * statistics", section 7.1). Nothing is stored where a token's score is not a number. */
bool job_scores_compute(struct store *store, int64_t job, const struct suite *suite,
                        struct err *err) __attribute__((warn_unused_result));

#endif
