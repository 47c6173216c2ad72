/* mt_bench.h - MT-bench: 80 questions of two turns, in FastChat's files, 1 to 10 points for each
 * turn.
 * Data: FOLDER/question.jsonl and, where there are references, FOLDER/reference_answer/NAME.jsonl:
 * those of gpt-4, or the first there are.
 * Each turn is an item, "81/1" and "81/2"; the second follows the first. Protocols:
 *   reference-match  points by the rule of that name (judging.h): for demonstrations
 *   judge NAME       points by a judge, whom the harness asks, or whose judgments are read with
 *                    the data: a verdict's 0 is none so far
 */
#ifndef PHIBENCH_SUITES_MT_BENCH_H
#define PHIBENCH_SUITES_MT_BENCH_H

#include "suites/suite.h"

#include <stdbool.h>

extern const struct suite SUITE_MT_BENCH;

/* The file of reference answers in a folder of FastChat's data, in the arena: gpt-4's, or the first
 * there is; *path stays as it is if there is none. */
bool mt_bench_find_references(struct arena *arena, const char *folder, const char **path,
                              struct err *err) __attribute__((warn_unused_result));

/* What a judge is asked about an item, in the arena. a: [n_items] answers to the items and to those
 * that they follow; b: NULL, or other ones, which the judge compares them with: a are those of
 * assistant A. */
bool mt_bench_judge_request(const struct dataset *dataset, size_t i_item, const char *const *a,
                            const char *const *b, struct arena *arena, struct request *request,
                            const char **prompt_name, struct err *err)
    __attribute__((warn_unused_result));

/* The answer to an item in the baseline's file; NULL without such a file. */
const char *mt_bench_baseline(const struct dataset *dataset, size_t i_item);

/* The judge's name; NULL where the rule gives the points. */
const char *mt_bench_judge(const struct dataset *dataset);

/* What the judge says in the file of judgments, where it was asked the same, byte for byte, so that
 * it is of the same answer. */
struct mt_bench_reply {
    const char *text;
    double score; /* of a pair: 1, 0.5 or 0 of assistant A; FASTCHAT_MISSING: none was found */
};
/* The i-th such reply, from 0; false if there are not so many. */
bool mt_bench_find_reply(const struct dataset *dataset, const char *prompt_name,
                         const char *request, size_t i, struct mt_bench_reply *reply);

#endif
