/* gguf_write.c - a source as a GGUF file, version 3.
 *
 * The header is built in memory, which fixes every tensor's place; then threads claim pieces of
 * tensors in order, read them from the source and write each at its place. Nothing but the
 * finished file ever has the wanted name.
 */
#include "engine/gguf.h"

#include "base/checksum.h"
#include "base/mem.h"
#include "base/temporary.h"
#include "engine/seal.h"
#include "engine/tools.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ALIGNMENT = 32, PIECE_BYTES = 1 << 20, MAX_THREADS = 256 };

struct writer {
    const struct source *source;
    const char *path;
    int descriptor;
    uint64_t data_at;        /* of the first tensor in the file */
    uint64_t *offsets;       /* of each tensor from there */
    struct model_seal *seal; /* of what is written, NULL: not wanted */
    gguf_progress_fn *progress;
    void *context;

    pthread_mutex_t lock; /* of all below */
    size_t i_tensor, row; /* the next piece */
    uint64_t done_bytes;
    bool stopped;
    struct err err; /* why, the first one's */
};

struct piece {
    size_t i_tensor, row, n_rows;
};

static uint64_t aligned(uint64_t offset)
{
    return (offset + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static void put_bits(struct buf *out, uint64_t bits, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++) buf_char(out, (char)(bits >> (8 * i) & 255));
}

static void put_string(struct buf *out, const char *text, size_t n_bytes)
{
    put_bits(out, n_bytes, 8);
    buf_append(out, text, n_bytes);
}

static void put_array(struct buf *out, const struct metadata_value *array)
{
    put_bits(out, array->element, 4);
    put_bits(out, array->n, 8);
    if (array->element != METADATA_STRING) {
        buf_append(out, array->items, array->n * metadata_kind_bytes(array->element));
        return;
    }
    const struct metadata_string *strings = array->items;
    for (size_t i = 0; i < array->n; i++) put_string(out, strings[i].text, strings[i].n_bytes);
}

/* How the source lies in its files is not how ours does. */
static bool is_written(const char *key)
{
    return strcmp(key, "general.alignment") != 0 && strncmp(key, "split.", strlen("split.")) != 0;
}

static void put_metadata(struct buf *out, const struct metadata *metadata)
{
    const char *key;
    for (size_t i = 0; i < metadata_count(metadata); i++) {
        const struct metadata_value *value = metadata_at(metadata, i, &key);
        if (!is_written(key)) continue;
        put_string(out, key, strlen(key));
        put_bits(out, value->kind, 4);
        if (value->kind == METADATA_STRING) {
            put_string(out, value->string.text, value->string.n_bytes);
        } else if (value->kind == METADATA_ARRAY) {
            put_array(out, value);
        } else {
            put_bits(out, metadata_to_bits(value), metadata_kind_bytes(value->kind));
        }
    }
}

static size_t count_keys(const struct metadata *metadata)
{
    size_t n = 0;
    const char *key;
    for (size_t i = 0; i < metadata_count(metadata); i++) {
        metadata_at(metadata, i, &key);
        n += is_written(key);
    }
    return n;
}

/* Everything before the data, padded; fills the offsets. Returns the bytes of the data.
 * *header_bytes: without the padding. */
static uint64_t put_header(struct buf *out, const struct source *source, uint64_t *offsets,
                           size_t *header_bytes)
{
    uint64_t offset = 0;
    buf_text(out, "GGUF");
    put_bits(out, 3, 4);
    put_bits(out, source->n_tensors, 8);
    put_bits(out, count_keys(source->metadata), 8);
    put_metadata(out, source->metadata);
    for (size_t i = 0; i < source->n_tensors; i++) {
        const struct tensor_info *tensor = &source->tensors[i];
        put_string(out, tensor->name, strlen(tensor->name));
        put_bits(out, tensor->n_dimensions, 4);
        for (size_t k = 0; k < tensor->n_dimensions; k++) put_bits(out, tensor->shape[k], 8);
        put_bits(out, tensor->type, 4);
        put_bits(out, offset, 8);
        offsets[i] = offset;
        offset = aligned(offset + (uint64_t)tensor->n_rows * tensor->row_bytes);
    }
    *header_bytes = out->n_bytes;
    while (out->n_bytes % ALIGNMENT && buf_char(out, 0)) {}
    return offset;
}

static bool fail_writing(const struct writer *writer, struct err *err)
{
    err_set_errno(err, "cannot write");
    return err_place(err, writer->path, 0, 0);
}

static bool write_at(const struct writer *writer, uint64_t offset, const void *bytes,
                     size_t n_bytes, struct err *err)
{
    const char *from = bytes;
    while (n_bytes) {
        ssize_t n = pwrite(writer->descriptor, from, n_bytes, (off_t)offset);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail_writing(writer, err);
        from += n;
        offset += (uint64_t)n;
        n_bytes -= (size_t)n;
    }
    return true;
}

static size_t piece_rows(const struct tensor_info *tensor)
{
    return tensor->row_bytes < PIECE_BYTES ? PIECE_BYTES / tensor->row_bytes : 1;
}

/* The next piece; false at the end or when somebody stopped. */
static bool claim(struct writer *writer, struct piece *piece)
{
    pthread_mutex_lock(&writer->lock);
    bool claimed = !writer->stopped && writer->i_tensor < writer->source->n_tensors;
    if (claimed) {
        const struct tensor_info *tensor = &writer->source->tensors[writer->i_tensor];
        size_t left = tensor->n_rows - writer->row, most = piece_rows(tensor);
        *piece = (struct piece){writer->i_tensor, writer->row, left < most ? left : most};
        writer->row += piece->n_rows;
        if (writer->row == tensor->n_rows) {
            writer->row = 0;
            writer->i_tensor++;
        }
    }
    pthread_mutex_unlock(&writer->lock);
    return claimed;
}

static void stop(struct writer *writer, const struct err *err)
{
    pthread_mutex_lock(&writer->lock);
    if (!writer->stopped) writer->err = *err;
    writer->stopped = true;
    pthread_mutex_unlock(&writer->lock);
}

static void report(struct writer *writer, size_t n_bytes)
{
    pthread_mutex_lock(&writer->lock);
    writer->done_bytes += n_bytes;
    if (writer->progress && !writer->stopped &&
        !writer->progress(writer->context, writer->done_bytes, writer->source->n_bytes)) {
        err_set_at(&writer->err, ERR_INTERRUPTED, writer->path, 0, 0,
                   "interrupted: nothing was written");
        writer->stopped = true;
    }
    pthread_mutex_unlock(&writer->lock);
}

static void *write_pieces(void *argument)
{
    struct writer *writer = argument;
    struct err err = {0};
    struct piece piece;
    void *bytes = NULL;
    size_t capacity = 0;
    while (claim(writer, &piece)) {
        const struct tensor_info *tensor = &writer->source->tensors[piece.i_tensor];
        size_t n_bytes = piece.n_rows * tensor->row_bytes;
        uint64_t offset = writer->data_at + writer->offsets[piece.i_tensor] +
                          (uint64_t)piece.row * tensor->row_bytes;
        if (n_bytes > capacity) {
            free(bytes);
            bytes = mem_new_aligned(n_bytes, &err);
            capacity = bytes ? n_bytes : 0;
        }
        if (!bytes ||
            !writer->source->read_rows(writer->source, tensor, piece.row, piece.n_rows, bytes,
                                       &err) ||
            !write_at(writer, offset, bytes, n_bytes, &err)) {
            stop(writer, &err);
            break;
        }
        if (writer->seal)
            seal_rows(writer->seal, writer->source, tensor, piece.row, piece.n_rows, bytes);
        report(writer, n_bytes);
    }
    free(bytes);
    return NULL;
}

/* The calling thread works too; a thread that cannot be started is done without. */
static bool write_tensors(struct writer *writer, int n_threads, struct err *err)
{
    pthread_t threads[MAX_THREADS];
    int n_started = 0;
    while (n_started < n_threads - 1 && n_started < MAX_THREADS &&
           pthread_create(&threads[n_started], NULL, write_pieces, writer) == 0) {
        n_started++;
    }
    write_pieces(writer);
    for (int i = 0; i < n_started; i++) pthread_join(threads[i], NULL);
    if (writer->stopped && err) *err = writer->err;
    return !writer->stopped;
}

static bool write_seal(struct writer *writer, uint64_t offset, const struct buf *header,
                       size_t header_bytes, struct err *err)
{
    struct buf text = {.maximum = SIZE_MAX};
    writer->seal->headers[0] = checksum(header->data, header_bytes);
    bool ok = seal_print(writer->seal, &text, err) &&
              write_at(writer, offset, text.data, text.n_bytes, err);
    buf_free(&text);
    return ok;
}

static bool write_file(struct writer *writer, int n_threads, struct err *err)
{
    size_t header_bytes;
    bool ok = false;
    struct buf header = {0};
    writer->offsets = mem_new(writer->source->n_tensors, sizeof *writer->offsets, err);
    if (!writer->offsets) goto out;
    uint64_t data_bytes = put_header(&header, writer->source, writer->offsets, &header_bytes);
    if (!buf_check(&header, err)) goto out;
    writer->data_at = header.n_bytes;
    ok = write_at(writer, 0, header.data, header.n_bytes, err) &&
         write_tensors(writer, n_threads, err);
    /* The gaps between tensors are holes, which read as zero; the last one is made here. */
    uint64_t end = writer->data_at + data_bytes;
    if (ok && ftruncate(writer->descriptor, (off_t)end) != 0) ok = fail_writing(writer, err);
    if (ok && writer->seal) ok = write_seal(writer, end, &header, header_bytes, err);
out:
    free(writer->offsets);
    buf_free(&header);
    return ok;
}

bool gguf_write(const char *path, const struct source *source, const char *hash, int n_threads,
                gguf_progress_fn *progress, void *context, struct err *err)
{
    struct writer writer = {.source = source,
                            .path = path,
                            .progress = progress,
                            .context = context,
                            .lock = PTHREAD_MUTEX_INITIALIZER};
    struct temporary temporary;
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
        return err_set_at(err, ERR_USAGE, path, 0, 0,
                          "cannot write a model over something that is not a file");
    if (hash && !(writer.seal = seal_new(source, 1, err))) return false;
    if (hash) snprintf(writer.seal->hash, sizeof writer.seal->hash, "%s", hash);
    bool ok = temporary_open(&temporary, path, err);
    writer.descriptor = temporary.file;
    ok = ok && write_file(&writer, n_threads, err) && temporary_keep(&temporary, path, err);
    if (!ok) temporary_drop(&temporary);
    model_seal_free(writer.seal);
    return ok;
}
