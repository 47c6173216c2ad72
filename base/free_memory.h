/* free_memory.h - how much memory a process could still have: what the system has left, and what
 * its control groups (containers, services, batch jobs) leave it.
 *
 * Linux; elsewhere, and where the system does not say, there is no bound. Knows nothing of what the
 * memory is for.
 */
#ifndef PHIBENCH_BASE_FREE_MEMORY_H
#define PHIBENCH_BASE_FREE_MEMORY_H

#include <stdint.h>

/* Bytes that could be had without swapping; UINT64_MAX: not known. root: the folder that has proc
 * and sys, "" for the system's own. Pages of files that can be given back count as free. Formats:
 * proc(5), and cgroup-v1/memory.rst and cgroup-v2.rst of Linux. */
uint64_t free_memory_bytes(const char *root);

#endif
