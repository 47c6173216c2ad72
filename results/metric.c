/* metric.c - see metric.h.
 *
 * Columns that several rows share stand in macros: heading and axis, and all that follow them.
 */
#include "results/metric.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/* clang-format off */
#define SCORE "Score", "score, percent"
#define PERPLEXITY "Perplexity", "perplexity (lower is better)", ""
#define OF_QUESTIONS "percent", "questions", 100, METRIC_OF_ANSWERS, BETTER_HIGHER, {0, 1}, false
#define OF_REFERENCE "tokens", 1, METRIC_OF_REFERENCE
#define DIVERGENCE "Divergence", "nats", "nats", OF_REFERENCE, BETTER_LOWER, {0, INFINITY}, false
#define OF_TOKENS "percent", "tokens", 100, METRIC_OF_REFERENCE
#define CHANGE "Change", "change, percent", OF_TOKENS, BETTER_NEITHER, {-1, 1}, false
#define OF_SPEED 1, METRIC_OF_SPEED, BETTER_HIGHER, {0, INFINITY}, false

const struct metric METRICS[] = {
    {"acc", "accuracy", "Accuracy", "accuracy, percent of the questions", OF_QUESTIONS},
    {"acc_norm", NULL, SCORE, OF_QUESTIONS},
    {"mc2", NULL, SCORE, OF_QUESTIONS},
    {"em", "exact match", "Exact match", "exact match, percent of the questions", OF_QUESTIONS},
    {"f1", "F1", SCORE, OF_QUESTIONS},
    {"retrieval_hit", NULL, SCORE, OF_QUESTIONS},
    {"acc_image", "accuracy with a picture", SCORE, OF_QUESTIONS},
    {"yes_f1", "F1 of yes", SCORE, "percent", "questions", 100, METRIC_OF_ANSWERS, BETTER_HIGHER,
     {0, 1}, true},
    {"yes_precision", "precision of yes", SCORE, OF_QUESTIONS},
    {"yes_recall", "recall of yes", SCORE, OF_QUESTIONS},
    {"yes_share", "share of yes", SCORE, "percent", "questions", 100, METRIC_OF_ANSWERS,
     BETTER_NEITHER, {0, 1}, false},
    {"points", NULL, "Points", "points, 1 to 10", "points", "turns", 1, METRIC_OF_JUDGES,
     BETTER_HIGHER, {1, 10}, false},
    {"win_rate", NULL, SCORE, "percent", "pairs of games", 100, METRIC_OF_GAMES, BETTER_HIGHER,
     {0, 1}, false},
    {"ppl", "perplexity", PERPLEXITY, "tokens", 1, METRIC_OF_TEXTS, BETTER_LOWER, {0, INFINITY},
     false},
    {"ppl_reference", "of the reference", PERPLEXITY, OF_REFERENCE, BETTER_NEITHER, {0, INFINITY},
     false},
    {"ln_ppl_ratio", "ln of their ratio", "Ratio", "nats", "nats", OF_REFERENCE, BETTER_LOWER,
     {-INFINITY, INFINITY}, false},
    {"kld", "mean KLD", DIVERGENCE},
    {"kld_max", "largest KLD", DIVERGENCE},
    {"kld_p99.9", "99.9% KLD", DIVERGENCE},
    {"kld_p99", "99% KLD", DIVERGENCE},
    {"kld_p95", "95% KLD", DIVERGENCE},
    {"kld_p90", "90% KLD", DIVERGENCE},
    {"kld_p50", "median KLD", DIVERGENCE},
    {"kld_p10", "10% KLD", DIVERGENCE},
    {"kld_p5", "5% KLD", DIVERGENCE},
    {"kld_p1", "1% KLD", DIVERGENCE},
    {"same_top", "same top", SCORE, OF_TOKENS, BETTER_HIGHER, {0, 1}, false},
    {"dp_mean", "mean Δp", CHANGE},
    {"dp_rms", "RMS Δp", CHANGE},
    {"dp_max", "largest Δp", CHANGE},
    {"dp_p99.9", "99.9% Δp", CHANGE},
    {"dp_p99", "99% Δp", CHANGE},
    {"dp_p95", "95% Δp", CHANGE},
    {"dp_p90", "90% Δp", CHANGE},
    {"dp_p50", "median Δp", CHANGE},
    {"dp_p10", "10% Δp", CHANGE},
    {"dp_p5", "5% Δp", CHANGE},
    {"dp_p1", "1% Δp", CHANGE},
    {"dp_p0.1", "0.1% Δp", CHANGE},
    {"dp_min", "least Δp", CHANGE},
    {"tokens_per_s", NULL, "Speed", "tokens per second", "tokens/s", "tokens", OF_SPEED},
    {"gmac_per_s", NULL, "Speed", "GMAC per second", "GMAC/s", "multiply-adds", OF_SPEED},
    {NULL, NULL, SCORE, OF_QUESTIONS}, /* a task's own */
};
/* clang-format on */

/* How long the name is without the suffix of a macro average. */
static size_t micro_length(const char *name)
{
    size_t n = strlen(name), n_suffix = strlen(METRIC_MACRO);
    bool has_suffix = n > n_suffix && !strcmp(name + n - n_suffix, METRIC_MACRO);
    return has_suffix ? n - n_suffix : n;
}

const struct metric *metric_find(const char *name)
{
    size_t n = micro_length(name);
    const struct metric *row = METRICS;
    while (row->name && (strncmp(row->name, name, n) != 0 || row->name[n])) row++;
    return row;
}

const char *metric_title(const char *name)
{
    const struct metric *row = metric_find(name);
    return row->title ? row->title : name;
}

bool metric_is_macro(const char *name)
{
    return micro_length(name) < strlen(name);
}

bool metric_is_macro_of(const char *macro, const char *micro)
{
    size_t n = micro_length(macro);
    return metric_is_macro(macro) && !strncmp(macro, micro, n) && !micro[n];
}
