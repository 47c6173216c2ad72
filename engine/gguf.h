/* gguf.h - the GGUF container, versions 2 and 3, little-endian: reading as a source, writing
 * from a source.
 *
 * Format: ggml docs/gguf.md. Every count, length and offset is checked against the file before
 * it is believed.
 */
#ifndef PHIBENCH_ENGINE_GGUF_H
#define PHIBENCH_ENGINE_GGUF_H

#include "engine/source.h"

/* Opens a model: the file, or all the files that the model was split into, whichever of them is
 * named (gguf_split.c). Metadata and tensor tables are read, tensor data is not. ERR_INPUT with the
 * path and what is wrong (and at which byte) for anything malformed: truncated, bad magic, version
 * 1 or a big-endian file, duplicate tensor names, a tensor outside the file or overlapping another,
 * row lengths that are no multiple of the block, unknown types; a file of a split model that is
 * missing, or is not the one that its name says. */
struct source *gguf_open(const char *path, struct err *err) __attribute__((warn_unused_result));

/* The same, of a model that must be what was sealed (seal.h), which outlives the source: reading
 * anything else is ERR_INPUT. */
struct source *gguf_open_sealed(const char *path, const struct model_seal *seal, struct err *err)
    __attribute__((warn_unused_result));

/* ---- One file, whatever it is a part of: for gguf_split.c ---- */
struct source *gguf_open_file(const char *path, struct err *err)
    __attribute__((warn_unused_result));
/* From here on the file must hold what was sealed. */
bool gguf_hold_to(struct source *source, const struct model_seal *seal, struct err *err)
    __attribute__((warn_unused_result));
/* What seal_hash_files needs of it. */
struct seal_file;
struct seal_file gguf_file_to_seal(const struct source *source);

/* The seal that a file ends with. ERR_INPUT for a file without one, damaged or cut. */
struct model_seal *gguf_read_seal(const char *path, struct err *err)
    __attribute__((warn_unused_result));

/* What the first bytes of a file that is no model say it is: " but an HTML page: ..."; NULL if they
 * say nothing. */
const char *gguf_describe_stranger(const void *first, size_t n);

/* gguf_open over bytes in memory (for tests and fuzzing), which must outlive the source. */
struct source *gguf_open_memory(const void *bytes, size_t n_bytes, const char *name,
                                struct err *err) __attribute__((warn_unused_result));

/* Called as rows are written, from any thread but one at a time; false stops with
 * ERR_INTERRUPTED. */
typedef bool gguf_progress_fn(void *context, uint64_t done_bytes, uint64_t total_bytes);

/* Writes a version 3 file with everything the source has, alignment 32, through a temporary file
 * beside it and rename: whole or not at all. Rows are read and written by n_threads (at least 1).
 * hash: what the file is known by, in the seal that it then ends with; NULL: no seal. progress may
 * be NULL. */
bool gguf_write(const char *path, const struct source *source, const char *hash, int n_threads,
                gguf_progress_fn *progress, void *context, struct err *err)
    __attribute__((warn_unused_result));

#endif
