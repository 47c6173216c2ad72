/* records.h - what the store is told of a run: records of the run, of models and of jobs, made of
 * what is planned or opened.
 *
 * Texts of a record are borrowed from what it is made of.
 */
#ifndef PHIBENCH_HARNESS_RUN_RECORDS_H
#define PHIBENCH_HARNESS_RUN_RECORDS_H

#include "harness/run/machine.h"
#include "harness/run/plan.h"

/* A run of this build that begins now, on the machine as it is. Its name and its configuration are
 * the caller's to add. */
struct run_record record_run(const char *command_line, enum isa isa, int n_threads,
                             const struct machine *machine);
/* Ends the run as done, interrupted or failed, as `ok` and *err say, and returns whether all went
 * well. *err, which is not NULL, keeps what it holds over what this itself may add. */
bool record_end(struct store *store, int64_t run, bool ok, struct err *err)
    __attribute__((warn_unused_result));

/* A model as its file describes it; tokenizer may be NULL. */
struct model_record record_model(const char *id, const struct model_info *info, const char *hash,
                                 const struct tokenizer *tokenizer);
/* A job that measures a model's speed and asks nothing; run and model are the caller's to add. */
struct job_record record_throughput(const char *fingerprint, const char *bos,
                                    size_t context_tokens);
/* [n_pictures] that a response says were seen, at least one row; the caller free()s. NULL with an
 * error. */
struct picture_record *record_pictures(const struct response *response, struct err *err);
/* Stores a planned job with its model and its data; *id is that of the job. */
bool record_job(struct store *store, int64_t run, const struct plan_job *planned, int64_t *id,
                struct err *err) __attribute__((warn_unused_result));

#endif
