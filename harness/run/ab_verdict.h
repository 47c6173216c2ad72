/* ab_verdict.h - what blocks of A, A again and B tell of the speed of two builds: the difference,
 * what the same binary differs from itself, a verdict, and when one may stop. Pure.
 *
 * All differences are logarithms of ratios (ab_blocks.h): -0.05 is 4.9% less. Docs: docs/ab.md.
 * Thread-safe.
 */
#ifndef PHIBENCH_HARNESS_RUN_AB_VERDICT_H
#define PHIBENCH_HARNESS_RUN_AB_VERDICT_H

#include "harness/run/ab_blocks.h"
#include "results/stats/estimate.h"

struct ab_comparison {
    size_t n;               /* complete blocks */
    double median[AB_ARMS]; /* of their values */
    /* Hodges-Lehmann estimates with signed-rank intervals (NaN for fewer than 6 blocks); where
     * successive blocks are correlated, the interval reaches as far as the block bootstrap's. */
    struct estimate again, b;
    bool is_correlated; /* the differences of B, with a one-sided 5% test of lag 1 */
    /* The interval of b that decides: at least as wide on each side as that of `again`, and further
     * on both by what `again` is off 0. So what these minutes do to one binary is no difference of
     * two. */
    struct interval decisive;
    double detectable; /* the difference that such blocks see with 80% probability */
};

/* Blocks that lack a value are left out. */
struct ab_comparison ab_compare(const struct ab_series *series);

/* Two-sided p of "B differs from A by `difference`": the permutation test by the signs of what the
 * blocks differ from it. */
double ab_p_value(const struct ab_series *series, double difference);

/* What is asked of the tests of a run. */
struct ab_rule {
    double margin;  /* how much slower B may be, 0.02 for 2% */
    size_t n_tests; /* how many are judged, each by itself */
};

/* From the best to the worst. */
enum ab_verdict { AB_SAME, AB_FASTER, AB_SLOWER_WITHIN, AB_CANNOT_TELL, AB_SLOWER };
extern const char *const AB_VERDICT_NAMES[];

/* Why it cannot be told. */
enum ab_reason {
    AB_CLEAR,
    AB_FEW_BLOCKS, /* no interval */
    AB_DISTURBED,  /* the blocks of A and B alone would tell, but A differs from itself as much */
    AB_STRADDLES,  /* slower, but perhaps by less than the margin */
    AB_DOUBTFUL,   /* slower than the margin by the interval, but not beyond doubt */
    AB_WIDE        /* perhaps slower than the margin, perhaps not at all */
};

/* The verdict on a rate by the decisive interval: SLOWER if it lies wholly below 1 - margin, FASTER
 * if wholly above 0, SLOWER WITHIN THE MARGIN between, SAME if 0 is in it and the margin is not,
 * else CANNOT TELL. SLOWER needs more: the one-sided permutation test against the margin at 1% over
 * all tests together (Bonferroni), so that a noisy hour accuses no build. */
enum ab_verdict ab_judge(const struct ab_series *series, const struct ab_comparison *comparison,
                         const struct ab_rule *rule, enum ab_reason *reason);

/* Whether the evidence that B is slower than the margin allows is enough at any time that one looks
 * at it: the e-value of the signs of what B differs from the margin reaches 20 for each of the
 * tests that are looked at, and the verdict is SLOWER as well. */
bool ab_is_proved_slower(const struct ab_series *series, const struct ab_comparison *comparison,
                         const struct ab_rule *rule);

/* About how many blocks it would take until the decisive interval leaves the margin, by the root of
 * their number; 0 where that cannot be said, or would be more than 25 times as many. */
size_t ab_blocks_needed(const struct ab_comparison *comparison, double margin);

/* A logarithm of a ratio as percent: -0.05 gives -4.88. */
double ab_percent(double log_ratio);

#endif
