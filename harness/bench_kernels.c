/* bench_kernels.c - see bench_kernels.h. One timing of the engine stays open for each number of
 * threads; repetitions of all cases stand in one random order, so that a slow moment of the machine
 * falls on all alike. The limits are measured before and after; percentages are of their mean.
 */
#include "harness/bench_kernels.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/rng.h"
#include "harness/interrupt.h"
#include "harness/machine.h"
#include "harness/progress.h"
#include "harness/speed_limits.h"
#include "results/stats.h"

#include <stdlib.h>
#include <string.h>

/* A kernel with a number of threads. */
struct row {
    const struct kernel_case *shown;
    size_t i_case, i_threads;
    double *ns; /* [repeat] */
};

struct kernels_bench {
    const struct bench_kernels_options *options;
    struct kernel_timing **timings; /* [options->n_threads] */
    struct row *rows;
    size_t n_rows;
    struct speed_limits limits;
};

/* A row summed up, as it is printed. */
struct summary {
    double median_ns, low_ns, high_ns, gb_per_s, gmac_per_s, percent;
};

static bool is_asked_for(const struct kernel_case *shown, const char *only)
{
    return !only || strstr(shown->kernel, only) || strstr(shown->type, only);
}

/* Lists the rows, or counts them where there is no room yet. */
static size_t list_rows(struct kernels_bench *bench)
{
    const struct kernel_case *shown;
    size_t n = 0;
    for (size_t i = 0; (shown = kernel_timing_case(bench->timings[0], i)); i++)
        for (size_t t = 0; t < bench->options->n_threads; t++) {
            if (!is_asked_for(shown, bench->options->only)) continue;
            if (bench->rows)
                bench->rows[n] = (struct row){
                    .shown = kernel_timing_case(bench->timings[t], i), .i_case = i, .i_threads = t};
            n++;
        }
    return n;
}

static bool open_bench(struct kernels_bench *bench, struct err *err)
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
    for (size_t i = 0; i < n_rows; i++)
        if (!(bench->rows[i].ns = mem_new((size_t)options->repeat, sizeof(double), err)))
            return false;
    return true;
}

static void close_bench(struct kernels_bench *bench)
{
    for (size_t t = 0; bench->timings && t < bench->options->n_threads; t++)
        kernel_timing_close(bench->timings[t]);
    for (size_t i = 0; i < bench->n_rows; i++) free(bench->rows[i].ns);
    free(bench->rows);
    free(bench->timings);
    speed_limits_done(&bench->limits);
}

/* Every repetition, in the order of a seeded shuffle (Fisher and Yates). */
static bool measure(struct kernels_bench *bench, struct progress *progress, struct err *err)
{
    struct rng rng = {20240423};
    size_t n_repeat = (size_t)bench->options->repeat, n = bench->n_rows * n_repeat;
    size_t *order = mem_new(n, sizeof *order, err);
    if (!order) return false;
    for (size_t i = 0; i < n; i++) {
        size_t j = (size_t)rng_below(&rng, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    progress->total = n;
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++) {
        struct row *row = &bench->rows[order[i] / n_repeat];
        row->ns[order[i] % n_repeat] =
            kernel_timing_run(bench->timings[row->i_threads], row->i_case);
        progress_update(progress, i + 1);
        ok = !interrupt_requested() || err_set(err, ERR_INTERRUPTED, "interrupted");
    }
    free(order);
    return ok;
}

/* The limits before and after, and the repetitions between. */
static bool measure_all(struct kernels_bench *bench, struct progress *progress, struct err *err)
{
    struct speed_limits *limits = &bench->limits;
    struct machine_limits *before = mem_new(limits->n, sizeof *before, err);
    bool ok = before && speed_limits_measure(limits, err);
    if (ok) memcpy(before, limits->latest, limits->n * sizeof *before);
    ok = ok && measure(bench, progress, err) && speed_limits_measure(limits, err);
    for (size_t i = 0; ok && i < limits->n; i++) {
        struct machine_limits *mean = &limits->latest[i];
        mean->read_gb_per_s = (mean->read_gb_per_s + before[i].read_gb_per_s) / 2;
        mean->int8_gmac_per_s = (mean->int8_gmac_per_s + before[i].int8_gmac_per_s) / 2;
        mean->f32_gmac_per_s = (mean->f32_gmac_per_s + before[i].f32_gmac_per_s) / 2;
    }
    free(before);
    return ok;
}

/* ---- Printing ---- */

static struct summary sum_up(const struct kernels_bench *bench, const struct row *row)
{
    size_t n = (size_t)bench->options->repeat;
    struct summary sum = {.median_ns = stats_median(row->ns, n),
                          .low_ns = stats_quantile(row->ns, n, 0.25),
                          .high_ns = stats_quantile(row->ns, n, 0.75)};
    if (sum.median_ns <= 0) return sum;
    sum.gb_per_s = (double)row->shown->n_bytes / sum.median_ns;
    sum.gmac_per_s = (double)row->shown->n_macs / sum.median_ns;
    if (row->shown->has_limit)
        sum.percent =
            speed_limits_percent(&bench->limits, (int)bench->options->threads[row->i_threads],
                                 speed_is_float(row->shown->type), sum.gb_per_s, sum.gmac_per_s);
    return sum;
}

enum { N_COLUMNS = 9, CELL_BYTES = 48 };

/* 0 stands for what is not known: an empty cell. */
static void format_known(double value, char *cell)
{
    if (value > 0) snprintf(cell, CELL_BYTES, "%.1f", value);
}

/* Names and types stand at the left, numbers at the right. */
static void print_cells(char cells[N_COLUMNS][CELL_BYTES], bool markdown)
{
    static const int widths[N_COLUMNS] = {-10, -7, 6, 7, 12, 24, 7, 7, 10};
    for (int i = 0; i < N_COLUMNS; i++) {
        if (markdown) printf("%s%s", i ? " | " : "| ", cells[i]);
        else printf("%s%*s", i ? " " : "", widths[i], cells[i]);
    }
    puts(markdown ? " |" : "");
}

static void print_table(const struct kernels_bench *bench, bool markdown)
{
    const struct speed_limits *limits = &bench->limits;
    printf("kernels of %s; limits (read GB/s, int8 GMAC/s, f32 GMAC/s):", isa_name(limits->isa));
    for (size_t i = 0; i < limits->n; i++)
        printf("%s %d %s %.1f, %.1f, %.1f", i ? ";" : "", limits->n_threads[i],
               limits->n_threads[i] == 1 ? "thread" : "threads", limits->latest[i].read_gb_per_s,
               limits->latest[i].int8_gmac_per_s, limits->latest[i].f32_gmac_per_s);
    printf("\n\n");
    char names[N_COLUMNS][CELL_BYTES] = {"kernel",    "type", "tokens", "threads",   "median us",
                                         "quartiles", "GB/s", "GMAC/s", "% of limit"};
    print_cells(names, markdown);
    if (markdown) puts("|---|---|--:|--:|--:|--:|--:|--:|--:|");
    for (size_t i = 0; i < bench->n_rows; i++) {
        const struct row *row = &bench->rows[i];
        struct summary sum = sum_up(bench, row);
        char cells[N_COLUMNS][CELL_BYTES] = {0};
        snprintf(cells[0], CELL_BYTES, "%s", row->shown->kernel);
        snprintf(cells[1], CELL_BYTES, "%s", row->shown->type);
        snprintf(cells[2], CELL_BYTES, "%zu", row->shown->n_tokens);
        snprintf(cells[3], CELL_BYTES, "%d", (int)bench->options->threads[row->i_threads]);
        snprintf(cells[4], CELL_BYTES, "%.1f", sum.median_ns * 1e-3);
        snprintf(cells[5], CELL_BYTES, "%.1f..%.1f", sum.low_ns * 1e-3, sum.high_ns * 1e-3);
        format_known(sum.gb_per_s, cells[6]);
        format_known(sum.gmac_per_s, cells[7]);
        format_known(sum.percent, cells[8]);
        print_cells(cells, markdown);
    }
}

static void put_known(struct json_writer *json, const char *key, double value)
{
    json_key(json, key);
    if (value > 0) json_put_number(json, value);
    else json_put_null(json);
}

static void write_row(const struct kernels_bench *bench, const struct row *row,
                      struct json_writer *json)
{
    struct summary sum = sum_up(bench, row);
    json_begin_object(json);
    json_key(json, "isa");
    json_put_string(json, isa_name(bench->options->isa));
    json_key(json, "kernel");
    json_put_string(json, row->shown->kernel);
    json_key(json, "type");
    json_put_string(json, row->shown->type);
    json_key(json, "tokens");
    json_put_integer(json, (int64_t)row->shown->n_tokens);
    json_key(json, "threads");
    json_put_integer(json, bench->options->threads[row->i_threads]);
    put_known(json, "median_ns", sum.median_ns);
    put_known(json, "low_ns", sum.low_ns);
    put_known(json, "high_ns", sum.high_ns);
    put_known(json, "gb_per_s", sum.gb_per_s);
    put_known(json, "gmac_per_s", sum.gmac_per_s);
    put_known(json, "percent_of_limit", sum.percent);
    json_end_object(json);
}

static void write_json(const struct kernels_bench *bench, bool lines, struct buf *out)
{
    struct json_writer json = {.out = out, .indent = lines ? 0 : 2};
    if (!lines) json_begin_array(&json);
    for (size_t i = 0; i < bench->n_rows; i++) {
        write_row(bench, &bench->rows[i], &json);
        if (lines) {
            buf_char(out, '\n');
            json = (struct json_writer){.out = out};
        }
    }
    if (lines) return;
    json_end_array(&json);
    buf_char(out, '\n');
}

static void write_csv(const struct kernels_bench *bench, struct buf *out)
{
    buf_text(out, "isa,kernel,type,tokens,threads,median_ns,low_ns,high_ns,gb_per_s,gmac_per_s,"
                  "percent_of_limit\n");
    for (size_t i = 0; i < bench->n_rows; i++) {
        const struct row *row = &bench->rows[i];
        struct summary sum = sum_up(bench, row);
        const double numbers[] = {sum.median_ns, sum.low_ns,     sum.high_ns,
                                  sum.gb_per_s,  sum.gmac_per_s, sum.percent};
        buf_printf(out, "%s,%s,%s,%zu,%lld", isa_name(bench->options->isa), row->shown->kernel,
                   row->shown->type, row->shown->n_tokens,
                   (long long)bench->options->threads[row->i_threads]);
        for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++)
            numbers[k] > 0 ? buf_printf(out, ",%.9g", numbers[k]) : buf_char(out, ',');
        buf_char(out, '\n');
    }
}

static bool print_rows(const struct kernels_bench *bench, struct err *err)
{
    enum bench_format format = bench->options->format;
    struct buf out = {0};
    if (format == BENCH_TABLE || format == BENCH_MARKDOWN) {
        print_table(bench, format == BENCH_MARKDOWN);
        return true;
    }
    if (format == BENCH_CSV) write_csv(bench, &out);
    else write_json(bench, format == BENCH_JSONL, &out);
    bool ok = buf_check(&out, err);
    if (ok) fputs(buf_string(&out), stdout);
    buf_free(&out);
    return ok;
}

bool bench_kernels(const struct invocation *invocation, const struct bench_kernels_options *options,
                   struct err *err)
{
    struct kernels_bench bench = {.options = options};
    struct progress progress;
    struct machine machine;
    bool ok = open_bench(&bench, err);
    if (ok) {
        machine_describe(&machine);
        machine_warn(&machine.record, &invocation->log);
        progress_begin(&progress, invocation->is_terminal ? stderr : NULL, true,
                       invocation->columns, "kernels", 0, 0);
        ok = measure_all(&bench, &progress, err);
        progress_end(&progress);
        ok = ok && print_rows(&bench, err);
    }
    close_bench(&bench);
    return ok;
}
