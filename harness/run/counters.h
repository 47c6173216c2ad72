/* counters.h - instructions and cycles of child processes, counted by the processor.
 *
 * Linux perf_event_open(2): opened here, inherited by whoever is started then, counted from exec
 * on, so that a program need know nothing of it. Instructions are the same in every run of the same
 * work, however busy the machine is. Many virtual machines have no counters, many systems forbid
 * them: that is no error.
 */
#ifndef PHIBENCH_HARNESS_RUN_COUNTERS_H
#define PHIBENCH_HARNESS_RUN_COUNTERS_H

#include <stdbool.h>

enum counter { COUNTER_INSTRUCTIONS, COUNTER_CYCLES, COUNTER_COUNT };

struct counters {
    int files[COUNTER_COUNT]; /* -1: not there */
    const char *fault;        /* why one is not there, in words; NULL: all are */
};

/* Counters of what this thread starts from now on until counters_close. */
void counters_open(struct counters *counters);
/* What children that have ended since the opening were counted, in user mode; 0: not known. */
double counters_read(const struct counters *counters, enum counter counter);
void counters_close(struct counters *counters);

#endif
