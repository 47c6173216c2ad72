/* runner.h - carries out a plan: asks the models, grades, stores, measures; resumable at every
 * moment.
 *
 * A job that was interrupted, even by kill -9, is continued by the same plan on the same store:
 * what is committed is not computed again, and the final rows are those of an undisturbed run
 * (times and ids aside).
 */
#ifndef PHIBENCH_HARNESS_RUN_RUNNER_H
#define PHIBENCH_HARNESS_RUN_RUNNER_H

#include "harness/run/plan.h"
#include "harness/run/progress.h"
#include "results/store.h"

struct runner_options {
    struct console console;
    const char *command_line; /* of the run's row, and what goes on with an interrupted one */
    const char *cache; /* where made files are kept unless the configuration says; NULL: unknown */
    enum isa isa;      /* an available one */
    bool is_fresh;     /* neither continues a run nor reuses answers */
    bool own_answers_only; /* reuses no answers of other runs */
    bool must_resume;      /* ERR_USAGE if there is no unfinished run */
};

/* Begins or continues a run of the plan, whose servers were asked (plan_ask_servers); *run is its
 * id (0 if none came to be). On Ctrl-C the batch is finished and committed, the run marked
 * interrupted, and the error is ERR_INTERRUPTED with how to go on. A job that fails by its model,
 * its data or its server is noted as failed and stays unfinished, without a score; the jobs after
 * it are carried out, and the error at the end is ERR_JOBS, with the first reason. Memory, a full
 * disk and the store end the run at once. The same plan asks failed jobs again. */
bool runner_execute(const struct plan *plan, struct store *store,
                    const struct runner_options *options, int64_t *run, struct err *err)
    __attribute__((warn_unused_result));

#endif
