/* json.c - the wrapper around jansson's parser, and a writer of our own; the only file that knows
 * of jansson.
 *
 * `struct json` is a json_t under another name: callers can only hold pointers to it.
 */
#include "base/json.h"

#include "base/file.h"
#include "base/interrupt.h"
#include "base/mem.h"
#include "base/utf8.h"

#include <assert.h>
#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static const size_t MAX_FILE_BYTES = (size_t)1 << 30;
enum { PARSE_FLAGS = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY };

static const json_t *inner(const struct json *value)
{
    return (const json_t *)value;
}

static const struct json *outer(const json_t *value)
{
    return (const struct json *)value;
}

static void *allocate(size_t n_bytes)
{
    return mem_new_or_end(n_bytes, 1);
}

/* Without memory jansson 2.14 drops characters of a text silently, or ends in an assertion. */
static void set_allocator(void)
{
    json_set_alloc_funcs(allocate, free);
}

struct json *json_parse(const char *text, size_t n_bytes, const char *file, struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, set_allocator);
    json_error_t fault = {0};
    if (!utf8_skip_mark(&text, &n_bytes, file, err)) return NULL;
    json_t *root = json_loadb(text, n_bytes, PARSE_FLAGS, &fault);
    if (!root && json_error_code(&fault) == json_error_numeric_overflow)
        root = json_loadb(text, n_bytes, PARSE_FLAGS | JSON_DECODE_INT_AS_REAL, &fault);
    if (root) return (struct json *)root;
    /* jansson counts what it has read of a line: nothing yet is the first column. */
    err_set_at(err, ERR_INPUT, file, fault.line > 0 ? fault.line : 1,
               fault.column > 0 ? fault.column : 1, "malformed JSON: %s", fault.text);
    return NULL;
}

/* The code unit of an escape "\\uXXXX" at text[0..n); -1 if none stands there. */
static long read_escape(const char *text, size_t n)
{
    long unit = 0;
    if (n < 6 || text[0] != '\\' || text[1] != 'u') return -1;
    for (int i = 2; i < 6; i++) {
        const char *digit = memchr("0123456789abcdefABCDEF", text[i], 22);
        if (!digit) return -1;
        long value = digit - "0123456789abcdefABCDEF";
        unit = unit * 16 + (value < 16 ? value : value - 6);
    }
    return unit;
}

/* Appends the escape at text[0..n), which begins with a backslash; returns its length. */
static size_t repair_escape(struct buf *out, const char *text, size_t n)
{
    long unit = read_escape(text, n), next = n > 6 ? read_escape(text + 6, n - 6) : -1;
    bool is_pair = unit >= 0xd800 && unit < 0xdc00 && next >= 0xdc00 && next < 0xe000;
    bool is_half = unit >= 0xd800 && unit < 0xe000 && !is_pair;
    size_t length = is_pair ? 12 : unit >= 0 ? 6 : n > 1 ? 2 : 1;
    if (unit == 0 || is_half) buf_text(out, "\\ufffd");
    else buf_append(out, text, length);
    return length;
}

struct json *json_parse_repaired(const char *text, size_t n_bytes, const char *file,
                                 struct err *err)
{
    struct buf valid = {0}, repaired = {0};
    struct json *root = NULL;
    if (!utf8_skip_mark(&text, &n_bytes, file, err)) return NULL;
    utf8_append_valid(&valid, text, n_bytes);
    for (size_t i = 0; i < valid.n_bytes;) {
        const char *at = valid.data + i;
        if (*at == '\\') {
            i += repair_escape(&repaired, at, valid.n_bytes - i);
            continue;
        }
        if (*at) buf_char(&repaired, *at);
        else buf_text(&repaired, "\xef\xbf\xbd");
        i++;
    }
    if (buf_check(&valid, err) && buf_check(&repaired, err))
        root = json_parse(buf_string(&repaired), repaired.n_bytes, file, err);
    buf_free(&valid);
    buf_free(&repaired);
    return root;
}

struct json *json_read_file(const char *path, struct err *err)
{
    size_t n_bytes;
    char *text = file_read(path, MAX_FILE_BYTES, &n_bytes, err);
    struct json *root = text ? json_parse(text, n_bytes, path, err) : NULL;
    free(text);
    return root;
}

void json_free(struct json *root)
{
    json_decref((json_t *)root);
}

static bool is_blank(const char *text, size_t n_bytes)
{
    while (n_bytes && memchr(" \t\r", *text, 3)) text++, n_bytes--;
    return !n_bytes;
}

/* What reading lines shares; damage is NULL where none is borne with. */
struct lines {
    const char *file;
    struct json_damage *damage;
    json_line_fn *use;
    void *context;
};

static bool read_line(const struct lines *lines, const char *text, size_t n_bytes, int line,
                      bool is_open, struct err *err)
{
    struct err fault = {0};
    struct json_damage *damage = lines->damage;
    struct json *value = json_parse(text, n_bytes, lines->file, &fault);
    if (!value && damage && fault.code == ERR_INPUT &&
        (value = json_parse_repaired(text, n_bytes, lines->file, NULL)) && !damage->n_repaired++)
        damage->repaired_line = line;
    if (!value && damage && fault.code == ERR_INPUT && is_open) {
        damage->torn_line = line;
        damage->n_torn_bytes = n_bytes;
        return true;
    }
    if (!value)
        return err_set_at(err, fault.code, lines->file, line, fault.column, "%s", fault.message);
    bool ok = lines->use(lines->context, value, line, err);
    if (!ok) err_place(err, lines->file, line, 0);
    json_free(value);
    return ok;
}

static bool parse_lines(const struct lines *lines, const char *text, size_t n_bytes,
                        struct err *err)
{
    int i_line = 1;
    if (!utf8_skip_mark(&text, &n_bytes, lines->file, err)) return false;
    for (size_t at = 0; at < n_bytes; i_line++) {
        const char *start = text + at, *end = memchr(start, '\n', n_bytes - at);
        size_t n = end ? (size_t)(end - start) : n_bytes - at;
        if (!interrupt_check(err)) return false;
        if (!is_blank(start, n) && !read_line(lines, start, n, i_line, !end, err)) return false;
        at += n + 1;
    }
    return true;
}

bool json_parse_lines(const char *text, size_t n_bytes, const char *file, json_line_fn *line,
                      void *context, struct err *err)
{
    const struct lines lines = {file, NULL, line, context};
    return parse_lines(&lines, text, n_bytes, err);
}

bool json_parse_damaged_lines(const char *text, size_t n_bytes, const char *file,
                              struct json_damage *damage, json_line_fn *line, void *context,
                              struct err *err)
{
    const struct lines lines = {file, damage, line, context};
    *damage = (struct json_damage){0};
    return parse_lines(&lines, text, n_bytes, err);
}

bool json_read_lines(const char *path, json_line_fn *line, void *context, struct err *err)
{
    size_t n_bytes;
    char *text = file_read(path, MAX_FILE_BYTES, &n_bytes, err);
    bool ok = text && json_parse_lines(text, n_bytes, path, line, context, err);
    free(text);
    return ok;
}

enum json_kind json_kind(const struct json *value)
{
    if (!value) return JSON_KIND_NULL;
    switch (json_typeof(inner(value))) {
    case JSON_OBJECT: return JSON_KIND_OBJECT;
    case JSON_ARRAY: return JSON_KIND_ARRAY;
    case JSON_STRING: return JSON_KIND_STRING;
    case JSON_INTEGER:
    case JSON_REAL: return JSON_KIND_NUMBER;
    case JSON_TRUE:
    case JSON_FALSE: return JSON_KIND_BOOL;
    case JSON_NULL: return JSON_KIND_NULL;
    }
    return JSON_KIND_NULL;
}

const struct json *json_get(const struct json *object, const char *key)
{
    return outer(json_object_get(inner(object), key));
}

size_t json_length(const struct json *array)
{
    return json_array_size(inner(array));
}

const struct json *json_at(const struct json *array, size_t i)
{
    return outer(json_array_get(inner(array), i));
}

const char *json_as_string(const struct json *value, const char *otherwise)
{
    return json_is_string(inner(value)) ? json_string_value(inner(value)) : otherwise;
}

double json_as_number(const struct json *value, double otherwise)
{
    return json_is_number(inner(value)) ? json_number_value(inner(value)) : otherwise;
}

int64_t json_as_integer(const struct json *value, int64_t otherwise)
{
    if (json_is_integer(inner(value))) return json_integer_value(inner(value));
    if (!json_is_real(inner(value))) return otherwise;
    double real = json_real_value(inner(value));
    bool fits = real >= -0x1p63 && real < 0x1p63 && trunc(real) == real;
    return fits ? (int64_t)real : otherwise;
}

bool json_as_bool(const struct json *value, bool otherwise)
{
    return json_is_boolean(inner(value)) ? json_is_true(inner(value)) : otherwise;
}

bool json_is_whole_number(const struct json *value)
{
    return json_is_integer(inner(value));
}

void *json_next_member(const struct json *object, void *it, const char **key,
                       const struct json **value)
{
    /* jansson iterates over a json_t that is not const, but only reads it. */
    json_t *members = (json_t *)(uintptr_t)object;
    it = it ? json_object_iter_next(members, it) : json_object_iter(members);
    if (!it) return NULL;
    *key = json_object_iter_key(it);
    *value = outer(json_object_iter_value(it));
    return it;
}

const char *json_require_string(const struct json *object, const char *key, struct err *err)
{
    const struct json *value = json_get(object, key);
    const char *text = json_as_string(value, NULL);
    if (!value) err_set(err, ERR_INPUT, "the key \"%s\" is missing", key);
    else if (!text) err_set(err, ERR_INPUT, "\"%s\" must be a string", key);
    return text;
}

static void start_line(struct json_writer *writer)
{
    if (!writer->indent) return;
    buf_printf(writer->out, "\n%*s", writer->indent * writer->depth, "");
}

/* Writes what stands between the last thing written and the next member or element. */
static void separate(struct json_writer *writer)
{
    if (writer->after_key || !writer->depth) {
        writer->after_key = false;
        return;
    }
    bool *has_items = &writer->has_items[writer->depth - 1];
    if (*has_items) buf_text(writer->out, writer->is_pythonic ? ", " : ",");
    *has_items = true;
    start_line(writer);
}

static void begin(struct json_writer *writer, char bracket)
{
    assert(writer->depth < JSON_WRITER_DEPTH);
    separate(writer);
    buf_char(writer->out, bracket);
    writer->has_items[writer->depth++] = false;
}

static void end(struct json_writer *writer, char bracket)
{
    assert(writer->depth > 0 && !writer->after_key);
    if (writer->has_items[--writer->depth]) start_line(writer);
    buf_char(writer->out, bracket);
}

void json_begin_object(struct json_writer *writer)
{
    begin(writer, '{');
}

void json_end_object(struct json_writer *writer)
{
    end(writer, '}');
}

void json_begin_array(struct json_writer *writer)
{
    begin(writer, '[');
}

void json_end_array(struct json_writer *writer)
{
    end(writer, ']');
}

static void put_escape(struct buf *out, unsigned char byte)
{
    const char *known = strchr("\"\"\\\\\bb\ff\nn\rr\tt", byte);
    if (byte && known) buf_printf(out, "\\%c", known[1]);
    else buf_printf(out, "\\u%04x", byte);
}

static void put_quoted(struct buf *out, const char *text, size_t n_bytes)
{
    buf_char(out, '"');
    size_t plain = 0; /* where the bytes begin that need no escape */
    for (size_t i = 0; i < n_bytes; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte >= 0x20 && byte != '"' && byte != '\\') continue;
        utf8_append_valid(out, text + plain, i - plain);
        plain = i + 1;
        put_escape(out, byte);
    }
    utf8_append_valid(out, text + plain, n_bytes - plain);
    buf_char(out, '"');
}

/* Writes a text in ASCII: what lies outside of the first 16 bits as two escapes, by UTF-16. */
static void put_quoted_ascii(struct buf *out, const char *text, size_t n_bytes)
{
    buf_char(out, '"');
    for (size_t i = 0; i < n_bytes;) {
        uint32_t code;
        i += utf8_decode(text + i, n_bytes - i, &code, NULL);
        if (code < 0x20 || code == '"' || code == '\\') put_escape(out, (unsigned char)code);
        else if (code < 0x7f) buf_char(out, (char)code);
        else if (code < 0x10000) buf_printf(out, "\\u%04x", code);
        else buf_printf(out, "\\u%04x\\u%04x", 0xd7c0 + (code >> 10), 0xdc00 + (code & 0x3ff));
    }
    buf_char(out, '"');
}

void json_key(struct json_writer *writer, const char *key)
{
    assert(writer->depth > 0 && !writer->after_key);
    separate(writer);
    if (writer->is_pythonic) put_quoted_ascii(writer->out, key, strlen(key));
    else put_quoted(writer->out, key, strlen(key));
    buf_text(writer->out, writer->indent || writer->is_pythonic ? ": " : ":");
    writer->after_key = true;
}

void json_put_string(struct json_writer *writer, const char *text)
{
    if (text) json_put_string_n(writer, text, strlen(text));
    else json_put_null(writer);
}

void json_put_string_n(struct json_writer *writer, const char *text, size_t n_bytes)
{
    separate(writer);
    if (writer->is_pythonic) put_quoted_ascii(writer->out, text, n_bytes);
    else put_quoted(writer->out, text, n_bytes);
}

void json_put_number(struct json_writer *writer, double value)
{
    if (!isfinite(value)) {
        json_put_null(writer);
        return;
    }
    /* The fewest digits that read back as the same double: 17 always do. */
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    separate(writer);
    buf_text(writer->out, text);
    if (writer->is_pythonic && !strpbrk(text, ".e")) buf_text(writer->out, ".0");
}

void json_put_integer(struct json_writer *writer, int64_t value)
{
    separate(writer);
    buf_printf(writer->out, "%lld", (long long)value);
}

void json_put_bool(struct json_writer *writer, bool value)
{
    separate(writer);
    buf_text(writer->out, value ? "true" : "false");
}

void json_put_null(struct json_writer *writer)
{
    separate(writer);
    buf_text(writer->out, "null");
}

void json_set_string(struct json_writer *writer, const char *key, const char *text)
{
    json_key(writer, key);
    json_put_string(writer, text);
}

void json_set_number(struct json_writer *writer, const char *key, double value)
{
    json_key(writer, key);
    json_put_number(writer, value);
}

void json_set_integer(struct json_writer *writer, const char *key, int64_t value)
{
    json_key(writer, key);
    json_put_integer(writer, value);
}

void json_set_bool(struct json_writer *writer, const char *key, bool value)
{
    json_key(writer, key);
    json_put_bool(writer, value);
}

void json_set_strings(struct json_writer *writer, const char *key, const char *const *texts,
                      size_t n)
{
    json_key(writer, key);
    json_begin_array(writer);
    for (size_t i = 0; i < n; i++) json_put_string(writer, texts[i]);
    json_end_array(writer);
}

void json_put_raw(struct json_writer *writer, const char *json)
{
    separate(writer);
    buf_text(writer->out, json);
}

static void put_scalar(struct json_writer *writer, const json_t *value)
{
    if (json_is_string(value))
        json_put_string_n(writer, json_string_value(value), json_string_length(value));
    else if (json_is_integer(value)) json_put_integer(writer, json_integer_value(value));
    else if (json_is_real(value)) json_put_number(writer, json_real_value(value));
    else if (json_is_boolean(value)) json_put_bool(writer, json_is_true(value));
    else json_put_null(writer);
}

/* Recursion is bounded by the writer's depth. */
bool json_put_value(struct json_writer *writer, const struct json *value, struct err *err)
{
    enum json_kind kind = json_kind(value);
    if (kind != JSON_KIND_ARRAY && kind != JSON_KIND_OBJECT) {
        put_scalar(writer, inner(value));
        return true;
    }
    if (writer->depth == JSON_WRITER_DEPTH)
        return err_set(err, ERR_INPUT, "JSON nests more than %d levels deep", JSON_WRITER_DEPTH);
    bool ok = true;
    begin(writer, kind == JSON_KIND_ARRAY ? '[' : '{');
    for (size_t i = 0; ok && i < json_length(value); i++)
        ok = json_put_value(writer, json_at(value, i), err);
    const char *key;
    const struct json *member;
    for (void *it = NULL; ok && (it = json_next_member(value, it, &key, &member));) {
        json_key(writer, key);
        ok = json_put_value(writer, member, err);
    }
    if (ok) end(writer, kind == JSON_KIND_ARRAY ? ']' : '}');
    return ok;
}

bool json_print(struct json_writer *writer, FILE *out, struct err *err)
{
    buf_char(writer->out, '\n');
    return buf_print(writer->out, out, err);
}
