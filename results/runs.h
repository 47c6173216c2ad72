/* runs.h - what readers ask of the store's runs and of their jobs: which there are, what they were
 * made with, how fast they went.
 *
 * Queries are for query_next and query_close; NULL is one that failed (query.h). Texts that are
 * given back lie in the caller's arena.
 */
#ifndef PHIBENCH_RESULTS_RUNS_H
#define PHIBENCH_RESULTS_RUNS_H

#include "base/arena.h"
#include "results/query.h"

/* ---- Runs ---- */

/* The newest run, but one that is done before all others if prefers_done; *run = 0: there is none.
 */
bool runs_newest(struct store *store, bool prefers_done, int64_t *run, struct err *err)
    __attribute__((warn_unused_result));
bool runs_has(struct store *store, int64_t run, bool *has, struct err *err)
    __attribute__((warn_unused_result));

/* The name and the text of the configuration, "" where the run has none. ERR_INPUT if there is no
 * such run. */
bool runs_configuration(struct store *store, int64_t run, struct arena *arena, const char **name,
                        const char **text, struct err *err) __attribute__((warn_unused_result));
/* The processor that the run began on, "" if it is not known; NULL on failure. */
const char *runs_cpu_model(struct store *store, int64_t run, struct arena *arena, struct err *err)
    __attribute__((warn_unused_result));

/* Rows for people and scripts, whose columns say themselves what they are. */
struct query *runs_list(struct store *store, struct err *err); /* all runs, the oldest first */
/* One row: what the run was made with, and the machine's state before and after. */
struct query *runs_describe(struct store *store, int64_t run, struct err *err);
/* One row for a report: columns are named in words, and before and after share one. */
struct query *runs_describe_in_words(struct store *store, int64_t run, struct err *err);
struct query *runs_notes(struct store *store, int64_t run, struct err *err);
struct query *runs_exported_notes(struct store *store, int64_t run, struct err *err);
struct query *runs_exported_responses(struct store *store, int64_t run, struct err *err);
/* What answers depend on: model, quantization, suite, protocol, shots, items, BOS, context, KV,
 * hashes of weights, data and logits, seconds; and whether the weights are synthetic. */
struct query *runs_conditions(struct store *store, int64_t run, struct err *err);

/* ---- Jobs ---- */

struct job_row {
    int64_t id;
    const char *suite, *protocol, *fingerprint;
    const char *task; /* its file's name; "": none */
    bool is_judged;   /* a judge gives the verdicts */
};
/* The jobs of a run in the order of their making; the row at which the query stands, whose texts
 * live until the next one. */
struct query *runs_jobs(struct store *store, int64_t run, struct err *err);
struct job_row runs_job(const struct query *query);

/* *job = 0: the run has no job with this fingerprint. */
bool runs_find_job(struct store *store, int64_t run, const char *fingerprint, int64_t *job,
                   struct err *err) __attribute__((warn_unused_result));
/* Whether the job was brought to its end. */
bool runs_job_is_finished(struct store *store, int64_t job, bool *is_finished, struct err *err)
    __attribute__((warn_unused_result));
/* Whom a judge compared the job's answers with, "" for nobody; NULL on failure. */
const char *runs_job_baseline(struct store *store, int64_t job, struct arena *arena,
                              struct err *err) __attribute__((warn_unused_result));

/* ---- Rates ---- */

/* The last rate that was measured with the weights of a hash. */
struct measured_rate {
    double seconds; /* of one item or token; 0: nothing was measured */
    int64_t run;    /* in which it was */
};
bool runs_time_of_item(struct store *store, const char *model_hash, const char *suite,
                       const char *protocol, int shots, struct measured_rate *rate, struct err *err)
    __attribute__((warn_unused_result));
/* The rate at which tokens are read: in a job that generates none, or else in measured prefill. */
bool runs_time_of_token(struct store *store, const char *model_hash, struct measured_rate *rate,
                        struct err *err) __attribute__((warn_unused_result));

/* ---- Scores ---- */

/* What the last finished job of these weights scored on a suite by its metric. */
struct known_score {
    double score, error; /* as stored: a rate in 0..1, points, a perplexity; error NaN: not known */
    int64_t n_items;     /* that it is of: questions, turns, chunks */
    int64_t run;         /* 0: there is no such job */
};
bool runs_last_score(struct store *store, const char *model_hash, const char *suite,
                     const char *protocol, int shots, struct known_score *known, struct err *err)
    __attribute__((warn_unused_result));

#endif
