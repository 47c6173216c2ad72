/* csv.c - see csv.h. A record's fields are unquoted one after another into one buffer, each with a
 * zero behind it; pointers are taken when the record is complete, because the buffer may move while
 * it grows.
 */
#include "base/csv.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

/* A place in the text. */
struct spot {
    size_t at, line_start;
    int line;
};

struct csv {
    const char *text;
    size_t n_bytes, at, line_start;
    int line;
    char separator;
    char *file;
    struct buf unquoted;
    size_t *starts; /* of the fields, in unquoted */
    char **fields;
    struct spot *spots; /* of the fields, and of the record's end */
    size_t n_starts, starts_capacity, fields_capacity, spots_capacity;
};

struct csv *csv_new(const char *text, size_t n_bytes, const char *file, char separator,
                    struct err *err)
{
    if (!utf8_skip_mark(&text, &n_bytes, file, err)) return NULL;
    struct csv *csv = mem_new(1, sizeof *csv, err);
    if (!csv) return NULL;
    csv->text = text;
    csv->n_bytes = n_bytes;
    csv->line = 1;
    csv->separator = separator;
    csv->unquoted.maximum = SIZE_MAX; /* bounded by the text and one zero a field */
    csv->file = mem_copy_string(file, err);
    if (!csv->file) {
        csv_free(csv);
        return NULL;
    }
    return csv;
}

void csv_free(struct csv *csv)
{
    if (!csv) return;
    buf_free(&csv->unquoted);
    free(csv->starts);
    free(csv->fields);
    free(csv->spots);
    free(csv->file);
    free(csv);
}

/* Columns count characters, as an editor shows them. */
static int column_of(const struct csv *csv, size_t at)
{
    return (int)utf8_count(csv->text + csv->line_start, at - csv->line_start) + 1;
}

static bool fail_here(const struct csv *csv, const char *message, struct err *err)
{
    return err_set_at(err, ERR_INPUT, csv->file, csv->line, column_of(csv, csv->at), "%s", message);
}

/* The length of the line break at the reader's place: 0, 1 (LF) or 2 (CR LF). */
static size_t line_break_bytes(const struct csv *csv)
{
    const char *here = csv->text + csv->at;
    size_t left = csv->n_bytes - csv->at;
    if (left >= 1 && here[0] == '\n') return 1;
    return left >= 2 && here[0] == '\r' && here[1] == '\n' ? 2 : 0;
}

static void next_line(struct csv *csv, size_t n_break_bytes)
{
    csv->at += n_break_bytes;
    csv->line_start = csv->at;
    csv->line++;
}

/* The content between two quotes; stops behind the closing one. */
static bool read_quoted(struct csv *csv, struct err *err)
{
    int line = csv->line, column = column_of(csv, csv->at);
    for (csv->at++; csv->at < csv->n_bytes;) {
        char c = csv->text[csv->at];
        if (!c) return fail_here(csv, "a NUL byte", err);
        if (c == '"') {
            csv->at++;
            if (csv->at >= csv->n_bytes || csv->text[csv->at] != '"') return true;
        }
        buf_char(&csv->unquoted, c);
        if (c == '\n') next_line(csv, 1);
        else csv->at++;
    }
    return err_set_at(err, ERR_INPUT, csv->file, line, column, "the quote is never closed");
}

static bool at_field_end(const struct csv *csv)
{
    return csv->at >= csv->n_bytes || csv->text[csv->at] == csv->separator ||
           line_break_bytes(csv) > 0;
}

/* Remembers the reader's place as that of field i, or as the end behind i fields. */
static bool note_spot(struct csv *csv, size_t i, struct err *err)
{
    if (!mem_grow((void **)&csv->spots, &csv->spots_capacity, i + 1, sizeof *csv->spots, SIZE_MAX,
                  err))
        return false;
    csv->spots[i] = (struct spot){csv->at, csv->line_start, csv->line};
    return true;
}

static bool read_field(struct csv *csv, struct err *err)
{
    if (!note_spot(csv, csv->n_starts, err)) return false;
    if (!mem_grow((void **)&csv->starts, &csv->starts_capacity, csv->n_starts + 1,
                  sizeof *csv->starts, SIZE_MAX, err))
        return false;
    csv->starts[csv->n_starts++] = csv->unquoted.n_bytes;
    if (csv->at < csv->n_bytes && csv->text[csv->at] == '"') {
        if (!read_quoted(csv, err)) return false;
        if (!at_field_end(csv))
            return fail_here(csv, "text after a closing quote: quotes inside are doubled", err);
    }
    for (; !at_field_end(csv); csv->at++) {
        if (!csv->text[csv->at]) return fail_here(csv, "a NUL byte", err);
        buf_char(&csv->unquoted, csv->text[csv->at]);
    }
    buf_char(&csv->unquoted, 0);
    return buf_check(&csv->unquoted, err);
}

static bool read_record(struct csv *csv, struct err *err)
{
    csv->n_starts = 0;
    buf_clear(&csv->unquoted);
    while (read_field(csv, err)) {
        if (csv->at < csv->n_bytes && csv->text[csv->at] == csv->separator) {
            csv->at++;
            continue;
        }
        if (!note_spot(csv, csv->n_starts, err)) return false;
        if (csv->at < csv->n_bytes) next_line(csv, line_break_bytes(csv));
        return mem_grow((void **)&csv->fields, &csv->fields_capacity, csv->n_starts,
                        sizeof *csv->fields, SIZE_MAX, err);
    }
    return false;
}

int csv_next(struct csv *csv, char ***fields, size_t *n_fields, int *line, struct err *err)
{
    for (size_t n; (n = line_break_bytes(csv)) > 0;) next_line(csv, n);
    if (csv->at >= csv->n_bytes) return 0;
    *line = csv->line;
    if (!read_record(csv, err)) {
        csv->at = csv->n_bytes;
        return -1;
    }
    for (size_t i = 0; i < csv->n_starts; i++) csv->fields[i] = csv->unquoted.data + csv->starts[i];
    *fields = csv->fields;
    *n_fields = csv->n_starts;
    return 1;
}

void csv_place(const struct csv *csv, size_t i_field, int *line, int *column)
{
    size_t i = i_field < csv->n_starts ? i_field : csv->n_starts;
    const struct spot *spot = &csv->spots[i];
    *line = spot->line;
    *column = (int)utf8_count(csv->text + spot->line_start, spot->at - spot->line_start) + 1;
}

void csv_put(struct buf *out, const char *field, char separator)
{
    const char special[] = {separator, '"', '\r', '\n', 0};
    if (!field[strcspn(field, special)]) {
        buf_text(out, field);
        return;
    }
    buf_char(out, '"');
    for (const char *c = field; *c; c++) {
        if (*c == '"') buf_char(out, '"');
        buf_char(out, *c);
    }
    buf_char(out, '"');
}

/* Numbers, and what tables make of them: percentages, "-1.20 (0.3)", "-0.5 to +1.2". No function
 * and nothing outside of the sheet can be named in these characters. */
static bool is_numeric(const char *text)
{
    return !text[strspn(text, "0123456789+-.,() %eto")];
}

/* What spreadsheets run, as the OWASP lists it (CSV injection). */
static bool is_formula(const char *text)
{
    return *text && (strchr("=@\t\r\n", *text) || (strchr("+-", *text) && !is_numeric(text)));
}

void csv_put_cell(struct buf *out, const char *text, char separator)
{
    if (!is_formula(text + strspn(text, "'"))) {
        csv_put(out, text, separator);
        return;
    }
    struct buf cell = {0};
    buf_printf(&cell, "'%s", text);
    csv_put(out, buf_string(&cell), separator);
    out->failed |= cell.failed;
    buf_free(&cell);
}
