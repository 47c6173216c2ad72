/* token_count.h - what a job's questions come to in tokens, before any model runs: how many, shared
 * or not, and what happens to them on the way.
 *
 * Takes the suite's own requests and the model's vocabulary; no weights are read.
 */
#ifndef PHIBENCH_HARNESS_RUN_TOKEN_COUNT_H
#define PHIBENCH_HARNESS_RUN_TOKEN_COUNT_H

#include "harness/run/plan.h"

struct token_count {
    size_t n_items; /* looked at */
    /* Tokens to compute: naive with every distinct sequence whole, shared with common prefixes
     * once, window by window. Generated tokens are not among them: new_tokens are how many there
     * can be. */
    double naive_tokens, shared_tokens, new_tokens;
    /* Numbers of items, in this order: those whose prompt fits in no form; that lose examples; that
     * lose their beginning; where a token spans prompt and continuation; with two BOS; whose prompt
     * ends in white space, which goes to the continuation; with special tokens that strip white
     * space after them; whose tokens give another text back; with a picture that cannot be read,
     * which are not among the first. */
    size_t n_unfit, n_dropped, n_cut, n_spanned, n_double_bos, n_moved, n_stripping, n_changed,
        n_no_picture;
    size_t n_pictures;                /* to be looked at, each once for a window */
    size_t longest_tokens, i_longest; /* the longest sequence to compute, and its item */
};

/* Looks at all items, or, with max_windows, at that many windows spread over them; of a text, which
 * has no prompts, at all chunks. Not for throughput and models behind an API. */
bool token_count_job(const struct plan_job *job, size_t max_windows, struct token_count *count,
                     struct err *err) __attribute__((warn_unused_result));

#endif
