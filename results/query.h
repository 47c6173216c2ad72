/* query.h - reading rows: the one way in which reports and commands select from the store's views
 * and tables.
 *
 *   struct query *q = query_open(store, "SELECT model, score FROM v_scores WHERE run = ?", err);
 * query_bind_integer(q, 1, run);   while ((more = query_next(q, err)) > 0) use(query_text(q, 0),
 * query_number(q, 1));   query_close(q);
 */
#ifndef PHIBENCH_RESULTS_QUERY_H
#define PHIBENCH_RESULTS_QUERY_H

#include "results/store.h"

struct query;

struct query *query_open(struct store *store, const char *sql, struct err *err)
    __attribute__((warn_unused_result));
void query_close(struct query *query);
void query_bind_integer(struct query *query, int parameter,
                        int64_t value); /* parameters count from 1 */
void query_bind_text(struct query *query, int parameter, const char *value);
int query_next(struct query *query, struct err *err); /* 1 row, 0 end, -1 error */
int query_columns(const struct query *query);
const char *query_column_name(const struct query *query, int column); /* columns count from 0 */
bool query_is_null(const struct query *query, int column);
bool query_is_number(const struct query *query, int column);
const char *query_text(const struct query *query,
                       int column); /* "" for NULL; valid until the next row */
int64_t query_integer(const struct query *query, int column);
double query_number(const struct query *query, int column);

#endif
