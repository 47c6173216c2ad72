/* test_kv.c - pages, references, copy-on-write, and exhaustion that changes nothing.
 *
 * A byte in the values of the last layer and head marks who wrote a position.
 */
#include "engine/kv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct kv_shape shape = {
    .n_layers = 2, .n_kv_heads = 3, .head_size = 24, .type = KV_F16};
enum { PAGE_BYTES = 2 * 3 * 16 * (24 + 32) * 2, CONTEXT = 100 };

static struct kv *new_kv(size_t n_pages)
{
    struct kv *kv = kv_new(&shape, CONTEXT, 0, n_pages, NULL);
    assert_non_null(kv);
    return kv;
}

static int start(struct kv *kv)
{
    int sequence;
    assert_true(kv_start(kv, &sequence, NULL));
    return sequence;
}

static int fork_of(struct kv *kv, int source, size_t n_tokens)
{
    int sequence;
    assert_true(kv_fork(kv, source, n_tokens, &sequence, NULL));
    assert_int_equal(kv_length(kv, sequence), n_tokens);
    return sequence;
}

/* Appends n tokens one by one and writes `mark` into the first byte of a slot of each. */
static enum err_code append(struct kv *kv, int sequence, size_t n, uint8_t mark)
{
    for (size_t i = 0; i < n; i++) {
        struct session_token token = {.sequence = sequence};
        struct err err = {0};
        size_t length = kv_length(kv, sequence), position;
        if (!kv_append(kv, &token, 1, &position, &err)) return err.code;
        assert_int_equal(position, length);
        kv_pages(kv, sequence)[position / 16][kv_v_offset(kv, 1, 2) + position % 16] = mark;
    }
    return ERR_NONE;
}

static uint8_t mark_at(const struct kv *kv, int sequence, size_t position)
{
    return kv_pages(kv, sequence)[position / 16][kv_v_offset(kv, 1, 2) + position % 16];
}

static void a_page_holds_sixteen_positions_of_all_layers(void **state)
{
    (void)state;
    assert_int_equal(kv_page_bytes(&shape), PAGE_BYTES);
    assert_int_equal(PAGE_BYTES % 64, 0);
    struct kv *kv = new_kv(4);
    assert_int_equal(kv_k_offset(kv, 0, 0), 0);
    assert_int_equal(kv_v_offset(kv, 0, 0), 24 * 16 * 2);
    assert_int_equal(kv_k_offset(kv, 0, 1), (24 + 32) * 16 * 2);
    assert_int_equal(kv_v_offset(kv, 1, 2) + 32 * 16 * 2, PAGE_BYTES);
    int sequence = start(kv);
    assert_int_equal(append(kv, sequence, 16, 1), ERR_NONE);
    assert_int_equal(kv_free_pages(kv), 3);
    assert_int_equal(append(kv, sequence, 1, 1), ERR_NONE);
    assert_int_equal(kv_free_pages(kv), 2);
    kv_free(kv);
}

static void pages_begin_as_zeros_at_aligned_addresses(void **state)
{
    (void)state;
    static const uint8_t zeros[PAGE_BYTES];
    struct kv *kv = new_kv(2);
    struct session_token token = {.sequence = start(kv)};
    size_t position;
    assert_true(kv_append(kv, &token, 1, &position, NULL));
    assert_int_equal((uintptr_t)kv_pages(kv, token.sequence)[0] % 64, 0);
    assert_memory_equal(kv_pages(kv, token.sequence)[0], zeros, PAGE_BYTES);
    kv_free(kv);
}

static void a_fork_shares_pages_and_copies_the_partial_one_when_it_writes(void **state)
{
    (void)state;
    struct kv *kv = new_kv(6);
    int parent = start(kv);
    assert_int_equal(append(kv, parent, 20, 1), ERR_NONE);
    int child = fork_of(kv, parent, 18);
    assert_int_equal(kv_free_pages(kv), 4);
    assert_ptr_equal(kv_pages(kv, child)[0], kv_pages(kv, parent)[0]);
    assert_ptr_equal(kv_pages(kv, child)[1], kv_pages(kv, parent)[1]);
    assert_int_equal(kv_pages_needed(kv, child, 1), 1);

    assert_int_equal(append(kv, child, 2, 2), ERR_NONE);
    assert_int_equal(kv_free_pages(kv), 3);
    assert_ptr_equal(kv_pages(kv, child)[0], kv_pages(kv, parent)[0]);
    assert_ptr_not_equal(kv_pages(kv, child)[1], kv_pages(kv, parent)[1]);
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(mark_at(kv, parent, i), 1);
        assert_int_equal(mark_at(kv, child, i), i < 18 ? 1 : 2);
    }
    /* The parent is alone with its page again. */
    assert_int_equal(kv_pages_needed(kv, parent, 12), 0);
    assert_int_equal(append(kv, parent, 1, 3), ERR_NONE);
    assert_int_equal(kv_free_pages(kv), 3);
    kv_free(kv);
}

static void writing_to_a_truncated_sequence_spares_the_fork_that_holds_the_page(void **state)
{
    (void)state;
    struct kv *kv = new_kv(8);
    int parent = start(kv);
    assert_int_equal(append(kv, parent, 40, 1), ERR_NONE);
    int child = fork_of(kv, parent, 40);
    kv_truncate(kv, parent, 5);
    assert_int_equal(kv_free_pages(kv), 5);
    assert_int_equal(append(kv, parent, 30, 2), ERR_NONE);
    for (size_t i = 0; i < 40; i++) assert_int_equal(mark_at(kv, child, i), 1);
    for (size_t i = 0; i < 35; i++) assert_int_equal(mark_at(kv, parent, i), i < 5 ? 1 : 2);
    kv_free(kv);
}

static void pages_return_when_the_last_holder_leaves(void **state)
{
    (void)state;
    struct kv *kv = new_kv(10);
    int first = start(kv);
    assert_int_equal(append(kv, first, 33, 1), ERR_NONE);
    int second = fork_of(kv, first, 33), third = fork_of(kv, second, 16);
    kv_drop(kv, first);
    assert_false(kv_is_open(kv, first));
    assert_int_equal(kv_free_pages(kv), 7);
    kv_drop(kv, second);
    assert_int_equal(kv_free_pages(kv), 9);
    kv_truncate(kv, third, 0);
    assert_int_equal(kv_free_pages(kv), 10);
    assert_int_equal(start(kv), first); /* the number is used again */
    kv_free(kv);
}

static void exhaustion_is_told_before_anything_changes(void **state)
{
    (void)state;
    struct kv *kv = new_kv(3);
    int a = start(kv), b = start(kv);
    assert_int_equal(append(kv, a, 20, 1), ERR_NONE);
    /* b would need one page and a two more: 3 of the 1 that is free. */
    struct session_token tokens[40];
    size_t positions[40];
    for (size_t i = 0; i < 40; i++) tokens[i] = (struct session_token){.sequence = i ? a : b};
    struct err err = {0};
    assert_false(kv_append(kv, tokens, 40, positions, &err));
    assert_int_equal(err.code, ERR_CAPACITY);
    assert_int_equal(kv_length(kv, a), 20);
    assert_int_equal(kv_length(kv, b), 0);
    assert_int_equal(kv_free_pages(kv), 1);
    /* What fits still fits. */
    assert_true(kv_append(kv, tokens, 13, positions, NULL));
    assert_int_equal(positions[0], 0);
    for (size_t i = 1; i < 13; i++) assert_int_equal(positions[i], 19 + i);
    assert_int_equal(kv_free_pages(kv), 0);
    assert_int_equal(append(kv, a, 1, 1), ERR_CAPACITY);
    kv_drop(kv, b);
    assert_int_equal(append(kv, a, 1, 1), ERR_NONE);
    kv_free(kv);
}

static void a_full_context_is_a_usage_error_before_anything_changes(void **state)
{
    (void)state;
    struct kv *kv = new_kv(20);
    int a = start(kv);
    assert_int_equal(append(kv, a, CONTEXT - 1, 1), ERR_NONE);
    struct session_token tokens[2] = {{.sequence = a}, {.sequence = a}};
    size_t positions[2];
    struct err err = {0};
    assert_false(kv_append(kv, tokens, 2, positions, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_int_equal(kv_length(kv, a), CONTEXT - 1);
    assert_int_equal(append(kv, a, 1, 1), ERR_NONE);
    kv_free(kv);
}

/* A reference model with plain arrays: random operations must keep contents and page counts right.
 */
static void random_operations_keep_every_sequence_what_it_was(void **state)
{
    (void)state;
    enum { SLOTS = 6, OPERATIONS = 20000, PAGES = 24 };
    struct kv *kv = new_kv(PAGES);
    int ids[SLOTS];
    uint8_t content[SLOTS][CONTEXT];
    size_t lengths[SLOTS] = {0};
    for (size_t i = 0; i < SLOTS; i++) ids[i] = start(kv);
    uint32_t random = 1;
    for (int operation = 0; operation < OPERATIONS; operation++) {
        random = random * 1664525u + 1013904223u;
        size_t slot = (random >> 8) % SLOTS, other = (random >> 16) % SLOTS;
        uint8_t mark = (uint8_t)(1 + operation % 200);
        if (random >> 30 == 0 && slot != other) {
            kv_drop(kv, ids[slot]);
            lengths[slot] = lengths[other] ? (random >> 4) % (lengths[other] + 1) : 0;
            ids[slot] = fork_of(kv, ids[other], lengths[slot]);
            memcpy(content[slot], content[other], lengths[slot]);
        } else if (random >> 30 == 1 && lengths[slot]) {
            lengths[slot] -= (random >> 20) % (lengths[slot] < 8 ? lengths[slot] : 8);
            kv_truncate(kv, ids[slot], lengths[slot]);
        } else if (lengths[slot] < CONTEXT) {
            size_t needed = kv_pages_needed(kv, ids[slot], 1), n_free = kv_free_pages(kv);
            enum err_code code = append(kv, ids[slot], 1, mark);
            assert_int_equal(code, needed <= n_free ? ERR_NONE : ERR_CAPACITY);
            assert_int_equal(kv_free_pages(kv), code ? n_free : n_free - needed);
            if (!code) content[slot][lengths[slot]++] = mark;
        }
        for (size_t i = 0; i < lengths[slot]; i++)
            assert_int_equal(mark_at(kv, ids[slot], i), content[slot][i]);
    }
    for (size_t i = 0; i < SLOTS; i++) {
        for (size_t j = 0; j < lengths[i]; j++)
            assert_int_equal(mark_at(kv, ids[i], j), content[i][j]);
        kv_drop(kv, ids[i]);
    }
    assert_int_equal(kv_free_pages(kv), PAGES);
    kv_free(kv);
}

/* A window of 20: from position 35 on the first page is not seen any more. */
static void pages_behind_the_window_are_given_back_by_the_next_append(void **state)
{
    (void)state;
    enum { WINDOW = 20, MOST = 3 };
    struct kv *kv = kv_new(&shape, CONTEXT, WINDOW, MOST, NULL);
    int a = start(kv);
    assert_int_equal(kv_most_pages(WINDOW, 1, CONTEXT), MOST);
    for (size_t n = 0; n < CONTEXT; n++) {
        assert_int_equal(append(kv, a, 1, (uint8_t)n), ERR_NONE);
        size_t first = n + 1 > WINDOW ? n + 1 - WINDOW : 0; /* that position n sees */
        for (size_t i = first; i <= n; i++) assert_int_equal(mark_at(kv, a, i), i);
        assert_int_equal(kv_held_pages(kv, a), n / 16 + 1 - first / 16);
        assert_int_equal(kv_free_pages(kv), MOST - kv_held_pages(kv, a));
        if (first / 16 > 0) assert_null(kv_pages(kv, a)[first / 16 - 1]);
    }
    assert_int_equal(append(kv, a, 1, 0), ERR_USAGE); /* the context is full */
    kv_truncate(kv, a, 0);
    assert_int_equal(kv_free_pages(kv), MOST);
    assert_int_equal(kv_shortest(kv, a), 0);
    assert_int_equal(append(kv, a, 40, 7), ERR_NONE);
    assert_int_equal(mark_at(kv, a, 39), 7);
    kv_free(kv);
}

static void a_batch_adds_its_length_to_what_a_sequence_holds(void **state)
{
    (void)state;
    enum { WINDOW = 20, N_CASES = 60 };
    struct session_token tokens[N_CASES];
    for (size_t n_batch = 1; n_batch < N_CASES; n_batch++) {
        size_t most = kv_most_pages(WINDOW, n_batch, CONTEXT), largest = 0;
        for (size_t first = 1; first <= 16; first++) { /* batches that begin anywhere in a page */
            struct kv *kv = kv_new(&shape, CONTEXT, WINDOW, most, NULL);
            int a = start(kv);
            assert_int_equal(append(kv, a, first, 1), ERR_NONE);
            for (size_t i = 0; i < n_batch; i++) tokens[i].sequence = a;
            while (kv_length(kv, a) + n_batch <= CONTEXT) {
                size_t positions[N_CASES];
                assert_true(kv_append(kv, tokens, n_batch, positions, NULL));
                if (kv_held_pages(kv, a) > largest) largest = kv_held_pages(kv, a);
            }
            kv_free(kv);
        }
        if (n_batch < 20) assert_int_equal(largest, most);
    }
}

static void forks_and_truncations_need_the_window_before_them(void **state)
{
    (void)state;
    enum { WINDOW = 20 };
    struct kv *kv = kv_new(&shape, CONTEXT, WINDOW, 20, NULL);
    int a = start(kv), b;
    struct err err = {0};
    assert_int_equal(append(kv, a, 60, 1), ERR_NONE); /* the last one saw [40, 60) */
    assert_int_equal(kv_shortest(kv, a), 32 + WINDOW - 1);
    b = fork_of(kv, a, 51);
    assert_int_equal(kv_held_pages(kv, b), 2);
    assert_int_equal(mark_at(kv, b, 32), 1);
    assert_false(kv_fork(kv, a, 50, &b, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_non_null(strstr(err.message, "it must have 51 at least"));
    b = fork_of(kv, a, 0);
    assert_int_equal(kv_held_pages(kv, b), 0);
    /* The fork holds what the source gives back. */
    b = fork_of(kv, a, 60);
    assert_int_equal(append(kv, a, 20, 2), ERR_NONE);
    assert_int_equal(mark_at(kv, b, 41), 1);
    assert_int_equal(append(kv, b, 1, 3), ERR_NONE);
    kv_truncate(kv, b, 60);
    assert_int_equal(append(kv, b, 1, 4), ERR_NONE);
    assert_int_equal(mark_at(kv, b, 60), 4);
    assert_int_equal(mark_at(kv, a, 60), 2);
    kv_free(kv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_holds_sixteen_positions_of_all_layers),
        cmocka_unit_test(pages_begin_as_zeros_at_aligned_addresses),
        cmocka_unit_test(a_fork_shares_pages_and_copies_the_partial_one_when_it_writes),
        cmocka_unit_test(writing_to_a_truncated_sequence_spares_the_fork_that_holds_the_page),
        cmocka_unit_test(pages_return_when_the_last_holder_leaves),
        cmocka_unit_test(exhaustion_is_told_before_anything_changes),
        cmocka_unit_test(a_full_context_is_a_usage_error_before_anything_changes),
        cmocka_unit_test(random_operations_keep_every_sequence_what_it_was),
        cmocka_unit_test(pages_behind_the_window_are_given_back_by_the_next_append),
        cmocka_unit_test(a_batch_adds_its_length_to_what_a_sequence_holds),
        cmocka_unit_test(forks_and_truncations_need_the_window_before_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
