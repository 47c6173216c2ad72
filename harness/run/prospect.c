/* prospect.c - see prospect.h. A paired difference has the error sd / sqrt(n), where sd is that of
 * the items' differences: of answers that are right or wrong, with a share s that only one of two
 * has right, it is sqrt(s) if neither is better.
 *
 * Items count as independent, and as many as a job asks.
 */
#include "harness/run/prospect.h"

#include "base/mem.h"
#include "results/early_stop.h"
#include "results/stats/means.h"
#include "results/stats/power.h"
#include "results/stats/rates.h"
#include "results/stats/sequential.h"

#include <math.h>
#include <stdlib.h>

/* Between a quantization and what it was made of, and between two models: what is assumed. */
static const double ASSUMED_SHARES[PROSPECT_MAX_DIFFERENCES] = {0.1, 0.3};

enum { MAX_DIFFERENCES = 1 << 28 };

static bool is_rate(const struct metric *metric)
{
    return metric->range.low == 0 && metric->range.high == 1;
}

static double half(struct interval interval)
{
    return (interval.high - interval.low) / 2;
}

/* ---- The interval ---- */

static struct interval expect_rate(const struct prospect *prospect, size_t n,
                                   struct interval interval_of(uint64_t k, uint64_t n))
{
    double rate = prospect->known.run ? prospect->known.score : 0.5;
    return interval_of((uint64_t)llround(rate * (double)n), n);
}

/* Where the rate is as it was, asking ends here. */
static size_t expect_end(const struct prospect *prospect, double precision, size_t n_items)
{
    size_t n = early_stop_next(0, n_items);
    while (n < n_items &&
           !early_stop_is_reached(expect_rate(prospect, n, stats_sequential_rate), precision))
        n = early_stop_next(n, n_items);
    return n;
}

static void expect_interval(const struct plan_job *job, struct prospect *prospect)
{
    const struct known_score *known = &prospect->known;
    size_t n = job->dataset->n_items;
    prospect->n_asked = n;
    if (!is_rate(prospect->metric)) {
        /* Student's, of as many as there are mostly; the error shrinks with their number. */
        prospect->half_width =
            known->run ? STATS_Z * known->error * sqrt((double)known->n_items / (double)n) : NAN;
        return;
    }
    if (job->suite->precision > 0)
        prospect->n_asked = expect_end(prospect, job->suite->precision / 100, n);
    prospect->half_width = half(expect_rate(
        prospect, prospect->n_asked, prospect->n_asked < n ? stats_sequential_rate : stats_wilson));
}

/* ---- Differences ---- */

struct differences {
    double *values;
    size_t n, capacity, n_different;
};

static bool read_differences(struct store *store, const struct known_pair *pair,
                             struct differences *differences, struct err *err)
{
    struct query *query = paired_differences(store, pair->a, pair->b, err);
    int more;
    bool ok = true;
    while (ok && (more = query_next(query, err)) > 0) {
        double value = paired_difference(query).mean;
        ok = mem_grow((void **)&differences->values, &differences->capacity, differences->n + 1,
                      sizeof *differences->values, MAX_DIFFERENCES, err);
        if (!ok) break;
        differences->values[differences->n++] = value;
        differences->n_different += value != 0;
    }
    query_close(query);
    return ok && more == 0;
}

/* By the last comparison, if anything differed in it. */
static bool see_as_before(const struct plan_job *job, struct store *store, struct arena *arena,
                          struct prospect *prospect, struct err *err)
{
    const struct dataset *dataset = job->dataset;
    struct known_pair *pair = &prospect->pair;
    struct differences differences = {0};
    bool ok = paired_last(store, dataset->suite->name, dataset->protocol, dataset->shots, arena,
                          pair, err) &&
              (!pair->run || read_differences(store, pair, &differences, err));
    if (ok && differences.n_different && differences.n > 1 && pair->n_items > 0) {
        /* Both turns of a question of MT-bench are one difference. */
        double n = (double)prospect->n_asked * (double)differences.n / (double)pair->n_items;
        double error = stats_clustered_error(differences.values, NULL, differences.n, 0);
        prospect->differences[prospect->n_differences++] =
            (struct prospect_difference){(double)differences.n_different / (double)differences.n,
                                         stats_detectable(error * sqrt((double)differences.n / n))};
    } else {
        *pair = (struct known_pair){0};
    }
    free(differences.values);
    return ok;
}

static void see_as_assumed(struct prospect *prospect)
{
    for (size_t i = 0; i < PROSPECT_MAX_DIFFERENCES; i++)
        prospect->differences[prospect->n_differences++] = (struct prospect_difference){
            ASSUMED_SHARES[i],
            stats_detectable(sqrt(ASSUMED_SHARES[i] / (double)prospect->n_asked))};
}

bool prospect_look(const struct plan_job *job, struct store *store, struct arena *arena,
                   struct prospect *prospect, struct err *err)
{
    const struct dataset *dataset = job->dataset;
    *prospect =
        (struct prospect){.metric = metric_find(dataset->suite->metric), .known = {.error = NAN}};
    if (store && !runs_last_score(store, job->model->hash, dataset->suite->name, dataset->protocol,
                                  dataset->shots, &prospect->known, err))
        return false;
    expect_interval(job, prospect);
    if (store && !see_as_before(job, store, arena, prospect, err)) return false;
    if (!prospect->n_differences && is_rate(prospect->metric)) see_as_assumed(prospect);
    return true;
}
