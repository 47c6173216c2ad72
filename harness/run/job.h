/* job.h - what the two kinds of jobs, of items and of speeds, share with the runner.
 *
 * Internal to runner.c, job.c, own_examples.c, items.c, speed.c and judge.c.
 */
#ifndef PHIBENCH_HARNESS_RUN_JOB_H
#define PHIBENCH_HARNESS_RUN_JOB_H

#include "harness/run/model_cache.h"
#include "harness/run/runner.h"

/* What a process computed for items. */
struct run_work {
    size_t n_items;
    int64_t naive_tokens, computed_tokens, wall_ns; /* wall_ns: without loading the model */
};

struct run_context {
    const struct plan *plan;
    struct store *store;
    const struct runner_options *options;
    int64_t id;               /* of the run, 0: not yet begun */
    struct model *model;      /* of the current job, NULL: not needed so far */
    struct cached_model made; /* the file that it was loaded from, if that was made for it */
    int64_t load_ns;          /* time that opening it took */
    uint64_t load_rss_bytes;  /* and the largest resident set meanwhile */
    struct err load_fault;    /* why it cannot be opened; ERR_NONE: nobody knows that it cannot */
    size_t n_failed;          /* jobs */
    struct err first_fault;   /* of these */
    struct run_work work;     /* of all jobs so far */
};

/* Opens the current job's model, unless it is open, or behind a server; one that could not be
 * opened for a job is not tried again for the next. */
bool run_need_model(struct run_context *run, const struct plan_model *planned, struct err *err)
    __attribute__((warn_unused_result));
void run_close_model(struct run_context *run); /* nothing to do if none is open */

void run_add_work(struct run_work *sum, const struct run_work *work);
/* Logs a line, for example "LABEL: 96 answers in 2 s, 48 a second; 1200 tokens computed, 600 a
 * second, in place of 9600". */
void run_say_work(const struct log *log, const char *label, const struct run_work *work);

/* Questions of the job that were among their own examples: logged, and noted under the job, where
 * there are any. */
void run_say_own_examples(const struct run_context *run, const struct plan_job *planned);
bool run_note_own_examples(const struct run_context *run, const struct plan_job *planned,
                           int64_t job, struct err *err) __attribute__((warn_unused_result));

/* Carry out a job to its end, beginning where its rows end. */
bool run_items(struct run_context *run, const struct plan_job *planned, int64_t job,
               struct err *err) __attribute__((warn_unused_result));
bool run_speed(struct run_context *run, const struct plan_job *planned, int64_t job,
               struct err *err) __attribute__((warn_unused_result));

#endif
