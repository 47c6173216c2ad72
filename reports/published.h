/* published.h - numbers that others have published (the tables of configs/published, embedded at
 * build), and what a measured score says of one.
 *
 * A number is keyed by its model, which names the revision of the weights, and by source, protocol
 * and shots. Sources that contradict each other stand side by side. Thread-safe.
 */
#ifndef PHIBENCH_REPORTS_PUBLISHED_H
#define PHIBENCH_REPORTS_PUBLISHED_H

#include "base/arena.h"

#include <stdint.h>

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
/* The same of a text in the format of the files, for messages called `name`: ERR_INPUT with its
 * line for what is malformed. */
bool published_parse(const char *text, const char *name, struct arena *arena,
                     struct published_list *list, struct err *err)
    __attribute__((warn_unused_result));

/* The distinct models, in order: [*n], in the arena. */
const char *const *published_models(const struct published_list *list, struct arena *arena,
                                    size_t *n, struct err *err);

/* What was measured. */
struct published_measure {
    const char *suite, *metric, *protocol;
    int shots;
    double score, low, high; /* 95% interval */
    int64_t n;               /* questions */
    bool is_synthetic;
};

/* Whether a number is about the same suite and metric as the measure. */
bool published_is_about(const struct published *published, const struct published_measure *measure);

/* Writes "consistent", "different by -2.1 ± 0.8", or "not comparable: why". Consistent is a number
 * that, give or take its rounding, lies in the interval. */
void published_judge(const struct published *published, const struct published_measure *measure,
                     char *verdict, size_t n_bytes);

/* ---- Throughput ---- */

/* What a rate is of: tokens read ("prefill") or written ("decode"), after how many others, in how
 * many sequences together, and on which machine. */
struct published_speed {
    char test[16];
    int n_tokens, after, batch; /* n_tokens 0: not known */
    const char *machine;
};
/* What the protocol of a number of throughput says: "decode 256 after 16, 4 together on MACHINE";
 * false for any other number. */
bool published_read_speed(const struct published *published, struct published_speed *speed);

/* Whether the number is of a model of that name: the name without its revision, alone or followed
 * by the program and the type that it ran in ("Phi-3-mini-4k-instruct ORT INT4"). */
bool published_is_of_model(const struct published *published, const char *name);

/* The same as published_judge for a rate: consistent in the quartiles of what was measured. Rates
 * of another machine do not compare. */
struct published_rate {
    struct published_speed speed;
    double median, low, high; /* tokens/s; the quartiles */
};
void published_judge_rate(const struct published *published, const struct published_rate *measure,
                          char *verdict, size_t n_bytes);

#endif
