/* source_file.h - a file that a source reads anywhere in it, or bytes in memory in its place.
 *
 * Owned by the source; knows no format. Const after opening, so that threads read at once.
 */
#ifndef PHIBENCH_ENGINE_SOURCE_FILE_H
#define PHIBENCH_ENGINE_SOURCE_FILE_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* Zeroed: nothing is open. */
struct source_file {
    char *path;            /* as given */
    const uint8_t *memory; /* not owned; NULL: a file */
    uint64_t n_bytes;
    int descriptor;
    bool has_descriptor;
};

/* Only a regular file is opened; ERR_INPUT for anything else at the path says that `expected`, "a
 * GGUF file", is. To be closed after a failure too. */
bool source_file_open(struct source_file *file, const char *path, const char *expected,
                      struct err *err) __attribute__((warn_unused_result));
/* The bytes must outlive the file; name: for messages. */
bool source_file_open_memory(struct source_file *file, const void *bytes, size_t n_bytes,
                             const char *name, struct err *err) __attribute__((warn_unused_result));
void source_file_close(struct source_file *file);

/* Exactly n_bytes from the offset on, which lie in what the file had when it was opened. ERR_IO if
 * it became shorter. Thread-safe. */
bool source_file_read(const struct source_file *file, uint64_t offset, void *out, size_t n_bytes,
                      struct err *err) __attribute__((warn_unused_result));

#endif
