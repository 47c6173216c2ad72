/* machine.h - the machine as a run's record describes it, and what throughput asks of it: frequency
 * and memory in use.
 *
 * Linux: /proc and /sys. What cannot be read is left empty or 0, which means "not known".
 */
#ifndef PHIBENCH_HARNESS_RUN_MACHINE_H
#define PHIBENCH_HARNESS_RUN_MACHINE_H

#include "base/log.h"
#include "results/store.h"

struct machine {
    struct machine_record record; /* its strings are the arrays below */
    char cpu_model[128], features[512], kernel[256], os[128], governor[32], huge_pages[64],
        hostname_hash[17];
};

/* Fills *machine, which must not be moved after. */
void machine_describe(struct machine *machine);

/* Warns of a governor that is not performance, and of a load that disturbs measurements. */
void machine_warn(const struct machine_record *machine, const struct log *log);

/* The frequency of the fastest core now; 0: not known. */
double machine_frequency_mhz(void);

/* Largest resident set since the last machine_reset_peak (since the start, where the system
 * refuses to reset). */
uint64_t machine_peak_rss_bytes(void);
void machine_reset_peak(void);

/* The build's record, of build_info. */
struct build_record machine_build_record(void);

#endif
