/* gate_judge.h - whether a comparison may pass: margins, and a verdict for each thing that they
 * limit.
 *
 * PASS where the interval of the loss lies inside its margin, FAIL where it lies wholly beyond,
 * CANNOT TELL where it straddles, and where anything is missing, unfinished, disturbed or taken
 * over from the base. Pure functions on a comparison; everything made lives in its arena.
 */
#ifndef PHIBENCH_RESULTS_GATE_JUDGE_H
#define PHIBENCH_RESULTS_GATE_JUDGE_H

#include "results/comparison.h"

enum gate_verdict { GATE_PASS, GATE_FAIL, GATE_CANNOT_TELL };

/* What is allowed. */
struct gate_margins {
    bool numerics_may_change; /* ENGINE_NUMERICS_VERSION */
    bool bits_may_change;     /* logits, though the version is the same */
    bool prompts_may_change;
    /* By which each kind of line may be worse, in its unit; NaN: it is not limited. */
    double most[N_LINE_KINDS];
    /* A speed's margin is what its revisions differ by without a reason. */
    bool speed_by_history;
};

struct gate_check {
    enum gate_verdict verdict;
    const char *what;                   /* "score", "numerics" */
    const char *where;                  /* the pair's or the line's label, "" for all */
    const struct comparison_line *line; /* NULL: no number decides */
    struct estimate loss;               /* of the line: how much worse, in its unit */
    double margin;                      /* NaN: none */
    double detectable;                  /* the loss that would FAIL with 80%; NaN: not known */
    const char *reason;                 /* in a sentence, "" where the numbers say all */
    double p_beyond;                    /* one-sided, of "the loss is no more than the margin" */
};

struct gate {
    enum gate_verdict verdict; /* FAIL if one fails, else CANNOT TELL if one cannot, else PASS */
    struct gate_check *checks; /* [n] */
    size_t n, capacity;
    const char *power;    /* what it can see, in a sentence */
    const char *sentence; /* what came out, in a sentence */
    bool is_faster;       /* a speed is higher for certain, and none is lower */
};

/* Judges the comparison. NULL with ERR_MEMORY. */
struct gate *gate_judge(const struct comparison *comparison, const struct gate_margins *margins,
                        struct err *err) __attribute__((warn_unused_result));

/* "PASS", "FAIL", "CANNOT TELL". */
const char *gate_verdict_name(enum gate_verdict verdict);

#endif
