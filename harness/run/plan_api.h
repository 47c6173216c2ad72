/* plan_api.h - models behind a server, as far as a plan can know them: nothing is asked of the
 * server.
 *
 * Internal to plan.c.
 */
#ifndef PHIBENCH_HARNESS_RUN_PLAN_API_H
#define PHIBENCH_HARNESS_RUN_PLAN_API_H

#include "harness/run/plan.h"

/* Fills in what is known of a model with config->api: its identity is that of URL, name and
 * endpoint. ERR_CONFIG if its key is not there. */
bool plan_api_model(struct plan_model *model, struct arena *arena, struct err *err)
    __attribute__((warn_unused_result));

/* Whether a server can do what the suite asks; otherwise ERR_CONFIG, and what would be possible. */
bool plan_api_check(const struct plan_job *job, struct err *err)
    __attribute__((warn_unused_result));

#endif
