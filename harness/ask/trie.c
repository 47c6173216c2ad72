/* trie.c - see trie.h. Children are found by walking the siblings: windows are small, and a node of
 * many children (the end of a few-shot prefix) is entered once for each request.
 *
 * Example: after inserting 1 2 3 4 and 1 2 5 the root has one child [1 2] with the children [3 4]
 * and [5].
 */
#include "harness/ask/trie.h"

#include "base/mem.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static bool add_node(struct trie *trie, const struct trie_node *node, int *number, struct err *err)
{
    if (!mem_grow((void **)&trie->nodes, &trie->capacity, trie->n_nodes + 1, sizeof *trie->nodes,
                  INT_MAX, err))
        return false;
    *number = (int)trie->n_nodes;
    trie->nodes[trie->n_nodes++] = *node;
    return true;
}

bool trie_init(struct trie *trie, struct err *err)
{
    *trie = (struct trie){.short_tokens = SIZE_MAX, .long_root = -1};
    int root;
    return add_node(
        trie,
        &(struct trie_node){
            .parent = -1, .first_child = -1, .last_child = -1, .next_sibling = -1, .owner = -1},
        &root, err);
}

void trie_done(struct trie *trie)
{
    free(trie->nodes);
    tokens_free(&trie->ids);
    *trie = (struct trie){0};
}

static bool append_child(struct trie *trie, int parent, size_t begin, size_t n_tokens, int owner,
                         int *number, struct err *err)
{
    struct trie_node node = {.parent = parent,
                             .first_child = -1,
                             .last_child = -1,
                             .next_sibling = -1,
                             .begin = begin,
                             .n_tokens = n_tokens,
                             .depth = trie_end(trie, parent),
                             .owner = owner};
    if (!add_node(trie, &node, number, err)) return false;
    struct trie_node *above = &trie->nodes[parent];
    if (above->last_child < 0) above->first_child = *number;
    else trie->nodes[above->last_child].next_sibling = *number;
    above->last_child = *number;
    return true;
}

static int find_child(const struct trie *trie, int parent, int32_t id)
{
    int child = trie->nodes[parent].first_child;
    for (; child >= 0; child = trie->nodes[child].next_sibling) {
        const struct trie_node *node = &trie->nodes[child];
        if (node->n_tokens && trie->ids.ids[node->begin] == id) return child;
    }
    return -1;
}

/* Cuts the first n tokens of a node off into a new node, which takes its place among the
 * siblings. */
static bool split(struct trie *trie, int child, size_t n, int *upper, struct err *err)
{
    struct trie_node front = trie->nodes[child];
    front.first_child = front.last_child = child;
    front.n_tokens = n;
    if (!add_node(trie, &front, upper, err)) return false;
    struct trie_node *parent = &trie->nodes[front.parent], *back = &trie->nodes[child];
    int *link = &parent->first_child;
    while (*link != child) link = &trie->nodes[*link].next_sibling;
    *link = *upper;
    if (parent->last_child == child) parent->last_child = *upper;
    back->parent = *upper;
    back->next_sibling = -1;
    back->begin += n;
    back->n_tokens -= n;
    back->depth += n;
    return true;
}

bool trie_insert(struct trie *trie, int from, const int32_t *ids, size_t n, int owner, int *node,
                 struct err *err)
{
    int at = from;
    for (size_t i = 0; i < n;) {
        int child = find_child(trie, at, ids[i]);
        if (child < 0) {
            size_t begin = trie->ids.n;
            if (!tokens_append(&trie->ids, ids + i, n - i, err)) return false;
            return append_child(trie, at, begin, n - i, owner, node, err);
        }
        const struct trie_node *run = &trie->nodes[child];
        size_t n_equal = 1;
        while (n_equal < run->n_tokens && i + n_equal < n &&
               trie->ids.ids[run->begin + n_equal] == ids[i + n_equal])
            n_equal++;
        at = child;
        if (n_equal < run->n_tokens && !split(trie, child, n_equal, &at, err)) return false;
        i += n_equal;
    }
    *node = at;
    return true;
}

bool trie_add_leaf(struct trie *trie, int parent, int owner, int *node, struct err *err)
{
    return append_child(trie, parent, trie->ids.n, 0, owner, node, err);
}

bool trie_root(struct trie *trie, size_t n, size_t n_most, int owner, int *root, struct err *err)
{
    *root = TRIE_ROOT;
    if (n_most <= trie->short_tokens) return true;
    if (n <= trie->short_tokens) return trie_add_leaf(trie, TRIE_ROOT, owner, root, err);
    if (trie->long_root < 0 && !trie_add_leaf(trie, TRIE_ROOT, owner, &trie->long_root, err))
        return false;
    *root = trie->long_root;
    return true;
}

void trie_path(const struct trie *trie, int node, size_t from, size_t n, int32_t *ids)
{
    size_t to = from + n;
    for (; node >= 0 && from < to; node = trie->nodes[node].parent) {
        const struct trie_node *run = &trie->nodes[node];
        if (run->depth >= to) continue;
        size_t begin = run->depth > from ? run->depth : from;
        memcpy(ids + (begin - from), trie->ids.ids + run->begin + (begin - run->depth),
               (to - begin) * sizeof *ids);
        to = begin;
    }
}

void trie_order(const struct trie *trie, int *order)
{
    int node = TRIE_ROOT;
    for (size_t n = 0; node >= 0;) {
        order[n++] = node;
        const struct trie_node *at = &trie->nodes[node];
        if (at->first_child >= 0) {
            node = at->first_child;
            continue;
        }
        while (node >= 0 && trie->nodes[node].next_sibling < 0) node = trie->nodes[node].parent;
        if (node >= 0) node = trie->nodes[node].next_sibling;
    }
}
