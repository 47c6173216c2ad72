/* statement.c - the store's cache of compiled statements, and binding in order.
 *
 * See store_internal.h. A failed bind is remembered and reported by the run or the step, so that a
 * list of binds needs no checks between. Knows no table.
 */
#include "results/store_internal.h"

struct statement statement_begin(struct store *store, const char *sql)
{
    struct statement statement = {.store = store, .code = SQLITE_OK};
    for (size_t i = 0; i < store->n_statements; i++)
        if (store->statements[i].sql == sql) statement.handle = store->statements[i].handle;
    if (statement.handle) return statement;
    if (store->n_statements == STORE_MAX_STATEMENTS) {
        statement.code = SQLITE_FULL;
        return statement;
    }
    statement.code =
        sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement.handle, NULL);
    if (statement.code == SQLITE_OK) {
        store->statements[store->n_statements].sql = sql;
        store->statements[store->n_statements++].handle = statement.handle;
    }
    return statement;
}

static void note_bind(struct statement *statement, int code)
{
    if (statement->code == SQLITE_OK) statement->code = code;
}

void statement_text(struct statement *statement, const char *text)
{
    if (!statement->handle) return;
    note_bind(statement,
              sqlite3_bind_text(statement->handle, ++statement->n_bound, text, -1, SQLITE_STATIC));
}

void statement_integer(struct statement *statement, int64_t value)
{
    if (!statement->handle) return;
    note_bind(statement, sqlite3_bind_int64(statement->handle, ++statement->n_bound, value));
}

void statement_number(struct statement *statement, double value)
{
    if (!statement->handle) return;
    note_bind(statement, sqlite3_bind_double(statement->handle, ++statement->n_bound, value));
}

void statement_known_integer(struct statement *statement, int64_t value)
{
    if (value) statement_integer(statement, value);
    else statement_text(statement, NULL);
}

void statement_known_number(struct statement *statement, double value)
{
    if (value != 0) statement_number(statement, value);
    else statement_text(statement, NULL);
}

void statement_done(struct statement *statement)
{
    if (!statement->handle) return;
    sqlite3_reset(statement->handle);
    sqlite3_clear_bindings(statement->handle);
}

int statement_next(struct statement *statement, struct err *err)
{
    int code = statement->code;
    if (code == SQLITE_OK) code = sqlite3_step(statement->handle);
    if (code == SQLITE_ROW) return 1;
    if (code != SQLITE_DONE)
        store_fail_code(statement->store->db, code, statement->store->path, err);
    statement_done(statement);
    return code == SQLITE_DONE ? 0 : -1;
}

bool statement_run(struct statement *statement, struct err *err)
{
    int more;
    do more = statement_next(statement, err);
    while (more > 0);
    return more == 0;
}

bool statement_integer_of(struct statement *statement, int64_t otherwise, int64_t *value,
                          struct err *err)
{
    int more = statement_next(statement, err);
    if (more < 0) return false;
    *value = more ? sqlite3_column_int64(statement->handle, 0) : otherwise;
    if (more) statement_done(statement);
    return true;
}

const char *statement_column(const struct statement *statement, int column)
{
    return (const char *)sqlite3_column_text(statement->handle, column);
}
