/* query.h - rows of a statement: the one way in which SQL is compiled, bound, stepped and read.
 *
 * What others select from the public views (v_scores ...) with a text of their own, they open here;
 * what stands in tables has a named function in store.h, runs.h, read.h or paired.h.
 *
 *   struct query *q = query_open(store, "SELECT model, score FROM v_scores WHERE run = ?", err);
 *   query_bind_integer(q, 1, run);
 *   while ((more = query_next(q, err)) > 0) use(query_text(q, 0), query_number(q, 1));
 *   query_close(q);
 */
#ifndef PHIBENCH_RESULTS_QUERY_H
#define PHIBENCH_RESULTS_QUERY_H

#include "results/store.h"

struct query;

/* NULL on failure, which needs no check of its own: to the functions below NULL is a query that has
 * failed and set *err already. It has no columns. */
struct query *query_open(struct store *store, const char *sql, struct err *err)
    __attribute__((warn_unused_result));
void query_close(struct query *query);

/* Parameters count from 1; a text is copied, and NULL binds NULL. A bind that fails is reported by
 * the next query_next. */
void query_bind_integer(struct query *query, int parameter, int64_t value);
void query_bind_text(struct query *query, int parameter, const char *value);

int query_next(struct query *query, struct err *err); /* 1 row, 0 end, -1 error */
/* query_next of what must be there: without a row, ERR_INPUT says that `what` is missing. */
bool query_need(struct query *query, const char *what, struct err *err)
    __attribute__((warn_unused_result));

/* Columns count from 0. A text is valid until the next row; that of NULL is "". */
int query_columns(const struct query *query);
const char *query_column_name(const struct query *query, int column);
bool query_is_null(const struct query *query, int column);
bool query_is_number(const struct query *query, int column);
const char *query_text(const struct query *query, int column);
int64_t query_integer(const struct query *query, int column);
double query_number(const struct query *query, int column);

#endif
