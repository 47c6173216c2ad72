/* machine.h - the machine as a run's record describes it, and what throughput asks of it: frequency
 * memory in use, and what other programs take.
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

/* What all processors have done by a moment, and this process of it. */
struct machine_moment {
    int64_t at_ns, own_cpu_ns;
    double busy_s; /* of all processors, stolen time too; negative: not known */
    int n_processors;
};
struct machine_moment machine_now(void);

/* The share of all processors' time between two moments that other programs had, or that the host
 * took for other machines (steal): what was busy, less what this process and those that it waited
 * for (child_cpu_ns) used. 0 to 1; SPEED_SHARE_UNKNOWN without /proc/stat and for less than ten of
 * its ticks, a tenth of a second. */
double machine_foreign_share(const struct machine_moment *begin, const struct machine_moment *end,
                             int64_t child_cpu_ns);

/* The frequency of the fastest core now; 0: not known. */
double machine_frequency_mhz(void);

/* Largest resident set since the last machine_reset_peak (since the start, where the system
 * refuses to reset). */
uint64_t machine_peak_rss_bytes(void);
void machine_reset_peak(void);

/* The build's record, of build_info. */
struct build_record machine_build_record(void);

#endif
