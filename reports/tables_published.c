/* tables_published.c - measured scores beside published ones (tables.h). Sources that agree in
 * protocol, shots and score share a row; those that do not each have their own.
 *
 * Knows nothing of HTML, Markdown or CSV (text_table.h).
 */
#include "reports/tables.h"

#include "reports/published.h"

#include <string.h>

static bool is_same_number(const struct published *a, const struct published *b)
{
    return !strcmp(a->model, b->model) && !strcmp(a->suite, b->suite) &&
           !strcmp(a->metric, b->metric) && !strcmp(a->protocol, b->protocol) &&
           a->shots == b->shots && a->score == b->score;
}

/* Whether an earlier row of the model says the same. */
static bool is_repeated(const struct published_list *list, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (is_same_number(&list->rows[k], &list->rows[i])) return true;
    return false;
}

/* All that say the same, in the arena. */
static const char *sources_of(const struct report_data *data, const struct published_list *list,
                              size_t i, struct err *err)
{
    const char *sources = list->rows[i].source;
    for (size_t k = i + 1; sources && k < list->n; k++)
        if (is_same_number(&list->rows[i], &list->rows[k]))
            sources = arena_printf(data->arena, err, "%s; %s", sources, list->rows[k].source);
    return sources;
}

/* A row for each distinct number that is about the score. */
static bool add_numbers(const struct report_data *data, const struct published_list *list,
                        const struct report_score *score, struct table *table, struct err *err)
{
    const struct report_entry *entry = &data->entries[score->i_entry];
    const struct published_measure measure = {score->suite, score->metric, score->protocol,
                                              score->shots, score->score,  score->low,
                                              score->high,  score->n,      entry->is_synthetic};
    for (size_t i = 0; i < list->n; i++) {
        const struct published *row = &list->rows[i];
        char verdict[300];
        if (strcmp(row->model, entry->published) != 0 || !published_is_about(row, &measure) ||
            is_repeated(list, i))
            continue;
        const char *sources = sources_of(data, list, i, err);
        if (!sources) return false;
        published_judge(row, &measure, verdict, sizeof verdict);
        table_row(table);
        table_cell(table, "%s", entry->label);
        table_cell(table, "%s, %s, %d shots", score->suite, score->protocol, score->shots);
        table_cell(table, "%.2f (%.2f to %.2f)", score->score, score->low, score->high);
        table_cell(table, "%.15g", row->score);
        table_cell(table, "%s", verdict);
        table_cell(table, "%s%s", row->remark, row->shots < 0 ? ", shots not known" : "");
        table_cell(table, "%s", sources);
    }
    return true;
}

static bool wants_numbers(const struct report_data *data)
{
    for (size_t i = 0; i < data->n_entries; i++)
        if (*data->entries[i].published) return true;
    return false;
}

struct table *tables_published(const struct report_data *data, struct err *err)
{
    struct published_list list = {0};
    struct table *table =
        table_new(data->arena, "model|suite|>measured|>published|verdict|published as|source", err);
    bool ok = table && (!wants_numbers(data) || published_load(data->arena, &list, err));
    for (size_t i = 0; ok && i < data->n_scores + data->n_divergences; i++)
        ok = add_numbers(data, &list,
                         i < data->n_scores ? &data->scores[i]
                                            : &data->divergences[i - data->n_scores],
                         table, err);
    return ok && table_check(table, err) ? table : NULL;
}
