/* text_table.c - see text_table.h. Widths count characters as they are shown.
 *
 * Every form escapes what would end a cell, and what its reader would obey.
 * Knows nothing of what the cells mean.
 */
#include "reports/text_table.h"

#include "base/csv.h"
#include "base/utf8.h"
#include "base/visible.h"
#include "reports/html.h"

#include <assert.h>
#include <string.h>

struct table_column {
    const char *heading;
    bool is_right; /* numbers: aligned to the right */
    int width;     /* of the widest cell, and of what the heading needs */
};

struct table_row {
    struct table_row *next;
    size_t n_cells;
    const char *cells[]; /* [n_columns] */
};

/* A heading longer than this is broken between words where its column is narrower. */
enum { WHOLE_HEADING = 15 };

static int width_of(const char *text)
{
    return (int)visible_width(text, strlen(text));
}

static int longest_word(const char *text)
{
    int longest = 0;
    while (*text) {
        size_t n = strcspn(text, " ");
        int width = (int)utf8_count(text, n);
        if (width > longest) longest = width;
        text += n + (text[n] == ' ');
    }
    return longest;
}

/* heading: in the table's arena; NULL fails. */
static bool add_column(struct table *table, const char *heading, bool is_right, struct err *err)
{
    if (!heading || !arena_grow(table->arena, (void **)&table->columns, &table->capacity,
                                table->n_columns + 1, sizeof *table->columns, err))
        return false;
    int width = width_of(heading) > WHOLE_HEADING ? longest_word(heading) : width_of(heading);
    table->columns[table->n_columns++] = (struct table_column){heading, is_right, width};
    return true;
}

struct table *table_new(struct arena *arena, const char *headings, struct err *err)
{
    struct table *table = arena_alloc(arena, 1, sizeof *table, err);
    if (!table) return NULL;
    table->arena = arena;
    while (*headings) {
        bool is_right = *headings == '>';
        headings += is_right;
        size_t n = strcspn(headings, "|");
        if (!add_column(table, arena_copy(arena, headings, n, err), is_right, err)) return NULL;
        headings += n + (headings[n] == '|');
    }
    return table;
}

void table_row(struct table *table)
{
    size_t n = table->n_columns;
    struct table_row *row =
        arena_alloc(table->arena, 1, sizeof *row + n * sizeof *row->cells, NULL);
    if (!row) {
        table->failed = true;
        return;
    }
    for (size_t i = 0; i < n; i++) row->cells[i] = "";
    if (table->last) table->last->next = row;
    else table->first = row;
    table->last = row;
    table->n_rows++;
}

/* The formatted text, in the table's arena; "" after a failure, which the table remembers. */
__attribute__((format(printf, 2, 0))) static const char *
format_text(struct table *table, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    char *text = n < 0 ? NULL : arena_alloc(table->arena, (size_t)n + 1, 1, NULL);
    if (text) vsnprintf(text, (size_t)n + 1, format, again);
    else table->failed = true;
    va_end(again);
    return text ? text : "";
}

void table_column(struct table *table, bool right, const char *format, ...)
{
    va_list args;
    assert(!table->n_rows);
    va_start(args, format);
    if (!add_column(table, format_text(table, format, args), right, NULL)) table->failed = true;
    va_end(args);
}

void table_align_right(struct table *table, size_t i_column)
{
    if (i_column < table->n_columns) table->columns[i_column].is_right = true;
}

void table_cell(struct table *table, const char *format, ...)
{
    struct table_row *row = table->last;
    if (!row || row->n_cells >= table->n_columns) return;
    va_list args;
    va_start(args, format);
    const char *text = format_text(table, format, args);
    va_end(args);
    struct table_column *column = &table->columns[row->n_cells];
    if (width_of(text) > column->width) column->width = width_of(text);
    row->cells[row->n_cells++] = text;
}

bool table_check(const struct table *table, struct err *err)
{
    return !table->failed || err_set(err, ERR_MEMORY, "out of memory for a table");
}

/* ---- Terminal ---- */

static void print_cell(const struct table *table, size_t i, const char *text, FILE *out)
{
    const struct table_column *column = &table->columns[i];
    int pad = column->width - width_of(text);
    bool is_last = i + 1 == table->n_columns;
    fprintf(out, "%*s", column->is_right ? pad : 0, "");
    visible_print(out, text, strlen(text), VISIBLE_LINE);
    fprintf(out, "%*s%s", column->is_right || is_last ? 0 : pad, "", is_last ? "\n" : "  ");
}

/* How many bytes of the text are words that fit into the width; the first word always fits. */
static size_t fitting(const char *text, int width)
{
    size_t n = strcspn(text, " ");
    while (text[n]) {
        size_t longer = n + 1 + strcspn(text + n + 1, " ");
        if ((int)utf8_count(text, longer) > width) break;
        n = longer;
    }
    return n;
}

static int count_lines(const struct table_column *column)
{
    int n_lines = 0;
    for (const char *text = column->heading; *text; n_lines++) {
        size_t n = fitting(text, column->width);
        text += n + (text[n] == ' ');
    }
    return n_lines;
}

/* The i-th line of the heading, in the table's arena. */
static const char *heading_line(const struct table *table, const struct table_column *column,
                                int i_line)
{
    const char *text = column->heading;
    for (int i = 0; i < i_line; i++) text += fitting(text, column->width) + 1;
    const char *line = arena_copy(table->arena, text, fitting(text, column->width), NULL);
    return line ? line : "";
}

/* The words of a heading stand at the bottom of its lines. */
static void print_headings(const struct table *table, FILE *out)
{
    int most = 1;
    for (size_t i = 0; i < table->n_columns; i++) {
        int n_lines = count_lines(&table->columns[i]);
        if (n_lines > most) most = n_lines;
    }
    for (int line = most; line > 0; line--)
        for (size_t i = 0; i < table->n_columns; i++) {
            int n_lines = count_lines(&table->columns[i]);
            print_cell(table, i,
                       n_lines >= line ? heading_line(table, &table->columns[i], n_lines - line)
                                       : "",
                       out);
        }
}

void table_print(const struct table *table, FILE *out)
{
    print_headings(table, out);
    for (const struct table_row *row = table->first; row; row = row->next)
        for (size_t i = 0; i < table->n_columns; i++) print_cell(table, i, row->cells[i], out);
}

/* ---- Files ---- */

/* The i-th cell of a row, or the i-th heading where row is NULL. */
static const char *cell_of(const struct table *table, const struct table_row *row, size_t i)
{
    return row ? row->cells[i] : table->columns[i].heading;
}

static void markdown_line(const struct table *table, const struct table_row *row, struct buf *out)
{
    for (size_t i = 0; i < table->n_columns; i++) {
        buf_text(out, i ? " | " : "| ");
        markdown_text(out, cell_of(table, row, i));
    }
    buf_text(out, " |\n");
}

void table_markdown(const struct table *table, struct buf *out)
{
    markdown_line(table, NULL, out);
    for (size_t i = 0; i < table->n_columns; i++)
        buf_text(out, table->columns[i].is_right ? "|---:" : "|---");
    buf_text(out, "|\n");
    for (const struct table_row *row = table->first; row; row = row->next)
        markdown_line(table, row, out);
}

static void csv_line(const struct table *table, const struct table_row *row, struct buf *out)
{
    for (size_t i = 0; i < table->n_columns; i++) {
        if (i) buf_char(out, ',');
        csv_put_cell(out, cell_of(table, row, i), ',');
    }
    buf_char(out, '\n');
}

void table_csv(const struct table *table, struct buf *out)
{
    csv_line(table, NULL, out);
    for (const struct table_row *row = table->first; row; row = row->next)
        csv_line(table, row, out);
}

static void html_line(const struct table *table, const struct table_row *row, const char *tag,
                      struct buf *out)
{
    buf_text(out, "<tr>");
    for (size_t i = 0; i < table->n_columns; i++) {
        buf_printf(out, "<%s%s>", tag, table->columns[i].is_right ? " class=\"n\"" : "");
        html_text(out, cell_of(table, row, i));
        buf_printf(out, "</%s>", tag);
    }
    buf_text(out, "</tr>\n");
}

void table_html(const struct table *table, struct buf *out)
{
    buf_text(out, "<div class=\"scroll\"><table>\n<thead>");
    html_line(table, NULL, "th", out);
    buf_text(out, "</thead>\n<tbody>\n");
    for (const struct table_row *row = table->first; row; row = row->next)
        html_line(table, row, "td", out);
    buf_text(out, "</tbody></table></div>\n");
}
