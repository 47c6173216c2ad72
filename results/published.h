/* published.h - numbers that others have published: the tables of configs/published, which travel
 * inside the program.
 *
 * A number is keyed by its model, which names the revision of the weights, and by source, protocol
 * and shots. Sources that contradict each other stand side by side. Thread-safe.
 */
#ifndef PHIBENCH_RESULTS_PUBLISHED_H
#define PHIBENCH_RESULTS_PUBLISHED_H

#include "base/arena.h"
#include "base/err.h"

#include <stddef.h>

struct published {
    const char *model, *benchmark; /* as the source calls them, with the revision of the weights */
    const char *suite, *metric;    /* of phibench that measure the same, "" if none does */
    const char *protocol;          /* "" if it is not known; of a throughput see below */
    const char *unit, *remark, *source;
    int shots; /* -1: not known */
    double score;
    double rounding; /* half a unit of its last digit */
};

struct published_list {
    const struct published *rows;
    size_t n;
};

/* All numbers, in the arena. */
bool published_load(struct arena *arena, struct published_list *list, struct err *err)
    __attribute__((warn_unused_result));
/* Reads the numbers of one text in the format of the files, which messages call `name`: ERR_INPUT
 * with its line for what is malformed. */
bool published_parse(const char *text, const char *name, struct arena *arena,
                     struct published_list *list, struct err *err)
    __attribute__((warn_unused_result));

/* The distinct models, in order: [*n], in the arena. */
const char *const *published_models(const struct published_list *list, struct arena *arena,
                                    size_t *n, struct err *err);
/* Whether there are numbers of a model; ERR_CONFIG with the nearest name if there are none. */
bool published_check_model(const char *name, struct err *err) __attribute__((warn_unused_result));

#endif
