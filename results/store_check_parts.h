/* store_check_parts.h - what looking for faults and mending them share: the file, its schema,
 * the files beside it.
 *
 * Internal to results/.
 */
#ifndef PHIBENCH_RESULTS_STORE_CHECK_PARTS_H
#define PHIBENCH_RESULTS_STORE_CHECK_PARTS_H

#include "results/store_check.h"
#include "results/store_internal.h"

/* What SQLite's own check says, line by line. *is_readable: nothing that keeps the rows from being
 * read; otherwise the faults cannot be mended. */
bool check_file(struct store *store, bool *is_readable, check_fault_fn *fn, void *context,
                struct err *err) __attribute__((warn_unused_result));

/* Files that a process which died left beside the database. */
bool check_beside(const char *path, check_fault_fn *fn, void *context, struct err *err)
    __attribute__((warn_unused_result));

/* Whether indexes and views that are missing or changed are made again: a changed one that is
 * trusted is left alone. */
bool check_is_made_again(const struct schema_difference *difference, bool is_trusted);

/* The ending of the copies that mending makes first. */
#define CHECK_BACKUP_ENDING ".before-repair"

#endif
