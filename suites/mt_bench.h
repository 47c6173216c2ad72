/* mt_bench.h - MT-bench: 80 questions of two turns, in FastChat's files, 1 to 10 points for each
 * turn.
 * Data: FOLDER/question.jsonl and, where there are references, FOLDER/reference_answer/NAME.jsonl:
 * those of gpt-4, or the first there are.
 * Each turn is an item, "81/1" and "81/2"; the second follows the first. Protocols:
 *   reference-match  points by the rule of that name (judging.h): for demonstrations
 *   judge NAME       points by a judge, whom the harness asks: a verdict's 0 is none so far
 */
#ifndef PHIBENCH_SUITES_MT_BENCH_H
#define PHIBENCH_SUITES_MT_BENCH_H

#include "suites/suite.h"

extern const struct suite SUITE_MT_BENCH;

/* What a judge is asked about an item, in the arena. answers: [n_items], of the items and of those
 * that they follow. */
bool mt_bench_judge_request(const struct dataset *dataset, size_t i_item,
                            const char *const *answers, struct arena *arena,
                            struct request *request, const char **prompt_name, struct err *err)
    __attribute__((warn_unused_result));

#endif
