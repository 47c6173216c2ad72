/* file.c - whole files and folders on plain POSIX calls.
 *
 * A file is written beside its target and renamed over it, so that a full disk or a killed process
 * leaves the old content in place. Knows nothing about formats.
 */
#include "base/file.h"

#include "base/buf.h"
#include "base/interrupt.h"
#include "base/mem.h"
#include "base/temporary.h"
#include "base/utf8.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_BYTES = 64 << 10, MAX_NAMES = 1 << 20 };

/* Sets the error of errno, with the path as its place. */
static bool fail_at(const char *path, const char *what, struct err *err)
{
    err_set_errno(err, "cannot %s", what);
    return err_place(err, path, 0, 0);
}

/* Reads to the end rather than to the size that stat gives, so that /proc works too. */
static bool read_all(int fd, const char *path, size_t maximum_bytes, struct buf *content,
                     struct err *err)
{
    for (;;) {
        char piece[READ_BYTES];
        if (!interrupt_check(err)) return false;
        ssize_t n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail_at(path, "read", err);
        if (n == 0) break;
        if ((size_t)n > maximum_bytes - content->n_bytes)
            return err_set_at(err, ERR_INPUT, path, 0, 0,
                              "the file is larger than the limit of %zu bytes", maximum_bytes);
        if (!buf_append(content, piece, (size_t)n)) break;
    }
    return buf_check(content, err) || err_place(err, path, 0, 0);
}

/* A pipe that the user's shell made for us: `... | phibench X /dev/stdin`, phibench X <(...). */
static bool is_given_pipe(const char *path, mode_t mode)
{
    return S_ISFIFO(mode) && (!strcmp(path, "/dev/stdin") || !strncmp(path, "/dev/fd/", 8));
}

int file_open(const char *path, struct err *err)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 && errno != ENXIO) fail_at(path, "open", err);
    else if (fd >= 0 && fstat(fd, &status) == 0 &&
             (S_ISREG(status.st_mode) || is_given_pipe(path, status.st_mode)) &&
             fcntl(fd, F_SETFL, 0) == 0)
        return fd;
    else if (fd >= 0 && S_ISDIR(status.st_mode)) {
        errno = EISDIR;
        fail_at(path, "read", err);
    } else
        err_set_at(err, ERR_IO, path, 0, 0,
                   "this is a pipe, a device or a socket: a regular file is expected");
    if (fd >= 0) close(fd);
    return -1;
}

char *file_read(const char *path, size_t maximum_bytes, size_t *n_bytes, struct err *err)
{
    int fd = file_open(path, err);
    if (fd < 0) return NULL;
    /* One byte for the zero: the buffer's maximum must not be what stops a file of exactly
     * maximum_bytes. */
    struct buf content = {.maximum = maximum_bytes < SIZE_MAX ? maximum_bytes + 1 : SIZE_MAX};
    char *text = NULL;
    if (read_all(fd, path, maximum_bytes, &content, err)) {
        if (n_bytes) *n_bytes = content.n_bytes;
        text = buf_take(&content, err);
    }
    buf_free(&content);
    close(fd);
    return text;
}

char *file_read_text(const char *path, size_t maximum_bytes, size_t *n_bytes, struct err *err)
{
    size_t n;
    char *text = file_read(path, maximum_bytes, &n, err);
    const char *content = text;
    if (!text) return NULL;
    if (!utf8_skip_mark(&content, &n, path, err)) {
        free(text);
        return NULL;
    }
    memmove(text, content, n + 1);
    if (n_bytes) *n_bytes = n;
    return text;
}

static bool write_all(int fd, const char *path, const void *bytes, size_t n_bytes, struct err *err)
{
    for (size_t at = 0; at < n_bytes;) {
        ssize_t n = write(fd, (const char *)bytes + at, n_bytes - at);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail_at(path, "write", err);
        at += (size_t)n;
    }
    return true;
}

/* A device or a pipe cannot be replaced by renaming a file over it. */
static bool write_in_place(const char *path, const void *bytes, size_t n_bytes, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return fail_at(path, "open for writing", err);
    bool ok = write_all(fd, path, bytes, n_bytes, err);
    if (close(fd) != 0 && ok) ok = fail_at(path, "write", err);
    return ok;
}

char *file_folder(const char *path, struct err *err)
{
    char *folder = mem_copy_string(file_name(path) == path ? "." : path, err);
    if (folder && file_name(path) != path) folder[file_name(path) - path] = 0;
    return folder;
}

void file_sync_folder_of(const char *path)
{
    char *folder = file_folder(path, NULL);
    int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
    free(folder);
}

bool file_write(const char *path, const void *bytes, size_t n_bytes, struct err *err)
{
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
        return write_in_place(path, bytes, n_bytes, err);

    struct temporary temporary;
    if (!temporary_open(&temporary, path, err)) return false;
    if (write_all(temporary.file, path, bytes, n_bytes, err))
        return temporary_keep(&temporary, path, err);
    temporary_drop(&temporary);
    return false;
}

bool file_make_folders(const char *path, struct err *err)
{
    char *prefix = mem_copy_string(path, err);
    if (!prefix) return false;
    bool ok = true;
    for (char *end = prefix; ok && *end;) {
        end += strspn(end, "/");
        end += strcspn(end, "/");
        char saved = *end;
        *end = 0;
        if (mkdir(prefix, 0777) != 0 && !file_is_folder(prefix))
            ok = fail_at(prefix, "make the folder", err);
        *end = saved;
    }
    free(prefix);
    return ok;
}

bool file_make_parent(const char *path, struct err *err)
{
    char *folder = file_folder(path, err);
    bool made = folder && file_make_folders(folder, err);
    free(folder);
    return made;
}

bool file_exists(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0;
}

bool file_is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

int64_t file_size_bytes(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? (int64_t)status.st_size : -1;
}

char *file_join(const char *folder, const char *name, struct err *err)
{
    if (name[0] == '/' || !folder[0]) return mem_copy_string(name, err);
    struct buf path = {0};
    buf_text(&path, folder);
    if (folder[strlen(folder) - 1] != '/') buf_char(&path, '/');
    buf_text(&path, name);
    return buf_take(&path, err);
}

const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool file_name_ends(const char *path, const char *end)
{
    size_t n = strlen(path), n_end = strlen(end);
    return n >= n_end && !strcmp(path + n - n_end, end);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool collect_names(DIR *stream, const char *folder, char ***names, size_t *n_names,
                          struct err *err)
{
    size_t capacity = 0;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (!entry) return errno == 0 || fail_at(folder, "read the folder", err);
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        if (!mem_grow((void **)names, &capacity, *n_names + 1, sizeof **names, MAX_NAMES, err))
            return err_place(err, folder, 0, 0);
        char *copy = mem_copy_string(entry->d_name, err);
        if (!copy) return false;
        (*names)[(*n_names)++] = copy;
    }
}

bool file_list(const char *folder, char ***names, size_t *n_names, struct err *err)
{
    *names = NULL;
    *n_names = 0;
    DIR *stream = opendir(folder);
    if (!stream) return fail_at(folder, "open the folder", err);
    bool ok = collect_names(stream, folder, names, n_names, err);
    closedir(stream);
    if (ok) {
        if (*n_names) qsort(*names, *n_names, sizeof **names, compare_names);
        return true;
    }
    file_free_names(*names, *n_names);
    *names = NULL;
    *n_names = 0;
    return false;
}

void file_free_names(char **names, size_t n_names)
{
    for (size_t i = 0; i < n_names; i++) free(names[i]);
    free(names);
}

bool file_write_in(const char *folder, const char *name, const struct buf *text, struct err *err)
{
    char *path = file_join(folder, name, err);
    bool ok =
        path && buf_check(text, err) && file_write(path, buf_string(text), text->n_bytes, err);
    free(path);
    return ok;
}
