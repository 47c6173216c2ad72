/* store_internal.h - what the store's own files share: the connection, statements, migrations.
 *
 * Statements are compiled once per connection and kept, found again by the address of their SQL
 * text: SQL stands as a `static const char NAME[]` next to its use. Only files of results/ include
 * this.
 */
#ifndef PHIBENCH_RESULTS_STORE_INTERNAL_H
#define PHIBENCH_RESULTS_STORE_INTERNAL_H

#include "base/embedded.h"
#include "results/store.h"

#include <sqlite3.h>

enum { STORE_MAX_STATEMENTS = 64, STORE_BUSY_MS = 30000 };

struct store {
    sqlite3 *db;
    char *path;
    struct {
        const char *sql;
        sqlite3_stmt *handle;
    } statements[STORE_MAX_STATEMENTS];
    size_t n_statements;
};

/* Fills *err with what SQLite says of the last call, the database's path as the place. Returns
 * false. */
bool store_fail(struct store *store, struct err *err);
/* The same for a bare connection and a result code. */
bool store_fail_code(sqlite3 *db, int code, const char *path, struct err *err);

/* Around several writes that belong together, inside or outside a transaction of the caller's:
 * enter, write, leave with whether all went well (false takes the writes back). Leave returns
 * `done`, or false if keeping them failed. */
bool store_enter(struct store *store, struct err *err) __attribute__((warn_unused_result));
bool store_leave(struct store *store, bool done, struct err *err)
    __attribute__((warn_unused_result));

/* ---- Statements: begin, bind every parameter in order, then run or step ---- */

struct statement {
    struct store *store;
    sqlite3_stmt *handle; /* for sqlite3_column_*, owned by the store */
    int n_bound, code;    /* code: the first failure of begin or bind */
};

struct statement statement_begin(struct store *store, const char *sql);
/* Bound texts are borrowed until the statement is done. NULL binds NULL. */
void statement_text(struct statement *statement, const char *text);
void statement_integer(struct statement *statement, int64_t value);
void statement_number(struct statement *statement, double value);
void statement_known_integer(struct statement *statement, int64_t value); /* 0: NULL */
void statement_known_number(struct statement *statement, double value);   /* 0: NULL */

/* 1: a row stands in the handle; 0: no more rows; -1: error. After 0 and -1 the statement is done.
 */
int statement_next(struct statement *statement, struct err *err);
/* Ends a statement before its last row. */
void statement_done(struct statement *statement);
/* Runs a statement that gives no rows. */
bool statement_run(struct statement *statement, struct err *err)
    __attribute__((warn_unused_result));
/* Runs it and gives the integer of its first row's first column; otherwise if there is no row. */
bool statement_integer_of(struct statement *statement, int64_t otherwise, int64_t *value,
                          struct err *err) __attribute__((warn_unused_result));
/* A column's text, NULL for NULL; valid until the next row. */
const char *statement_column(const struct statement *statement, int column);

/* ---- Migrations ---- */

/* The marks of our files: "phib" as application_id, and how many steps this program knows. */
enum { SCHEMA_APPLICATION_ID = 0x70686962 };

struct schema {
    const struct embedded_file *steps; /* [n_steps]: steps[v] takes a database of version v on */
    int n_steps;
};
/* The steps of results/schema. */
struct schema schema_current(void);

/* Refuses what is no database of ours or from a newer program, before anything is written; brings
 * an older one, or an empty file if may_create, to the schema's version: all steps in one
 * transaction, or none. */
bool schema_migrate(sqlite3 *db, const char *path, const struct schema *schema, bool may_create,
                    struct err *err) __attribute__((warn_unused_result));

#endif
