/* seal.c - see seal.h. A row is the unit, because embeddings are read one row at a time.
 *
 * At a file's end stand the checksums of the rows, then a tail: hash, header, number of rows, the
 * checksum of all this, and a word by which a seal is known.
 */
#include "engine/seal.h"

#include "base/buf.h"
#include "base/checksum.h"
#include "base/interrupt.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "engine/tools.h"

#include <stdlib.h>
#include <string.h>

enum { PIECE_BYTES = 1 << 20 };

struct tail {
    char hash[SEAL_HASH_BYTES - 1];
    uint64_t header, n_rows, sum;
    char word[8];
};
_Static_assert(sizeof(struct tail) == 96, "the tail is written as it lies in memory");
static const char WORD[] = "phiseal1";

/* ---- Rows ---- */

struct model_seal *seal_new(const struct source *source, size_t n_files, struct err *err)
{
    struct model_seal *seal = mem_new(1, sizeof *seal, err);
    if (!seal) return NULL;
    seal->n_files = n_files;
    seal->n_tensors = source->n_tensors;
    seal->headers = mem_new(n_files, sizeof *seal->headers, err);
    if (seal->headers) seal->first = mem_new(source->n_tensors, sizeof *seal->first, err);
    for (size_t i = 0; seal->first && i < source->n_tensors; i++) {
        seal->first[i] = seal->n_rows;
        seal->n_rows += source->tensors[i].n_rows;
    }
    if (seal->first && (seal->rows = mem_new(seal->n_rows, sizeof *seal->rows, err))) return seal;
    model_seal_free(seal);
    return NULL;
}

void model_seal_free(struct model_seal *seal)
{
    if (!seal) return;
    free(seal->headers);
    free(seal->first);
    free(seal->rows);
    free(seal);
}

struct model_seal seal_part(const struct model_seal *seal, size_t i_file, size_t i_tensor,
                            size_t n_tensors)
{
    struct model_seal part = *seal;
    part.n_files = 1;
    part.headers += i_file;
    part.n_tensors = n_tensors;
    part.first += i_tensor; /* whose values count from the first row of the whole */
    return part;
}

void seal_rows(const struct model_seal *seal, const struct source *source,
               const struct tensor_info *tensor, size_t row, size_t n_rows, const void *rows)
{
    uint64_t *sums = seal->rows + seal->first[tensor - source->tensors] + row;
    for (size_t i = 0; i < n_rows; i++)
        sums[i] = checksum((const char *)rows + i * tensor->row_bytes, tensor->row_bytes);
}

bool seal_check_rows(const struct model_seal *seal, const struct source *source,
                     const struct tensor_info *tensor, size_t row, size_t n_rows, const void *rows,
                     struct err *err)
{
    const uint64_t *sums = seal->rows + seal->first[tensor - source->tensors] + row;
    for (size_t i = 0; i < n_rows; i++)
        if (checksum((const char *)rows + i * tensor->row_bytes, tensor->row_bytes) != sums[i])
            return err_set_at(err, ERR_INPUT, source->path, 0, 0,
                              "tensor %s, row %zu: the file is damaged, or was changed after it "
                              "was hashed",
                              tensor->name, row + i);
    return true;
}

static bool refuse_file(const struct source *source, struct err *err)
{
    return err_set_at(err, ERR_INPUT, source->path, 0, 0,
                      "the file is damaged, or was changed after it was hashed");
}

bool seal_check_counts(const struct model_seal *seal, const struct source *source, struct err *err)
{
    return (source->n_files == seal->n_files && source->n_tensors == seal->n_tensors) ||
           refuse_file(source, err);
}

bool seal_check_header(const struct model_seal *seal, const struct source *source, uint64_t header,
                       struct err *err)
{
    return seal_check_counts(seal, source, err) &&
           (header == seal->headers[0] || refuse_file(source, err));
}

bool seal_check_recipe(const struct model_seal *seal, const struct source *source, struct err *err)
{
    char hash[SEAL_HASH_BYTES];
    if (!source->hash(source, hash, NULL, err)) return false;
    return !strcmp(hash, seal->hash) ||
           err_set(err, ERR_INPUT, "%s: the vocabulary was changed after it was hashed",
                   source->path);
}

/* ---- Hashing files ---- */

struct pass {
    const struct seal_file *file; /* the one that is read */
    struct sha256 *hash;
    uint8_t *bytes; /* [capacity] */
    size_t capacity;
    const struct model_seal *seal; /* of the file; NULL: not wanted */
    struct err *err;
};

static bool take(struct pass *pass, uint64_t offset, size_t n_bytes)
{
    const struct seal_file *file = pass->file;
    if (!interrupt_check(pass->err) ||
        !file->read(file->source, offset, pass->bytes, n_bytes, pass->err))
        return false;
    sha256_update(pass->hash, pass->bytes, n_bytes);
    return true;
}

/* What belongs to no tensor. */
static bool take_between(struct pass *pass, uint64_t from, uint64_t to)
{
    while (from < to) {
        size_t n = to - from < PIECE_BYTES ? (size_t)(to - from) : PIECE_BYTES;
        if (!take(pass, from, n)) return false;
        from += n;
    }
    return true;
}

static bool take_tensor(struct pass *pass, const struct tensor_info *tensor)
{
    size_t most = pass->capacity / tensor->row_bytes;
    for (size_t row = 0; row < tensor->n_rows;) {
        size_t left = tensor->n_rows - row, n = left < most ? left : most;
        if (!take(pass, tensor->offset + (uint64_t)row * tensor->row_bytes, n * tensor->row_bytes))
            return false;
        if (pass->seal) seal_rows(pass->seal, pass->file->source, tensor, row, n, pass->bytes);
        row += n;
    }
    return true;
}

static int compare_offsets(const void *a, const void *b)
{
    const struct tensor_info *const *left = a, *const *right = b;
    return ((*left)->offset > (*right)->offset) - ((*left)->offset < (*right)->offset);
}

static bool take_header(struct pass *pass)
{
    const struct seal_file *file = pass->file;
    if (!take(pass, 0, (size_t)file->header_bytes)) return false;
    if (checksum(pass->bytes, (size_t)file->header_bytes) != file->header)
        return err_set_at(pass->err, ERR_INPUT, file->source->path, 0, 0,
                          "the file changed while it was read");
    if (pass->seal) pass->seal->headers[0] = file->header;
    return true;
}

/* order: room for the file's tensors, which do not overlap. */
static bool take_file(struct pass *pass, const struct tensor_info **order)
{
    const struct source *source = pass->file->source;
    uint64_t at = pass->file->header_bytes;
    for (size_t i = 0; i < source->n_tensors; i++) order[i] = &source->tensors[i];
    qsort(order, source->n_tensors, sizeof *order, compare_offsets);
    if (!take_header(pass)) return false;
    for (size_t i = 0; i < source->n_tensors; i++) {
        if (!take_between(pass, at, order[i]->offset) || !take_tensor(pass, order[i])) return false;
        at = order[i]->offset + (uint64_t)order[i]->row_bytes * order[i]->n_rows;
    }
    return take_between(pass, at, pass->file->n_bytes);
}

/* The file that needs most: its whole header, or a row. */
static size_t capacity_for(const struct source *source, const struct seal_file *files)
{
    size_t most = PIECE_BYTES;
    for (size_t i = 0; i < source->n_files; i++)
        if (files[i].header_bytes > most) most = (size_t)files[i].header_bytes;
    for (size_t i = 0; i < source->n_tensors; i++)
        if (source->tensors[i].row_bytes > most) most = source->tensors[i].row_bytes;
    return most;
}

static bool take_files(struct pass *pass, const struct source *source,
                       const struct seal_file *files, const struct model_seal *seal)
{
    const struct tensor_info **order = mem_new(source->n_tensors, sizeof *order, pass->err);
    size_t i_tensor = 0;
    bool ok = order != NULL;
    for (size_t i = 0; ok && i < source->n_files; i++) {
        size_t n_tensors = files[i].source->n_tensors;
        struct model_seal part;
        if (seal) part = seal_part(seal, i, i_tensor, n_tensors);
        pass->file = &files[i];
        pass->seal = seal ? &part : NULL;
        ok = take_file(pass, order);
        i_tensor += n_tensors;
    }
    free(order);
    return ok;
}

bool seal_hash_files(const struct source *source, const struct seal_file *files,
                     char hex[SEAL_HASH_BYTES], struct model_seal **seal, struct err *err)
{
    struct pass pass = {.capacity = capacity_for(source, files), .err = err};
    struct model_seal *made = NULL;
    bool ok = (pass.bytes = mem_new(pass.capacity, 1, err)) && (pass.hash = sha256_new(err)) &&
              (!seal || (made = seal_new(source, source->n_files, err))) &&
              take_files(&pass, source, files, made);
    if (ok) sha256_finish(pass.hash, hex);
    if (ok && seal) {
        memcpy(made->hash, hex, SEAL_HASH_BYTES);
        *seal = made;
    } else model_seal_free(made);
    sha256_free(pass.hash);
    free(pass.bytes);
    return ok;
}

/* ---- The end of a file ---- */

static uint64_t sum_of(const struct model_seal *seal, struct tail tail)
{
    tail.sum = checksum(seal->rows, seal->n_rows * sizeof *seal->rows);
    return checksum(&tail, sizeof tail);
}

bool seal_print(const struct model_seal *seal, struct buf *out, struct err *err)
{
    struct tail tail = {.header = seal->headers[0], .n_rows = seal->n_rows};
    memcpy(tail.hash, seal->hash, sizeof tail.hash);
    memcpy(tail.word, WORD, sizeof tail.word);
    tail.sum = sum_of(seal, tail);
    buf_append(out, seal->rows, seal->n_rows * sizeof *seal->rows);
    buf_append(out, &tail, sizeof tail);
    return buf_check(out, err);
}

bool seal_read(struct model_seal *seal, const struct seal_file *file, struct err *err)
{
    struct tail tail;
    size_t rows_bytes = seal->n_rows * sizeof *seal->rows;
    uint64_t end = file->n_bytes;
    bool is_there = end >= sizeof tail && end - sizeof tail >= rows_bytes;
    if (is_there &&
        (!file->read(file->source, end - sizeof tail, &tail, sizeof tail, err) ||
         !file->read(file->source, end - sizeof tail - rows_bytes, seal->rows, rows_bytes, err)))
        return false;
    if (!is_there || memcmp(tail.word, WORD, sizeof tail.word) != 0 ||
        tail.n_rows != seal->n_rows || tail.sum != sum_of(seal, tail))
        return err_set_at(err, ERR_INPUT, file->source->path, 0, 0,
                          "the file has no seal, or a damaged one");
    memcpy(seal->hash, tail.hash, sizeof tail.hash);
    seal->hash[sizeof tail.hash] = 0;
    seal->headers[0] = tail.header;
    return true;
}
