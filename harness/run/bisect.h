/* bisect.h - which revision was the first that a gate does not let pass.
 *
 * git chooses what is tested next (git bisect); here each revision is built, measured and judged by
 * this program's gate. The answers are given to git one by one, not by `git bisect run`: to that,
 * whatever goes wrong with a script on the way would be a verdict.
 */
#ifndef PHIBENCH_HARNESS_RUN_BISECT_H
#define PHIBENCH_HARNESS_RUN_BISECT_H

#include "harness/run/revisions.h"

struct bisect_options {
    const char *good, *bad; /* revisions */
    const char *gate;       /* the file that says what is allowed */
    const char *config;     /* what is run with each revision */
    const char *judge;      /* the program whose `gate` judges: this one */
    bool is_strict;         /* what cannot be told fails */
    const struct log *log;
};

enum bisect_verdict {
    BISECT_GOOD,
    BISECT_BAD,
    BISECT_SKIPPED /* it does not build or run, or the gate cannot tell */
};

struct bisect_step {
    const char *commit;
    enum bisect_verdict verdict;
    const char *said; /* by the gate, or why there is no verdict */
};

/* All lives in the arena. */
struct bisect {
    struct arena *arena;
    const struct bisect_step *steps; /* [n_steps] GOOD and BAD themselves first */
    size_t n_steps, n_skipped;
    /* The first that fails; where skipped ones hide it, all that it may be, the last of them sure
     * to fail. */
    const char *const *found; /* [n_found] commits */
    size_t n_found;
};

/* Measures GOOD as the gate's baseline and once more, which has to pass; BAD, which has to fail;
 * then what git asks for. ERR_INPUT if these two are otherwise, with what the gate said in
 * bisect->steps. Fills *bisect also then. */
bool bisect_run(struct revisions *revisions, const struct bisect_options *options,
                struct arena *arena, struct bisect *bisect, struct err *err)
    __attribute__((warn_unused_result));

/* The step of a commit, NULL if it was not tested. */
const struct bisect_step *bisect_step_of(const struct bisect *bisect, const char *commit);

#endif
