/* cpu.h - which CPUs this process may run on, in the order in which threads should take them.
 *
 * Asks the system (affinity mask, topology, quota); keeps nothing. Thread-safe. What the CPU can
 * compute is kernels/table.c's business.
 */
#ifndef PHIBENCH_ENGINE_CPU_H
#define PHIBENCH_ENGINE_CPU_H

#include <stddef.h>

enum { CPU_LIST_CAPACITY = 1024 };

struct cpu_list {
    int cpus[CPU_LIST_CAPACITY];  /* one per physical core first, then their siblings; ascending */
    int nodes[CPU_LIST_CAPACITY]; /* the NUMA node of each of these CPUs; 0 where nobody says */
    size_t n_cpus, n_cores; /* n_cores >= 1; n_cpus is 0 where the system does not say which */
};

void cpu_list_init(struct cpu_list *list);

/* CPUs whose time a control group grants, rounded up, by its file cpu.max (Linux, cgroup v2:
 * "QUOTA PERIOD" in microseconds, or "max PERIOD"); 0: no limit, or no such file. */
size_t cpu_quota(const char *path);

#endif
