/* portions.h - a job's items in the portions in which they are asked: all at once in their order,
 * or, where a score is wanted with a precision, a random few at a time until it is reached.
 *
 * Internal to items.c. Which items a portion has, and after which one asking ends, depends on the
 * data and the scores alone (results/early_stop.h). One thread at a time.
 */
#ifndef PHIBENCH_HARNESS_RUN_PORTIONS_H
#define PHIBENCH_HARNESS_RUN_PORTIONS_H

#include "suites/suite.h"

struct portions {
    size_t *order; /* [n_items] of the data set, as they are asked */
    size_t n_items;
    size_t begin, end; /* the portion that is being asked is order[begin, end) */
    double precision;  /* half the width of the interval, 0..1; 0: all items are one portion */
    double *scores;    /* [n_items] in the data set's order, of those that are known */
    double *asked;     /* [n_items] scratch: scores in the order of asking */
};

/* No portion is asked yet. End with portions_done, also after a failure. */
bool portions_init(struct portions *portions, const struct dataset *dataset, double precision,
                   struct err *err) __attribute__((warn_unused_result));
void portions_done(struct portions *portions);

/* Goes on to the next portion, unless all items were asked or the precision is reached. All items
 * up to the portion's end have their scores. */
bool portions_next(struct portions *portions);
/* Whether portions_next would not go on. */
bool portions_are_over(struct portions *portions);
/* How many items were asked when asking ended before the last one; 0: none was left out. */
size_t portions_precise(const struct portions *portions);

#endif
