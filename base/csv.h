/* csv.h - RFC 4180: comma or tab separated records, quoted fields with doubled quotes and line
 * breaks, CRLF or LF.
 *
 * Fields are UTF-8 and handed out as they are; a byte order mark at the start is skipped, and so
 * are empty lines. A quote inside an unquoted field is an ordinary character. One reader, one
 * thread.
 */
#ifndef PHIBENCH_BASE_CSV_H
#define PHIBENCH_BASE_CSV_H

#include "base/buf.h"
#include "base/err.h"

#include <stddef.h>

struct csv;

/* Reads a text in memory, which must outlive the reader; file is the name for messages, copied.
 * ERR_INPUT for UTF-16.
 * Free with csv_free. */
struct csv *csv_new(const char *text, size_t n_bytes, const char *file, char separator,
                    struct err *err);
void csv_free(struct csv *csv);

/* The next record: 1 with *fields [*n_fields] (zero-ended, valid until the next call) and *line
 * (where it starts, 1-based); 0 at the end; -1 with ERR_INPUT and the place (unclosed quote, text
 * after a closing quote, a NUL byte), after which the reader is at its end. */
int csv_next(struct csv *csv, char ***fields, size_t *n_fields, int *line, struct err *err);

/* Where field i_field of the last record begins, or where the record ends for any further one:
 * 1-based line, and column in characters. */
void csv_place(const struct csv *csv, size_t i_field, int *line, int *column);

/* Appends a field, quoted where it must be. */
void csv_put(struct buf *out, const char *field, char separator);

/* As csv_put, for files that people open as a spreadsheet: a text that one would run as a formula
 * (it begins with =, +, -, @ or a control character) gets a ' in front; numbers and intervals like
 * "-0.5 to 1.2" get none. So does such a text that has a ' in front already: a reader gets the text
 * back by taking one ' from what is a formula behind it. */
void csv_put_cell(struct buf *out, const char *text, char separator);

#endif
