/* merge_list.c - the merges of a file, by the pair that they join: a hash table from two ids to
 * rank and result.
 *
 * Byte-level BPE merges by this list, and so does SentencePiece's where a file has the order of its
 * pieces here instead of in their scores.
 */
#include "engine/tokenizer_internal.h"

#include "base/mem.h"
#include "base/rng.h"

#include <stdlib.h>
#include <string.h>

static struct listed_merge *slot_of(const struct merge_list *list, int32_t left, int32_t right)
{
    uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    size_t i = (size_t)rng_mix(key) & list->mask;
    while (list->slots[i].left >= 0 &&
           (list->slots[i].left != left || list->slots[i].right != right))
        i = (i + 1) & list->mask;
    return &list->slots[i];
}

/* One line of the list, "LEFT RIGHT": pieces have no space, so the first one past the first byte
 * separates. */
static bool add_merge(struct merge_list *list, const struct vocabulary *vocabulary,
                      const struct metadata_string *line, size_t rank, bool last_counts,
                      struct buf *joined, struct err *err)
{
    const char *space = line->n_bytes > 2 ? memchr(line->text + 1, ' ', line->n_bytes - 2) : NULL;
    if (!space) return err_set(err, ERR_INPUT, "merge %zu is not two pieces", rank);
    size_t n_left = (size_t)(space - line->text), n_right = line->n_bytes - n_left - 1;
    buf_clear(joined);
    buf_append(joined, line->text, n_left);
    buf_append(joined, space + 1, n_right);
    if (!buf_check(joined, err)) return false;
    int32_t left = vocabulary_find(vocabulary, line->text, n_left);
    int32_t right = vocabulary_find(vocabulary, space + 1, n_right);
    int32_t merged = vocabulary_find(vocabulary, joined->data, joined->n_bytes);
    if (left < 0 || right < 0 || merged < 0)
        return err_set(err, ERR_INPUT, "merge %zu has a piece that is not in the vocabulary", rank);
    struct listed_merge *slot = slot_of(list, left, right);
    if (slot->left < 0 || last_counts)
        *slot = (struct listed_merge){left, right, (int32_t)rank, merged};
    return true;
}

bool merge_list_init(struct merge_list *list, const struct vocabulary *vocabulary,
                     const struct metadata_string *lines, size_t n, bool last_counts,
                     struct err *err)
{
    struct buf joined = {0};
    size_t n_slots = 16;
    if (n > INT32_MAX) return err_set(err, ERR_INPUT, "%zu merges are too many", n);
    while (n_slots < 2 * n) n_slots *= 2;
    list->slots = mem_new(n_slots, sizeof *list->slots, err);
    if (!list->slots) return false;
    list->mask = n_slots - 1;
    for (size_t i = 0; i < n_slots; i++) list->slots[i].left = -1;
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++)
        ok = add_merge(list, vocabulary, &lines[i], i, last_counts, &joined, err);
    buf_free(&joined);
    return ok;
}

void merge_list_done(struct merge_list *list)
{
    free(list->slots);
}

bool merge_list_find(const void *context, const struct merge_symbol *left,
                     const struct merge_symbol *right, int32_t *id, double *priority)
{
    const struct merge_list *list = context;
    if (left->id < 0 || right->id < 0) return false;
    const struct listed_merge *merge = slot_of(list, left->id, right->id);
    if (merge->left < 0) return false;
    *id = merge->merged;
    *priority = -(double)merge->rank;
    return true;
}
