/* temporary.h - the file that is written beside another one, to take its place when it is whole.
 *
 * Its name is PATH.tmp-PID-N, and whoever writes it holds a lock on it that ends with the process.
 * So what a killed process has left is known from what another one, of this machine or container or
 * of another, is still writing. Thread-safe.
 */
#ifndef PHIBENCH_BASE_TEMPORARY_H
#define PHIBENCH_BASE_TEMPORARY_H

#include "base/err.h"

struct temporary {
    int file; /* open for writing, and locked; -1: none */
    char *name;
};

/* Removes what dead processes have left beside `path`, then makes a new empty file there. End with
 * temporary_keep or temporary_drop, which is fine after a failure too. */
bool temporary_open(struct temporary *temporary, const char *path, struct err *err)
    __attribute__((warn_unused_result));
/* Syncs the file and gives it the name `path`, which has the old content or the new one, whatever
 * happens. The temporary is done in any case. */
bool temporary_keep(struct temporary *temporary, const char *path, struct err *err)
    __attribute__((warn_unused_result));
void temporary_drop(struct temporary *temporary);

/* What follows in `name` the name of a temporary of the file `target`, both without their folder:
 * "" for the temporary itself, "-journal" for SQLite's beside it; NULL for other files. */
const char *temporary_ending(const char *name, const char *target);

#endif
