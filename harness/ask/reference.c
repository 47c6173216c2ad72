/* reference.c - see reference.h. The file is a header of 4096 bytes of text, a table of hashes, one
 * for each chunk of the text, 0 while it is not there, and from the next multiple of 4096 on the
 * rows [n_chunks, n_scored, n_vocab], little-endian. Chunks that were never written are holes.
 */
#include "harness/ask/reference.h"

#include "base/file.h"
#include "base/interrupt.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEADER_BYTES = 4096, MAX_CHUNKS = 1 << 26, MAX_SCORED = 1 << 22, MAX_VOCAB = 1 << 24 };

struct header {
    char data_hash[SHA256_HEX_BYTES], origin[256];
    size_t n_chunks, n_scored, n_vocab;
};

struct reference {
    int file;
    char *path;
    struct header header;
    uint8_t (*hashes)[SHA256_BYTES]; /* [n_chunks] */
    size_t rows_offset, row_bytes;
};

/* ---- Bytes at an offset ---- */

/* Reads up to n bytes; *got is less where the file ends. */
static bool read_up_to(const struct reference *reference, void *bytes, size_t n, size_t offset,
                       size_t *got, struct err *err)
{
    for (*got = 0; *got < n;) {
        ssize_t more =
            pread(reference->file, (char *)bytes + *got, n - *got, (off_t)(offset + *got));
        if (more < 0 && errno == EINTR) continue;
        if (more < 0) return err_set_errno(err, "%s: cannot read", reference->path);
        if (!more) break;
        *got += (size_t)more;
    }
    return true;
}

static bool read_at(const struct reference *reference, void *bytes, size_t n, size_t offset,
                    struct err *err)
{
    size_t got;
    return read_up_to(reference, bytes, n, offset, &got, err) &&
           (got == n ||
            err_set_at(err, ERR_INPUT, reference->path, 0, 0,
                       "the file ends at byte %zu, inside of its logits", offset + got));
}

static bool write_at(const struct reference *reference, const void *bytes, size_t n, size_t offset,
                     struct err *err)
{
    for (size_t done = 0; done < n;) {
        ssize_t put =
            pwrite(reference->file, (const char *)bytes + done, n - done, (off_t)(offset + done));
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return err_set_errno(err, "%s: cannot write", reference->path);
        done += (size_t)put;
    }
    return true;
}

/* ---- Header and table ---- */

/* Computes where things stand in the file; false if the sizes are impossible. */
static bool lay_out(struct reference *reference)
{
    const struct header *header = &reference->header;
    size_t table_bytes, n_rows, all_bytes;
    if (!header->n_chunks || header->n_chunks > MAX_CHUNKS || !header->n_scored ||
        header->n_scored > MAX_SCORED || !header->n_vocab || header->n_vocab > MAX_VOCAB)
        return false;
    table_bytes = header->n_chunks * SHA256_BYTES;
    reference->row_bytes = header->n_vocab * sizeof(float);
    reference->rows_offset =
        HEADER_BYTES + (table_bytes + HEADER_BYTES - 1) / HEADER_BYTES * HEADER_BYTES;
    return mem_multiply(header->n_chunks, header->n_scored, &n_rows) &&
           mem_multiply(n_rows, reference->row_bytes, &all_bytes) && all_bytes < INT64_MAX / 2;
}

/* False with no error if the file is no reference. */
static bool parse_header(struct reference *reference, const char *text)
{
    struct header *header = &reference->header;
    int end = 0;
    sscanf(text,
           "phibench reference 1\ntext %64s\nchunks %zu\nscored %zu\nvocabulary %zu\nof "
           "%255[^\n]\n%n",
           header->data_hash, &header->n_chunks, &header->n_scored, &header->n_vocab,
           header->origin, &end);
    return end > 0 && lay_out(reference);
}

static bool read_header(struct reference *reference, struct err *err)
{
    char text[HEADER_BYTES + 1] = "";
    size_t n;
    if (!read_up_to(reference, text, HEADER_BYTES, 0, &n, err)) return false;
    if (n < HEADER_BYTES || !parse_header(reference, text))
        return err_set_at(err, ERR_INPUT, reference->path, 0, 0,
                          "this is no file of reference logits");
    size_t n_chunks = reference->header.n_chunks;
    reference->hashes = mem_new(n_chunks, sizeof *reference->hashes, err);
    return reference->hashes &&
           read_up_to(reference, reference->hashes, n_chunks * SHA256_BYTES, HEADER_BYTES, &n, err);
}

static bool write_header(struct reference *reference, const struct reference_key *key,
                         struct err *err)
{
    char text[HEADER_BYTES] = "";
    snprintf(text, sizeof text,
             "phibench reference 1\ntext %s\nchunks %zu\nscored %zu\nvocabulary %zu\nof %.255s\n",
             key->data_hash, key->n_chunks, key->n_scored, key->n_vocab, key->origin);
    if (!parse_header(reference, text))
        return err_set(err, ERR_USAGE, "%s: such a text is too long to keep logits of",
                       reference->path);
    reference->hashes = mem_new(key->n_chunks, sizeof *reference->hashes, err);
    if (!reference->hashes || !write_at(reference, text, sizeof text, 0, err)) return false;
    return ftruncate(reference->file, (off_t)reference->rows_offset) == 0 || /* no hash yet */
           err_set_errno(err, "%s: cannot write", reference->path);
}

/* ---- Opening ---- */

static struct reference *open_file(const char *path, int flags, struct err *err)
{
    struct reference *reference = mem_new(1, sizeof *reference, err);
    if (!reference) return NULL;
    struct stat status;
    reference->file = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666);
    if (reference->file < 0 || fstat(reference->file, &status) != 0)
        err_set_errno(err, "%s: cannot open", path);
    else if (!S_ISREG(status.st_mode))
        err_set(err, ERR_USAGE, "%s is no regular file: logits cannot be kept in it", path);
    else if ((reference->path = mem_copy_string(path, err))) return reference;
    reference_close(reference);
    return NULL;
}

void reference_close(struct reference *reference)
{
    if (!reference) return;
    if (reference->file >= 0) close(reference->file);
    free(reference->path);
    free(reference->hashes);
    free(reference);
}

static bool is_of_text(const struct reference *reference, const struct reference_key *key)
{
    const struct header *header = &reference->header;
    return !strcmp(header->data_hash, key->data_hash) && header->n_chunks == key->n_chunks &&
           header->n_scored == key->n_scored && header->n_vocab == key->n_vocab;
}

bool reference_forget(struct reference *reference, struct err *err)
{
    size_t n_bytes = reference->header.n_chunks * SHA256_BYTES;
    memset(reference->hashes, 0, n_bytes);
    return write_at(reference, reference->hashes, n_bytes, HEADER_BYTES, err);
}

struct reference *reference_create(const char *path, const struct reference_key *key,
                                   struct err *err)
{
    bool is_new = file_size_bytes(path) <= 0;
    struct reference *reference = open_file(path, O_RDWR | O_CREAT, err);
    bool ok =
        reference && (is_new ? write_header(reference, key, err) : read_header(reference, err));
    if (ok && !is_new &&
        (!is_of_text(reference, key) || strcmp(reference->header.origin, key->origin) != 0))
        ok = err_set(err, ERR_USAGE,
                     "%s holds other reference logits, of %s: remove it or name another file", path,
                     reference->header.origin);
    if (ok) return reference;
    reference_close(reference);
    return NULL;
}

struct reference *reference_open(const char *path, const struct reference_key *key, struct err *err)
{
    struct reference *reference = open_file(path, O_RDONLY, err);
    bool ok = reference && read_header(reference, err);
    if (ok && !is_of_text(reference, key))
        ok = err_set_at(err, ERR_INPUT, path, 0, 0,
                        "the logits are of another text, chunk length or vocabulary: %zu chunks of "
                        "%zu scored tokens, %zu logits each, in place of %zu, %zu and %zu%s",
                        reference->header.n_chunks, reference->header.n_scored,
                        reference->header.n_vocab, key->n_chunks, key->n_scored, key->n_vocab,
                        reference->header.n_chunks == key->n_chunks ? " (or other tokens)" : "");
    if (ok) return reference;
    reference_close(reference);
    return NULL;
}

/* ---- Chunks ---- */

bool reference_has(const struct reference *reference, size_t i_chunk)
{
    static const uint8_t none[SHA256_BYTES] = {0};
    return i_chunk < reference->header.n_chunks &&
           memcmp(reference->hashes[i_chunk], none, sizeof none) != 0;
}

static size_t offset_of(const struct reference *reference, size_t i_chunk, size_t i)
{
    return reference->rows_offset +
           (i_chunk * reference->header.n_scored + i) * reference->row_bytes;
}

bool reference_put_row(struct reference *reference, size_t i_chunk, size_t i, const float *logits,
                       struct err *err)
{
    return write_at(reference, logits, reference->row_bytes, offset_of(reference, i_chunk, i), err);
}

bool reference_get_row(const struct reference *reference, size_t i_chunk, size_t i, float *logits,
                       struct err *err)
{
    if (!reference_has(reference, i_chunk))
        return err_set_at(err, ERR_INPUT, reference->path, 0, 0,
                          "there are no logits of chunk %zu: fill the file with the same text, or "
                          "limit the comparison to what it holds",
                          i_chunk);
    return read_at(reference, logits, reference->row_bytes, offset_of(reference, i_chunk, i), err);
}

bool reference_put_chunk(struct reference *reference, size_t i_chunk,
                         const uint8_t hash[SHA256_BYTES], struct err *err)
{
    memcpy(reference->hashes[i_chunk], hash, SHA256_BYTES);
    return write_at(reference, hash, SHA256_BYTES, HEADER_BYTES + i_chunk * SHA256_BYTES, err);
}

bool reference_check_chunk(const struct reference *reference, size_t i_chunk,
                           const uint8_t hash[SHA256_BYTES], struct err *err)
{
    return !memcmp(reference->hashes[i_chunk], hash, SHA256_BYTES) ||
           err_set_at(err, ERR_INPUT, reference->path, 0, 0,
                      "the logits of chunk %zu are damaged: they are not those that were written",
                      i_chunk);
}

/* Whether a chunk is what was written; rows past the end of the file are not. */
static bool is_whole(const struct reference *reference, size_t i_chunk, float *row,
                     uint8_t (*hashes)[SHA256_BYTES], bool *whole, struct err *err)
{
    uint8_t hash[SHA256_BYTES];
    size_t n_rows = reference->header.n_scored, got;
    *whole = true;
    for (size_t i = 0; *whole && i < n_rows; i++) {
        if (!interrupt_check(err) || !read_up_to(reference, row, reference->row_bytes,
                                                 offset_of(reference, i_chunk, i), &got, err))
            return false;
        sha256_digest(row, reference->row_bytes, hashes[i]);
        *whole = got == reference->row_bytes;
    }
    sha256_digest(hashes, n_rows * sizeof *hashes, hash);
    *whole = *whole && !memcmp(reference->hashes[i_chunk], hash, sizeof hash);
    return true;
}

bool reference_repair(struct reference *reference, size_t *n_forgotten, struct err *err)
{
    static const uint8_t none[SHA256_BYTES] = {0};
    float *row = mem_new(1, reference->row_bytes, err);
    uint8_t(*hashes)[SHA256_BYTES] = mem_new(reference->header.n_scored, sizeof *hashes, err);
    bool ok = row && hashes, whole;
    *n_forgotten = 0;
    for (size_t i = 0; ok && i < reference->header.n_chunks; i++) {
        if (!reference_has(reference, i)) continue;
        ok = is_whole(reference, i, row, hashes, &whole, err) &&
             (whole || reference_put_chunk(reference, i, none, err));
        *n_forgotten += ok && !whole;
    }
    free(row);
    free(hashes);
    return ok;
}

bool reference_hash(const char *path, char hex[SHA256_HEX_BYTES], struct err *err)
{
    struct reference *reference = open_file(path, O_RDONLY, err);
    bool ok = reference && read_header(reference, err);
    struct sha256 *hash = ok ? sha256_new(err) : NULL;
    if (hash) {
        sha256_field(hash, reference->header.data_hash);
        sha256_update(hash, reference->hashes, reference->header.n_chunks * SHA256_BYTES);
        sha256_finish(hash, hex);
    }
    sha256_free(hash);
    reference_close(reference);
    return hash != NULL;
}
