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

enum { MAX_COLUMNS = 32, MAX_TABLE_BYTES = 256 << 20 };
static const char DEFAULT_DB[] = "out/phibench.db";

/* ---- Table ---- */

struct table_row {
    struct table_row *next;
    const char *cells[MAX_COLUMNS];
};

struct table {
    struct arena *arena;
    struct table_row *first, **end;
    int n_columns, width[MAX_COLUMNS];
    bool is_number[MAX_COLUMNS];
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

static bool add_row(struct table *table, const struct query *query, struct err *err)
{
    struct table_row *row = arena_alloc(table->arena, 1, sizeof *row, err);
    if (!row) return false;
    for (int i = 0; i < table->n_columns; i++) {
        row->cells[i] = format_cell(query, i, table->arena, err);
        if (!row->cells[i]) return false;
        int width = text_width(row->cells[i]);
        if (width > table->width[i]) table->width[i] = width;
        if (query_is_number(query, i)) table->is_number[i] = true;
    }
    *table->end = row;
    table->end = &row->next;
    return true;
}

static void print_cells(const struct table *table, const char *const *cells)
{
    for (int i = 0; i < table->n_columns; i++) {
        int pad = table->width[i] - text_width(cells[i]);
        bool is_last = i + 1 == table->n_columns;
        if (table->is_number[i]) printf("%*s%s", pad, "", cells[i]);
        else printf("%s%*s", cells[i], is_last ? 0 : pad, "");
        fputs(is_last ? "\n" : "  ", stdout);
    }
}

static bool print_table(struct query *query, size_t *n_rows, struct err *err)
{
    const char *names[MAX_COLUMNS];
    struct table table = {.arena = arena_new(MAX_TABLE_BYTES, err),
                          .n_columns = query_columns(query)};
    table.end = &table.first;
    if (!table.arena) return false;
    for (int i = 0; i < table.n_columns; i++) {
        names[i] = query_column_name(query, i);
        table.width[i] = text_width(names[i]);
    }
    int more;
    while ((more = query_next(query, err)) > 0) {
        if (!add_row(&table, query, err)) {
            more = -1;
            break;
        }
        ++*n_rows;
    }
    if (more == 0 && *n_rows) {
        print_cells(&table, names);
        for (const struct table_row *row = table.first; row; row = row->next)
            print_cells(&table, row->cells);
    }
    arena_free(table.arena);
    return more == 0;
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
                        size_t *n_rows, struct err *err)
{
    struct buf line = {0};
    int more = 1;
    if (format == ROWS_CSV) {
        for (int i = 0; i < query_columns(query); i++)
            printf("%s%s", i ? "," : "", query_column_name(query, i));
        putchar('\n');
    }
    while (more > 0 && (more = query_next(query, err)) > 0) {
        buf_clear(&line);
        if (format == ROWS_CSV) append_csv(query, &line);
        else append_json(query, type, &line);
        if (!buf_check(&line, err)) more = -1;
        puts(buf_string(&line));
        ++*n_rows;
    }
    buf_free(&line);
    return more == 0;
}

bool rows_print(struct query *query, enum rows_format format, const char *type, size_t *n_rows,
                struct err *err)
{
    size_t n = 0;
    bool ok = format == ROWS_TABLE ? print_table(query, &n, err)
                                   : print_lines(query, format, type, &n, err);
    if (n_rows) *n_rows = n;
    return ok;
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
    struct query *query = query_open(
        store, is_last ? "SELECT max(id) FROM run" : "SELECT id FROM run WHERE id = ?", err);
    if (!query) return false;
    if (!is_last) query_bind_integer(query, 1, wanted);
    int more = query_next(query, err);
    bool is_found = more > 0 && !query_is_null(query, 0);
    if (is_found) *run = query_integer(query, 0);
    query_close(query);
    if (more < 0 || is_found) return is_found;
    if (is_last)
        return err_set_at(err, ERR_USAGE, store_path(store), 0, 0,
                          "there are no runs in this database");
    return err_set_at(err, ERR_USAGE, store_path(store), 0, 0,
                      "there is no run %s; 'phibench runs' lists them", text);
}
