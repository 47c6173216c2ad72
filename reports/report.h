/* report.h - tables, charts and the HTML page of one or more runs, drawn from the store's views.
 *
 * The only header of reports/ that others need.
 * Reads the store once, prints, writes one folder, and asks gnuplot for the drawings.
 */
#ifndef PHIBENCH_REPORTS_REPORT_H
#define PHIBENCH_REPORTS_REPORT_H

#include "base/log.h"
#include "results/query.h"

#include <stdio.h>

struct report;

/* Reads what a report of the runs shows. No runs: the newest finished one, or the newest. The store
 * must outlive the report. */
struct report *report_open(struct store *store, const int64_t *runs, size_t n_runs, struct err *err)
    __attribute__((warn_unused_result));
void report_free(struct report *report);

/* The findings and the tables of scores, speeds, kernels and limits as plain text. A table of more
 * than max_rows rows is only named. */
void report_print(const struct report *report, size_t max_rows, FILE *out);

/* Writes into the folder `out`, made if missing: index.html (self-contained), report.md, a CSV file
 * for each table and charts/NAME.{gp,dat,svg,png}. Every file is written whole or not at all.
 * gnuplot: the program to run, NULL: "gnuplot". A chart that cannot be drawn is told in its place
 * and in the log, which may be NULL; if none can be, this fails and the page is left as it was. */
bool report_write(const struct report *report, const char *out, const char *gnuplot,
                  const struct log *log, struct err *err) __attribute__((warn_unused_result));

#endif
