/* report.h - tables, charts and the HTML page of one or more runs, drawn from the store's views.
 *
 * The only header of reports/ that others need.
 * Reads the store, writes one folder, and asks gnuplot for the drawings.
 */
#ifndef PHIBENCH_REPORTS_REPORT_H
#define PHIBENCH_REPORTS_REPORT_H

#include "results/query.h"

#include <stdio.h>

struct report_options {
    const int64_t *runs; /* [n_runs]; none: the newest finished run, or the newest */
    size_t n_runs;
    const char *out;     /* folder; made if missing */
    const char *gnuplot; /* program to run, NULL: "gnuplot" */
};

/* Writes index.html (self-contained), report.md, scores.csv, speed.csv, kernels.csv, limits.csv,
 * subsets.csv, notes.csv and charts/NAME.{gp,dat,svg,png}. Every file is written whole or not at
 * all. */
bool report_write(struct store *store, const struct report_options *options, struct err *err)
    __attribute__((warn_unused_result));

/* The findings and the tables of scores, speeds, kernels and limits of a run as plain text. */
bool report_print(struct store *store, int64_t run, FILE *out, struct err *err)
    __attribute__((warn_unused_result));

#endif
