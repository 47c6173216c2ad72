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

/* A file's path, for example "FOLDER/mini-q4_k-0123456789abcdef.gguf"; free() it. The model is a
 * file or a folder, whose name may stand before slashes. */
static char *path_of(const char *folder, const struct plan_model *model, struct err *err)
{
    const char *source = model->config->path;
    size_t end = strlen(source), begin;
    while (end > 1 && source[end - 1] == '/') end--;
    for (begin = end; begin > 0 && source[begin - 1] != '/';) begin--;
    const char *name = source + begin;
    size_t n = end - begin, n_ending = strlen(".gguf");
    if (n > n_ending && !memcmp(name + n - n_ending, ".gguf", n_ending)) n -= n_ending;
    struct buf path = {0};
    buf_printf(&path, "%s/%.*s-%s-%.*s.gguf", folder, (int)n, name, model->quantization,
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
    bool ok = model_write_sealed(model->path, model->seal, path, model->hash, n_threads,
                                 progress_of_engine, &progress, err);
    progress_end(&progress);
    return ok;
}

/* The seal of the file if it is the model's; otherwise NULL and why it is not. */
static struct model_seal *read_seal(const char *path, const struct plan_model *model,
                                    struct err *why)
{
    struct model_seal *seal = model_seal_read(path, why);
    if (!seal || !strcmp(model_seal_hash(seal), model->hash)) return seal;
    err_set(why, ERR_INPUT, "it is of another model");
    model_seal_free(seal);
    return NULL;
}

/* A file in place of one that is missing, or that is not to be used, for a reason that is told. */
static bool make_under_lock(const struct console *console, const char *folder,
                            const struct plan_model *model, const char *why_again, int n_threads,
                            struct cached_model *cached, struct err *err)
{
    struct err why = {0};
    int file = lock(console, folder, err);
    if (file < 0) return false;
    remove_leftovers(folder);
    bool ok = true;
    if (why_again || !(cached->seal = read_seal(cached->path, model, &why))) {
        if (file_exists(cached->path))
            log_warning(&console->log, "%s is made again: %s", cached->path,
                        why_again ? why_again : why.message);
        ok = make(console, model, cached->path, n_threads, err) &&
             (cached->seal = model_seal_read(cached->path, err)) != NULL;
    }
    close(file);
    return ok;
}

bool model_cache_get(const struct console *console, const char *folder,
                     const struct plan_model *model, const char *why_again, int n_threads,
                     struct cached_model *cached, struct err *err)
{
    *cached = (struct cached_model){0};
    if (!folder)
        return err_set(err, ERR_CONFIG,
                       "no place for quantized files: give the configuration a folder as `cache`, "
                       "or set PHIBENCH_CACHE");
    if (!(cached->path = path_of(folder, model, err))) return false;
    if (!why_again && (cached->seal = read_seal(cached->path, model, NULL))) return true;
    return file_make_folders(folder, err) &&
           make_under_lock(console, folder, model, why_again, n_threads, cached, err);
}

void cached_model_done(struct cached_model *cached)
{
    model_seal_free(cached->seal);
    free(cached->path);
    *cached = (struct cached_model){0};
}
