/* triviaqa.h - TriviaQA: short questions, answered freely and compared with all accepted answers.
 *
 * Data: a file of triviaqa_data.h, or a folder that holds one whose name ends in "dev.json", itself
 * or in qa/. Examples come from the file that is named, or from the one beside the questions:
 * train.json for dev.json, wikipedia-train.json for wikipedia-dev.json, else shots.json.
 */
#ifndef PHIBENCH_SUITES_TRIVIAQA_H
#define PHIBENCH_SUITES_TRIVIAQA_H

#include "suites/suite.h"

/* Further metrics of its verdicts: F1, and whether an accepted answer stood in what was read. */
#define TRIVIAQA_F1 "f1"
#define TRIVIAQA_HIT "retrieval_hit"

/* Its protocols, of which the first is the default; answers are drawn greedily:
 *   official   0 shots, the first examples in order; to the end of the line; exact match and F1
 *              after TriviaQA's normalisation; a prompt that is too long loses its last examples
 *   lm-eval    0 shots, drawn for each question anew as lm-evaluation-harness draws them; to the
 *              first of line end, full stop and comma; exact match without case and punctuation; a
 *              prompt that is too long loses its beginning
 *   phi3       5 shots; official in all else
 * With an open book (what stands before a question comes from dataset->reading) they are called
 * PROTOCOL-open-book, and whoever gives them something to read may add to the name. */
extern const struct suite SUITE_TRIVIAQA;

#endif
