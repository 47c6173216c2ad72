/* change_points.c - see change_points.h.
 *
 * A split of a level is described by its border, the index of the first value after it. Borders
 * are kept sorted, so that the levels of a series are what lies between two of them.
 */
#include "results/stats/change_points.h"

#include "base/mem.h"
#include "results/stats/distributions.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

const struct change_point_rules CHANGE_POINT_RULES = {.window = 50, .max_p = 0.001};

/* ---- Student's test ---- */

struct level {
    double mean, squares; /* squares: sum of the squared deviations */
    size_t n;
};

static struct level level_of(const double *values, size_t n)
{
    struct level level = {.n = n};
    for (size_t i = 0; i < n; i++) level.mean += values[i];
    level.mean /= (double)n;
    for (size_t i = 0; i < n; i++)
        level.squares += (values[i] - level.mean) * (values[i] - level.mean);
    return level;
}

/* Two-sided. Levels without any spread differ for certain, or not at all. */
static double p_of(struct level a, struct level b)
{
    double n_a = (double)a.n, n_b = (double)b.n;
    size_t n_free = a.n + b.n - 2;
    if (n_free == 0) return 1;
    double pooled = ((n_a - 1) * a.squares / n_a + (n_b - 1) * b.squares / n_b) / (double)n_free;
    double error = sqrt(pooled * (1 / n_a + 1 / n_b)), difference = a.mean - b.mean;
    if (error == 0) return difference == 0 ? 1 : 0;
    return stats_student_p(difference / error, n_free);
}

static double p_of_split(const double *values, size_t begin, size_t border, size_t end)
{
    return p_of(level_of(values + begin, border - begin), level_of(values + border, end - border));
}

/* ---- The energy statistic ---- */

struct split {
    size_t border; /* 0: none */
    double energy;
};

/* The split of values [n] at which q is largest over all borders t and all ends k of the second
 * part. With D the sums of |x_i - x_j| over pairs of the first t values, of the second k - t and
 * between them (Matteson and James 2014, equations 5 and 6),
 *   q(t, k) = 2/k D_between - 2 (k - t)/(k (t - 1)) D_first - 2 t/(k (k - t - 1)) D_second.
 * For 10 11 20 21 it is largest at t = 2, k = 4: 2/4 40 - 4/4 1 - 4/4 1 = 18. Of equal splits the
 * first counts. scratch has room for 2 n numbers. */
static struct split best_split(const double *values, size_t n, double *scratch)
{
    double *later = scratch;     /* [t] sum of the distances of value t to those behind it */
    double *first = scratch + n; /* [t] D_first */
    struct split best = {0, -INFINITY};
    memset(scratch, 0, 2 * n * sizeof *scratch);
    for (size_t k = 2; k <= n; k++) {
        double all = 0, second = 0;
        for (size_t t = 0; t + 1 < k; t++) {
            later[t] += fabs(values[t] - values[k - 1]);
            all += later[t];
        }
        for (size_t t = k - 1; t > 0; t--) {
            double n_first = (double)t, n_second = (double)(k - t), n_all = (double)k;
            double between = all - first[t] - second;
            double q = 2 / n_all * between;
            if (t > 1) q -= 2 * n_second / (n_all * (n_first - 1)) * first[t];
            if (n_second > 1) q -= 2 * n_first / (n_all * (n_second - 1)) * second;
            if (q > best.energy || (q == best.energy && t < best.border))
                best = (struct split){t, q};
            second += later[t - 1];
        }
        if (k < n) first[k] = all;
    }
    return best;
}

/* ---- Borders ---- */

/* Sorted, each once; room for as many as there are values. */
struct borders {
    size_t *items;
    size_t n;
};

/* Where the levels of values [n] begin and end: level i is [start_of(i), start_of(i + 1)). */
static size_t start_of(const struct borders *borders, size_t i_level, size_t n)
{
    return i_level == 0 ? 0 : i_level > borders->n ? n : borders->items[i_level - 1];
}

static void add_border(struct borders *borders, size_t border)
{
    size_t at = 0;
    while (at < borders->n && borders->items[at] < border) at++;
    if (at < borders->n && borders->items[at] == border) return;
    memmove(borders->items + at + 1, borders->items + at,
            (borders->n - at) * sizeof *borders->items);
    borders->items[at] = border;
    borders->n++;
}

static void remove_border(struct borders *borders, size_t at)
{
    borders->n--;
    memmove(borders->items + at, borders->items + at + 1,
            (borders->n - at) * sizeof *borders->items);
}

/* Splits values [n], a window, as long as the best split of all its levels is significant. */
static void split_window(const double *values, size_t n, double max_p, struct borders *borders,
                         double *scratch)
{
    for (bool is_significant = true; is_significant;) {
        struct split best = {0, -INFINITY};
        size_t begin = 0, end = 0;
        for (size_t i = 0; i <= borders->n; i++) {
            size_t from = start_of(borders, i, n), to = start_of(borders, i + 1, n);
            if (to - from < 2) continue;
            struct split split = best_split(values + from, to - from, scratch);
            if (split.energy <= best.energy) continue;
            best = (struct split){from + split.border, split.energy};
            begin = from;
            end = to;
        }
        is_significant = best.border > 0 && p_of_split(values, begin, best.border, end) <= max_p;
        if (is_significant) add_border(borders, best.border);
    }
}

/* The weak points: those of every window. The next one begins half a window later, or at the last
 * change if that is farther. */
static void split_all(const double *values, size_t n, const struct change_point_rules *rules,
                      struct borders *all, struct borders *window, double *scratch)
{
    double max_p = rules->max_p * (rules->max_p < 0.05 ? 10 : rules->max_p < 0.5 ? 2 : 1);
    for (size_t start = 0, next; start < n; start = next) {
        size_t length = n - start < rules->window ? n - start : rules->window;
        window->n = 0;
        split_window(values + start, length, max_p, window, scratch);
        for (size_t i = 0; i < window->n; i++) add_border(all, start + window->items[i]);
        size_t last = window->n ? start + window->items[window->n - 1] : 0;
        next = start + rules->window / 2;
        if (last > next) next = last;
    }
}

/* ---- Points ---- */

static struct change_point point_at(const double *values, size_t n, const struct borders *borders,
                                    size_t i)
{
    size_t begin = start_of(borders, i, n), border = borders->items[i];
    size_t end = start_of(borders, i + 2, n);
    struct level before = level_of(values + begin, border - begin),
                 after = level_of(values + border, end - border);
    return (struct change_point){
        .index = border,
        .before = before.mean,
        .after = after.mean,
        .p_value = p_of(before, after),
        .percent = before.mean != 0 ? 100 * (after.mean / before.mean - 1) : NAN,
    };
}

/* The change as a share of the smaller level, as the library has it where one of them is 0. */
static double size_of(const struct change_point *point)
{
    double forward = point->before != 0 ? fabs(point->after / point->before - 1) : 0;
    double backward = point->after != 0 ? fabs(point->before / point->after - 1) : 0;
    return fmax(forward, backward);
}

/* The point to take out first: that with the largest p-value, or, where all are significant, the
 * smallest. n if all keep the rules. */
static size_t find_weakest(const struct change_point *points, size_t n,
                           const struct change_point_rules *rules)
{
    size_t by_p = 0, by_size = 0;
    for (size_t i = 1; i < n; i++) {
        if (points[i].p_value > points[by_p].p_value) by_p = i;
        if (size_of(&points[i]) < size_of(&points[by_size])) by_size = i;
    }
    if (n == 0) return n;
    if (points[by_p].p_value >= rules->max_p) return by_p;
    return size_of(&points[by_size]) > rules->min_change ? n : by_size;
}

size_t stats_change_points(const double *values, size_t n, const struct change_point_rules *rules,
                           struct change_point *points)
{
    size_t *items = mem_new_or_end(2 * n + 1, sizeof *items);
    double *scratch = mem_new_or_end(2 * n + 1, sizeof *scratch);
    struct borders borders = {.items = items}, window = {.items = items + n};
    split_all(values, n, rules, &borders, &window, scratch);
    for (;;) {
        for (size_t i = 0; i < borders.n; i++) points[i] = point_at(values, n, &borders, i);
        size_t weakest = find_weakest(points, borders.n, rules);
        if (weakest == borders.n) break;
        remove_border(&borders, weakest);
    }
    free(items);
    free(scratch);
    return borders.n;
}
