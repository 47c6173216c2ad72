/* cpu.c - see cpu.h. Linux: sched_getaffinity, the topology folder of sysfs, and the quota of the
 * control group that a container sees as its root. Elsewhere the number of online CPUs, without
 * their names, so that nothing is pinned.
 */
#include "engine/cpu.h"

#include "engine/engine.h"
#include "engine/threads.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MAX_NODES = 64 };

/* The lowest CPU of the core that `cpu` belongs to: what all its siblings have in common. */
static int core_of(int cpu)
{
    char path[96];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
    FILE *file = fopen(path, "r");
    if (!file) return cpu;
    int first;
    bool found = fscanf(file, "%d", &first) == 1;
    fclose(file);
    return found ? first : cpu;
}

static int node_of(int cpu)
{
    char path[96];
    for (int node = 0; node < MAX_NODES; node++) {
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/node%d", cpu, node);
        if (access(path, F_OK) == 0) return node;
    }
    return 0;
}

/* The CPUs that the process may use, ascending. */
static size_t list_allowed(int cpus[CPU_LIST_CAPACITY])
{
    size_t n = 0;
#ifdef __linux__
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 0;
    for (size_t cpu = 0; cpu < CPU_SETSIZE && n < CPU_LIST_CAPACITY; cpu++)
        if (CPU_ISSET(cpu, &allowed)) cpus[n++] = (int)cpu;
#else
    (void)cpus;
#endif
    return n;
}

void cpu_list_init(struct cpu_list *list)
{
    int allowed[CPU_LIST_CAPACITY], cores[CPU_LIST_CAPACITY];
    bool is_sibling[CPU_LIST_CAPACITY];
    size_t n_allowed = list_allowed(allowed);
    memset(list, 0, sizeof *list);
    for (size_t i = 0; i < n_allowed; i++) {
        cores[i] = core_of(allowed[i]);
        is_sibling[i] = false;
        for (size_t j = 0; j < i && !is_sibling[i]; j++) is_sibling[i] = cores[j] == cores[i];
        if (!is_sibling[i]) list->cpus[list->n_cores++] = allowed[i];
    }
    list->n_cpus = list->n_cores;
    for (size_t i = 0; i < n_allowed; i++)
        if (is_sibling[i]) list->cpus[list->n_cpus++] = allowed[i];
    for (size_t i = 0; i < list->n_cpus; i++) list->nodes[i] = node_of(list->cpus[i]);
    if (list->n_cores == 0) {
        long online = sysconf(_SC_NPROCESSORS_ONLN);
        list->n_cores = online > 0 ? (size_t)online : 1;
    }
}

size_t cpu_quota(const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    unsigned long quota, period;
    bool is_limited = fscanf(file, "%lu %lu", &quota, &period) == 2 && period > 0;
    fclose(file);
    return is_limited ? quota / period + (quota % period != 0) : 0;
}

int engine_default_threads(void)
{
    struct cpu_list list;
    cpu_list_init(&list);
    size_t n = list.n_cores, quota = cpu_quota("/sys/fs/cgroup/cpu.max");
    if (quota > 0 && quota < n) n = quota;
    return (int)(n < THREADS_MAXIMUM ? n : THREADS_MAXIMUM);
}
