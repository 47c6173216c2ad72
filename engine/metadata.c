/* metadata.c - key-value pairs in the order in which they came, values copied into one arena.
 *
 * Keys are few (a reader bounds them), so that a search is linear. What replaced values took
 * stays in the arena until the end. Knows nothing of files.
 */
#include "engine/metadata.h"

#include "base/arena.h"
#include "base/cursor.h"
#include "base/mem.h"
#include "base/utf8.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ENTRIES = 1 << 16 };

struct entry {
    const char *key;
    struct metadata_value value;
};

struct metadata {
    struct arena *arena;
    struct entry *entries;
    size_t n, capacity;
};

static const struct {
    const char *name;
    size_t n_bytes;
} kinds[] = {
    [METADATA_U8] = {"u8", 1},       [METADATA_I8] = {"i8", 1},
    [METADATA_U16] = {"u16", 2},     [METADATA_I16] = {"i16", 2},
    [METADATA_U32] = {"u32", 4},     [METADATA_I32] = {"i32", 4},
    [METADATA_F32] = {"f32", 4},     [METADATA_BOOL] = {"bool", 1},
    [METADATA_U64] = {"u64", 8},     [METADATA_I64] = {"i64", 8},
    [METADATA_F64] = {"f64", 8},     [METADATA_STRING] = {"string", 0},
    [METADATA_ARRAY] = {"array", 0},
};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

size_t metadata_kind_bytes(enum metadata_kind kind)
{
    return (size_t)kind < N_KINDS ? kinds[kind].n_bytes : 0;
}

static const char *kind_name(enum metadata_kind kind)
{
    return (size_t)kind < N_KINDS ? kinds[kind].name : "unknown";
}

static bool is_signed(enum metadata_kind kind)
{
    return kind == METADATA_I8 || kind == METADATA_I16 || kind == METADATA_I32 ||
           kind == METADATA_I64;
}

static bool is_unsigned(enum metadata_kind kind)
{
    return kind == METADATA_U8 || kind == METADATA_U16 || kind == METADATA_U32 ||
           kind == METADATA_U64;
}

static bool is_float(enum metadata_kind kind)
{
    return kind == METADATA_F32 || kind == METADATA_F64;
}

struct metadata_value metadata_from_bits(enum metadata_kind kind, uint64_t bits)
{
    struct metadata_value value = {.kind = kind};
    if (kind == METADATA_F32) {
        uint32_t low = (uint32_t)bits;
        float number;
        memcpy(&number, &low, sizeof number);
        value.f = (double)number;
    } else if (kind == METADATA_F64) {
        memcpy(&value.f, &bits, sizeof value.f);
    } else if (is_signed(kind)) {
        uint64_t sign = (uint64_t)1 << (8 * metadata_kind_bytes(kind) - 1);
        value.i = (int64_t)((bits ^ sign) - sign);
    } else {
        value.u = kind == METADATA_BOOL ? bits != 0 : bits;
    }
    return value;
}

uint64_t metadata_to_bits(const struct metadata_value *value)
{
    if (value->kind == METADATA_F32) {
        float number = (float)value->f;
        uint32_t bits;
        memcpy(&bits, &number, sizeof bits);
        return bits;
    }
    if (value->kind == METADATA_F64) {
        uint64_t bits;
        memcpy(&bits, &value->f, sizeof bits);
        return bits;
    }
    size_t n_bytes = metadata_kind_bytes(value->kind);
    uint64_t mask = n_bytes == 8 ? UINT64_MAX : ((uint64_t)1 << (8 * n_bytes)) - 1;
    return (is_signed(value->kind) ? (uint64_t)value->i : value->u) & mask;
}

struct metadata_value metadata_element(const struct metadata_value *array, size_t i)
{
    assert(array->kind == METADATA_ARRAY && i < array->n);
    if (array->element == METADATA_STRING) {
        const struct metadata_string *strings = array->items;
        return (struct metadata_value){.kind = METADATA_STRING, .string = strings[i]};
    }
    size_t n_bytes = metadata_kind_bytes(array->element);
    struct cursor cursor = {
        .bytes = array->items, .n_bytes = array->n * n_bytes, .at = i * n_bytes};
    return metadata_from_bits(array->element, cursor_unsigned(&cursor, (unsigned)n_bytes));
}

struct metadata *metadata_new(struct err *err)
{
    struct metadata *metadata = mem_new(1, sizeof *metadata, err);
    if (!metadata) return NULL;
    metadata->arena = arena_new(0, err);
    if (!metadata->arena) {
        free(metadata);
        return NULL;
    }
    return metadata;
}

void metadata_free(struct metadata *metadata)
{
    if (!metadata) return;
    arena_free(metadata->arena);
    free(metadata->entries);
    free(metadata);
}

size_t metadata_count(const struct metadata *metadata)
{
    return metadata->n;
}

const struct metadata_value *metadata_at(const struct metadata *metadata, size_t i,
                                         const char **key)
{
    assert(i < metadata->n);
    *key = metadata->entries[i].key;
    return &metadata->entries[i].value;
}

static struct entry *find_entry(const struct metadata *metadata, const char *key)
{
    for (size_t i = 0; i < metadata->n; i++) {
        if (strcmp(metadata->entries[i].key, key) == 0) return &metadata->entries[i];
    }
    return NULL;
}

const struct metadata_value *metadata_find(const struct metadata *metadata, const char *key)
{
    const struct entry *entry = find_entry(metadata, key);
    return entry ? &entry->value : NULL;
}

/* All strings of an array in two allocations, since a vocabulary has 100,000 of them. */
static const void *copy_strings(struct arena *arena, const struct metadata_string *strings,
                                size_t n, struct err *err)
{
    size_t n_bytes = n;
    for (size_t i = 0; i < n; i++) {
        if (!mem_add(n_bytes, strings[i].n_bytes, &n_bytes)) {
            err_set(err, ERR_MEMORY, "size overflow");
            return NULL;
        }
    }
    struct metadata_string *copies = arena_alloc(arena, n, sizeof *copies, err);
    char *text = copies ? arena_alloc(arena, n_bytes, 1, err) : NULL;
    if (!text) return NULL;
    for (size_t i = 0; i < n; i++) {
        if (strings[i].n_bytes) memcpy(text, strings[i].text, strings[i].n_bytes);
        copies[i] = (struct metadata_string){text, strings[i].n_bytes};
        text += strings[i].n_bytes + 1; /* the arena zeroed the end */
    }
    return copies;
}

static bool copy_value(struct arena *arena, const struct metadata_value *from,
                       struct metadata_value *to, struct err *err)
{
    *to = *from;
    if (from->kind == METADATA_STRING) {
        to->string.text = arena_copy(arena, from->string.text, from->string.n_bytes, err);
        return to->string.text != NULL;
    }
    if (from->kind != METADATA_ARRAY) return true;
    if (from->element == METADATA_STRING) {
        to->items = copy_strings(arena, from->items, from->n, err);
        return to->items != NULL;
    }
    size_t width = metadata_kind_bytes(from->element);
    assert(width);
    void *items = arena_alloc(arena, from->n, width, err);
    if (items && from->n) memcpy(items, from->items, from->n * width);
    to->items = items;
    return items != NULL;
}

bool metadata_set(struct metadata *metadata, const char *key, const struct metadata_value *value,
                  struct err *err)
{
    struct metadata_value copy;
    if (!copy_value(metadata->arena, value, &copy, err)) return false;
    struct entry *entry = find_entry(metadata, key);
    if (entry) {
        entry->value = copy;
        return true;
    }
    void *entries = metadata->entries;
    bool grown = mem_grow(&entries, &metadata->capacity, metadata->n + 1, sizeof *metadata->entries,
                          MAX_ENTRIES, err);
    metadata->entries = entries;
    const char *owned_key = grown ? arena_string(metadata->arena, key, err) : NULL;
    if (!owned_key) return false;
    metadata->entries[metadata->n++] = (struct entry){owned_key, copy};
    return true;
}

bool metadata_set_unsigned(struct metadata *metadata, const char *key, uint32_t value,
                           struct err *err)
{
    return metadata_set(metadata, key, &(struct metadata_value){.kind = METADATA_U32, .u = value},
                        err);
}

bool metadata_set_float(struct metadata *metadata, const char *key, float value, struct err *err)
{
    struct metadata_value number = {.kind = METADATA_F32, .f = (double)value};
    return metadata_set(metadata, key, &number, err);
}

bool metadata_set_bool(struct metadata *metadata, const char *key, bool value, struct err *err)
{
    return metadata_set(metadata, key, &(struct metadata_value){.kind = METADATA_BOOL, .u = value},
                        err);
}

bool metadata_set_string(struct metadata *metadata, const char *key, const char *text,
                         struct err *err)
{
    struct metadata_value value = {.kind = METADATA_STRING, .string = {text, strlen(text)}};
    return metadata_set(metadata, key, &value, err);
}

/* ---- Typed reading ---- */

static bool fail_kind(const struct metadata_value *value, const char *key, const char *expected,
                      struct err *err)
{
    bool is_array = value->kind == METADATA_ARRAY;
    return err_set(err, ERR_INPUT, "metadata '%s' is of type %s%s%s: expected %s", key,
                   kind_name(value->kind), is_array ? " of " : "",
                   is_array ? kind_name(value->element) : "", expected);
}

/* False where it is no whole number of 64 bits. */
static bool to_integer(const struct metadata_value *value, int64_t *integer)
{
    if (is_signed(value->kind)) {
        *integer = value->i;
        return true;
    }
    if (is_unsigned(value->kind)) {
        *integer = (int64_t)value->u;
        return value->u <= INT64_MAX;
    }
    if (!is_float(value->kind) || !(value->f >= -0x1p63 && value->f < 0x1p63)) return false;
    *integer = (int64_t)value->f;
    return (double)*integer == value->f;
}

static bool get_integer(const struct metadata_value *value, const char *key, int64_t low,
                        int64_t high, int64_t *integer, struct err *err)
{
    int64_t found;
    if (is_unsigned(value->kind) && value->u > INT64_MAX)
        return err_set(err, ERR_INPUT, "metadata '%s' is %" PRIu64 ": expected at most %" PRId64,
                       key, value->u, high);
    if (!to_integer(value, &found)) return fail_kind(value, key, "an integer", err);
    if (found < low || found > high)
        return err_set(err, ERR_INPUT,
                       "metadata '%s' is %" PRId64 ": expected %" PRId64 " to %" PRId64, key, found,
                       low, high);
    *integer = found;
    return true;
}

static bool get_number(const struct metadata_value *value, const char *key, double *number,
                       struct err *err)
{
    int64_t integer;
    if (is_float(value->kind)) {
        *number = value->f;
        return true;
    }
    if (!to_integer(value, &integer) || (int64_t)(double)integer != integer)
        return fail_kind(value, key, "a number", err);
    *number = (double)integer;
    return true;
}

bool metadata_read_integer(const struct metadata *metadata, const char *key, int64_t low,
                           int64_t high, int64_t *value, struct err *err)
{
    const struct metadata_value *found = metadata_find(metadata, key);
    return !found || get_integer(found, key, low, high, value, err);
}

bool metadata_require_integer(const struct metadata *metadata, const char *key, int64_t low,
                              int64_t high, int64_t *value, struct err *err)
{
    if (!metadata_find(metadata, key)) return err_set(err, ERR_INPUT, "metadata has no '%s'", key);
    return metadata_read_integer(metadata, key, low, high, value, err);
}

bool metadata_read_number(const struct metadata *metadata, const char *key, double *value,
                          struct err *err)
{
    const struct metadata_value *found = metadata_find(metadata, key);
    return !found || get_number(found, key, value, err);
}

static bool get_bool(const struct metadata_value *found, const char *key, bool *value,
                     struct err *err)
{
    int64_t integer;
    if (found->kind == METADATA_BOOL) integer = (int64_t)found->u;
    else if (!to_integer(found, &integer) || integer < 0 || integer > 1)
        return fail_kind(found, key, "a bool (or 0 or 1)", err);
    *value = integer != 0;
    return true;
}

bool metadata_read_bool(const struct metadata *metadata, const char *key, bool *value,
                        struct err *err)
{
    const struct metadata_value *found = metadata_find(metadata, key);
    return !found || get_bool(found, key, value, err);
}

bool metadata_read_string(const struct metadata *metadata, const char *key, const char **value,
                          struct err *err)
{
    const struct metadata_value *found = metadata_find(metadata, key);
    if (!found) return true;
    if (found->kind != METADATA_STRING) return fail_kind(found, key, "a string", err);
    if (strlen(found->string.text) != found->string.n_bytes)
        return err_set(err, ERR_INPUT, "metadata '%s' has a zero byte: expected text", key);
    *value = found->string.text;
    return true;
}

bool metadata_read_array(const struct metadata *metadata, const char *key,
                         const struct metadata_value **array, struct err *err)
{
    *array = metadata_find(metadata, key);
    return !*array || (*array)->kind == METADATA_ARRAY || fail_kind(*array, key, "an array", err);
}

bool metadata_read_strings(const struct metadata *metadata, const char *key,
                           const struct metadata_string **strings, size_t *n, struct err *err)
{
    const struct metadata_value *array;
    *strings = NULL;
    *n = 0;
    if (!metadata_read_array(metadata, key, &array, err)) return false;
    if (!array || !array->n) return true; /* an empty array may be of any kind */
    if (array->element != METADATA_STRING) return fail_kind(array, key, "an array of strings", err);
    *strings = array->items;
    *n = array->n;
    return true;
}

bool metadata_element_integer(const struct metadata_value *array, size_t i, const char *key,
                              int64_t low, int64_t high, int64_t *value, struct err *err)
{
    struct metadata_value element = metadata_element(array, i);
    return get_integer(&element, key, low, high, value, err) ||
           err_context(err, "reading element %zu", i);
}

bool metadata_element_number(const struct metadata_value *array, size_t i, const char *key,
                             double *value, struct err *err)
{
    struct metadata_value element = metadata_element(array, i);
    return get_number(&element, key, value, err) || err_context(err, "reading element %zu", i);
}

bool metadata_element_bool(const struct metadata_value *array, size_t i, const char *key,
                           bool *value, struct err *err)
{
    struct metadata_value element = metadata_element(array, i);
    return get_bool(&element, key, value, err) || err_context(err, "reading element %zu", i);
}

/* ---- Text for people ---- */

/* Prints at most max_chars code points. */
static void print_string(struct metadata_string string, size_t max_chars, struct buf *out)
{
    size_t n_chars = 0;
    for (size_t at = 0; at < string.n_bytes; n_chars++) {
        if (n_chars == max_chars) {
            buf_text(out, "...");
            break;
        }
        uint32_t code;
        size_t n = utf8_decode(string.text + at, string.n_bytes - at, &code, NULL);
        bool is_control =
            (code < 32 && code != '\n' && code != '\t') || (code >= 127 && code < 160);
        char utf8[4];
        buf_append(out, utf8, utf8_encode(is_control ? 0xfffd : code, utf8));
        at += n;
    }
}

static void print_float(const struct metadata_value *value, struct buf *out)
{
    char text[40];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value->f);
        double back = strtod(text, NULL);
        if (value->kind == METADATA_F32 ? (float)back == (float)value->f : back == value->f) break;
    }
    buf_text(out, text);
}

static void print_number(const struct metadata_value *value, struct buf *out)
{
    if (is_float(value->kind)) {
        print_float(value, out);
    } else if (is_signed(value->kind)) {
        buf_printf(out, "%" PRId64, value->i);
    } else if (value->kind == METADATA_BOOL) {
        buf_text(out, value->u ? "true" : "false");
    } else {
        buf_printf(out, "%" PRIu64, value->u);
    }
}

static void print_array(const struct metadata_value *array, size_t max_chars, struct buf *out)
{
    buf_printf(out, "[%zu]", array->n);
    size_t start = out->n_bytes;
    for (size_t i = 0; i < array->n && !out->failed; i++) {
        buf_text(out, i ? ", " : " ");
        size_t used = out->n_bytes - start;
        if (used >= max_chars) {
            buf_text(out, "...");
            break;
        }
        struct metadata_value element = metadata_element(array, i);
        if (element.kind == METADATA_STRING) {
            print_string(element.string, max_chars - used, out);
        } else {
            print_number(&element, out);
        }
    }
}

void metadata_print(const struct metadata_value *value, size_t max_chars, struct buf *out)
{
    if (value->kind == METADATA_STRING) {
        print_string(value->string, max_chars, out);
    } else if (value->kind == METADATA_ARRAY) {
        print_array(value, max_chars, out);
    } else {
        print_number(value, out);
    }
}
