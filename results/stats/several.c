/* several.c - see several.h.
 *
 * Equal p-values keep the order of their places, so that the result does not depend on the sort.
 */
#include "results/stats/several.h"

#include "base/mem.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

struct ranked {
    double p;
    size_t place;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->p != y->p) return x->p < y->p ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

void stats_holm(double *p_values, size_t n)
{
    struct ranked *ranked = mem_new_or_end(n, sizeof *ranked);
    for (size_t i = 0; i < n; i++) ranked[i] = (struct ranked){p_values[i], i};
    qsort(ranked, n, sizeof *ranked, compare_ranked);
    double highest = 0;
    for (size_t i = 0; i < n; i++) {
        double adjusted = fmin(1, ranked[i].p * (double)(n - i));
        highest = fmax(highest, adjusted);
        p_values[ranked[i].place] = highest;
    }
    free(ranked);
}
