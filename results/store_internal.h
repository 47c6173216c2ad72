/* store_internal.h - what the store's own files share: the connection, statements, migrations.
 *
 * Only files of results/ include this, and tests of what it declares.
 */
#ifndef PHIBENCH_RESULTS_STORE_INTERNAL_H
#define PHIBENCH_RESULTS_STORE_INTERNAL_H

#include "base/embedded.h"
#include "results/query.h"

#include <sqlite3.h>

enum { STORE_BUSY_MS = 30000 };

/* An open database: the store's own, or another of this folder that is queried like it. */
struct store {
    sqlite3 *db;
    char *path;
    struct query *kept; /* compiled statements of the store's own */
};

/* Fills *err with what SQLite says of the last call, the database's path as the place. Returns
 * false. */
bool store_fail(struct store *store, struct err *err);
/* Does so for a result code of a connection that belongs to no store. */
bool store_fail_code(sqlite3 *db, int code, const char *path, struct err *err);

/* Runs one statement or several that take no parameters and give no rows. */
bool store_execute(struct store *store, const char *sql, struct err *err)
    __attribute__((warn_unused_result));

/* Several writes that belong together stand between these two, inside or outside a transaction of
 * the caller's. Leave is told whether all went well, and takes the writes back if not; it returns
 * `done`, or false if keeping them failed. */
bool store_enter(struct store *store, struct err *err) __attribute__((warn_unused_result));
bool store_leave(struct store *store, bool done, struct err *err)
    __attribute__((warn_unused_result));

/* ---- Statements: begin, add every parameter in order, then run; or step and close ---- */

/* query_open for a statement of the store's own, compiled once per connection and kept. Its text is
 * found again by its address: it stands as a `static const char NAME[]` beside its use. */
struct query *query_begin(struct store *store, const char *sql, struct err *err)
    __attribute__((warn_unused_result));
/* query_begin with the first parameter, the id of a row. */
struct query *query_begin_of(struct store *store, const char *sql, int64_t id, struct err *err)
    __attribute__((warn_unused_result));
/* Frees the kept statements when the store closes. */
void query_forget_kept(struct store *store);

/* Each binds the parameter that follows the last one. */
void query_add_integer(struct query *query, int64_t value);
void query_add_text(struct query *query, const char *value);
void query_add_number(struct query *query, double value); /* NaN: NULL; infinite: the step fails */
/* NaN fails too: no row is to hold what is no number. */
void query_add_finite(struct query *query, double value);
void query_add_known_integer(struct query *query, int64_t value); /* 0: NULL */
void query_add_known_number(struct query *query, double value);   /* 0: NULL */

/* Steps to the end and closes. */
bool query_run(struct query *query, struct err *err) __attribute__((warn_unused_result));
/* Gives the integer of the first row's first column, `otherwise` if there is no row, and closes. */
bool query_integer_of(struct query *query, int64_t otherwise, int64_t *value, struct err *err)
    __attribute__((warn_unused_result));
/* A column's text, NULL for NULL; valid until the next row. */
const char *query_text_or_null(const struct query *query, int column);

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
