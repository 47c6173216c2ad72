/* test_prompt_change.c - in words, what two prompts have not in common.
 *
 * Pieces are quoted whole, cut between characters.
 */
#include "results/prompt_change.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_change(const char *base, const char *candidate, const char *expected)
{
    struct buf text = {0};
    prompt_change(base, candidate, &text);
    assert_string_equal(buf_string(&text), expected);
    buf_free(&text);
}

static void what_is_missing_or_more_is_quoted(void **unused)
{
    (void)unused;
    assert_change("Q: a\nA:", "Q: a", "the candidate lacks \"\\nA:\"");
    assert_change("x", "<s>x", "the candidate has more: \"<s>\"");
    assert_change("one two", "one too", "where the base has \"w\" the candidate has \"o\"");
}

static void the_same_lines_in_another_order_are_recognized(void **unused)
{
    (void)unused;
    assert_change("ask\none\ntwo\n", "ask\ntwo\none\n",
                  "the same lines in another order: where the base has \"one\\ntwo\" the candidate "
                  "has \"two\\none\"");
}

/* Nothing is cut within a character: e with an acute and a grave share their first byte. */
static void pieces_are_whole_characters(void **unused)
{
    (void)unused;
    assert_change("caf\xc3\xa9", "caf\xc3\xa8",
                  "where the base has \"\xc3\xa9\" the candidate has \"\xc3\xa8\"");
    assert_change("",
                  "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
                  "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
                  "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
                  "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac",
                  "the candidate has more: \""
                  "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
                  "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
                  "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
                  "\xe2\x82\xac\xe2\x82\xac...\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_missing_or_more_is_quoted),
        cmocka_unit_test(the_same_lines_in_another_order_are_recognized),
        cmocka_unit_test(pieces_are_whole_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
