/* history_tables.c - see history_tables.h.
 *
 * Numbers are rounded for people and kept for scripts.
 */
#include "reports/history_tables.h"

#include "base/json.h"
#include "base/mem.h"
#include "reports/html.h"

#include <math.h>
#include <string.h>
#include <time.h>

enum { DATE_BYTES = 32 };

/* In UTC; is_exact: as scripts read it. */
static void format_date(int64_t unix_ms, bool is_exact, char text[DATE_BYTES])
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm utc;
    *text = 0;
    if (!gmtime_r(&seconds, &utc)) return;
    if (is_exact) strftime(text, DATE_BYTES, "%Y-%m-%dT%H:%M:%SZ", &utc);
    else strftime(text, DATE_BYTES, "%Y-%m-%d %H:%M", &utc);
}

/* ---- For people ---- */

/* The last value's change against the one before, in percent; NaN: there is none. */
static double last_change(const struct history_series *series)
{
    if (series->n_points < 2) return NAN;
    double before = series->points[series->n_points - 2].value;
    return before != 0 ? 100 * (series->points[series->n_points - 1].value / before - 1) : NAN;
}

struct table *history_overview(const struct history_view *view, struct err *err)
{
    const struct history *history = view->history;
    struct table *table =
        table_new(history->arena, ">#|series|>revisions|>last|unit|>change|>noise|>changes", err);
    for (size_t i = 0; table && i < history->n_series; i++) {
        const struct history_series *series = &history->series[i];
        double change = last_change(series);
        char value[32];
        history_format_value(series->points[series->n_points - 1].value, value, sizeof value);
        table_row(table);
        table_cell(table, "%zu", i + 1);
        table_cell(table, "%s", view->names[i]);
        table_cell(table, "%zu", series->n_points);
        table_cell(table, "%s", value);
        table_cell(table, "%s", series->unit);
        if (isnan(change)) table_cell(table, "%s", "");
        else table_cell(table, "%+.1f%%", change);
        if (isnan(series->noise)) table_cell(table, "%s", "");
        else table_cell(table, "%.1f%%", 100 * series->noise);
        table_cell(table, "%zu", series->n_changes);
    }
    return table && table_check(table, err) ? table : NULL;
}

/* The value of a series at a step, starred; empty where it has none. */
static void cell_value(struct table *table, const struct history_view *view,
                       const struct history_series *series, size_t i_step)
{
    char text[40] = "";
    for (size_t i = 0; i < series->n_points; i++) {
        if (history_step_of(view, &series->points[i]) != i_step) continue;
        history_format_value(series->points[i].value, text, sizeof text - 1);
        if (history_change_at(series, i)) strcat(text, "*");
    }
    table_cell(table, "%s", text);
}

struct table *history_values(const struct history_view *view, struct err *err)
{
    const struct history *history = view->history;
    struct table *table = table_new(history->arena, "revision|first run", err);
    for (size_t i = 0; table && i < history->n_series; i++)
        table_column(table, true, "#%zu", i + 1);
    for (size_t k = 0; table && k < view->n_steps; k++) {
        char date[DATE_BYTES];
        format_date(view->steps[k].first_unix_ms, false, date);
        table_row(table);
        table_cell(table, "%s", view->steps[k].name);
        table_cell(table, "%s", date);
        for (size_t i = 0; i < history->n_series; i++)
            cell_value(table, view, &history->series[i], k);
    }
    return table && table_check(table, err) ? table : NULL;
}

void history_changes(const struct history_view *view, struct buf *out)
{
    for (size_t i = 0; i < view->history->n_series; i++) {
        const struct history_series *series = &view->history->series[i];
        for (size_t k = 0; k < series->n_changes; k++) {
            const struct change_point *change = &series->changes[k];
            char size[96];
            history_format_change(series, change, size, sizeof size);
            buf_printf(out, "%s: %s: %s (p %.1g)\n",
                       view->steps[history_step_of(view, &series->points[change->index])].name,
                       view->names[i], size, change->p_value);
        }
    }
}

static void markdown_line(struct buf *out, const char *mark, const char *text)
{
    buf_text(out, mark);
    markdown_text(out, text);
    buf_char(out, '\n');
}

bool history_markdown(const struct history_view *view, struct buf *out, struct err *err)
{
    struct table *overview = history_overview(view, err);
    struct table *values = overview ? history_values(view, err) : NULL;
    struct buf changes = {0};
    if (!values) return false;
    if (*view->common) markdown_line(out, "", view->common);
    buf_char(out, '\n');
    table_markdown(overview, out);
    history_changes(view, &changes);
    buf_text(out, "\nChanges of level:\n\n");
    char *line = changes.data, *end;
    for (; line && (end = strchr(line, '\n')); line = end + 1) {
        *end = 0;
        markdown_line(out, "- ", line);
    }
    if (!changes.n_bytes) buf_text(out, "- none\n");
    buf_char(out, '\n');
    table_markdown(values, out);
    out->failed |= changes.failed;
    buf_free(&changes);
    return buf_check(out, err);
}

/* ---- For scripts ---- */

/* "" for NaN. */
static void cell_exact(struct table *table, double value)
{
    char text[40] = "";
    if (!isnan(value)) snprintf(text, sizeof text, "%.10g", value);
    table_cell(table, "%s", text);
}

static void add_row(struct table *table, const struct history_series *series, size_t i_point)
{
    const struct history_key *key = &series->key;
    const struct history_point *point = &series->points[i_point];
    const struct change_point *change = history_change_at(series, i_point);
    const char *const texts[] = {key->metric, key->model, key->quantization,
                                 key->kv,     key->name,  key->protocol};
    const int integers[] = {key->shots, key->prompt_tokens, key->generated_tokens, key->batch,
                            key->n_threads};
    char date[DATE_BYTES];
    format_date(point->first_unix_ms, true, date);
    table_row(table);
    for (size_t i = 0; i < COUNT_OF(texts); i++) table_cell(table, "%s", texts[i]);
    for (size_t i = 0; i < COUNT_OF(integers); i++) table_cell(table, "%d", integers[i]);
    table_cell(table, "%s", key->isa);
    table_cell(table, "%s", key->cpu_model);
    table_cell(table, "%s", key->host);
    table_cell(table, "%s", point->revision);
    table_cell(table, "%d", point->is_dirty);
    table_cell(table, "%s", date);
    table_cell(table, "%zu", point->n_runs);
    cell_exact(table, point->value);
    table_cell(table, "%s", series->unit);
    cell_exact(table, series->noise);
    cell_exact(table, change ? change->percent : NAN);
    cell_exact(table, change ? change->p_value : NAN);
}

struct table *history_rows(const struct history_view *view, struct err *err)
{
    static const char HEADINGS[] =
        "metric|model|quantization|kv|test|protocol|>shots|>prompt|>generate|>batch|>threads|isa|"
        "cpu|host|revision|>dirty|first_run|>runs|>value|unit|>noise|>change_percent|>change_p";
    const struct history *history = view->history;
    struct table *table = table_new(history->arena, HEADINGS, err);
    for (size_t i = 0; table && i < history->n_series; i++)
        for (size_t k = 0; k < history->series[i].n_points; k++)
            add_row(table, &history->series[i], k);
    return table && table_check(table, err) ? table : NULL;
}

static void json_point(struct json_writer *json, const struct history_point *point)
{
    char date[DATE_BYTES];
    format_date(point->first_unix_ms, true, date);
    json_begin_object(json);
    json_set_string(json, "revision", point->revision);
    json_set_bool(json, "dirty", point->is_dirty);
    json_set_string(json, "first_run", date);
    json_set_integer(json, "runs", (int64_t)point->n_runs);
    json_set_number(json, "value", point->value);
    json_end_object(json);
}

static void json_change(struct json_writer *json, const struct history_series *series,
                        const struct change_point *change)
{
    json_begin_object(json);
    json_set_string(json, "revision", series->points[change->index].revision);
    json_set_integer(json, "point", (int64_t)change->index);
    json_set_number(json, "before", change->before);
    json_set_number(json, "after", change->after);
    json_set_number(json, "percent", change->percent);
    json_set_number(json, "p", change->p_value);
    json_end_object(json);
}

static void json_key_of(struct json_writer *json, const struct history_key *key)
{
    json_set_string(json, "metric", key->metric);
    json_set_string(json, "model", key->model);
    json_set_string(json, "quantization", key->quantization);
    json_set_string(json, "kv", key->kv);
    json_set_string(json, "test", key->name);
    if (!key->n_threads) {
        json_set_string(json, "protocol", key->protocol);
        json_set_integer(json, "shots", key->shots);
        return;
    }
    json_set_integer(json, "prompt", key->prompt_tokens);
    json_set_integer(json, "generate", key->generated_tokens);
    json_set_integer(json, "batch", key->batch);
    json_set_integer(json, "threads", key->n_threads);
    json_set_string(json, "isa", key->isa);
    json_set_string(json, "cpu", key->cpu_model);
    json_set_string(json, "host", key->host);
}

static void json_series(struct json_writer *json, const struct history_series *series)
{
    json_begin_object(json);
    json_key_of(json, &series->key);
    json_set_string(json, "unit", series->unit);
    json_set_number(json, "noise", series->noise);
    json_set_integer(json, "noise_changes", (int64_t)series->n_noise);
    json_key(json, "points");
    json_begin_array(json);
    for (size_t i = 0; i < series->n_points; i++) json_point(json, &series->points[i]);
    json_end_array(json);
    json_key(json, "changes");
    json_begin_array(json);
    for (size_t i = 0; i < series->n_changes; i++) json_change(json, series, &series->changes[i]);
    json_end_array(json);
    json_end_object(json);
}

void history_json(const struct history_view *view, struct buf *out)
{
    struct json_writer json = {.out = out, .indent = 2};
    json_begin_object(&json);
    json_key(&json, "series");
    json_begin_array(&json);
    for (size_t i = 0; i < view->history->n_series; i++)
        json_series(&json, &view->history->series[i]);
    json_end_array(&json);
    json_end_object(&json);
    buf_char(out, '\n');
}
