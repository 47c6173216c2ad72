/* lock.h - one process for each run: who carries a run out holds a lock that dies with it.
 *
 * A file beside the database, FILE-runs, is empty for ever; byte N of it stands for run N, byte 0
 * for choosing one. The locks are the kernel's, so that kill -9 leaves none behind. They are a
 * process's: two runners in one process are not told apart.
 */
#ifndef PHIBENCH_HARNESS_RUN_LOCK_H
#define PHIBENCH_HARNESS_RUN_LOCK_H

#include "base/err.h"

#include <stdint.h>

struct run_lock {
    int file; /* descriptor, -1: closed */
};

/* Opens the file of this database and waits until no other process is choosing a run. Close with
 * run_lock_close, also after a failure. */
bool run_lock_open(struct run_lock *lock, const char *db, struct err *err)
    __attribute__((warn_unused_result));
/* Ends the choosing: takes the run, or fails with ERR_IO and the number of the process that has
 * it. */
bool run_lock_take(struct run_lock *lock, int64_t run, struct err *err)
    __attribute__((warn_unused_result));
/* Ends the choosing: takes all runs there are and will be, or fails with ERR_IO and the number of a
 * process that carries one out. */
bool run_lock_take_all(struct run_lock *lock, struct err *err) __attribute__((warn_unused_result));
/* Gives up what is held. */
void run_lock_close(struct run_lock *lock);

#endif
