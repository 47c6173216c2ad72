/* query.c - see query.h and, for what only the store's own files may do, store_internal.h.
 *
 * A kept query is the store's: it stays compiled until the store closes, and closing it makes it
 * ready for its next use. One that is needed again while it is in use gets a passing second one. A
 * failed bind is remembered and reported by the step, so that a list of binds needs no checks.
 */
#include "results/query.h"

#include "base/mem.h"
#include "results/store_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct query {
    struct store *store;
    sqlite3_stmt *handle;
    int n_bound, code;  /* code: of the first bind that failed */
    const char *unfit;  /* "infinite": what a bound number is that must not be stored; or NULL */
    const char *sql;    /* of a kept one, which is found by this address; otherwise NULL */
    bool is_in_use;     /* a kept one */
    struct query *next; /* among the store's kept ones */
};

static struct query *compile(struct store *store, const char *sql, unsigned flags, struct err *err)
{
    struct query *query = mem_new(1, sizeof *query, err);
    if (!query) return NULL;
    const char *rest = NULL;
    query->store = store;
    query->code = SQLITE_OK;
    store->n_steps = 0;
    if (sqlite3_prepare_v3(store->db, sql, -1, flags, &query->handle, &rest) != SQLITE_OK) {
        store_fail(store, err);
    } else if (!query->handle || rest[strspn(rest, " \t\r\n")]) {
        err_set_at(err, ERR_INPUT, store->path, 0, 0, "a query is one SQL statement, not: %s", sql);
    } else {
        return query;
    }
    query_close(query);
    return NULL;
}

struct query *query_open(struct store *store, const char *sql, struct err *err)
{
    return compile(store, sql, 0, err);
}

struct query *query_begin(struct store *store, const char *sql, struct err *err)
{
    struct query *kept = store->kept;
    while (kept && kept->sql != sql) kept = kept->next;
    if (kept && kept->is_in_use) return compile(store, sql, 0, err);
    store->n_steps = 0;
    if (!kept) {
        kept = compile(store, sql, SQLITE_PREPARE_PERSISTENT, err);
        if (!kept) return NULL;
        kept->sql = sql;
        kept->next = store->kept;
        store->kept = kept;
    }
    kept->is_in_use = true;
    return kept;
}

struct query *query_begin_of(struct store *store, const char *sql, int64_t id, struct err *err)
{
    struct query *query = query_begin(store, sql, err);
    query_add_integer(query, id);
    return query;
}

void query_close(struct query *query)
{
    if (!query) return;
    if (query->sql) {
        sqlite3_reset(query->handle);
        sqlite3_clear_bindings(query->handle);
        query->n_bound = 0;
        query->code = SQLITE_OK;
        query->unfit = NULL;
        query->is_in_use = false;
    } else {
        sqlite3_finalize(query->handle);
        free(query);
    }
}

void query_forget_kept(struct store *store)
{
    while (store->kept) {
        struct query *query = store->kept;
        store->kept = query->next;
        query->sql = NULL;
        query_close(query);
    }
}

/* ---- Parameters ---- */

static void note_bind(struct query *query, int code)
{
    if (query->code == SQLITE_OK) query->code = code;
}

void query_bind_integer(struct query *query, int parameter, int64_t value)
{
    if (query) note_bind(query, sqlite3_bind_int64(query->handle, parameter, value));
}

void query_bind_text(struct query *query, int parameter, const char *value)
{
    if (!query) return;
    note_bind(query, sqlite3_bind_text(query->handle, parameter, value, -1, SQLITE_TRANSIENT));
}

void query_add_integer(struct query *query, int64_t value)
{
    if (query) query_bind_integer(query, ++query->n_bound, value);
}

void query_add_text(struct query *query, const char *value)
{
    if (query) query_bind_text(query, ++query->n_bound, value);
}

void query_add_bytes(struct query *query, const void *bytes, size_t n_bytes)
{
    if (query)
        note_bind(query, sqlite3_bind_blob64(query->handle, ++query->n_bound, bytes, n_bytes,
                                             SQLITE_TRANSIENT));
}

void query_add_number(struct query *query, double value)
{
    if (!query) return;
    if (isinf(value)) query->unfit = "infinite";
    note_bind(query, sqlite3_bind_double(query->handle, ++query->n_bound, value));
}

void query_add_finite(struct query *query, double value)
{
    query_add_number(query, value);
    if (query && isnan(value)) query->unfit = "none";
}

void query_add_known_integer(struct query *query, int64_t value)
{
    if (value) query_add_integer(query, value);
    else query_add_text(query, NULL);
}

void query_add_known_number(struct query *query, double value)
{
    if (value != 0) query_add_finite(query, value);
    else query_add_text(query, NULL);
}

/* ---- Rows ---- */

int query_next(struct query *query, struct err *err)
{
    if (!query) return -1;
    if (query->unfit) {
        err_set_at(err, ERR_INPUT, query->store->path, 0, 0, "a number that is %s is not stored",
                   query->unfit);
        return -1;
    }
    int code = query->code == SQLITE_OK ? sqlite3_step(query->handle) : query->code;
    if (code == SQLITE_ROW) return 1;
    if (code == SQLITE_DONE) return 0;
    store_fail_code(query->store->db, code, query->store->path, err);
    return -1;
}

bool query_need(struct query *query, const char *what, struct err *err)
{
    int more = query_next(query, err);
    if (more == 0)
        err_set_at(err, ERR_INPUT, query->store->path, 0, 0,
                   "%s is missing: the database is damaged, or was changed by hand", what);
    return more > 0;
}

bool query_run(struct query *query, struct err *err)
{
    int more;
    do more = query_next(query, err);
    while (more > 0);
    query_close(query);
    return more == 0;
}

bool query_integer_of(struct query *query, int64_t otherwise, int64_t *value, struct err *err)
{
    int more = query_next(query, err);
    if (more >= 0) *value = more ? query_integer(query, 0) : otherwise;
    query_close(query);
    return more >= 0;
}

int query_columns(const struct query *query)
{
    return query ? sqlite3_column_count(query->handle) : 0;
}

const char *query_column_name(const struct query *query, int column)
{
    return sqlite3_column_name(query->handle, column);
}

bool query_is_null(const struct query *query, int column)
{
    return sqlite3_column_type(query->handle, column) == SQLITE_NULL;
}

bool query_is_number(const struct query *query, int column)
{
    int type = sqlite3_column_type(query->handle, column);
    return type == SQLITE_INTEGER || type == SQLITE_FLOAT;
}

const char *query_text_or_null(const struct query *query, int column)
{
    return (const char *)sqlite3_column_text(query->handle, column);
}

const char *query_text(const struct query *query, int column)
{
    const char *text = query_text_or_null(query, column);
    return text ? text : "";
}

const void *query_bytes(const struct query *query, int column, size_t *n_bytes)
{
    const void *bytes = sqlite3_column_blob(query->handle, column);
    *n_bytes = (size_t)sqlite3_column_bytes(query->handle, column);
    return bytes;
}

int64_t query_integer(const struct query *query, int column)
{
    return sqlite3_column_int64(query->handle, column);
}

double query_number(const struct query *query, int column)
{
    return sqlite3_column_double(query->handle, column);
}
