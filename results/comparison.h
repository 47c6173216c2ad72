/* comparison.h - two runs side by side: what is not the same, and what that did to bits, answers,
 * scores, perplexity, speed and memory.
 *
 * Jobs are paired by model, quantization, suite, protocol and shots, answers by their items. Every
 * change is candidate minus base, with a 95% interval. Nothing is decided here but whether numbers
 * may be compared at all: gate_judge.h decides, reports tell. Everything lives in one arena and is
 * const after comparison_make.
 */
#ifndef PHIBENCH_RESULTS_COMPARISON_H
#define PHIBENCH_RESULTS_COMPARISON_H

#include "base/arena.h"
#include "results/metric.h"
#include "results/side.h"

/* ---- What is not the same ---- */

enum unlike_weight {
    UNLIKE_CIRCUMSTANCE, /* the machine, the program: speeds depend on it */
    UNLIKE_SUBJECT,      /* weights, numerics, BOS ...: what may well be the question itself */
    UNLIKE_REFUSED       /* other questions, or asked in another way: there is no comparison */
};
struct unlike {
    enum unlike_weight weight;
    const char *where; /* a pair's label, or "" for the runs as a whole */
    const char *what, *base, *candidate;
};

/* ---- Pairs of jobs ---- */

enum pair_kind { PAIR_QUESTIONS, PAIR_TEXT, PAIR_SPEED };

/* An answer that is right on one side alone. */
struct flip {
    const char *key, *expected, *prompt;   /* prompt: "" where it is not known */
    const char *base, *candidate;          /* what was answered */
    double margin_base, margin_candidate;  /* log-probability of the right answer less the best
                                             other one's; NaN: there is none */
    bool is_lost;                          /* right in the base */
    const struct picture_record *pictures; /* [n_pictures] that the item asks about */
    size_t n_pictures;
};

struct job_pair {
    enum pair_kind kind;
    const char *label; /* "phi-3-mini q4_0, mmlu hendrycks 5-shot" */
    const char *suite, *metric;
    int64_t base, candidate; /* job ids */
    bool is_refused;         /* UNLIKE_REFUSED says why: nothing below is known */
    bool is_finished;        /* both are */
    bool same_bits;          /* all logits are equal */
    bool same_numerics;      /* the engine says so of both: then equal inputs have equal bits */
    uint64_t n_base, n_candidate, n; /* answers of each; of both */
    uint64_t n_taken_over; /* answers of the candidate that its program did not compute: copies of
                              the base's or of another program's */
    uint64_t n_logits;     /* of n, whose logits differ; of answers where both are known */
    uint64_t n_prompts;    /* whose prompts differ as text */
    uint64_t n_tokens;     /* whose tokens differ, prompts alike */
    uint64_t n_longer;     /* generated texts that begin with the base's and go on */
    uint64_t n_lost, n_gained, n_changed; /* flips; answers that differ and are no flips */
    const char *cause;  /* what the differing prompts or texts look like, "" for nothing */
    struct flip *flips; /* [n_flips], as many as were asked for, the surest first */
    size_t n_flips;
};

/* ---- What changed by how much ---- */

enum line_kind {
    LINE_SCORE,         /* by the job's metric, in its unit */
    LINE_POOLED,        /* mean of the scores' changes over suites, in points of percent */
    LINE_FLIPS,         /* share of the answers, in percent */
    LINE_RIGHT_LOGPROB, /* of the right answer, in nats */
    LINE_PERPLEXITY,    /* ratio, in percent of the base */
    LINE_KLD,           /* of what was answered or of a text's tokens, in nats */
    LINE_KLD_TAIL,      /* its 99.9% quantile */
    LINE_KLD_MAX,
    LINE_SPEED, /* ratio, in percent of the base */
    LINE_MEMORY,
    LINE_LOAD,
    N_LINE_KINDS
};

struct comparison_line {
    enum line_kind kind;
    const struct job_pair *pair; /* NULL: over all */
    const char *label;           /* the pair's, or with the test that was measured */
    const char *unit;
    enum metric_better better;
    double base, candidate; /* the values themselves; NaN: there is none */
    struct estimate change; /* in the unit; limits NaN: too little is known */
    double p, p_holm;       /* of "no change", two-sided; NaN: no test is made */
    bool decides;           /* p_holm is among those that decide, else among its own kind */
    const char *doubt;      /* why nothing may follow from it; "" for nothing */
    double usual;     /* of a speed: by how much revisions differ without a reason, in the unit
                     (history.h); NaN: its history does not tell */
    bool is_tripwire; /* says how much changed and not whether for the worse */
};

struct comparison_side {
    int64_t run;
    const char *name, *revision, *started, *label; /* label: "", or one that it has */
    const char *database;
    int numerics_version;
    bool is_modified;
    size_t n_runs; /* of the same program, configuration and machine, whose speeds count too */
};

struct comparison {
    struct arena *arena;
    struct comparison_side base, candidate;
    struct unlike *unlikes;
    size_t n_unlikes, unlikes_capacity;
    struct job_pair *pairs;
    size_t n_pairs;
    struct comparison_line *lines;
    size_t n_lines, lines_capacity;
    const char **missing; /* [n_missing] what one side has and the other lacks, as sentences */
    size_t n_missing, missing_capacity;
    double noise; /* assumed spread of a speed between runs, a fraction */
};

struct comparison_options {
    size_t n_flips; /* of each pair at most */
    double noise;   /* spread of a speed from run to run that is assumed beforehand, a fraction; 0:
                       COMPARISON_NOISE */
    bool with_history; /* looks up how much speeds differ from revision to revision */
};
#define COMPARISON_NOISE 0.015

/* Reads both runs and compares them. ERR_INPUT if there is nothing that may be compared, with the
 * reason. Free with comparison_free. */
struct comparison *comparison_make(const struct side *base, const struct side *candidate,
                                   const struct comparison_options *options, struct err *err)
    __attribute__((warn_unused_result));
void comparison_free(struct comparison *comparison);

/* The line of a kind for a pair (NULL: over all), NULL if there is none. */
const struct comparison_line *comparison_line(const struct comparison *comparison,
                                              enum line_kind kind, const struct job_pair *pair);
/* How a kind is called: "score", "tokens/s". */
const char *comparison_line_name(enum line_kind kind);
/* How much worse the candidate is: the change, turned so that more is worse. */
struct estimate comparison_loss(const struct comparison_line *line);
/* Whether all logits that both sides know are equal, of one pair at least. */
bool comparison_same_bits(const struct comparison *comparison);

#endif
