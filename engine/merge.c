/* merge.c - greedy merging of neighbouring symbols, the heart of both tokenizers.
 *
 * Symbols form a list; a heap holds the pairs that make a piece. The best pair is taken out, joined
 * in its left symbol, and the two pairs that it now forms are added. A pair whose symbols changed
 * meanwhile stays in the heap and is recognised when it comes up: symbols only grow, so a pair is
 * still meant if the two are neighbours and together as long as they were. Each join adds at most
 * two pairs, so the heap sees fewer than 3n of them.
 *
 *   l o w e r     ("e","r") is best      l o w er    ("l","o") next     lo w er   ...   lower
 */
#include "engine/tokenizer_internal.h"

#include "base/mem.h"

#include <stdlib.h>

void merger_done(struct merger *merger)
{
    free(merger->symbols);
    free(merger->heap);
    *merger = (struct merger){0};
}

bool merger_add(struct merger *merger, int32_t id, size_t begin, size_t n_bytes, struct err *err)
{
    size_t i = merger->n_symbols;
    if (!mem_grow((void **)&merger->symbols, &merger->symbol_capacity, i + 1,
                  sizeof *merger->symbols, TOKENIZER_MAX_TEXT_BYTES, err))
        return false;
    merger->symbols[i] = (struct merge_symbol){
        .id = id,
        .begin = (uint32_t)begin,
        .n_bytes = (uint32_t)n_bytes,
        .previous = i ? (uint32_t)(i - 1) : MERGE_NONE,
        .next = MERGE_NONE,
    };
    if (i) merger->symbols[i - 1].next = (uint32_t)i;
    merger->n_symbols++;
    return true;
}

static bool is_before(const struct merge_candidate *a, const struct merge_candidate *b)
{
    if (a->priority > b->priority) return true;
    return a->priority == b->priority && a->left < b->left;
}

static bool push(struct merger *merger, const struct merge_candidate *candidate, struct err *err)
{
    size_t i = merger->n_heap;
    if (!mem_grow((void **)&merger->heap, &merger->heap_capacity, i + 1, sizeof *merger->heap,
                  (size_t)3 * TOKENIZER_MAX_TEXT_BYTES, err))
        return false;
    for (; i && is_before(candidate, &merger->heap[(i - 1) / 2]); i = (i - 1) / 2)
        merger->heap[i] = merger->heap[(i - 1) / 2];
    merger->heap[i] = *candidate;
    merger->n_heap++;
    return true;
}

static struct merge_candidate pop(struct merger *merger)
{
    struct merge_candidate *heap = merger->heap, best = heap[0], last = heap[--merger->n_heap];
    size_t i = 0, n = merger->n_heap;
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && is_before(&heap[child + 1], &heap[child])) child++;
        if (!is_before(&heap[child], &last)) break;
        heap[i] = heap[child];
    }
    heap[i] = last;
    return best;
}

static bool propose(struct merger *merger, uint32_t left, uint32_t right, merge_find_fn *find,
                    const void *context, struct err *err)
{
    if (left == MERGE_NONE || right == MERGE_NONE) return true;
    const struct merge_symbol *a = &merger->symbols[left], *b = &merger->symbols[right];
    struct merge_candidate candidate = {
        .left = left, .right = right, .n_bytes = a->n_bytes + b->n_bytes};
    if (!find(context, a, b, &candidate.id, &candidate.priority)) return true;
    return push(merger, &candidate, err);
}

bool merger_run(struct merger *merger, merge_find_fn *find, const void *context, struct err *err)
{
    merger->n_heap = 0;
    for (size_t i = 1; i < merger->n_symbols; i++)
        if (!propose(merger, (uint32_t)(i - 1), (uint32_t)i, find, context, err)) return false;
    while (merger->n_heap) {
        struct merge_candidate best = pop(merger);
        struct merge_symbol *left = &merger->symbols[best.left];
        struct merge_symbol *right = &merger->symbols[best.right];
        if (!left->n_bytes || left->next != best.right ||
            left->n_bytes + right->n_bytes != best.n_bytes)
            continue;
        left->id = best.id;
        left->n_bytes = best.n_bytes;
        left->next = right->next;
        right->n_bytes = 0;
        if (left->next != MERGE_NONE) merger->symbols[left->next].previous = best.left;
        if (!propose(merger, left->previous, best.left, find, context, err) ||
            !propose(merger, best.left, left->next, find, context, err))
            return false;
    }
    return true;
}
