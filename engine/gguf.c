/* gguf.c - reading one file of the GGUF container: header and tensor table at opening, rows on
 * demand with pread. What a split model is, gguf_split.c knows.
 *
 * Everything in the header is hostile until checked: counts have limits, lengths are taken
 * through a cursor, so that no allocation is much larger than the bytes of the file that ask for
 * it. The header's length is not known before it is read, so a window of the file is parsed and,
 * if it was too short, four times as much is read and parsed anew. Knows nothing of what keys
 * and tensors mean.
 */
#include "engine/gguf.h"

#include "base/arena.h"
#include "base/checksum.h"
#include "base/cursor.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "engine/seal.h"
#include "engine/source_file.h"
#include "engine/tools.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_KEYS = 4096,
    MAX_TENSORS = 65536,
    MAX_NAME_BYTES = 255,
    MAX_ALIGNMENT = 1 << 20,
    DEFAULT_ALIGNMENT = 32,
    FIRST_WINDOW_BYTES = 1 << 20,
    MAX_HEADER_BYTES = 1 << 28,
};

struct gguf {
    struct source source; /* first: the source's functions find the rest behind it */
    struct metadata *metadata;
    struct arena *arena; /* names and the tensor table */
    struct tensor_info *tensors;
    struct source_file file;
    uint64_t header_bytes;
    uint64_t header;               /* checksum of the header */
    const struct model_seal *seal; /* what rows must be, NULL: whatever they are */
    const char *files[1];          /* the path */
};

/* What is being read, and where errors go. */
struct reader {
    struct cursor cursor;
    struct gguf *gguf;
    struct err *err;
    uint64_t n_keys, n_tensors;
};

__attribute__((format(printf, 4, 5))) static bool fail(struct reader *reader, size_t at,
                                                       enum err_code code, const char *format, ...)
{
    char problem[768];
    va_list args;
    va_start(args, format);
    vsnprintf(problem, sizeof problem, format, args);
    va_end(args);
    return err_set_at(reader->err, code, reader->gguf->file.path, 0, 0, "byte %zu: %s", at,
                      problem);
}

static bool fail_truncated(struct reader *reader, const char *where)
{
    return fail(reader, reader->cursor.at, ERR_INPUT, "the file ends inside %s", where);
}

/* The bytes stay the file's and have no zero at their end. */
static bool read_string(struct reader *reader, const char *where, struct metadata_string *string)
{
    uint64_t n = cursor_u64(&reader->cursor);
    string->text = (const char *)cursor_take(&reader->cursor, n);
    string->n_bytes = (size_t)n;
    return !reader->cursor.failed || fail_truncated(reader, where);
}

/* A key or tensor name: short, printable UTF-8, since it appears in messages. */
static bool read_name(struct reader *reader, const char *where, char name[MAX_NAME_BYTES + 1])
{
    size_t start = reader->cursor.at;
    struct metadata_string string;
    if (!read_string(reader, where, &string)) return false;
    if (string.n_bytes == 0 || string.n_bytes > MAX_NAME_BYTES) {
        return fail(reader, start, ERR_INPUT, "a name of %zu bytes in %s: expected 1 to %d",
                    string.n_bytes, where, MAX_NAME_BYTES);
    }
    for (size_t i = 0; i < string.n_bytes; i++) {
        unsigned char c = (unsigned char)string.text[i];
        if (c < ' ' || c == 127) {
            return fail(reader, start, ERR_INPUT, "a name in %s has a control character", where);
        }
    }
    if (!utf8_is_valid(string.text, string.n_bytes)) {
        return fail(reader, start, ERR_INPUT, "a name in %s is no UTF-8", where);
    }
    memcpy(name, string.text, string.n_bytes);
    name[string.n_bytes] = 0;
    return true;
}

static bool fail_stranger(struct reader *reader)
{
    const char *what = gguf_describe_stranger(reader->cursor.bytes, reader->cursor.n_bytes);
    return fail(reader, 0, ERR_INPUT, "not a GGUF file%s",
                what ? what : ": it does not begin with \"GGUF\"");
}

static bool read_preamble(struct reader *reader)
{
    const uint8_t *magic = cursor_take(&reader->cursor, 4);
    if (!magic || memcmp(magic, "GGUF", 4) != 0) return fail_stranger(reader);
    uint32_t version = cursor_u32(&reader->cursor);
    reader->n_tensors = cursor_u64(&reader->cursor);
    reader->n_keys = cursor_u64(&reader->cursor);
    if (reader->cursor.failed) return fail_truncated(reader, "the header");
    if (version != 2 && version != 3) {
        bool is_swapped = version && (version & 0xffff) == 0;
        return fail(reader, 4, ERR_INPUT,
                    is_swapped ? "a big-endian GGUF file (version field 0x%08" PRIx32
                                 "): expected little-endian"
                               : "GGUF version %" PRIu32 ": expected 2 or 3",
                    version);
    }
    if (reader->n_tensors > MAX_TENSORS) {
        return fail(reader, 8, ERR_INPUT, "%" PRIu64 " tensors: expected at most %d",
                    reader->n_tensors, MAX_TENSORS);
    }
    if (reader->n_keys > MAX_KEYS) {
        return fail(reader, 16, ERR_INPUT, "%" PRIu64 " metadata keys: expected at most %d",
                    reader->n_keys, MAX_KEYS);
    }
    return true;
}

/* The strings of an array: the caller frees *items. */
static bool read_string_array(struct reader *reader, uint64_t n, struct metadata_string **items)
{
    size_t left = reader->cursor.n_bytes - reader->cursor.at;
    if (n > left / sizeof(uint64_t)) { /* each has at least its length */
        reader->cursor.failed = true;
        return fail_truncated(reader, "an array of strings");
    }
    struct metadata_string *strings = mem_new((size_t)n, sizeof *strings, reader->err);
    *items = strings;
    if (!strings) return false;
    for (size_t i = 0; i < n; i++) {
        if (!read_string(reader, "an array of strings", &strings[i])) return false;
    }
    return true;
}

static bool read_array(struct reader *reader, const char *key)
{
    size_t start = reader->cursor.at;
    struct metadata_value value = {.kind = METADATA_ARRAY};
    uint32_t element = cursor_u32(&reader->cursor);
    uint64_t n = cursor_u64(&reader->cursor);
    value.element = (enum metadata_kind)element;
    value.n = (size_t)n;
    if (reader->cursor.failed) return fail_truncated(reader, "an array");
    if (element == METADATA_ARRAY) {
        return fail(reader, start, ERR_UNSUPPORTED, "not supported yet: '%s' is an array of arrays",
                    key);
    }
    if (element == METADATA_STRING) {
        struct metadata_string *strings = NULL;
        bool ok = read_string_array(reader, n, &strings);
        value.items = strings;
        ok = ok && metadata_set(reader->gguf->metadata, key, &value, reader->err);
        free(strings);
        return ok;
    }
    size_t width = metadata_kind_bytes(value.element), n_bytes;
    if (!width) {
        return fail(reader, start, ERR_INPUT, "'%s' is an array of unknown type %" PRIu32, key,
                    element);
    }
    if (!mem_multiply(value.n, width, &n_bytes)) n_bytes = SIZE_MAX;
    value.items = cursor_take(&reader->cursor, n_bytes);
    if (!value.items) return fail_truncated(reader, "an array");
    return metadata_set(reader->gguf->metadata, key, &value, reader->err);
}

static bool read_pair(struct reader *reader)
{
    char key[MAX_NAME_BYTES + 1];
    size_t start = reader->cursor.at;
    if (!read_name(reader, "the metadata", key)) return false;
    if (metadata_find(reader->gguf->metadata, key)) {
        return fail(reader, start, ERR_INPUT, "metadata key '%s' appears twice", key);
    }
    size_t value_at = reader->cursor.at;
    uint32_t kind = cursor_u32(&reader->cursor);
    if (reader->cursor.failed) return fail_truncated(reader, "the metadata");
    if (kind == METADATA_ARRAY) return read_array(reader, key);
    struct metadata_value value = {.kind = METADATA_STRING};
    if (kind == METADATA_STRING) {
        if (!read_string(reader, "the metadata", &value.string)) return false;
    } else {
        size_t width = metadata_kind_bytes((enum metadata_kind)kind);
        if (!width) {
            return fail(reader, value_at, ERR_INPUT, "'%s' is of unknown type %" PRIu32, key, kind);
        }
        value = metadata_from_bits((enum metadata_kind)kind,
                                   cursor_unsigned(&reader->cursor, (unsigned)width));
        if (reader->cursor.failed) return fail_truncated(reader, "the metadata");
    }
    return metadata_set(reader->gguf->metadata, key, &value, reader->err);
}

/* Dimensions, type and derived sizes; the offset is still relative to the data. */
static bool read_layout(struct reader *reader, size_t start, struct tensor_info *tensor)
{
    uint32_t n_dimensions = cursor_u32(&reader->cursor);
    if (!reader->cursor.failed && (n_dimensions < 1 || n_dimensions > TENSOR_MAX_DIMENSIONS)) {
        return fail(reader, start, ERR_INPUT,
                    "tensor '%s' has %" PRIu32 " dimensions: expected 1 to %d", tensor->name,
                    n_dimensions, TENSOR_MAX_DIMENSIONS);
    }
    tensor->n_dimensions = n_dimensions;
    tensor->n_rows = 1;
    bool fits = true;
    for (size_t i = 0; i < TENSOR_MAX_DIMENSIONS; i++) {
        uint64_t size = i < n_dimensions ? cursor_u64(&reader->cursor) : 1;
        fits = fits && size > 0 && size <= SIZE_MAX;
        tensor->shape[i] = (size_t)size;
        if (i > 0) fits = fits && mem_multiply(tensor->n_rows, tensor->shape[i], &tensor->n_rows);
    }
    uint32_t type = cursor_u32(&reader->cursor);
    tensor->offset = cursor_u64(&reader->cursor);
    if (reader->cursor.failed) return fail_truncated(reader, "the tensor table");
    const struct tensor_type_info *info = tensor_type_info(type);
    if (!info) {
        return fail(reader, start, ERR_INPUT, "tensor '%s' is of unknown type %" PRIu32,
                    tensor->name, type);
    }
    tensor->type = (enum tensor_type)type;
    if (fits && tensor->shape[0] % info->block_values) {
        return fail(reader, start, ERR_INPUT,
                    "tensor '%s' has rows of %zu values: expected a multiple of %zu for type %s",
                    tensor->name, tensor->shape[0], info->block_values, info->name);
    }
    size_t n_bytes;
    tensor->row_bytes = fits ? tensor_row_bytes(tensor->type, tensor->shape[0]) : 0;
    if (!tensor->row_bytes || !mem_multiply(tensor->row_bytes, tensor->n_rows, &n_bytes)) {
        return fail(reader, start, ERR_INPUT, "tensor '%s' has an impossible shape", tensor->name);
    }
    return true;
}

static bool read_tensor_table(struct reader *reader)
{
    enum { LEAST_ENTRY_BYTES = 8 + 1 + 4 + 8 + 4 + 8 };
    struct gguf *gguf = reader->gguf;
    if (reader->n_tensors > (reader->cursor.n_bytes - reader->cursor.at) / LEAST_ENTRY_BYTES) {
        reader->cursor.failed = true;
        return fail_truncated(reader, "the tensor table");
    }
    gguf->tensors =
        arena_alloc(gguf->arena, (size_t)reader->n_tensors, sizeof *gguf->tensors, reader->err);
    if (!gguf->tensors) return false;
    for (size_t i = 0; i < reader->n_tensors; i++) {
        char name[MAX_NAME_BYTES + 1];
        size_t start = reader->cursor.at;
        if (!read_name(reader, "the tensor table", name)) return false;
        gguf->tensors[i].name = arena_string(gguf->arena, name, reader->err);
        if (!gguf->tensors[i].name || !read_layout(reader, start, &gguf->tensors[i])) return false;
    }
    gguf->source.tensors = gguf->tensors;
    gguf->source.n_tensors = (size_t)reader->n_tensors;
    return true;
}

static bool read_alignment(struct reader *reader, size_t *alignment)
{
    int64_t value = DEFAULT_ALIGNMENT;
    const struct metadata *metadata = reader->gguf->metadata;
    if (!metadata_read_integer(metadata, "general.alignment", 1, MAX_ALIGNMENT, &value,
                               reader->err)) {
        return err_place(reader->err, reader->gguf->file.path, 0, 0);
    }
    if (value & (value - 1)) {
        return err_set_at(reader->err, ERR_INPUT, reader->gguf->file.path, 0, 0,
                          "metadata 'general.alignment' is %" PRId64 ": expected a power of two",
                          value);
    }
    *alignment = (size_t)value;
    return true;
}

/* Makes offsets absolute and checks that every tensor lies in the file. */
static bool place_tensors(struct reader *reader)
{
    struct gguf *gguf = reader->gguf;
    size_t alignment = DEFAULT_ALIGNMENT;
    if (!read_alignment(reader, &alignment)) return false;
    uint64_t data_at = (reader->cursor.at + alignment - 1) / alignment * alignment;
    uint64_t data_bytes = gguf->file.n_bytes > data_at ? gguf->file.n_bytes - data_at : 0;
    for (size_t i = 0; i < gguf->source.n_tensors; i++) {
        struct tensor_info *tensor = &gguf->tensors[i];
        uint64_t n_bytes = (uint64_t)tensor->row_bytes * tensor->n_rows;
        if (tensor->offset % alignment) {
            return fail(reader, reader->cursor.at, ERR_INPUT,
                        "tensor '%s' is at offset %" PRIu64 ": expected a multiple of %zu",
                        tensor->name, tensor->offset, alignment);
        }
        if (tensor->offset > data_bytes || n_bytes > data_bytes - tensor->offset) {
            return fail(reader, (size_t)data_at, ERR_INPUT,
                        "tensor '%s' (offset %" PRIu64 ", %" PRIu64
                        " bytes) does not fit into the %" PRIu64 " bytes of data that the file has",
                        tensor->name, tensor->offset, n_bytes, data_bytes);
        }
        tensor->offset += data_at;
        gguf->source.n_bytes += n_bytes; /* at most the file's size, unless tensors overlap */
    }
    return true;
}

static int compare_names(const void *a, const void *b)
{
    const struct tensor_info *const *left = a, *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}

static int compare_offsets(const void *a, const void *b)
{
    const struct tensor_info *const *left = a, *const *right = b;
    return ((*left)->offset > (*right)->offset) - ((*left)->offset < (*right)->offset);
}

static bool check_distinct(struct reader *reader)
{
    struct gguf *gguf = reader->gguf;
    size_t n = gguf->source.n_tensors;
    bool ok = false;
    const struct tensor_info **order = mem_new(n, sizeof *order, reader->err);
    if (!order) return false;
    for (size_t i = 0; i < n; i++) order[i] = &gguf->tensors[i];

    qsort(order, n, sizeof *order, compare_names);
    for (size_t i = 1; i < n; i++) {
        if (strcmp(order[i - 1]->name, order[i]->name) == 0) {
            fail(reader, reader->cursor.at, ERR_INPUT, "tensor '%s' appears twice", order[i]->name);
            goto out;
        }
    }
    qsort(order, n, sizeof *order, compare_offsets);
    for (size_t i = 1; i < n; i++) {
        uint64_t end =
            order[i - 1]->offset + (uint64_t)order[i - 1]->row_bytes * order[i - 1]->n_rows;
        if (end > order[i]->offset) {
            fail(reader, (size_t)order[i]->offset, ERR_INPUT, "tensor '%s' overlaps tensor '%s'",
                 order[i]->name, order[i - 1]->name);
            goto out;
        }
    }
    ok = true;
out:
    free(order);
    return ok;
}

static void forget_header(struct gguf *gguf)
{
    metadata_free(gguf->metadata);
    arena_free(gguf->arena);
    gguf->metadata = NULL;
    gguf->arena = NULL;
    gguf->tensors = NULL;
    gguf->source.metadata = NULL;
    gguf->source.tensors = NULL;
    gguf->source.n_tensors = 0;
    gguf->source.n_bytes = 0;
}

/* Parses the first n_bytes of the file; *is_short if they did not hold the whole header. */
static bool parse_header(struct gguf *gguf, const uint8_t *bytes, size_t n_bytes, bool *is_short,
                         struct err *err)
{
    struct reader reader = {
        .cursor = {.bytes = bytes, .n_bytes = n_bytes}, .gguf = gguf, .err = err};
    gguf->metadata = metadata_new(err);
    gguf->arena = arena_new(0, err);
    if (!gguf->metadata || !gguf->arena) return false;
    gguf->source.metadata = gguf->metadata;
    bool ok = read_preamble(&reader);
    for (uint64_t i = 0; ok && i < reader.n_keys; i++) ok = read_pair(&reader);
    ok = ok && read_tensor_table(&reader) && place_tensors(&reader) && check_distinct(&reader);
    *is_short = reader.cursor.failed;
    gguf->header_bytes = reader.cursor.at;
    gguf->header = checksum(bytes, reader.cursor.at);
    return ok;
}

static bool read_header(struct gguf *gguf, struct err *err)
{
    for (size_t window = FIRST_WINDOW_BYTES;; window *= 4) {
        size_t n_bytes = gguf->file.n_bytes < window ? (size_t)gguf->file.n_bytes : window;
        uint8_t *bytes = mem_new(n_bytes, 1, err);
        bool is_short = false;
        bool ok = bytes && source_file_read(&gguf->file, 0, bytes, n_bytes, err) &&
                  parse_header(gguf, bytes, n_bytes, &is_short, err);
        free(bytes);
        if (ok) return true;
        if (!is_short || n_bytes == gguf->file.n_bytes) return false;
        if (window >= MAX_HEADER_BYTES) {
            return err_set_at(err, ERR_INPUT, gguf->file.path, 0, 0,
                              "the header has more than %d bytes", MAX_HEADER_BYTES);
        }
        forget_header(gguf);
        err_clear(err);
    }
}

static bool read_at(const struct source *source, uint64_t offset, void *out, size_t n_bytes,
                    struct err *err)
{
    return source_file_read(&((const struct gguf *)source)->file, offset, out, n_bytes, err);
}

static bool read_rows(const struct source *source, const struct tensor_info *tensor, size_t row,
                      size_t n_rows, void *out, struct err *err)
{
    const struct gguf *gguf = (const struct gguf *)source;
    assert(row <= tensor->n_rows && n_rows <= tensor->n_rows - row);
    uint64_t offset = tensor->offset + (uint64_t)row * tensor->row_bytes;
    return read_at(source, offset, out, n_rows * tensor->row_bytes, err) &&
           (!gguf->seal || seal_check_rows(gguf->seal, source, tensor, row, n_rows, out, err));
}

struct seal_file gguf_file_to_seal(const struct source *source)
{
    const struct gguf *gguf = (const struct gguf *)source;
    return (struct seal_file){.source = source,
                              .read = read_at,
                              .n_bytes = gguf->file.n_bytes,
                              .header_bytes = gguf->header_bytes,
                              .header = gguf->header};
}

static bool hash_file(const struct source *source, char hex[65], struct model_seal **seal,
                      struct err *err)
{
    const struct seal_file file = gguf_file_to_seal(source);
    return seal_hash_files(source, &file, hex, seal, err);
}

static void close_gguf(struct source *source)
{
    struct gguf *gguf = (struct gguf *)source;
    forget_header(gguf);
    source_file_close(&gguf->file);
    free(gguf);
}

/* Over the file, which is open. */
static void init_source(struct gguf *gguf)
{
    gguf->files[0] = gguf->file.path;
    gguf->source.path = gguf->file.path;
    gguf->source.files = gguf->files;
    gguf->source.n_files = COUNT_OF(gguf->files);
    gguf->source.read_rows = read_rows;
    gguf->source.hash = hash_file;
    gguf->source.close = close_gguf;
}

struct source *gguf_open_file(const char *path, struct err *err)
{
    struct err own = {0};
    struct gguf *gguf = mem_new(1, sizeof *gguf, &own);
    if (gguf && source_file_open(&gguf->file, path, "a GGUF file", &own)) {
        init_source(gguf);
        if (read_header(gguf, &own)) return &gguf->source;
    }
    if (err) *err = own;
    if (gguf) close_gguf(&gguf->source);
    return NULL;
}

bool gguf_hold_to(struct source *source, const struct model_seal *seal, struct err *err)
{
    struct gguf *gguf = (struct gguf *)source;
    gguf->seal = seal;
    return seal_check_header(seal, source, gguf->header, err);
}

struct model_seal *gguf_read_seal(const char *path, struct err *err)
{
    struct source *source = gguf_open_file(path, err);
    struct model_seal *seal = source ? seal_new(source, 1, err) : NULL;
    const struct seal_file file = source ? gguf_file_to_seal(source) : (struct seal_file){0};
    if (seal && !seal_read(seal, &file, err)) {
        model_seal_free(seal);
        seal = NULL;
    }
    source_close(source);
    return seal;
}

struct source *gguf_open_memory(const void *bytes, size_t n_bytes, const char *name,
                                struct err *err)
{
    bool is_short;
    struct gguf *gguf = mem_new(1, sizeof *gguf, err);
    if (gguf && source_file_open_memory(&gguf->file, bytes, n_bytes, name, err)) {
        init_source(gguf);
        if (parse_header(gguf, bytes, n_bytes, &is_short, err)) return &gguf->source;
    }
    if (gguf) close_gguf(&gguf->source);
    return NULL;
}
