/* test_labels.c - names of runs: what may be one, and which run a text means.
 *
 * Two writers at once are tried from outside, in tests/cli/gate.sh.
 */
#include "results/labels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/store_fixture.h"

static int64_t run_of(const char *text)
{
    struct err err = {0};
    int64_t run = 0;
    return labels_resolve(test_store, text, &run, &err) ? run : -(int64_t)err.code;
}

static void a_text_names_a_number_a_label_a_revision_or_the_newest_run(void **unused)
{
    (void)unused;
    struct err err = {0};
    struct run_record record = test_some_run();
    int64_t before, first, second;
    record.build.git_revision = "0123456789abcdef";
    test_assert_done(store_begin_run(test_store, &record, &first, &err), &err);
    test_assert_done(store_begin_run(test_store, &record, &second, &err), &err);
    test_assert_done(label_put(test_store, "main", first, &before, &err), &err);
    assert_int_equal(before, 0);
    assert_int_equal(run_of(NULL), second);
    assert_int_equal(run_of("last"), second);
    assert_int_equal(run_of("1"), first);
    assert_int_equal(run_of("main"), first);
    assert_int_equal(run_of("0123456"), second);
    assert_int_equal(run_of("012345"), -ERR_USAGE); /* too short for a revision */
    assert_int_equal(run_of("3"), -ERR_USAGE);
    assert_int_equal(run_of("99999999999999999999"), -ERR_USAGE);
    assert_int_equal(run_of("other"), -ERR_USAGE);
    assert_int_equal(run_of(""), -ERR_USAGE);
}

static void a_name_moves_from_run_to_run_and_can_be_taken_away(void **unused)
{
    (void)unused;
    struct err err = {0};
    int64_t first = test_new_run(), second = test_new_run(), before;
    test_assert_done(label_put(test_store, "release/1.0", first, &before, &err), &err);
    test_assert_done(label_put(test_store, "release/1.0", second, &before, &err), &err);
    assert_int_equal(before, first);
    assert_int_equal(run_of("release/1.0"), second);
    test_assert_done(label_drop(test_store, "release/1.0", &err), &err);
    assert_false(label_drop(test_store, "release/1.0", &err));
    assert_int_equal(err.code, ERR_USAGE);
}

static void what_means_something_else_is_no_name(void **unused)
{
    (void)unused;
    char longest[66];
    memset(longest, 'z', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    const char *const bad[] = {"last", "1", "abcdef0", "a b", "", "-x", "a\n", longest};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err err = {0};
        if (label_check(bad[i], &err)) fail_msg("\"%s\" passes", bad[i]);
        assert_int_equal(err.code, ERR_USAGE);
    }
    assert_true(label_check("main", NULL));
    assert_true(label_check("v1.2-rc_3/x", NULL));
}

static void a_run_that_is_not_there_gets_no_name(void **unused)
{
    (void)unused;
    struct err err = {0};
    int64_t before;
    assert_false(label_put(test_store, "main", 7, &before, &err));
    test_assert_rows("SELECT count(*) FROM label", "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_TEST_STORE(a_text_names_a_number_a_label_a_revision_or_the_newest_run),
        IN_TEST_STORE(a_name_moves_from_run_to_run_and_can_be_taken_away),
        IN_TEST_STORE(what_means_something_else_is_no_name),
        IN_TEST_STORE(a_run_that_is_not_there_gets_no_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
