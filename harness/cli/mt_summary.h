/* mt_summary.h - what a set of MT-bench judgments comes to: scores by turn and category, wins of
 * pairs, how much the judge disagrees with itself and with another set.
 *
 * Means are over judgments that have a score, as FastChat's are; intervals are of 95%, normal
 * within the scale, clustered by question. Everything made lives in the arena. Knows nothing of
 * files or output.
 */
#ifndef PHIBENCH_HARNESS_CLI_MT_SUMMARY_H
#define PHIBENCH_HARNESS_CLI_MT_SUMMARY_H

#include "results/stats/estimate.h"
#include "suites/judging.h"

/* The scores that one judge gave to one model. An estimate with n = 0 is of nothing. */
struct mt_scores {
    const char *model, *judge;
    struct estimate all, turns[JUDGING_TURNS];
    const struct estimate *categories; /* [n_categories] of the results */
    size_t n_missing;                  /* judgments without a score */
    size_t n_absent;                   /* turns of the questions that have no judgment at all */
    size_t n_outside;                  /* of these, those with a number that is not on the scale */
    /* How much judgments of one answer by one prompt differ: standard deviation of a judgment, and
     * what it adds to the error of `all`; NaN where nothing was judged twice. */
    double judge_deviation, judge_error;
};

/* How one judge compares two models, from the side of the first. A win counts where both orders say
 * so, anything else is a tie. */
struct mt_wins {
    const char *models[2], *judge;
    size_t n_wins, n_ties, n_losses;
    size_t n_missing;     /* pairs in which an order has no winner: not among the others */
    size_t n_swapped;     /* ties because the two orders contradict each other */
    struct estimate rate; /* wins + ties / 2, of all */
};

struct mt_results {
    const char *const *categories; /* [n_categories] in the order of the questions */
    size_t n_categories;
    struct mt_scores *scores; /* [n_scores] best first */
    size_t n_scores;
    struct mt_wins *wins; /* [n_wins] in the order of the judgments */
    size_t n_wins;
    size_t n_duplicates; /* lines that stood in the files before, left out by who read them */
};
bool mt_summarize(const struct fastchat_judgments *judgments,
                  const struct fastchat_questions *questions, struct arena *arena,
                  struct mt_results *results, struct err *err) __attribute__((warn_unused_result));

/* Two sets of single judgments, compared where both have a score for a model's answer to a
 * question's turn; repeated judgments are averaged first. */
struct mt_agreement {
    size_t n, n_equal, n_near;     /* near: at most one point apart */
    double difference, absolute;   /* mean of a - b, and of |a - b| */
    double correlation;            /* Pearson's; NaN where one of the two never changes */
    size_t n_pairs, n_same_winner; /* of pairwise judgments, the same way */
};
bool mt_compare(const struct fastchat_judgments *a, const struct fastchat_judgments *b,
                struct mt_agreement *agreement, struct err *err)
    __attribute__((warn_unused_result));

#endif
