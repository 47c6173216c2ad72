/* writer.h - the one thread that writes answers to the store, so that the engine never waits for a
 * disk.
 *
 * From writer_open to writer_close the store belongs to the writer. Answers travel in batches; a
 * batch is one transaction.
 */
#ifndef PHIBENCH_HARNESS_RUN_WRITER_H
#define PHIBENCH_HARNESS_RUN_WRITER_H

#include "results/store.h"

struct writer;

/* Answers go to this job. End with writer_close. */
struct writer *writer_open(struct store *store, int64_t job, struct err *err)
    __attribute__((warn_unused_result));

/* Copies an answer into the batch that is being filled. */
bool writer_put(struct writer *writer, const struct answer_record *answer, struct err *err)
    __attribute__((warn_unused_result));

/* Hands the batch to the thread; waits if several are on their way. False with the thread's
 * error if it failed. */
bool writer_flush(struct writer *writer, struct err *err) __attribute__((warn_unused_result));

/* Flushes, waits until all is committed, and frees the writer. True only if every answer was
 * committed. */
bool writer_close(struct writer *writer, struct err *err) __attribute__((warn_unused_result));

#endif
