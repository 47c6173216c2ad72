/* rows.c - see rows.h. A table is read whole first, since its column widths depend on every row.
 *
 * Numbers are rounded for people and kept exact for scripts.
 * Owns the default path of the database for commands that read.
 */
#include "harness/cli/rows.h"

#include "base/arena.h"
#include "base/csv.h"
#include "base/file.h"
#include "base/json.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TABLE_BYTES = 256 << 20 };
static const char DEFAULT_DB[] = "out/phibench.db";

/* ---- Table ---- */

struct column {
    const char *name;
    int width;
    bool is_number;
};

struct table_row {
    struct table_row *next;
    const char **cells; /* [n_columns] */
};

struct table {
    struct arena *arena;
    struct table_row *first, **end;
    struct column *columns; /* [n_columns] */
    int n_columns;
};

/* A cell as people read it: numbers with at most 6 digits. */
static const char *format_cell(const struct query *query, int column, struct arena *arena,
                               struct err *err)
{
    const char *text = query_text(query, column);
    if (query_is_number(query, column) && strpbrk(text, ".eE"))
        return arena_printf(arena, err, "%.6g", query_number(query, column));
    return arena_string(arena, text, err);
}

static int text_width(const char *text)
{
    return (int)utf8_count(text, strlen(text));
}

/* The columns, each as wide as its name. */
static bool begin_table(struct table *table, const struct query *query, struct err *err)
{
    table->n_columns = query_columns(query);
    table->end = &table->first;
    table->columns =
        arena_alloc(table->arena, (size_t)table->n_columns, sizeof *table->columns, err);
    for (int i = 0; table->columns && i < table->n_columns; i++) {
        const char *name = arena_string(table->arena, query_column_name(query, i), err);
        if (!name) return false;
        table->columns[i] = (struct column){.name = name, .width = text_width(name)};
    }
    return table->columns != NULL;
}

static bool add_row(struct table *table, const struct query *query, struct err *err)
{
    struct table_row *row = arena_alloc(table->arena, 1, sizeof *row, err);
    if (!row) return false;
    row->cells = arena_alloc(table->arena, (size_t)table->n_columns, sizeof *row->cells, err);
    for (int i = 0; row->cells && i < table->n_columns; i++) {
        struct column *column = &table->columns[i];
        row->cells[i] = format_cell(query, i, table->arena, err);
        if (!row->cells[i]) return false;
        int width = text_width(row->cells[i]);
        if (width > column->width) column->width = width;
        if (query_is_number(query, i)) column->is_number = true;
    }
    *table->end = row;
    table->end = &row->next;
    return row->cells != NULL;
}

static void print_cell(const struct table *table, int i, const char *text)
{
    int pad = table->columns[i].width - text_width(text);
    bool is_last = i + 1 == table->n_columns;
    if (table->columns[i].is_number) printf("%*s%s", pad, "", text);
    else printf("%s%*s", text, is_last ? 0 : pad, "");
    fputs(is_last ? "\n" : "  ", stdout);
}

/* Nothing for a table without rows. */
static void print_rows(const struct table *table)
{
    for (int i = 0; table->first && i < table->n_columns; i++)
        print_cell(table, i, table->columns[i].name);
    for (const struct table_row *row = table->first; row; row = row->next)
        for (int i = 0; i < table->n_columns; i++) print_cell(table, i, row->cells[i]);
}

static bool print_table(struct query *query, struct err *err)
{
    struct table table = {.arena = arena_new(MAX_TABLE_BYTES, err)};
    int more = -1;
    bool ok = table.arena && begin_table(&table, query, err);
    while (ok && (more = query_next(query, err)) > 0) ok = add_row(&table, query, err);
    ok = ok && more == 0;
    if (ok) print_rows(&table);
    arena_free(table.arena);
    return ok;
}

/* ---- CSV and JSON lines ---- */

static void append_csv(const struct query *query, struct buf *line)
{
    for (int i = 0; i < query_columns(query); i++) {
        if (i) buf_char(line, ',');
        csv_put(line, query_text(query, i), ',');
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
        ok = buf_check(&line, err);
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

struct store *rows_open_store(const char *path, enum store_mode mode, struct err *err)
{
    const char *file = path ? path : DEFAULT_DB;
    if (!file_exists(file)) {
        err_set_at(err, ERR_IO, file, 0, 0,
                   "there is no such database; 'phibench run CONFIG' makes one");
        return NULL;
    }
    return store_open(file, mode, err);
}

bool rows_find_run(struct store *store, const char *text, int64_t *run, struct err *err)
{
    bool is_last = !text || !strcmp(text, "last");
    char *end = NULL;
    errno = 0;
    long long wanted = is_last ? 0 : strtoll(text, &end, 10);
    if (!is_last && (errno || end == text || *end || wanted < 1))
        return err_set(err, ERR_USAGE,
                       "a run is a number as 'phibench runs' lists them, or \"last\"; not \"%s\"",
                       text);
    bool has = false;
    *run = wanted;
    if (is_last ? !runs_newest(store, false, run, err) : !runs_has(store, wanted, &has, err))
        return false;
    if (is_last ? *run > 0 : has) return true;
    if (is_last)
        return err_set_at(err, ERR_USAGE, store_path(store), 0, 0,
                          "there are no runs in this database");
    return err_set_at(err, ERR_USAGE, store_path(store), 0, 0,
                      "there is no run %s; 'phibench runs' lists them", text);
}
