/* store_check.h - phibench db check: what is wrong with a database, and mending what can be mended.
 *
 * Looks at the file (SQLite's own check, foreign keys), its schema, its rows (faults.h; scores and
 * hashes that follow from other rows are computed again), and at the files beside it. Nothing is
 * refused that can be opened at all.
 */
#ifndef PHIBENCH_RESULTS_STORE_CHECK_H
#define PHIBENCH_RESULTS_STORE_CHECK_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct check_fault {
    const char *part;  /* "file", "schema", "rows", "scores", "hashes" or "beside" */
    const char *table; /* or file; NULL: not one of them */
    int64_t row;       /* its id; 0: not one row */
    const char *what;  /* "its item, 5, is missing" */
    const char *mend;  /* what check_mend would do; NULL: nothing can be done */
};
typedef bool check_fault_fn(void *context, const struct check_fault *fault, struct err *err);

/* Calls fn for every fault, those of the file first; its first false stops. Where SQLite cannot
 * read the file, nothing behind that is looked at. is_trusted: what others added to the schema is
 * none. Writes nothing. ERR_INPUT if it is no phibench database, or from a newer program. */
bool check_database(const char *path, bool is_trusted, check_fault_fn *fn, void *context,
                    struct err *err) __attribute__((warn_unused_result));

/* Mends all that can be, in one transaction, after the file as it is was copied to *backup:
 * PATH.before-repair, or with a number where that is there; free() it. The caller makes sure that
 * no run is carried out. ERR_INPUT where SQLite cannot read the file: nothing was done. */
bool check_mend(const char *path, bool is_trusted, char **backup, struct err *err)
    __attribute__((warn_unused_result));

#endif
