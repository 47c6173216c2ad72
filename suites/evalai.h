/* evalai.h - how answers to questions about pictures are compared: the form in which EvalAI's
 * server for VQA and TextVQA compares texts, and the accuracy over the answers of ten people.
 *
 * Source: facebookresearch/mmf, pythia/tasks/processors.py (EvalAIAnswerProcessor), as LLaVA and
 * lmms-eval have it; Singh et al. 2019, "Towards VQA models that can read". Its slips are kept, for
 * scores are defined by them. Pure, thread-safe.
 */
#ifndef PHIBENCH_SUITES_EVALAI_H
#define PHIBENCH_SUITES_EVALAI_H

#include "base/buf.h"

/* Appends the answer in lower case, without articles and most punctuation, with digits for number
 * words up to ten and apostrophes where contractions lack them. */
void evalai_normalize(const char *answer, struct buf *out);

/* How far an answer agrees with accepted: [n > 0] of several people, 0 to 1: each of them is left
 * out once, and min(1, how many of the others say the same / 3) is averaged. */
bool evalai_accuracy(const char *answer, const char *const *accepted, size_t n, double *accuracy,
                     struct err *err) __attribute__((warn_unused_result));

#endif
