/* test_arena.c - memory that dies together.
 *
 * Run under the address sanitizer these tests also show that nothing leaks or overlaps.
 */
#include "base/arena.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

static void arena_gives_zeroed_aligned_memory_that_does_not_overlap(void **state)
{
    (void)state;
    struct err err = {0};
    struct arena *arena = arena_new(0, &err);
    assert_non_null(arena);
    enum { N = 2000 };
    unsigned char *pieces[N];
    for (size_t i = 0; i < N; i++) {
        size_t size = 1 + i % 97;
        pieces[i] = arena_alloc(arena, size, 1, &err);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        for (size_t j = 0; j < size; j++) assert_int_equal(pieces[i][j], 0);
        memset(pieces[i], (int)(i % 251) + 1, size);
    }
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < 1 + i % 97; j++) assert_int_equal(pieces[i][j], i % 251 + 1);
    arena_free(arena);
}

static void arena_gives_pieces_larger_than_a_chunk(void **state)
{
    (void)state;
    struct err err = {0};
    struct arena *arena = arena_new(0, &err);
    unsigned char *small = arena_alloc(arena, 1, 1, &err);
    unsigned char *large = arena_alloc(arena, 3, 1 << 20, &err);
    assert_non_null(large);
    memset(large, 1, 3 << 20);
    assert_int_equal(small[0], 0);
    arena_free(arena);
}

static void arena_refuses_products_that_overflow(void **state)
{
    (void)state;
    struct err err = {0};
    struct arena *arena = arena_new(0, &err);
    assert_null(arena_alloc(arena, SIZE_MAX / 2, 3, &err));
    assert_int_equal(err.code, ERR_MEMORY);
    assert_null(arena_alloc(arena, SIZE_MAX, 1, NULL));
    assert_null(arena_copy(arena, "x", SIZE_MAX, &err));
    arena_free(arena);
}

static void arena_refuses_to_grow_past_its_maximum_and_goes_on(void **state)
{
    (void)state;
    struct err err = {0};
    struct arena *arena = arena_new(1000, &err);
    assert_non_null(arena_alloc(arena, 900, 1, &err));
    assert_null(arena_alloc(arena, 200, 1, &err));
    assert_int_equal(err.code, ERR_MEMORY);
    assert_non_null(strstr(err.message, "1000"));
    assert_non_null(arena_alloc(arena, 60, 1, &err));
    arena_free(arena);
}

static void arena_copies_are_zero_ended_and_may_hold_zeros(void **state)
{
    (void)state;
    struct err err = {0};
    struct arena *arena = arena_new(0, &err);
    const char *copy = arena_copy(arena, "a\0b", 3, &err);
    assert_memory_equal(copy, "a\0b", 4);
    assert_string_equal(arena_copy(arena, NULL, 0, &err), "");
    assert_string_equal(arena_string(arena, "text", &err), "text");
    assert_string_equal(arena_printf(arena, &err, "%d-%s", 5, "x"), "5-x");
    arena_free(arena);
    arena_free(NULL);
}

static void arena_copies_arrays_whatever_their_length(void **state)
{
    (void)state;
    struct arena *arena = arena_new(0, NULL);
    static const int numbers[] = {3, 1, 2};
    const int *copy = arena_copy_array(arena, numbers, 3, sizeof *numbers, NULL);
    assert_memory_equal(copy, numbers, sizeof numbers);
    assert_ptr_not_equal(copy, numbers);
    assert_non_null(arena_copy_array(arena, NULL, 0, sizeof *numbers, NULL));
    assert_null(arena_copy_array(arena, numbers, SIZE_MAX, sizeof *numbers, NULL));
    arena_free(arena);
}

static void arena_grow_keeps_what_is_there(void **state)
{
    (void)state;
    struct err err = {0};
    struct arena *arena = arena_new(3 * 1000 * sizeof(int), NULL);
    int *numbers = NULL;
    size_t capacity = 0;
    for (size_t n = 0; n < 1000; n++) {
        assert_true(arena_grow(arena, (void **)&numbers, &capacity, n + 1, sizeof *numbers, &err));
        assert_true(capacity > n);
        numbers[n] = (int)n;
    }
    for (size_t n = 0; n < 1000; n++) assert_int_equal(numbers[n], n);
    assert_false(arena_grow(arena, (void **)&numbers, &capacity, 1 << 16, sizeof *numbers, &err));
    assert_int_equal(err.code, ERR_MEMORY);
    assert_false(arena_grow(arena, (void **)&numbers, &capacity, SIZE_MAX, sizeof *numbers, &err));
    assert_int_equal(numbers[999], 999);
    arena_free(arena);
}

static void arena_take_empties_the_buffer(void **state)
{
    (void)state;
    struct err err = {0};
    struct arena *arena = arena_new(0, NULL);
    struct buf text = {0}, full = {.maximum = 4};
    assert_string_equal(arena_take(arena, &text, &err), "");
    buf_append(&text, "a\0b", 3);
    assert_memory_equal(arena_take(arena, &text, &err), "a\0b", 4);
    assert_null(text.data);
    buf_text(&full, "abc");
    buf_text(&full, "defg");
    assert_null(arena_take(arena, &full, &err));
    assert_int_equal(err.code, ERR_MEMORY);
    assert_null(full.data);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_gives_zeroed_aligned_memory_that_does_not_overlap),
        cmocka_unit_test(arena_gives_pieces_larger_than_a_chunk),
        cmocka_unit_test(arena_refuses_products_that_overflow),
        cmocka_unit_test(arena_refuses_to_grow_past_its_maximum_and_goes_on),
        cmocka_unit_test(arena_copies_are_zero_ended_and_may_hold_zeros),
        cmocka_unit_test(arena_copies_arrays_whatever_their_length),
        cmocka_unit_test(arena_grow_keeps_what_is_there),
        cmocka_unit_test(arena_take_empties_the_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
