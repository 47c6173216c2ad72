/* pairs.c - see pairs.h. One look at v_compare for each entry that has a base; scores that are no
 * right and wrong are read once more, question by question, for the bootstrap.
 */
#include "reports/pairs.h"

#include "base/mem.h"
#include "results/paired.h"
#include "results/stats/bootstrap.h"
#include "results/stats/means.h"
#include "results/stats/rates.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_QUESTIONS = 1 << 24, BOOTSTRAP_ROUNDS = 1000, BOOTSTRAP_SEED = 1 };

static const char PAIRS_SQL[] =
    "SELECT suite, protocol, shots, metric, n, only_a, only_b FROM v_compare "
    "WHERE run_a = ?1 AND run_b = ?1 AND model_a = ?2 "
    "AND quantization_a = ?3 AND model_b = ?4 AND quantization_b = ?5";

/* The entry's main score of the measure that the row of PAIRS_SQL names; NULL for none. */
static const struct report_score *score_of(const struct report_data *data, size_t i_entry,
                                           const struct query *query)
{
    for (size_t i = 0; i < data->n_scores; i++) {
        const struct report_score *score = &data->scores[i];
        if (score->is_main && score->i_entry == i_entry &&
            !strcmp(score->suite, query_text(query, 0)) &&
            !strcmp(score->protocol, query_text(query, 1)) &&
            score->shots == query_integer(query, 2) && !strcmp(score->metric, query_text(query, 3)))
            return score;
    }
    return NULL;
}

static bool bootstrap(struct store *store, const struct report_score *base,
                      struct report_pair *pair, struct err *err)
{
    double *values = NULL, scale = pair->score->facts->scale;
    size_t n = 0, capacity = 0;
    struct query *query = paired_differences(store, base->job, pair->score->job, err);
    int more = -1;
    pair->n = 0;
    while ((more = query_next(query, err)) > 0) {
        if (!mem_grow((void **)&values, &capacity, n + 1, sizeof *values, MAX_QUESTIONS, err)) {
            more = -1;
            break;
        }
        const struct difference difference = paired_difference(query);
        values[n++] = scale * difference.mean;
        pair->n += difference.n;
    }
    query_close(query);
    if (more == 0 && n) {
        pair->change = stats_mean(values, NULL, n, 1);
        pair->change.interval = stats_bootstrap_mean(values, n, BOOTSTRAP_ROUNDS, BOOTSTRAP_SEED);
    }
    free(values);
    return more == 0;
}

static struct estimate in_percent(struct estimate rate)
{
    return (struct estimate){100 * rate.mean,
                             100 * rate.error,
                             {100 * rate.interval.low, 100 * rate.interval.high},
                             rate.n};
}

/* Appends the pairs of one entry. Perplexities are compared elsewhere, by their ratio. */
static bool load_entry(struct store *store, const struct report_data *data, size_t i_entry,
                       struct report_pairs *pairs, struct err *err)
{
    size_t i_base = report_base_entry(data, i_entry);
    int more = -1;
    bool done = true;
    if (i_base == i_entry) return true;
    struct query *query = query_open(store, PAIRS_SQL, err);
    const struct report_entry *base = &data->entries[i_base], *entry = &data->entries[i_entry];
    query_bind_integer(query, 1, base->run);
    query_bind_text(query, 2, base->model);
    query_bind_text(query, 3, base->quantization);
    query_bind_text(query, 4, entry->model);
    query_bind_text(query, 5, entry->quantization);
    while (done && (more = query_next(query, err)) > 0) {
        const struct report_score *score = score_of(data, i_entry, query);
        const struct report_score *other = score ? report_main_score(data, i_base, score) : NULL;
        if (!other || report_score_is_perplexity(score) || query_integer(query, 4) < 1) continue;
        done = arena_grow(data->arena, (void **)&pairs->items, &pairs->capacity, pairs->n + 1,
                          sizeof *pairs->items, err);
        if (!done) break;
        struct report_pair *pair = &pairs->items[pairs->n++];
        *pair = (struct report_pair){.base = base,
                                     .entry = entry,
                                     .score = score,
                                     .n = (uint64_t)query_integer(query, 4),
                                     .only_base = (uint64_t)query_integer(query, 5),
                                     .only_entry = (uint64_t)query_integer(query, 6),
                                     .p = NAN};
        if (!report_score_is_share(score) || !report_score_is_share(other)) {
            done = bootstrap(store, other, pair, err);
            continue;
        }
        pair->change = in_percent(stats_paired(pair->only_base, pair->only_entry, pair->n));
        pair->p = stats_mcnemar(pair->only_base, pair->only_entry);
    }
    query_close(query);
    return done && more == 0;
}

bool pairs_load(struct store *store, const struct report_data *data, struct report_pairs *pairs,
                struct err *err)
{
    bool done = true;
    *pairs = (struct report_pairs){0};
    for (size_t i = 0; done && i < data->n_entries; i++)
        done = load_entry(store, data, i, pairs, err);
    return done;
}
