/* seal.h - what the bytes of a model's files were when they were hashed: a checksum of each row of
 * each tensor, and of what stands before the tensors in each file.
 *
 * A source that is opened with a seal gives the bytes that were sealed, or an error: what is loaded
 * and read on demand is what the hash is of, though the file is read again for it. A file may carry
 * its own seal behind its tensors, which other readers of GGUF do not look at.
 */
#ifndef PHIBENCH_ENGINE_SEAL_H
#define PHIBENCH_ENGINE_SEAL_H

#include "engine/source.h"

#include <stdint.h>

enum { SEAL_HASH_BYTES = 65 };

struct model_seal {
    char hash[SEAL_HASH_BYTES]; /* what the model is known by */
    size_t n_files;             /* 1, but for a model that is split */
    uint64_t *headers;          /* [n_files]: checksums of the bytes before the tensors */
    size_t n_tensors, n_rows;   /* of all of them */
    size_t *first;              /* [n_tensors]: where the rows of a tensor begin */
    uint64_t *rows;             /* [n_rows]: checksums, in the order of the source's table */
    /* Of a synthetic model, whose rows come from no file, only the hash is there. */
};

/* Room for the source's rows, and for the headers of the files that have or will have them. Free
 * with model_seal_free (tools.h). */
struct model_seal *seal_new(const struct source *source, size_t n_files, struct err *err)
    __attribute__((warn_unused_result));
/* The part that is of one file, as if it were the seal of that file alone: its header is the
 * i_file-th, its tensors are n_tensors from i_tensor on. Owned by the whole, which outlives it. */
struct model_seal seal_part(const struct model_seal *seal, size_t i_file, size_t i_tensor,
                            size_t n_tensors);

/* Keeps the checksums of rows as the source has them. Threads may seal distinct rows at once. */
void seal_rows(const struct model_seal *seal, const struct source *source,
               const struct tensor_info *tensor, size_t row, size_t n_rows, const void *rows);
/* Whether these are the rows that were sealed; ERR_INPUT. Thread-safe. */
bool seal_check_rows(const struct model_seal *seal, const struct source *source,
                     const struct tensor_info *tensor, size_t row, size_t n_rows, const void *rows,
                     struct err *err) __attribute__((warn_unused_result));
/* Whether the source has as many files and tensors as were sealed; ERR_INPUT. */
bool seal_check_counts(const struct model_seal *seal, const struct source *source, struct err *err)
    __attribute__((warn_unused_result));
/* Whether the source, which is one file, has the header that was sealed, and so the same tensors;
 * ERR_INPUT. */
bool seal_check_header(const struct model_seal *seal, const struct source *source, uint64_t header,
                       struct err *err) __attribute__((warn_unused_result));

/* Whether a synthetic source is of the recipe that was sealed: its vocabulary may be a file's. */
bool seal_check_recipe(const struct model_seal *seal, const struct source *source, struct err *err)
    __attribute__((warn_unused_result));

/* A file, as seal_hash_files needs it. */
struct seal_file {
    const struct source *source;
    bool (*read)(const struct source *source, uint64_t offset, void *out, size_t n_bytes,
                 struct err *err);
    uint64_t n_bytes, header_bytes;
    uint64_t header; /* checksum of the header that the source was opened with */
};
/* SHA-256 of the bytes of the files [source->n_files], one after the other, and their seal (NULL:
 * not wanted), in one pass. The source has the tensors of all of them, in their order.
 * ERR_INTERRUPTED after Ctrl-C. */
bool seal_hash_files(const struct source *source, const struct seal_file *files,
                     char hex[SEAL_HASH_BYTES], struct model_seal **seal, struct err *err)
    __attribute__((warn_unused_result));

/* The seal of one file as the bytes that it ends with, appended to `out`. */
bool seal_print(const struct model_seal *seal, struct buf *out, struct err *err)
    __attribute__((warn_unused_result));
/* Fills a new seal from the end of a file; ERR_INPUT for what is not one, damaged or cut. */
bool seal_read(struct model_seal *seal, const struct seal_file *file, struct err *err)
    __attribute__((warn_unused_result));

#endif
