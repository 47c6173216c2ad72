/* findings.h - what a reader should take from a report, in sentences with figures and intervals.
 *
 * Decides what is worth saying and says no more than the intervals allow: an order of models only
 * where no two neighbours' intervals overlap, a loss only where an adjusted test finds one.
 * Knows nothing of the form that sentences are printed in.
 */
#ifndef PHIBENCH_REPORTS_FINDINGS_H
#define PHIBENCH_REPORTS_FINDINGS_H

#include "reports/open_book.h"
#include "reports/pairs.h"

/* Its texts live in the data's arena. */
struct finding {
    const char *claim; /* a sentence such as "Fewer bits cost accuracy." */
    const char *text;  /* the claim's figures and what they rest on */
};

struct findings {
    struct finding *items; /* [n] in the data's arena */
    size_t n, capacity;
};

/* About the first suite of the report: the order of models of different size in the quantization
 * that comes first; what the other quantizations of each model that begins with this one lose
 * against it, question by question, with Holm's adjustment over all of them; and where neither can
 * be said, the best score. */
bool findings_build(const struct report_data *data, const struct report_pairs *pairs,
                    struct findings *findings, struct err *err) __attribute__((warn_unused_result));

/* Appends which jobs failed, and why. */
bool findings_add_failures(const struct report_data *data, struct findings *findings,
                           struct err *err) __attribute__((warn_unused_result));
/* Adds what reading gained, if a book was open: the first protocol with one, for every model in the
 * quantization that comes first. */
bool findings_add_open_book(const struct report_data *data, const struct open_book *books, size_t n,
                            struct findings *findings, struct err *err)
    __attribute__((warn_unused_result));

#endif
