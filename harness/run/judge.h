/* judge.h - the second half of a job that is judged: asks the judge about every answer that it
 * has not judged, and gives the answers its points.
 *
 * Internal to items.c, which has asked the model by then.
 */
#ifndef PHIBENCH_HARNESS_RUN_JUDGE_H
#define PHIBENCH_HARNESS_RUN_JUDGE_H

#include "harness/run/job.h"

/* All answers of the job are stored. Nothing to do for a job without a judge. */
bool run_judge(struct run_context *run, const struct plan_job *planned, int64_t job,
               struct err *err) __attribute__((warn_unused_result));

#endif
