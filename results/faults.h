/* faults.h - rows that cannot be: references to what is not there, numbers out of their range, jobs
 * that lack what they say they have.
 *
 * A table of rules, each one statement that finds the rows and one that mends them. The cheap ones
 * are asked whenever a store is opened, all of them by store_check.h. Internal to results/.
 */
#ifndef PHIBENCH_RESULTS_FAULTS_H
#define PHIBENCH_RESULTS_FAULTS_H

#include "results/store_check.h"
#include "results/store.h"

/* Calls fn for every fault of every rule; its first false stops. The schema is the current one. */
bool faults_each(struct store *store, check_fault_fn *fn, void *context, struct err *err)
    __attribute__((warn_unused_result));

/* Fails with ERR_INPUT and the first fault that a cheap rule finds. */
bool faults_refuse(struct store *store, struct err *err) __attribute__((warn_unused_result));

/* Mends what can be, in the caller's transaction and with foreign keys enforced. */
bool faults_mend(struct store *store, struct err *err) __attribute__((warn_unused_result));

#endif
