/* prefill.h - one sequence through a session in batches, for the commands that look at a single
 * prompt.
 *
 * Suites and servers schedule many sequences (scheduler.h); this does one.
 * One thread at a time, as its session.
 */
#ifndef PHIBENCH_HARNESS_ASK_PREFILL_H
#define PHIBENCH_HARNESS_ASK_PREFILL_H

#include "harness/ask/embedding_rows.h"

/* logits: [n_vocab] of the token at `position` (0-based), valid during the call. */
typedef bool prefill_logits_fn(void *context, size_t position, const float *logits,
                               struct err *err);

/* Appends ids to the sequence, which expects no more tokens if it is empty, and calls fn for the
 * last position, or for every one if `all`. rows: of ids below 0, NULL where there are none.
 * ERR_INTERRUPTED on Ctrl-C between batches. */
bool prefill(struct session *session, int sequence, const struct tokens *ids,
             const struct embedding_rows *rows, bool all, prefill_logits_fn *fn, void *context,
             struct err *err) __attribute__((warn_unused_result));

#endif
