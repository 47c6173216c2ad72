/* text_table.h - a table of text cells and its forms: terminal, Markdown, CSV, HTML.
 *
 * Everything lives in the arena that the table was made in; a failed allocation sets .failed, which
 * one check at the end finds. One thread at a time.
 */
#ifndef PHIBENCH_REPORTS_TEXT_TABLE_H
#define PHIBENCH_REPORTS_TEXT_TABLE_H

#include "base/arena.h"
#include "base/buf.h"

#include <stdio.h>

struct table_column;
struct table_row;

struct table {
    struct arena *arena;
    struct table_column *columns; /* [n_columns] */
    size_t n_columns, capacity;
    struct table_row *first, *last;
    size_t n_rows;
    bool failed;
};

/* A table with these headings, which '|' separates; the column of one that begins with '>' is
 * aligned to the right. Example: "model|quantization|>score". */
struct table *table_new(struct arena *arena, const char *headings, struct err *err);

/* Appends a column whose heading is taken as it is, before the first row. */
void table_column(struct table *table, bool right, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Aligns a column to the right, if there is one of this number. */
void table_align_right(struct table *table, size_t i_column);

/* Begins a row; the cells follow in order. Cells past the last column are ignored, missing ones are
 * empty. */
void table_row(struct table *table);
void table_cell(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* True if nothing failed since table_new. */
bool table_check(const struct table *table, struct err *err) __attribute__((warn_unused_result));

/* Prints the table with two spaces between columns; no line is cut, long headings take several. */
void table_print(const struct table *table, FILE *out);
void table_markdown(const struct table *table, struct buf *out);
void table_csv(const struct table *table, struct buf *out);
void table_html(const struct table *table, struct buf *out);

#endif
