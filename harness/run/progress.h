/* progress.h - the console, and how far a job is: a bar on a terminal, elsewhere a line now and
 * then.
 *
 * Writes to wherever it is told, which is stderr in practice; results never go there.
 */
#ifndef PHIBENCH_HARNESS_RUN_PROGRESS_H
#define PHIBENCH_HARNESS_RUN_PROGRESS_H

#include "base/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where long work tells its user what it does. */
struct console {
    struct log log;
    bool is_terminal; /* the log's stream is one: bars may be drawn */
    int columns;      /* of the terminal, 80 if unknown */
};
extern const struct console CONSOLE_SILENT;

struct progress {
    const struct console *console;
    const char *label;
    size_t total, done, done_before; /* done_before: not of this process, so not of its speed */
    int64_t begin_ns, shown_ns;
};

/* Console and label are borrowed until the end. */
void progress_begin(struct progress *progress, const struct console *console, const char *label,
                    size_t total, size_t done_before);
/* Cheap: shows something a few times a second at most. */
void progress_update(struct progress *progress, size_t done);
/* An engine_progress_fn whose context is a progress; false, which ends the work, once Ctrl-C was
 * pressed. */
bool progress_of_engine(void *progress, uint64_t done, uint64_t total);
/* Takes the bar away. */
void progress_end(struct progress *progress);

#endif
