/* safetensors.c - see safetensors.h. The header is read whole and parsed as JSON, which refuses a
 * name that stands there twice; then each tensor's entry is checked by itself, and at last all of
 * them together, in the order of their places. Knows nothing of what tensors mean.
 */
#include "engine/hf/safetensors.h"

#include "base/arena.h"
#include "base/checksum.h"
#include "base/json.h"
#include "base/mem.h"
#include "engine/gguf.h"
#include "engine/source_file.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

enum { LENGTH_BYTES = 8, MAX_NAME_BYTES = 255, MAX_TENSORS = 1 << 20 };
static const uint64_t MAX_HEADER_BYTES = 100000000; /* as the reference implementation has it */

/* Those that no block of GGUF is like are numbered from TENSOR_TYPE_LIMIT on. */
static const struct dtype {
    const char *name;
    size_t n_bytes;
} DTYPES[] = {
    {"F32", 4},     {"F16", 2}, {"BF16", 2}, {"F64", 8},  {"F8_E4M3", 1}, {"F8_E5M2", 1},
    {"F8_E8M0", 1}, {"I64", 8}, {"I32", 4},  {"I16", 2},  {"I8", 1},      {"U64", 8},
    {"U32", 4},     {"U16", 2}, {"U8", 1},   {"BOOL", 1},
};
static const enum tensor_type DECODED[] = {TENSOR_F32, TENSOR_F16, TENSOR_BF16};

const char *safetensors_dtype(enum tensor_type type)
{
    for (size_t i = 0; i < COUNT_OF(DECODED); i++)
        if (type == DECODED[i]) return DTYPES[i].name;
    return DTYPES[(size_t)type - TENSOR_TYPE_LIMIT].name;
}

struct safetensors {
    struct source source; /* first: the source's functions find the rest behind it */
    struct arena *arena;  /* names and the tensor table */
    struct tensor_info *tensors;
    struct source_file file;
    uint64_t header_bytes;         /* with its length before it */
    uint64_t header;               /* checksum of these */
    const struct model_seal *seal; /* what rows must be, NULL: whatever they are */
    const char *files[1];          /* the path */
};

__attribute__((format(printf, 3, 4))) static bool fail(const struct safetensors *safetensors,
                                                       struct err *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    err_set_at_v(err, ERR_INPUT, safetensors->file.path, 0, 0, format, args);
    va_end(args);
    return false;
}

/* ---- One tensor ---- */

/* A whole number that is no less than 0. */
static bool read_count(const struct json *value, uint64_t *count)
{
    int64_t integer = json_is_whole_number(value) ? json_as_integer(value, -1) : -1;
    *count = (uint64_t)integer;
    return integer >= 0;
}

/* It appears in messages. */
static bool check_name(const struct safetensors *safetensors, const char *name, struct err *err)
{
    size_t n = strlen(name);
    if (n < 1 || n > MAX_NAME_BYTES)
        return fail(safetensors, err, "the name of a tensor has %zu bytes: expected 1 to %d", n,
                    MAX_NAME_BYTES);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)name[i] < ' ' || name[i] == 127)
            return fail(safetensors, err, "the name of a tensor has a control character");
    return true;
}

static bool read_dtype(const struct safetensors *safetensors, const struct json *entry,
                       struct tensor_info *tensor, size_t *value_bytes, struct err *err)
{
    const char *name = json_as_string(json_get(entry, "dtype"), "");
    size_t i = 0;
    while (i < COUNT_OF(DTYPES) && strcmp(name, DTYPES[i].name) != 0) i++;
    if (i == COUNT_OF(DTYPES))
        return fail(safetensors, err,
                    "tensor '%s' has the dtype '%.32s': expected F32, F16 or BF16", tensor->name,
                    name);
    tensor->type = i < COUNT_OF(DECODED) ? DECODED[i] : (enum tensor_type)(TENSOR_TYPE_LIMIT + i);
    *value_bytes = DTYPES[i].n_bytes;
    return true;
}

/* The dimensions, which stand there slowest first; none are those of a single value. */
static bool read_shape(const struct safetensors *safetensors, const struct json *entry,
                       struct tensor_info *tensor, struct err *err)
{
    const struct json *shape = json_get(entry, "shape");
    size_t n = json_length(shape);
    if (json_kind(shape) != JSON_KIND_ARRAY || n > TENSOR_MAX_DIMENSIONS)
        return fail(safetensors, err, "tensor '%s' has no shape of at most %d numbers",
                    tensor->name, TENSOR_MAX_DIMENSIONS);
    tensor->n_dimensions = n ? n : 1;
    tensor->n_rows = 1;
    for (size_t i = 0; i < TENSOR_MAX_DIMENSIONS; i++) {
        uint64_t size = 1;
        if (i < n && (!read_count(json_at(shape, n - 1 - i), &size) || !size || size > SIZE_MAX))
            return fail(safetensors, err,
                        "tensor '%s' has a dimension that is no whole number from 1 on",
                        tensor->name);
        tensor->shape[i] = (size_t)size;
        if (i > 0 && !mem_multiply(tensor->n_rows, tensor->shape[i], &tensor->n_rows))
            return fail(safetensors, err, "tensor '%s' has an impossible shape", tensor->name);
    }
    return true;
}

/* Offsets count from the header's end; the one that is kept is the file's. */
static bool read_offsets(const struct safetensors *safetensors, const struct json *entry,
                         struct tensor_info *tensor, struct err *err)
{
    const struct json *offsets = json_get(entry, "data_offsets");
    uint64_t begin = 0, end = 0, n_data = safetensors->file.n_bytes - safetensors->header_bytes;
    size_t n_bytes;
    if (json_length(offsets) != 2 || !read_count(json_at(offsets, 0), &begin) ||
        !read_count(json_at(offsets, 1), &end) || begin > end)
        return fail(safetensors, err,
                    "tensor '%s' has no data_offsets [BEGIN, END] of whole numbers in order",
                    tensor->name);
    if (!mem_multiply(tensor->row_bytes, tensor->n_rows, &n_bytes) || end - begin != n_bytes)
        return fail(safetensors, err,
                    "tensor '%s' has %" PRIu64 " bytes in the file, but another size by its shape",
                    tensor->name, end - begin);
    if (end > n_data)
        return fail(safetensors, err,
                    "tensor '%s' ends at byte %" PRIu64 " of the data, of which the file has only "
                    "%" PRIu64 ": an unfinished download?",
                    tensor->name, end, n_data);
    tensor->offset = safetensors->header_bytes + begin;
    return true;
}

static bool read_tensor(struct safetensors *safetensors, const char *name, const struct json *entry,
                        struct tensor_info *tensor, struct err *err)
{
    if (!check_name(safetensors, name, err)) return false;
    tensor->name = arena_string(safetensors->arena, name, err);
    if (!tensor->name) return false;
    size_t value_bytes = 0;
    if (!read_dtype(safetensors, entry, tensor, &value_bytes, err) ||
        !read_shape(safetensors, entry, tensor, err))
        return false;
    if (!mem_multiply(tensor->shape[0], value_bytes, &tensor->row_bytes))
        return fail(safetensors, err, "tensor '%s' has an impossible shape", name);
    return read_offsets(safetensors, entry, tensor, err);
}

/* ---- All of them ---- */

static int compare_offsets(const void *a, const void *b)
{
    const struct tensor_info *left = a, *right = b;
    return (left->offset > right->offset) - (left->offset < right->offset);
}

/* From here on the table is in order, so that files are read from begin to end. */
static bool check_places(struct safetensors *safetensors, struct err *err)
{
    struct source *source = &safetensors->source;
    uint64_t at = safetensors->header_bytes;
    qsort(safetensors->tensors, source->n_tensors, sizeof *safetensors->tensors, compare_offsets);
    for (size_t i = 0; i < source->n_tensors; i++) {
        const struct tensor_info *tensor = &safetensors->tensors[i];
        uint64_t n_bytes = (uint64_t)tensor->row_bytes * tensor->n_rows;
        if (tensor->offset < at)
            return fail(safetensors, err, "tensor '%s' overlaps tensor '%s'", tensor->name,
                        safetensors->tensors[i - 1].name);
        if (tensor->offset > at)
            return fail(safetensors, err,
                        "byte %" PRIu64 ": %" PRIu64 " bytes before tensor '%s' are of no tensor",
                        at, tensor->offset - at, tensor->name);
        at += n_bytes;
        source->n_bytes += n_bytes;
    }
    return at == safetensors->file.n_bytes ||
           fail(safetensors, err, "byte %" PRIu64 ": the file goes on after its last tensor", at);
}

static bool read_table(struct safetensors *safetensors, const struct json *header, struct err *err)
{
    const char *name;
    const struct json *entry;
    size_t n = 0;
    if (json_kind(header) != JSON_KIND_OBJECT)
        return fail(safetensors, err, "the header is no JSON object");
    for (void *it = NULL; (it = json_next_member(header, it, &name, &entry));) n++;
    if (n > MAX_TENSORS)
        return fail(safetensors, err, "%zu tensors: expected at most %d", n, MAX_TENSORS);
    safetensors->tensors = arena_alloc(safetensors->arena, n, sizeof *safetensors->tensors, err);
    if (!safetensors->tensors) return false;
    safetensors->source.tensors = safetensors->tensors;
    for (void *it = NULL; (it = json_next_member(header, it, &name, &entry));) {
        if (strcmp(name, "__metadata__") == 0) continue; /* free text of whoever wrote it */
        struct tensor_info *tensor = &safetensors->tensors[safetensors->source.n_tensors];
        if (!read_tensor(safetensors, name, entry, tensor, err)) return false;
        safetensors->source.n_tensors++;
    }
    return check_places(safetensors, err);
}

static uint64_t from_little_endian(const uint8_t bytes[LENGTH_BYTES])
{
    uint64_t value = 0;
    for (int i = LENGTH_BYTES - 1; i >= 0; i--) value = value << 8 | bytes[i];
    return value;
}

/* Something else in the place of the file has a length that is no length. */
static bool refuse_length(const struct safetensors *safetensors, uint64_t length, struct err *err)
{
    uint8_t first[64];
    uint64_t n_bytes = safetensors->file.n_bytes;
    size_t n = n_bytes < sizeof first ? (size_t)n_bytes : sizeof first;
    if (n && !source_file_read(&safetensors->file, 0, first, n, err)) return false;
    const char *what = n < LENGTH_BYTES + 1 || first[LENGTH_BYTES] != '{'
                           ? gguf_describe_stranger(first, n)
                           : NULL;
    if (what) return fail(safetensors, err, "not a safetensors file%s", what);
    if (n_bytes < LENGTH_BYTES) return fail(safetensors, err, "the file ends inside its header");
    return fail(safetensors, err,
                "a header of %" PRIu64 " bytes: expected at most %" PRIu64 ", in a file of %" PRIu64
                "; an unfinished download?",
                length, MAX_HEADER_BYTES, n_bytes);
}

static bool read_header(struct safetensors *safetensors, struct err *err)
{
    uint8_t length_bytes[LENGTH_BYTES] = {0};
    uint64_t n_bytes = safetensors->file.n_bytes, length = 0;
    if (n_bytes >= LENGTH_BYTES) {
        if (!source_file_read(&safetensors->file, 0, length_bytes, LENGTH_BYTES, err)) return false;
        length = from_little_endian(length_bytes);
    }
    if (n_bytes < LENGTH_BYTES || length > MAX_HEADER_BYTES || length > n_bytes - LENGTH_BYTES)
        return refuse_length(safetensors, length, err);
    safetensors->header_bytes = LENGTH_BYTES + length;
    char *bytes = mem_new((size_t)safetensors->header_bytes, 1, err);
    bool ok = bytes && source_file_read(&safetensors->file, 0, bytes,
                                        (size_t)safetensors->header_bytes, err);
    struct json *header = NULL;
    if (ok) {
        safetensors->header = checksum(bytes, (size_t)safetensors->header_bytes);
        header = json_parse(bytes + LENGTH_BYTES, (size_t)length, safetensors->file.path, err);
        ok = (header || err_context(err, "reading the header of a safetensors file")) &&
             read_table(safetensors, header, err);
    }
    json_free(header);
    free(bytes);
    return ok;
}

/* ---- The source ---- */

static bool read_at(const struct source *source, uint64_t offset, void *out, size_t n_bytes,
                    struct err *err)
{
    const struct safetensors *safetensors = (const struct safetensors *)source;
    return source_file_read(&safetensors->file, offset, out, n_bytes, err);
}

static bool read_rows(const struct source *source, const struct tensor_info *tensor, size_t row,
                      size_t n_rows, void *out, struct err *err)
{
    const struct safetensors *safetensors = (const struct safetensors *)source;
    assert(row <= tensor->n_rows && n_rows <= tensor->n_rows - row);
    uint64_t offset = tensor->offset + (uint64_t)row * tensor->row_bytes;
    return read_at(source, offset, out, n_rows * tensor->row_bytes, err) &&
           (!safetensors->seal ||
            seal_check_rows(safetensors->seal, source, tensor, row, n_rows, out, err));
}

static struct seal_file to_seal(const struct source *source)
{
    const struct safetensors *safetensors = (const struct safetensors *)source;
    return (struct seal_file){.source = source,
                              .read = read_at,
                              .n_bytes = safetensors->file.n_bytes,
                              .header_bytes = safetensors->header_bytes,
                              .header = safetensors->header};
}

static bool hold_to(struct source *source, const struct model_seal *seal, struct err *err)
{
    struct safetensors *safetensors = (struct safetensors *)source;
    safetensors->seal = seal;
    return seal_check_header(seal, source, safetensors->header, err);
}

const struct part_kind SAFETENSORS_PART = {to_seal, hold_to};

static bool hash_file(const struct source *source, char hex[65], struct model_seal **seal,
                      struct err *err)
{
    const struct seal_file file = to_seal(source);
    return seal_hash_files(source, &file, hex, seal, err);
}

static void close_safetensors(struct source *source)
{
    struct safetensors *safetensors = (struct safetensors *)source;
    arena_free(safetensors->arena);
    source_file_close(&safetensors->file);
    free(safetensors);
}

/* The file, unless its opening failed, is open. */
static struct source *open_source(struct safetensors *safetensors, bool is_open, struct err *err)
{
    if (!safetensors) return NULL;
    safetensors->files[0] = safetensors->file.path;
    safetensors->source = (struct source){.path = safetensors->file.path,
                                          .files = safetensors->files,
                                          .n_files = COUNT_OF(safetensors->files),
                                          .read_rows = read_rows,
                                          .hash = hash_file,
                                          .close = close_safetensors};
    if (is_open && (safetensors->arena = arena_new(0, err)) && read_header(safetensors, err))
        return &safetensors->source;
    close_safetensors(&safetensors->source);
    return NULL;
}

struct source *safetensors_open(const char *path, struct err *err)
{
    struct safetensors *safetensors = mem_new(1, sizeof *safetensors, err);
    bool is_open =
        safetensors && source_file_open(&safetensors->file, path, "a safetensors file", err);
    return open_source(safetensors, is_open, err);
}

struct source *safetensors_open_memory(const void *bytes, size_t n_bytes, const char *name,
                                       struct err *err)
{
    struct safetensors *safetensors = mem_new(1, sizeof *safetensors, err);
    bool is_open =
        safetensors && source_file_open_memory(&safetensors->file, bytes, n_bytes, name, err);
    return open_source(safetensors, is_open, err);
}
