/* json.h - JSON in and out (RFC 8259), on jansson. Strings are UTF-8. A value is const and may be
 * read by many threads.
 *
 * A repeated key, a NUL in a string and nesting past jansson's 2048 levels are errors. Integers are
 * exact in 64 bits; a document with a larger one has all its numbers read as doubles.
 * Reading is forgiving in shape and strict in syntax: a getter for a missing or differently typed
 * member gives its default, and json_require_* says what is wrong and where in words.
 */
#ifndef PHIBENCH_BASE_JSON_H
#define PHIBENCH_BASE_JSON_H

#include "base/buf.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct json; /* a value; the root is owned by who parsed it, the rest by the root */

/* Parses n bytes, without the byte order mark that may stand before them; errors have file (a name
 * for messages), line and column. Free the root with json_free. */
struct json *json_parse(const char *text, size_t n_bytes, const char *file, struct err *err)
    __attribute__((warn_unused_result));
struct json *json_read_file(const char *path, struct err *err) __attribute__((warn_unused_result));
/* As json_parse, of what another program wrote: a byte order mark is passed over, and NUL, halves
 * of surrogate pairs and bytes that are no UTF-8 become U+FFFD. */
struct json *json_parse_repaired(const char *text, size_t n_bytes, const char *file,
                                 struct err *err) __attribute__((warn_unused_result));
void json_free(struct json *root);

/* One parsed value per non-empty line of a JSONL file: calls `line` for each; stops at its first
 * false. */
typedef bool json_line_fn(void *context, const struct json *value, int line, struct err *err);
bool json_read_lines(const char *path, json_line_fn *line, void *context, struct err *err)
    __attribute__((warn_unused_result));
/* Parses the lines of a text; file is a name for messages. */
bool json_parse_lines(const char *text, size_t n_bytes, const char *file, json_line_fn *line,
                      void *context, struct err *err) __attribute__((warn_unused_result));

/* What was borne with in lines that another program wrote, or that a killed one left. */
struct json_damage {
    size_t n_repaired;   /* lines that json_parse refuses and json_parse_repaired reads */
    int repaired_line;   /* the first of them */
    int torn_line;       /* the last line, if it has no end and cannot be read: it is passed over */
    size_t n_torn_bytes; /* its length */
};
/* As json_parse_lines, but for such damage, which *damage tells of. A line within the text that
 * cannot be read is an error as ever. */
bool json_parse_damaged_lines(const char *text, size_t n_bytes, const char *file,
                              struct json_damage *damage, json_line_fn *line, void *context,
                              struct err *err) __attribute__((warn_unused_result));

enum json_kind {
    JSON_KIND_NULL,
    JSON_KIND_BOOL,
    JSON_KIND_NUMBER,
    JSON_KIND_STRING,
    JSON_KIND_ARRAY,
    JSON_KIND_OBJECT,
};
enum json_kind json_kind(const struct json *value); /* JSON_KIND_NULL for NULL */

const struct json *json_get(const struct json *object, const char *key); /* NULL if absent */
size_t json_length(const struct json *array);                            /* 0 if no array */
const struct json *json_at(const struct json *array, size_t i);
const char *json_as_string(const struct json *value, const char *otherwise);
double json_as_number(const struct json *value, double otherwise);
int64_t json_as_integer(const struct json *value, int64_t otherwise);
bool json_as_bool(const struct json *value, bool otherwise);
/* Whether a number was written without fraction and exponent: 8, not 8.0. */
bool json_is_whole_number(const struct json *value);
/* Walks an object's members in the file's order: start with it = NULL. */
void *json_next_member(const struct json *object, void *it, const char **key,
                       const struct json **value);

/* The member as a string; NULL with an error that names the key if it is absent or no string. */
const char *json_require_string(const struct json *object, const char *key, struct err *err)
    __attribute__((warn_unused_result));

/* A writer that appends to a buffer. Nesting and commas are kept by the writer; keys in objects
 * come first. For example, {"n": 3} is written by
 *   struct json_writer w = {.out = &buf, .indent = 0};
 *   json_begin_object(&w); json_set_integer(&w, "n", 3); json_end_object(&w);
 * Numbers that are not finite become null. Doubles are written so that they read back exactly. */
enum { JSON_WRITER_DEPTH = 32 };
struct json_writer {
    struct buf *out;
    int indent; /* spaces a level, 0: one line */
    /* Writes as Python's json.dumps does: ", " and ": " between, ASCII only, 8.0 for a double. */
    bool is_pythonic;
    int depth;
    bool has_items[JSON_WRITER_DEPTH], after_key;
};
void json_begin_object(struct json_writer *writer);
void json_end_object(struct json_writer *writer);
void json_begin_array(struct json_writer *writer);
void json_end_array(struct json_writer *writer);
void json_key(struct json_writer *writer, const char *key);
void json_put_string(struct json_writer *writer, const char *text); /* NULL: null */
void json_put_string_n(struct json_writer *writer, const char *text, size_t n_bytes);
void json_put_number(struct json_writer *writer, double value);
void json_put_integer(struct json_writer *writer, int64_t value);
void json_put_bool(struct json_writer *writer, bool value);
void json_put_null(struct json_writer *writer);
/* A member: its key and its value. */
void json_set_string(struct json_writer *writer, const char *key, const char *text);
void json_set_number(struct json_writer *writer, const char *key, double value);
void json_set_integer(struct json_writer *writer, const char *key, int64_t value);
void json_set_bool(struct json_writer *writer, const char *key, bool value);
void json_set_strings(struct json_writer *writer, const char *key, const char *const *texts,
                      size_t n);
/* A value that is JSON already. */
void json_put_raw(struct json_writer *writer, const char *json);
/* A parsed value, whole. ERR_INPUT, with a part of it written, if it nests past the writer's depth.
 */
bool json_put_value(struct json_writer *writer, const struct json *value, struct err *err)
    __attribute__((warn_unused_result));
/* Ends a document: its text goes to the stream with a line end behind it, and is freed. ERR_MEMORY,
 * with nothing written, if a part of it is missing. */
bool json_print(struct json_writer *writer, FILE *out, struct err *err)
    __attribute__((warn_unused_result));

#endif
