/* text_table.c - see text_table.h. Widths count code points.
 *
 * Markdown and HTML escape what would end a cell.
 * Knows nothing of what the cells mean.
 */
#include "reports/text_table.h"

#include "base/csv.h"
#include "base/utf8.h"
#include "reports/html.h"

#include <string.h>

struct table_row {
    struct table_row *next;
    int n_cells;
    const char *cells[TABLE_MAX_COLUMNS];
};

struct table *table_new(struct arena *arena, const char *headings, struct err *err)
{
    struct table *table = arena_alloc(arena, 1, sizeof *table, err);
    if (!table) return NULL;
    table->arena = arena;
    while (*headings && table->n_columns < TABLE_MAX_COLUMNS) {
        int i = table->n_columns++;
        table->right[i] = *headings == '>';
        headings += table->right[i];
        size_t n = strcspn(headings, "|");
        table->headings[i] = arena_copy(arena, headings, n, err);
        if (!table->headings[i]) return NULL;
        headings += n + (headings[n] == '|');
    }
    return table;
}

void table_row(struct table *table)
{
    struct table_row *row = arena_alloc(table->arena, 1, sizeof *row, NULL);
    if (!row) {
        table->failed = true;
        return;
    }
    for (int i = 0; i < TABLE_MAX_COLUMNS; i++) row->cells[i] = "";
    if (table->last) table->last->next = row;
    else table->first = row;
    table->last = row;
    table->n_rows++;
}

/* In the table's arena; "" after a failure, which the table remembers. */
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
    if (table->n_columns == TABLE_MAX_COLUMNS) return;
    va_list args;
    va_start(args, format);
    table->headings[table->n_columns] = format_text(table, format, args);
    table->right[table->n_columns++] = right;
    va_end(args);
}

void table_cell(struct table *table, const char *format, ...)
{
    struct table_row *row = table->last;
    if (!row || row->n_cells >= table->n_columns) return;
    va_list args;
    va_start(args, format);
    row->cells[row->n_cells++] = format_text(table, format, args);
    va_end(args);
}

bool table_check(const struct table *table, struct err *err)
{
    return !table->failed || err_set(err, ERR_MEMORY, "out of memory for a table");
}

static int width_of(const char *text)
{
    return (int)utf8_count(text, strlen(text));
}

static void print_line(const struct table *table, const char *const *cells, const int *widths,
                       FILE *out)
{
    for (int i = 0; i < table->n_columns; i++) {
        int pad = widths[i] - width_of(cells[i]);
        bool is_last = i + 1 == table->n_columns;
        fprintf(out, "%*s%s%*s%s", table->right[i] ? pad : 0, "", cells[i],
                table->right[i] || is_last ? 0 : pad, "", is_last ? "\n" : "  ");
    }
}

/* A heading longer than this is broken between words where its column is narrower. */
enum { MAX_HEADING = 15 };

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

/* Cuts the words that fit into width off the text, the first one at least: a line in the table's
 * arena. */
static const char *take_line(const struct table *table, const char **text, int width)
{
    size_t n = strcspn(*text, " ");
    while ((*text)[n]) {
        size_t longer = n + 1 + strcspn(*text + n + 1, " ");
        if ((int)utf8_count(*text, longer) > width) break;
        n = longer;
    }
    const char *line = arena_copy(table->arena, *text, n, NULL);
    *text += n + ((*text)[n] == ' ');
    return line ? line : "";
}

/* The words of a heading stand at the bottom of its lines. */
static void print_headings(const struct table *table, const int *widths, FILE *out)
{
    int n_lines[TABLE_MAX_COLUMNS], most = 1;
    const char *rest[TABLE_MAX_COLUMNS], *cells[TABLE_MAX_COLUMNS];
    for (int i = 0; i < table->n_columns; i++) {
        const char *text = rest[i] = table->headings[i];
        for (n_lines[i] = 0; *text; n_lines[i]++) take_line(table, &text, widths[i]);
        if (n_lines[i] > most) most = n_lines[i];
    }
    for (int line = most; line > 0; line--) {
        for (int i = 0; i < table->n_columns; i++)
            cells[i] = n_lines[i] >= line ? take_line(table, &rest[i], widths[i]) : "";
        print_line(table, cells, widths, out);
    }
}

void table_print(const struct table *table, FILE *out)
{
    int widths[TABLE_MAX_COLUMNS];
    for (int i = 0; i < table->n_columns; i++) {
        int heading = width_of(table->headings[i]);
        widths[i] = heading > MAX_HEADING ? longest_word(table->headings[i]) : heading;
        for (const struct table_row *row = table->first; row; row = row->next)
            if (width_of(row->cells[i]) > widths[i]) widths[i] = width_of(row->cells[i]);
    }
    print_headings(table, widths, out);
    for (const struct table_row *row = table->first; row; row = row->next)
        print_line(table, row->cells, widths, out);
}

/* A cell may not end the column or the line. */
static void markdown_cell(const char *text, struct buf *out)
{
    for (; *text; text++) {
        if (*text == '|') buf_char(out, '\\');
        buf_char(out, *text == '\n' ? ' ' : *text);
    }
}

static void markdown_line(const struct table *table, const char *const *cells, struct buf *out)
{
    for (int i = 0; i < table->n_columns; i++) {
        buf_text(out, i ? " | " : "| ");
        markdown_cell(cells[i], out);
    }
    buf_text(out, " |\n");
}

void table_markdown(const struct table *table, struct buf *out)
{
    markdown_line(table, table->headings, out);
    for (int i = 0; i < table->n_columns; i++) buf_text(out, table->right[i] ? "|---:" : "|---");
    buf_text(out, "|\n");
    for (const struct table_row *row = table->first; row; row = row->next)
        markdown_line(table, row->cells, out);
}

static void csv_line(const struct table *table, const char *const *cells, struct buf *out)
{
    for (int i = 0; i < table->n_columns; i++) {
        if (i) buf_char(out, ',');
        csv_put(out, cells[i], ',');
    }
    buf_char(out, '\n');
}

void table_csv(const struct table *table, struct buf *out)
{
    csv_line(table, table->headings, out);
    for (const struct table_row *row = table->first; row; row = row->next)
        csv_line(table, row->cells, out);
}

static void html_line(const struct table *table, const char *const *cells, const char *tag,
                      struct buf *out)
{
    buf_text(out, "<tr>");
    for (int i = 0; i < table->n_columns; i++) {
        buf_printf(out, "<%s%s>", tag, table->right[i] ? " class=\"n\"" : "");
        html_text(out, cells[i]);
        buf_printf(out, "</%s>", tag);
    }
    buf_text(out, "</tr>\n");
}

void table_html(const struct table *table, struct buf *out)
{
    buf_text(out, "<div class=\"scroll\"><table>\n<thead>");
    html_line(table, table->headings, "th", out);
    buf_text(out, "</thead>\n<tbody>\n");
    for (const struct table_row *row = table->first; row; row = row->next)
        html_line(table, row->cells, "td", out);
    buf_text(out, "</tbody></table></div>\n");
}
