/* mt_log.c - see mt_log.h. A line goes out in one write, so that a killed process leaves all of it
 * or nothing; where the disk is full, what a write left behind is cut off again.
 *
 * A file whose last line lacks its end gets it first: editors and others leave such files.
 */
#include "harness/cli/mt_log.h"

#include "base/file.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const size_t MAX_FILE_BYTES = (size_t)1 << 30;

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

/* The last line without an end, unless it is blank or whole JSON: *n its length, 0 for none. */
static const char *find_torn(const char *text, size_t n_bytes, size_t *n)
{
    const char *end = n_bytes ? memrchr(text, '\n', n_bytes) : NULL;
    const char *last = end ? end + 1 : text;
    *n = n_bytes - (size_t)(last - text);
    struct json *value = json_parse_repaired(last, *n, "", NULL);
    bool is_blank = strspn(last, " \t\r") == *n;
    if (value || is_blank) *n = 0;
    json_free(value);
    return last;
}

/* Adds the line to the file of torn ones before it is cut off, so that nothing is lost. */
static bool move_torn(const char *path, const char *line, size_t n, size_t n_before,
                      const struct log *log, struct err *err)
{
    struct buf torn_path = {0}, lines = {0};
    struct mt_log torn = {.file = -1};
    buf_printf(&torn_path, "%s.torn", path);
    buf_append(&lines, line, n);
    buf_char(&lines, '\n');
    bool ok = buf_check(&torn_path, err) && mt_log_open(&torn, buf_string(&torn_path), err) &&
              mt_log_append(&torn, &lines, err);
    mt_log_close(&torn);
    if (ok && truncate(path, (off_t)n_before) != 0) {
        err_set_errno(err, "cannot cut off the torn last line");
        ok = err_place(err, path, 0, 0);
    }
    if (ok)
        log_warning(log, "the last line of %s is torn: it moves to %s, and its work is done anew",
                    path, buf_string(&torn_path));
    buf_free(&lines);
    buf_free(&torn_path);
    return ok;
}

bool mt_log_recover(const char *path, const struct log *log, struct err *err)
{
    size_t n_bytes, n = 0;
    if (file_size_bytes(path) <= 0) return true;
    char *text = file_read(path, MAX_FILE_BYTES, &n_bytes, err);
    const char *last = text ? find_torn(text, n_bytes, &n) : NULL;
    bool ok = text && (!n || move_torn(path, last, n, n_bytes - n, log, err));
    free(text);
    return ok;
}
