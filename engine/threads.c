/* threads.c - see threads.h. One barrier is the whole mechanism: workers wait at it for a run to
 * begin, meet at it inside the run, and meet the caller at it when the run ends.
 *
 * The barrier counts arrivals; the last to arrive resets the count and advances the generation
 * that the others watch, first spinning, then asleep on a condition variable. `n_asleep` is raised
 * before the generation is looked at for the last time, and read after it has advanced, both
 * sequentially consistent: either the sleeper sees the new generation, or the last arrival sees
 * the sleeper.
 */
#include "engine/threads.h"

#include "base/mem.h"
#include "engine/cpu.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Some 50 to 200 microseconds; where others want the CPU, they get it after a twentieth of that. */
enum { SPIN_ROUNDS = 4000, YIELD_ROUNDS = 200 };

struct worker {
    struct threads *threads;
    size_t i_thread;
    pthread_t handle;
};

struct threads {
    _Alignas(64) atomic_uint n_arrived;
    _Alignas(64) atomic_uint generation;
    _Alignas(64) atomic_uint n_asleep;
    atomic_uint n_expected; /* arrivals that make the barrier complete */
    size_t n_threads;
    size_t n_started; /* workers whose thread exists */
    unsigned spin_rounds;
    pthread_mutex_t mutex; /* only for sleeping */
    pthread_cond_t advanced;
    threads_fn *function; /* of the current run, NULL: workers return */
    void *context;
    struct worker *workers; /* [n_threads], the first unused */
};

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

void threads_barrier(struct threads *threads)
{
    unsigned generation = atomic_load_explicit(&threads->generation, memory_order_acquire);
    unsigned arrived = atomic_fetch_add_explicit(&threads->n_arrived, 1, memory_order_acq_rel) + 1;
    if (arrived == atomic_load_explicit(&threads->n_expected, memory_order_relaxed)) {
        atomic_store_explicit(&threads->n_arrived, 0, memory_order_relaxed);
        atomic_store(&threads->generation, generation + 1);
        if (atomic_load(&threads->n_asleep) == 0) return;
        pthread_mutex_lock(&threads->mutex);
        pthread_cond_broadcast(&threads->advanced);
        pthread_mutex_unlock(&threads->mutex);
        return;
    }
    for (unsigned i = 0; i < threads->spin_rounds; i++) {
        if (atomic_load_explicit(&threads->generation, memory_order_acquire) != generation) return;
        relax();
        if (i % YIELD_ROUNDS == YIELD_ROUNDS - 1) sched_yield();
    }
    pthread_mutex_lock(&threads->mutex);
    atomic_fetch_add(&threads->n_asleep, 1);
    while (atomic_load(&threads->generation) == generation)
        pthread_cond_wait(&threads->advanced, &threads->mutex);
    atomic_fetch_sub(&threads->n_asleep, 1);
    pthread_mutex_unlock(&threads->mutex);
}

static void *work(void *argument)
{
    const struct worker *worker = argument;
    struct threads *threads = worker->threads;
    for (;;) {
        threads_barrier(threads);
        if (!threads->function) return NULL;
        threads->function(threads->context, threads, worker->i_thread);
        threads_barrier(threads);
    }
}

void threads_run(struct threads *threads, threads_fn *function, void *context)
{
    threads->function = function;
    threads->context = context;
    threads_barrier(threads);
    function(context, threads, 0);
    threads_barrier(threads);
}

/* A refusal (a sandbox, a CPU that went offline) costs speed, not correctness. */
static void pin(pthread_t thread, int cpu)
{
#ifdef __linux__
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    (void)pthread_setaffinity_np(thread, sizeof set, &set);
#else
    (void)thread, (void)cpu;
#endif
}

static bool start_workers(struct threads *threads, struct err *err)
{
    struct cpu_list list;
    cpu_list_init(&list);
    bool is_oversubscribed = threads->n_threads > (list.n_cpus ? list.n_cpus : list.n_cores);
    threads->spin_rounds = is_oversubscribed ? 0 : SPIN_ROUNDS;
    for (size_t i = 1; i < threads->n_threads; i++) {
        struct worker *worker = &threads->workers[i];
        *worker = (struct worker){.threads = threads, .i_thread = i};
        int status = pthread_create(&worker->handle, NULL, work, worker);
        if (status != 0)
            return err_set(err, ERR_IO, "thread %zu of %zu could not be started: %s", i + 1,
                           threads->n_threads, strerror(status));
        threads->n_started++;
        if (i < list.n_cpus && !is_oversubscribed) pin(worker->handle, list.cpus[i]);
    }
    return true;
}

struct threads *threads_new(int n_threads, struct err *err)
{
    if (n_threads < 1 || n_threads > THREADS_MAXIMUM) {
        err_set(err, ERR_USAGE, "%d threads: the number must be from 1 to %d", n_threads,
                THREADS_MAXIMUM);
        return NULL;
    }
    struct threads *threads = mem_new_aligned(sizeof *threads, err);
    if (!threads) return NULL;
    memset(threads, 0, sizeof *threads);
    threads->n_threads = (size_t)n_threads;
    atomic_init(&threads->n_expected, (unsigned)n_threads);
    pthread_mutex_init(&threads->mutex, NULL);
    pthread_cond_init(&threads->advanced, NULL);
    threads->workers = mem_new(threads->n_threads, sizeof *threads->workers, err);
    if (!threads->workers || !start_workers(threads, err)) {
        threads_free(threads);
        return NULL;
    }
    return threads;
}

void threads_free(struct threads *threads)
{
    if (!threads) return;
    /* In a pool that never became complete, the barrier waits for those that exist. */
    atomic_store(&threads->n_expected, (unsigned)threads->n_started + 1);
    threads->function = NULL;
    threads_barrier(threads);
    for (size_t i = 1; i <= threads->n_started; i++) pthread_join(threads->workers[i].handle, NULL);
    pthread_cond_destroy(&threads->advanced);
    pthread_mutex_destroy(&threads->mutex);
    free(threads->workers);
    free(threads);
}

size_t threads_count(const struct threads *threads)
{
    return threads->n_threads;
}

struct range threads_share(const struct threads *threads, size_t n, size_t i_thread)
{
    size_t each = n / threads->n_threads, extra = n % threads->n_threads;
    size_t begin = i_thread * each + (i_thread < extra ? i_thread : extra);
    return (struct range){begin, begin + each + (i_thread < extra ? 1 : 0)};
}
