/* figures.c - see figures.h. A group is one suite in one protocol with one number of shots: scores
 * of different groups never share a chart.
 */
#include "reports/figures.h"

#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

enum { MAX_GROUPS = 8, MAX_SUBSET_SERIES = 6 };

static size_t find_groups(const struct report_data *data, const struct report_score **groups)
{
    size_t n = 0;
    for (size_t i = 0; i < data->n_scores && n < MAX_GROUPS; i++) {
        bool is_new = data->scores[i].is_main;
        for (size_t g = 0; g < n; g++)
            if (report_score_is_beside(&data->scores[i], groups[g])) is_new = false;
        if (is_new) groups[n++] = &data->scores[i];
    }
    return n;
}

/* A protocol may name a judge, and a judge have any name: files get plain ones. */
static const char *plain_name(char *name)
{
    for (char *c = name; c && *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("-_.", *c)) *c = '-';
    return name;
}

/* What every chart of a group is called: kind "scores" gives "scores-mmlu-hendrycks-5-shot". */
static struct chart *add_chart(const struct report_data *data, struct figures *figures,
                               const char *kind, const struct report_score *group,
                               const char *title, const char *caption, struct err *err)
{
    if (figures->n == FIGURES_MAX) return NULL;
    struct chart *chart = &figures->charts[figures->n];
    *chart = (struct chart){.caption = caption};
    if (group && report_score_is_perplexity(group)) {
        chart->name =
            arena_printf(data->arena, err, "%s-%s-%s", kind, group->suite, group->protocol);
        chart->title = arena_printf(data->arena, err, "%s: %s", title, group->protocol);
    } else if (group) {
        chart->name = plain_name(arena_printf(data->arena, err, "%s-%s-%s-%d-shot", kind,
                                              group->suite, group->protocol, group->shots));
        chart->title = arena_printf(data->arena, err, "%s: %s, protocol %s, %d shots", title,
                                    group->suite, group->protocol, group->shots);
    } else {
        chart->name = kind;
        chart->title = title;
    }
    if (!chart->name || !chart->title) return NULL;
    figures->n++;
    return chart;
}

static double chance_of(const struct report_score *group)
{
    return strcmp(group->suite, "mmlu") ? NAN : 25.0;
}

/* ---- Scores ---- */

#define MAY_DIFFER                                                                                 \
    " Rows whose intervals overlap may still differ: between quantizations of one model the "      \
    "paired differences tell more."
static const char RATE_CAPTION[] =
    "Score of the whole suite with its 95% interval (Wilson's where answers are right or wrong, "
    "otherwise normal)." MAY_DIFFER;
static const char POINTS_CAPTION[] =
    "Points of the whole suite with their 95% interval (normal, clustered by question, within 1 to "
    "10)." MAY_DIFFER;
static const char PERPLEXITY_CAPTION[] =
    "Perplexity of the text with its 95% interval, errors clustered by chunk: lower is better. "
    "Rows whose intervals overlap may still differ: the table of perplexities beside each other "
    "tells "
    "more.";

static bool add_scores(const struct report_data *data, struct figures *figures,
                       const struct report_score *group, struct err *err)
{
    const char **rows = arena_alloc(data->arena, data->n_scores, sizeof *rows, err);
    struct interval_point *points = arena_alloc(data->arena, data->n_scores, sizeof *points, err);
    static const char *const SERIES[] = {"score"};
    size_t n = 0;
    if (!rows || !points) return false;
    for (size_t i = 0; i < data->n_scores; i++) {
        const struct report_score *score = &data->scores[i];
        if (!report_score_is_beside(score, group) || !score->is_main) continue;
        rows[n] = data->entries[score->i_entry].label;
        points[n] = (struct interval_point){n, 0, score->score, score->low, score->high};
        n++;
    }
    bool is_perplexity = report_score_is_perplexity(group);
    struct chart *chart =
        add_chart(data, figures, "scores", group, is_perplexity ? "Perplexity" : "Score",
                  is_perplexity                   ? PERPLEXITY_CAPTION
                  : strcmp(group->unit, "points") ? RATE_CAPTION
                                                  : POINTS_CAPTION,
                  err);
    if (!chart) return false;
    chart_intervals(chart, &(struct interval_chart){.rows = rows,
                                                    .n_rows = n,
                                                    .series = SERIES,
                                                    .n_series = 1,
                                                    .points = points,
                                                    .n_points = n,
                                                    .x_label = report_score_axis(group),
                                                    .reference = chance_of(group),
                                                    .reference_label = "chance",
                                                    .show_values = true});
    return true;
}

/* ---- Subsets ---- */

struct subset_plan {
    size_t entries[MAX_SUBSET_SERIES], n_entries; /* series */
    size_t n_all;                                 /* entries that could be series */
    const char **rows;
    size_t n_rows;
};

static bool has_subset_scores(const struct report_data *data, size_t i_entry,
                              const struct report_score *group)
{
    for (size_t i = 0; i < data->n_subsets; i++)
        if (data->subsets[i].i_entry == i_entry && report_score_is_beside(&data->subsets[i], group))
            return true;
    return false;
}

/* All entries if they are few, else the first quantization of each model. */
static void choose_entries(const struct report_data *data, const struct report_score *group,
                           struct subset_plan *plan)
{
    for (size_t i = 0; i < data->n_entries; i++) plan->n_all += has_subset_scores(data, i, group);
    for (size_t i = 0; i < data->n_entries && plan->n_entries < MAX_SUBSET_SERIES; i++) {
        bool is_first = true;
        for (size_t e = 0; plan->n_all > MAX_SUBSET_SERIES && e < plan->n_entries; e++)
            if (data->entries[plan->entries[e]].i_model == data->entries[i].i_model)
                is_first = false;
        if (is_first && has_subset_scores(data, i, group)) plan->entries[plan->n_entries++] = i;
    }
}

/* What the chart leaves out, so that nobody takes it for all. */
static const char *subset_caption(const struct report_data *data, const struct subset_plan *plan,
                                  struct err *err)
{
    const char *interval = plan->n_entries <= 2
                               ? "with its 95% interval, which is wide: a subject has few questions"
                               : "its interval stands in the table";
    if (plan->n_entries == plan->n_all)
        return arena_printf(data->arena, err, "Score of each subject, %s.", interval);
    return arena_printf(data->arena, err,
                        "Score of each subject, %s. Shown are %zu of %zu: the first quantization "
                        "of each model, at most %d models.",
                        interval, plan->n_entries, plan->n_all, MAX_SUBSET_SERIES);
}

/* Rows in the order of the store: by category, then by name; a category's name stands before its
 * subsets. */
static bool choose_rows(const struct report_data *data, const struct report_score *group,
                        struct subset_plan *plan, struct err *err)
{
    const char *category = "";
    plan->rows = arena_alloc(data->arena, 2 * data->n_subsets + 1, sizeof *plan->rows, err);
    if (!plan->rows) return false;
    for (size_t i = 0; i < data->n_subsets; i++) {
        const struct report_score *score = &data->subsets[i];
        if (score->i_entry != plan->entries[0] || !report_score_is_beside(score, group)) continue;
        if (strcmp(score->category, category)) {
            category = score->category;
            plan->rows[plan->n_rows] = arena_printf(data->arena, err, "— %s —", category);
            if (!plan->rows[plan->n_rows++]) return false;
        }
        plan->rows[plan->n_rows++] = score->subset;
    }
    return true;
}

static size_t find_row(const struct subset_plan *plan, const char *subset)
{
    for (size_t i = 0; i < plan->n_rows; i++)
        if (!strcmp(plan->rows[i], subset)) return i;
    return SIZE_MAX;
}

static bool fill_subset_points(const struct report_data *data, const struct report_score *group,
                               const struct subset_plan *plan, struct interval_chart *spec,
                               struct err *err)
{
    struct interval_point *points = arena_alloc(data->arena, data->n_subsets, sizeof *points, err);
    const char **series = arena_alloc(data->arena, plan->n_entries, sizeof *series, err);
    if (!points || !series) return false;
    for (size_t s = 0; s < plan->n_entries; s++) {
        series[s] = data->entries[plan->entries[s]].label;
        for (size_t i = 0; i < data->n_subsets; i++) {
            const struct report_score *score = &data->subsets[i];
            if (score->i_entry != plan->entries[s] || !report_score_is_beside(score, group))
                continue;
            size_t row = find_row(plan, score->subset);
            if (row == SIZE_MAX) continue;
            bool shows_interval = plan->n_entries <= 2;
            points[spec->n_points++] = (struct interval_point){
                row, s, score->score, shows_interval ? score->low : score->score,
                shows_interval ? score->high : score->score};
        }
    }
    spec->points = points;
    spec->series = series;
    spec->n_series = plan->n_entries;
    return true;
}

static bool add_subsets(const struct report_data *data, struct figures *figures,
                        const struct report_score *group, struct err *err)
{
    struct subset_plan plan = {0};
    choose_entries(data, group, &plan);
    if (!plan.n_entries) return true;
    if (!choose_rows(data, group, &plan, err)) return false;
    struct interval_chart spec = {.rows = plan.rows,
                                  .n_rows = plan.n_rows,
                                  .x_label = report_score_axis(group),
                                  .reference = chance_of(group),
                                  .reference_label = "chance"};
    if (!fill_subset_points(data, group, &plan, &spec, err)) return false;
    const char *caption = subset_caption(data, &plan, err);
    struct chart *chart =
        caption ? add_chart(data, figures, "subjects", group, "By subject", caption, err) : NULL;
    if (!chart) return false;
    chart_intervals(chart, &spec);
    return true;
}

/* ---- Speeds ---- */

static bool is_in_speed_chart(const struct report_speed *speed, int kind)
{
    bool is_decode = !strcmp(speed->test, "decode") || !strcmp(speed->test, "batched_decode");
    if (kind == 0) return !strcmp(speed->test, "prefill");
    return is_decode && (speed->batch > 1) == (kind == 2);
}

/* The series of a thread count (and instruction set, if there are several). */
static size_t series_of(const struct report_data *data, const struct report_speed *speed,
                        const char **series, size_t *n_series, size_t maximum, struct err *err)
{
    const char *name = arena_printf(data->arena, err, "%d %s, %s", speed->threads,
                                    speed->threads == 1 ? "thread" : "threads", speed->isa);
    for (size_t s = 0; name && s < *n_series; s++)
        if (!strcmp(series[s], name)) return s;
    if (!name || *n_series == maximum) return SIZE_MAX;
    series[*n_series] = name;
    return (*n_series)++;
}

static bool add_speed(const struct report_data *data, struct figures *figures, int kind,
                      struct err *err)
{
    static const char *const NAMES[] = {"speed-prefill", "speed-decode", "speed-batched-decode"};
    static const char *const TITLES[] = {"Prefill", "Decode, one sequence",
                                         "Decode, several sequences together"};
    enum { MAX_SERIES = 8 };
    const char **rows = arena_alloc(data->arena, data->n_speeds + 1, sizeof *rows, err),
               *series[MAX_SERIES];
    struct interval_point *points =
        arena_alloc(data->arena, data->n_speeds + 1, sizeof *points, err);
    size_t n_rows = 0, n_points = 0, n_series = 0;
    if (!rows || !points) return false;
    for (size_t i = 0; i < data->n_speeds; i++) {
        const struct report_speed *speed = &data->speeds[i];
        char label[64];
        if (!is_in_speed_chart(speed, kind)) continue;
        report_speed_label(speed, label, sizeof label);
        const char *row =
            arena_printf(data->arena, err, "%s, %s", data->entries[speed->i_entry].label, label);
        size_t s = series_of(data, speed, series, &n_series, MAX_SERIES, err), r = 0;
        if (!row) return false;
        while (r < n_rows && strcmp(rows[r], row)) r++;
        if (r == n_rows) rows[n_rows++] = row;
        if (s != SIZE_MAX)
            points[n_points++] =
                (struct interval_point){r, s, speed->median, speed->low, speed->high};
    }
    if (!n_points) return true;
    struct chart *chart =
        add_chart(data, figures, NAMES[kind], NULL, TITLES[kind],
                  "Tokens per second: the median of the repetitions and their quartiles. Every "
                  "repetition is in the store.",
                  err);
    if (!chart) return false;
    chart_intervals(chart, &(struct interval_chart){.rows = rows,
                                                    .n_rows = n_rows,
                                                    .series = series,
                                                    .n_series = n_series,
                                                    .points = points,
                                                    .n_points = n_points,
                                                    .x_label = "tokens per second",
                                                    .reference = NAN,
                                                    .from_zero = true,
                                                    .show_values = n_series <= 3});
    return true;
}

/* ---- Score against speed and size ---- */

/* The entry's decode rate with the most threads, else its prefill rate, else 0. */
static double speed_of(const struct report_data *data, size_t i_entry, bool decode)
{
    double rate = 0;
    int threads = 0, prompt = 0;
    for (size_t i = 0; i < data->n_speeds; i++) {
        const struct report_speed *speed = &data->speeds[i];
        if (speed->i_entry != i_entry || !is_in_speed_chart(speed, decode ? 1 : 0)) continue;
        if (speed->threads < threads || (speed->threads == threads && speed->prompt < prompt))
            continue;
        threads = speed->threads;
        prompt = speed->prompt;
        rate = speed->median;
    }
    return rate;
}

/* Whether the largest x is more than eight times the smallest. */
static bool spreads(const struct plane_point *points, size_t n)
{
    double low = INFINITY, high = 0;
    for (size_t i = 0; i < n; i++) {
        low = fmin(low, points[i].x);
        high = fmax(high, points[i].x);
    }
    return high > 8 * low;
}

enum against { AGAINST_DECODE, AGAINST_PREFILL, AGAINST_SIZE };

static bool add_plane(const struct report_data *data, struct figures *figures,
                      const struct report_score *group, enum against against, struct err *err)
{
    static const struct {
        const char *kind, *title, *x_label, *caption;
    } TEXT[] = {
        {"score-decode", "against decode speed", "tokens per second, decode of one sequence",
         "What a bit less or a size more buys. Lines join the quantizations of one model; bars are "
         "95% intervals of "
         "the score. Speed with the most threads measured."},
        {"score-prefill", "against prefill speed", "tokens per second, prefill",
         "Lines join the quantizations of one model; bars are 95% intervals of the score. Speed "
         "with the most threads "
         "and the longest prompt measured."},
        {"score-size", "against size", "size of the weights, MiB",
         "Lines join the quantizations of one model; bars are 95% intervals of the score."},
    };
    struct plane_point *points = arena_alloc(data->arena, data->n_scores, sizeof *points, err);
    size_t n = 0;
    if (!points) return false;
    for (size_t i = 0; i < data->n_scores; i++) {
        const struct report_score *score = &data->scores[i];
        if (!report_score_is_beside(score, group) || !score->is_main) continue;
        const struct report_entry *entry = &data->entries[score->i_entry];
        double x = against == AGAINST_SIZE
                       ? entry->n_bytes / (1 << 20)
                       : speed_of(data, score->i_entry, against == AGAINST_DECODE);
        if (x <= 0) continue;
        points[n++] = (struct plane_point){
            entry->i_model, entry->i_quantization, x, score->score, score->low, score->high};
    }
    if (n < 2) return true;
    const char *title = arena_printf(data->arena, err, "%s %s",
                                     report_score_is_perplexity(group) ? "Perplexity" : "Score",
                                     TEXT[against].title);
    struct chart *chart = title ? add_chart(data, figures, TEXT[against].kind, group, title,
                                            TEXT[against].caption, err)
                                : NULL;
    if (!chart) return false;
    chart_plane(chart,
                &(struct plane_chart){.colors = data->models,
                                      .n_colors = data->n_models,
                                      .shapes = data->quantizations,
                                      .n_shapes = data->n_quantizations,
                                      .points = points,
                                      .n_points = n,
                                      .x_label = TEXT[against].x_label,
                                      .y_label = report_score_axis(group),
                                      .x_log = against == AGAINST_SIZE && spreads(points, n)});
    return true;
}

bool figures_build(const struct report_data *data, struct figures *figures, struct err *err)
{
    const struct report_score *groups[MAX_GROUPS];
    size_t n_groups = find_groups(data, groups);
    bool ok = true;
    figures->n = 0;
    for (size_t g = 0; ok && g < n_groups; g++) ok = add_scores(data, figures, groups[g], err);
    for (size_t g = 0; ok && g < n_groups; g++)
        ok = add_plane(data, figures, groups[g], AGAINST_SIZE, err) &&
             add_plane(data, figures, groups[g], AGAINST_DECODE, err) &&
             add_plane(data, figures, groups[g], AGAINST_PREFILL, err);
    for (int kind = 0; ok && kind < 3; kind++) ok = add_speed(data, figures, kind, err);
    for (size_t g = 0; ok && g < n_groups; g++) ok = add_subsets(data, figures, groups[g], err);
    return ok;
}

void figures_free(struct figures *figures)
{
    for (size_t i = 0; i < figures->n; i++) chart_free(&figures->charts[i]);
    figures->n = 0;
}
