/* err.c - see err.h.
 *
 * An error is filled without allocating, so that running out of memory can be reported; messages
 * that outgrow their buffer are cut, never lost.
 */
#include "base/err.h"

#include "base/utf8.h"
#include "base/visible.h"

#include <errno.h>
#include <string.h>

__attribute__((format(printf, 3, 0))) static void fill(struct err *err, enum err_code code,
                                                       const char *format, va_list args)
{
    *err = (struct err){.code = code};
    vsnprintf(err->message, sizeof err->message, format, args);
}

bool err_set(struct err *err, enum err_code code, const char *format, ...)
{
    if (!err) return false;
    va_list args;
    va_start(args, format);
    fill(err, code, format, args);
    va_end(args);
    return false;
}

bool err_place(struct err *err, const char *file, int line, int column)
{
    if (!err || err->file[0]) return false;
    snprintf(err->file, sizeof err->file, "%s", file ? file : "");
    err->line = line;
    err->column = column;
    return false;
}

bool err_set_at_v(struct err *err, enum err_code code, const char *file, int line, int column,
                  const char *format, va_list args)
{
    if (!err) return false;
    fill(err, code, format, args);
    return err_place(err, file, line, column);
}

bool err_set_at(struct err *err, enum err_code code, const char *file, int line, int column,
                const char *format, ...)
{
    va_list args;
    va_start(args, format);
    err_set_at_v(err, code, file, line, column, format, args);
    va_end(args);
    return false;
}

__attribute__((format(printf, 2, 0))) static void append(struct err *err, const char *format,
                                                         va_list args)
{
    size_t used = strlen(err->message);
    vsnprintf(err->message + used, sizeof err->message - used, format, args);
}

__attribute__((format(printf, 2, 3))) static void append_format(struct err *err, const char *format,
                                                                ...)
{
    va_list args;
    va_start(args, format);
    append(err, format, args);
    va_end(args);
}

/* The code of a call to the system that failed. */
static enum err_code code_of_errno(int number)
{
    if (number == ENOMEM) return ERR_MEMORY;
    return number == ENOSPC || number == EDQUOT ? ERR_FULL : ERR_IO;
}

bool err_set_errno(struct err *err, const char *format, ...)
{
    int saved = errno;
    if (!err) return false;
    va_list args;
    va_start(args, format);
    fill(err, code_of_errno(saved), format, args);
    va_end(args);
    append_format(err, ": %s", strerror(saved));
    return false;
}

bool err_context(struct err *err, const char *format, ...)
{
    if (!err) return false;
    append_format(err, " (while ");
    va_list args;
    va_start(args, format);
    append(err, format, args);
    va_end(args);
    append_format(err, ")");
    return false;
}

void err_clear(struct err *err)
{
    if (err) *err = (struct err){.code = ERR_NONE};
}

int err_exit_status(const struct err *err)
{
    switch (err->code) {
    case ERR_NONE: return 0;
    case ERR_USAGE:
    case ERR_CONFIG:
    case ERR_UNSUPPORTED: return 2;
    case ERR_UNDECIDED: return 3;
    case ERR_INTERRUPTED: return 130;
    case ERR_INPUT:
    case ERR_IO:
    case ERR_FULL:
    case ERR_JOBS:
    case ERR_REGRESSION:
    case ERR_MEMORY:
    case ERR_CAPACITY: return 1;
    }
    return 1;
}

/* What fills its buffer was cut, perhaps within a character. */
static void print_part(const char *text, size_t capacity, FILE *out)
{
    size_t n = strlen(text);
    visible_print(out, text, n + 1 < capacity ? n : utf8_complete_prefix(text, n), VISIBLE_LINE);
}

void err_print(const struct err *err, FILE *out)
{
    if (err->file[0]) print_part(err->file, sizeof err->file, out);
    else fputs("phibench", out);
    if (err->file[0] && err->line > 0) fprintf(out, ":%d", err->line);
    if (err->file[0] && err->line > 0 && err->column > 0) fprintf(out, ":%d", err->column);
    fputs(": ", out);
    print_part(err->message, sizeof err->message, out);
    fputc('\n', out);
}

int err_finish(bool ok, struct err *err, FILE *out)
{
    if (ok) return 0;
    if (err->code == ERR_NONE)
        err_set(err, ERR_IO, "failed without saying why: this is a fault of phibench");
    err_print(err, out);
    return err_exit_status(err);
}
