/* err.h - how a function says what went wrong.
 *
 * A function that can fail returns bool (or a pointer) and takes a `struct err *` as its last
 * parameter. It fills the error once, where the fault is found; callers only add context. Only main
 * prints errors. An `err` may be NULL where the caller does not care. Every function here is safe
 * from any thread on its own err.
 */
#ifndef PHIBENCH_BASE_ERR_H
#define PHIBENCH_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

enum err_code {
    ERR_NONE,
    ERR_USAGE,       /* the command line is wrong: exit 2 */
    ERR_CONFIG,      /* the configuration is wrong: exit 2 */
    ERR_UNSUPPORTED, /* asked for something that is not there yet: exit 2 */
    ERR_INPUT,       /* a file of the user's is malformed: exit 1 */
    ERR_IO,          /* the system refused: exit 1 */
    ERR_FULL,        /* no room is left where something was to be written: exit 1 */
    ERR_MEMORY,      /* exit 1 */
    ERR_CAPACITY,    /* does not fit now, may fit later (KV pages, a model): exit 1 */
    ERR_JOBS,        /* jobs of a run failed, the others were carried out: exit 1 */
    ERR_REGRESSION,  /* nothing failed, but what was measured is worse than allowed: exit 1 */
    ERR_UNDECIDED,   /* nothing failed, but what was measured does not tell: exit 3 */
    ERR_INTERRUPTED, /* Ctrl-C: exit 130 */
};

struct err {
    enum err_code code;
    char message[1024];
    char file[512];   /* the user's file, "" for none */
    int line, column; /* 1-based, 0 for unknown */
};

/* Fills *err with a formatted message and no place. Always returns false, so that callers can
 * `return err_set(...)`. */
bool err_set(struct err *err, enum err_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As err_set, with the place in the user's file; line and column are 1-based, 0 where they mean
 * nothing. */
bool err_set_at(struct err *err, enum err_code code, const char *file, int line, int column,
                const char *format, ...) __attribute__((format(printf, 6, 7)));

/* As err_set_at, for functions that take a format themselves. */
bool err_set_at_v(struct err *err, enum err_code code, const char *file, int line, int column,
                  const char *format, va_list args) __attribute__((format(printf, 6, 0)));

/* Fills *err from errno: "FORMAT: strerror". */
bool err_set_errno(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Gives *err a place if it has none yet. Returns false. */
bool err_place(struct err *err, const char *file, int line, int column);

/* Appends " (while FORMAT)" to the message. Returns false. */
bool err_context(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Back to ERR_NONE. */
void err_clear(struct err *err);

/* The exit status that the code stands for: 0, 1, 2, 3 or 130. */
int err_exit_status(const struct err *err);

/* Prints "FILE:LINE:COLUMN: message\n" or "phibench: message\n" to out: always one line, in which
 * what a terminal would obey is shown as visible.h says. */
void err_print(const struct err *err, FILE *out);

/* The end of a program: prints the error of what failed and returns the exit status. What failed
 * without an error is a fault of the program, and never exits 0. */
int err_finish(bool ok, struct err *err, FILE *out);

#endif
