/* log.h - messages on a stream, usually stderr, with a level.
 *
 * No global: whoever may speak is handed a log. Errors do not go here but into `struct err`.
 * Thread-safe.
 */
#ifndef PHIBENCH_BASE_LOG_H
#define PHIBENCH_BASE_LOG_H

#include <stdio.h>

enum log_level { LOG_QUIET, LOG_WARNINGS, LOG_INFO };

struct log {
    FILE *out; /* NULL: silent */
    enum log_level level;
};

/* Prints "phibench: warning: FORMAT\n" at LOG_WARNINGS, "phibench: FORMAT\n" at LOG_INFO: one line,
 * in which what a terminal would obey is shown as visible.h says. A NULL log says nothing. */
void log_warning(const struct log *log, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Prints a warning "LABEL: LINE" for each line of a text. */
void log_warning_lines(const struct log *log, const char *label, const char *text);
void log_info(const struct log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
