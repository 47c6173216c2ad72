/* tables.c - see tables.h.
 *
 * Cells are text, formatted here once for all forms of a table.
 * Knows nothing of HTML, Markdown or CSV (text_table.h).
 */
#include "reports/tables.h"

#include "results/runs.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* A cell of what was counted under a score, as in "12 truncated, 3 tie". */
static void cell_traps(const struct report_data *data, const struct report_score *score,
                       struct table *table)
{
    struct buf text = {0};
    for (size_t i = 0; i < data->n_notes; i++) {
        const struct report_note *note = &data->notes[i];
        if (!note->count || score->job != note->job || !strcmp(note->kind, "bos")) continue;
        buf_printf(&text, "%s%lld %s", text.n_bytes ? ", " : "", (long long)note->count,
                   note->kind);
    }
    table->failed |= text.failed;
    table_cell(table, "%s", buf_string(&text));
    buf_free(&text);
}

/* The macro average of the same job and metric; NULL if there is none. */
static const struct report_score *find_macro(const struct report_data *data,
                                             const struct report_score *micro)
{
    for (size_t i = 0; i < data->n_scores; i++) {
        const struct report_score *score = &data->scores[i];
        if (score->job == micro->job && metric_is_macro_of(score->metric, micro->metric))
            return score;
    }
    return NULL;
}

void tables_begin_row(struct table *table, const struct report_entry *entry, const char *suite,
                      const char *protocol, int shots)
{
    table_row(table);
    table_cell(table, "%s", entry->name);
    table_cell(table, "%s", entry->quantization);
    table_cell(table, "%s", suite);
    table_cell(table, "%s", protocol);
    table_cell(table, "%d", shots);
}

static void add_score_row(const struct report_data *data, const struct report_score *score,
                          struct table *table)
{
    const struct report_entry *entry = &data->entries[score->i_entry];
    const struct report_score *macro = find_macro(data, score);
    tables_begin_row(table, entry, score->suite, score->protocol, score->shots);
    table_cell(table, "%s", score->metric);
    table_cell(table, "%.2f", score->score);
    table_cell(table, "%.2f to %.2f", score->low, score->high);
    if (macro) table_cell(table, "%.2f", macro->score);
    else table_cell(table, "%s", "");
    table_cell(table, "%lld", (long long)score->n);
    cell_traps(data, score, table);
}

static bool is_first_score(const struct report_data *data, size_t i_score)
{
    for (size_t i = 0; i < i_score; i++)
        if (report_score_is_like(&data->scores[i], &data->scores[i_score])) return false;
    return true;
}

/* Scores that compare stand together. */
struct table *tables_scores(const struct report_data *data, struct err *err)
{
    struct table *table = table_new(
        data->arena,
        "model|quantization|suite|protocol|>shots|metric|>score|95% interval|>macro|>n|counted",
        err);
    for (size_t i = 0; table && i < data->n_scores; i++) {
        if (metric_is_macro(data->scores[i].metric) || !is_first_score(data, i)) continue;
        for (size_t k = i; k < data->n_scores; k++)
            if (report_score_is_like(&data->scores[k], &data->scores[i]))
                add_score_row(data, &data->scores[k], table);
    }
    return table && table_check(table, err) ? table : NULL;
}

struct table *tables_notes(const struct report_data *data, struct err *err)
{
    struct table *table =
        table_new(data->arena, "model|quantization|suite|protocol|>shots|what|>count|meaning", err);
    if (!table) return NULL;
    for (size_t i = 0; i < data->n_notes; i++) {
        const struct report_note *note = &data->notes[i];
        const struct report_entry *entry = &data->entries[note->i_entry];
        tables_begin_row(table, entry, note->suite, note->protocol, note->shots);
        table_cell(table, "%s", note->kind);
        table_cell(table, "%lld", (long long)note->count);
        table_cell(table, "%s", note->text);
    }
    return table_check(table, err) ? table : NULL;
}

static bool is_same_note(const struct report_note *a, const struct report_note *b)
{
    return !strcmp(a->kind, b->kind) && !strcmp(a->text, b->text);
}

static bool is_first_note(const struct report_data *data, size_t i_note)
{
    for (size_t i = 0; i < i_note; i++)
        if (is_same_note(&data->notes[i], &data->notes[i_note])) return false;
    return true;
}

struct table *tables_counts(const struct report_data *data, struct err *err)
{
    struct table *table = table_new(data->arena, "what|>jobs with any|>of|>count|meaning", err);
    for (size_t i = 0; table && i < data->n_notes; i++) {
        const struct report_note *note = &data->notes[i];
        size_t n_jobs = 0, n_met = 0;
        long long count = 0;
        if (!is_first_note(data, i)) continue;
        for (size_t k = i; k < data->n_notes; k++) {
            if (!is_same_note(&data->notes[k], note)) continue;
            n_jobs++;
            n_met += data->notes[k].count > 0;
            count += data->notes[k].count;
        }
        table_row(table);
        table_cell(table, "%s", note->kind);
        table_cell(table, "%zu", n_met);
        table_cell(table, "%zu", n_jobs);
        table_cell(table, "%lld", count);
        table_cell(table, "%s", note->text);
    }
    return table && table_check(table, err) ? table : NULL;
}

/* A number that is 0 where it is not known. */
static void cell_if_known(struct table *table, double value, const char *format)
{
    char text[32] = "";
    if (value > 0) snprintf(text, sizeof text, format[0] == '0' ? "%.0f" : "%.1f", value);
    table_cell(table, "%s", text);
}

static void add_speed_row(const struct report_data *data, const struct report_speed *speed,
                          struct table *table)
{
    const struct report_entry *entry = &data->entries[speed->i_entry];
    bool is_time = report_speed_is_time(speed);
    char label[64];
    report_speed_label(speed, label, sizeof label);
    table_row(table);
    table_cell(table, "%s", entry->name);
    table_cell(table, "%s", entry->quantization);
    table_cell(table, "%s", label);
    table_cell(table, "%d", speed->threads);
    table_cell(table, "%s", speed->isa);
    table_cell(table, is_time ? "%.4g" : "%.1f", speed->median);
    table_cell(table, is_time ? "%.4g to %.4g" : "%.1f to %.1f", speed->low, speed->high);
    table_cell(table, "%s", is_time ? "s" : "tokens/s");
    cell_if_known(table, speed->gb_per_s, "1");
    cell_if_known(table, speed->gmac_per_s, "1");
    cell_if_known(table, speed->percent_of_limit, "1");
    cell_if_known(table, speed->rss_bytes / (1 << 20), "0");
    table_cell(table, "%zu", speed->n);
}

static bool is_same_test(const struct report_speed *a, const struct report_speed *b)
{
    return !strcmp(a->test, b->test) && a->prompt == b->prompt && a->generate == b->generate &&
           a->batch == b->batch && a->threads == b->threads;
}

static bool is_first_speed(const struct report_data *data, size_t i_speed)
{
    for (size_t i = 0; i < i_speed; i++)
        if (is_same_test(&data->speeds[i], &data->speeds[i_speed])) return false;
    return true;
}

/* Speeds that compare stand together. */
struct table *tables_speeds(const struct report_data *data, struct err *err)
{
    struct table *table =
        table_new(data->arena,
                  "model|quantization|test|>threads|isa|>median|quartiles|unit|>GB/s|>GMAC/s|>% of "
                  "limit|>RSS, MiB|>n",
                  err);
    for (size_t i = 0; table && i < data->n_speeds; i++) {
        if (!is_first_speed(data, i)) continue;
        for (size_t k = i; k < data->n_speeds; k++)
            if (is_same_test(&data->speeds[k], &data->speeds[i]))
                add_speed_row(data, &data->speeds[k], table);
    }
    return table && table_check(table, err) ? table : NULL;
}

struct table *tables_kernels(const struct report_data *data, struct err *err)
{
    struct table *table =
        table_new(data->arena,
                  "run|kernel|>tokens|>threads|isa|>median µs|quartiles|>GB/s|>GMAC/s|>% of "
                  "limit|>repetitions",
                  err);
    if (!table) return NULL;
    for (size_t i = 0; i < data->n_kernels; i++) {
        const struct report_speed *speed = &data->kernels[i];
        const char *colon = strchr(speed->test, ':');
        table_row(table);
        table_cell(table, "%lld", (long long)speed->run);
        table_cell(table, "%s", colon ? colon + 1 : speed->test);
        table_cell(table, "%d", speed->prompt);
        table_cell(table, "%d", speed->threads);
        table_cell(table, "%s", speed->isa);
        table_cell(table, "%.1f", speed->median * 1e6);
        table_cell(table, "%.1f to %.1f", speed->low * 1e6, speed->high * 1e6);
        cell_if_known(table, speed->gb_per_s, "1");
        cell_if_known(table, speed->gmac_per_s, "1");
        cell_if_known(table, speed->percent_of_limit, "1");
        table_cell(table, "%zu", speed->n);
    }
    return table_check(table, err) ? table : NULL;
}

/* The means of all measurements of a run with their extremes. */
#define LIMIT_SQL(column, test)                                                                    \
    "round(avg(" column ") FILTER (WHERE test = '" test "'), 1),"                                  \
    " round(min(" column ") FILTER (WHERE test = '" test "'), 1),"                                 \
    " round(max(" column ") FILTER (WHERE test = '" test "'), 1)"
static const char LIMITS_SQL[] =
    "SELECT run, isa, threads, " LIMIT_SQL("gb_per_s", "limit_read") ", " LIMIT_SQL(
        "gmac_per_s",
        "limit_int8") ", " LIMIT_SQL("gmac_per_s",
                                     "limit_f32") " FROM v_speed WHERE run = ?1 AND test GLOB "
                                                  "'limit_*' GROUP BY isa, threads";

static bool add_limits(struct store *store, int64_t run, struct table *table, struct err *err)
{
    struct query *query = query_open(store, LIMITS_SQL, err);
    query_bind_integer(query, 1, run);
    int more;
    while ((more = query_next(query, err)) > 0) {
        table_row(table);
        for (int i = 0; i < 3; i++) table_cell(table, "%s", query_text(query, i));
        for (int i = 3; i < 12; i += 3)
            table_cell(table, "%s (%s to %s)", query_text(query, i), query_text(query, i + 1),
                       query_text(query, i + 2));
    }
    query_close(query);
    return more == 0;
}

struct table *tables_limits(struct store *store, const struct report_data *data, struct err *err)
{
    struct table *table =
        table_new(data->arena, "run|isa|>threads|>read GB/s|>int8 GMAC/s|>f32 GMAC/s", err);
    bool ok = table != NULL;
    for (size_t r = 0; ok && r < data->n_runs; r++)
        ok = add_limits(store, data->runs[r], table, err);
    return ok && table_check(table, err) ? table : NULL;
}

/* ---- Jobs and runs ---- */

static bool add_jobs(struct store *store, const struct report_data *data, int64_t run,
                     struct table *table, struct err *err)
{
    struct query *query = runs_conditions(store, run, err);
    int more;
    while ((more = query_next(query, err)) > 0) {
        const char *synthetic = query_integer(query, 13) ? " (synthetic)" : "";
        table_row(table);
        if (data->n_runs > 1)
            table_cell(table, "%s%s, run %lld", query_text(query, 0), synthetic, (long long)run);
        else table_cell(table, "%s%s", query_text(query, 0), synthetic);
        for (int i = 1; i < 13; i++) table_cell(table, "%s", query_text(query, i));
    }
    query_close(query);
    return more == 0;
}

struct table *tables_jobs(struct store *store, const struct report_data *data, struct err *err)
{
    struct table *table =
        table_new(data->arena,
                  "model|quantization|suite|protocol|>shots|>n|BOS|>context|KV|weights|data|logits|"
                  ">seconds",
                  err);
    bool ok = table != NULL;
    for (size_t r = 0; ok && r < data->n_runs; r++)
        ok = add_jobs(store, data, data->runs[r], table, err);
    return ok && table_check(table, err) ? table : NULL;
}

struct table *tables_runs(struct store *store, const struct report_data *data, struct err *err)
{
    size_t n = data->n_runs;
    struct query **queries = arena_alloc(data->arena, n, sizeof(struct query *), err);
    struct buf headings = {0};
    bool ok = queries != NULL;
    for (size_t r = 0; ok && r < n; r++) {
        buf_printf(&headings, "|run %lld", (long long)data->runs[r]);
        queries[r] = runs_describe_in_words(store, data->runs[r], err);
        ok = query_need(queries[r], "a run, or the machine or build that it names,", err);
    }
    struct table *table =
        ok && buf_check(&headings, err) ? table_new(data->arena, buf_string(&headings), err) : NULL;
    for (int i = 0; table && i < query_columns(queries[0]); i++) {
        table_row(table);
        table_cell(table, "%s", query_column_name(queries[0], i));
        for (size_t r = 0; r < n; r++) table_cell(table, "%s", query_text(queries[r], i));
    }
    for (size_t r = 0; queries && r < n; r++) query_close(queries[r]);
    buf_free(&headings);
    return table && table_check(table, err) ? table : NULL;
}
