/* prospect.h - what a job can see, before it runs: how wide its score's interval will be, and the
 * smallest difference between two models or quantizations that it tells from chance.
 *
 * By the last score and the last comparison that the store has for the same questions; where there
 * are none, by assumptions that are named.
 */
#ifndef PHIBENCH_HARNESS_RUN_PROSPECT_H
#define PHIBENCH_HARNESS_RUN_PROSPECT_H

#include "harness/run/plan.h"
#include "results/metric.h"
#include "results/paired.h"
#include "results/runs.h"

enum { PROSPECT_MAX_DIFFERENCES = 2 };

struct prospect {
    const struct metric *metric;
    struct known_score known; /* of the same weights; run 0: none */
    size_t n_asked;           /* items; fewer than all where a precision ends it, by that score */
    double half_width;        /* of the 95% interval, as scores are stored; NaN: not known */
    /* What is seen with 80% probability at two-sided 5%, as scores are stored, and of a text in
     * nats, where a share of the answers (or chunks) differ. */
    struct prospect_difference {
        double share, seen;
    } differences[PROSPECT_MAX_DIFFERENCES];
    size_t n_differences;   /* 0: nothing is known */
    struct known_pair pair; /* whose answers differ so; run 0: the shares are assumed */
};

/* Of a job with a data set. store: NULL for none. Names lie in the arena. */
bool prospect_look(const struct plan_job *job, struct store *store, struct arena *arena,
                   struct prospect *prospect, struct err *err) __attribute__((warn_unused_result));

#endif
