/* source_file.c - see source_file.h. Reads with pread, which threads can do at once and which says
 * what went wrong, where a page of a mapped file would end the process.
 */
#include "engine/source_file.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_READ_BYTES = 1 << 30 }; /* in one pread */

bool source_file_open(struct source_file *file, const char *path, const char *expected,
                      struct err *err)
{
    struct stat status;
    if (!(file->path = mem_copy_string(path, err))) return false;
    file->descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    file->has_descriptor = file->descriptor >= 0;
    if (!file->has_descriptor || fstat(file->descriptor, &status) != 0) {
        err_set_errno(err, "cannot open");
        return err_place(err, path, 0, 0);
    }
    if (!S_ISREG(status.st_mode))
        return err_set_at(err, ERR_INPUT, path, 0, 0, "not a file: expected %s", expected);
    file->n_bytes = (uint64_t)status.st_size;
    return true;
}

bool source_file_open_memory(struct source_file *file, const void *bytes, size_t n_bytes,
                             const char *name, struct err *err)
{
    file->memory = bytes;
    file->n_bytes = n_bytes;
    return (file->path = mem_copy_string(name, err)) != NULL;
}

void source_file_close(struct source_file *file)
{
    if (file->has_descriptor) close(file->descriptor);
    free(file->path);
    *file = (struct source_file){0};
}

bool source_file_read(const struct source_file *file, uint64_t offset, void *out, size_t n_bytes,
                      struct err *err)
{
    uint8_t *to = out;
    if (file->memory) {
        memcpy(out, file->memory + offset, n_bytes);
        return true;
    }
    while (n_bytes) {
        size_t wanted = n_bytes < MAX_READ_BYTES ? n_bytes : MAX_READ_BYTES;
        ssize_t n = pread(file->descriptor, to, wanted, (off_t)offset);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            err_set_errno(err, "cannot read");
            return err_place(err, file->path, 0, 0);
        }
        if (n == 0)
            return err_set_at(err, ERR_IO, file->path, 0, 0,
                              "byte %" PRIu64 ": the file became shorter", offset);
        to += n;
        offset += (uint64_t)n;
        n_bytes -= (size_t)n;
    }
    return true;
}
