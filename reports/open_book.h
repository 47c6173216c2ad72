/* open_book.h - answers with a book open beside those of the same model without it, question by
 * question: what reading gains, and how much of the rest the search missed.
 *
 * A job whose protocol is called NAME-open-book, or goes on after that, is paired with the job of
 * the same model, data and number of shots whose protocol is NAME.
 */
#ifndef PHIBENCH_REPORTS_OPEN_BOOK_H
#define PHIBENCH_REPORTS_OPEN_BOOK_H

#include "reports/data.h"
#include "reports/text_table.h"
#include "results/stats/estimate.h"

/* One pair of jobs in one metric. Rates of 0..1. */
struct open_book {
    const struct report_entry *entry;
    int64_t closed_job, open_job;
    const char *suite, *protocol, *metric; /* protocol: the closed book's */
    int shots;
    int64_t top_k, max_tokens; /* what was read at most */
    double closed, open;
    struct estimate change;     /* open - closed, of each question; n: questions in both */
    double p;                   /* exact McNemar of right and wrong, NaN for other metrics */
    double hit_rate;            /* questions with an accepted answer in what was read */
    double open_hit, open_miss; /* the open book's score where it was and where it was not, NaN */
};

/* Finds every pair in the report's runs, in the data's arena. */
bool open_book_load(struct store *store, const struct report_data *data, struct open_book **books,
                    size_t *n, struct err *err) __attribute__((warn_unused_result));

/* A table with a row for each book; NULL with an error. */
struct table *tables_open_book(const struct report_data *data, const struct open_book *books,
                               size_t n, struct err *err);

#endif
