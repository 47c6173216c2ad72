/* tables_published.c - measured scores and speeds beside published ones (tables.h). Sources that
 * agree in protocol, shots and score share a row; those that do not each have their own.
 *
 * Knows nothing of HTML, Markdown or CSV (text_table.h).
 */
#include "reports/tables.h"

#include "reports/published_verdict.h"
#include "results/runs.h"

#include <stdlib.h>
#include <string.h>

/* ---- Scores ---- */

static bool is_same_number(const struct published *a, const struct published *b)
{
    return !strcmp(a->model, b->model) && !strcmp(a->suite, b->suite) &&
           !strcmp(a->metric, b->metric) && !strcmp(a->protocol, b->protocol) &&
           a->shots == b->shots && a->score == b->score;
}

/* Whether an earlier row says the same as row i. */
static bool is_repeated(const struct published_list *list, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (is_same_number(&list->rows[k], &list->rows[i])) return true;
    return false;
}

/* The sources of all rows that say the same as row i, in the arena. */
static const char *sources_of(const struct report_data *data, const struct published_list *list,
                              size_t i, struct err *err)
{
    const char *sources = list->rows[i].source;
    for (size_t k = i + 1; sources && k < list->n; k++)
        if (is_same_number(&list->rows[i], &list->rows[k]))
            sources = arena_printf(data->arena, err, "%s; %s", sources, list->rows[k].source);
    return sources;
}

/* How many questions the score's job asked: a metric that is about some of them alone, such as
 * those with a picture, is whole where these are. */
static int64_t questions_of(const struct report_data *data, const struct report_score *score)
{
    int64_t n = score->n;
    for (size_t i = 0; i < data->n_scores; i++)
        if (data->scores[i].job == score->job && data->scores[i].is_main) n = data->scores[i].n;
    return n;
}

/* A row for each distinct number that is about the score. */
static bool add_numbers(const struct report_data *data, const struct published_list *list,
                        const struct report_score *score, struct table *table, struct err *err)
{
    const struct report_entry *entry = &data->entries[score->i_entry];
    const struct published_measure measure = {
        score->suite,        score->metric, score->protocol, score->shots,
        score->score,        score->low,    score->high,     questions_of(data, score),
        entry->is_synthetic, score->n_whole};
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

/* ---- Speeds ---- */

/* Describes a speed as published rates are described; false for what is no rate of tokens. */
static bool read_rate(const struct report_speed *speed, const char *machine,
                      struct published_rate *rate)
{
    bool is_prefill = !strcmp(speed->test, "prefill");
    if (!is_prefill && strcmp(speed->test, "decode") != 0 &&
        strcmp(speed->test, "batched_decode") != 0)
        return false;
    *rate =
        (struct published_rate){.speed = {.n_tokens = is_prefill ? speed->prompt : speed->generate,
                                          .after = is_prefill ? 0 : speed->prompt,
                                          .batch = speed->batch,
                                          .machine = machine},
                                .median = speed->median,
                                .low = speed->low,
                                .high = speed->high};
    snprintf(rate->speed.test, sizeof rate->speed.test, "%s", is_prefill ? "prefill" : "decode");
    return true;
}

/* Whether another number of threads was faster. */
static bool is_outrun(const struct report_data *data, const struct report_speed *speed)
{
    for (size_t i = 0; i < data->n_speeds; i++) {
        const struct report_speed *other = &data->speeds[i];
        if (other->i_entry == speed->i_entry && !strcmp(other->test, speed->test) &&
            other->prompt == speed->prompt && other->generate == speed->generate &&
            other->batch == speed->batch && other->median > speed->median)
            return true;
    }
    return false;
}

/* How far the number's prompt is from the measured one, in tokens; -1 if it is of another thing. */
static int distance_of(const struct published *row, const char *model,
                       const struct published_rate *rate, struct published_speed *of)
{
    if (!published_is_of_model(row, model) || !published_read_speed(row, of) ||
        strcmp(of->test, rate->speed.test) != 0 || of->batch != rate->speed.batch)
        return -1;
    return strcmp(of->test, "prefill") ? abs(of->after - rate->speed.after)
                                       : abs(of->n_tokens - rate->speed.n_tokens);
}

/* Whether no other number of the same program and machine is nearer. */
static bool is_nearest(const struct published_list *list, size_t i, const char *model,
                       const struct published_rate *rate)
{
    struct published_speed of, other;
    int distance = distance_of(&list->rows[i], model, rate, &of);
    for (size_t k = 0; distance >= 0 && k < list->n; k++) {
        int far = strcmp(list->rows[k].model, list->rows[i].model)
                      ? -1
                      : distance_of(&list->rows[k], model, rate, &other);
        if (far < 0 || strcmp(other.machine, of.machine) != 0) continue;
        if (far < distance || (far == distance && k < i)) return false;
    }
    return distance >= 0;
}

static void add_rates(const struct report_data *data, const struct published_list *list,
                      const struct report_speed *speed, const struct published_rate *rate,
                      struct table *table)
{
    const struct report_entry *entry = &data->entries[speed->i_entry];
    for (size_t i = 0; i < list->n; i++) {
        const struct published *row = &list->rows[i];
        char label[64], verdict[300];
        if (!is_nearest(list, i, entry->published, rate)) continue;
        report_speed_label(speed, label, sizeof label);
        published_judge_rate(row, rate, verdict, sizeof verdict);
        table_row(table);
        table_cell(table, "%s", entry->label);
        table_cell(table, "%s, %d thread%s", label, speed->threads, speed->threads == 1 ? "" : "s");
        table_cell(table, "%.2f (%.2f to %.2f)", speed->median, speed->low, speed->high);
        table_cell(table, "%.15g", row->score);
        table_cell(table, "%s", verdict);
        table_cell(table, "%s, %s", row->model, row->protocol);
        table_cell(table, "%s", row->source);
    }
}

struct table *tables_published_speeds(struct store *store, const struct report_data *data,
                                      struct err *err)
{
    struct published_list list = {0};
    struct table *table = table_new(
        data->arena, "model|test|>measured, tokens/s|>published|verdict|published as|source", err);
    bool ok = table && (!wants_numbers(data) || published_load(data->arena, &list, err));
    for (size_t i = 0; ok && list.n && i < data->n_speeds; i++) {
        const struct report_speed *speed = &data->speeds[i];
        struct published_rate rate;
        if (!*data->entries[speed->i_entry].published || is_outrun(data, speed)) continue;
        const char *machine = runs_cpu_model(store, speed->run, data->arena, err);
        ok = machine != NULL;
        if (ok && read_rate(speed, machine, &rate)) add_rates(data, &list, speed, &rate, table);
    }
    return ok && table_check(table, err) ? table : NULL;
}
