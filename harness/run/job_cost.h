/* job_cost.h - what the jobs of a plan cost, before any of them runs: their tokens, counted, and
 * their time, by the last rates that the store has for the same weights.
 */
#ifndef PHIBENCH_HARNESS_RUN_JOB_COST_H
#define PHIBENCH_HARNESS_RUN_JOB_COST_H

#include "harness/run/token_count.h"
#include "results/store.h"

/* What is known of one job. */
struct job_cost {
    const struct plan_job *job;
    struct token_count count; /* empty for throughput and behind an API */
    double seconds;           /* of all its items; 0: no rate is known */
    char measured[96];        /* where the rate is from: "12.3 items a second in run 4" */
};

/* [plan->n_jobs], to be freed with free(). store: NULL, and no time is known. */
struct job_cost *job_costs_estimate(const struct plan *plan, struct store *store, struct err *err)
    __attribute__((warn_unused_result));

/* "8 jobs, about 2 h 5 min, and 3 whose time is not known". */
void job_costs_describe(const struct job_cost *costs, size_t n, char *out, size_t n_out);

#endif
