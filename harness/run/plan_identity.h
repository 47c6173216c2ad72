/* plan_identity.h - what a job's answers depend on: its parameters as JSON, and its fingerprint.
 *
 * Internal to the plan. A judged job has a second fingerprint, of its answers alone.
 */
#ifndef PHIBENCH_HARNESS_RUN_PLAN_IDENTITY_H
#define PHIBENCH_HARNESS_RUN_PLAN_IDENTITY_H

#include "harness/run/plan.h"

/* Fills in parameters_json (in the plan's arena), fingerprint and, if it is judged, answers. */
bool plan_identify_job(struct plan *plan, struct plan_job *job, struct err *err)
    __attribute__((warn_unused_result));
/* All jobs anew: once servers have said what they are. */
bool plan_identify(struct plan *plan, struct err *err) __attribute__((warn_unused_result));

#endif
