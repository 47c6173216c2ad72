/* file.h - files and paths: read whole with a limit, write whole or not at all, make folders.
 *
 * Errors carry the path as their place. Thread-safe.
 */
#ifndef PHIBENCH_BASE_FILE_H
#define PHIBENCH_BASE_FILE_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* A descriptor to read a regular file with, or a pipe of the shell's (/dev/stdin, /dev/fd/N); -1.
 * Anything else at the path, which could be endless or have nothing to say, is refused without a
 * wait. */
int file_open(const char *path, struct err *err) __attribute__((warn_unused_result));

/* The whole of a regular file, zero-ended; *n_bytes without the zero (may be NULL). Fails past
 * maximum_bytes, and with ERR_INTERRUPTED after Ctrl-C. free() it. */
char *file_read(const char *path, size_t maximum_bytes, size_t *n_bytes, struct err *err)
    __attribute__((warn_unused_result));

/* The same of a text that a person has written: without the byte order mark that it may begin with;
 * ERR_INPUT for UTF-16 and UTF-32. */
char *file_read_text(const char *path, size_t maximum_bytes, size_t *n_bytes, struct err *err)
    __attribute__((warn_unused_result));

/* Writes to a new file (temporary.h), syncs, renames: the old content or the new, never a part. A
 * device or a pipe at PATH is written in place. */
bool file_write(const char *path, const void *bytes, size_t n_bytes, struct err *err)
    __attribute__((warn_unused_result));

struct buf;
/* The same of a text, as a file of that name in the folder; an error that the text collected is
 * told, and nothing written. */
bool file_write_in(const char *folder, const char *name, const struct buf *text, struct err *err)
    __attribute__((warn_unused_result));

/* The folder that the path's name is in, as it stands in the path, or "."; the caller free()s
 * it. */
char *file_folder(const char *path, struct err *err) __attribute__((warn_unused_result));

/* Makes the path's name durable, after a rename or a link. Not every file system allows it, and the
 * content is whole either way. */
void file_sync_folder_of(const char *path);

/* Makes every missing folder of the path, its last part included. */
bool file_make_folders(const char *path, struct err *err) __attribute__((warn_unused_result));

/* Makes every missing folder that lies before the path's last part. */
bool file_make_parent(const char *path, struct err *err) __attribute__((warn_unused_result));

bool file_exists(const char *path);
bool file_is_folder(const char *path);
/* Size in bytes, -1 if there is no such file. */
int64_t file_size_bytes(const char *path);

/* "folder/name", or name alone where it is absolute or folder is "". free() it. */
char *file_join(const char *folder, const char *name, struct err *err)
    __attribute__((warn_unused_result));

/* The part of the path after the last '/', inside path. */
const char *file_name(const char *path);
/* Whether the path ends in these bytes: ".jsonl", "dev.json". */
bool file_name_ends(const char *path, const char *end);

/* Sorted names in a folder without "." and "..", each and the array to be freed with
 * file_free_names. */
bool file_list(const char *folder, char ***names, size_t *n_names, struct err *err)
    __attribute__((warn_unused_result));
void file_free_names(char **names, size_t n_names);

#endif
