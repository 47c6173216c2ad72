/* mmlu.h - Massive Multitask Language Understanding: four-choice questions, one CSV file
 * for each subject.
 * Data: FOLDER/{dev,val,test}/SUBJECT_{dev,val,test}.csv, RFC 4180 without a header: question, A,
 * B, C, D, answer letter. Any subject names will do; the 57 of the data set have categories too.
 * Protocols, the first the default:
 *   hendrycks  the original script: 5 shots; a prompt that is too long loses its last examples
 *   lm-eval    0 shots; the question stripped; a prompt that is too long loses its beginning
 *   phi3       5 shots; the form of the Phi-3 report's appendix, whose prompts have no header line:
 *              examples and question alone, with an empty line between them; fits as hendrycks
 */
#ifndef PHIBENCH_SUITES_MMLU_H
#define PHIBENCH_SUITES_MMLU_H

#include "suites/suite.h"

extern const struct suite SUITE_MMLU;

#endif
