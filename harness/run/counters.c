/* counters.c - see counters.h. A counter that shared the processor's registers with others ran for
 * a part of the time, and is scaled up to all of it.
 */
#include "harness/run/counters.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

static const uint64_t EVENTS[COUNTER_COUNT] = {
    [COUNTER_INSTRUCTIONS] = PERF_COUNT_HW_INSTRUCTIONS,
    [COUNTER_CYCLES] = PERF_COUNT_HW_CPU_CYCLES,
};

static int open_counter(uint64_t event)
{
    struct perf_event_attr attributes = {
        .type = PERF_TYPE_HARDWARE,
        .size = sizeof attributes,
        .config = event,
        .disabled = 1,
        .inherit = 1,
        .enable_on_exec = 1,
        .exclude_kernel = 1, /* what most systems allow */
        .exclude_hv = 1,
        .read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING,
    };
    return (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static const char *explain(int fault)
{
    switch (fault) {
    case EACCES:
    case EPERM: return "the system does not allow it (kernel.perf_event_paranoid)";
    case ENOSYS: return "this system cannot count";
    default: return "this machine shows no counters, as most virtual ones";
    }
}

void counters_open(struct counters *counters)
{
    *counters = (struct counters){0};
    for (int i = 0; i < COUNTER_COUNT; i++) {
        counters->files[i] = open_counter(EVENTS[i]);
        if (counters->files[i] < 0) counters->fault = explain(errno);
    }
}

double counters_read(const struct counters *counters, enum counter counter)
{
    struct {
        uint64_t value, enabled, running;
    } count;
    int file = counters->files[counter];
    if (file < 0 || read(file, &count, sizeof count) != sizeof count || !count.running) return 0;
    return (double)count.value * ((double)count.enabled / (double)count.running);
}

void counters_close(struct counters *counters)
{
    for (int i = 0; i < COUNTER_COUNT; i++)
        if (counters->files[i] >= 0) close(counters->files[i]);
    *counters = (struct counters){.files = {-1, -1}};
}
