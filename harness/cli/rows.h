/* rows.h - what a query selects, printed: a table for people, CSV or JSON lines for scripts.
 *
 * Also how commands find the database that a user means; which run, labels.h finds.
 * Knows no table by name.
 */
#ifndef PHIBENCH_HARNESS_CLI_ROWS_H
#define PHIBENCH_HARNESS_CLI_ROWS_H

#include "harness/cli/command.h"
#include "results/labels.h"
#include "results/runs.h"

enum rows_format { ROWS_TABLE, ROWS_CSV, ROWS_JSONL };

/* Prints every row of the query to stdout, numbers to the right. JSON lines carry "type": `type`
 * first, if that is not NULL; columns whose names end in "_json" hold JSON and go in as it is,
 * without the ending. Does not close the query; NULL, one that could not be opened, fails. */
bool rows_print(struct query *query, enum rows_format format, const char *type, struct err *err)
    __attribute__((warn_unused_result));

/* The database of the options, or out/phibench.db. */
const char *rows_db_path(const struct db_options *db);
/* That database, opened; STORE_READ or STORE_WRITE. ERR_IO that says how
 * to make one if it is not there. */
struct store *rows_open_store(const struct db_options *db, enum store_mode mode, struct err *err)
    __attribute__((warn_unused_result));

/* The database of the options, or else `otherwise`; it is made if it is not there. is_durable: as
 * store_options has it. */
struct store *rows_make_store(const struct db_options *db, const char *otherwise, bool is_durable,
                              struct err *err) __attribute__((warn_unused_result));

#endif
