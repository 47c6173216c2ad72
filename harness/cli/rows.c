/* rows.c - see rows.h. A table is read whole first, since its column widths depend on every row.
 *
 * Numbers are rounded for people and kept exact for scripts.
 * Owns the default path of the database for commands that read.
 */
#include "harness/cli/rows.h"

#include "base/arena.h"
#include "base/csv.h"
#include "base/interrupt.h"
#include "base/file.h"
#include "base/json.h"
#include "reports/text_table.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_TABLE_BYTES = 256 << 20 };
static const char DEFAULT_DB[] = "out/phibench.db";

/* ---- Table ---- */

/* A cell as people read it: numbers to the right, with at most 6 digits. */
static void add_cell(struct table *table, const struct query *query, int column)
{
    const char *text = query_text(query, column);
    bool is_number = query_is_number(query, column);
    if (is_number) table_align_right(table, (size_t)column);
    if (is_number && strpbrk(text, ".eE")) table_cell(table, "%.6g", query_number(query, column));
    else table_cell(table, "%s", text);
}

/* Prints nothing for a table without rows. */
static bool print_table(struct query *query, struct err *err)
{
    int more = -1;
    struct arena *arena = arena_new(MAX_TABLE_BYTES, err);
    struct table *table = arena ? table_new(arena, "", err) : NULL;
    for (int i = 0; table && i < query_columns(query); i++)
        table_column(table, false, "%s", query_column_name(query, i));
    while (table && (more = query_next(query, err)) > 0) {
        table_row(table);
        for (int i = 0; i < query_columns(query); i++) add_cell(table, query, i);
    }
    bool ok = more == 0 && table_check(table, err);
    if (ok && table->n_rows) table_print(table, stdout);
    arena_free(arena);
    return ok;
}

/* ---- CSV and JSON lines ---- */

static void append_csv(const struct query *query, struct buf *line)
{
    for (int i = 0; i < query_columns(query); i++) {
        if (i) buf_char(line, ',');
        if (query_is_number(query, i)) buf_text(line, query_text(query, i));
        else csv_put_cell(line, query_text(query, i), ',');
    }
}

static bool ends_in_json(const char *name, size_t *n)
{
    static const char ENDING[] = "_json";
    size_t n_name = strlen(name), n_ending = sizeof ENDING - 1;
    *n = n_name - n_ending;
    return n_name > n_ending && !strcmp(name + *n, ENDING);
}

static void append_json(const struct query *query, const char *type, struct buf *line)
{
    struct json_writer writer = {.out = line};
    json_begin_object(&writer);
    if (type) json_set_string(&writer, "type", type);
    for (int i = 0; i < query_columns(query); i++) {
        char key[64];
        size_t n;
        const char *name = query_column_name(query, i);
        bool is_json = ends_in_json(name, &n);
        snprintf(key, sizeof key, "%.*s", is_json ? (int)n : (int)strlen(name), name);
        json_key(&writer, key);
        if (query_is_null(query, i)) json_put_null(&writer);
        else if (is_json) json_put_raw(&writer, query_text(query, i));
        else if (!query_is_number(query, i)) json_put_string(&writer, query_text(query, i));
        else if (strpbrk(query_text(query, i), ".eEnN"))
            json_put_number(&writer, query_number(query, i));
        else json_put_integer(&writer, query_integer(query, i));
    }
    json_end_object(&writer);
}

static bool print_lines(struct query *query, enum rows_format format, const char *type,
                        struct err *err)
{
    struct buf line = {0};
    int more;
    bool ok = true;
    for (int i = 0; format == ROWS_CSV && i < query_columns(query); i++)
        printf("%s%s%s", i ? "," : "", query_column_name(query, i),
               i + 1 == query_columns(query) ? "\n" : "");
    while (ok && (more = query_next(query, err)) > 0) {
        buf_clear(&line);
        if (format == ROWS_CSV) append_csv(query, &line);
        else append_json(query, type, &line);
        ok = buf_check(&line, err) && interrupt_check(err);
        if (ok) puts(buf_string(&line));
    }
    buf_free(&line);
    return ok && more == 0;
}

bool rows_print(struct query *query, enum rows_format format, const char *type, struct err *err)
{
    return format == ROWS_TABLE ? print_table(query, err) : print_lines(query, format, type, err);
}

/* ---- Database and run ---- */

const char *rows_db_path(const struct db_options *db)
{
    return db->path ? db->path : DEFAULT_DB;
}

struct store *rows_open_store(const struct db_options *db, enum store_mode mode, struct err *err)
{
    const struct store_options options = {.mode = mode, .is_trusted = db->is_trusted};
    const char *file = rows_db_path(db);
    if (!file_exists(file)) {
        err_set_at(err, ERR_IO, file, 0, 0,
                   "there is no such database; 'phibench run CONFIG' makes one");
        return NULL;
    }
    return store_open_as(file, &options, err);
}

struct store *rows_make_store(const struct db_options *db, const char *otherwise, bool is_durable,
                              struct err *err)
{
    const struct store_options options = {
        .mode = STORE_CREATE, .is_trusted = db->is_trusted, .is_durable = is_durable};
    return store_open_as(db->path ? db->path : otherwise, &options, err);
}
