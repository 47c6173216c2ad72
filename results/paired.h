/* paired.h - answers of two jobs to the same questions, side by side.
 *
 * Queries are for query_next and query_close; what stands beside one is the row at which it stands,
 * whose texts live until the next one. a and b are jobs.
 */
#ifndef PHIBENCH_RESULTS_PAIRED_H
#define PHIBENCH_RESULTS_PAIRED_H

#include "base/arena.h"
#include "results/query.h"

/* ---- Closed and open book ---- */

/* Two jobs of one model on the same data, of which one reads passages. */
struct book_row {
    int64_t closed_job, open_job;
    const char *suite, *protocol, *metric; /* those of the closed one */
    int shots;
    int64_t top_k, max_tokens; /* what the open one reads */
};
struct query *paired_books(struct store *store, int64_t run, const char *model,
                           const char *quantization, struct err *err);
struct book_row paired_book(const struct query *query);

/* An answer of each; the jobs are of one data set. NaN: the answer has no such metric. */
struct answer_pair {
    double score_a, score_b, f1_a, f1_b, retrieval_hit_b;
    bool is_correct_a, is_correct_b;
};
struct query *paired_answers(struct store *store, int64_t a, int64_t b, struct err *err);
struct answer_pair paired_answer(const struct query *query);

/* ---- Differences ---- */

/* Score of b minus score of a, their mean over what belongs together: both turns of a question of
 * MT-bench, whose key is QUESTION/TURN. A turn without a judgment, 0 points, is in none. */
struct difference {
    double mean;
    uint64_t n;
};
struct query *paired_differences(struct store *store, int64_t a, int64_t b, struct err *err);
struct difference paired_difference(const struct query *query);

/* The last finished job on a suite, and the last before it of other weights on the same data. */
struct known_pair {
    int64_t a, b, run;           /* run: of b; 0: there are no such jobs */
    int64_t n_items;             /* of b */
    const char *name_a, *name_b; /* in the arena: "phi-3-mini q4_k" */
};
bool paired_last(struct store *store, const char *suite, const char *protocol, int shots,
                 struct arena *arena, struct known_pair *pair, struct err *err)
    __attribute__((warn_unused_result));

/* Losses of every chunk of text that two models of a run have both scored, text by text. */
struct model_pair {
    int64_t run;
    const char *model_a, *quantization_a, *model_b, *quantization_b;
};
struct loss_row {
    int64_t job_a, job_b;
    const char *protocol; /* which names the text */
    double difference;    /* of the loss of b to that of a, in nats */
};
struct query *paired_losses(struct store *store, const struct model_pair *pair, struct err *err);
struct loss_row paired_loss(const struct query *query);

#endif
