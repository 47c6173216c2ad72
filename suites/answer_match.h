/* answer_match.h - short answers compared with accepted ones: TriviaQA's normalisation, exact match
 * and F1, and lm-evaluation-harness's exact match.
 *
 * Rules: Joshi et al. 2017, "TriviaQA", and its evaluation script (normalisation in this order:
 * underscores, lower case, punctuation, articles, white space). Pure, thread-safe.
 */
#ifndef PHIBENCH_SUITES_ANSWER_MATCH_H
#define PHIBENCH_SUITES_ANSWER_MATCH_H

#include "base/buf.h"

/* Appends the text with `_`, ASCII punctuation and the quotes ‘ ’ ´ ` as spaces, in lower case,
 * without the words a, an, the, and with single spaces between words. */
void answer_normalize(const char *text, struct buf *out);

/* Appends the text in lower case, without ASCII punctuation; white space stays. */
void answer_simplify(const char *text, struct buf *out);

/* F1 of the words of two normalised texts, each word counted as often as it stands; 0 if they
 * share none. */
double answer_f1(const char *predicted, const char *gold);

/* The best of an answer against each of the accepted ones [n], by the official rules. */
bool answer_score(const char *predicted, const char *const *accepted, size_t n, bool *is_exact,
                  double *f1, struct err *err) __attribute__((warn_unused_result));

/* Whether the words of `gold` stand in a row in `text`, both normalised; false for no words. */
bool answer_is_within(const char *gold, const char *text);

#endif
