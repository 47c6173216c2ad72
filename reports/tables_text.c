/* tables_text.c - the tables of texts (tables.h): perplexities beside each other, and divergences
 * from a reference.
 *
 * A ratio of perplexities is taken from the losses of the same chunks, so that what makes a chunk
 * hard for both does not count. Knows nothing of HTML, Markdown or CSV (text_table.h).
 */
#include "reports/tables.h"

#include "base/mem.h"
#include "results/paired.h"
#include "results/stats/means.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CHUNKS = 1 << 26 };

/* ---- Ratios ---- */

/* The differences of one text's chunks, and which two jobs they are of. */
struct losses {
    char text[256];
    int64_t job_a, job_b;
    double *differences;
    size_t n, capacity;
};

static void add_ratio(const struct report_entry *a, const struct report_entry *b,
                      const struct losses *losses, struct table *table)
{
    if (!losses->n) return;
    struct estimate ratio = stats_mean(losses->differences, NULL, losses->n, 1);
    table_row(table);
    table_cell(table, "%s", b->label);
    table_cell(table, "%s", a->label);
    table_cell(table, "%s", losses->text);
    table_cell(table, "%zu", losses->n);
    table_cell(table, "%.4f", exp(ratio.mean));
    if (isnan(ratio.error)) table_cell(table, "%s", "");
    else table_cell(table, "%.4f to %.4f", exp(ratio.interval.low), exp(ratio.interval.high));
}

static bool add_difference(struct losses *losses, double difference, struct err *err)
{
    if (!mem_grow((void **)&losses->differences, &losses->capacity, losses->n + 1,
                  sizeof *losses->differences, MAX_CHUNKS, err))
        return false;
    losses->differences[losses->n++] = difference;
    return true;
}

static bool add_ratios(struct store *store, const struct report_entry *a,
                       const struct report_entry *b, struct table *table, struct err *err)
{
    const struct model_pair pair = {.run = a->run,
                                    .model_a = a->model,
                                    .quantization_a = a->quantization,
                                    .model_b = b->model,
                                    .quantization_b = b->quantization};
    struct losses losses = {.text = ""};
    struct query *query = paired_losses(store, &pair, err);
    int more;
    bool ok = true;
    while (ok && (more = query_next(query, err)) > 0) {
        const struct loss_row row = paired_loss(query);
        if (row.job_a != losses.job_a || row.job_b != losses.job_b) {
            add_ratio(a, b, &losses, table);
            losses.n = 0;
            losses.job_a = row.job_a;
            losses.job_b = row.job_b;
            snprintf(losses.text, sizeof losses.text, "%s", row.protocol);
        }
        ok = add_difference(&losses, row.difference, err);
    }
    if (ok) add_ratio(a, b, &losses, table);
    free(losses.differences);
    query_close(query);
    return ok && more == 0;
}

struct table *tables_ratios(struct store *store, const struct report_data *data, struct err *err)
{
    struct table *table =
        table_new(data->arena, "candidate|base|text|>chunks|>perplexity, ratio|95% interval", err);
    bool ok = table != NULL;
    for (size_t b = 0; ok && b < data->n_entries; b++) {
        size_t a = report_base_entry(data, b);
        if (a != b) ok = add_ratios(store, &data->entries[a], &data->entries[b], table, err);
    }
    return ok && table_check(table, err) ? table : NULL;
}

/* ---- Divergences ---- */

/* The metric's score among those of the job that begins at `first`; NULL if it has none. */
static const struct report_score *find_metric(const struct report_data *data, size_t first,
                                              const char *metric)
{
    for (size_t i = first; i < data->n_divergences; i++) {
        const struct report_score *score = &data->divergences[i];
        if (score->job != data->divergences[first].job) break;
        if (!strcmp(score->metric, metric)) return score;
    }
    return NULL;
}

/* A cell of a score, with its interval or without; empty for NULL. */
static void cell_of(struct table *table, const struct report_score *score, int digits,
                    bool with_interval)
{
    if (!score) table_cell(table, "%s", "");
    else if (with_interval)
        table_cell(table, "%.*g (%.*g to %.*g)", digits, score->score, digits, score->low, digits,
                   score->high);
    else table_cell(table, "%.*g", digits, score->score);
}

struct table *tables_divergences(const struct report_data *data, struct err *err)
{
    static const struct {
        const char *metric;
        int digits;
        bool with_interval;
    } CELLS[] = {{"ppl_reference", 6, false}, {"ln_ppl_ratio", 3, true}, {"kld", 4, true},
                 {"kld_p50", 3, false},       {"kld_p99", 3, false},     {"kld_max", 3, false},
                 {"same_top", 4, true},       {"dp_mean", 3, true},      {"dp_rms", 3, true}};
    struct table *table =
        table_new(data->arena,
                  "model|quantization|text|>tokens|>perplexity of the reference|>ln of the "
                  "ratio|>mean KLD|>median KLD|>99% KLD|>largest KLD|>same top, %|>mean Δp, %|>RMS "
                  "Δp, %",
                  err);
    for (size_t i = 0; table && i < data->n_divergences; i++) {
        const struct report_score *score = &data->divergences[i];
        if (i && score->job == data->divergences[i - 1].job) continue;
        const struct report_entry *entry = &data->entries[score->i_entry];
        table_row(table);
        table_cell(table, "%s", entry->name);
        table_cell(table, "%s", entry->quantization);
        table_cell(table, "%s", score->protocol);
        table_cell(table, "%lld", (long long)score->n);
        for (size_t c = 0; c < sizeof CELLS / sizeof CELLS[0]; c++)
            cell_of(table, find_metric(data, i, CELLS[c].metric), CELLS[c].digits,
                    CELLS[c].with_interval);
    }
    return table && table_check(table, err) ? table : NULL;
}
