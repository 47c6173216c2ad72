/* figures.h - which charts a report has, made from its data.
 *
 * Decides what is shown against what, and with which caption.
 * Knows nothing of how a chart is drawn (chart.h).
 */
#ifndef PHIBENCH_REPORTS_FIGURES_H
#define PHIBENCH_REPORTS_FIGURES_H

#include "reports/chart.h"
#include "reports/data.h"

enum { FIGURES_MAX = 48 };

struct figures {
    struct chart charts[FIGURES_MAX];
    size_t n;
};

/* Builds every chart that the data can fill: scores and subsets of each suite and protocol, speeds,
 * score against speed, score against size. Strings live in the data's arena; free with
 * figures_free, also after a failure. */
bool figures_build(const struct report_data *data, struct figures *figures, struct err *err)
    __attribute__((warn_unused_result));
void figures_free(struct figures *figures);

#endif
