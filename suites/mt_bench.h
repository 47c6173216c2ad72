/* mt_bench.h - MT-bench: 80 questions of two turns, in FastChat's files, 1 to 10 points for each
 * turn.
 * Data: FOLDER/question.jsonl and, where there are references, FOLDER/reference_answer/NAME.jsonl:
 * those of gpt-4, or the first there are.
 * Each turn is an item, "81/1" and "81/2"; the second follows the first. Protocols:
 *   reference-match  points by the rule of that name (judging.h): for demonstrations
 */
#ifndef PHIBENCH_SUITES_MT_BENCH_H
#define PHIBENCH_SUITES_MT_BENCH_H

#include "suites/suite.h"

extern const struct suite SUITE_MT_BENCH;

#endif
