/* plan_api.h - models and judges behind a server, as far as a plan can know them before anything is
 * sent, and what their servers then say of themselves.
 *
 * Internal to plan.c, but for plan_ask_servers, which plan.h declares.
 */
#ifndef PHIBENCH_HARNESS_RUN_PLAN_API_H
#define PHIBENCH_HARNESS_RUN_PLAN_API_H

#include "harness/run/plan.h"

/* Fills in what is known of a model with config->api: its identity is that of its server.
 * ERR_CONFIG if a key is not there. */
bool plan_api_model(struct plan_model *model, struct arena *arena, struct err *err)
    __attribute__((warn_unused_result));

/* Finds the server of the job's judge, if one judges it; the same for all jobs of a suite.
 * ERR_CONFIG if a key is not there. */
bool plan_api_judge(const struct plan *plan, struct plan_job *job, struct err *err)
    __attribute__((warn_unused_result));

/* Whether a server can do what the suite asks; otherwise ERR_CONFIG, and what would be possible. */
bool plan_api_check(const struct plan_job *job, struct err *err)
    __attribute__((warn_unused_result));

#endif
