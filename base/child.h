/* child.h - runs another program, without a shell, and waits: what it wrote, how it ended, what it
 * used.
 *
 * The only place that starts processes. The program reads nothing from stdin and leads a process
 * group of its own: Ctrl-C, or a time that is up, ends it with all that it started; and it ends
 * with this process, however that is ended. Thread-safe.
 */
#ifndef PHIBENCH_BASE_CHILD_H
#define PHIBENCH_BASE_CHILD_H

#include "base/buf.h"

#include <stdint.h>

struct child_command {
    const char *const *words; /* NULL-ended: the program, looked for in PATH, and its arguments */
    const char *folder;       /* where it runs; NULL: here */
    bool joins_streams;       /* what it writes to stderr stands in `output`, in its order */
    int64_t timeout_ns;       /* 0: as long as it takes */
    /* It puts away what this process has made: Ctrl-C neither keeps it from being started nor ends
     * it, and it goes on where this process is ended. */
    bool is_cleanup;
};

/* Free with child_end_free. */
struct child_end {
    struct buf output, errors; /* at most 16 MiB of each, the rest is lost */
    bool is_missing;           /* it could not be started */
    int status;                /* its exit status, or -N if signal N ended it */
    int64_t duration_ns;
    int64_t cpu_ns; /* processor time, with that of the children that it waited for */
};

/* True once it has ended, in whatever way: see child_check. ERR_IO if it could not be started or
 * was not in time, ERR_INTERRUPTED after Ctrl-C. Fills *end in any case. */
bool child_run(const struct child_command *command, struct child_end *end, struct err *err)
    __attribute__((warn_unused_result));
void child_end_free(struct child_end *end);

/* True if it exited with 0; else ERR_IO with its name, its status and the last line that it wrote.
 */
bool child_check(const struct child_end *end, const char *name, struct err *err)
    __attribute__((warn_unused_result));

/* The words of a command line, NULL-ended, as a shell cuts them: at white space outside of quotes,
 * and a backslash takes the next character as it is, but in single quotes. Nothing else has a
 * meaning. free() it. ERR_USAGE for a quote without its end and for no words. */
char **child_split(const char *line, struct err *err) __attribute__((warn_unused_result));

#endif
