/* labels.h - names that people give to runs: "baseline". A name has one run, a run any number of
 * names.
 *
 * Also what a text names that is given where a run is wanted: everything that finds a run by what
 * a user typed is here.
 */
#ifndef PHIBENCH_RESULTS_LABELS_H
#define PHIBENCH_RESULTS_LABELS_H

#include "results/query.h"

/* Whether a run may be called so: letters, digits and ._-/ after a letter, 64 bytes at most, and
 * neither "last" nor what looks like a revision. ERR_USAGE that says so. */
bool label_check(const char *name, struct err *err) __attribute__((warn_unused_result));

/* Gives the run the name, which another run had before: *before, or 0. ERR_USAGE if there is no
 * such run. */
bool label_put(struct store *store, const char *name, int64_t run, int64_t *before, struct err *err)
    __attribute__((warn_unused_result));
/* Takes the name away; ERR_USAGE if no run has it. */
bool label_drop(struct store *store, const char *name, struct err *err)
    __attribute__((warn_unused_result));
/* The labels, with their runs, in the order of the names. */
struct query *labels_list(struct store *store, struct err *err);

/* The run that a text names: a number, "last" or NULL for the newest, a label, or the beginning of
 * a git revision (7 digits and more), of which the newest run is meant. ERR_USAGE if it names none.
 */
bool labels_resolve(struct store *store, const char *text, int64_t *run, struct err *err)
    __attribute__((warn_unused_result));

#endif
