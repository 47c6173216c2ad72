/* ab_output.c - see ab_output.h. Every difference is shown in percent of A, with a sign.
 *
 * The sentences are made once, as lines that a table prints as they are and Markdown as a list.
 */
#include "harness/cli/ab_output.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/visible.h"
#include "reports/html.h"
#include "reports/text_table.h"
#include "results/stats/order.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const char *const FORMATS[AB_FORMATS] = {"table", "json", "md"};
static const char *const ENDINGS[] = {"precise enough", "slower beyond doubt", "the time was up",
                                      "interrupted"};
static const char *const ENDING_NAMES[] = {"precise", "proved", "time", "interrupted"};
static const char *const REASON_NAMES[] = {
    NULL, "few_blocks", "disturbed", "straddles_margin", "doubtful", "too_wide"};
static const char *const VERDICT_NAMES[] = {"same", "faster", "slower_within_margin", "cannot_tell",
                                            "slower"};

/* How a quantity is shown: values times `scale`. */
static const struct {
    const char *unit;
    double scale;
} SHOWN[AB_QUANTITIES] = {
    {"tok/s", 1},  {"tok/s", 1},  {"tok/s", 1}, {"s", 1}, {"MiB", 1.0 / (1 << 20)},
    {"1e9", 1e-9}, {"1e9", 1e-9},
};

bool ab_format_parse(const char *name, enum ab_format *format, struct err *err)
{
    *format = AB_TABLE;
    while (name && *format < AB_FORMATS && strcmp(FORMATS[*format], name) != 0) ++*format;
    return *format < AB_FORMATS ||
           err_set(err, ERR_USAGE, "unknown format \"%s\": table, json or md", name);
}

/* ---- Sentences ---- */

static void put_change(struct buf *out, double log_ratio)
{
    double percent = ab_percent(log_ratio);
    if (isfinite(percent)) buf_printf(out, "%+.*f%%", fabs(percent) < 1 ? 2 : 1, percent);
    else buf_text(out, "?");
}

static void put_interval(struct buf *out, struct interval interval)
{
    put_change(out, interval.low);
    buf_text(out, " to ");
    put_change(out, interval.high);
}

/* "-5.1% (-5.6% to -4.5%)" */
static void put_estimate(struct buf *out, double log_ratio, struct interval interval)
{
    put_change(out, log_ratio);
    buf_text(out, " (");
    put_interval(out, interval);
    buf_char(out, ')');
}

/* The verdict on a test in a few words; SAME says within what. */
static void put_verdict(struct buf *out, enum ab_verdict verdict, struct interval decisive)
{
    double within = fmax(fabs(ab_percent(decisive.low)), fabs(ab_percent(decisive.high)));
    buf_text(out, AB_VERDICT_NAMES[verdict]);
    if (verdict == AB_SAME) buf_printf(out, " WITHIN %.*f%%", within < 1 ? 2 : 1, within);
}

static void put_reason(const struct ab_options *options, const struct ab_result *result, int test,
                       struct buf *out)
{
    const struct ab_comparison *comparison = &result->comparisons[test];
    char duration[32];
    switch (result->reasons[test]) {
    case AB_CLEAR: return;
    case AB_FEW_BLOCKS:
        buf_printf(out, ": %zu blocks are too few, six are the least", comparison->n);
        break;
    case AB_DISTURBED:
        buf_text(out, ": the machine disturbs the same binary as much, A again is ");
        put_estimate(out, comparison->again.mean, comparison->again.interval);
        break;
    case AB_STRADDLES: buf_text(out, ": slower, but perhaps by less than the margin"); break;
    case AB_DOUBTFUL:
        buf_text(out, ": slower than the margin by its interval, but not beyond doubt");
        break;
    case AB_WIDE: buf_text(out, ": perhaps slower than the margin, perhaps not at all"); break;
    }
    size_t needed = ab_blocks_needed(comparison, options->margin);
    if (needed <= comparison->n || !result->n_blocks) return;
    clock_format_duration(result->duration_ns / (int64_t)result->n_blocks * (int64_t)needed,
                          duration, sizeof duration);
    buf_printf(out, "; about %zu blocks would tell (--minutes, %s)", needed, duration);
}

void ab_describe_verdict(const struct ab_options *options, const struct ab_result *result,
                         struct buf *out)
{
    bool is_first = true;
    if (result->verdict == AB_SAME) {
        struct interval all = {0, 0};
        for (int i = 0; i < AB_TESTS; i++) {
            if (!options->tests[i]) continue;
            all.low = fmin(all.low, result->comparisons[i].decisive.low);
            all.high = fmax(all.high, result->comparisons[i].decisive.high);
        }
        put_verdict(out, AB_SAME, all);
        return;
    }
    buf_text(out, AB_VERDICT_NAMES[result->verdict]);
    for (int i = 0; i < AB_TESTS; i++) {
        if (!options->tests[i] || result->verdicts[i] != result->verdict) continue;
        buf_printf(out, "%s %s ", is_first ? ":" : ",", AB_QUANTITY_NAMES[i]);
        put_estimate(out, result->comparisons[i].b.mean, result->comparisons[i].decisive);
        put_reason(options, result, i, out);
        is_first = false;
    }
    if (result->verdict == AB_SLOWER)
        buf_printf(out, ", beyond the margin of %g%%", 100 * options->margin);
}

static void put_work(const struct ab_options *options, const struct ab_result *result,
                     struct buf *out)
{
    const struct ab_work *work = &result->work;
    char duration[32];
    clock_format_duration(result->duration_ns, duration, sizeof duration);
    buf_printf(out, "%s: %zu blocks of A, A again and B in %s (%s), in the order of seed %" PRIu64,
               work->model, result->n_blocks, duration, ENDINGS[result->ending], options->seed);
    buf_printf(out, "; %" PRId64 " repetitions in each process", work->repeat);
    if (work->tests[AB_PREFILL]) buf_printf(out, ", prefill of %" PRId64 " tokens", work->prompt);
    if (work->generate)
        buf_printf(out, ", decoding of %" PRId64 " after %" PRId64, work->generate, work->prompt);
    if (work->tests[AB_BATCHED]) buf_printf(out, ", in batches of %" PRId64, work->batch);
    buf_char(out, '\n');
}

static void put_programs(const struct ab_result *result, struct buf *out)
{
    for (int i = 0; i < 2; i++) {
        const struct ab_program *program = &result->programs[i];
        buf_printf(out, "%c is %s%s%s, %s\n", 'A' + i, program->line, *program->version ? ": " : "",
                   program->version, program->isa);
    }
    if (strcmp(result->programs[0].isa, result->programs[1].isa) != 0)
        buf_text(out, "A and B use other instruction sets\n");
}

static void put_machine(const struct ab_result *result, struct buf *out)
{
    if (result->n_shares)
        buf_printf(out,
                   "others had %.0f%% of the processors' time while a process ran (median; at most "
                   "%.0f%%)\n",
                   100 * stats_median(result->shares, result->n_shares),
                   100 * stats_quantile(result->shares, result->n_shares, 1));
    if (result->counters_fault)
        buf_printf(out, "instructions and cycles were not counted: %s\n", result->counters_fault);
    for (int i = 0; i < AB_TESTS; i++)
        if (result->comparisons[i].is_correlated)
            buf_printf(out,
                       "%s: successive blocks depend on each other, the interval is the block "
                       "bootstrap's where that is wider\n",
                       AB_QUANTITY_NAMES[i]);
}

/* "gemm q4_k, 1 token: -6.0% (-6.4% to -5.6%); the rest the same" */
static void put_kernels(const struct ab_kernels *kernels, struct buf *out)
{
    size_t n_shown = 0;
    if (*kernels->fault) buf_printf(out, "kernels: not compared to the end: %s\n", kernels->fault);
    if (!kernels->n_blocks) return;
    buf_printf(out, "kernels, in %zu blocks: ", kernels->n_blocks);
    for (size_t i = 0; i < kernels->n; i++) {
        const struct ab_kernel *kernel = &kernels->items[i];
        if (!kernel->is_changed) continue;
        buf_printf(out, "%s%s: ", n_shown++ ? "; " : "", kernel->name);
        put_estimate(out, kernel->comparison.b.mean, kernel->comparison.decisive);
    }
    if (n_shown) buf_printf(out, "; the rest the same (%zu)\n", kernels->n - n_shown);
    else buf_printf(out, "of %zu none differs beyond what A differs from itself\n", kernels->n);
}

static void put_power(const struct ab_options *options, const struct ab_result *result,
                      struct buf *out)
{
    bool is_first = true;
    for (int i = 0; i < AB_TESTS; i++) {
        double percent = -ab_percent(-result->comparisons[i].detectable);
        if (!options->tests[i] || !isfinite(percent)) continue;
        buf_printf(out, "%s %.*f%% of %s", is_first ? "such blocks see a change by" : ",",
                   percent < 1 ? 2 : 1, percent, AB_QUANTITY_NAMES[i]);
        is_first = false;
    }
    if (!is_first) buf_text(out, " with 80% probability\n");
}

/* ---- Tables ---- */

static void cell_of(struct table *table, struct buf *text)
{
    table_cell(table, "%s", buf_string(text));
    buf_clear(text);
}

/* Four digits, but never an exponent for what is large. */
static void put_value(struct table *table, double value)
{
    table_cell(table, value >= 1000 ? "%.0f" : "%.4g", value);
}

static void add_row(const struct ab_options *options, const struct ab_result *result, int quantity,
                    struct table *table)
{
    const struct ab_comparison *comparison = &result->comparisons[quantity];
    struct buf text = {0};
    if (!comparison->n) return;
    table_row(table);
    table_cell(table, "%s, %s", AB_QUANTITY_NAMES[quantity], SHOWN[quantity].unit);
    for (int arm = AB_A; arm < AB_ARMS; arm++)
        if (arm != AB_AGAIN) put_value(table, comparison->median[arm] * SHOWN[quantity].scale);
    put_estimate(&text, comparison->again.mean, comparison->again.interval);
    cell_of(table, &text);
    put_change(&text, comparison->b.mean);
    cell_of(table, &text);
    put_interval(&text, comparison->decisive);
    cell_of(table, &text);
    if (quantity < AB_TESTS && options->tests[quantity])
        put_verdict(&text, result->verdicts[quantity], comparison->decisive);
    else if (comparison->decisive.high < 0) buf_text(&text, "less");
    else if (comparison->decisive.low > 0) buf_text(&text, "more");
    else buf_text(&text, "no change seen");
    cell_of(table, &text);
    table->failed |= text.failed;
    buf_free(&text);
}

/* Prints the lines: as they are, or each as an item of a list. */
static void print_lines(struct buf *lines, bool markdown, struct buf *out)
{
    for (const char *line = buf_string(lines), *end; (end = strchr(line, '\n')); line = end + 1) {
        struct buf one = {0};
        buf_append(&one, line, (size_t)(end - line));
        if (markdown) {
            buf_text(out, "- ");
            markdown_text(out, buf_string(&one));
        } else visible_append(out, buf_string(&one), one.n_bytes, VISIBLE_LINE);
        buf_char(out, '\n');
        out->failed |= one.failed;
        buf_free(&one);
    }
    out->failed |= lines->failed;
    buf_clear(lines);
}

static bool print_table(const struct ab_options *options, const struct ab_result *result,
                        bool markdown, struct err *err)
{
    struct buf lines = {0}, out = {0};
    struct arena *arena = arena_new(0, err);
    struct table *table =
        arena ? table_new(arena, "measured|>A|>B|>A again / A|>B / A|>interval|verdict", err)
              : NULL;
    bool ok = table != NULL;
    for (int i = 0; ok && i < AB_QUANTITIES; i++) add_row(options, result, i, table);
    ok = ok && table_check(table, err);
    if (ok) {
        put_programs(result, &lines);
        put_work(options, result, &lines);
        print_lines(&lines, markdown, &out);
        buf_char(&out, '\n');
        ok = buf_print(&out, stdout, err);
    }
    if (ok) {
        if (markdown) table_markdown(table, &out);
        else table_print(table, stdout);
        buf_char(&out, '\n');
        put_machine(result, &lines);
        put_kernels(&result->kernels, &lines);
        put_power(options, result, &lines);
        buf_text(&lines, "verdict: ");
        ab_describe_verdict(options, result, &lines);
        buf_char(&lines, '\n');
        print_lines(&lines, markdown, &out);
        ok = buf_print(&out, stdout, err);
    }
    buf_free(&lines);
    buf_free(&out);
    arena_free(arena);
    return ok;
}

/* ---- JSON ---- */

static void set_effect(struct json_writer *json, const char *key, double log_ratio,
                       struct interval interval)
{
    json_key(json, key);
    json_begin_object(json);
    json_set_number(json, "percent", ab_percent(log_ratio));
    json_set_number(json, "low", ab_percent(interval.low));
    json_set_number(json, "high", ab_percent(interval.high));
    json_end_object(json);
}

static void set_comparison(struct json_writer *json, const struct ab_comparison *comparison)
{
    json_set_integer(json, "n", (int64_t)comparison->n);
    json_set_number(json, "a", comparison->median[AB_A]);
    json_set_number(json, "b", comparison->median[AB_B]);
    set_effect(json, "a_again_to_a", comparison->again.mean, comparison->again.interval);
    set_effect(json, "b_to_a", comparison->b.mean, comparison->b.interval);
    set_effect(json, "decisive", comparison->b.mean, comparison->decisive);
    json_set_bool(json, "is_correlated", comparison->is_correlated);
    json_set_number(json, "detectable_percent", -ab_percent(-comparison->detectable));
}

static void put_quantity(struct json_writer *json, const struct ab_options *options,
                         const struct ab_result *result, int i)
{
    json_begin_object(json);
    json_set_string(json, "name", AB_QUANTITY_NAMES[i]);
    set_comparison(json, &result->comparisons[i]);
    if (i < AB_TESTS && options->tests[i]) {
        json_set_string(json, "verdict", VERDICT_NAMES[result->verdicts[i]]);
        json_set_string(json, "reason", REASON_NAMES[result->reasons[i]]);
    }
    json_key(json, "blocks");
    json_begin_array(json);
    for (size_t k = 0; k < result->series[i].n; k++) {
        json_begin_array(json);
        for (int arm = AB_A; arm < AB_ARMS; arm++)
            json_put_number(json, result->series[i].blocks[k].value[arm]);
        json_end_array(json);
    }
    json_end_array(json);
    json_end_object(json);
}

static void put_json_kernels(struct json_writer *json, const struct ab_kernels *kernels)
{
    json_key(json, "kernels");
    json_begin_array(json);
    for (size_t i = 0; i < kernels->n; i++) {
        const struct ab_kernel *kernel = &kernels->items[i];
        json_begin_object(json);
        json_set_string(json, "name", kernel->name);
        set_comparison(json, &kernel->comparison);
        json_set_number(json, "p_value", kernel->p_value);
        json_set_bool(json, "is_changed", kernel->is_changed);
        json_end_object(json);
    }
    json_end_array(json);
    json_set_string(json, "kernels_fault", *kernels->fault ? kernels->fault : NULL);
}

static void put_json_programs(struct json_writer *json, const struct ab_result *result)
{
    json_key(json, "programs");
    json_begin_array(json);
    for (int i = 0; i < 2; i++) {
        json_begin_object(json);
        json_set_string(json, "command", result->programs[i].line);
        json_set_string(json, "version", result->programs[i].version);
        json_set_string(json, "isa", result->programs[i].isa);
        json_end_object(json);
    }
    json_end_array(json);
}

static bool print_json(const struct ab_options *options, const struct ab_result *result,
                       struct err *err)
{
    const struct ab_work *work = &result->work;
    struct buf out = {0};
    struct json_writer json = {.out = &out, .indent = 2};
    json_begin_object(&json);
    put_json_programs(&json, result);
    json_set_string(&json, "model", work->model);
    json_set_integer(&json, "prompt", work->prompt);
    json_set_integer(&json, "generate", work->generate);
    json_set_integer(&json, "repeat", work->repeat);
    json_set_integer(&json, "seed", (int64_t)options->seed);
    json_set_number(&json, "margin_percent", 100 * options->margin);
    json_set_number(&json, "precision_percent", 100 * options->precision);
    json_set_integer(&json, "blocks", (int64_t)result->n_blocks);
    json_set_number(&json, "seconds", 1e-9 * (double)result->duration_ns);
    json_set_string(&json, "ended", ENDING_NAMES[result->ending]);
    json_set_number(&json, "foreign_share", stats_median(result->shares, result->n_shares));
    json_set_string(&json, "counters_fault", result->counters_fault);
    json_key(&json, "quantities");
    json_begin_array(&json);
    for (int i = 0; i < AB_QUANTITIES; i++)
        if (result->comparisons[i].n) put_quantity(&json, options, result, i);
    json_end_array(&json);
    put_json_kernels(&json, &result->kernels);
    json_set_string(&json, "verdict", VERDICT_NAMES[result->verdict]);
    json_end_object(&json);
    return json_print(&json, stdout, err);
}

bool ab_print(const struct ab_options *options, const struct ab_result *result,
              enum ab_format format, struct err *err)
{
    return format == AB_JSON ? print_json(options, result, err)
                             : print_table(options, result, format == AB_MARKDOWN, err);
}
