/* scheduler.h - computes the nodes of a trie in one session: every token once, batches filled
 * across branches, prefill and decode together, within the KV budget.
 *
 * Knows sessions and tries; not requests, text or probabilities. One thread at a time.
 */
#ifndef PHIBENCH_HARNESS_ASK_SCHEDULER_H
#define PHIBENCH_HARNESS_ASK_SCHEDULER_H

#include "harness/ask/embedding_rows.h"
#include "harness/ask/trie.h"

struct scheduler;

/* Called once with the logits after the last token of every node that wants them, parents before
 * children, and after every token of a growing leaf. May call scheduler_grow for that leaf, or
 * for leaves below that node. */
typedef bool scheduler_logits_fn(void *context, int node, const float *logits, struct err *err);
/* Called between two batches; false stops with whatever error it set. */
typedef bool scheduler_pause_fn(void *context, struct err *err);

/* The trie is complete, its paths begin where trie_root says, and both outlive the scheduler. Free
 * with scheduler_free before the session closes. */
struct scheduler *scheduler_new(struct session *session, const struct trie *trie, struct err *err)
    __attribute__((warn_unused_result));
void scheduler_free(struct scheduler *scheduler);

/* The logits after this node (not the root) are wanted. */
void scheduler_want(struct scheduler *scheduler, int node);
/* A leaf of trie_add_leaf will grow by n tokens at most; the room is reserved. Before
 * scheduler_run. */
void scheduler_reserve(struct scheduler *scheduler, int leaf, size_t n_tokens);
/* Where the rows of ids below 0 come from, if the trie has any; before scheduler_run. They are
 * asked for when the tokens are about to be computed, again where a path is computed again. The
 * rows must outlive the scheduler. */
bool scheduler_set_rows(struct scheduler *scheduler, const struct embedding_rows *rows,
                        struct err *err) __attribute__((warn_unused_result));
/* Appends a token to a leaf, from the callback only. A leaf that is not grown there is finished. */
bool scheduler_grow(struct scheduler *scheduler, int leaf, int32_t id, struct err *err)
    __attribute__((warn_unused_result));

/* Computes everything. No path may be longer than the session's context or its KV pages:
 * ERR_CAPACITY. */
bool scheduler_run(struct scheduler *scheduler, scheduler_logits_fn *logits,
                   scheduler_pause_fn *pause, void *context, struct err *err)
    __attribute__((warn_unused_result));

/* Tokens computed so far, and the time that a node's own tokens took of the batches they were
 * in. */
uint64_t scheduler_computed_tokens(const struct scheduler *scheduler);
int64_t scheduler_node_ns(const struct scheduler *scheduler, int node);

#endif
