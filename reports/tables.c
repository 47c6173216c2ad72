/* tables.c - see tables.h.
 *
 * Cells are text, formatted here once for all forms of a table.
 * Knows nothing of HTML, Markdown or CSV (text_table.h).
 */
#include "reports/tables.h"

#include "results/stats.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* "12 truncated, 3 tie": what was counted under a score. */
static void format_traps(const struct report_data *data, const struct report_score *score,
                         char *text, size_t n_bytes)
{
    size_t used = 0;
    text[0] = 0;
    for (size_t i = 0; i < data->n_notes; i++) {
        const struct report_note *note = &data->notes[i];
        if (!note->count || score->job != note->job || !strcmp(note->kind, "bos")) continue;
        int n = snprintf(text + used, n_bytes - used, "%s%lld %s", used ? ", " : "",
                         (long long)note->count, note->kind);
        used += n > 0 ? (size_t)n : 0;
        if (used >= n_bytes) return;
    }
}

/* The macro average of the same job and metric; NULL if there is none. */
static const struct report_score *find_macro(const struct report_data *data,
                                             const struct report_score *micro)
{
    size_t n = strlen(micro->metric);
    for (size_t i = 0; i < data->n_scores; i++) {
        const struct report_score *score = &data->scores[i];
        if (score->job == micro->job && report_score_is_macro(score) &&
            !strncmp(score->metric, micro->metric, n) && !strcmp(score->metric + n, "_macro"))
            return score;
    }
    return NULL;
}

struct table *tables_scores(const struct report_data *data, struct err *err)
{
    struct table *table = table_new(
        data->arena,
        "model|quantization|suite|protocol|>shots|metric|>score|95% interval|>macro|>n|counted",
        err);
    if (!table) return NULL;
    for (size_t i = 0; i < data->n_scores; i++) {
        const struct report_score *score = &data->scores[i];
        const struct report_entry *entry = &data->entries[score->i_entry];
        const struct report_score *macro = find_macro(data, score);
        char traps[256];
        if (report_score_is_macro(score)) continue;
        format_traps(data, score, traps, sizeof traps);
        table_row(table);
        table_cell(table, "%s", entry->name);
        table_cell(table, "%s", entry->quantization);
        table_cell(table, "%s", score->suite);
        table_cell(table, "%s", score->protocol);
        table_cell(table, "%d", score->shots);
        table_cell(table, "%s", score->metric);
        table_cell(table, "%.2f", score->score);
        table_cell(table, "%.2f to %.2f", score->low, score->high);
        if (macro) table_cell(table, "%.2f", macro->score);
        else table_cell(table, "%s", "");
        table_cell(table, "%lld", (long long)score->n);
        table_cell(table, "%s", traps);
    }
    return table_check(table, err) ? table : NULL;
}

struct table *tables_notes(const struct report_data *data, struct err *err)
{
    struct table *table =
        table_new(data->arena, "model|quantization|suite|protocol|>shots|what|>count|meaning", err);
    if (!table) return NULL;
    for (size_t i = 0; i < data->n_notes; i++) {
        const struct report_note *note = &data->notes[i];
        const struct report_entry *entry = &data->entries[note->i_entry];
        table_row(table);
        table_cell(table, "%s", entry->name);
        table_cell(table, "%s", entry->quantization);
        table_cell(table, "%s", note->suite);
        table_cell(table, "%s", note->protocol);
        table_cell(table, "%d", note->shots);
        table_cell(table, "%s", note->kind);
        table_cell(table, "%lld", (long long)note->count);
        table_cell(table, "%s", note->text);
    }
    return table_check(table, err) ? table : NULL;
}

/* A number that is 0 where it is not known. */
static void cell_if_known(struct table *table, double value, const char *format)
{
    char text[32] = "";
    if (value > 0) snprintf(text, sizeof text, format[0] == '0' ? "%.0f" : "%.1f", value);
    table_cell(table, "%s", text);
}

struct table *tables_speeds(const struct report_data *data, struct err *err)
{
    struct table *table =
        table_new(data->arena,
                  "model|quantization|test|>threads|isa|>median|quartiles|unit|>GB/s|>GMAC/s|>% of "
                  "limit|>peak RSS MiB|>repetitions",
                  err);
    if (!table) return NULL;
    for (size_t i = 0; i < data->n_speeds; i++) {
        const struct report_speed *speed = &data->speeds[i];
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
    return table_check(table, err) ? table : NULL;
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
    if (!query) return false;
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

/* ---- Subsets ---- */

enum { MAX_SUBSET_COLUMNS = TABLE_MAX_COLUMNS - 3 };

/* The distinct jobs of the subset scores, in order: one column each. */
static size_t find_columns(const struct report_data *data, const struct report_score **columns)
{
    size_t n = 0;
    for (size_t i = 0; i < data->n_subsets && n < MAX_SUBSET_COLUMNS; i++)
        if (!n || columns[n - 1]->job != data->subsets[i].job) columns[n++] = &data->subsets[i];
    return n;
}

static const struct report_score *find_subset(const struct report_data *data, int64_t job,
                                              const char *subset)
{
    for (size_t i = 0; i < data->n_subsets; i++)
        if (data->subsets[i].job == job && !strcmp(data->subsets[i].subset, subset))
            return &data->subsets[i];
    return NULL;
}

/* Whether an earlier job has a row for the subset: jobs may have been asked for different ones. */
static bool has_row(const struct report_data *data, size_t i_subset)
{
    const struct report_score *score = &data->subsets[i_subset];
    for (size_t i = 0; i < i_subset; i++)
        if (!strcmp(data->subsets[i].subset, score->subset)) return true;
    return false;
}

struct table *tables_subsets(const struct report_data *data, struct err *err)
{
    const struct report_score *columns[MAX_SUBSET_COLUMNS];
    size_t n_columns = find_columns(data, columns);
    struct table *table = table_new(data->arena, "subset|category|>n", err);
    for (size_t c = 0; table && c < n_columns; c++)
        table_column(table, true, "%s %s, %d shots", data->entries[columns[c]->i_entry].label,
                     columns[c]->protocol, columns[c]->shots);
    for (size_t i = 0; table && i < data->n_subsets; i++) {
        const struct report_score *row = &data->subsets[i];
        if (has_row(data, i)) continue;
        table_row(table);
        table_cell(table, "%s", row->subset);
        table_cell(table, "%s", row->category);
        table_cell(table, "%lld", (long long)row->n);
        for (size_t c = 0; c < n_columns; c++) {
            const struct report_score *score = find_subset(data, columns[c]->job, row->subset);
            if (score)
                table_cell(table, "%.1f (%.0f to %.0f)", score->score, score->low, score->high);
            else table_cell(table, "%s", "");
        }
    }
    return table && table_check(table, err) ? table : NULL;
}

/* ---- Paired differences ---- */

static const char PAIRED_SQL[] =
    "SELECT suite, protocol, shots, n, only_a, only_b, delta FROM v_compare "
    "WHERE metric <> 'ppl' AND run_a = ?1 AND run_b = ?1 AND model_a = ?2 "
    "AND quantization_a = ?3 AND model_b = ?4 AND quantization_b = ?5";

static bool add_pairs(struct store *store, const struct report_entry *a,
                      const struct report_entry *b, struct table *table, struct err *err)
{
    struct query *query = query_open(store, PAIRED_SQL, err);
    if (!query) return false;
    report_bind_pair(query, a, b);
    int more;
    while ((more = query_next(query, err)) > 0) {
        uint64_t only_a = (uint64_t)query_integer(query, 4),
                 only_b = (uint64_t)query_integer(query, 5);
        table_row(table);
        table_cell(table, "%s", b->label);
        table_cell(table, "%s", a->label);
        table_cell(table, "%s, %s, %s shots", query_text(query, 0), query_text(query, 1),
                   query_text(query, 2));
        table_cell(table, "%lld", (long long)query_integer(query, 3));
        table_cell(table, "%llu", (unsigned long long)only_b);
        table_cell(table, "%llu", (unsigned long long)only_a);
        table_cell(table, "%+.2f", query_number(query, 6));
        table_cell(table, "%.3g", stats_mcnemar(only_a, only_b));
    }
    query_close(query);
    return more == 0;
}

struct table *tables_paired(struct store *store, const struct report_data *data, struct err *err)
{
    struct table *table = table_new(data->arena,
                                    "candidate|base|suite|>n|>right only here|>right only in "
                                    "base|>difference|>p",
                                    err);
    bool ok = table != NULL;
    for (size_t b = 0; ok && b < data->n_entries; b++) {
        size_t a = report_base_entry(data, b);
        if (a != b) ok = add_pairs(store, &data->entries[a], &data->entries[b], table, err);
    }
    return ok && table_check(table, err) ? table : NULL;
}

/* ---- Compared by a judge ---- */

static long long count_of(const struct report_data *data, int64_t job, const char *kind)
{
    for (size_t i = 0; i < data->n_notes; i++)
        if (data->notes[i].job == job && !strcmp(data->notes[i].kind, kind))
            return data->notes[i].count;
    return 0;
}

static bool add_wins(struct store *store, const struct report_data *data,
                     const struct report_score *score, struct table *table, struct err *err)
{
    static const char *const counts[] = {"won", "tied", "lost", "orders_disagree", "pair_missing"};
    struct query *query = query_open(
        store, "SELECT json_extract(parameters, '$.baseline') FROM job WHERE id = ?1", err);
    if (!query) return false;
    query_bind_integer(query, 1, score->job);
    int more = query_next(query, err);
    table_row(table);
    table_cell(table, "%s", data->entries[score->i_entry].label);
    table_cell(table, "%s", more > 0 ? query_text(query, 0) : "");
    table_cell(table, "%s", score->protocol);
    table_cell(table, "%.2f", score->score);
    table_cell(table, "%.2f to %.2f", score->low, score->high);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        table_cell(table, "%lld", count_of(data, score->job, counts[i]));
    query_close(query);
    return more >= 0;
}

struct table *tables_wins(struct store *store, const struct report_data *data, struct err *err)
{
    struct table *table = table_new(data->arena,
                                    "model|baseline|by|>adjusted win rate, %|95% interval|>won|"
                                    ">tied|>lost|>orders disagree|>missing",
                                    err);
    bool ok = table != NULL;
    for (size_t i = 0; ok && i < data->n_scores; i++)
        if (!strcmp(data->scores[i].metric, "win_rate"))
            ok = add_wins(store, data, &data->scores[i], table, err);
    return ok && table_check(table, err) ? table : NULL;
}

/* ---- Runs ---- */

static const char RUN_SQL[] =
    "SELECT run.name AS \"name\", run.status AS \"status\","
    " strftime('%Y-%m-%d %H:%M:%S UTC', run.started_unix_ms / 1000, 'unixepoch') AS \"started\","
    " strftime('%Y-%m-%d %H:%M:%S UTC', run.finished_unix_ms / 1000, 'unixepoch') AS \"finished\","
    " run.command_line AS \"command\", substr(run.config_hash, 1, 16) AS \"configuration hash\","
    " 'phibench ' || build.version || ', ' || build.git_revision || CASE build.git_dirty WHEN 1 "
    "THEN ', modified' ELSE ''"
    " END AS \"build\", build.compiler AS \"compiler\", build.numerics_version AS \"numerics "
    "version\","
    " run.isa AS \"instruction set\", run.n_threads AS \"threads\", machine.cpu_model AS \"CPU\","
    " machine.n_cores AS \"cores\", round(machine.memory_bytes / 1073741824.0, 1) || ' GiB' AS "
    "\"memory\","
    " machine.os AS \"system\", machine.kernel AS \"kernel\", machine.governor AS \"governor\","
    " machine.huge_pages AS \"huge pages\","
    " round(run.frequency_mhz_before) || ' / ' || round(run.frequency_mhz_after) AS \"MHz before / "
    "after\","
    " run.temperature_c_before || ' / ' || run.temperature_c_after AS \"°C before / after\","
    " run.load_1min_before || ' / ' || run.load_1min_after AS \"load before / after\" "
    "FROM run JOIN build ON build.id = run.build JOIN machine ON machine.id = run.machine WHERE "
    "run.id = ?1";

enum { MAX_RUN_COLUMNS = 8, MAX_RUN_ROWS = 32 };

struct table *tables_runs(struct store *store, const struct report_data *data, struct err *err)
{
    struct query *queries[MAX_RUN_COLUMNS] = {0};
    size_t n = data->n_runs < MAX_RUN_COLUMNS ? data->n_runs : MAX_RUN_COLUMNS;
    struct buf headings = {0};
    bool ok = true;
    for (size_t r = 0; ok && r < n; r++) {
        buf_printf(&headings, "|run %lld", (long long)data->runs[r]);
        queries[r] = query_open(store, RUN_SQL, err);
        ok = queries[r] != NULL;
        if (ok) query_bind_integer(queries[r], 1, data->runs[r]);
        ok = ok && query_next(queries[r], err) > 0;
    }
    struct table *table =
        ok && buf_check(&headings, err) ? table_new(data->arena, buf_string(&headings), err) : NULL;
    for (int i = 0; table && i < query_columns(queries[0]); i++) {
        table_row(table);
        table_cell(table, "%s", query_column_name(queries[0], i));
        for (size_t r = 0; r < n; r++) table_cell(table, "%s", query_text(queries[r], i));
    }
    for (size_t r = 0; r < n; r++) query_close(queries[r]);
    buf_free(&headings);
    return table && table_check(table, err) ? table : NULL;
}
