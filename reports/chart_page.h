/* chart_page.h - a chart as a part of a page or of a Markdown file, or what hindered its drawing in
 * its place.
 *
 * Pure: appends to a buffer, which keeps its own errors.
 */
#ifndef PHIBENCH_REPORTS_CHART_PAGE_H
#define PHIBENCH_REPORTS_CHART_PAGE_H

#include "reports/chart.h"

/* A figure with its drawing and caption; the chart's name, under which its files stand, in brackets
 * behind it. */
void chart_html(const struct chart *chart, struct buf *out);

/* A picture of charts/NAME.png, the file's own folder being the page's, and its caption. */
void chart_markdown(const struct chart *chart, struct buf *out);

#endif
