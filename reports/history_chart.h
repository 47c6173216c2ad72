/* history_chart.h - a history as charts, and as a folder with its charts, tables and numbers.
 *
 * Scores are drawn as they are; of several speeds, times or sizes the change against the first
 * revision is, so that they fit one axis.
 */
#ifndef PHIBENCH_REPORTS_HISTORY_CHART_H
#define PHIBENCH_REPORTS_HISTORY_CHART_H

#include "reports/history_view.h"

/* Writes into the folder, made if missing: history.md, history.csv and
 * charts/NAME.{gp,dat,svg,png}, a chart for each metric, or several where it has many series.
 * gnuplot: the program to run, NULL: "gnuplot". Charts come first: where one cannot be drawn, the
 * texts stay as they were. */
bool history_write(const struct history_view *view, const char *folder, const char *gnuplot,
                   struct err *err) __attribute__((warn_unused_result));

#endif
