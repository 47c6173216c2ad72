/* cmd_doctor.c - phibench doctor: whether this machine and this installation are fit for work.
 *
 * Every check gives one line: ok, a warning (numbers may suffer), or a failure (something will not
 * work; exit 1).
 */
#include "base/interrupt.h"
#include "base/json.h"
#include "base/visible.h"
#include "harness/cli/commands.h"
#include "harness/cli/model_options.h"
#include "harness/run/build_info.h"
#include "harness/run/machine.h"
#include "reports/gnuplot.h"

#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct options {
    bool json;
};

static const struct option_spec OPTIONS[] = {OPTION_JSON(struct options, json)};

enum check_status { CHECK_OK, CHECK_WARNING, CHECK_FAILURE };
enum { MAX_CHECKS = 16, MIN_FREE_MIB = 1024 };

struct check {
    const char *name;
    enum check_status status;
    char text[512];
};

struct checks {
    struct check items[MAX_CHECKS];
    size_t n;
};

__attribute__((format(printf, 4, 5))) static void
add(struct checks *checks, const char *name, enum check_status status, const char *format, ...)
{
    if (checks->n == MAX_CHECKS) return;
    struct check *check = &checks->items[checks->n++];
    va_list args;
    check->name = name;
    check->status = status;
    va_start(args, format);
    vsnprintf(check->text, sizeof check->text, format, args);
    va_end(args);
}

static void check_cpu(struct checks *checks, const struct machine_record *machine)
{
    struct buf levels = {0};
    for (int isa = 0; isa < ISA_COUNT; isa++)
        if (isa_available((enum isa)isa))
            buf_printf(&levels, "%s%s", levels.n_bytes ? ", " : "", isa_name((enum isa)isa));
    add(checks, "processor", CHECK_OK, "%s, %d cores, %d threads for this process",
        machine->cpu_model ? machine->cpu_model : "unknown", machine->n_cores,
        machine->n_threads_available);
    add(checks, "instructions", isa_best() == ISA_SCALAR ? CHECK_WARNING : CHECK_OK,
        "%s; the best here is %s%s", buf_string(&levels), isa_name(isa_best()),
        isa_best() == ISA_SCALAR ? ": right, but slow" : "");
    buf_free(&levels);
}

static void check_quiet(struct checks *checks, const struct machine_record *machine)
{
    bool is_busy =
        machine->n_threads_available && machine->load_1min > 0.5 * machine->n_threads_available;
    add(checks, "load", is_busy ? CHECK_WARNING : CHECK_OK, "%.1f%s", machine->load_1min,
        is_busy ? ": other programs disturb measured speeds" : "");
    if (!machine->governor)
        add(checks, "governor", CHECK_OK, "not known (common on virtual machines)");
    else if (strcmp(machine->governor, "performance") != 0)
        add(checks, "governor", CHECK_WARNING, "%s: performance is steadier", machine->governor);
    else add(checks, "governor", CHECK_OK, "%s", machine->governor);
}

static void check_memory(struct checks *checks, const struct machine_record *machine)
{
    double gib = (double)machine->memory_bytes / (1 << 30);
    add(checks, "memory", gib < 4 ? CHECK_WARNING : CHECK_OK,
        "%.1f GiB; Phi-3-mini takes about 2.6 in q4_0 and 8.4 in f16, medium 8.5 and 28", gib);
    const char *pages = machine->huge_pages ? machine->huge_pages : "not known";
    add(checks, "huge pages", strcmp(pages, "never") ? CHECK_OK : CHECK_WARNING, "%s%s", pages,
        strcmp(pages, "never") ? "" : ": madvise or always is faster for large models");
}

static void check_disk(struct checks *checks)
{
    struct statvfs system;
    if (statvfs(".", &system)) {
        add(checks, "disk", CHECK_WARNING, "free space is not known");
        return;
    }
    double mib = (double)system.f_bavail * (double)system.f_frsize / (1 << 20);
    bool is_writable = access(".", W_OK) == 0;
    add(checks, "disk", is_writable && mib >= MIN_FREE_MIB ? CHECK_OK : CHECK_WARNING,
        "%.1f GiB free here%s", mib / 1024,
        is_writable ? "" : ", but this folder is not writable: give run --db and report --out");
}

static void check_gnuplot(struct checks *checks, const char *program)
{
    char version[128];
    struct err err = {.code = ERR_NONE};
    if (gnuplot_version(program, version, sizeof version, &err))
        add(checks, "charts", CHECK_OK, "%s", version);
    else add(checks, "charts", CHECK_FAILURE, "%s", err.message);
}

/* The last logits of a small model on this level: [n_vocab], free() them; NULL with an error. */
static float *small_logits(enum isa isa, size_t *n_bytes, struct err *err)
{
    enum { N_TOKENS = 40 };
    struct model_options options = model_default_options();
    struct session_token tokens[N_TOKENS];
    float *copy = NULL;
    int sequence;
    options.isa = isa;
    struct model *model = model_open("synth:tiny:q4_k", &options, err);
    struct session *session = model ? session_open(model, &(struct session_options){0}, err) : NULL;
    if (session && session_start(session, &sequence, err)) {
        for (int i = 0; i < N_TOKENS; i++)
            tokens[i] = (struct session_token){
                .sequence = sequence, .id = 1 + 7 * i, .wants_logits = i + 1 == N_TOKENS};
        if (session_eval(session, tokens, N_TOKENS, err)) {
            *n_bytes = (size_t)model_info(model)->n_vocab * sizeof *copy;
            copy = malloc(*n_bytes);
            if (copy) memcpy(copy, session_logits(session, 0), *n_bytes);
            if (!copy) err_set(err, ERR_MEMORY, "out of memory");
        }
    }
    session_close(session);
    model_close(model);
    return copy;
}

static void check_same_bits(struct checks *checks)
{
    size_t n_reference = 0, n = 0;
    int n_levels = 0;
    struct err err = {.code = ERR_NONE};
    float *reference = small_logits(ISA_SCALAR, &n_reference, &err);
    const char *different = NULL;
    for (int isa = ISA_SCALAR + 1; reference && isa < ISA_COUNT; isa++) {
        if (!isa_available((enum isa)isa)) continue;
        float *logits = small_logits((enum isa)isa, &n, &err);
        if (!logits || n != n_reference || memcmp(logits, reference, n))
            different = isa_name((enum isa)isa);
        n_levels++;
        free(logits);
    }
    if (!reference || (different && err.code))
        add(checks, "same bits", CHECK_FAILURE, "cannot compute: %s", err.message);
    else if (different)
        add(checks, "same bits", CHECK_FAILURE,
            "%s gives other logits than scalar: please report this", different);
    else
        add(checks, "same bits", CHECK_OK, "%d instruction sets give the logits of scalar",
            n_levels);
    free(reference);
}

static bool print_json(const struct checks *checks, struct err *err)
{
    static const char *const STATUS[] = {"ok", "warning", "failure"};
    struct buf out = {0};
    struct json_writer writer = {.out = &out, .indent = 2};
    json_begin_object(&writer);
    json_set_string(&writer, "version", build_info()->version);
    json_key(&writer, "checks");
    json_begin_array(&writer);
    for (size_t i = 0; i < checks->n; i++) {
        json_begin_object(&writer);
        json_set_string(&writer, "name", checks->items[i].name);
        json_set_string(&writer, "status", STATUS[checks->items[i].status]);
        json_set_string(&writer, "text", checks->items[i].text);
        json_end_object(&writer);
    }
    json_end_array(&writer);
    json_end_object(&writer);
    return json_print(&writer, stdout, err);
}

static bool run(const struct invocation *invocation, struct err *err)
{
    static const char *const MARKS[] = {"ok", "warn", "FAIL"};
    const struct options *options = invocation->options;
    struct machine machine;
    struct checks checks = {.n = 0};
    enum isa level;
    if (!choose_isa(invocation, NULL, &level, err)) return false;
    machine_describe(&machine);
    check_cpu(&checks, &machine.record);
    check_same_bits(&checks);
    check_memory(&checks, &machine.record);
    check_quiet(&checks, &machine.record);
    check_disk(&checks);
    check_gnuplot(&checks, invocation->gnuplot);
    if (!interrupt_check(err)) return false;
    size_t n_failures = 0;
    for (size_t i = 0; i < checks.n; i++) {
        n_failures += checks.items[i].status == CHECK_FAILURE;
        if (!options->json)
            visible_printf(stdout, "%-5s %-14s %s\n", MARKS[checks.items[i].status],
                           checks.items[i].name, checks.items[i].text);
    }
    if (options->json && !print_json(&checks, err)) return false;
    return !n_failures || err_set(err, ERR_IO, "%zu of %zu checks failed", n_failures, checks.n);
}

static const char *const EXAMPLES[] = {"phibench doctor", NULL};

const struct command COMMAND_DOCTOR = {
    .name = "doctor",
    .summary = "check this machine and this installation",
    .arguments = "",
    COMMAND_OPTIONS(OPTIONS, struct options),
    .details = "Looks at processor, memory, load, disk and gnuplot, and computes a small model "
               "with every instruction "
               "set of this machine to see that all give the same bits. Warnings say what may "
               "disturb measurements; a "
               "failure means that something will not work, and the exit status is 1.",
    .examples = EXAMPLES,
    .run = run,
};
