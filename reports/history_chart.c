/* history_chart.c - see history_chart.h.
 *
 * Series of one metric follow each other, so that a chart is a run of them.
 */
#include "reports/history_chart.h"

#include "base/file.h"
#include "base/mem.h"
#include "reports/chart_lines.h"
#include "reports/history_tables.h"
#include "reports/html.h"
#include "results/metric.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_SERIES = 8 }; /* lines in one chart */
static const char NAME_CHARACTERS[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

/* Series that share a chart. */
struct part {
    const struct history_series *series; /* [n] */
    const char *const *names;            /* [n] */
    size_t n;
    size_t number; /* of the charts of this metric, from 1 */
};

/* The part that begins with series `begin`. */
static struct part part_at(const struct history_view *view, size_t begin, size_t number)
{
    const struct history *history = view->history;
    const struct history_series *first = &history->series[begin];
    struct part part = {.series = first, .names = view->names + begin, .number = number};
    while (part.n < MAX_SERIES && begin + part.n < history->n_series &&
           !strcmp(history->series[begin + part.n].key.metric, first->key.metric))
        part.n++;
    return part;
}

static bool is_relative(const struct part *part)
{
    return part->n > 1 && part->series->key.n_threads > 0 && part->series->points->value != 0;
}

static const char *title_of(const struct history_key *key)
{
    static const char *const TITLES[][2] = {{HISTORY_SPEED, "Speed"},
                                            {HISTORY_MEMORY, "Memory"},
                                            {HISTORY_LOAD, "Time to load"},
                                            {HISTORY_FIRST_TOKEN, "Time to the first token"}};
    for (size_t i = 0; key->n_threads && i < COUNT_OF(TITLES); i++)
        if (!strcmp(key->metric, TITLES[i][0])) return TITLES[i][1];
    return metric_title(key->metric);
}

static size_t list_points(const struct history_view *view, const struct part *part,
                          struct line_point *points)
{
    size_t n = 0;
    for (size_t s = 0; s < part->n; s++) {
        const struct history_series *series = &part->series[s];
        for (size_t i = 0; i < series->n_points; i++) {
            double value = series->points[i].value, first = series->points[0].value;
            points[n++] =
                (struct line_point){.i_series = s,
                                    .i_step = history_step_of(view, &series->points[i]),
                                    .y = is_relative(part) ? 100 * (value / first - 1) : value,
                                    .is_marked = history_change_at(series, i) != NULL};
        }
    }
    return n;
}

/* The chart's name and texts, in the arena. A metric of a task's own may be called anything, the
 * name of a file may not. */
static bool name_chart(const struct history_view *view, const struct part *part,
                       struct chart *chart, const char **y_label, struct err *err)
{
    struct arena *arena = view->history->arena;
    const char *title = title_of(&part->series->key), *unit = part->series->unit;
    char number[24] = "";
    if (part->number > 1) snprintf(number, sizeof number, "-%zu", part->number);
    char *name = arena_printf(arena, err, "history-%s%s", part->series->key.metric, number);
    for (char *c = name; c && *c; c++)
        if (!strchr(NAME_CHARACTERS, *c)) *c = '_';
    chart->name = name;
    chart->title = arena_printf(arena, err, "%s over revisions%s%s", title,
                                *view->common ? ": " : "", view->common);
    chart->caption = chart->title;
    *y_label = is_relative(part)
                   ? arena_string(arena, "change against the first, percent", err)
                   : arena_printf(arena, err, "%s%s%s", title, *unit ? ", " : "", unit);
    return chart->name && chart->title && *y_label;
}

static bool make_chart(const struct history_view *view, const struct part *part,
                       struct chart *chart, struct err *err)
{
    size_t n_most = 0;
    for (size_t s = 0; s < part->n; s++) n_most += part->series[s].n_points;
    struct lines_chart spec = {.n_steps = view->n_steps,
                               .series = part->names,
                               .n_series = part->n,
                               .x_label = "revision",
                               .mark_label = "change of level"};
    struct line_point *points = mem_new(n_most, sizeof *points, err);
    const char **steps = points ? mem_new(view->n_steps, sizeof *steps, err) : NULL;
    bool ok = steps && name_chart(view, part, chart, &spec.y_label, err);
    if (ok) {
        for (size_t i = 0; i < view->n_steps; i++) steps[i] = view->steps[i].name;
        spec.steps = steps;
        spec.points = points;
        spec.n_points = list_points(view, part, points);
        chart_lines(chart, &spec);
    }
    free(steps);
    free(points);
    return ok;
}

static bool draw_charts(const struct history_view *view, const char *folder, const char *gnuplot,
                        struct buf *links, struct err *err)
{
    bool ok = file_make_folders(folder, err);
    size_t number = 1;
    for (size_t begin = 0; ok && begin < view->history->n_series;) {
        struct chart chart = {0};
        struct part part = part_at(view, begin, number);
        ok = make_chart(view, &part, &chart, err) && chart_draw(&chart, folder, gnuplot, err);
        if (ok) {
            buf_text(links, "![");
            markdown_text(links, chart.title);
            buf_printf(links, "](charts/%s.svg)\n\n", chart.name);
        }
        chart_free(&chart);
        begin += part.n;
        bool goes_on = begin < view->history->n_series &&
                       !strcmp(view->history->series[begin].key.metric, part.series->key.metric);
        number = goes_on ? number + 1 : 1;
    }
    return ok;
}

bool history_write(const struct history_view *view, const char *folder, const char *gnuplot,
                   struct err *err)
{
    struct buf page = {0}, rows = {0};
    struct table *table = history_rows(view, err);
    char *charts = table ? file_join(folder, "charts", err) : NULL;
    buf_text(&page, "# History\n\n");
    bool ok = charts && draw_charts(view, charts, gnuplot, &page, err) &&
              history_markdown(view, &page, err);
    if (ok) {
        table_csv(table, &rows);
        ok = file_write_in(folder, "history.md", &page, err) &&
             file_write_in(folder, "history.csv", &rows, err);
    }
    free(charts);
    buf_free(&page);
    buf_free(&rows);
    return ok;
}
