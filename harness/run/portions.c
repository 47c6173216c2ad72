/* portions.c - see portions.h.
 *
 * Items of equal ranks, which hardly are, stay in the data set's order.
 */
#include "harness/run/portions.h"

#include "base/mem.h"
#include "results/early_stop.h"

#include <stdlib.h>

struct ranked {
    uint64_t rank;
    size_t i_item;
};

static int compare_ranks(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->rank != y->rank) return x->rank < y->rank ? -1 : 1;
    return x->i_item < y->i_item ? -1 : 1;
}

static bool shuffle(struct portions *portions, const struct dataset *dataset, struct err *err)
{
    size_t n = portions->n_items;
    struct ranked *ranked = mem_new(n, sizeof *ranked, err);
    if (!ranked) return false;
    for (size_t i = 0; i < n; i++)
        ranked[i] = (struct ranked){early_stop_rank(dataset->data_hash, dataset->items[i].key), i};
    if (n) qsort(ranked, n, sizeof *ranked, compare_ranks);
    for (size_t i = 0; i < n; i++) portions->order[i] = ranked[i].i_item;
    free(ranked);
    return true;
}

bool portions_init(struct portions *portions, const struct dataset *dataset, double precision,
                   struct err *err)
{
    size_t n = dataset->n_items;
    *portions = (struct portions){.n_items = n,
                                  .precision = precision,
                                  .order = mem_new(n, sizeof *portions->order, err),
                                  .scores = mem_new(n, sizeof *portions->scores, err),
                                  .asked = mem_new(n, sizeof *portions->asked, err)};
    if (!portions->order || !portions->scores || !portions->asked) return false;
    for (size_t i = 0; i < n; i++) portions->order[i] = i;
    return !(precision > 0) || shuffle(portions, dataset, err);
}

void portions_done(struct portions *portions)
{
    free(portions->order);
    free(portions->scores);
    free(portions->asked);
    *portions = (struct portions){0};
}

bool portions_are_over(struct portions *portions)
{
    if (portions->end == portions->n_items) return true;
    if (!portions->end || !(portions->precision > 0)) return false;
    for (size_t i = portions->begin; i < portions->end; i++)
        portions->asked[i] = portions->scores[portions->order[i]];
    return early_stop_is_reached(early_stop_interval(portions->asked, portions->end),
                                 portions->precision);
}

bool portions_next(struct portions *portions)
{
    if (portions_are_over(portions)) return false;
    portions->begin = portions->end;
    portions->end = portions->precision > 0 ? early_stop_next(portions->end, portions->n_items)
                                            : portions->n_items;
    return true;
}

size_t portions_precise(const struct portions *portions)
{
    return portions->end < portions->n_items ? portions->end : 0;
}
