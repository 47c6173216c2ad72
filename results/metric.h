/* metric.h - what the name of a metric stands for: how people call it, its unit and axis, which way
 * is better, what is counted, and what scores can be.
 *
 * One const table of the metrics that this program stores, in the order in which they are shown.
 * The view v_scores, which people query without this program, names the same units, which a test
 * compares. Thread-safe.
 */
#ifndef PHIBENCH_RESULTS_METRIC_H
#define PHIBENCH_RESULTS_METRIC_H

#include "results/stats/estimate.h"

#include <stdbool.h>

/* Where scores come from, which decides how they are averaged and with what they compare. */
enum metric_kind {
    METRIC_OF_ANSWERS,   /* of each answer: right or wrong, or a share */
    METRIC_OF_JUDGES,    /* points of a judge or a rule for each turn; 0 is a missing judgment */
    METRIC_OF_GAMES,     /* of answers beside those of a baseline */
    METRIC_OF_TEXTS,     /* a perplexity, made of losses in nats */
    METRIC_OF_REFERENCE, /* of a text's tokens beside those of a reference */
    METRIC_OF_SPEED      /* a rate of speed_sample: there are no scores of it */
};

enum metric_better { BETTER_HIGHER, BETTER_LOWER, BETTER_NEITHER };

struct metric {
    const char *name;    /* as it is stored: "em" */
    const char *title;   /* in a sentence or a row: "exact match"; NULL: the name */
    const char *heading; /* of a chart: "Exact match" */
    const char *axis;    /* of a chart: "exact match, percent of the questions" */
    const char *unit;    /* of v_scores: "percent", "points", "nats", or "" for none */
    const char *counted; /* what a score is a mean over: "questions" */
    int scale;           /* a stored score times this is in the unit */
    enum metric_kind kind;
    enum metric_better better;
    struct interval range; /* of the stored scores that are averaged */
    bool is_f1;            /* the mean of these becomes an F1 (stats_f1) */
};

/* Ends with a row whose name is NULL: metrics that tasks name as they like (docs/tasks.md). */
extern const struct metric METRICS[];

/* The row of a stored name, with or without the suffix of a macro average; the last one for a name
 * that is in no row. */
const struct metric *metric_find(const char *name);
/* Its title, or the name itself where it has none. */
const char *metric_title(const char *name);

/* Appended to a metric's name for the mean over subsets in place of the mean over questions. */
#define METRIC_MACRO "_macro"
bool metric_is_macro(const char *name);
/* Whether `macro` is that average of the metric `micro`. */
bool metric_is_macro_of(const char *macro, const char *micro);

/* Whether scores are shown in percent. */
static inline bool metric_is_percent(const struct metric *metric)
{
    return metric->scale == 100;
}

#endif
