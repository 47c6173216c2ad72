/* speed_limits.h - the machine's own limits beside what a model reaches: measured again and again
 * while the model is, because a shared machine is not the same from one minute to the next.
 *
 * The percentage is that of the roofline (Williams, Waterman, Patterson 2009, "Roofline: an
 * insightful visual performance model"): of the rate at which memory or arithmetic, whichever is
 * shorter for the work at hand, would be used up.
 */
#ifndef PHIBENCH_HARNESS_RUN_SPEED_LIMITS_H
#define PHIBENCH_HARNESS_RUN_SPEED_LIMITS_H

#include "engine/tools.h"
#include "results/store.h"

struct speed_limits {
    enum isa isa;
    size_t n;
    int *n_threads;                /* [n]: those asked for, 1 and all; ascending */
    struct machine_limits *latest; /* [n], of the last measurement */
    bool measured;
};

/* asked: [n_asked] numbers of threads. Release with speed_limits_done. */
bool speed_limits_init(struct speed_limits *limits, enum isa isa, const int64_t *asked,
                       size_t n_asked, struct err *err) __attribute__((warn_unused_result));
void speed_limits_done(struct speed_limits *limits);

bool speed_limits_measure(struct speed_limits *limits, struct err *err)
    __attribute__((warn_unused_result));

/* The larger of two shares, in percent: of the read bandwidth that gb_per_s takes, and of the
 * arithmetic that gmac_per_s takes (f32 where `is_float`, else int8). A prompt meets the second
 * bound, decoding the first, batched decoding either. 0 without measurement. */
double speed_limits_percent(const struct speed_limits *limits, int n_threads, bool is_float,
                            double gb_per_s, double gmac_per_s);

/* Whether the weights of this type are multiplied as floats. */
bool speed_is_float(const char *quantization);

/* The latest measurement as records of the tests "limit_read", "limit_int8" and "limit_f32"; i
 * below speed_limits_count. Before a measurement they tell what is to be stored. */
size_t speed_limits_count(const struct speed_limits *limits);
struct speed_record speed_limits_record(const struct speed_limits *limits, size_t i,
                                        int repetition);
bool speed_is_limit(const char *test);

/* The number of parts in which that many repetitions are measured. The limits are measured before
 * the first part, between them and after the last. */
int speed_limits_parts(int repeat);

#endif
