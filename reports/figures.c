/* figures.c - see figures.h. A measure is one suite in one protocol with one number of shots:
 * scores of different measures never share a chart, but for those of a closed and an open book.
 */
#include "reports/figures.h"

#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

enum {
    MAX_SUBSET_SERIES = 6,       /* the caption tells of others */
    MAX_ROWS_WITH_INTERVALS = 12 /* of more than three series */
};

/* A protocol may name a judge, and a judge may have any name: files get plain ones. */
static const char *plain_name(char *name)
{
    for (char *c = name; c && *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("-_.", *c)) *c = '-';
    return name;
}

/* What a chart of a measure is called: kind "scores" gives "scores-mmlu-hendrycks-5-shot". */
static const char *name_chart(const struct report_data *data, const char *kind,
                              const struct report_score *measure, struct err *err)
{
    if (report_score_is_perplexity(measure))
        return plain_name(
            arena_printf(data->arena, err, "%s-%s-%s", kind, measure->suite, measure->protocol));
    return plain_name(arena_printf(data->arena, err, "%s-%s-%s-%d-shot", kind, measure->suite,
                                   measure->protocol, measure->shots));
}

struct chart *figures_add(const struct report_data *data, struct figures *figures, const char *name,
                          const char *title, const char *caption, struct err *err)
{
    if (!name || !title || !caption ||
        !arena_grow(data->arena, (void **)&figures->items, &figures->capacity, figures->n + 1,
                    sizeof *figures->items, err))
        return NULL;
    struct figure *figure = &figures->items[figures->n++];
    *figure = (struct figure){{.name = name, .title = title, .caption = caption}, NULL};
    return &figure->chart;
}

/* The title of a chart, as in "Accuracy by subject: mmlu, hendrycks, 5 shots". */
static const char *title_of(const struct report_data *data, const struct report_score *measure,
                            const char *what, struct err *err)
{
    return arena_printf(data->arena, err, "%s%s: %s", measure->facts->heading, what,
                        measure->measure);
}

/* How the intervals of a measure are made. */
static const char *interval_of(const struct report_score *measure)
{
    if (report_score_is_perplexity(measure)) return "95% intervals, errors clustered by chunk";
    if (report_score_is_points(measure))
        return "95% intervals (normal, by question, within 1 to 10)";
    return report_score_is_share(measure) ? "95% intervals (Wilson)" : "95% intervals (normal)";
}

static const char *format_range(const struct report_data *data, long long least, long long most,
                                struct err *err)
{
    if (least == most) return arena_printf(data->arena, err, "%lld", most);
    return arena_printf(data->arena, err, "%lld to %lld", least, most);
}

/* How many items each job had: "360", or "40 to 360" where jobs had different numbers. */
static const char *count_items(const struct report_data *data, const struct report_score *measure,
                               struct err *err)
{
    long long least = measure->n, most = 0;
    for (size_t i = 0; i < data->n_scores; i++) {
        const struct report_score *score = &data->scores[i];
        if (!score->is_main || !report_score_is_beside(score, measure)) continue;
        if (score->n < least) least = score->n;
        if (score->n > most) most = score->n;
    }
    return format_range(data, least, most, err);
}

static double chance_of(const struct report_score *measure)
{
    return measure->chance > 0 ? measure->chance : NAN;
}

/* Whether the largest value is more than eight times the smallest: then a linear axis shows only
 * the large ones. */
static bool spreads(double low, double high)
{
    return low > 0 && high > 8 * low;
}

/* ---- Scores ---- */

static bool add_scores(const struct report_data *data, struct figures *figures,
                       const struct report_score *measure, struct err *err)
{
    const char **rows = arena_alloc(data->arena, data->n_scores, sizeof *rows, err);
    struct interval_point *points = arena_alloc(data->arena, data->n_scores, sizeof *points, err);
    double low = INFINITY, high = 0;
    size_t n = 0;
    if (!rows || !points) return false;
    for (size_t i = 0; i < data->n_scores; i++) {
        const struct report_score *score = &data->scores[i];
        const struct report_entry *entry = &data->entries[score->i_entry];
        if (!report_score_is_beside(score, measure) || !score->is_main) continue;
        rows[n] = entry->label;
        points[n] =
            (struct interval_point){n, entry->i_model, score->score, score->low, score->high};
        low = fmin(low, score->low);
        high = fmax(high, score->high);
        n++;
    }
    bool is_perplexity = report_score_is_perplexity(measure);
    const char *count = count_items(data, measure, err);
    const char *caption =
        count ? arena_printf(data->arena, err,
                             "%s; %s %s each. Rows whose intervals overlap may still differ: %s "
                             "tell more, as they compare the same %s.",
                             interval_of(measure), count, measure->facts->counted,
                             is_perplexity ? "the perplexities beside each other"
                                           : "the paired differences",
                             is_perplexity ? "chunks" : measure->facts->counted)
              : NULL;
    struct chart *chart =
        figures_add(data, figures, name_chart(data, "scores", measure, err),
                    title_of(data, measure, " by model and quantization", err), caption, err);
    if (!chart) return false;
    chart_intervals(chart, &(struct interval_chart){.rows = rows,
                                                    .n_rows = n,
                                                    .series = data->models,
                                                    .n_series = data->n_models,
                                                    .has_series_in_rows = true,
                                                    .points = points,
                                                    .n_points = n,
                                                    .x_label = measure->facts->axis,
                                                    .reference = chance_of(measure),
                                                    .reference_label = "chance",
                                                    .x_log = is_perplexity && spreads(low, high),
                                                    .show_values = true});
    return true;
}

/* ---- Open book ---- */

/* The job's score by its own metric. */
static const struct report_score *score_of_job(const struct report_data *data, int64_t job)
{
    for (size_t i = 0; i < data->n_scores; i++)
        if (data->scores[i].job == job && data->scores[i].is_main) return &data->scores[i];
    return NULL;
}

/* The scores of the closed and the open job; false if the book is by another metric than theirs. */
static bool find_scores(const struct report_data *data, const struct open_book *book,
                        const struct report_score *scores[2])
{
    scores[0] = score_of_job(data, book->closed_job);
    scores[1] = score_of_job(data, book->open_job);
    return scores[0] && scores[1] && !strcmp(scores[0]->metric, book->metric);
}

/* Adds one chart of all pairs that measure the same as books[first]. */
static bool add_book(const struct report_data *data, const struct open_book *books, size_t n_books,
                     size_t first, struct figures *figures, struct err *err)
{
    static const char *const SERIES[] = {"closed book", "open book"};
    const char **rows = arena_alloc(data->arena, n_books, sizeof *rows, err);
    struct interval_point *points = arena_alloc(data->arena, 2 * n_books, sizeof *points, err);
    const struct report_score *measures[2], *scores[2];
    size_t n_rows = 0, n_points = 0;
    if (!rows || !points) return false;
    if (!find_scores(data, &books[first], measures)) return true;
    for (size_t i = first; i < n_books; i++) {
        if (!find_scores(data, &books[i], scores) ||
            !report_score_is_beside(scores[0], measures[0]) ||
            !report_score_is_beside(scores[1], measures[1]))
            continue;
        for (size_t s = 0; s < 2; s++)
            points[n_points++] = (struct interval_point){n_rows, s, scores[s]->score,
                                                         scores[s]->low, scores[s]->high};
        rows[n_rows++] = books[i].entry->label;
    }
    const char *caption = arena_printf(
        data->arena, err,
        "Without and with up to %lld passage%s (%lld tokens) to read before each question; %s; "
        "%lld questions each. The interval of the paired difference stands in the table of open "
        "and closed books.",
        (long long)books[first].top_k, books[first].top_k == 1 ? "" : "s",
        (long long)books[first].max_tokens, interval_of(measures[0]), (long long)measures[0]->n);
    struct chart *chart =
        figures_add(data, figures, name_chart(data, "open-book", measures[1], err),
                    title_of(data, measures[0], ", closed and open book", err), caption, err);
    if (!chart) return false;
    chart_intervals(chart, &(struct interval_chart){.rows = rows,
                                                    .n_rows = n_rows,
                                                    .series = SERIES,
                                                    .n_series = 2,
                                                    .i_first_color = FIGURES_OTHER_COLORS,
                                                    .points = points,
                                                    .n_points = n_points,
                                                    .x_label = measures[0]->facts->axis,
                                                    .reference = NAN,
                                                    .show_values = true});
    return true;
}

/* Whether a chart of books shows the measure already, as the open or as the closed one. */
static bool is_in_book(const struct report_data *data, const struct open_book *books,
                       size_t n_books, const struct report_score *measure, size_t side)
{
    const struct report_score *scores[2];
    for (size_t i = 0; i < n_books; i++)
        if (find_scores(data, &books[i], scores) && report_score_is_beside(scores[side], measure))
            return true;
    return false;
}

static bool add_books(const struct report_data *data, const struct open_book *books, size_t n_books,
                      struct figures *figures, struct err *err)
{
    const struct report_score *scores[2], *others[2];
    bool ok = true;
    for (size_t i = 0; ok && i < n_books; i++) {
        bool is_new = find_scores(data, &books[i], scores);
        for (size_t k = 0; k < i && is_new; k++)
            is_new = !find_scores(data, &books[k], others) ||
                     !report_score_is_beside(scores[1], others[1]);
        if (is_new) ok = add_book(data, books, n_books, i, figures, err);
    }
    return ok;
}

/* ---- Subsets ---- */

struct subset_plan {
    size_t entries[MAX_SUBSET_SERIES], n_entries; /* series */
    size_t n_all;                                 /* entries that could be series */
    const char **rows;
    size_t n_rows;
    const char *level;
    bool has_intervals;
};

static bool has_subset_scores(const struct report_data *data, size_t i_entry,
                              const struct report_score *measure)
{
    for (size_t i = 0; i < data->n_subsets; i++)
        if (data->subsets[i].depth == 1 && data->subsets[i].i_entry == i_entry &&
            report_score_is_beside(&data->subsets[i], measure))
            return true;
    return false;
}

/* The series are all entries if these are few, else the first quantization of each model. */
static void choose_entries(const struct report_data *data, const struct report_score *measure,
                           struct subset_plan *plan)
{
    for (size_t i = 0; i < data->n_entries; i++) plan->n_all += has_subset_scores(data, i, measure);
    for (size_t i = 0; i < data->n_entries && plan->n_entries < MAX_SUBSET_SERIES; i++) {
        bool is_first = true;
        for (size_t e = 0; plan->n_all > MAX_SUBSET_SERIES && e < plan->n_entries; e++)
            if (data->entries[plan->entries[e]].i_model == data->entries[i].i_model)
                is_first = false;
        if (is_first && has_subset_scores(data, i, measure)) plan->entries[plan->n_entries++] = i;
    }
}

/* How many items each subset had: "120", or "20 to 120" where they had different numbers. */
static const char *count_subset_items(const struct report_data *data,
                                      const struct report_score *measure, struct err *err)
{
    long long least = INT64_MAX, most = 0;
    for (size_t i = 0; i < data->n_subsets; i++) {
        const struct report_score *score = &data->subsets[i];
        if (score->depth != 1 || !report_score_is_beside(score, measure)) continue;
        if (score->n < least) least = score->n;
        if (score->n > most) most = score->n;
    }
    return format_range(data, least, most, err);
}

/* The caption says what the chart leaves out, so that nobody takes it for all. */
static const char *subset_caption(const struct report_data *data,
                                  const struct report_score *measure,
                                  const struct subset_plan *plan, struct err *err)
{
    const char *judge = "", *n_items = count_subset_items(data, measure, err);
    if (report_score_is_by_rule(measure))
        judge = "Points are given by a rule, words in common with the reference answer: no model "
                "judged. ";
    else if (report_score_is_points(measure)) judge = "Points are the judge's. ";
    const char *caption = n_items
                              ? arena_printf(data->arena, err, "%s%s %s in each row; %s.", judge,
                                             n_items, measure->facts->counted,
                                             plan->has_intervals ? "bars are 95% intervals"
                                                                 : "intervals stand in the table")
                              : NULL;
    if (!caption || plan->n_entries == plan->n_all) return caption;
    return arena_printf(data->arena, err,
                        "%s Shown are %zu of %zu: the first quantization of each model, at most %d "
                        "models.",
                        caption, plan->n_entries, plan->n_all, MAX_SUBSET_SERIES);
}

/* Rows are in the order of the store, by category and then by name; a category's name stands before
 * its subsets. */
static bool choose_rows(const struct report_data *data, const struct report_score *measure,
                        struct subset_plan *plan, struct err *err)
{
    const char *category = "";
    plan->rows = arena_alloc(data->arena, 2 * data->n_subsets + 1, sizeof *plan->rows, err);
    if (!plan->rows) return false;
    for (size_t i = 0; i < data->n_subsets; i++) {
        const struct report_score *score = &data->subsets[i];
        if (score->depth != 1 || score->i_entry != plan->entries[0] ||
            !report_score_is_beside(score, measure))
            continue;
        plan->level = score->level;
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

static bool fill_subset_points(const struct report_data *data, const struct report_score *measure,
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
            if (score->depth != 1 || score->i_entry != plan->entries[s] ||
                !report_score_is_beside(score, measure))
                continue;
            size_t row = find_row(plan, score->subset);
            if (row == SIZE_MAX) continue;
            points[spec->n_points++] = (struct interval_point){
                row, s, score->score, plan->has_intervals ? score->low : score->score,
                plan->has_intervals ? score->high : score->score};
        }
    }
    spec->points = points;
    spec->series = series;
    spec->n_series = plan->n_entries;
    return true;
}

static bool add_subsets(const struct report_data *data, struct figures *figures,
                        const struct report_score *measure, struct err *err)
{
    struct subset_plan plan = {0};
    choose_entries(data, measure, &plan);
    if (!plan.n_entries) return true;
    if (!choose_rows(data, measure, &plan, err)) return false;
    plan.has_intervals = plan.n_entries <= 3 || plan.n_rows <= MAX_ROWS_WITH_INTERVALS;
    struct interval_chart spec = {.rows = plan.rows,
                                  .n_rows = plan.n_rows,
                                  .x_label = measure->facts->axis,
                                  .reference = chance_of(measure),
                                  .reference_label = "chance"};
    if (!fill_subset_points(data, measure, &plan, &spec, err)) return false;
    const char *what = *plan.level ? arena_printf(data->arena, err, " by %s", plan.level) : "";
    struct chart *chart =
        what ? figures_add(data, figures, name_chart(data, "subsets", measure, err),
                           title_of(data, measure, what, err),
                           subset_caption(data, measure, &plan, err), err)
             : NULL;
    if (!chart) return false;
    chart_intervals(chart, &spec);
    return true;
}

/* ---- Score against speed and size ---- */

enum against { AGAINST_SIZE, AGAINST_DECODE, AGAINST_PREFILL };

static double place_of(const struct report_data *data, size_t i_entry, enum against against)
{
    if (against == AGAINST_SIZE) return data->entries[i_entry].n_bytes / (1 << 20);
    return report_entry_rate(data, i_entry, against == AGAINST_DECODE);
}

static bool add_plane(const struct report_data *data, struct figures *figures,
                      const struct report_score *measure, enum against against, struct err *err)
{
    static const struct {
        const char *kind, *title, *x_label, *caption;
    } TEXT[] = {
        {"score-size", " against size", "size of the weights, MiB",
         "What more memory buys: up and to the left is better"},
        {"score-decode", " against speed of writing", "tokens per second, decoding one sequence",
         "What waiting longer buys: up and to the right is better"},
        {"score-prefill", " against speed of reading", "tokens per second, reading a prompt",
         "What waiting longer buys: up and to the right is better"},
    };
    struct plane_point *points = arena_alloc(data->arena, data->n_scores, sizeof *points, err);
    double least = INFINITY, most = 0, low = INFINITY, high = 0;
    size_t n = 0;
    if (!points) return false;
    for (size_t i = 0; i < data->n_scores; i++) {
        const struct report_score *score = &data->scores[i];
        const struct report_entry *entry = &data->entries[score->i_entry];
        double x = place_of(data, score->i_entry, against);
        if (!report_score_is_beside(score, measure) || !score->is_main || x <= 0) continue;
        points[n++] = (struct plane_point){
            entry->i_model, entry->i_quantization, x, score->score, score->low, score->high};
        least = fmin(least, x);
        most = fmax(most, x);
        low = fmin(low, score->low);
        high = fmax(high, score->high);
    }
    if (n < 2) return true;
    bool is_perplexity = report_score_is_perplexity(measure);
    const char *caption = arena_printf(
        data->arena, err, "%s%s. Lines join the quantizations of a model; bars are %s.%s",
        TEXT[against].caption,
        measure->facts->better == BETTER_LOWER ? ", down in place of up" : "", interval_of(measure),
        against == AGAINST_SIZE ? "" : " Speed with the threads and the length that are fastest.");
    struct chart *chart =
        figures_add(data, figures, name_chart(data, TEXT[against].kind, measure, err),
                    title_of(data, measure, TEXT[against].title, err), caption, err);
    if (!chart) return false;
    chart_plane(chart, &(struct plane_chart){.colors = data->models,
                                             .n_colors = data->n_models,
                                             .shapes = data->quantizations,
                                             .n_shapes = data->n_quantizations,
                                             .points = points,
                                             .n_points = n,
                                             .x_label = TEXT[against].x_label,
                                             .y_label = measure->facts->axis,
                                             .x_log = spreads(least, most),
                                             .y_log = is_perplexity && spreads(low, high)});
    return true;
}

/* ---- All ---- */

/* The charts from the given one on are about the theme, if there are any. */
static void begin_theme(struct figures *figures, size_t first, const char *theme)
{
    if (first < figures->n) figures->items[first].theme = theme;
}

bool figures_build(const struct report_data *data, const struct open_book *books, size_t n_books,
                   struct figures *figures, struct err *err)
{
    const struct report_score *const *measures = data->measures;
    size_t n = data->n_measures;
    bool ok = true;
    *figures = (struct figures){0};
    for (size_t m = 0; ok && m < n; m++)
        if (!is_in_book(data, books, n_books, measures[m], 0) &&
            !is_in_book(data, books, n_books, measures[m], 1))
            ok = add_scores(data, figures, measures[m], err);
    begin_theme(figures, 0, "Scores");
    size_t first = figures->n;
    ok = ok && add_books(data, books, n_books, figures, err);
    begin_theme(figures, first, "Open book");
    first = figures->n;
    for (size_t m = 0; ok && m < n; m++) ok = add_subsets(data, figures, measures[m], err);
    begin_theme(figures, first, "By subject, category and source");
    first = figures->n;
    for (size_t m = 0; ok && m < n; m++)
        if (!is_in_book(data, books, n_books, measures[m], 1))
            ok = add_plane(data, figures, measures[m], AGAINST_SIZE, err) &&
                 add_plane(data, figures, measures[m], AGAINST_DECODE, err) &&
                 (m > 0 || add_plane(data, figures, measures[m], AGAINST_PREFILL, err));
    begin_theme(figures, first, "What size and speed buy");
    first = figures->n;
    ok = ok && figures_add_speed(data, figures, CHART_PREFILL, err) &&
         figures_add_speed(data, figures, CHART_DECODE, err) &&
         figures_add_speed(data, figures, CHART_BATCHED_DECODE, err) &&
         figures_add_memory(data, figures, err);
    begin_theme(figures, first, "Speed and memory");
    return ok;
}

void figures_free(struct figures *figures)
{
    for (size_t i = 0; i < figures->n; i++) chart_free(&figures->items[i].chart);
    figures->n = 0;
}
