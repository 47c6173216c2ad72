/* mt_log.c - see mt_log.h. A line goes out in one write, so that a killed process leaves all of it
 * or nothing; where the disk is full, what a write left behind is cut off again.
 *
 * A file whose last line lacks its end gets it first: editors and others leave such files.
 */
#include "harness/cli/mt_log.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static bool fail(const struct mt_log *log, struct err *err)
{
    err_set_errno(err, "cannot write");
    return err_place(err, log->path, 0, 0);
}

static bool end_last_line(struct mt_log *log, struct err *err)
{
    char last;
    off_t size = lseek(log->file, 0, SEEK_END);
    if (size <= 0 || pread(log->file, &last, 1, size - 1) != 1 || last == '\n') return true;
    return write(log->file, "\n", 1) == 1 || fail(log, err);
}

bool mt_log_open(struct mt_log *log, const char *path, struct err *err)
{
    *log = (struct mt_log){.path = path, .file = -1};
    if (!file_make_parent(path, err)) return false;
    log->file = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    return log->file >= 0 ? end_last_line(log, err) : fail(log, err);
}

void mt_log_close(struct mt_log *log)
{
    if (log->file >= 0) close(log->file);
    log->file = -1;
}

bool mt_log_append(struct mt_log *log, const struct buf *lines, struct err *err)
{
    if (!buf_check(lines, err)) return false;
    off_t before = lseek(log->file, 0, SEEK_END);
    ssize_t n = write(log->file, buf_string(lines), lines->n_bytes);
    if (n == (ssize_t)lines->n_bytes) return true;
    if (n >= 0) errno = ENOSPC; /* a part of it went out, and no more would */
    fail(log, err);
    if (n > 0 && before >= 0 && ftruncate(log->file, before) != 0)
        err_context(err, "and a part of a line stays at the end");
    return false;
}
