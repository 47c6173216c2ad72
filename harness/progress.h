/* progress.h - how far a job is: a bar on a terminal, elsewhere a line now and then.
 *
 * Writes to wherever it is told, which is stderr in practice; results never go there.
 */
#ifndef PHIBENCH_HARNESS_PROGRESS_H
#define PHIBENCH_HARNESS_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct progress {
    FILE *out; /* NULL: silent */
    const char *label;
    bool is_terminal;
    int columns;
    size_t total, done, done_before; /* done_before: not of this process, so not of its speed */
    int64_t begin_ns, shown_ns;
};

/* The label is borrowed. */
void progress_begin(struct progress *progress, FILE *out, bool is_terminal, int columns,
                    const char *label, size_t total, size_t done_before);
/* Cheap: shows something a few times a second at most. */
void progress_update(struct progress *progress, size_t done);
/* An engine_progress_fn whose context is a progress; false, which ends the work, once Ctrl-C was
 * pressed. */
bool progress_of_engine(void *progress, uint64_t done, uint64_t total);
/* Takes the bar away. */
void progress_end(struct progress *progress);

#endif
