/* bench_output.c - see bench_output.h. Lines of a table are the repetitions of one test, summed up:
 * medians and quartiles; of limits, medians and extremes.
 */
#include "harness/cli/bench_output.h"

#include "base/arena.h"
#include "base/csv.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/visible.h"
#include "harness/run/bench_kernels.h"
#include "harness/run/speed_limits.h"
#include "reports/text_table.h"
#include "results/stats/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const FORMATS[BENCH_FORMATS] = {"table", "json", "jsonl", "csv", "md"};

bool bench_format_parse(const char *name, enum bench_format *format, struct err *err)
{
    *format = BENCH_TABLE;
    while (name && *format < BENCH_FORMATS && strcmp(FORMATS[*format], name) != 0) ++*format;
    return *format < BENCH_FORMATS ||
           err_set(err, ERR_USAGE, "unknown format \"%s\": table, json, jsonl, csv or md", name);
}

static const double MUCH_FOREIGN = 0.05; /* share of all processors' time */

/* ---- Lines ---- */

/* The repetitions of one test, summed up. */
struct line {
    const struct speed_record *first;
    size_t n;
    /* The median of tokens/s, or of seconds for a test that has no such rate, and its quartiles;
     * for a limit, the extremes in their place. */
    double median, low, high;
    double gb_per_s, gmac_per_s, percent_of_limit;
    uint64_t rss_bytes;
};

static bool same_test(const struct speed_record *a, const struct speed_record *b)
{
    return !strcmp(a->test, b->test) && a->prompt_tokens == b->prompt_tokens &&
           a->generated_tokens == b->generated_tokens && a->batch == b->batch &&
           a->n_threads == b->n_threads;
}

/* values: room for four of each record. */
static void sum_up(const struct bench_results *results, const struct speed_record *first,
                   double *values, struct line *line)
{
    double *gb = values + results->n, *gmac = gb + results->n, *percent = gmac + results->n;
    bool has_rate = first->tokens_per_s > 0, is_limit = speed_is_limit(first->test);
    *line = (struct line){.first = first};
    for (size_t i = 0; i < results->n; i++) {
        const struct speed_record *record = &results->records[i];
        if (!same_test(record, first)) continue;
        values[line->n] = has_rate   ? record->tokens_per_s
                          : is_limit ? record->gb_per_s + record->gmac_per_s /* one is 0 */
                                     : (double)record->duration_ns * 1e-9;
        gb[line->n] = record->gb_per_s;
        percent[line->n] = record->percent_of_limit;
        gmac[line->n++] = record->gmac_per_s;
        if (record->rss_bytes > line->rss_bytes) line->rss_bytes = record->rss_bytes;
    }
    line->median = stats_median(values, line->n);
    line->low = stats_quantile(values, line->n, is_limit ? 0 : 0.25);
    line->high = stats_quantile(values, line->n, is_limit ? 1 : 0.75);
    line->gb_per_s = stats_median(gb, line->n);
    line->gmac_per_s = stats_median(gmac, line->n);
    line->percent_of_limit = stats_median(percent, line->n);
}

/* Tests of models in the order in which a run meets them; kernels by name after them. */
static int rank_of(const char *test)
{
    static const char *const order[] = {"limit_read",  "limit_int8", "limit_f32", "load",
                                        "first_token", "prefill",    "decode",    "batched_decode"};
    int i = 0;
    while (i < (int)COUNT_OF(order) && strcmp(order[i], test) != 0) i++;
    return i;
}

static int compare_lines(const void *a, const void *b)
{
    const struct speed_record *x = ((const struct line *)a)->first,
                              *y = ((const struct line *)b)->first;
    int i = rank_of(x->test), j = rank_of(y->test), by_name = strcmp(x->test, y->test);
    if (i != j) return i - j;
    if (by_name) return by_name;
    if (x->prompt_tokens != y->prompt_tokens) return x->prompt_tokens - y->prompt_tokens;
    if (x->generated_tokens != y->generated_tokens)
        return x->generated_tokens - y->generated_tokens;
    if (x->batch != y->batch) return x->batch - y->batch;
    return x->n_threads - y->n_threads;
}

/* [*n] lines in their order; free() them. NULL with an error. */
static struct line *sum_up_all(const struct bench_results *results, size_t *n, struct err *err)
{
    double *values = mem_new(4 * results->n, sizeof *values, err);
    struct line *lines = values ? mem_new(results->n, sizeof *lines, err) : NULL;
    *n = 0;
    for (size_t i = 0; lines && i < results->n; i++) {
        size_t k = 0;
        while (k < *n && !same_test(lines[k].first, &results->records[i])) k++;
        if (k == *n) sum_up(results, &results->records[i], values, &lines[(*n)++]);
    }
    if (lines) qsort(lines, *n, sizeof *lines, compare_lines);
    free(values);
    return lines;
}

/* ---- Tables ---- */

/* Four digits, but never an exponent for what is large. */
static const char *format_value(double value, char text[16])
{
    snprintf(text, 16, value >= 1000 ? "%.0f" : "%.4g", value);
    return text;
}

/* A cell that is empty for 0, which stands for what is not known. */
static void cell_if_known(struct table *table, double value)
{
    char text[32] = "";
    if (value > 0) snprintf(text, sizeof text, "%.1f", value);
    table_cell(table, "%s", text);
}

/* What the machine can do at best: one row for each number of threads, by whose extremes a machine
 * that is not the same all the time is seen. */
static void add_limits(const struct line *lines, size_t n, struct table *table)
{
    for (size_t i = 0; i < n; i++) {
        int n_threads = lines[i].first->n_threads;
        if (strcmp(lines[i].first->test, "limit_read") != 0) continue;
        table_row(table);
        table_cell(table, "%d", n_threads);
        for (size_t k = 0; k < n; k++) {
            const struct line *line = &lines[k];
            char median[16], low[16], high[16];
            if (!speed_is_limit(line->first->test) || line->first->n_threads != n_threads) continue;
            table_cell(table, "%s (%s..%s)", format_value(line->median, median),
                       format_value(line->low, low), format_value(line->high, high));
        }
    }
}

static void add_rates(const struct line *line, struct table *table)
{
    cell_if_known(table, line->gb_per_s);
    cell_if_known(table, line->gmac_per_s);
    cell_if_known(table, line->percent_of_limit);
}

static void add_model_line(const struct line *line, struct table *table)
{
    const struct speed_record *first = line->first;
    const int integers[] = {first->prompt_tokens, first->generated_tokens, first->batch,
                            first->n_threads};
    char median[16], low[16], high[16];
    table_row(table);
    table_cell(table, "%s", first->test);
    for (size_t i = 0; i < 4; i++) table_cell(table, "%d", integers[i]);
    table_cell(table, "%s %s", format_value(line->median, median),
               first->tokens_per_s > 0 ? "tok/s" : "s");
    table_cell(table, "%s..%s", format_value(line->low, low), format_value(line->high, high));
    add_rates(line, table);
    table_cell(table, "%.0f", (double)line->rss_bytes / 0x1p20);
}

static void add_kernel_line(const struct line *line, struct table *table)
{
    const struct speed_record *first = line->first;
    table_row(table);
    table_cell(table, "%s", first->test + strlen(BENCH_KERNEL_PREFIX));
    table_cell(table, "%d", first->prompt_tokens);
    table_cell(table, "%d", first->n_threads);
    table_cell(table, "%.1f", line->median * 1e6);
    table_cell(table, "%.1f..%.1f", line->low * 1e6, line->high * 1e6);
    add_rates(line, table);
}

static bool print_table(const struct table *table, bool markdown, struct err *err)
{
    struct buf text = {0};
    if (!table_check(table, err)) return false;
    if (markdown) table_markdown(table, &text);
    else table_print(table, stdout);
    return buf_print(&text, stdout, err);
}

/* A line where other programs had more of the machine than its figures bear. */
static bool print_foreign(const struct bench_results *results, struct err *err)
{
    double *shares = mem_new(results->n, sizeof *shares, err);
    size_t n = 0;
    if (!shares) return false;
    for (size_t i = 0; i < results->n; i++)
        if (results->records[i].foreign_share != SPEED_SHARE_UNKNOWN)
            shares[n++] = results->records[i].foreign_share;
    double median = stats_median(shares, n);
    if (median > MUCH_FOREIGN)
        printf("\nother programs had %.0f%% of the processors' time meanwhile (median)\n",
               100 * median);
    free(shares);
    return true;
}

static struct table *new_tests(struct arena *arena, bool are_kernels, struct err *err)
{
    return table_new(arena,
                     are_kernels ? "kernel|>tokens|>threads|>median us|>quartiles|>GB/s|>GMAC/s|"
                                   ">% of limit"
                                 : "test|>prompt|>generate|>batch|>threads|>median|>quartiles|"
                                   ">GB/s|>GMAC/s|>% of limit|>MiB",
                     err);
}

static bool print_tables(const struct bench_results *results, const char *heading, bool markdown,
                         struct err *err)
{
    size_t n = 0;
    struct arena *arena = arena_new(0, err);
    struct line *lines = arena ? sum_up_all(results, &n, err) : NULL;
    bool are_kernels = n && bench_is_kernel(lines[n - 1].first->test), ok = false;
    struct table *limits =
        lines ? table_new(arena, ">limits, threads|>read GB/s|>int8 GMAC/s|>f32 GMAC/s", err)
              : NULL;
    struct table *tests = limits ? new_tests(arena, are_kernels, err) : NULL;
    if (!tests) goto out;
    add_limits(lines, n, limits);
    for (size_t i = 0; i < n; i++) {
        if (speed_is_limit(lines[i].first->test)) continue;
        if (are_kernels) add_kernel_line(&lines[i], tests);
        else add_model_line(&lines[i], tests);
    }
    visible_printf(stdout, "%s\n\n", heading);
    if (limits->n_rows) {
        if (!print_table(limits, markdown, err)) goto out;
        putchar('\n');
    }
    ok = print_table(tests, markdown, err) && print_foreign(results, err);
out:
    free(lines);
    arena_free(arena);
    return ok;
}

/* ---- Data ---- */

static void write_record(const struct bench_results *results, const struct speed_record *record,
                         struct json_writer *json)
{
    const struct {
        const char *key;
        int64_t value;
    } integers[] = {{"prompt", record->prompt_tokens},
                    {"generate", record->generated_tokens},
                    {"batch", record->batch},
                    {"threads", record->n_threads},
                    {"repetition", record->repetition},
                    {"duration_ns", record->duration_ns},
                    {"rss_bytes", (int64_t)record->rss_bytes}};
    const struct {
        const char *key;
        double value;
    } numbers[] = {{"tokens_per_s", record->tokens_per_s},
                   {"gb_per_s", record->gb_per_s},
                   {"gmac_per_s", record->gmac_per_s},
                   {"percent_of_limit", record->percent_of_limit},
                   {"frequency_mhz", record->frequency_mhz}};
    bool has_share = record->foreign_share != SPEED_SHARE_UNKNOWN;
    const struct {
        const char *key, *value;
    } texts[] = {{"model", results->model},
                 {"quantization", results->quantization},
                 {"isa", record->isa},
                 {"test", record->test}};
    json_begin_object(json);
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        json_set_string(json, texts[i].key, texts[i].value);
    for (size_t i = 0; i < COUNT_OF(integers); i++)
        json_set_integer(json, integers[i].key, integers[i].value);
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        json_key(json, numbers[i].key);
        if (numbers[i].value > 0) json_put_number(json, numbers[i].value);
        else json_put_null(json);
    }
    json_set_number(json, "foreign_share", has_share ? record->foreign_share : NAN);
    json_end_object(json);
}

static void write_json(const struct bench_results *results, bool lines, struct buf *out)
{
    struct json_writer json = {.out = out, .indent = lines ? 0 : 2};
    if (!lines) json_begin_array(&json);
    for (size_t i = 0; i < results->n; i++) {
        write_record(results, &results->records[i], &json);
        if (lines) {
            buf_char(out, '\n');
            json = (struct json_writer){.out = out};
        }
    }
    if (lines) return;
    json_end_array(&json);
    buf_char(out, '\n');
}

static void write_csv(const struct bench_results *results, struct buf *out)
{
    buf_text(out,
             "model,quantization,isa,test,prompt,generate,batch,threads,repetition,duration_"
             "ns,rss_bytes,"
             "tokens_per_s,gb_per_s,gmac_per_s,percent_of_limit,frequency_mhz,foreign_share\n");
    for (size_t i = 0; i < results->n; i++) {
        const struct speed_record *record = &results->records[i];
        csv_put_cell(out, results->model, ',');
        buf_printf(out, ",%s,%s,%s,%d,%d,%d,%d,%d,%lld,%llu", results->quantization, record->isa,
                   record->test, record->prompt_tokens, record->generated_tokens, record->batch,
                   record->n_threads, record->repetition, (long long)record->duration_ns,
                   (unsigned long long)record->rss_bytes);
        const double numbers[] = {record->tokens_per_s, record->gb_per_s, record->gmac_per_s,
                                  record->percent_of_limit, record->frequency_mhz};
        for (size_t k = 0; k < COUNT_OF(numbers); k++)
            numbers[k] > 0 ? buf_printf(out, ",%.9g", numbers[k]) : buf_char(out, ',');
        buf_char(out, ',');
        if (record->foreign_share != SPEED_SHARE_UNKNOWN)
            buf_printf(out, "%.4f", record->foreign_share);
        buf_char(out, '\n');
    }
}

bool bench_print(const struct bench_results *results, enum bench_format format, const char *heading,
                 struct err *err)
{
    if (format == BENCH_TABLE || format == BENCH_MARKDOWN)
        return print_tables(results, heading, format == BENCH_MARKDOWN, err);
    struct buf out = {0};
    if (format == BENCH_CSV) write_csv(results, &out);
    else write_json(results, format == BENCH_JSONL, &out);
    return buf_print(&out, stdout, err);
}
