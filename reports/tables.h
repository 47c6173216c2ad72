/* tables.h - the tables of a report, made from its data; in the data's arena. NULL with an error if
 * memory runs out.
 *
 * One function a table; an empty table has no rows and is left out by the report.
 * Knows nothing of the form that it is printed in.
 */
#ifndef PHIBENCH_REPORTS_TABLES_H
#define PHIBENCH_REPORTS_TABLES_H

#include "reports/pairs.h"
#include "reports/text_table.h"

/* Begins a row: its first five columns say whose it is and of which measurement. */
void tables_begin_row(struct table *table, const struct report_entry *entry, const char *suite,
                      const char *protocol, int shots);

/* A row for each entry: its size, its score by every measure of the report and its speeds. */
struct table *tables_overview(const struct report_data *data, struct err *err);
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
/* A row for each circumstance of each job, met or not. */
struct table *tables_notes(const struct report_data *data, struct err *err);
/* A row for each circumstance, summed over the jobs. */
struct table *tables_counts(const struct report_data *data, struct err *err);
/* A row for each speed of each entry. */
struct table *tables_speeds(const struct report_data *data, struct err *err);
/* A row for each kernel that was timed by itself. */
struct table *tables_kernels(const struct report_data *data, struct err *err);
/* A row for each run, instruction set and number of threads: what the machine could do at best. */
struct table *tables_limits(struct store *store, const struct report_data *data, struct err *err);
/* A row for each subset of each job. */
struct table *tables_subset_list(const struct report_data *data, struct err *err);
/* The subsets of one measure: a row for each subset and model, a column for each quantization. */
struct table *tables_subsets(const struct report_data *data, const struct report_score *measure,
                             struct err *err);
/* A row for each pair: items right in only one of the two, the difference with its interval, exact
 * McNemar p. */
struct table *tables_paired(const struct report_data *data, const struct report_pairs *pairs,
                            struct err *err);
/* A row for each job whose answers a judge compared with those of a baseline. */
struct table *tables_wins(struct store *store, const struct report_data *data, struct err *err);
/* A row for each job that asked questions: what its answers depend on, as hashes. */
struct table *tables_jobs(struct store *store, const struct report_data *data, struct err *err);
/* A column for each run: build, machine and its state. */
struct table *tables_runs(struct store *store, const struct report_data *data, struct err *err);

#endif
