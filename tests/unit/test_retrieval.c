/* test_retrieval.c - indexes that are built once, and readings that fit.
 *
 * The tokens are those of a synthetic model: a few hundred pieces, and bytes for all else.
 */
#include "harness/run/retrieval.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "engine/tools.h"
#include "tests/support/test_folder.h"

static const char *const PAGES[][2] = {
    {"evidence/owl.txt", "Owl\n\nAn owl eats seven mice every night, and sleeps all day.\n"},
    {"evidence/heron.txt", "Heron\n\nA heron eats frogs.\n"},
    {"evidence/marsh.txt", "Marsh\n\nThe marsh is home of the owl and the heron.\n"},
};

static int enter(void **state)
{
    if (test_enter_folder(state) || !file_make_folders("evidence", NULL)) return -1;
    for (size_t i = 0; i < 3; i++)
        if (!file_write(PAGES[i][0], PAGES[i][1], strlen(PAGES[i][1]), NULL)) return -1;
    return 0;
}

static struct tokenizer *open_tokenizer(void)
{
    struct model_file *file = model_file_open("synth:tiny:q8_0", NULL);
    struct tokenizer *tokenizer = model_file_tokenizer(file, NULL);
    model_file_close(file);
    assert_non_null(tokenizer);
    return tokenizer;
}

static struct retrieval *open_retrieval(const struct retrieval_options *options)
{
    struct err err = {0};
    struct retrieval *retrieval = retrieval_open(options, "out/cache", NULL, &err);
    if (!retrieval) fail_msg("%s", err.message);
    return retrieval;
}

static size_t count_tokens(const struct tokenizer *tokenizer, const char *text)
{
    struct tokens tokens = {0};
    const struct encode_options options = {.bos = BOS_NEVER};
    assert_true(tokenizer_encode(tokenizer, text, strlen(text), &options, &tokens, NULL));
    size_t n = tokens.n;
    tokens_free(&tokens);
    return n;
}

static void passages_are_read_best_first_with_their_titles(void **unused)
{
    (void)unused;
    const struct retrieval_options options = {
        .build_from = "evidence", .top_k = 2, .max_tokens = 512};
    struct retrieval *retrieval = open_retrieval(&options);
    struct tokenizer *tokenizer = open_tokenizer();
    struct arena *arena = arena_new(0, NULL);
    struct reader_of_model reader = {retrieval, tokenizer};
    const char *text;
    assert_true(retrieval_read(&reader, "What does the owl eat?", arena, &text, NULL));
    assert_string_equal(text, "Owl\nAn owl eats seven mice every night, and sleeps all day.\n\n"
                              "Heron\nA heron eats frogs.");
    const char *again;
    assert_true(retrieval_read(&reader, "What does the owl eat?", arena, &again, NULL));
    assert_string_equal(again, text); /* without a search */
    assert_true(retrieval_read(&reader, "zebras?", arena, &text, NULL));
    assert_string_equal(text, "");
    retrieval_close(retrieval);
    tokenizer_free(tokenizer);
    arena_free(arena);
}

/* Whatever the limit, what is read is a beginning of whole words, and one word more is too much. */
static void what_is_read_is_as_many_whole_words_as_fit(void **unused)
{
    (void)unused;
    struct retrieval_options options = {.build_from = "evidence", .top_k = 2, .max_tokens = 512};
    struct tokenizer *tokenizer = open_tokenizer();
    struct arena *arena = arena_new(0, NULL);
    struct retrieval *retrieval = open_retrieval(&options);
    struct reader_of_model reader = {retrieval, tokenizer};
    const char *whole, *text;
    assert_true(retrieval_read(&reader, "owl eats", arena, &whole, NULL));
    size_t n_whole = count_tokens(tokenizer, whole);
    for (options.max_tokens = 1; options.max_tokens <= n_whole; options.max_tokens++) {
        assert_true(retrieval_read(&reader, "owl eats", arena, &text, NULL));
        size_t n = strlen(text), next = n;
        assert_memory_equal(text, whole, n);
        assert_true(!n || count_tokens(tokenizer, text) <= options.max_tokens);
        assert_true(n == strlen(whole) || !n || whole[n] == ' ' || whole[n] == '\n');
        if (n == strlen(whole)) continue;
        next += strspn(whole + next, " \n");
        next += strcspn(whole + next, " \n");
        char *longer = arena_copy(arena, whole, next, NULL);
        assert_true(count_tokens(tokenizer, longer) > options.max_tokens);
    }
    assert_string_equal(text, whole);
    retrieval_close(retrieval);
    tokenizer_free(tokenizer);
    arena_free(arena);
}

static size_t count_cached(void)
{
    char **names;
    size_t n;
    assert_true(file_list("out/cache", &names, &n, NULL));
    file_free_names(names, n);
    return n;
}

static void an_index_is_built_once_for_the_same_texts(void **unused)
{
    (void)unused;
    char log_text[4096] = "";
    const struct console console = {.log = {fmemopen(log_text, sizeof log_text, "w"), LOG_INFO},
                                    .columns = 80};
    const struct retrieval_options options = {
        .build_from = "evidence", .top_k = 1, .max_tokens = 9};
    struct retrieval *retrieval = open_retrieval(&options);
    retrieval_close(retrieval);
    size_t n_before = count_cached();
    retrieval = retrieval_open(&options, "out/cache", &console, NULL);
    assert_non_null(retrieval);
    retrieval_close(retrieval);
    fflush(console.log.out);
    assert_string_equal(log_text, "");
    assert_int_equal(count_cached(), n_before);

    assert_true(file_write("evidence/new.txt", "New.", 4, NULL));
    retrieval = retrieval_open(&options, "out/cache", &console, NULL);
    retrieval_close(retrieval);
    fclose(console.log.out);
    assert_non_null(strstr(log_text, "the index of the passages of evidence"));
    assert_non_null(strstr(log_text, ": 4 passages"));
    assert_int_equal(count_cached(), n_before + 1);
    remove("evidence/new.txt");
}

static void a_named_index_is_built_where_it_is_named_and_used_without_its_texts(void **unused)
{
    (void)unused;
    struct err err = {0};
    struct retrieval_options options = {
        .index = "named.db", .build_from = "evidence", .top_k = 1, .max_tokens = 99};
    retrieval_close(open_retrieval(&options));
    options.build_from = NULL;
    struct retrieval *retrieval = open_retrieval(&options);
    struct buf text = {0};
    struct json_writer json = {.out = &text};
    json_begin_object(&json);
    retrieval_describe(retrieval, &json);
    json_end_object(&json);
    assert_non_null(strstr(buf_string(&text), "\"top_k\":1,\"max_tokens\":99}"));
    buf_free(&text);
    retrieval_close(retrieval);
    options.index = "nowhere.db";
    assert_null(retrieval_open(&options, "out/cache", NULL, &err));
    assert_string_equal(err.file, "nowhere.db");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passages_are_read_best_first_with_their_titles),
        cmocka_unit_test(what_is_read_is_as_many_whole_words_as_fit),
        cmocka_unit_test(an_index_is_built_once_for_the_same_texts),
        cmocka_unit_test(a_named_index_is_built_where_it_is_named_and_used_without_its_texts),
    };
    return cmocka_run_group_tests(tests, enter, test_leave_folder);
}
