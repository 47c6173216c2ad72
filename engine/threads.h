/* threads.h - worker threads that run one function together and meet at barriers.
 *
 * Work is divided statically: who does what depends on the number of threads alone, and what is
 * computed does not depend even on that. Between barriers nothing locks; a thread that waits spins
 * for a moment and then sleeps. Knows nothing of models.
 */
#ifndef PHIBENCH_ENGINE_THREADS_H
#define PHIBENCH_ENGINE_THREADS_H

#include "base/err.h"

#include <stddef.h>

enum { THREADS_MAXIMUM = 256 };

struct threads;

/* Runs on every thread, i_thread in [0, threads_count). */
typedef void threads_fn(void *context, struct threads *threads, size_t i_thread);

/* n_threads of them, the caller's included: it is thread 0 of each run and stays where its own
 * affinity lets it; the others are pinned to one CPU each, physical cores first, if there are
 * enough. ERR_USAGE unless 1 <= n_threads <= THREADS_MAXIMUM. Free with threads_free. */
struct threads *threads_new(int n_threads, struct err *err) __attribute__((warn_unused_result));
void threads_free(struct threads *threads);

size_t threads_count(const struct threads *threads);

/* Calls function on every thread and returns when all have finished. Not reentrant. */
void threads_run(struct threads *threads, threads_fn *function, void *context);

/* Inside a run: returns when every thread has called it; what they wrote before is then visible. */
void threads_barrier(struct threads *threads);

/* The part of n items, [begin, end), that is thread i_thread's: contiguous, sizes differ by one. */
struct range {
    size_t begin, end;
};
struct range threads_share(const struct threads *threads, size_t n, size_t i_thread);

#endif
