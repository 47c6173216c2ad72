/* test_store_prompts.c - prompts as they are stored: each once, with what they begin with once, and
 * read back as they were, whatever characters they hold and whatever was taken back meanwhile.
 */
#include "base/buf.h"
#include "base/sha256.h"
#include "results/store_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/store_fixture.h"

static int64_t put(const char *text)
{
    struct err err = {0};
    int64_t id = 0;
    test_assert_done(store_put_prompt(test_store, text, &id, &err), &err);
    return id;
}

static void begin(void)
{
    struct err err = {0};
    test_assert_done(store_begin(test_store, &err), &err);
}

static void commit(void)
{
    struct err err = {0};
    test_assert_done(store_commit(test_store, &err), &err);
}

/* The text of the view is what was put, and the hash is its own. */
static void assert_text(int64_t id, const char *text)
{
    struct err err = {0};
    char hash[SHA256_HEX_BYTES];
    struct query *query =
        query_open(test_store, "SELECT text, hash FROM v_prompts WHERE prompt = ?1", &err);
    query_bind_integer(query, 1, id);
    assert_int_equal(query_next(query, &err), 1);
    assert_string_equal(query_text(query, 0), text);
    assert_true(sha256_text(text, hash, NULL));
    assert_string_equal(query_text(query, 1), hash);
    query_close(query);
}

static void a_prompt_is_kept_once_and_its_beginning_with_another(void **state)
{
    (void)state;
    begin();
    int64_t base = put("Two and two? Four.\nThree and three?");
    int64_t same = put("Two and two? Four.\nThree and three?");
    int64_t close = put("Two and two? Four.\nThree and four?");
    int64_t far = put("Two? No.");
    int64_t by_far = put("Two? No. And yes.");
    commit();
    assert_int_equal(base, same);
    assert_text(base, "Two and two? Four.\nThree and three?");
    assert_text(close, "Two and two? Four.\nThree and four?");
    assert_text(far, "Two? No.");
    assert_text(by_far, "Two? No. And yes.");
    test_assert_rows("SELECT id, base, n_shared_characters, rest FROM prompt",
                     "1|NULL|0|Two and two? Four.\nThree and three?\n2|1|29|four?\n"
                     "3|NULL|0|Two? No.\n4|3|8| And yes.");
}

static void half_of_the_base_is_enough_and_less_is_not(void **state)
{
    (void)state;
    begin();
    put("abcdefgh");
    put("abcdXXXXXXXXXXXXXXXX");
    put("abcYYYY");
    commit();
    test_assert_rows("SELECT id, base, n_shared_characters, rest FROM prompt",
                     "1|NULL|0|abcdefgh\n2|1|4|XXXXXXXXXXXXXXXX\n3|NULL|0|abcYYYY");
}

/* The letters differ in their last byte alone; a byte that begins no character counts as one. */
static void what_is_shared_ends_with_a_character(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "äöü \xf0\x9f\x98\x80 \xe2\x82\xac",
        "äöü \xf0\x9f\x98\x81 \xe2\x82\xac",
        "äöü \xf0\x9f\x98\x80 \xe2\x82\xad",
        "äöü",
        "äöÖ",
        "\xff\x80\x80zz\x80q",
        "\xff\x80\x80zz\x81q",
        "\xff\x80\x80zz\x80",
        "",
    };
    enum { N = sizeof TEXTS / sizeof *TEXTS };
    int64_t ids[N];
    begin();
    for (size_t i = 0; i < N; i++) ids[i] = put(TEXTS[i]);
    commit();
    for (size_t i = 0; i < N; i++) assert_text(ids[i], TEXTS[i]);
    test_assert_rows("SELECT id, base, n_shared_characters FROM prompt WHERE id < 4",
                     "1|NULL|0\n2|1|4\n3|1|6");
}

/* Subjects in turn: each has its base, up to the number that is remembered. */
static void several_bases_are_remembered(void **state)
{
    (void)state;
    enum { N_SUBJECTS = 60, N_EACH = 4 };
    char text[200];
    begin();
    for (int i = 0; i < N_SUBJECTS * N_EACH; i++) {
        snprintf(text, sizeof text, "Questions about %d and how to answer them. Question %d",
                 1000 + i % N_SUBJECTS, i);
        put(text);
    }
    commit();
    test_assert_rows("SELECT count(*) - count(base), count(base) FROM prompt", "60|180");
}

static void many_bases_are_forgotten_in_turn(void **state)
{
    (void)state;
    enum { N = 300 };
    struct buf text = {0};
    begin();
    for (int i = 0; i < N; i++) {
        buf_clear(&text);
        buf_printf(&text, "%d", 1000 + i);
        for (int k = 0; k < 20000; k++) buf_text(&text, "long ");
        put(buf_string(&text));
    }
    buf_text(&text, "and more");
    put(buf_string(&text)); /* of the last one */
    commit();
    buf_free(&text);
    test_assert_rows("SELECT count(*) - count(base), max(n_shared_characters) FROM prompt",
                     "300|100004");
}

static void what_is_taken_back_is_no_base(void **state)
{
    (void)state;
    begin();
    put("This is going to be taken back.");
    store_rollback(test_store);
    begin();
    int64_t id = put("This is going to stay here.");
    commit();
    assert_text(id, "This is going to stay here.");
    test_assert_rows("SELECT id, base FROM prompt", "1|NULL");
}

static void copies_of_answers_keep_prompt_and_tokens(void **state)
{
    (void)state;
    struct err err = {0};
    static const char *const KEYS[] = {"a:1", "a:2", "a:3"};
    const struct answer_record answers[] = {
        {.key = "a:1", .response_json = "{}", .prompt = "Who?", .tokens_hash = "hash 1"},
        {.key = "a:2", .response_json = "{}", .tokens_hash = "hash 2"},
        {.key = "a:3", .response_json = "{}"}};
    int64_t from = test_new_job(test_new_run(), "q8_0", "same", "data", "acc");
    int64_t to = test_new_job(test_new_run(), "q8_0", "same", "data", "acc");
    size_t n = 0;
    begin();
    for (size_t i = 0; i < 3; i++)
        test_assert_done(store_put_answer(test_store, from, &answers[i], &err), &err);
    commit();
    test_assert_done(store_reuse_answers(test_store, to, KEYS, NULL, 3, &n, &err), &err);
    assert_int_equal(n, 3);
    test_assert_rows(
        "SELECT job, text, tokens_hash FROM response LEFT JOIN v_prompts USING (prompt)"
        " ORDER BY response.id",
        "1|Who?|hash 1\n1|NULL|hash 2\n1|NULL|NULL\n"
        "2|Who?|hash 1\n2|NULL|hash 2\n2|NULL|NULL");
}

/* A server's answer that nobody could read is replaced, with what was asked then. */
static void another_attempt_brings_its_prompt(void **state)
{
    (void)state;
    struct err err = {0};
    struct answer_record answer = {
        .key = "a:1", .response_json = "{\"failure\":\"unreadable\"}", .prompt = "with examples"};
    int64_t job = test_new_job(test_new_run(), "api", "same", "data", "acc");
    begin();
    test_assert_done(store_put_answer(test_store, job, &answer, &err), &err);
    answer.response_json = "{}";
    answer.prompt = "without";
    test_assert_done(store_put_answer(test_store, job, &answer, &err), &err);
    commit();
    test_assert_rows("SELECT text FROM response JOIN v_prompts USING (prompt)", "without");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_TEST_STORE(a_prompt_is_kept_once_and_its_beginning_with_another),
        IN_TEST_STORE(half_of_the_base_is_enough_and_less_is_not),
        IN_TEST_STORE(what_is_shared_ends_with_a_character),
        IN_TEST_STORE(several_bases_are_remembered),
        IN_TEST_STORE(many_bases_are_forgotten_in_turn),
        IN_TEST_STORE(what_is_taken_back_is_no_base),
        IN_TEST_STORE(copies_of_answers_keep_prompt_and_tokens),
        IN_TEST_STORE(another_attempt_brings_its_prompt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
