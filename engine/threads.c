/* threads.c - see threads.h. One barrier is the whole mechanism: workers wait at it for a run to
 * begin, meet at it inside the run, and meet the caller at it when the run ends.
 *
 * Arrivals are counted in groups of eight, then groups are, so that few threads contend for a cache
 * line; the last advances the generation that the others watch, first spinning, then asleep. They
 * spin without yielding: who yields to a busy process gets the CPU back milliseconds later, and a
 * token has hundreds of barriers. `n_asleep` is raised before the generation is looked at for the
 * last time, and read after it has advanced, both sequentially consistent: no sleeper is missed.
 */
#include "engine/threads.h"

#include "base/mem.h"
#include "engine/cpu.h"
#include "engine/engine.h"

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

enum {
    SPIN_ROUNDS = 4000, /* some 50 to 200 microseconds */
    GROUP_THREADS = 8,
    MAX_GROUPS = THREADS_MAXIMUM / GROUP_THREADS,
    LINE_BYTES = 64,
};

/* Arrivals, on a cache line of their own. */
struct arrivals {
    _Alignas(LINE_BYTES) atomic_uint n;
};

struct worker {
    struct threads *threads;
    size_t i_thread;
    pthread_t handle;
    atomic_int cpu; /* 1 + that on which it last had to sleep; 0: it never had to */
    /* How much of the thread's share was taken, by itself and others, in this interval between two
     * barriers and in the next. */
    _Alignas(LINE_BYTES) atomic_size_t n_taken[2];
};

struct threads {
    struct arrivals groups[MAX_GROUPS], all_groups;
    _Alignas(LINE_BYTES) atomic_uint generation;
    _Alignas(LINE_BYTES) atomic_uint n_asleep;
    _Alignas(LINE_BYTES) size_t n_threads;
    size_t n_started; /* workers whose thread exists */
    unsigned spin_rounds;
    threads_fn *function; /* of the current run, NULL: workers return */
    void *context;
    struct worker *workers; /* [n_threads], of the first only cpu and n_taken */
};

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Returns when the word is, or may be, another than `value`. */
static void sleep_while(atomic_uint *word, unsigned value)
{
#ifdef __linux__
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
#else
    (void)word, (void)value;
    nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
#endif
}

static void wake_all(atomic_uint *word)
{
#ifdef __linux__
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
#else
    (void)word;
#endif
}

/* Moves a thread that is about to sleep off the CPU where another one last did. A kernel likes to
 * put a woken thread beside the one that woke it; the two then take turns, asleep in between, and
 * no load balancer sees anything to balance. The caller is left where it is: its affinity is not
 * ours. Refusals cost speed, not correctness. */
static void leave_shared_cpu(struct threads *threads, size_t i_thread)
{
#ifdef __linux__
    int cpu = sched_getcpu();
    bool is_shared = false;
    cpu_set_t home, taken, others;
    atomic_store_explicit(&threads->workers[i_thread].cpu, cpu + 1, memory_order_relaxed);
    if (i_thread == 0 || threads->spin_rounds == 0) return;
    CPU_ZERO(&taken);
    for (size_t i = 0; i < threads->n_threads; i++) {
        int other = atomic_load_explicit(&threads->workers[i].cpu, memory_order_relaxed) - 1;
        if (i == i_thread || other < 0) continue;
        is_shared = is_shared || other == cpu;
        CPU_SET((size_t)other, &taken);
    }
    if (!is_shared || pthread_getaffinity_np(pthread_self(), sizeof home, &home) != 0) return;
    CPU_AND(&taken, &taken, &home);
    CPU_XOR(&others, &home, &taken);
    if (CPU_COUNT(&others) == 0) return;
    if (pthread_setaffinity_np(pthread_self(), sizeof others, &others) == 0)
        (void)pthread_setaffinity_np(pthread_self(), sizeof home, &home);
    atomic_store_explicit(&threads->workers[i_thread].cpu, sched_getcpu() + 1,
                          memory_order_relaxed);
#else
    (void)threads, (void)i_thread;
#endif
}

/* Counts an arrival; whether it is the last of n. */
static bool is_last(struct arrivals *arrivals, size_t n)
{
    if (atomic_fetch_add_explicit(&arrivals->n, 1, memory_order_acq_rel) + 1 != n) return false;
    atomic_store_explicit(&arrivals->n, 0, memory_order_relaxed);
    return true;
}

static void arrive(struct threads *threads, size_t i_thread, unsigned generation)
{
    /* This counter was last used before the barrier that began this interval. */
    atomic_store_explicit(&threads->workers[i_thread].n_taken[(generation + 1) % 2], 0,
                          memory_order_relaxed);
    size_t i_group = i_thread / GROUP_THREADS, first = i_group * GROUP_THREADS;
    size_t n_left = threads->n_threads - first;
    if (!is_last(&threads->groups[i_group], n_left < GROUP_THREADS ? n_left : GROUP_THREADS))
        return;
    size_t n_groups = (threads->n_threads + GROUP_THREADS - 1) / GROUP_THREADS;
    if (!is_last(&threads->all_groups, n_groups)) return;
    atomic_store(&threads->generation, generation + 1);
    if (atomic_load(&threads->n_asleep) > 0) wake_all(&threads->generation);
}

void threads_barrier(struct threads *threads, size_t i_thread)
{
    unsigned generation = atomic_load_explicit(&threads->generation, memory_order_acquire);
    arrive(threads, i_thread, generation);
    for (unsigned i = 0; i < threads->spin_rounds; i++) {
        if (atomic_load_explicit(&threads->generation, memory_order_acquire) != generation) return;
        relax();
    }
    leave_shared_cpu(threads, i_thread);
    atomic_fetch_add(&threads->n_asleep, 1);
    while (atomic_load(&threads->generation) == generation)
        sleep_while(&threads->generation, generation);
    atomic_fetch_sub(&threads->n_asleep, 1);
}

static void *work(void *argument)
{
    const struct worker *worker = argument;
    struct threads *threads = worker->threads;
    for (;;) {
        threads_barrier(threads, worker->i_thread);
        if (!threads->function) return NULL;
        threads->function(threads->context, threads, worker->i_thread);
        threads_barrier(threads, worker->i_thread);
    }
}

void threads_run(struct threads *threads, threads_fn *function, void *context)
{
    threads->function = function;
    threads->context = context;
    threads_barrier(threads, 0);
    function(context, threads, 0);
    threads_barrier(threads, 0);
}

/* Binds to the node of one CPU rather than to the CPU: another process, or a second pool, may want
 * that one too, and only the kernel knows. A refusal (a sandbox, a CPU that went offline) costs
 * speed, not correctness. */
static void bind_to_node(pthread_t thread, const struct cpu_list *list, size_t i_cpu)
{
#ifdef __linux__
    cpu_set_t set;
    CPU_ZERO(&set);
    for (size_t i = 0; i < list->n_cpus; i++)
        if (list->nodes[i] == list->nodes[i_cpu]) CPU_SET((size_t)list->cpus[i], &set);
    if ((size_t)CPU_COUNT(&set) < list->n_cpus)
        (void)pthread_setaffinity_np(thread, sizeof set, &set);
#else
    (void)thread, (void)list, (void)i_cpu;
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
        worker->threads = threads;
        worker->i_thread = i;
        int status = pthread_create(&worker->handle, NULL, work, worker);
        if (status != 0)
            return err_set(err, ERR_IO, "thread %zu of %zu could not be started: %s", i + 1,
                           threads->n_threads, strerror(status));
        threads->n_started++;
        if (i < list.n_cpus && !is_oversubscribed) bind_to_node(worker->handle, &list, i);
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
    size_t n_bytes = threads->n_threads * sizeof *threads->workers;
    threads->workers = mem_new_aligned(n_bytes, err);
    if (threads->workers) memset(threads->workers, 0, n_bytes);
    if (!threads->workers || !start_workers(threads, err)) {
        threads_free(threads);
        return NULL;
    }
    return threads;
}

void threads_free(struct threads *threads)
{
    if (!threads) return;
    threads->function = NULL;
    if (threads->n_started > 0) {
        /* In a pool that never became complete, the caller stands in for those that are missing. */
        for (size_t i = threads->n_started + 1; i < threads->n_threads; i++) arrive(threads, i, 0);
        threads_barrier(threads, 0);
    }
    for (size_t i = 1; i <= threads->n_started; i++) pthread_join(threads->workers[i].handle, NULL);
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

bool threads_take(struct threads *threads, size_t i_thread, struct take *take)
{
    unsigned generation = atomic_load_explicit(&threads->generation, memory_order_relaxed);
    for (; take->n_used_up < threads->n_threads; take->n_used_up++) {
        size_t owner = (i_thread + take->n_used_up) % threads->n_threads;
        struct range share = threads_share(threads, take->n, owner);
        size_t n_share = share.end - share.begin;
        atomic_size_t *n_taken = &threads->workers[owner].n_taken[generation % 2];
        /* Looking comes first: most shares that are not one's own are used up. */
        if (atomic_load_explicit(n_taken, memory_order_relaxed) >= n_share) continue;
        size_t at = atomic_fetch_add_explicit(n_taken, take->chunk, memory_order_relaxed);
        if (at >= n_share) continue;
        size_t n_left = n_share - at;
        take->taken.begin = share.begin + at;
        take->taken.end = take->taken.begin + (n_left < take->chunk ? n_left : take->chunk);
        return true;
    }
    return false;
}

int engine_default_threads(void)
{
    struct cpu_list list;
    cpu_list_init(&list);
    size_t n = list.n_cores, quota = cpu_quota("/proc/self/cgroup", "/sys/fs/cgroup");
    if (quota > 0 && quota < n) n = quota;
    return (int)(n < THREADS_MAXIMUM ? n : THREADS_MAXIMUM);
}
