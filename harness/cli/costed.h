/* costed.h - a configuration as a plan with what its jobs cost: what the commands begin with that
 * look at a run before it is made.
 *
 * Nothing is written, and no weights are read.
 */
#ifndef PHIBENCH_HARNESS_CLI_COSTED_H
#define PHIBENCH_HARNESS_CLI_COSTED_H

#include "harness/cli/command.h"
#include "harness/run/job_cost.h"

struct costed_options {
    struct db_options db;
    struct text_list set;
    bool json;
};
#define COSTED_OPTIONS(type)                                                                       \
    OPTION_DB_AS(type, db, "database with what was measured, in place of the configuration's"),    \
        OPTION_SET(type, set), OPTION_JSON(type, json)

struct costed {
    struct config *config;
    struct plan *plan;
    struct store *store;    /* NULL: there is no database so far */
    struct job_cost *costs; /* [plan->n_jobs] */
};

/* Of the invocation's first argument. End with costed_close, also after a failure. */
bool costed_open(const struct invocation *invocation, const struct costed_options *options,
                 struct costed *costed, struct err *err) __attribute__((warn_unused_result));
void costed_close(struct costed *costed);

#endif
