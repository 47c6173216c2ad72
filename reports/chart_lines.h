/* chart_lines.h - a kind of chart: numbers that follow each other, as lines over named steps, with
 * marks where a line changes its level.
 *
 * Steps are equally far apart, whatever time lies between them; a series that lacks one goes on
 * behind it.
 */
#ifndef PHIBENCH_REPORTS_CHART_LINES_H
#define PHIBENCH_REPORTS_CHART_LINES_H

#include "reports/chart.h"

struct line_point {
    size_t i_series, i_step;
    double y;
    bool is_marked;
};
struct lines_chart {
    const char *const *steps; /* [n_steps] labels, from the left */
    size_t n_steps;
    const char *const *series; /* [n_series] names in the key */
    size_t n_series;
    const struct line_point *points; /* [n_points] each series' in order of its steps */
    size_t n_points;
    const char *x_label, *y_label;
    const char *mark_label; /* in the key, where there is a marked point */
};
/* Fills script and data. `chart` has name and title. */
void chart_lines(struct chart *chart, const struct lines_chart *spec);

#endif
