/* threads.h - worker threads that run one function together and meet at barriers.
 *
 * Work between two barriers is divided into shares, one for each thread, that depend on the number
 * of threads alone: threads_share. Where a step takes long, threads take parts of it as they get to
 * them: threads_take. What is computed depends on neither. Nothing locks; a thread that waits spins
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
 * affinity lets it; the others are bound to one NUMA node each, whose memory they write first, if
 * there are several nodes and enough CPUs. ERR_USAGE unless 1 <= n_threads <= THREADS_MAXIMUM. Free
 * with threads_free. */
struct threads *threads_new(int n_threads, struct err *err) __attribute__((warn_unused_result));
void threads_free(struct threads *threads);

size_t threads_count(const struct threads *threads);

/* Calls function on every thread and returns when all have finished. Not reentrant. */
void threads_run(struct threads *threads, threads_fn *function, void *context);

/* Inside a run: returns when every thread has called it; what they wrote before is then visible. */
void threads_barrier(struct threads *threads, size_t i_thread);

/* The part of n items, [begin, end), that is thread i_thread's: contiguous, sizes differ by one. */
struct range {
    size_t begin, end;
};
struct range threads_share(const struct threads *threads, size_t n, size_t i_thread);

/* Items that all threads take, a few at a time, between two barriers: each its own share first, so
 * that it meets the memory that it wrote first, then what others have not come to, so that nobody
 * waits long for a thread whose CPU is busy elsewhere. */
struct take {
    size_t n, chunk;    /* items; how many at a time, >= 1; the same on every thread */
    size_t n_used_up;   /* shares that are used up as far as this thread knows; 0 to begin with */
    struct range taken; /* out: what is this thread's to do now */
};
/* False when nothing is left to take (others may still be computing). One set of items at most
 * between two barriers of a run. */
bool threads_take(struct threads *threads, size_t i_thread, struct take *take);

#endif
