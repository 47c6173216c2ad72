/* comparison_tables.h - a comparison of two runs, and what a gate says of it, as tables and
 * sentences for every form: terminal, Markdown, page.
 */
#ifndef PHIBENCH_REPORTS_COMPARISON_TABLES_H
#define PHIBENCH_REPORTS_COMPARISON_TABLES_H

#include "reports/sections.h"
#include "results/gate_judge.h"

/* What is said first: sentences, in the comparison's arena; NULL with ERR_MEMORY. */
const char *comparison_headline(const struct comparison *comparison, struct err *err);

/* "WORSE", "BETTER", "NO CHANGE SEEN", "SAME BITS", "CANNOT TELL", or "" for what only tells how
 * much changed. */
const char *comparison_verdict(const struct comparison_line *line);

/* The tables in the order in which they are read; gate: NULL, or its checks come first. In the
 * comparison's arena. */
bool comparison_tables(const struct comparison *comparison, const struct gate *gate,
                       struct sections *sections, struct err *err)
    __attribute__((warn_unused_result));

#endif
