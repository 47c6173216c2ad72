/* history_view.c - see history_view.h.
 *
 * What all speeds of a history share, their processor and instruction set, is said once.
 */
#include "reports/history_view.h"

#include "base/buf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHORT_REVISION = 7, SHORT_HOST = 6 };

/* ---- Steps ---- */

static int compare_steps(const void *a, const void *b)
{
    const struct history_step *x = a, *y = b;
    if (x->first_unix_ms != y->first_unix_ms) return x->first_unix_ms < y->first_unix_ms ? -1 : 1;
    int by_revision = strcmp(x->revision, y->revision);
    return by_revision ? by_revision : x->is_dirty - y->is_dirty;
}

static bool add_step(struct history_view *view, const struct history_point *point, struct err *err)
{
    struct history_step *step = &view->steps[view->n_steps];
    if (history_step_of(view, point) < view->n_steps) return true;
    *step = (struct history_step){.revision = point->revision,
                                  .is_dirty = point->is_dirty,
                                  .first_unix_ms = point->first_unix_ms};
    step->name = arena_printf(view->history->arena, err, "%.*s%s", SHORT_REVISION, point->revision,
                              point->is_dirty ? "+" : "");
    view->n_steps++;
    return step->name != NULL;
}

static bool list_steps(struct history_view *view, struct err *err)
{
    const struct history *history = view->history;
    size_t n_most = 0;
    for (size_t i = 0; i < history->n_series; i++) n_most += history->series[i].n_points;
    view->steps = arena_alloc(history->arena, n_most, sizeof *view->steps, err);
    bool ok = view->steps != NULL;
    for (size_t i = 0; ok && i < history->n_series; i++)
        for (size_t k = 0; ok && k < history->series[i].n_points; k++)
            ok = add_step(view, &history->series[i].points[k], err);
    if (ok && view->n_steps) qsort(view->steps, view->n_steps, sizeof *view->steps, compare_steps);
    return ok;
}

size_t history_step_of(const struct history_view *view, const struct history_point *point)
{
    size_t i = 0;
    while (i < view->n_steps && (strcmp(view->steps[i].revision, point->revision) != 0 ||
                                 view->steps[i].is_dirty != point->is_dirty))
        i++;
    return i;
}

/* ---- Names ---- */

/* What is not the same in all speeds. */
struct differences {
    bool in_isa, in_machine, in_kv;
};

static bool has_machine(const struct history_series *series)
{
    return series->key.n_threads > 0;
}

static const struct history_key *first_with_machine(const struct history *history)
{
    for (size_t i = 0; i < history->n_series; i++)
        if (has_machine(&history->series[i])) return &history->series[i].key;
    return NULL;
}

static struct differences find_differences(const struct history *history)
{
    const struct history_key *first = first_with_machine(history);
    struct differences differences = {0};
    for (size_t i = 0; i < history->n_series; i++) {
        const struct history_key *key = &history->series[i].key;
        differences.in_kv |= strcmp(key->kv, history->series[0].key.kv) != 0;
        if (!key->n_threads) continue;
        differences.in_isa |= strcmp(key->isa, first->isa) != 0;
        differences.in_machine |=
            strcmp(key->cpu_model, first->cpu_model) != 0 || strcmp(key->host, first->host) != 0;
    }
    return differences;
}

static void name_machine(const struct history_key *key, struct buf *out)
{
    buf_printf(out, ", %s, host %.*s", *key->cpu_model ? key->cpu_model : "unknown processor",
               SHORT_HOST, *key->host ? key->host : "unknown");
}

static void name_test(const struct history_key *key, struct buf *out)
{
    buf_text(out, key->name);
    if (!key->n_threads)
        buf_printf(out, ", %s, %d shots, %s", key->protocol, key->shots, key->metric);
    else if (key->generated_tokens)
        buf_printf(out, " %d after %d", key->generated_tokens, key->prompt_tokens);
    else if (key->prompt_tokens) buf_printf(out, " %d", key->prompt_tokens);
    if (key->batch > 1) buf_printf(out, ", %d sequences", key->batch);
}

static const char *name_series(const struct history *history, const struct history_key *key,
                               const struct differences *differences, struct err *err)
{
    struct buf name = {0};
    name_test(key, &name);
    buf_printf(&name, ", %s %s", key->model, key->quantization);
    if (differences->in_kv) buf_printf(&name, ", kv %s", *key->kv ? key->kv : "unknown");
    if (key->n_threads)
        buf_printf(&name, ", %d thread%s", key->n_threads, key->n_threads > 1 ? "s" : "");
    if (key->n_threads && differences->in_isa) buf_printf(&name, ", %s", key->isa);
    if (key->n_threads && differences->in_machine) name_machine(key, &name);
    const char *text =
        buf_check(&name, err) ? arena_string(history->arena, buf_string(&name), err) : NULL;
    buf_free(&name);
    return text;
}

static const char *name_common(const struct history *history, const struct differences *differences,
                               struct err *err)
{
    const struct history_key *first = first_with_machine(history);
    struct buf common = {0};
    if (first && !differences->in_isa) buf_printf(&common, ", %s", first->isa);
    if (first && !differences->in_machine) name_machine(first, &common);
    const char *text = buf_string(&common);
    text =
        buf_check(&common, err) ? arena_string(history->arena, *text ? text + 2 : "", err) : NULL;
    buf_free(&common);
    return text;
}

struct history_view *history_view_make(const struct history *history, struct err *err)
{
    const struct differences differences = find_differences(history);
    struct history_view *view = arena_alloc(history->arena, 1, sizeof *view, err);
    if (!view) return NULL;
    view->history = history;
    view->names = arena_alloc(history->arena, history->n_series, sizeof *view->names, err);
    view->common = view->names ? name_common(history, &differences, err) : NULL;
    bool ok = view->common && list_steps(view, err);
    for (size_t i = 0; ok && i < history->n_series; i++) {
        view->names[i] = name_series(history, &history->series[i].key, &differences, err);
        ok = view->names[i] != NULL;
    }
    return ok ? view : NULL;
}

/* ---- Numbers ---- */

const struct change_point *history_change_at(const struct history_series *series, size_t i_point)
{
    for (size_t i = 0; i < series->n_changes; i++)
        if (series->changes[i].index == i_point) return &series->changes[i];
    return NULL;
}

void history_format_value(double value, char *text, size_t n_bytes)
{
    if (fabs(value) >= 1000) snprintf(text, n_bytes, "%.0f", value);
    else snprintf(text, n_bytes, "%.4g", value);
}

void history_format_change(const struct history_series *series, const struct change_point *change,
                           char *text, size_t n_bytes)
{
    char before[32], after[32];
    history_format_value(change->before, before, sizeof before);
    history_format_value(change->after, after, sizeof after);
    if (isnan(change->percent)) snprintf(text, n_bytes, "%s to %s %s", before, after, series->unit);
    else snprintf(text, n_bytes, "%+.1f%%", change->percent);
}
