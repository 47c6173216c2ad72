/* model_cache.c - see model_cache.h. One lock for the folder: quantizing takes all threads, so that
 * two at once would only be slower. Under the lock nobody else writes, so that what a killed
 * process has left half written can be taken away.
 *
 * POSIX record locks, because they name the process that is in the way.
 */
#include "harness/run/model_cache.h"

#include "base/buf.h"
#include "base/file.h"
#include "engine/tools.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HASH_DIGITS = 16 };

/* A file's path, for example "FOLDER/mini-q4_k-0123456789abcdef.gguf"; free() it. */
static char *path_of(const char *folder, const struct plan_model *model, struct err *err)
{
    const char *source = file_name(model->config->path), *dot = strrchr(source, '.');
    size_t n = dot && dot > source ? (size_t)(dot - source) : strlen(source);
    struct buf path = {0};
    buf_printf(&path, "%s/%.*s-%s-%.*s.gguf", folder, (int)n, source, model->quantization,
               HASH_DIGITS, model->hash);
    return buf_take(&path, err);
}

/* ---- The lock ---- */

static void say_who_has_it(const struct console *console, int file)
{
    struct flock other = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(file, F_GETLK, &other) == 0 && other.l_type != F_UNLCK && other.l_pid > 0)
        log_info(&console->log, "waiting for process %ld, which is making quantized files",
                 (long)other.l_pid);
    else log_info(&console->log, "waiting for another process that is making quantized files");
}

/* The descriptor of the locked file, to be closed; -1. Waits for others. */
static int lock(const struct console *console, const char *folder, struct err *err)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct buf path = {0};
    buf_printf(&path, "%s/lock", folder);
    int file = -1;
    bool ok = buf_check(&path, err);
    if (ok && (file = open(buf_string(&path), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) < 0)
        ok = err_set_errno(err, "%s: cannot open", buf_string(&path));
    if (ok && fcntl(file, F_SETLK, &whole) != 0) {
        if (errno == EACCES || errno == EAGAIN) say_who_has_it(console, file);
        if (fcntl(file, F_SETLKW, &whole) != 0)
            ok = errno == EINTR ? err_set(err, ERR_INTERRUPTED, "interrupted")
                                : err_set_errno(err, "%s: cannot lock", buf_string(&path));
    }
    buf_free(&path);
    if (ok) return file;
    if (file >= 0) close(file);
    return -1;
}

/* Removes files that gguf_write was making when its process died. */
static void remove_leftovers(const char *folder)
{
    char **names;
    size_t n;
    if (!file_list(folder, &names, &n, NULL)) return;
    for (size_t i = 0; i < n; i++) {
        char *path = strstr(names[i], ".gguf.tmp-") ? file_join(folder, names[i], NULL) : NULL;
        if (path) unlink(path);
        free(path);
    }
    file_free_names(names, n);
}

/* ---- Making ---- */

static bool make(const struct console *console, const struct plan_model *model, const char *path,
                 int n_threads, struct err *err)
{
    struct progress progress;
    log_info(&console->log, "making %s of %s: %s", model->quantization, model->config->path, path);
    progress_begin(&progress, console, "quantizing, bytes", 0, 0);
    bool ok = model_write(model->path, path, NULL, n_threads, progress_of_engine, &progress, err);
    progress_end(&progress);
    return ok;
}

static bool make_if_missing(const struct console *console, const char *folder,
                            const struct plan_model *model, const char *path, int n_threads,
                            struct err *err)
{
    if (file_exists(path)) return true;
    if (!file_make_folders(folder, err)) return false;
    int file = lock(console, folder, err);
    if (file < 0) return false;
    remove_leftovers(folder);
    bool ok = file_exists(path) || make(console, model, path, n_threads, err);
    close(file);
    return ok;
}

char *model_cache_get(const struct console *console, const char *folder,
                      const struct plan_model *model, int n_threads, struct err *err)
{
    if (!folder) {
        err_set(err, ERR_CONFIG,
                "no place for quantized files: give the configuration a folder as `cache`, or set "
                "PHIBENCH_CACHE");
        return NULL;
    }
    char *path = path_of(folder, model, err);
    if (path && make_if_missing(console, folder, model, path, n_threads, err)) return path;
    free(path);
    return NULL;
}
