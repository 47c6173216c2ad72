/* cpu.c - see cpu.h. Linux: sched_getaffinity, the topology folder of sysfs, and the quotas of the
 * control groups that the process is in. Elsewhere the number of online CPUs, without
 * their names, so that nothing is pinned.
 */
#include "engine/cpu.h"

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MAX_NODES = 64, PATH_CAPACITY = 4096 };

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

/* The numbers in a file, n of them at most; how many there are. "max" is none. */
static size_t read_numbers(const char *folder, const char *name, long *numbers, size_t n)
{
    char path[PATH_CAPACITY];
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path) return 0;
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    size_t n_read = 0;
    while (n_read < n && fscanf(file, "%ld", &numbers[n_read]) == 1) n_read++;
    fclose(file);
    return n_read;
}

/* CPUs that one group grants; SIZE_MAX: all. */
static size_t quota_of(const char *folder)
{
    long numbers[2]; /* quota and period in microseconds */
    bool is_known = read_numbers(folder, "cpu.max", numbers, 2) == 2 ||
                    (read_numbers(folder, "cpu.cfs_quota_us", &numbers[0], 1) == 1 &&
                     read_numbers(folder, "cpu.cfs_period_us", &numbers[1], 1) == 1);
    if (!is_known || numbers[0] <= 0 || numbers[1] <= 0) return SIZE_MAX;
    return (size_t)(numbers[0] / numbers[1] + (numbers[0] % numbers[1] != 0));
}

/* Whether a list like "cpu,cpuacct" names the controller of CPU time; v2's list is empty. */
static bool controls_cpu(const char *controllers)
{
    if (!*controllers) return true;
    while (*controllers) {
        size_t n = strcspn(controllers, ",");
        if (n == 3 && strncmp(controllers, "cpu", n) == 0) return true;
        controllers += n + (controllers[n] == ',');
    }
    return false;
}

/* The least quota from a group up to the mount. A container may see its group as the mount itself
 * and yet be told a longer path: folders that are not there set no limit. */
static size_t least_quota(const char *mount, const char *controllers, const char *path)
{
    char folder[PATH_CAPACITY];
    int n_root = snprintf(folder, sizeof folder, "%s/%s", mount, controllers);
    int n = snprintf(folder, sizeof folder, "%s/%s%s", mount, controllers, path);
    if (n < 0 || (size_t)n >= sizeof folder) return SIZE_MAX;
    size_t least = SIZE_MAX;
    for (;;) {
        size_t quota = quota_of(folder);
        if (quota < least) least = quota;
        char *slash = strrchr(folder + n_root, '/');
        if (!slash) return least;
        *slash = 0;
    }
}

size_t cpu_quota(const char *membership, const char *mount)
{
    FILE *file = fopen(membership, "r");
    if (!file) return 0;
    size_t least = SIZE_MAX;
    char line[PATH_CAPACITY];
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        char *controllers = strchr(line, ':');
        char *path = controllers ? strchr(++controllers, ':') : NULL;
        if (!path) continue;
        *path++ = 0;
        size_t quota = controls_cpu(controllers) ? least_quota(mount, controllers, path) : SIZE_MAX;
        if (quota < least) least = quota;
    }
    fclose(file);
    return least == SIZE_MAX ? 0 : least;
}
