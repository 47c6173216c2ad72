/* joined_answers.h - the answers of two jobs to the same items, one pair after the other, whether
 * the jobs lie in one database or in two.
 *
 * Both are read in the order of the items' keys, side by side, in constant memory.
 */
#ifndef PHIBENCH_RESULTS_JOINED_ANSWERS_H
#define PHIBENCH_RESULTS_JOINED_ANSWERS_H

#include "results/query.h"

/* An answer; its texts live until the next pair, "" where nothing is known. */
struct joined_answer {
    const char *key, *expected, *predicted, *logits_hash, *tokens_hash, *prompt_hash;
    const char *content;       /* the response as JSON */
    const char *level, *group; /* of the finest group, "" for none */
    double score, margin;      /* margin: NaN: there is none */
    bool is_correct, answered;
    bool is_copy;   /* taken over from a run of another program */
    int64_t origin; /* the run that it was taken over from; 0: computed by its own */
    int64_t prompt; /* id of its prompt, 0: not known */
    int64_t n_prompt_tokens, n_new_tokens, duration_ns;
};

struct joined_answers;

/* The jobs of their stores. With contents, or with "" in their place, which is faster. Close with
 * joined_answers_close; NULL on failure. */
struct joined_answers *joined_answers_open(struct store *base_store, int64_t base,
                                           struct store *candidate_store, int64_t candidate,
                                           bool with_contents, struct err *err)
    __attribute__((warn_unused_result));
void joined_answers_close(struct joined_answers *joined);

/* The next item that both have answered; 0: the end, -1: an error. */
int joined_answers_next(struct joined_answers *joined, struct joined_answer *base,
                        struct joined_answer *candidate, struct err *err)
    __attribute__((warn_unused_result));
/* How many answers each side had up to here; all of them at the end. */
void joined_answers_counts(const struct joined_answers *joined, uint64_t *n_base,
                           uint64_t *n_candidate);

#endif
