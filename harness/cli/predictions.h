/* predictions.h - answers that were made elsewhere, by the ids of what they answer, and what a
 * suite of questions about pictures makes of them.
 *
 * Needs no model and no store. Files as LLaVA writes them: a line of JSON for each answer,
 * {"question_id", "text"} and perhaps "prompt"; or ScienceQA's result.json, {"outputs": {ID:
 * TEXT}}, or, without texts, {"results": {ID: POSITION}}; or {ID: TEXT}.
 */
#ifndef PHIBENCH_HARNESS_CLI_PREDICTIONS_H
#define PHIBENCH_HARNESS_CLI_PREDICTIONS_H

#include "suites/suite.h"

struct prediction {
    const char *id, *text;
    const char *prompt; /* NULL: not known */
};

/* Sorted by id. Lives in the arena. */
struct predictions {
    const char *path;
    struct prediction *items; /* [n] */
    size_t n, capacity;
};

bool predictions_read(const char *path, struct arena *arena, struct predictions *predictions,
                      struct err *err) __attribute__((warn_unused_result));

/* Grades the answers by a suite of vision_suites.h, whose data lie at `data`, and prints the
 * scores: of the whole and of each group. What has no answer counts as wrong. protocol: NULL: the
 * suite's own. */
bool predictions_grade(const struct predictions *predictions, const struct suite *suite,
                       const char *data, const char *protocol, bool as_json, struct err *err)
    __attribute__((warn_unused_result));

#endif
