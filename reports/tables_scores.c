/* tables_scores.c - the tables that put scores side by side (tables.h): an overview, subsets, and
 * pairs of quantizations.
 *
 * Knows nothing of HTML, Markdown or CSV (text_table.h).
 */
#include "reports/tables.h"

#include "results/runs.h"

#include <math.h>
#include <string.h>

/* The score with its interval, in as many digits as its unit is worth; nothing for NULL. */
static void cell_score(struct table *table, const struct report_score *score)
{
    if (!score) {
        table_cell(table, "%s", "");
        return;
    }
    int digits = metric_is_percent(score->facts) ? 1 : score->high < 100 ? 2 : 0;
    table_cell(table, "%.*f (%.*f to %.*f)", digits, score->score, digits, score->low, digits,
               score->high);
}

/* ---- Overview ---- */

static void cell_rate(struct table *table, double rate)
{
    if (rate > 0) table_cell(table, rate < 100 ? "%.1f" : "%.0f", rate);
    else table_cell(table, "%s", "");
}

struct table *tables_overview(const struct report_data *data, struct err *err)
{
    struct table *table =
        table_new(data->arena, "model|quantization|>parameters|>weights, MiB", err);
    if (!table) return NULL;
    for (size_t m = 0; m < data->n_measures; m++)
        table_column(table, true, "%s%s",
                     report_score_is_perplexity(data->measures[m]) ? "perplexity, " : "",
                     data->measures[m]->measure);
    table_column(table, true, "decode, tokens/s");
    table_column(table, true, "prefill, tokens/s");
    for (size_t i = 0; i < data->n_entries; i++) {
        const struct report_entry *entry = &data->entries[i];
        table_row(table);
        table_cell(table, "%s", entry->name);
        table_cell(table, "%s", entry->quantization);
        if (entry->n_params > 0) table_cell(table, "%.3g M", entry->n_params / 1e6);
        else table_cell(table, "%s", "");
        cell_rate(table, entry->n_bytes / (1 << 20));
        for (size_t m = 0; m < data->n_measures; m++)
            cell_score(table, report_main_score(data, i, data->measures[m]));
        cell_rate(table, report_entry_rate(data, i, true));
        cell_rate(table, report_entry_rate(data, i, false));
    }
    return table_check(table, err) ? table : NULL;
}

/* ---- Subsets ---- */

struct table *tables_subset_list(const struct report_data *data, struct err *err)
{
    struct table *table =
        table_new(data->arena,
                  "model|quantization|suite|protocol|>shots|metric|subset|category|>n|>score|>low|"
                  ">high",
                  err);
    for (size_t i = 0; table && i < data->n_subsets; i++) {
        const struct report_score *score = &data->subsets[i];
        const struct report_entry *entry = &data->entries[score->i_entry];
        tables_begin_row(table, entry, score->suite, score->protocol, score->shots);
        table_cell(table, "%s", score->metric);
        table_cell(table, "%s", score->subset);
        table_cell(table, "%s", score->category);
        table_cell(table, "%lld", (long long)score->n);
        table_cell(table, "%.2f", score->score);
        table_cell(table, "%.2f", score->low);
        table_cell(table, "%.2f", score->high);
    }
    return table && table_check(table, err) ? table : NULL;
}

static bool is_same_subset(const struct report_score *a, const struct report_score *b)
{
    return report_score_is_beside(a, b) && !strcmp(a->subset, b->subset);
}

/* Whether no earlier score is of the same subset, or of the same subset and model. */
static bool is_first(const struct report_data *data, size_t i_subset, bool of_model)
{
    const struct report_score *score = &data->subsets[i_subset];
    const char *name = data->entries[score->i_entry].name;
    for (size_t i = 0; i < i_subset; i++)
        if (is_same_subset(&data->subsets[i], score) &&
            (!of_model || !strcmp(data->entries[data->subsets[i].i_entry].name, name)))
            return false;
    return true;
}

/* The score of the same subset, model and run as the row's, in a quantization; NULL for none. */
static const struct report_score *find_beside(const struct report_data *data,
                                              const struct report_score *row, size_t i_quantization)
{
    const struct report_entry *entry = &data->entries[row->i_entry];
    for (size_t i = 0; i < data->n_subsets; i++) {
        const struct report_score *score = &data->subsets[i];
        const struct report_entry *other = &data->entries[score->i_entry];
        if (is_same_subset(score, row) && other->i_model == entry->i_model &&
            other->run == entry->run && other->i_quantization == i_quantization)
            return score;
    }
    return NULL;
}

static bool has_quantization(const struct report_data *data, const struct report_score *measure,
                             size_t i_quantization)
{
    for (size_t i = 0; i < data->n_subsets; i++)
        if (report_score_is_beside(&data->subsets[i], measure) &&
            data->entries[data->subsets[i].i_entry].i_quantization == i_quantization)
            return true;
    return false;
}

static bool has_categories(const struct report_data *data, const struct report_score *measure)
{
    for (size_t i = 0; i < data->n_subsets; i++)
        if (report_score_is_beside(&data->subsets[i], measure) && *data->subsets[i].category)
            return true;
    return false;
}

/* with_name: this is the first of a subset's rows, which alone names it. */
static void add_subset_row(const struct report_data *data, const struct report_score *row,
                           bool with_name, struct table *table)
{
    table_row(table);
    table_cell(table, "%s", with_name ? row->subset : "");
    if (has_categories(data, row)) table_cell(table, "%s", with_name ? row->category : "");
    table_cell(table, "%lld", (long long)row->n);
    table_cell(table, "%s", data->entries[row->i_entry].name);
    for (size_t q = 0; q < data->n_quantizations; q++)
        if (has_quantization(data, row, q)) cell_score(table, find_beside(data, row, q));
}

struct table *tables_subsets(const struct report_data *data, const struct report_score *measure,
                             struct err *err)
{
    struct table *table = table_new(
        data->arena, has_categories(data, measure) ? "subset|category|>n|model" : "subset|>n|model",
        err);
    for (size_t q = 0; table && q < data->n_quantizations; q++)
        if (has_quantization(data, measure, q))
            table_column(table, true, "%s", data->quantizations[q]);
    for (size_t i = 0; table && i < data->n_subsets; i++) {
        const struct report_score *row = &data->subsets[i];
        if (!report_score_is_beside(row, measure) || !is_first(data, i, false)) continue;
        /* A subset's rows of all models stand together. */
        for (size_t k = i; k < data->n_subsets; k++)
            if (is_same_subset(&data->subsets[k], row) && is_first(data, k, true))
                add_subset_row(data, &data->subsets[k], k == i, table);
    }
    return table && table_check(table, err) ? table : NULL;
}

/* ---- Paired differences ---- */

/* A cell of what McNemar's test is made of; empty for a pair of points, which has none. */
static void cell_if_tested(struct table *table, const struct report_pair *pair, double value)
{
    if (isnan(pair->p)) table_cell(table, "%s", "");
    else if (value < 1) table_cell(table, "%.3g", value);
    else table_cell(table, "%.0f", value);
}

static void add_pair_row(const struct report_pair *pair, struct table *table)
{
    table_row(table);
    table_cell(table, "%s", pair->entry->label);
    table_cell(table, "%s", pair->base->label);
    table_cell(table, "%s", pair->score->measure);
    table_cell(table, "%llu", (unsigned long long)pair->n);
    cell_if_tested(table, pair, (double)pair->only_entry);
    cell_if_tested(table, pair, (double)pair->only_base);
    table_cell(table, "%+.2f", pair->change.mean);
    table_cell(table, "%+.2f to %+.2f", pair->change.interval.low, pair->change.interval.high);
    cell_if_tested(table, pair, pair->p);
}

/* Pairs of one measure stand together. */
struct table *tables_paired(const struct report_data *data, const struct report_pairs *pairs,
                            struct err *err)
{
    struct table *table = table_new(data->arena,
                                    "candidate|base|measure|>n|>right only here|>right only in "
                                    "base|>difference|95% interval|>p",
                                    err);
    for (size_t m = 0; table && m < data->n_measures; m++)
        for (size_t i = 0; i < pairs->n; i++)
            if (report_score_is_beside(pairs->items[i].score, data->measures[m]))
                add_pair_row(&pairs->items[i], table);
    return table && table_check(table, err) ? table : NULL;
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
    const char *baseline = runs_job_baseline(store, score->job, data->arena, err);
    if (!baseline) return false;
    table_row(table);
    table_cell(table, "%s", data->entries[score->i_entry].label);
    table_cell(table, "%s", baseline);
    table_cell(table, "%s", score->protocol);
    table_cell(table, "%.2f", score->score);
    table_cell(table, "%.2f to %.2f", score->low, score->high);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        table_cell(table, "%lld", count_of(data, score->job, counts[i]));
    return true;
}

struct table *tables_wins(struct store *store, const struct report_data *data, struct err *err)
{
    struct table *table = table_new(data->arena,
                                    "model|baseline|by|>adjusted win rate, %|95% interval|>won|"
                                    ">tied|>lost|>orders disagree|>missing",
                                    err);
    bool ok = table != NULL;
    for (size_t i = 0; ok && i < data->n_scores; i++) {
        const struct report_score *score = &data->scores[i];
        if (score->facts->kind == METRIC_OF_GAMES && !metric_is_macro(score->metric))
            ok = add_wins(store, data, score, table, err);
    }
    return ok && table_check(table, err) ? table : NULL;
}
