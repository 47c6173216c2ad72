/* mt_log.h - a file of lines that grows while questions are answered: after any end of the program
 * it holds whole lines.
 *
 * One writer at a time; knows nothing of what the lines say.
 */
#ifndef PHIBENCH_HARNESS_CLI_MT_LOG_H
#define PHIBENCH_HARNESS_CLI_MT_LOG_H

#include "base/buf.h"
#include "base/log.h"

struct mt_log {
    const char *path; /* borrowed */
    int file;         /* -1: not open */
};

/* Opens the file to append to, with its folder if that is missing. End with mt_log_close. */
bool mt_log_open(struct mt_log *log, const char *path, struct err *err)
    __attribute__((warn_unused_result));
/* Before such a file is read: a last line without an end that is no JSON, which a killed process or
 * a full disk left, moves to PATH.torn, and is told. Nothing to do where there is no such file. */
bool mt_log_recover(const char *path, const struct log *log, struct err *err)
    __attribute__((warn_unused_result));
void mt_log_close(struct mt_log *log);
/* Appends the text, whole lines, or nothing of it. */
bool mt_log_append(struct mt_log *log, const struct buf *lines, struct err *err)
    __attribute__((warn_unused_result));

#endif
