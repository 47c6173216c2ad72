/* machine.c - see machine.h. Small files under /proc and /sys, read whole with a limit.
 *
 * Every value is optional: containers and virtual machines hide many of them.
 */
#include "harness/run/machine.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "engine/engine.h"
#include "harness/run/build_info.h"

#include <ctype.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

enum { MAX_FILE_BYTES = 8 << 20, MAX_CPUS = 4096 };

/* The file without white space at its end, NULL if it cannot be read; free() it. */
static char *read_small(const char *path)
{
    size_t n;
    char *text = file_read(path, MAX_FILE_BYTES, &n, NULL);
    while (text && n && isspace((unsigned char)text[n - 1])) text[--n] = 0;
    return text;
}

/* Copies the value of the first line "KEY<spaces><separator> VALUE" of text. */
static bool find_value(const char *text, const char *key, char separator, char *out, size_t n_out)
{
    size_t n_key = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        if (*line == '\n') line++;
        if (strncmp(line, key, n_key) != 0) continue;
        const char *at = line + n_key;
        while (*at == ' ' || *at == '\t') at++;
        if (*at != separator) continue;
        at++;
        while (*at == ' ' || *at == '\t' || *at == '"') at++;
        size_t n = strcspn(at, "\"\n");
        snprintf(out, n_out, "%.*s", (int)(n < n_out ? n : n_out - 1), at);
        return true;
    }
    return false;
}

static double read_number(const char *path)
{
    char *text = read_small(path);
    double value = text ? strtod(text, NULL) : 0;
    free(text);
    return isfinite(value) ? value : 0;
}

/* ---- Processor ---- */

/* Keeps those of the processor's flags that explain speed. */
static void keep_features(const char *flags, char *out, size_t n_out)
{
    static const char *const wanted[] = {
        "sse4_2",   "avx",      "avx2",     "fma",         "f16c",        "avx_vnni",    "avx512f",
        "avx512bw", "avx512dq", "avx512vl", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_int8",
        "amx_bf16", "asimd",    "asimddp",  "i8mm",        "sve",         "hypervisor"};
    size_t used = 0;
    *out = 0;
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        size_t n = strlen(wanted[i]);
        for (const char *at = strstr(flags, wanted[i]); at; at = strstr(at + n, wanted[i]))
            if ((at == flags || at[-1] == ' ') && (at[n] == ' ' || !at[n]) &&
                used + n + 2 < n_out) {
                used +=
                    (size_t)snprintf(out + used, n_out - used, "%s%s", used ? " " : "", wanted[i]);
                break;
            }
    }
}

/* Pairs of package and core; where the kernel names none, every processor counts. */
static int count_cores(const char *cpuinfo)
{
    int seen[MAX_CPUS][2], n = 0, n_processors = 0, package = 0;
    for (const char *line = cpuinfo; line; line = strchr(line, '\n')) {
        if (*line == '\n') line++;
        const char *colon = strchr(line, ':');
        if (!strncmp(line, "processor", 9)) n_processors++;
        if (!colon) continue;
        if (!strncmp(line, "physical id", 11)) package = atoi(colon + 1);
        if (strncmp(line, "core id", 7) != 0) continue;
        int core = atoi(colon + 1), i = 0;
        while (i < n && (seen[i][0] != package || seen[i][1] != core)) i++;
        if (i < n || n == MAX_CPUS) continue;
        seen[n][0] = package;
        seen[n++][1] = core;
    }
    return n ? n : n_processors;
}

static void describe_cpu(struct machine *machine)
{
    char *cpuinfo = read_small("/proc/cpuinfo");
    if (!cpuinfo) return;
    char *flags = malloc(1 << 14);
    if (!find_value(cpuinfo, "model name", ':', machine->cpu_model, sizeof machine->cpu_model))
        find_value(cpuinfo, "Model", ':', machine->cpu_model, sizeof machine->cpu_model);
    if (flags && (find_value(cpuinfo, "flags", ':', flags, 1 << 14) ||
                  find_value(cpuinfo, "Features", ':', flags, 1 << 14)))
        keep_features(flags, machine->features, sizeof machine->features);
    machine->record.n_cores = count_cores(cpuinfo);
    free(flags);
    free(cpuinfo);
}

double machine_frequency_mhz(void)
{
    double highest = 0;
    long n_cpus = sysconf(_SC_NPROCESSORS_CONF);
    for (long i = 0; i < n_cpus && i < MAX_CPUS; i++) {
        char path[96];
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%ld/cpufreq/scaling_cur_freq", i);
        double mhz = read_number(path) / 1000;
        if (mhz > highest) highest = mhz;
        if (mhz <= 0) break; /* no cpufreq: a virtual machine */
    }
    if (highest > 0) return highest;
    char *cpuinfo = read_small("/proc/cpuinfo"), value[64];
    for (const char *at = cpuinfo; at && (at = strstr(at, "cpu MHz")); at++)
        if (find_value(at, "cpu MHz", ':', value, sizeof value) && strtod(value, NULL) > highest)
            highest = strtod(value, NULL);
    free(cpuinfo);
    return highest;
}

/* The hottest zone that says something credible. */
static double read_temperature(void)
{
    double highest = 0;
    for (int i = 0; i < 64; i++) {
        char path[96];
        snprintf(path, sizeof path, "/sys/class/thermal/thermal_zone%d/temp", i);
        if (!file_exists(path)) break;
        double celsius = read_number(path) / 1000;
        if (celsius > highest && celsius < 150) highest = celsius;
    }
    return highest;
}

/* ---- System ---- */

static void describe_system(struct machine *machine)
{
    struct utsname name;
    char hash[SHA256_HEX_BYTES];
    if (uname(&name) == 0) {
        snprintf(machine->kernel, sizeof machine->kernel, "%s %s %s", name.sysname, name.release,
                 name.machine);
        if (sha256_text(name.nodename, hash, NULL)) /* tells machines apart without naming them */
            snprintf(machine->hostname_hash, sizeof machine->hostname_hash, "%.16s", hash);
    }
    char *release = read_small("/etc/os-release");
    if (release) find_value(release, "PRETTY_NAME", '=', machine->os, sizeof machine->os);
    free(release);
}

static void describe_memory(struct machine *machine)
{
    long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    if (pages > 0 && page_bytes > 0)
        machine->record.memory_bytes = (uint64_t)pages * (uint64_t)page_bytes;
    char *choices = read_small("/sys/kernel/mm/transparent_hugepage/enabled");
    const char *open = choices ? strchr(choices, '[') : NULL,
               *close = open ? strchr(open, ']') : NULL;
    if (close)
        snprintf(machine->huge_pages, sizeof machine->huge_pages, "%.*s", (int)(close - open - 1),
                 open + 1);
    free(choices);
}

static const char *or_null(const char *text)
{
    return *text ? text : NULL;
}

void machine_describe(struct machine *machine)
{
    *machine = (struct machine){0};
    describe_cpu(machine);
    describe_system(machine);
    describe_memory(machine);
    char *governor = read_small("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    if (governor) snprintf(machine->governor, sizeof machine->governor, "%s", governor);
    free(governor);

    cpu_set_t allowed;
    struct machine_record *record = &machine->record;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0)
        record->n_threads_available = CPU_COUNT(&allowed);
    record->frequency_mhz = machine_frequency_mhz();
    record->temperature_c = read_temperature();
    record->load_1min = read_number("/proc/loadavg");
    record->cpu_model = or_null(machine->cpu_model);
    record->features = or_null(machine->features);
    record->kernel = or_null(machine->kernel);
    record->os = or_null(machine->os);
    record->governor = or_null(machine->governor);
    record->huge_pages = or_null(machine->huge_pages);
    record->hostname_hash = or_null(machine->hostname_hash);
}

void machine_warn(const struct machine_record *machine, const struct log *log)
{
    if (machine->governor && strcmp(machine->governor, "performance") != 0)
        log_warning(log, "the CPU governor is %s: speeds may vary (performance is steadier)",
                    machine->governor);
    if (machine->n_threads_available && machine->load_1min > 0.5 * machine->n_threads_available)
        log_warning(log,
                    "the load is %.1f on %d processors: other programs disturb measured speeds",
                    machine->load_1min, machine->n_threads_available);
}

/* ---- What others take ---- */

struct machine_moment machine_now(void)
{
    struct machine_moment now = {
        .at_ns = clock_ns(), .busy_s = -1, .n_processors = (int)sysconf(_SC_NPROCESSORS_ONLN)};
    struct timespec own;
    char *stat = read_small("/proc/stat");
    long long ticks[8]; /* user, nice, system, idle, iowait, irq, softirq, steal (proc(5)) */
    if (stat && sscanf(stat, "cpu %lld %lld %lld %lld %lld %lld %lld %lld", &ticks[0], &ticks[1],
                       &ticks[2], &ticks[3], &ticks[4], &ticks[5], &ticks[6], &ticks[7]) == 8)
        now.busy_s = (double)(ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6] + ticks[7]) /
                     (double)sysconf(_SC_CLK_TCK);
    free(stat);
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own) == 0)
        now.own_cpu_ns = (int64_t)own.tv_sec * 1000000000 + own.tv_nsec;
    return now;
}

double machine_foreign_share(const struct machine_moment *begin, const struct machine_moment *end,
                             int64_t child_cpu_ns)
{
    double seconds = (double)(end->at_ns - begin->at_ns) * 1e-9;
    double own_s = (double)(end->own_cpu_ns - begin->own_cpu_ns + child_cpu_ns) * 1e-9;
    if (begin->busy_s < 0 || end->busy_s < 0 || end->n_processors < 1 ||
        seconds < 10 / (double)sysconf(_SC_CLK_TCK))
        return SPEED_SHARE_UNKNOWN;
    double share = (end->busy_s - begin->busy_s - own_s) / (seconds * end->n_processors);
    return share < 0 ? 0 : share > 1 ? 1 : share;
}

/* ---- This process ---- */

uint64_t machine_peak_rss_bytes(void)
{
    char *status = read_small("/proc/self/status"), value[64];
    uint64_t kib = 0;
    if (status && find_value(status, "VmHWM", ':', value, sizeof value))
        kib = strtoull(value, NULL, 10);
    free(status);
    return kib << 10;
}

void machine_reset_peak(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (!file) return;
    fputs("5\n", file); /* 5: reset VmHWM (proc(5)) */
    fclose(file);
}

struct build_record machine_build_record(void)
{
    const struct build_info *build = build_info();
    struct build_record record = {.version = build->version,
                                  .git_revision = build->git_revision,
                                  .compiler = build->compiler,
                                  .flags = build->flags,
                                  .git_dirty = build->git_dirty,
                                  .numerics_version = ENGINE_NUMERICS_VERSION};
    _Static_assert(sizeof record.id == BUILD_ID_BYTES, "a record has room for a build id");
    build_id(record.id);
    return record;
}
