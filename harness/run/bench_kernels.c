/* bench_kernels.c - see bench_kernels.h. One timing of the engine stays open for each number of
 * threads; repetitions of all cases stand in one random order, so that a slow moment of the machine
 * falls on all alike. Limits are measured before, between and after, percentages are of the latest.
 */
#include "harness/run/bench_kernels.h"

#include "base/mem.h"
#include "base/rng.h"
#include "engine/tools.h"
#include "harness/run/machine.h"
#include "harness/run/speed_limits.h"

#include <stdlib.h>
#include <string.h>

/* A kernel with a number of threads. */
struct row {
    const struct kernel_case *shown;
    size_t i_case, i_threads;
    char test[48];
};

struct bench_kernels {
    const struct bench_kernels_options *options;
    struct kernel_timing **timings; /* [options->n_threads] */
    struct row *rows;
    size_t n_rows;
    struct speed_limits limits;
};

bool bench_is_kernel(const char *test)
{
    return !strncmp(test, BENCH_KERNEL_PREFIX, strlen(BENCH_KERNEL_PREFIX));
}

static bool is_asked_for(const struct kernel_case *shown, const char *only)
{
    return !only || strstr(shown->kernel, only) || strstr(shown->type, only);
}

/* Lists the rows, or counts them where there is no room yet. */
static size_t list_rows(struct bench_kernels *bench)
{
    const struct kernel_case *shown;
    size_t n = 0;
    for (size_t i = 0; (shown = kernel_timing_case(bench->timings[0], i)); i++)
        for (size_t t = 0; t < bench->options->n_threads; t++) {
            if (!is_asked_for(shown, bench->options->only)) continue;
            if (bench->rows) {
                struct row *row = &bench->rows[n];
                *row = (struct row){
                    .shown = kernel_timing_case(bench->timings[t], i), .i_case = i, .i_threads = t};
                snprintf(row->test, sizeof row->test, BENCH_KERNEL_PREFIX "%s %s", shown->kernel,
                         shown->type);
            }
            n++;
        }
    return n;
}

static bool open_timings(struct bench_kernels *bench, struct err *err)
{
    const struct bench_kernels_options *options = bench->options;
    bench->timings = mem_new(options->n_threads, sizeof *bench->timings, err);
    if (!bench->timings ||
        !speed_limits_init(&bench->limits, options->isa, options->threads, options->n_threads, err))
        return false;
    for (size_t t = 0; t < options->n_threads; t++)
        if (!(bench->timings[t] = kernel_timing_open(options->isa, (int)options->threads[t], err)))
            return false;
    size_t n_rows = list_rows(bench);
    if (!n_rows) return err_set(err, ERR_USAGE, "no kernel is called \"%s\"", options->only);
    if (!(bench->rows = mem_new(n_rows, sizeof *bench->rows, err))) return false;
    bench->n_rows = list_rows(bench);
    return true;
}

struct bench_kernels *bench_kernels_open(const struct bench_kernels_options *options,
                                         struct err *err)
{
    struct bench_kernels *bench = mem_new(1, sizeof *bench, err);
    if (!bench) return NULL;
    bench->options = options;
    if (open_timings(bench, err)) return bench;
    bench_kernels_close(bench);
    return NULL;
}

void bench_kernels_close(struct bench_kernels *bench)
{
    if (!bench) return;
    for (size_t t = 0; bench->timings && t < bench->options->n_threads; t++)
        kernel_timing_close(bench->timings[t]);
    free(bench->rows);
    free(bench->timings);
    speed_limits_done(&bench->limits);
    free(bench);
}

static bool measure_limits(struct bench_kernels *bench, int n_parts,
                           const struct throughput_sink *sink, struct err *err)
{
    if (bench->options->without_limits) return true;
    if (!speed_limits_measure(&bench->limits, err)) return false;
    for (size_t i = 0; i < speed_limits_count(&bench->limits); i++) {
        struct speed_record record = speed_limits_record(&bench->limits, i, n_parts);
        if (!sink->put(sink->context, &record, err)) return false;
    }
    return true;
}

static bool measure_row(struct bench_kernels *bench, const struct row *row, int repetition,
                        const struct throughput_sink *sink, struct err *err)
{
    const struct kernel_case *shown = row->shown;
    double ns = kernel_timing_run(bench->timings[row->i_threads], row->i_case);
    struct speed_record record = {.test = row->test,
                                  .prompt_tokens = (int)shown->n_tokens,
                                  .batch = 1,
                                  .n_threads = (int)bench->options->threads[row->i_threads],
                                  .repetition = repetition,
                                  .isa = isa_name(bench->options->isa),
                                  .duration_ns = (int64_t)(ns + 0.5),
                                  .frequency_mhz = machine_frequency_mhz(),
                                  .foreign_share = SPEED_SHARE_UNKNOWN};
    if (ns > 0) {
        record.gb_per_s = (double)shown->n_bytes / ns;
        record.gmac_per_s = (double)shown->n_macs / ns;
    }
    if (shown->has_limit)
        record.percent_of_limit =
            speed_limits_percent(&bench->limits, record.n_threads, speed_is_float(shown->type),
                                 record.gb_per_s, record.gmac_per_s);
    return sink->put(sink->context, &record, err);
}

bool bench_kernels_measure(struct bench_kernels *bench, const struct throughput_sink *sink,
                           struct err *err)
{
    struct rng rng = {20240423};
    size_t n_repeat = (size_t)bench->options->repeat, n = bench->n_rows * n_repeat, done = 0;
    int n_parts = speed_limits_parts(bench->options->repeat);
    size_t *order = mem_new(n, sizeof *order, err);
    if (order) rng_shuffle(&rng, order, n);
    bool ok = order && measure_limits(bench, 0, sink, err);
    for (int part = 1; ok && part <= n_parts; part++) {
        for (; ok && done < (size_t)part * n / (size_t)n_parts; done++)
            ok = measure_row(bench, &bench->rows[order[done] / n_repeat],
                             (int)(order[done] % n_repeat), sink, err) &&
                 throughput_pause(sink, done + 1, n, err);
        ok = ok && measure_limits(bench, part, sink, err);
    }
    free(order);
    return ok;
}
