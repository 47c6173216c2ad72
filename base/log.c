/* log.c - see log.h.
 *
 * A message is written under the stream's own lock, so that lines of several threads do not mix.
 */
#include "base/log.h"

#include <stdarg.h>
#include <string.h>

__attribute__((format(printf, 4, 0))) static void say(const struct log *log, enum log_level level,
                                                      const char *prefix, const char *format,
                                                      va_list args)
{
    if (!log || !log->out || log->level < level) return;
    flockfile(log->out);
    fputs(prefix, log->out);
    vfprintf(log->out, format, args);
    fputc('\n', log->out);
    fflush(log->out);
    funlockfile(log->out);
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
