/* figures_speed.c - the charts of speeds (figures.h): a row for each model in one quantization, a
 * series for each number of threads and instruction set.
 */
#include "reports/figures.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* A chart has as many series as there are colours; its caption tells of others. */
enum { MAX_SPEED_SERIES = 8 };

static bool is_in_speed_chart(const struct report_speed *speed, enum speed_chart kind)
{
    bool is_decode = !strcmp(speed->test, "decode") || !strcmp(speed->test, "batched_decode");
    if (kind == CHART_PREFILL) return !strcmp(speed->test, "prefill");
    return is_decode && (speed->batch > 1) == (kind == CHART_BATCHED_DECODE);
}

/* The series of a thread count and instruction set, added to series[*n_series] if it is new;
 * SIZE_MAX without memory. */
static size_t series_of(const struct report_data *data, const struct report_speed *speed,
                        const char **series, size_t *n_series, struct err *err)
{
    const char *name = arena_printf(data->arena, err, "%d %s, %s", speed->threads,
                                    speed->threads == 1 ? "thread" : "threads", speed->isa);
    for (size_t s = 0; name && s < *n_series; s++)
        if (!strcmp(series[s], name)) return s;
    if (!name) return SIZE_MAX;
    series[*n_series] = name;
    return (*n_series)++;
}

/* What all rows of a chart measure, "decode 64 after 512", or NULL where they differ. */
static const char *common_label(const struct report_data *data, enum speed_chart kind,
                                struct err *err)
{
    char common[64] = "", row[64];
    for (size_t i = 0; i < data->n_speeds; i++) {
        if (!is_in_speed_chart(&data->speeds[i], kind)) continue;
        report_speed_label(&data->speeds[i], row, sizeof row);
        if (*common && strcmp(common, row) != 0) return NULL;
        snprintf(common, sizeof common, "%s", row);
    }
    return arena_string(data->arena, common, err);
}

/* What a chart of speeds will show. */
struct speed_plan {
    const char **rows, **series; /* [n_rows], [n_series], shown or not */
    struct interval_point *points;
    size_t n_rows, n_series, n_points;
    size_t n_least, n_most; /* repetitions */
};

static bool plan_speed(const struct report_data *data, const struct report_speed *speed,
                       bool is_in_row, struct speed_plan *plan, struct err *err)
{
    const char *row = data->entries[speed->i_entry].label;
    char label[64];
    report_speed_label(speed, label, sizeof label);
    if (is_in_row) row = arena_printf(data->arena, err, "%s, %s", row, label);
    size_t s = series_of(data, speed, plan->series, &plan->n_series, err), r = 0;
    if (!row || s == SIZE_MAX) return false;
    while (r < plan->n_rows && strcmp(plan->rows[r], row) != 0) r++;
    if (r == plan->n_rows) plan->rows[plan->n_rows++] = row;
    if (s < MAX_SPEED_SERIES)
        plan->points[plan->n_points++] =
            (struct interval_point){r, s, speed->median, speed->low, speed->high};
    if (speed->n < plan->n_least) plan->n_least = speed->n;
    if (speed->n > plan->n_most) plan->n_most = speed->n;
    return true;
}

static const char *speed_caption(const struct report_data *data, const struct speed_plan *plan,
                                 struct err *err)
{
    const char *caption =
        arena_printf(data->arena, err,
                     "Median of %s%zu repetitions; bars are their quartiles. Every repetition is "
                     "in the store.",
                     plan->n_least < plan->n_most ? "at least " : "", plan->n_least);
    if (!caption || plan->n_series <= MAX_SPEED_SERIES) return caption;
    return arena_printf(data->arena, err,
                        "%s Shown are %d of %zu combinations of threads and instruction set: the "
                        "others stand in the table of speeds.",
                        caption, MAX_SPEED_SERIES, plan->n_series);
}

bool figures_add_speed(const struct report_data *data, struct figures *figures,
                       enum speed_chart kind, struct err *err)
{
    static const char *const NAMES[] = {"speed-prefill", "speed-decode", "speed-batched-decode"};
    static const char *const TITLES[] = {"Speed of reading a prompt",
                                         "Speed of writing one sequence",
                                         "Speed of writing several sequences together"};
    size_t n = data->n_speeds;
    const char *common = common_label(data, kind, err), *title = TITLES[kind];
    struct speed_plan plan = {.rows = arena_alloc(data->arena, n, sizeof(const char *), err),
                              .series = arena_alloc(data->arena, n, sizeof(const char *), err),
                              .points =
                                  arena_alloc(data->arena, n, sizeof(struct interval_point), err),
                              .n_least = SIZE_MAX};
    if (!plan.rows || !plan.series || !plan.points) return false;
    for (size_t i = 0; i < n; i++)
        if (is_in_speed_chart(&data->speeds[i], kind) &&
            !plan_speed(data, &data->speeds[i], !common, &plan, err))
            return false;
    if (!plan.n_points) return true;
    if (common) title = arena_printf(data->arena, err, "%s (%s)", TITLES[kind], common);
    struct chart *chart =
        figures_add(data, figures, NAMES[kind], title, speed_caption(data, &plan, err), err);
    if (!chart) return false;
    size_t n_shown = plan.n_series < MAX_SPEED_SERIES ? plan.n_series : MAX_SPEED_SERIES;
    chart_intervals(chart, &(struct interval_chart){.rows = plan.rows,
                                                    .n_rows = plan.n_rows,
                                                    .series = plan.series,
                                                    .n_series = n_shown,
                                                    .i_first_color = FIGURES_OTHER_COLORS,
                                                    .points = plan.points,
                                                    .n_points = plan.n_points,
                                                    .x_label = "tokens per second",
                                                    .reference = NAN,
                                                    .from_zero = true,
                                                    .show_values = n_shown <= 3});
    return true;
}

/* ---- Memory ---- */

/* What an entry took at most, 0: not measured; *n_tokens: the longest sequence in it. Pages of keys
 * and values are kept from test to test, so that shorter sequences have no number of their own. */
static double entry_memory(const struct report_data *data, size_t i_entry, int *n_tokens)
{
    double most = 0;
    *n_tokens = 0;
    for (size_t i = 0; i < data->n_speeds; i++) {
        const struct report_speed *speed = &data->speeds[i];
        int n = speed->prompt + speed->generate;
        if (speed->i_entry != i_entry || !speed->prompt || !(speed->rss_bytes > 0)) continue;
        most = fmax(most, speed->rss_bytes);
        *n_tokens = n > *n_tokens ? n : *n_tokens;
    }
    return most;
}

bool figures_add_memory(const struct report_data *data, struct figures *figures, struct err *err)
{
    static const char *const SERIES[] = {"memory"};
    const double GIB = 1 << 30;
    size_t n_rows = 0;
    const char **rows = arena_alloc(data->arena, data->n_entries, sizeof *rows, err);
    struct interval_point *points = arena_alloc(data->arena, data->n_entries, sizeof *points, err);
    if (!rows || !points) return false;
    for (size_t i = 0; i < data->n_entries; i++) {
        int n_tokens;
        double most = entry_memory(data, i, &n_tokens) / GIB;
        if (!(most > 0)) continue;
        rows[n_rows] =
            arena_printf(data->arena, err, "%s, up to %d tokens", data->entries[i].label, n_tokens);
        if (!rows[n_rows]) return false;
        points[n_rows] = (struct interval_point){n_rows, 0, most, most, most};
        n_rows++;
    }
    if (!n_rows) return true;
    struct chart *chart = figures_add(
        data, figures, "memory", "Memory",
        "Largest resident set while sequences of up to so many tokens were read and written: "
        "weights, keys and values, and what the computing needs.",
        err);
    if (!chart) return false;
    chart_intervals(chart, &(struct interval_chart){.rows = rows,
                                                    .n_rows = n_rows,
                                                    .series = SERIES,
                                                    .n_series = 1,
                                                    .i_first_color = FIGURES_OTHER_COLORS,
                                                    .points = points,
                                                    .n_points = n_rows,
                                                    .x_label = "GiB",
                                                    .reference = NAN,
                                                    .from_zero = true,
                                                    .show_values = true});
    return true;
}
