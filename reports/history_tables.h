/* history_tables.h - a history as tables and as JSON.
 *
 * Tables lie in the history's arena; NULL with an error if memory runs out.
 */
#ifndef PHIBENCH_REPORTS_HISTORY_TABLES_H
#define PHIBENCH_REPORTS_HISTORY_TABLES_H

#include "reports/history_view.h"
#include "reports/text_table.h"

/* A row for each series, numbered from 1: revisions, the last value, its change against the one
 * before, the noise of such changes. */
struct table *history_overview(const struct history_view *view, struct err *err);
/* A row for each revision, a column for each series by its number; where the level changes, the
 * value has a star. */
struct table *history_values(const struct history_view *view, struct err *err);
/* A row for each number of each series, with all that it depends on: for scripts. */
struct table *history_rows(const struct history_view *view, struct err *err);

/* A line for each change of level, by series: "a1b2c3d: decode 64 after 128, ... -8.1% (p 1e-5)".
 */
void history_changes(const struct history_view *view, struct buf *out);

/* An object with "series", each with its "points" and "changes". */
void history_json(const struct history_view *view, struct buf *out);

/* The same as Markdown, with the tables above. */
bool history_markdown(const struct history_view *view, struct buf *out, struct err *err)
    __attribute__((warn_unused_result));

#endif
