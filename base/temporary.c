/* temporary.c - see temporary.h.
 *
 * The lock is one of the open file description, because locks of the process would let threads of
 * one process sweep each other's files. It is on a byte far behind any content: SQLite, which
 * writes such a file through a descriptor of its own, locks others.
 */
#include "base/temporary.h"

#include "base/buf.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_NAMES = 100 };
static const off_t LOCKED_BYTE = (off_t)1 << 62;

static bool fail(const char *path, const char *what, struct err *err)
{
    err_set_errno(err, "cannot %s", what);
    return err_place(err, path, 0, 0);
}

static bool take_lock(int file)
{
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCKED_BYTE, .l_len = 1};
    return fcntl(file, F_OFD_SETLK, &lock) == 0;
}

static bool has_name(int file, const char *path)
{
    struct stat here, there;
    return fstat(file, &here) == 0 && lstat(path, &there) == 0 && here.st_dev == there.st_dev &&
           here.st_ino == there.st_ino;
}

/* Where nothing can be locked, nothing is removed. A file whose owner was just done has another
 * name by now, or none, and its old name may be that of a file in use; who has the lock of the file
 * that has the name is alone to take it away. */
static void remove_if_left(const char *path)
{
    int file = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (file < 0) return;
    if (take_lock(file) && has_name(file, path)) unlink(path);
    close(file);
}

const char *temporary_ending(const char *name, const char *target)
{
    size_t n_target = strlen(target), n_tmp = strlen(".tmp");
    if (strncmp(name, target, n_target) || strncmp(name + n_target, ".tmp", n_tmp)) return NULL;
    name += n_target + n_tmp;
    for (int i = 0; i < 2; i++) { /* -PID-N */
        size_t n = *name == '-' ? strspn(name + 1, "0123456789") : 0;
        if (!n) return NULL;
        name += n + 1;
    }
    return name;
}

static void sweep(const char *path)
{
    char *folder = file_folder(path, NULL);
    char **names = NULL;
    size_t n = 0;
    if (folder && file_list(folder, &names, &n, NULL))
        for (size_t i = 0; i < n; i++) {
            const char *ending = temporary_ending(names[i], file_name(path));
            if (!ending || *ending) continue;
            char *left = file_join(folder, names[i], NULL);
            if (left) remove_if_left(left);
            free(left);
        }
    file_free_names(names, n);
    free(folder);
}

/* Another process may sweep the file between its making and its lock: then it has no name. */
static bool is_ours(int file)
{
    struct stat status;
    return (take_lock(file) || (errno != EAGAIN && errno != EACCES)) && fstat(file, &status) == 0 &&
           status.st_nlink > 0;
}

bool temporary_open(struct temporary *temporary, const char *path, struct err *err)
{
    struct buf name = {0};
    int file = -1;
    *temporary = (struct temporary){.file = -1};
    sweep(path);
    for (int i = 0; file < 0 && i < MAX_NAMES; i++) {
        buf_clear(&name);
        if (!buf_printf(&name, "%s.tmp-%ld-%d", path, (long)getpid(), i)) break;
        file = open(name.data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (file < 0 && errno != EEXIST) break;
        if (file >= 0 && !is_ours(file)) {
            close(file);
            file = -1;
            errno = EEXIST;
        }
    }
    if (file < 0 && buf_check(&name, err)) fail(path, "create", err);
    temporary->name = file >= 0 ? buf_take(&name, err) : NULL;
    buf_free(&name);
    temporary->file = file;
    if (temporary->name) return true;
    temporary_drop(temporary);
    return false;
}

bool temporary_keep(struct temporary *temporary, const char *path, struct err *err)
{
    bool ok = fsync(temporary->file) == 0 || fail(path, "write", err);
    if (ok && rename(temporary->name, path) != 0) ok = fail(path, "replace", err);
    if (!ok) {
        temporary_drop(temporary);
        return false;
    }
    if (close(temporary->file) != 0) ok = fail(path, "write", err);
    file_sync_folder_of(path);
    free(temporary->name);
    *temporary = (struct temporary){.file = -1};
    return ok;
}

void temporary_drop(struct temporary *temporary)
{
    if (temporary->name) unlink(temporary->name);
    if (temporary->file >= 0) close(temporary->file);
    free(temporary->name);
    *temporary = (struct temporary){.file = -1};
}
