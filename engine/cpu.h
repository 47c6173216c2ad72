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

/* CPUs whose time the control groups of a process grant it, rounded up: the least of its group and
 * of all groups above (Linux: cpu.max of cgroup v2, cpu.cfs_quota_us of v1); 0: no limit.
 * membership: as /proc/self/cgroup, one line "NUMBER:CONTROLLERS:PATH" for each hierarchy; mount:
 * where hierarchies are mounted, as /sys/fs/cgroup. What cannot be read sets no limit. */
size_t cpu_quota(const char *membership, const char *mount);

#endif
