/* query.c - see query.h: one statement of the caller's, apart from the store's own.
 *
 * A bind that fails (there is no such parameter) is reported by the next query_next.
 */
#include "results/query.h"

#include "base/mem.h"
#include "results/store_internal.h"

#include <stdlib.h>
#include <string.h>

struct query {
    struct store *store;
    sqlite3_stmt *handle;
    int code; /* the first failed bind */
};

struct query *query_open(struct store *store, const char *sql, struct err *err)
{
    struct query *query = mem_new(1, sizeof *query, err);
    if (!query) return NULL;
    const char *rest = NULL;
    query->store = store;
    query->code = SQLITE_OK;
    if (sqlite3_prepare_v2(store->db, sql, -1, &query->handle, &rest) != SQLITE_OK) {
        store_fail(store, err);
    } else if (!query->handle || rest[strspn(rest, " \t\r\n")]) {
        err_set_at(err, ERR_INPUT, store->path, 0, 0, "a query is one SQL statement, not: %s", sql);
    } else {
        return query;
    }
    query_close(query);
    return NULL;
}

void query_close(struct query *query)
{
    if (!query) return;
    sqlite3_finalize(query->handle);
    free(query);
}

static void note_bind(struct query *query, int code)
{
    if (query->code == SQLITE_OK) query->code = code;
}

void query_bind_integer(struct query *query, int parameter, int64_t value)
{
    note_bind(query, sqlite3_bind_int64(query->handle, parameter, value));
}

void query_bind_text(struct query *query, int parameter, const char *value)
{
    note_bind(query, sqlite3_bind_text(query->handle, parameter, value, -1, SQLITE_TRANSIENT));
}

int query_next(struct query *query, struct err *err)
{
    int code = query->code == SQLITE_OK ? sqlite3_step(query->handle) : query->code;
    if (code == SQLITE_ROW) return 1;
    if (code == SQLITE_DONE) return 0;
    store_fail_code(query->store->db, code, query->store->path, err);
    return -1;
}

int query_columns(const struct query *query)
{
    return sqlite3_column_count(query->handle);
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

const char *query_text(const struct query *query, int column)
{
    const unsigned char *text = sqlite3_column_text(query->handle, column);
    return text ? (const char *)text : "";
}

int64_t query_integer(const struct query *query, int column)
{
    return sqlite3_column_int64(query->handle, column);
}

double query_number(const struct query *query, int column)
{
    return sqlite3_column_double(query->handle, column);
}
