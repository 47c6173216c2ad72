/* job_cost.c - see job_cost.h. The time is estimated by how fast the same questions were answered
 * before, else by how fast tokens were read.
 *
 * Owns nothing between two calls.
 */
#include "harness/run/job_cost.h"

#include "base/clock.h"
#include "base/mem.h"
#include "results/runs.h"

#include <stdlib.h>

/* Quantizations of a model read the same tokens: they are counted once. */
static bool count_job(struct job_cost *costs, size_t i, struct err *err)
{
    const struct plan_job *job = costs[i].job;
    if (!job->dataset || job->model->config->api) return true;
    for (size_t k = 0; k < i; k++) {
        const struct plan_job *other = costs[k].job;
        if (other->suite != job->suite || other->model->config != job->model->config ||
            other->model->context_tokens != job->model->context_tokens)
            continue;
        costs[i].count = costs[k].count;
        return true;
    }
    return token_count_job(job, 0, &costs[i].count, err);
}

/* The time of `n` things by a rate; *cost stays as it is where nothing was measured. */
static void apply_rate(struct job_cost *cost, const struct measured_rate *rate, double n,
                       const char *what)
{
    if (!(rate->seconds > 0)) return;
    cost->seconds = n * rate->seconds;
    snprintf(cost->measured, sizeof cost->measured, "%.4g %s a second in run %lld",
             1 / rate->seconds, what, (long long)rate->run);
}

/* Where tokens are generated, the rate of reading some says nothing: those are slower. */
static bool estimate_time(struct store *store, struct job_cost *cost, struct err *err)
{
    const struct token_count *count = &cost->count;
    const struct dataset *dataset = cost->job->dataset;
    const char *hash = cost->job->model->hash;
    struct measured_rate rate;
    if (!dataset || !store) return true;
    if (!runs_time_of_item(store, hash, dataset->suite->name, dataset->protocol, dataset->shots,
                           &rate, err))
        return false;
    apply_rate(cost, &rate, (double)dataset->n_items, "items");
    if (cost->seconds > 0 || count->new_tokens > 0 || !count->n_items) return true;
    if (!runs_time_of_token(store, hash, &rate, err)) return false;
    apply_rate(cost, &rate, count->shared_tokens, "tokens");
    return true;
}

struct job_cost *job_costs_estimate(const struct plan *plan, struct store *store, struct err *err)
{
    struct job_cost *costs = mem_new(plan->n_jobs, sizeof *costs, err);
    bool ok = costs != NULL;
    for (size_t i = 0; ok && i < plan->n_jobs; i++) {
        costs[i].job = &plan->jobs[i];
        ok = count_job(costs, i, err) && estimate_time(store, &costs[i], err);
    }
    if (ok) return costs;
    free(costs);
    return NULL;
}

void job_costs_describe(const struct job_cost *costs, size_t n, char *out, size_t n_out)
{
    double seconds = 0;
    size_t n_unknown = 0;
    char time[64], known[96] = "", unknown[64] = "";
    for (size_t i = 0; i < n; i++) {
        seconds += costs[i].seconds;
        n_unknown += !(costs[i].seconds > 0);
    }
    clock_format_duration((int64_t)(seconds * 1e9), time, sizeof time);
    if (n_unknown < n) snprintf(known, sizeof known, ", about %s", time);
    if (n_unknown)
        snprintf(unknown, sizeof unknown, ", and %zu whose time is not known", n_unknown);
    snprintf(out, n_out, "%zu job%s%s%s", n, n == 1 ? "" : "s", known, unknown);
}
