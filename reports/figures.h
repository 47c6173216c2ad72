/* figures.h - which charts a report has, made from its data.
 *
 * Decides what is shown against what, and with which caption.
 * Knows nothing of how a chart is drawn (chart.h).
 */
#ifndef PHIBENCH_REPORTS_FIGURES_H
#define PHIBENCH_REPORTS_FIGURES_H

#include "reports/chart.h"
#include "reports/open_book.h"

struct figure {
    struct chart chart;
    const char *theme; /* of this chart and the next ones; NULL: that of the one before */
};

struct figures {
    struct figure *items; /* [n] in the data's arena */
    size_t n, capacity;
};

/* Builds every chart that the data can fill: scores of each measure, closed and open books beside
 * each other, subsets, scores against size and speed, speeds. Free with figures_free, also
 * after a failure. */
bool figures_build(const struct report_data *data, const struct open_book *books, size_t n_books,
                   struct figures *figures, struct err *err) __attribute__((warn_unused_result));
void figures_free(struct figures *figures);

/* ---- For the files that build them ---- */

/* The first colour of series that are no models, whose colours are the first ones. */
enum { FIGURES_OTHER_COLORS = 4 };

/* Appends a chart, to be filled before the next one is added; NULL if a text is. */
struct chart *figures_add(const struct report_data *data, struct figures *figures, const char *name,
                          const char *title, const char *caption, struct err *err);

enum speed_chart { CHART_PREFILL, CHART_DECODE, CHART_BATCHED_DECODE };
/* Appends a chart of speeds, if any were measured. */
bool figures_add_speed(const struct report_data *data, struct figures *figures,
                       enum speed_chart kind, struct err *err) __attribute__((warn_unused_result));
/* Appends the chart of the memory that each model took at most, if it was measured. */
bool figures_add_memory(const struct report_data *data, struct figures *figures, struct err *err)
    __attribute__((warn_unused_result));

#endif
