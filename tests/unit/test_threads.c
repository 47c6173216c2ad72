/* test_threads.c - the thread pool: shares cover the work exactly once, barriers order it.
 *
 * More threads than CPUs, and pauses longer than threads spin, so that every way of waiting is
 * taken.
 */
#include "engine/cpu.h"
#include "engine/engine.h"
#include "engine/threads.h"

#include "base/file.h"
#include "tests/support/test_data.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#ifdef __has_feature
#define IS_SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define IS_SANITIZED 1
#else
#define IS_SANITIZED 0
#endif

enum { N_ITEMS = 1000, N_RUNS = 3000 };

struct job {
    unsigned visits[N_ITEMS];
    uint64_t forward[N_ITEMS], backward[N_ITEMS];
};

static void visit(void *context, struct threads *threads, size_t i_thread)
{
    struct job *job = context;
    struct range share = threads_share(threads, N_ITEMS, i_thread);
    for (size_t i = share.begin; i < share.end; i++) job->visits[i]++;
}

static void every_index_is_visited_once_in_each_of_many_runs(void **state)
{
    (void)state;
    /* 8 threads arrive at one counter of the barrier, 9 at two, 70 at nine. */
    static const int NUMBERS[] = {1, 2, 3, 8, 9, 70};
    for (size_t i_number = 0; i_number < sizeof NUMBERS / sizeof *NUMBERS; i_number++) {
        int n = NUMBERS[i_number];
        unsigned n_runs = (unsigned)(N_RUNS / n);
        struct threads *threads = threads_new(n, NULL);
        assert_non_null(threads);
        assert_int_equal(threads_count(threads), n);
        struct job *job = calloc(1, sizeof *job);
        for (unsigned run = 0; run < n_runs; run++) threads_run(threads, visit, job);
        for (size_t i = 0; i < N_ITEMS; i++) assert_int_equal(job->visits[i], n_runs);
        free(job);
        threads_free(threads);
    }
}

enum { N_ROUNDS = 40 };

/* Each round hands out another number of items, in other chunks. Thread 1 dawdles. */
static void take_items(void *context, struct threads *threads, size_t i_thread)
{
    struct job *job = context;
    for (size_t round = 0; round < N_ROUNDS; round++) {
        struct take take = {.n = N_ITEMS * round / N_ROUNDS, .chunk = 1 + round % 9};
        while (threads_take(threads, i_thread, &take)) {
            assert_in_range(take.taken.end - take.taken.begin, 1, take.chunk);
            for (size_t i = take.taken.begin; i < take.taken.end; i++) job->visits[i]++;
            if (i_thread == 1 && round % 8 == 7) usleep(1000);
        }
        threads_barrier(threads, i_thread);
    }
}

static void each_item_is_taken_once_whoever_is_slow(void **state)
{
    (void)state;
    for (int n = 1; n <= 9; n += 2) {
        struct threads *threads = threads_new(n, NULL);
        struct job *job = calloc(1, sizeof *job);
        for (int run = 0; run < 3; run++) threads_run(threads, take_items, job);
        for (size_t i = 0; i < N_ITEMS; i++) {
            unsigned n_rounds = 0;
            for (size_t round = 0; round < N_ROUNDS; round++)
                n_rounds += i < N_ITEMS * round / N_ROUNDS;
            assert_int_equal(job->visits[i], 3 * n_rounds);
        }
        free(job);
        threads_free(threads);
    }
}

struct race {
    atomic_size_t n_by_others;
};

/* Thread 1 takes one item and keeps at it until nothing else is left to take. */
static void leave_all_to_others(void *context, struct threads *threads, size_t i_thread)
{
    struct race *race = context;
    struct take take = {.n = N_ITEMS, .chunk = 1};
    while (threads_take(threads, i_thread, &take)) {
        if (i_thread != 1) race->n_by_others++;
        while (i_thread == 1 && race->n_by_others < N_ITEMS - 1) usleep(100);
    }
}

static void what_a_slow_thread_has_not_begun_is_taken_by_others(void **state)
{
    (void)state;
    struct threads *threads = threads_new(3, NULL);
    struct race race = {0};
    threads_run(threads, leave_all_to_others, &race);
    assert_in_range(race.n_by_others, N_ITEMS - 1, N_ITEMS);
    threads_free(threads);
}

/* In a process of its own, whose memory does not hold the stacks of so many threads. */
static void a_pool_that_cannot_be_completed_is_taken_down(void **state)
{
    (void)state;
#if IS_SANITIZED
    printf("SKIP: a sanitizer needs more address space than the limit of this test\n");
    skip();
#endif
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit limit = {.rlim_cur = 1 << 28, .rlim_max = 1 << 28};
        struct err err = {0};
        bool is_limited = setrlimit(RLIMIT_AS, &limit) == 0;
        struct threads *threads = threads_new(THREADS_MAXIMUM, &err);
        _exit(is_limited && !threads && err.code == ERR_IO ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* Writes a share, then reads the mirror image of it, which other threads wrote. */
static void write_then_mirror(void *context, struct threads *threads, size_t i_thread)
{
    struct job *job = context;
    struct range share = threads_share(threads, N_ITEMS, i_thread);
    for (unsigned round = 0; round < 20; round++) {
        for (size_t i = share.begin; i < share.end; i++)
            job->forward[i] = job->backward[i] + i + round;
        threads_barrier(threads, i_thread);
        for (size_t i = share.begin; i < share.end; i++)
            job->backward[i] = job->forward[N_ITEMS - 1 - i];
        threads_barrier(threads, i_thread);
    }
}

static void what_was_written_before_a_barrier_is_seen_after_it(void **state)
{
    (void)state;
    struct job *expected = calloc(1, sizeof *expected), *job = calloc(1, sizeof *job);
    struct threads *one = threads_new(1, NULL), *four = threads_new(4, NULL);
    for (int run = 0; run < 50; run++) {
        threads_run(one, write_then_mirror, expected);
        threads_run(four, write_then_mirror, job);
    }
    assert_memory_equal(job, expected, sizeof *job);
    threads_free(one);
    threads_free(four);
    free(job);
    free(expected);
}

static void sleeping_workers_wake_up(void **state)
{
    (void)state;
    struct threads *threads = threads_new(3, NULL);
    struct job *job = calloc(1, sizeof *job);
    for (int run = 0; run < 5; run++) {
        usleep(20000); /* far longer than they spin */
        threads_run(threads, visit, job);
    }
    for (size_t i = 0; i < N_ITEMS; i++) assert_int_equal(job->visits[i], 5);
    free(job);
    threads_free(threads);
}

#ifdef __linux__
/* The CPUs of the two threads in the last round; whether they were ever different. */
struct places {
    int cpus[2];
    bool were_apart;
};

static void stand_on(int cpu, cpu_set_t *before)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)cpu, &one);
    assert_int_equal(pthread_getaffinity_np(pthread_self(), sizeof *before, before), 0);
    assert_int_equal(pthread_setaffinity_np(pthread_self(), sizeof one, &one), 0);
}

/* Thread 1 goes to the CPU of thread 0, as a kernel that wakes it would put it, and is free to
 * leave; both then meet over and over. Thread 0 stays where it is. */
static void meet_on_one_cpu(void *context, struct threads *threads, size_t i_thread)
{
    struct places *places = context;
    cpu_set_t before;
    if (i_thread == 0) places->cpus[0] = sched_getcpu();
    threads_barrier(threads, i_thread);
    stand_on(places->cpus[0], &before);
    if (i_thread == 1)
        assert_int_equal(pthread_setaffinity_np(pthread_self(), sizeof before, &before), 0);
    for (int round = 0; round < 200; round++) {
        threads_barrier(threads, i_thread);
        places->cpus[i_thread] = sched_getcpu();
        threads_barrier(threads, i_thread);
        if (i_thread == 0 && places->cpus[0] != places->cpus[1]) places->were_apart = true;
    }
    if (i_thread == 0)
        assert_int_equal(pthread_setaffinity_np(pthread_self(), sizeof before, &before), 0);
}

static void threads_that_share_a_cpu_part(void **state)
{
    (void)state;
    struct cpu_list list;
    cpu_list_init(&list);
    if (list.n_cpus < 2) {
        puts("SKIP one CPU: nowhere to go");
        skip();
    }
    struct threads *threads = threads_new(2, NULL);
    struct places places = {.were_apart = false};
    threads_run(threads, meet_on_one_cpu, &places);
    assert_true(places.were_apart);
    threads_free(threads);
}
#endif

static void shares_are_contiguous_and_differ_by_at_most_one(void **state)
{
    (void)state;
    struct threads *threads = threads_new(7, NULL);
    for (size_t n = 0; n < 60; n++) {
        size_t at = 0;
        for (size_t i = 0; i < 7; i++) {
            struct range share = threads_share(threads, n, i);
            assert_int_equal(share.begin, at);
            assert_in_range(share.end - share.begin, n / 7, n / 7 + 1);
            at = share.end;
        }
        assert_int_equal(at, n);
    }
    threads_free(threads);
}

static void a_number_of_threads_out_of_range_is_refused(void **state)
{
    (void)state;
    static const int bad[] = {0, -1, THREADS_MAXIMUM + 1};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err err = {0};
        assert_null(threads_new(bad[i], &err));
        assert_int_equal(err.code, ERR_USAGE);
    }
    threads_free(NULL);
}

static void the_cpu_list_names_each_cpu_once_and_at_least_one_core(void **state)
{
    (void)state;
    struct cpu_list list;
    cpu_list_init(&list);
    assert_true(list.n_cores >= 1);
    assert_in_range(engine_default_threads(), 1, list.n_cores);
    assert_in_range(engine_default_threads(), 1, THREADS_MAXIMUM);
    for (size_t i = 0; i < list.n_cpus; i++)
        for (size_t j = 0; j < i; j++) assert_int_not_equal(list.cpus[i], list.cpus[j]);
}

/* Writes text to a file of the folder, below folders that it makes. */
static void put(const char *folder, const char *name, const char *text)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    for (char *slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        (void)mkdir(path, 0700);
        *slash = '/';
    }
    assert_true(file_write(path, text, strlen(text), NULL));
}

static size_t quota_in(const char *folder)
{
    char membership[300];
    snprintf(membership, sizeof membership, "%s/cgroup", folder);
    return cpu_quota(membership, folder);
}

static void a_quota_is_rounded_up_to_whole_cpus_and_max_is_none(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t n;
    } FILES[] = {
        {"200000 100000\n", 2}, {"150000 100000\n", 2}, {"1000 100000\n", 1},
        {"max 100000\n", 0},    {"100000 0\n", 0},      {"", 0},
    };
    char folder[256];
    assert_non_null(test_make_folder(folder, sizeof folder));
    assert_int_equal(quota_in(folder), 0);
    put(folder, "cgroup", "0::/\n");
    assert_int_equal(quota_in(folder), 0);
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        put(folder, "cpu.max", FILES[i].text);
        assert_int_equal(quota_in(folder), FILES[i].n);
    }
    test_remove_folder(folder);
}

static void the_least_quota_of_all_groups_above_holds(void **state)
{
    (void)state;
    char folder[256];
    assert_non_null(test_make_folder(folder, sizeof folder));
    put(folder, "cgroup", "0::/user/session.scope\n");
    put(folder, "user/session.scope/cpu.max", "800000 100000\n");
    assert_int_equal(quota_in(folder), 8);
    put(folder, "user/cpu.max", "300000 100000\n");
    assert_int_equal(quota_in(folder), 3);
    put(folder, "cpu.max", "500000 100000\n");
    assert_int_equal(quota_in(folder), 3);
    /* A container whose group is mounted as the root, but told by its path outside. */
    put(folder, "cgroup", "0::/not/seen/here\n");
    assert_int_equal(quota_in(folder), 5);
    test_remove_folder(folder);
}

static void quotas_of_the_first_version_of_control_groups_hold_too(void **state)
{
    (void)state;
    char folder[256];
    assert_non_null(test_make_folder(folder, sizeof folder));
    put(folder, "cgroup", "5:cpuset:/set\n4:cpuacct,cpu:/box\nnonsense\n0::/\n");
    put(folder, "cpuset/set/cpu.max", "100000 100000\n"); /* not a controller of CPU time */
    put(folder, "cpuacct,cpu/box/cpu.cfs_quota_us", "-1\n");
    put(folder, "cpuacct,cpu/box/cpu.cfs_period_us", "100000\n");
    assert_int_equal(quota_in(folder), 0);
    put(folder, "cpuacct,cpu/box/cpu.cfs_quota_us", "250000\n");
    assert_int_equal(quota_in(folder), 3);
    test_remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_index_is_visited_once_in_each_of_many_runs),
        cmocka_unit_test(each_item_is_taken_once_whoever_is_slow),
        cmocka_unit_test(what_a_slow_thread_has_not_begun_is_taken_by_others),
        cmocka_unit_test(a_pool_that_cannot_be_completed_is_taken_down),
        cmocka_unit_test(what_was_written_before_a_barrier_is_seen_after_it),
        cmocka_unit_test(sleeping_workers_wake_up),
#ifdef __linux__
        cmocka_unit_test(threads_that_share_a_cpu_part),
#endif
        cmocka_unit_test(shares_are_contiguous_and_differ_by_at_most_one),
        cmocka_unit_test(a_number_of_threads_out_of_range_is_refused),
        cmocka_unit_test(the_cpu_list_names_each_cpu_once_and_at_least_one_core),
        cmocka_unit_test(a_quota_is_rounded_up_to_whole_cpus_and_max_is_none),
        cmocka_unit_test(the_least_quota_of_all_groups_above_holds),
        cmocka_unit_test(quotas_of_the_first_version_of_control_groups_hold_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
