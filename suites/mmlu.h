/* mmlu.h - Massive Multitask Language Understanding: four-choice questions, a CSV file a subject.
 * Data: FOLDER/{dev,val,test}/SUBJECT_{dev,val,test}.csv, RFC 4180 without a header: question, A,
 * B, C, D, answer letter. Any subject names will do; the 57 of the data set have categories too.
 * Protocols: hendrycks, the default, the original script: 5 shots; a prompt that is too long loses
 * its last examples. lm-eval: 0 shots; the question stripped; such a prompt loses its beginning.
 * phi3: as hendrycks in the form of the Phi-3 report's appendix, without a header line.
 * continuation: lm-evaluation-harness' mmlu_continuation: as lm-eval, but the choices' own texts
 * are scored and no letters shown; acc, and acc_norm by characters. For small models, which know
 * answers before they know what a letter stands for.
 */
#ifndef PHIBENCH_SUITES_MMLU_H
#define PHIBENCH_SUITES_MMLU_H

#include "suites/suite.h"

extern const struct suite SUITE_MMLU;

#endif
