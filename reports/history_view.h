/* history_view.h - a history as people read it: its series with names that tell them apart, and all
 * revisions in one order.
 *
 * Lives in the history's arena and borrows from it. Const once it is made.
 */
#ifndef PHIBENCH_REPORTS_HISTORY_VIEW_H
#define PHIBENCH_REPORTS_HISTORY_VIEW_H

#include "results/history.h"

#include <stdio.h>

/* A revision that any series has, built clean or dirty. */
struct history_step {
    const char *revision;
    const char *name; /* "a1b2c3d", of a dirty build "a1b2c3d+" */
    bool is_dirty;
    int64_t first_unix_ms;
};

struct history_view {
    const struct history *history;
    struct history_step *steps; /* [n_steps], the first that was run first */
    size_t n_steps;
    const char **names; /* [history->n_series] "decode 64 after 128, phi-3-mini q4_0, 2 threads" */
    const char *common; /* what all speeds share, and names leave out: "avx2, Intel ..."; or "" */
};

struct history_view *history_view_make(const struct history *history, struct err *err)
    __attribute__((warn_unused_result));

/* The step of a series' point. */
size_t history_step_of(const struct history_view *view, const struct history_point *point);

/* The change of level at a point of a series; NULL: there is none. */
const struct change_point *history_change_at(const struct history_series *series, size_t i_point);

/* "-8.1%", or "0 to 5 tokens/s" where there is no percentage. */
void history_format_change(const struct history_series *series, const struct change_point *change,
                           char *text, size_t n_bytes);
/* As people read a value: four digits, but never an exponent for what is large. */
void history_format_value(double value, char *text, size_t n_bytes);

#endif
