/* tables.h - the tables of a report, made from its data; in the data's arena. NULL with an error if
 * memory runs out.
 *
 * One function a table; an empty table has no rows and is left out by the report.
 * Knows nothing of the form that it is printed in.
 */
#ifndef PHIBENCH_REPORTS_TABLES_H
#define PHIBENCH_REPORTS_TABLES_H

#include "reports/data.h"
#include "reports/text_table.h"

/* A row for each job and whole-suite metric: score, interval, n, and the traps counted under it. */
struct table *tables_scores(const struct report_data *data, struct err *err);
/* Every later entry against the first one of the same model: the ratio of their perplexities, from
 * the differences of each chunk of the text. */
struct table *tables_ratios(struct store *store, const struct report_data *data, struct err *err);
/* A row for each job that was compared with a reference, token by token. */
struct table *tables_divergences(const struct report_data *data, struct err *err);
/* A row for each published number of a model that measures what a score does, with what the score
 * says of it. */
struct table *tables_published(const struct report_data *data, struct err *err);
/* A row for each published rate of a model that was measured here with as many threads as are best,
 * the one after the most similar prompt of each program and machine. */
struct table *tables_published_speeds(struct store *store, const struct report_data *data,
                                      struct err *err);
/* A row for each counted circumstance of a job. */
struct table *tables_notes(const struct report_data *data, struct err *err);
struct table *tables_speeds(const struct report_data *data, struct err *err);
/* A row for each kernel that was timed by itself. */
struct table *tables_kernels(const struct report_data *data, struct err *err);
/* A row for each run, instruction set and number of threads: what the machine could do at best. */
struct table *tables_limits(struct store *store, const struct report_data *data, struct err *err);
/* A row for each subset, a column of scores for each job that has them (at most 61). */
struct table *tables_subsets(const struct report_data *data, struct err *err);
/* The same for answers that are right or wrong: items right in only one of the two,
 * difference, exact McNemar p. Reads v_compare. */
struct table *tables_paired(struct store *store, const struct report_data *data, struct err *err);
/* A row for each job whose answers a judge compared with those of a baseline. */
struct table *tables_wins(struct store *store, const struct report_data *data, struct err *err);
/* A column for each run: build, machine and its state. */
struct table *tables_runs(struct store *store, const struct report_data *data, struct err *err);

#endif
