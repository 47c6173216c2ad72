/* published_verdict.h - what a measured score or rate says of a published number: that the two
 * agree, that they do not, or why they do not compare.
 *
 * Protocol, shots and machine decide what is compared, never a name alone. Thread-safe.
 */
#ifndef PHIBENCH_REPORTS_PUBLISHED_VERDICT_H
#define PHIBENCH_REPORTS_PUBLISHED_VERDICT_H

#include "results/published.h"

#include <stdint.h>

/* What was measured. */
struct published_measure {
    const char *suite, *metric, *protocol;
    int shots;
    double score, low, high; /* 95% interval */
    int64_t n;               /* questions */
    bool is_synthetic;
    int64_t n_whole; /* questions of the whole test, which the number is of; 0: not known */
};

/* Whether a number is about the same suite and metric as the measure. */
bool published_is_about(const struct published *published, const struct published_measure *measure);

/* Writes "consistent", "different by -2.1 ± 0.8", or "not comparable: why". Consistent is a number
 * that, give or take its rounding, lies in the interval. */
void published_judge(const struct published *published, const struct published_measure *measure,
                     char *verdict, size_t n_bytes);

/* ---- Throughput ---- */

/* What a rate measures: tokens read ("prefill") or written ("decode"), after how many others, in
 * how many sequences together, and on which machine. */
struct published_speed {
    char test[16];
    int n_tokens, after, batch; /* n_tokens 0: not known */
    const char *machine;
};
/* Reads what the protocol of a rate says, as in "decode 256 after 16, 4 together on MACHINE"; false
 * for a number that is no rate. */
bool published_read_speed(const struct published *published, struct published_speed *speed);

/* Whether the number is of a model of that name: the name without its revision, alone or followed
 * by the program and the type that it ran in ("Phi-3-mini-4k-instruct ORT INT4"). */
bool published_is_of_model(const struct published *published, const char *name);

/* A rate is consistent if it lies between the quartiles of what was measured. Rates of another
 * machine do not compare. */
struct published_rate {
    struct published_speed speed;
    double median, low, high; /* tokens/s; the quartiles */
};
void published_judge_rate(const struct published *published, const struct published_rate *measure,
                          char *verdict, size_t n_bytes);

#endif
