/* metadata.h - the key-value part of a model, as GGUF has it: read from a file, made by synth,
 * written back.
 *
 * Built once, then const and shared between threads. Strings and arrays are owned by the
 * metadata.
 */
#ifndef PHIBENCH_ENGINE_METADATA_H
#define PHIBENCH_ENGINE_METADATA_H

#include "base/buf.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* Values are GGUF's. */
enum metadata_kind {
    METADATA_U8 = 0,
    METADATA_I8,
    METADATA_U16,
    METADATA_I16,
    METADATA_U32,
    METADATA_I32,
    METADATA_F32,
    METADATA_BOOL,
    METADATA_STRING,
    METADATA_ARRAY,
    METADATA_U64,
    METADATA_I64,
    METADATA_F64
};

struct metadata_string {
    const char *text; /* zero-ended, may contain zero bytes and need not be UTF-8 */
    size_t n_bytes;
};

struct metadata_value {
    enum metadata_kind kind, element; /* element: of an array (never METADATA_ARRAY) */
    union {
        uint64_t u; /* unsigned kinds and bool */
        int64_t i;  /* signed kinds */
        double f;
        struct metadata_string string;
    };
    size_t n; /* elements of an array */
    /* The elements of an array: struct metadata_string, or raw little-endian elements of the kind's
     * own width, aligned. */
    const void *items;
};

/* Bytes of an element of a number or bool kind; 0 for strings, arrays and unknown numbers. */
size_t metadata_kind_bytes(enum metadata_kind kind);

/* A number or bool from its bits as a little-endian file has them (zero-extended), and back. */
struct metadata_value metadata_from_bits(enum metadata_kind kind, uint64_t bits);
uint64_t metadata_to_bits(const struct metadata_value *value);

/* The i-th element of an array as a value of its own; strings stay owned by the metadata. */
struct metadata_value metadata_element(const struct metadata_value *array, size_t i);

struct metadata;

struct metadata *metadata_new(struct err *err);
void metadata_free(struct metadata *metadata);

size_t metadata_count(const struct metadata *metadata);
/* The i-th entry in order; *key is owned by the metadata. */
const struct metadata_value *metadata_at(const struct metadata *metadata, size_t i,
                                         const char **key);
/* NULL if absent. */
const struct metadata_value *metadata_find(const struct metadata *metadata, const char *key);

/* Adds or replaces; copies what it is given. */
bool metadata_set(struct metadata *metadata, const char *key, const struct metadata_value *value,
                  struct err *err);
bool metadata_set_unsigned(struct metadata *metadata, const char *key, uint32_t value,
                           struct err *err);
bool metadata_set_float(struct metadata *metadata, const char *key, float value, struct err *err);
bool metadata_set_bool(struct metadata *metadata, const char *key, bool value, struct err *err);
bool metadata_set_string(struct metadata *metadata, const char *key, const char *text,
                         struct err *err);

/* Typed reading. Where the key is absent, `read` is true and leaves *value as it is, and `require`
 * fails. A value of another kind is converted where nothing is lost: integers of any width and
 * floats that are whole numbers are integers, numbers 0 and 1 are bools. Whatever else stands there
 * is ERR_INPUT that names the key, its kind and what is expected, never as good as absent. */
bool metadata_require_integer(const struct metadata *metadata, const char *key, int64_t low,
                              int64_t high, int64_t *value, struct err *err);
bool metadata_read_integer(const struct metadata *metadata, const char *key, int64_t low,
                           int64_t high, int64_t *value, struct err *err)
    __attribute__((warn_unused_result));
bool metadata_read_number(const struct metadata *metadata, const char *key, double *value,
                          struct err *err) __attribute__((warn_unused_result));
bool metadata_read_bool(const struct metadata *metadata, const char *key, bool *value,
                        struct err *err) __attribute__((warn_unused_result));
/* A string with a zero byte, at which its text would end, is refused. */
bool metadata_read_string(const struct metadata *metadata, const char *key, const char **value,
                          struct err *err) __attribute__((warn_unused_result));
/* [*n]; NULL and 0 if the key is absent. */
bool metadata_read_strings(const struct metadata *metadata, const char *key,
                           const struct metadata_string **strings, size_t *n, struct err *err)
    __attribute__((warn_unused_result));
/* *array: NULL if the key is absent. Its elements are read by the rules above; `key` is for the
 * message. */
bool metadata_read_array(const struct metadata *metadata, const char *key,
                         const struct metadata_value **array, struct err *err)
    __attribute__((warn_unused_result));
bool metadata_element_integer(const struct metadata_value *array, size_t i, const char *key,
                              int64_t low, int64_t high, int64_t *value, struct err *err)
    __attribute__((warn_unused_result));
bool metadata_element_number(const struct metadata_value *array, size_t i, const char *key,
                             double *value, struct err *err) __attribute__((warn_unused_result));
bool metadata_element_bool(const struct metadata_value *array, size_t i, const char *key,
                           bool *value, struct err *err) __attribute__((warn_unused_result));

/* Appends the value as text for people: strings in full or cut at max_chars with "...", arrays
 * as "[n] a, b, ..." cut likewise. Malformed UTF-8 and control characters but line feed and tab
 * become U+FFFD; a float is the shortest decimal that reads back as it. */
void metadata_print(const struct metadata_value *value, size_t max_chars, struct buf *out);

#endif
