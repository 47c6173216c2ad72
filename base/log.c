/* log.c - see log.h.
 *
 * A message is written under the stream's own lock, so that lines of several threads do not mix.
 */
#include "base/log.h"

#include "base/visible.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 4, 0))) static void say(const struct log *log, enum log_level level,
                                                      const char *prefix, const char *format,
                                                      va_list args)
{
    if (!log || !log->out || log->level < level) return;
    char *text = NULL;
    int n = vasprintf(&text, format, args);
    flockfile(log->out);
    fputs(prefix, log->out);
    if (n >= 0) visible_print(log->out, text, (size_t)n, VISIBLE_LINE);
    else fputs(format, log->out); /* out of memory */
    fputc('\n', log->out);
    fflush(log->out);
    funlockfile(log->out);
    if (n >= 0) free(text);
}

void log_warning(const struct log *log, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(log, LOG_WARNINGS, "phibench: warning: ", format, args);
    va_end(args);
}

void log_warning_lines(const struct log *log, const char *label, const char *text)
{
    for (size_t n; *text; text += n + (text[n] == '\n')) {
        n = strcspn(text, "\n");
        log_warning(log, "%s: %.*s", label, (int)n, text);
    }
}

void log_info(const struct log *log, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(log, LOG_INFO, "phibench: ", format, args);
    va_end(args);
}
