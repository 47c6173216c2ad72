/* trie.h - a tree of token sequences in which equal prefixes are one path: what several requests
 * share is stored, and later computed, once.
 *
 * A node holds a run of tokens; ids below 0 are as good as others (prompt_pictures.h). Nodes are
 * numbered; 0 is the root, which holds none. Numbers stay valid: when a node is split for a
 * sequence that leaves it half-way, it keeps the end of its run, and the beginning gets a new
 * number.
 */
#ifndef PHIBENCH_HARNESS_ASK_TRIE_H
#define PHIBENCH_HARNESS_ASK_TRIE_H

#include "engine/engine.h"

enum { TRIE_ROOT = 0 };

struct trie_node {
    int parent; /* -1 for the root */
    int first_child, last_child,
        next_sibling;       /* -1: none; children in the order of their insertion */
    size_t begin, n_tokens; /* the run, in trie.ids */
    size_t depth;           /* tokens before the run */
    int owner;              /* who inserted it first */
};

struct trie {
    struct trie_node *nodes;
    size_t n_nodes, capacity;
    struct tokens ids;
    size_t short_tokens; /* trie_init: SIZE_MAX; see trie_root */
    int long_root;       /* where longer paths begin, -1: there is none so far */
};

bool trie_init(struct trie *trie, struct err *err) __attribute__((warn_unused_result));
void trie_done(struct trie *trie);

/* Where a path of n tokens begins that may grow to n_most. With LongRoPE paths of more than
 * short_tokens are rotated in another way (engine.h, enum rope_policy), and share beginnings with
 * their like alone: *root becomes TRIE_ROOT or, for those, a leaf that all of them have. A path
 * that may cross from the one to the other has a leaf for itself: it is dropped there and computed
 * anew. */
bool trie_root(struct trie *trie, size_t n, size_t n_most, int owner, int *root, struct err *err)
    __attribute__((warn_unused_result));

/* Makes sure that ids [n] is a path from the end of `from` to the end of a node; *node becomes that
 * node. From TRIE_ROOT equal prefixes are shared; below a leaf of trie_add_leaf a path is apart
 * from all others. */
bool trie_insert(struct trie *trie, int from, const int32_t *ids, size_t n, int owner, int *node,
                 struct err *err) __attribute__((warn_unused_result));

/* A leaf of its own below `parent`, without tokens: a generation that will grow, or the beginning
 * of what is not to be shared. trie_insert never enters it from above. */
bool trie_add_leaf(struct trie *trie, int parent, int owner, int *node, struct err *err)
    __attribute__((warn_unused_result));

static inline size_t trie_end(const struct trie *trie, int node)
{
    return trie->nodes[node].depth + trie->nodes[node].n_tokens;
}

/* Copies the tokens at positions [from, from + n) of the path to the end of `node`. */
void trie_path(const struct trie *trie, int node, size_t from, size_t n, int32_t *ids);

/* Writes all nodes to order [n_nodes], every node before its children, children in their order. */
void trie_order(const struct trie *trie, int *order);

#endif
