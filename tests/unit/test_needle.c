/* test_needle.c - texts with needles: their lengths, the places of the needles, what they share,
 * and that everything follows from the options.
 */
#include "suites/needle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

enum { MOST = 64 };

struct taken {
    struct arena *arena;
    struct value maps[MOST];
    size_t n;
};

static bool take(void *context, const struct value *fields, struct err *err)
{
    struct taken *taken = context;
    (void)err;
    assert_true(taken->n < MOST);
    taken->maps[taken->n++] = *fields;
    return true;
}

static void make(struct taken *taken, const struct needle_options *options, const char *haystack)
{
    struct err err = {0};
    *taken = (struct taken){.arena = arena_new(0, NULL)};
    if (!needle_make(options, haystack, haystack ? strlen(haystack) : 0, taken->arena, take, taken,
                     &err))
        fail_msg("%s", err.message);
}

static const char *text_of(const struct taken *taken, size_t i, const char *key)
{
    return value_get(&taken->maps[i], key)->text;
}

static size_t count_words(const char *text)
{
    size_t n = 0;
    for (const char *at = text; *(at += strspn(at, " \n")); at += strcspn(at, " \n")) n++;
    return n;
}

static size_t place_of(const struct taken *taken, size_t i)
{
    const char *text = text_of(taken, i, "text"), *needle = strstr(text, "The secret number of ");
    char sentence[100];
    assert_non_null(needle);
    snprintf(sentence, sizeof sentence, "The secret number of %s is %s.",
             text_of(taken, i, "place"), text_of(taken, i, "number"));
    assert_memory_equal(needle, sentence, strlen(sentence));
    assert_null(strstr(needle + 1, "The secret number")); /* one, and no other */
    return (size_t)(needle - text);
}

static void needles_are_where_the_depth_says(void **state)
{
    (void)state;
    static const int64_t WORDS[] = {50, 400}, DEPTHS[] = {0, 50, 100};
    const struct needle_options options = {
        .words = WORDS, .n_words = 2, .depths = DEPTHS, .n_depths = 3, .count = 4};
    struct taken taken;
    make(&taken, &options, NULL);
    assert_int_equal(taken.n, 24);
    for (size_t i = 0; i < taken.n; i++) {
        const char *text = text_of(&taken, i, "text");
        size_t n = strlen(text), place = place_of(&taken, i);
        int64_t words = WORDS[i / 12];
        assert_int_equal(value_get(&taken.maps[i], "words")->number, words);
        assert_int_equal(value_get(&taken.maps[i], "depth")->number, DEPTHS[i % 3]);
        assert_true(count_words(text) >= (size_t)words); /* and a sentence and the needle at most */
        assert_true(count_words(text) < (size_t)words + 30);
        assert_true(text[n - 1] == '.');
        if (i % 3 == 0) assert_int_equal(place, 0);
        if (i % 3 == 1) assert_true(place > n / 4 && place < 3 * n / 4);
        if (i % 3 == 2) assert_true(n - place < 60);
        if (i % 3 == 2) /* one haystack for every depth: the same text up to the upper needle */
            assert_memory_equal(text, text_of(&taken, i - 1, "text"), place_of(&taken, i - 1));
    }
    assert_string_not_equal(text_of(&taken, 0, "text"), text_of(&taken, 3, "text"));
    arena_free(taken.arena);
}

static void what_is_made_follows_from_the_options(void **state)
{
    (void)state;
    static const int64_t SHORT[] = {30};
    struct needle_options options = {.words = SHORT, .n_words = 1, .seed = 7};
    struct taken first, second, third;
    make(&first, &options, NULL);
    make(&second, &options, NULL);
    options.seed = 8;
    make(&third, &options, NULL);
    assert_int_equal(first.n, 25); /* five texts, five depths */
    for (size_t i = 0; i < first.n; i++) {
        assert_string_equal(text_of(&first, i, "text"), text_of(&second, i, "text"));
        assert_string_not_equal(text_of(&first, i, "text"), text_of(&third, i, "text"));
    }
    arena_free(first.arena);
    arena_free(second.arena);
    arena_free(third.arena);
}

static void a_users_text_is_the_haystack(void **state)
{
    (void)state;
    static const int64_t WORDS[] = {9}, DEPTHS[] = {50};
    const struct needle_options options = {
        .words = WORDS, .n_words = 1, .depths = DEPTHS, .n_depths = 1, .count = 3};
    struct taken taken;
    struct err err = {0};
    make(&taken, &options, "One two three. Four five six!\nSeven 8.5 nine");
    assert_int_equal(taken.n, 3);
    for (size_t i = 0; i < taken.n; i++) {
        const char *text = text_of(&taken, i, "text");
        assert_true(place_of(&taken, i) > 0);
        assert_non_null(strstr(text, "One two three."));
        assert_non_null(strstr(text, "Four five six!"));
        assert_non_null(strstr(text, "Seven 8.5 nine")); /* 8.5 ends no sentence */
    }
    assert_false(needle_make(&options, " \n", 2, taken.arena, take, &taken, &err));
    assert_string_equal(err.message, "there are no words in this text");
    arena_free(taken.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(needles_are_where_the_depth_says),
        cmocka_unit_test(what_is_made_follows_from_the_options),
        cmocka_unit_test(a_users_text_is_the_haystack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
