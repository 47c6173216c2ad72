/* test_trie.c - the trie shares prefixes, keeps numbers valid across splits, and gives paths back.
 *
 * Letters stand for tokens.
 */
#include "harness/ask/trie.h"

#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int insert(struct trie *trie, const char *text, int owner)
{
    int32_t ids[64];
    int node = -1;
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++) ids[i] = text[i];
    assert_true(trie_insert(trie, TRIE_ROOT, ids, n, owner, &node, NULL));
    return node;
}

static void assert_path(const struct trie *trie, int node, const char *text)
{
    int32_t ids[64];
    size_t n = strlen(text);
    assert_int_equal(trie_end(trie, node), n);
    for (size_t from = 0; from <= n; from++) {
        trie_path(trie, node, from, n - from, ids);
        for (size_t i = from; i < n; i++) assert_int_equal(ids[i - from], text[i]);
    }
}

static void equal_prefixes_are_stored_once(void **state)
{
    (void)state;
    struct trie trie;
    assert_true(trie_init(&trie, NULL));
    insert(&trie, "the question A", 0);
    insert(&trie, "the question B", 1);
    insert(&trie, "the answer", 2);
    assert_int_equal(trie.ids.n, strlen("the question A") + strlen("B") + strlen("answer"));
    trie_done(&trie);
}

static void numbers_stay_valid_when_nodes_are_split(void **state)
{
    (void)state;
    struct trie trie;
    assert_true(trie_init(&trie, NULL));
    int whole = insert(&trie, "abcdef", 0);
    int inside = insert(&trie, "abc", 1);
    int fork = insert(&trie, "abxy", 2);
    assert_path(&trie, whole, "abcdef");
    assert_path(&trie, inside, "abc");
    assert_path(&trie, fork, "abxy");
    assert_int_equal(trie.nodes[whole].parent, inside);
    assert_int_equal(trie.nodes[inside].parent, trie.nodes[fork].parent);
    assert_int_equal(insert(&trie, "abc", 3), inside);
    assert_int_equal(insert(&trie, "", 4), TRIE_ROOT);
    trie_done(&trie);
}

static void the_first_to_insert_a_node_owns_it(void **state)
{
    (void)state;
    struct trie trie;
    assert_true(trie_init(&trie, NULL));
    int first = insert(&trie, "abcd", 7);
    int second = insert(&trie, "abxy", 8);
    assert_int_equal(trie.nodes[first].owner, 7);
    assert_int_equal(trie.nodes[second].owner, 8);
    assert_int_equal(trie.nodes[trie.nodes[first].parent].owner, 7);
    trie_done(&trie);
}

static void leaves_are_apart_from_insertions(void **state)
{
    (void)state;
    struct trie trie;
    int leaf, other;
    assert_true(trie_init(&trie, NULL));
    int node = insert(&trie, "ab", 0);
    assert_true(trie_add_leaf(&trie, node, 0, &leaf, NULL));
    assert_true(trie_add_leaf(&trie, node, 1, &other, NULL));
    assert_int_not_equal(leaf, other);
    int longer = insert(&trie, "abc", 2);
    assert_int_equal(trie.nodes[longer].parent, node);
    assert_int_equal(trie_end(&trie, leaf), 2);
    insert(&trie, "a", 3); /* splits the leaves' parent */
    assert_int_equal(trie.nodes[leaf].parent, node);
    assert_path(&trie, leaf, "ab");
    trie_done(&trie);
}

static void order_has_every_node_once_and_parents_first(void **state)
{
    (void)state;
    struct trie trie;
    struct rng rng = {3};
    assert_true(trie_init(&trie, NULL));
    for (int i = 0; i < 200; i++) {
        char text[20];
        size_t n = rng_below(&rng, sizeof text);
        for (size_t k = 0; k < n; k++) text[k] = (char)('a' + rng_below(&rng, 3));
        text[n] = 0;
        assert_path(&trie, insert(&trie, text, i), text);
    }
    int *order = calloc(trie.n_nodes, sizeof *order);
    bool *seen = calloc(trie.n_nodes, sizeof *seen);
    assert_non_null(order);
    assert_non_null(seen);
    trie_order(&trie, order);
    for (size_t i = 0; i < trie.n_nodes; i++) {
        assert_false(seen[order[i]]);
        seen[order[i]] = true;
        if (order[i] != TRIE_ROOT) assert_true(seen[trie.nodes[order[i]].parent]);
    }
    free(order);
    free(seen);
    trie_done(&trie);
}

static void paths_of_another_length_begin_elsewhere(void **state)
{
    (void)state;
    struct trie trie;
    int root, other, own;
    assert_true(trie_init(&trie, NULL));
    assert_true(trie_root(&trie, 1000, 2000, 0, &root, NULL));
    assert_int_equal(root, TRIE_ROOT);
    trie.short_tokens = 100;
    assert_true(trie_root(&trie, 90, 100, 0, &root, NULL));
    assert_int_equal(root, TRIE_ROOT);
    assert_true(trie_root(&trie, 101, 101, 0, &root, NULL));
    assert_true(trie_root(&trie, 500, 900, 1, &other, NULL));
    assert_int_equal(root, other);
    assert_int_equal(trie.nodes[root].parent, TRIE_ROOT);
    assert_true(trie_root(&trie, 100, 101, 2, &other, NULL));
    assert_true(trie_root(&trie, 90, 101, 3, &own, NULL));
    assert_true(own != other && own != root && other != root && own != TRIE_ROOT);
    trie_done(&trie);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_prefixes_are_stored_once),
        cmocka_unit_test(numbers_stay_valid_when_nodes_are_split),
        cmocka_unit_test(the_first_to_insert_a_node_owns_it),
        cmocka_unit_test(leaves_are_apart_from_insertions),
        cmocka_unit_test(order_has_every_node_once_and_parents_first),
        cmocka_unit_test(paths_of_another_length_begin_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
