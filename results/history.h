/* history.h - what was measured of the program's revisions, one after the other: series of numbers
 * that can be compared, where they change their level, and how much they change without a reason.
 *
 * Revisions stand in the order of their first runs; no repository is asked. A history is read from
 * a store once, owns all that it holds, and is const then.
 */
#ifndef PHIBENCH_RESULTS_HISTORY_H
#define PHIBENCH_RESULTS_HISTORY_H

#include "base/arena.h"
#include "results/stats/change_points.h"
#include "results/store.h"

/* Metrics that are no scores'; a score has its name in the store: "acc". */
#define HISTORY_SPEED "speed"             /* tokens per second */
#define HISTORY_MEMORY "memory"           /* the process's peak, in MiB */
#define HISTORY_LOAD "load"               /* seconds until a model can compute */
#define HISTORY_FIRST_TOKEN "first_token" /* seconds */

/* What has to be the same for two numbers to be of one series. Texts are "" and numbers 0 where a
 * metric has no such thing: scores have no machine, a speed has no protocol. */
struct history_key {
    const char *metric, *model, *quantization;
    const char *name;     /* of a speed's test, "decode"; of a score's suite */
    const char *protocol; /* of a score */
    int shots;
    int prompt_tokens, generated_tokens, batch; /* of a speed */
    const char *kv;                             /* type of the KV cache */
    int n_threads;                              /* of all but scores, as are the next three */
    const char *isa;
    const char *cpu_model, *host; /* host: its name's hash */
};

struct history_point {
    const char *revision; /* of git, or "unknown" */
    bool is_dirty;        /* the build's files differed from the revision */
    int64_t first_unix_ms;
    size_t n_runs;
    double value; /* the median over runs of the median over a run's repetitions */
};

struct history_series {
    struct history_key key;
    const char *unit; /* "tokens/s", "MiB", "s", "percent", "points", "nats", "" */
    bool is_better_higher;
    struct history_point *points; /* [n_points] */
    struct change_point *changes; /* [n_changes], by CHANGE_POINT_RULES; an index is of a point */
    size_t n_points, n_changes;
    /* Q3 + 3 IQR of the absolute relative changes between neighbours (0.02: 2%), without those of
     * change points, as rustc-perf reckons it; NaN of fewer than HISTORY_MIN_CHANGES. */
    double noise;
    size_t n_noise; /* of how many changes */
};
enum { HISTORY_MIN_CHANGES = 5 };

/* Which series; NULL: any. A suite is that of scores, or the test of speeds. */
struct history_filter {
    const char *metric, *model, *suite;
};

struct history {
    struct arena *arena;
    struct history_series *series; /* [n_series] by metric (speeds first), model, name ... */
    size_t n_series;
};

/* Reads the series of at least one point: of finished jobs' whole-suite scores, and of speeds but
 * for kernels by themselves and the machine's limits. Free with history_free. */
struct history *history_load(struct store *store, const struct history_filter *filter,
                             struct err *err) __attribute__((warn_unused_result));
void history_free(struct history *history);

/* The noise of one series, as above: a change that is larger is one. *n: how many changes it rests
 * on; NaN and 0 where there is no such series. */
bool history_threshold(struct store *store, const struct history_key *key, double *threshold,
                       size_t *n, struct err *err) __attribute__((warn_unused_result));

/* The processor and the host of a run's machine, as a key has them; in the arena. ERR_INPUT if
 * there is no such run. */
bool history_machine(struct store *store, int64_t run, struct arena *arena, const char **cpu_model,
                     const char **host, struct err *err) __attribute__((warn_unused_result));

#endif
