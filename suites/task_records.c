/* task_records.c - see task_records.h. Every format becomes a map of values: a CSV row's texts by
 * the names of the columns, a JSON object as it is, lines of text by the task's `columns`.
 *
 * Knows no task's meaning.
 */
#include "suites/task_records.h"

#include "base/csv.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

struct reader {
    const struct task *task;
    const char *file;
    struct arena *arena;
    record_fn *take;
    void *context;
    int n_records;
};

static bool hand_over(struct reader *reader, const struct value *fields, int line, struct err *err)
{
    const struct record record = {*fields, reader->file, line, ++reader->n_records};
    struct err reason = {0};
    if (reader->take(reader->context, &record, &reason)) return true;
    if (!reason.file[0]) err_place(&reason, reader->file, line, 0);
    if (!line) err_context(&reason, "reading record %d", record.number);
    if (err) *err = reason;
    return false;
}

/* ---- JSON ---- */

static bool take_json(void *context, const struct json *json, int line, struct err *err)
{
    struct reader *reader = context;
    struct value fields;
    if (json_kind(json) != JSON_KIND_OBJECT)
        return err_set_at(err, ERR_INPUT, reader->file, line, 0, "record %d is no JSON object",
                          reader->n_records + 1);
    return value_from_json(json, reader->arena, &fields, err) &&
           hand_over(reader, &fields, line, err);
}

static bool read_json(struct reader *reader, const char *text, size_t n_bytes, struct err *err)
{
    struct json *root = json_parse(text, n_bytes, reader->file, err);
    if (!root) return false;
    const struct json *list = root;
    bool ok = true;
    if (json_kind(root) == JSON_KIND_OBJECT && reader->task->member)
        list = json_get(root, reader->task->member);
    if (!list || json_kind(list) != JSON_KIND_ARRAY)
        ok = err_set_at(err, ERR_INPUT, reader->file, 0, 0, "there is no list of records%s%s",
                        reader->task->member ? " under " : "",
                        reader->task->member ? reader->task->member : "");
    for (size_t i = 0; ok && i < json_length(list); i++)
        ok = take_json(reader, json_at(list, i), 0, err);
    json_free(root);
    return ok;
}

/* ---- Rows ---- */

/* Makes a map from the names to the texts. */
static bool take_texts(struct reader *reader, const char *const *names, char *const *texts,
                       size_t n, int line, struct err *err)
{
    struct value *items = arena_alloc(reader->arena, n, sizeof *items, err);
    if (!items) return false;
    for (size_t i = 0; i < n; i++) {
        if (!utf8_is_valid(texts[i], strlen(texts[i])))
            return err_set_at(err, ERR_INPUT, reader->file, line, 0, "%s is not UTF-8", names[i]);
        items[i] = value_text(arena_string(reader->arena, texts[i], err));
        if (!items[i].text) return false;
    }
    const struct value fields = {.kind = VALUE_MAP, .items = items, .keys = names, .n = n};
    return hand_over(reader, &fields, line, err);
}

/* Takes the first row's texts as the names of the columns. */
static const char *const *keep_names(struct reader *reader, char *const *fields, size_t n,
                                     struct err *err)
{
    const char **names = arena_alloc(reader->arena, n, sizeof *names, err);
    for (size_t i = 0; names && i < n; i++)
        if (!(names[i] = arena_string(reader->arena, fields[i], err))) return NULL;
    return names;
}

static bool read_rows(struct reader *reader, const char *text, size_t n_bytes, char separator,
                      struct err *err)
{
    char **fields;
    size_t n, n_names = reader->task->n_columns;
    const char *const *names = n_names ? reader->task->columns : NULL;
    int line, column, status;
    bool ok = true;
    struct csv *csv = csv_new(text, n_bytes, reader->file, separator, err);
    if (!csv) return false;
    while (ok && (status = csv_next(csv, &fields, &n, &line, err)) > 0) {
        if (!names) {
            n_names = n;
            ok = (names = keep_names(reader, fields, n, err)) != NULL;
        } else if (n != n_names) {
            csv_place(csv, n < n_names ? n : n_names, &line, &column);
            ok = err_set_at(err, ERR_INPUT, reader->file, line, column,
                            "%zu column%s, not %zu as %s", n, n == 1 ? "" : "s", n_names,
                            reader->task->n_columns ? "the task says" : "in the first row");
        } else ok = take_texts(reader, names, fields, n, line, err);
    }
    csv_free(csv);
    return ok && status == 0;
}

/* Reads lines of text, as many to a record as the task has columns. Writes into the text. */
static bool read_lines(struct reader *reader, char *text, size_t n_bytes, struct err *err)
{
    const struct task *task = reader->task;
    char **texts = mem_new(task->n_columns, sizeof *texts, err);
    int line = 1;
    bool ok = texts != NULL;
    for (size_t at = 0, n = 0; ok && at < n_bytes; line++) {
        char *end = memchr(text + at, '\n', n_bytes - at);
        size_t length = end ? (size_t)(end - text) - at : n_bytes - at;
        text[at + length] = 0;
        if (length && text[at + length - 1] == '\r') text[at + length - 1] = 0;
        texts[n++] = text + at;
        at += length + 1;
        if (n == task->n_columns) {
            ok = take_texts(reader, task->columns, texts, n, line - (int)n + 1, err);
            n = 0;
        } else if (at >= n_bytes)
            ok = err_set_at(err, ERR_INPUT, reader->file, line, 0,
                            "the file ends after %zu of a record's %zu lines", n, task->n_columns);
    }
    free(texts);
    return ok;
}

/* Reads the lines of a copy, which is cut into strings. */
static bool read_text(struct reader *reader, const char *text, size_t n_bytes, struct err *err)
{
    if (!reader->task->n_columns)
        return err_set_at(err, ERR_INPUT, reader->file, 0, 0,
                          "a .txt file takes a task that says what a record's lines are");
    if (memchr(text, 0, n_bytes))
        return err_set_at(err, ERR_INPUT, reader->file, 0, 0, "this is no text: it has NUL bytes");
    if (!utf8_skip_mark(&text, &n_bytes, reader->file, err)) return false;
    char *copy = mem_new(n_bytes + 1, 1, err);
    if (!copy) return false;
    memcpy(copy, text, n_bytes);
    bool ok = read_lines(reader, copy, n_bytes, err);
    free(copy);
    return ok;
}

bool records_read(const struct task *task, const char *file, const char *text, size_t n_bytes,
                  struct arena *arena, record_fn *take, void *context, struct err *err)
{
    struct reader reader = {
        .task = task, .file = file, .arena = arena, .take = take, .context = context};
    if (file_name_ends(file, ".jsonl"))
        return json_parse_lines(text, n_bytes, file, take_json, &reader, err);
    if (file_name_ends(file, ".json")) return read_json(&reader, text, n_bytes, err);
    if (file_name_ends(file, ".csv")) return read_rows(&reader, text, n_bytes, ',', err);
    if (file_name_ends(file, ".tsv")) return read_rows(&reader, text, n_bytes, '\t', err);
    if (file_name_ends(file, ".txt")) return read_text(&reader, text, n_bytes, err);
    return err_set_at(err, ERR_INPUT, file, 0, 0,
                      "the file's name must end in .jsonl, .json, .csv, .tsv or .txt");
}
