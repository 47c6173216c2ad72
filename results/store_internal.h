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

/* What a statement may take where a view may be the file's own: about a minute. */
#define STORE_MAX_STEPS ((int64_t)1 << 31)

/* An open database: the store's own, or another of this folder that is queried like it. */
struct store {
    sqlite3 *db;
    char *path;
    struct query *kept;         /* compiled statements of the store's own */
    struct prompt_bases *bases; /* of store_put_prompt, NULL: none so far */
    bool heeds_interrupts;      /* Ctrl-C ends a statement */
    bool is_bounded;            /* a statement ends after max_steps */
    int64_t n_steps, max_steps;
    int waited_ms, waited_after_ms; /* for a lock, and after Ctrl-C */
};

/* A connection to a file that is there, and a look at nothing in it: store_open without refusals
 * and migrations, for store_check.h. What cannot be written is opened to be read. Close with
 * store_close. */
struct store *store_connect(const char *path, bool is_trusted, struct err *err)
    __attribute__((warn_unused_result));

/* ---- What protects from a file of somebody else's ---- */

/* Refuses what is no regular file, at the path itself and at the names that SQLite makes of it. */
bool store_guard_files(const char *path, struct err *err) __attribute__((warn_unused_result));
/* Limits and handlers of an open connection; before its first statement. A trusted file's triggers
 * run, and its statements are bounded. */
bool store_guard_connection(struct store *store, bool is_trusted, struct err *err)
    __attribute__((warn_unused_result));

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

/* ---- Prompts ---- */

/* The row of a prompt's text, made if there is none: as what it adds to a prompt that this
 * connection has stored, if it shares at least half of that one's characters, otherwise whole.
 * Inside a transaction. */
bool store_put_prompt(struct store *store, const char *text, int64_t *id, struct err *err)
    __attribute__((warn_unused_result));
/* The pictures of the answer's item, which is there, in place of what was known of it; nothing to
 * do for an answer without any. Inside a transaction. */
bool store_put_pictures(struct store *store, int64_t dataset, const struct answer_record *answer,
                        struct err *err) __attribute__((warn_unused_result));
/* Forgets the prompts that others can be stored by: rows that a rollback takes back are none. */
void store_forget_bases(struct store *store);
/* The columns of a prompt as text, from `prompt` and its `base`, NULL: none or not known. */
#define PROMPT_TEXT "coalesce(substr(base.rest, 1, prompt.n_shared_characters), '') || prompt.rest"
#define JOIN_PROMPT                                                                                \
    "LEFT JOIN prompt ON prompt.id = response.prompt LEFT JOIN prompt AS base "                    \
    "ON base.id = prompt.base"

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
void query_add_bytes(struct query *query, const void *bytes, size_t n_bytes);
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
/* The bytes of a blob: [*n_bytes], valid until the next row. */
const void *query_bytes(const struct query *query, int column, size_t *n_bytes);

/* In SQL with the table `build`: whether equal rows may be different programs. */
#define IS_VAGUE_BUILD "(build.git_dirty AND build.binary_id IS NULL)"

/* ---- Migrations ---- */

/* The marks of our files: "phib" as application_id, and how many steps this program knows. */
enum { SCHEMA_APPLICATION_ID = 0x70686962 };

struct schema {
    const struct embedded_file *steps; /* [n_steps]: steps[v] takes a database of version v on */
    int n_steps;
};
/* The steps of results/schema. */
struct schema schema_current(void);

/* The version of a file that is ours, -1 for an empty one if that may_create; refuses others. */
bool schema_version(struct store *store, const struct schema *schema, bool may_create,
                    int64_t *version, struct err *err) __attribute__((warn_unused_result));

/* How a file's schema differs from that of its version. */
enum schema_difference_kind { SCHEMA_FOREIGN, SCHEMA_CHANGED, SCHEMA_MISSING };
struct schema_difference {
    enum schema_difference_kind kind;
    const char *type, *name, *table; /* "index", its name, and that of its table */
    const char *sql;                 /* that makes what should be there; NULL: foreign */
};
typedef bool schema_difference_fn(void *context, const struct schema_difference *difference,
                                  struct err *err);
/* Calls fn for every difference; its first false stops. */
bool schema_compare(struct store *store, const struct schema *schema, int64_t version,
                    schema_difference_fn *fn, void *context, struct err *err)
    __attribute__((warn_unused_result));
/* One sentence's worth: "the view v_jobs is missing". */
void schema_describe_difference(const struct schema_difference *difference, char *text,
                                size_t n_bytes);
/* Refuses a database of ours, of any version, that differs from its version's schema: always if
 * something is missing, and unless it is trusted if something was added or changed. */
bool schema_refuse(struct store *store, const struct schema *schema, bool is_trusted,
                   struct err *err) __attribute__((warn_unused_result));
/* Whether two statements differ in nothing but comments, white space and the quotes of names. */
bool schema_is_same_sql(const char *a, const char *b, bool *same, struct err *err)
    __attribute__((warn_unused_result));

/* Refuses what is no database of ours or from a newer program, before anything is written; brings
 * an older one, or an empty file if may_create, to the schema's version: all steps in one
 * transaction, or none. */
bool schema_migrate(sqlite3 *db, const char *path, const struct schema *schema, bool may_create,
                    struct err *err) __attribute__((warn_unused_result));

/* Of a response: the hashes of the pictures that it was given to, as the JSON array that it has. */
#define SEEN_PICTURES                                                                              \
    "CASE WHEN instr(response.content, '\"pictures\":[') "                                         \
    "THEN json_extract(response.content, '$.pictures') ELSE '' END"

#endif
