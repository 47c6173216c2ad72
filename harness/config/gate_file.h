/* gate_file.h - reads the file that says what a gate allows (docs/gate.md).
 *
 *   db: out/phibench.db
 *   baseline: main            # a label, a run, a revision, or FILE:RUN
 *   run: kernel-gate.yaml     # what both sides run; for `bisect`
 *   margins: {score: 1.0, perplexity: 0.5, speed: 3, memory: 2}
 */
#ifndef PHIBENCH_HARNESS_CONFIG_GATE_FILE_H
#define PHIBENCH_HARNESS_CONFIG_GATE_FILE_H

#include "base/arena.h"
#include "base/err.h"

/* By how much each may be worse; NaN: it is not limited. Scores and flips in points of percent,
 * divergences and log-probabilities in nats, the others in percent of the base. */
struct gate_file_margins {
    double score, overall, flips, right_logprob, perplexity, kld, kld_tail, kld_max;
    double speed, memory, load;
    bool numerics_may_change, bits_may_change, prompts_may_change;
    bool speed_by_history; /* "speed: history" */
};

struct gate_file {
    struct arena *arena;
    const char *path;
    const char *db, *baseline, *candidate;
    const char *run; /* the configuration that is judged, NULL for none */
    double noise;    /* spread of a speed from run to run that is assumed, in percent */
    struct gate_file_margins margins;
};

/* ERR_CONFIG with the place and what would be right. Free with gate_file_free. */
struct gate_file *gate_file_read(const char *path, struct err *err)
    __attribute__((warn_unused_result));
void gate_file_free(struct gate_file *gate);

#endif
