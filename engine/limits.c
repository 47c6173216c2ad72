/* limits.c - measures what the machine can do at best: read memory, multiply-add bytes and floats.
 *
 * Rounds of some milliseconds, of all kinds and numbers of threads in turn, so that a disturbance
 * falls on all alike. The result is the median of the rounds, not the best: where a machine is
 * shared, memory has bursts that no model could live on. Each thread reads a part of its own of
 * memory that the threads themselves have touched first, much more than the caches hold.
 */
#include "engine/tools.h"

#include "base/clock.h"
#include "base/free_memory.h"
#include "base/mem.h"
#include "engine/kernels/kernels.h"
#include "engine/threads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_ROUNDS = 5 };
/* Where a sanitizer checks every load, figures mean nothing, and few bytes do for the tests. */
#ifdef __SANITIZE_ADDRESS__
static const size_t LEAST_BYTES = (size_t)8 << 20, THREAD_BYTES = (size_t)1 << 20;
#else
static const size_t LEAST_BYTES = (size_t)256 << 20, THREAD_BYTES = (size_t)32 << 20;
#endif
static const int64_t ROUND_NS = 4000000;

enum limit { LIMIT_READ, LIMIT_INT8, LIMIT_F32, LIMIT_COUNT };

/* One round; what a thread writes is alone in its cache line. */
struct probe {
    const struct kernels *kernels;
    enum limit limit;
    uint8_t *bytes;
    size_t n_bytes, n_rounds[LIMIT_COUNT];
    int64_t duration_ns;
    struct share {
        _Alignas(64) uint64_t n_done; /* bytes or multiply-adds */
        uint32_t witness;
    } * shares;
};

/* The thread's part of all bytes, in whole pieces that stream_fn takes. */
static struct range bytes_of(const struct probe *probe, struct threads *threads, size_t i_thread)
{
    struct range pieces = threads_share(threads, probe->n_bytes / STREAM_BYTES, i_thread);
    return (struct range){pieces.begin * STREAM_BYTES, pieces.end * STREAM_BYTES};
}

static void touch_share(void *context, struct threads *threads, size_t i_thread)
{
    const struct probe *probe = context;
    struct range range = bytes_of(probe, threads, i_thread);
    memset(probe->bytes + range.begin, 1, range.end - range.begin);
}

static void run_share(void *context, struct threads *threads, size_t i_thread)
{
    struct probe *probe = context;
    struct share *share = &probe->shares[i_thread];
    const struct kernels *kernels = probe->kernels;
    size_t n_rounds = probe->n_rounds[probe->limit];
    struct range range = bytes_of(probe, threads, i_thread);
    threads_barrier(threads, i_thread);
    int64_t begin_ns = clock_ns();
    switch (probe->limit) {
    case LIMIT_INT8: share->n_done = kernels->peak_int8(n_rounds, &share->witness); break;
    case LIMIT_F32: share->n_done = kernels->peak_f32(n_rounds, &share->witness); break;
    default:
        share->n_done = range.end - range.begin;
        share->witness = kernels->stream(probe->bytes + range.begin, range.end - range.begin);
        break;
    }
    threads_barrier(threads, i_thread);
    if (i_thread == 0) probe->duration_ns = clock_ns() - begin_ns;
}

/* The rate of one round, in 10^9 bytes or multiply-adds per second. */
static double measure_rate(struct probe *probe, enum limit limit, struct threads *threads)
{
    uint64_t n_done = 0;
    probe->limit = limit;
    threads_run(threads, run_share, probe);
    for (size_t i = 0; i < threads_count(threads); i++) n_done += probe->shares[i].n_done;
    return (double)n_done / (double)(probe->duration_ns > 0 ? probe->duration_ns : 1);
}

/* Finds numbers of rounds of the peaks that take long enough, and wakes cores and registers. */
static void calibrate(struct probe *probe, struct threads *threads)
{
    for (enum limit limit = LIMIT_INT8; limit < LIMIT_COUNT; limit++) {
        probe->n_rounds[limit] = 256;
        do {
            probe->n_rounds[limit] *= 2;
            measure_rate(probe, limit, threads);
        } while (probe->duration_ns < ROUND_NS);
    }
}

static double median(double *values)
{
    for (size_t i = 1; i < N_ROUNDS; i++)
        for (size_t j = i; j > 0 && values[j] < values[j - 1]; j--) {
            double larger = values[j - 1];
            values[j - 1] = values[j];
            values[j] = larger;
        }
    return values[N_ROUNDS / 2];
}

static bool measure(struct probe *probe, struct threads *const *pools, size_t n,
                    struct machine_limits *limits, struct err *err)
{
    double(*rates)[LIMIT_COUNT][N_ROUNDS] = mem_new(n, sizeof *rates, err);
    if (!rates) return false;
    for (size_t round = 0; round < N_ROUNDS; round++)
        for (enum limit limit = LIMIT_READ; limit < LIMIT_COUNT; limit++)
            for (size_t i = 0; i < n; i++)
                rates[i][limit][round] = measure_rate(probe, limit, pools[i]);
    for (size_t i = 0; i < n; i++)
        limits[i] = (struct machine_limits){.read_gb_per_s = median(rates[i][LIMIT_READ]),
                                            .int8_gmac_per_s = median(rates[i][LIMIT_INT8]),
                                            .f32_gmac_per_s = median(rates[i][LIMIT_F32])};
    free(rates);
    return true;
}

/* Several times a core's part of the caches for every thread, but no more than a quarter of the
 * memory that is left. */
static size_t choose_bytes(int n_threads)
{
    size_t n_bytes = (size_t)n_threads * THREAD_BYTES, most = (size_t)(free_memory_bytes("") / 4);
    if (n_bytes < LEAST_BYTES) n_bytes = LEAST_BYTES;
    if (n_bytes > most) n_bytes = most;
    return n_bytes - n_bytes % STREAM_BYTES;
}

bool engine_measure_limits(enum isa isa, const int *n_threads, size_t n,
                           struct machine_limits *limits, struct err *err)
{
    struct probe probe = {.kernels = kernels_for(isa)};
    struct threads **pools = mem_new(n, sizeof *pools, err);
    size_t i_largest = 0;
    bool ok = pools != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        ok = (pools[i] = threads_new(n_threads[i], err)) != NULL;
        if (n_threads[i] > n_threads[i_largest]) i_largest = i;
    }
    if (ok) probe.n_bytes = choose_bytes(n_threads[i_largest]);
    ok = ok && (probe.bytes = mem_new_aligned(probe.n_bytes, err)) &&
         (probe.shares = mem_new_aligned((size_t)n_threads[i_largest] * sizeof *probe.shares, err));
    if (ok) {
        memset(probe.shares, 0, (size_t)n_threads[i_largest] * sizeof *probe.shares);
        threads_run(pools[i_largest], touch_share, &probe);
        calibrate(&probe, pools[i_largest]);
        ok = measure(&probe, pools, n, limits, err);
    }
    for (size_t i = 0; pools && i < n; i++) threads_free(pools[i]);
    free(pools);
    free(probe.bytes);
    free(probe.shares);
    return ok;
}
