/* figures.h - which charts a report has, made from its data.
 *
 * Decides what is shown against what, and with which caption.
 * Knows nothing of how a chart is drawn (chart.h).
 */
#ifndef PHIBENCH_REPORTS_FIGURES_H
#define PHIBENCH_REPORTS_FIGURES_H

#include "reports/chart.h"
#include "reports/open_book.h"

enum { FIGURES_MAX = 128 };

struct figures {
    struct chart charts[FIGURES_MAX];
    const char
        *themes[FIGURES_MAX]; /* what the charts from this one on are about; NULL: as before */
    size_t n;
};

/* Builds every chart that the data can fill: scores of each measure, closed and open books beside
 * each other, subsets, scores against size and speed, speeds. Strings live in the data's arena;
 * free with figures_free, also after a failure. */
bool figures_build(const struct report_data *data, const struct open_book *books, size_t n_books,
                   struct figures *figures, struct err *err) __attribute__((warn_unused_result));
void figures_free(struct figures *figures);

#endif
