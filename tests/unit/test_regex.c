/* test_regex.c - regular expressions from many threads, with limits.
 *
 * Spans are byte offsets; what took no part in a match has SIZE_MAX.
 */
#include "base/regex.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static struct regex *compile(const char *pattern)
{
    struct err err = {0};
    struct regex *regex = regex_new(pattern, &err);
    if (!regex) fail_msg("%s", err.message);
    return regex;
}

static void regex_find_gives_the_spans_of_groups(void **state)
{
    (void)state;
    struct regex *regex = compile("(a)|(b+)");
    struct regex_span groups[4];
    assert_int_equal(regex_find(regex, "xxbba", 5, 0, groups, 4, NULL), 1);
    assert_int_equal(groups[0].begin, 2);
    assert_int_equal(groups[0].end, 4);
    assert_true(groups[1].begin == SIZE_MAX && groups[1].end == SIZE_MAX);
    assert_int_equal(groups[2].begin, 2);
    assert_int_equal(groups[2].end, 4);
    assert_true(groups[3].begin == SIZE_MAX && groups[3].end == SIZE_MAX);
    assert_int_equal(regex_find(regex, "xxbba", 5, 4, groups, 1, NULL), 1);
    assert_int_equal(groups[0].begin, 4);
    assert_int_equal(regex_find(regex, "xxbba", 5, 5, groups, 1, NULL), 0);
    assert_int_equal(regex_find(regex, "xxbba", 2, 0, NULL, 0, NULL), 0);
    assert_int_equal(regex_find(regex, NULL, 0, 0, NULL, 0, NULL), 0);
    regex_free(regex);
    regex_free(NULL);
}

static void regex_looks_behind_the_starting_place(void **state)
{
    (void)state;
    struct regex *regex = compile("(?<=a)b|^b");
    struct regex_span span;
    assert_int_equal(regex_find(regex, "ab", 2, 1, &span, 1, NULL), 1);
    assert_int_equal(regex_find(regex, "cb", 2, 1, &span, 1, NULL), 0);
    regex_free(regex);
}

static void regex_knows_unicode(void **state)
{
    (void)state;
    struct regex *regex = compile("\\p{L}+|\\p{N}");
    const char *text = "--\xc3\xa9t\xc3\xa9\xd9\xa3"; /* two dashes, e acute, t, e acute, digit */
    struct regex_span span;
    assert_int_equal(regex_find(regex, text, strlen(text), 0, &span, 1, NULL), 1);
    assert_int_equal(span.begin, 2);
    assert_int_equal(span.end, 7);
    assert_int_equal(regex_find_valid(regex, text, strlen(text), 7, &span, 1, NULL), 1);
    assert_int_equal(span.end, 9);
    regex_free(regex);
}

static void regex_matches_texts_with_zeros(void **state)
{
    (void)state;
    struct regex *regex = compile("b$");
    struct regex_span span;
    assert_int_equal(regex_find(regex, "a\0b", 3, 0, &span, 1, NULL), 1);
    assert_int_equal(span.begin, 2);
    regex_free(regex);
}

static void regex_new_says_what_is_wrong_with_a_pattern(void **state)
{
    (void)state;
    struct err err = {0};
    assert_null(regex_new("a(b", &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_non_null(strstr(err.message, "parenthesis"));
    assert_non_null(strstr(err.message, "a(b"));
    assert_null(regex_new("\xff", &err));
    assert_int_equal(err.code, ERR_INPUT);
}

static void regex_find_refuses_malformed_text_and_places(void **state)
{
    (void)state;
    struct regex *regex = compile("a");
    struct err err = {0};
    assert_int_equal(regex_find(regex,
                                "\xff"
                                "a",
                                2, 0, NULL, 0, &err),
                     -1);
    assert_int_equal(err.code, ERR_INPUT);
    err_clear(&err);
    assert_int_equal(regex_find(regex,
                                "\xc3\xa9"
                                "a",
                                3, 1, NULL, 0, &err),
                     -1);
    assert_int_equal(err.code, ERR_INPUT);
    err_clear(&err);
    assert_int_equal(regex_find_valid(regex,
                                      "\xc3\xa9"
                                      "a",
                                      3, 1, NULL, 0, &err),
                     -1);
    assert_int_equal(err.code, ERR_INPUT);
    err_clear(&err);
    assert_int_equal(regex_find(regex, "a", 1, 2, NULL, 0, &err), -1);
    assert_int_equal(err.code, ERR_INPUT);
    regex_free(regex);
}

static void regex_find_ends_runaway_matches_with_an_error(void **state)
{
    (void)state;
    struct regex *regex = compile("^(?:a+)+$");
    char text[64];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 'b';
    struct err err = {0};
    assert_int_equal(regex_find(regex, text, sizeof text, 0, NULL, 0, &err), -1);
    assert_int_equal(err.code, ERR_INPUT);
    regex_free(regex);
}

/* Matching that needs more than the compiled code's small stack. */
static void regex_find_handles_long_backtracking(void **state)
{
    (void)state;
    struct regex *regex = compile("^(?:(a|b)(?=.))*c");
    enum { N = 100000 };
    char *text = malloc(N);
    assert_non_null(text);
    memset(text, 'a', N);
    text[N - 1] = 'c';
    struct regex_span span;
    struct err err = {0};
    assert_int_equal(regex_find(regex, text, N, 0, &span, 1, &err), 1);
    assert_int_equal(span.end, N);
    free(text);
    regex_free(regex);
}

static void *find_often(void *argument)
{
    const struct regex *regex = argument;
    uintptr_t n_wrong = 0;
    for (int i = 0; i < 2000; i++) {
        char text[64];
        int n = snprintf(text, sizeof text, "%*s%d!", i % 30, "", i);
        struct regex_span span;
        n_wrong += regex_find(regex, text, (size_t)n, 0, &span, 1, NULL) != 1 ||
                   span.begin != (size_t)(i % 30) || span.end != (size_t)n - 1;
    }
    return (void *)n_wrong;
}

static void regex_is_shared_by_threads(void **state)
{
    (void)state;
    struct regex *regex = compile("[0-9]+");
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, find_often, regex), 0);
    for (int i = 0; i < 4; i++) {
        void *n_wrong;
        pthread_join(threads[i], &n_wrong);
        assert_null(n_wrong);
    }
    regex_free(regex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regex_find_gives_the_spans_of_groups),
        cmocka_unit_test(regex_looks_behind_the_starting_place),
        cmocka_unit_test(regex_knows_unicode),
        cmocka_unit_test(regex_matches_texts_with_zeros),
        cmocka_unit_test(regex_new_says_what_is_wrong_with_a_pattern),
        cmocka_unit_test(regex_find_refuses_malformed_text_and_places),
        cmocka_unit_test(regex_find_ends_runaway_matches_with_an_error),
        cmocka_unit_test(regex_find_handles_long_backtracking),
        cmocka_unit_test(regex_is_shared_by_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
