/* plan_chat.h - whether a model's chat format can say what a job asks, before any model is loaded.
 *
 * Internal to plan.c.
 */
#ifndef PHIBENCH_HARNESS_RUN_PLAN_CHAT_H
#define PHIBENCH_HARNESS_RUN_PLAN_CHAT_H

#include "harness/run/plan.h"

/* Renders the first question as the job would. Warns of a template that refuses a system message,
 * without which a task is then asked. Errors have no place: the caller knows the line. */
bool plan_chat_check(const struct plan_job *job, const struct log *log, struct err *err)
    __attribute__((warn_unused_result));

#endif
