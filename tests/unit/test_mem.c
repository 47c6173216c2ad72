/* test_mem.c - sizes that came from input cannot overflow.
 *
 * Memory from here is zeroed or aligned as promised, and limits are errors.
 */
#include "base/mem.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static void mem_multiply_and_mem_add_see_overflow(void **state)
{
    (void)state;
    size_t out;
    assert_true(mem_multiply(1u << 20, 1u << 20, &out));
    assert_true(out == (size_t)1 << 40);
    assert_true(mem_multiply(0, SIZE_MAX, &out));
    assert_int_equal(out, 0);
    assert_false(mem_multiply((size_t)1 << 32, (size_t)1 << 32, &out));
    assert_false(mem_multiply(SIZE_MAX, 2, &out));
    assert_true(mem_add(SIZE_MAX - 1, 1, &out));
    assert_true(out == SIZE_MAX);
    assert_false(mem_add(SIZE_MAX, 1, &out));
}

static void mem_new_is_zeroed_and_refuses_what_cannot_be(void **state)
{
    (void)state;
    struct err err = {0};
    int *numbers = mem_new(100, sizeof *numbers, &err);
    for (int i = 0; i < 100; i++) assert_int_equal(numbers[i], 0);
    free(numbers);
    void *nothing = mem_new(0, 8, &err);
    assert_non_null(nothing);
    free(nothing);
    assert_null(mem_new(SIZE_MAX / 4, 8, &err));
    assert_int_equal(err.code, ERR_MEMORY);
}

static void mem_new_aligned_aligns_to_cache_lines_and_huge_pages(void **state)
{
    (void)state;
    struct err err = {0};
    const struct {
        size_t n_bytes, alignment;
    } cases[] = {{0, 64}, {1, 64}, {1000, 64}, {2 << 20, 2 << 20}, {(5 << 20) + 1, 2 << 20}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *memory = mem_new_aligned(cases[i].n_bytes, &err);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % cases[i].alignment, 0);
        memset(memory, 1, cases[i].n_bytes);
        free(memory);
    }
    assert_null(mem_new_aligned(SIZE_MAX - 5, &err));
    assert_int_equal(err.code, ERR_MEMORY);
}

static void mem_grow_doubles_keeps_content_and_stops_at_the_maximum(void **state)
{
    (void)state;
    struct err err = {0};
    int *items = NULL;
    size_t capacity = 0, n_changes = 0;
    for (size_t i = 0; i < 1000; i++) {
        size_t before = capacity;
        assert_true(mem_grow((void **)&items, &capacity, i + 1, sizeof *items, 1000, &err));
        n_changes += capacity != before;
        items[i] = (int)i;
    }
    assert_true(capacity >= 1000 && n_changes <= 8);
    for (int i = 0; i < 1000; i++) assert_int_equal(items[i], i);
    assert_false(mem_grow((void **)&items, &capacity, 1025, sizeof *items, 1000, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_int_equal(items[999], 999);
    free(items);
}

static void mem_grow_keeps_to_a_maximum_below_its_first_step(void **state)
{
    (void)state;
    struct err err = {0};
    char *items = NULL;
    size_t capacity = 0;
    assert_true(mem_grow((void **)&items, &capacity, 2, 1, 5, &err));
    assert_int_equal(capacity, 5);
    assert_true(mem_grow((void **)&items, &capacity, 5, 1, 5, &err));
    assert_false(mem_grow((void **)&items, &capacity, 6, 1, 5, &err));
    free(items);
}

static void mem_grow_refuses_sizes_that_overflow(void **state)
{
    (void)state;
    struct err err = {0};
    void *items = NULL;
    size_t capacity = 0;
    assert_false(mem_grow(&items, &capacity, SIZE_MAX / 2, 16, SIZE_MAX, &err));
    assert_int_equal(err.code, ERR_MEMORY);
    assert_null(items);
    assert_int_equal(capacity, 0);
}

static void mem_copy_string_copies(void **state)
{
    (void)state;
    char text[] = "text";
    char *copy = mem_copy_string(text, NULL);
    text[0] = 'x';
    assert_string_equal(copy, "text");
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mem_multiply_and_mem_add_see_overflow),
        cmocka_unit_test(mem_new_is_zeroed_and_refuses_what_cannot_be),
        cmocka_unit_test(mem_new_aligned_aligns_to_cache_lines_and_huge_pages),
        cmocka_unit_test(mem_grow_doubles_keeps_content_and_stops_at_the_maximum),
        cmocka_unit_test(mem_grow_keeps_to_a_maximum_below_its_first_step),
        cmocka_unit_test(mem_grow_refuses_sizes_that_overflow),
        cmocka_unit_test(mem_copy_string_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
