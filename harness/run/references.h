/* references.h - the files of logits that a job of a text fills or is compared with.
 *
 * Those that belong to a plan lie beside the database, in references/, under the fingerprint of the
 * job whose logits they are: a later run finds them there. Internal to runner.c and
 * items.c.
 */
#ifndef PHIBENCH_HARNESS_RUN_REFERENCES_H
#define PHIBENCH_HARNESS_RUN_REFERENCES_H

#include "harness/ask/reference.h"
#include "harness/run/job.h"

struct run_references {
    struct reference *save, *against; /* NULL: none */
};

/* Opens the references that the job fills and those that it is compared with; none for a suite that
 * is no text. Says in the log how large a new file will be. Close with run_references_close, also
 * after a failure. */
bool run_references_open(const struct run_context *run, const struct plan_job *job,
                         struct run_references *references, struct err *err)
    __attribute__((warn_unused_result));
void run_references_close(struct run_references *references);

/* Whether the file that is filled lacks this chunk: then it is computed, answered or not. */
bool run_references_lack(const struct run_references *references, size_t i_chunk);

/* Whether the file that the job fills, if it fills one, has all of the job's chunks. */
bool run_references_are_complete(const struct run_context *run, const struct plan_job *job,
                                 bool *complete, struct err *err)
    __attribute__((warn_unused_result));

#endif
