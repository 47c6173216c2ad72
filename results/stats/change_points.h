/* change_points.h - where a series of measurements changes its level: E-divisive with a
 * deterministic test.
 *
 * The procedure is that of Apache Otava: Fleming and others 2023, "Hunter: Using Change Point
 * Detection to Hunt for Performance Regressions" (doi 10.1145/3578244.3583719), over Matteson and
 * James 2014, "A nonparametric approach for multiple change point analysis of multivariate data".
 * Pure and thread-safe; ends the process where there is no memory (mem_new_or_end).
 */
#ifndef PHIBENCH_RESULTS_STATS_CHANGE_POINTS_H
#define PHIBENCH_RESULTS_STATS_CHANGE_POINTS_H

#include <stddef.h>

struct change_point {
    size_t index;         /* of the first value of the new level, 1 or more */
    double before, after; /* means of the levels, as far as the neighbouring changes */
    double p_value;       /* of Student's test that the two are one */
    double percent;       /* of `before`, that `after` is more; NaN where that is 0 */
};

/* What counts as a change. */
struct change_point_rules {
    size_t window;     /* values that are looked at together, 2 or more */
    double max_p;      /* a change's p-value is below it */
    double min_change; /* and its size above it, as a share of the smaller level */
};
/* Those of the library: 50 values, p below 0.001, any size. */
extern const struct change_point_rules CHANGE_POINT_RULES;

/* Finds the changes of values [n], all of them finite, and writes them in their order to points,
 * which has room for n; returns how many. Windows that overlap by half are split where the energy
 * statistic is largest, as long as the two parts differ by Student's test at ten times max_p; of
 * these weak points the weakest is taken out, one after the other, until all that are left keep
 * the rules. The test divides its variances by n, as the library does. When a point is taken out,
 * both its neighbours are tested anew, as the paper has it: the library (0.8.0) leaves the one
 * before as it was. */
size_t stats_change_points(const double *values, size_t n, const struct change_point_rules *rules,
                           struct change_point *points);

#endif
