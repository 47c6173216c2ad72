/* pairs.h - two quantizations of one model on the same questions: what each has right that the
 * other has wrong, and the difference with its interval.
 *
 * Made once for a report, from v_compare, which is a long query: findings and tables take it from
 * here.
 */
#ifndef PHIBENCH_REPORTS_PAIRS_H
#define PHIBENCH_REPORTS_PAIRS_H

#include "reports/data.h"
#include "results/stats/estimate.h"

struct report_pair {
    const struct report_entry *base, *entry; /* base: the first quantization of the model */
    const struct report_score *score;        /* of the entry, as the pair is measured */
    uint64_t n, only_base, only_entry;       /* questions in both; right in one alone */
    struct estimate change;                  /* entry - base, in the score's unit */
    double p; /* exact McNemar of right and wrong; NaN where scores are no right and wrong */
};

struct report_pairs {
    struct report_pair *items; /* [n] in the data's arena, in order of entries and their scores */
    size_t n, capacity;
};

/* Every later entry against the first one of its model, in every measure but perplexities. Shares
 * of right answers have the interval of pairs, other means the paired bootstrap over questions. */
bool pairs_load(struct store *store, const struct report_data *data, struct report_pairs *pairs,
                struct err *err) __attribute__((warn_unused_result));

#endif
