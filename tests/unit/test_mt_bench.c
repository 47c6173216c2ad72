/* test_mt_bench.c - the suite mt_bench: items of two turns, requests that wait for an answer, and
 * points by the rule; what is wrong with the files.
 */
#include "suites/mt_bench.h"

#include "base/file.h"
#include "tests/support/test_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define QUESTION(id, category, turns)                                                              \
    "{\"question_id\": " id ", \"category\": \"" category "\", \"turns\": " turns "}\n"
#define ANSWER(id, turns)                                                                          \
    "{\"question_id\": " id ", \"answer_id\": \"a\", \"model_id\": \"r\", \"choices\": "           \
    "[{\"index\": 0, \"turns\": " turns "}], \"tstamp\": 0.0}\n"

static int enter_folder(void **state)
{
    if (test_enter_folder(state) != 0 || !file_make_folders("reference_answer", NULL)) return -1;
    test_write_text("question.jsonl", QUESTION("7", "math", "[\"One?\", \"Two?\"]")
                                          QUESTION("8", "math", "[\"Three?\"]")
                                              QUESTION("9", "stem", "[\"Four?\", \"Five?\"]"));
    test_write_text("reference_answer/b.jsonl", "");
    test_write_text("reference_answer/gpt-4.jsonl",
                    ANSWER("7", "[\"it is one\", \"it is two\"]") ANSWER("8", "[\"three\"]")
                        ANSWER("9", "[\"four\", \"five\"]"));
    return 0;
}

static struct dataset *load(size_t limit, const char *category)
{
    struct err err = {0};
    const struct suite_options options = {.data = ".",
                                          .shots = -1,
                                          .limit = limit,
                                          .subsets = &category,
                                          .n_subsets = category != NULL};
    struct dataset *dataset = SUITE_MT_BENCH.load(&SUITE_MT_BENCH, &options, &err);
    if (!dataset) fail_msg("%s", err.message);
    return dataset;
}

static void assert_keys(struct dataset *dataset, const char *const *keys, size_t n)
{
    assert_int_equal(dataset->n_items, n);
    for (size_t i = 0; i < n; i++) assert_string_equal(dataset->items[i].key, keys[i]);
    dataset_free(dataset);
}

static void every_turn_is_an_item_first_turns_first(void **state)
{
    static const char *const all[] = {"7/1", "8/1", "9/1", "7/2", "9/2"};
    static const char *const stem[] = {"9/1", "9/2"}, *const first[] = {"7/1", "9/1", "7/2", "9/2"};
    (void)state;
    struct dataset *dataset = load(0, NULL);
    assert_string_equal(dataset->protocol, "reference-match");
    const struct item *item = &dataset->items[3];
    assert_ptr_equal(item->follows, &dataset->items[0]);
    assert_null(dataset->items[1].follows);
    assert_string_equal(item->subset, "math");
    assert_string_equal(item->expected, "it is two");
    assert_int_equal(item->line, 1);
    struct buf groups = {0};
    item_write_groups(item, &groups);
    assert_string_equal(buf_string(&groups), "[[\"category\",\"math\"],[\"turn\",\"2\"]]");
    buf_free(&groups);
    assert_keys(dataset, all, 5);
    assert_keys(load(0, "stem"), stem, 2);
    assert_keys(load(1, NULL), first, 4);
}

static void the_second_turn_holds_the_first_answer(void **state)
{
    (void)state;
    struct dataset *dataset = load(0, NULL);
    struct arena *arena = arena_new(0, NULL);
    struct request request;
    assert_true(SUITE_MT_BENCH.request(dataset, 0, arena, &request, NULL));
    assert_int_equal(request.kind, REQUEST_CHAT);
    assert_int_equal(request.n_prompts, 1);
    assert_int_equal(request.max_new_tokens, 1024);
    assert_true(request.temperature == 0);
    assert_true(SUITE_MT_BENCH.request(dataset, 4, arena, &request, NULL));
    assert_true(request.temperature == 0.1);
    assert_int_equal(request.n_prompts, 3);
    assert_null(request.prompts[1]);
    assert_true(
        request_set_answer(&request, arena, " \n It is 4.\xc2\xa0\n", NULL)); /* a no-break space */
    assert_string_equal(request.prompts[0], "Four?");
    assert_string_equal(request.prompts[1], "It is 4.");
    assert_string_equal(request.prompts[2], "Five?");
    arena_free(arena);
    dataset_free(dataset);
}

static struct verdict grade(bool answered, const char *text)
{
    const struct item item = {.key = "7/1", .subset = "math", .expected = "it is one"};
    const struct response response = {.answered = answered, .text = text};
    struct verdict verdict;
    assert_true(
        SUITE_MT_BENCH.grade(&SUITE_MT_BENCH, "reference-match", &item, &response, &verdict, NULL));
    return verdict;
}

static void points_are_the_rules(void **state)
{
    (void)state;
    struct verdict verdict = grade(true, "It is one!");
    assert_true(verdict.answered && verdict.is_correct && verdict.score == 10);
    assert_string_equal(verdict.predicted, "It is one!");
    verdict = grade(true, "It is two.");
    assert_true(verdict.answered && !verdict.is_correct && verdict.score == 7);
    verdict = grade(false, NULL);
    assert_true(!verdict.answered && !verdict.is_correct && verdict.score == 1);
    char long_text[400];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[399] = 0;
    memcpy(long_text + 254, "\xc3\xa9", 2); /* would be cut in two */
    verdict = grade(true, long_text);
    assert_int_equal(strlen(verdict.predicted), 254);
}

#define SAID_BY(judge, asked, score)                                                               \
    "{\"question_id\": 7, \"model\": \"m\", \"judge\": [\"" judge                                  \
    "\", \"p\"], \"user_prompt\": \"" asked "\", \"judgment\": \"" score "!\", \"score\": " score  \
    ", \"turn\": 1, \"tstamp\": 1.0}\n"

static struct dataset *load_judged(const char *judge, struct err *err)
{
    const char *math = "math";
    const struct suite_options options = {.data = ".",
                                          .judge_prompts = "prompts.jsonl",
                                          .judge = judge,
                                          .judgments = "said.jsonl",
                                          .subsets = &math,
                                          .n_subsets = 1};
    *err = (struct err){0};
    return SUITE_MT_BENCH.load(&SUITE_MT_BENCH, &options, err);
}

static void judgments_are_found_by_what_was_asked(void **state)
{
    (void)state;
    struct err err;
    struct mt_bench_reply reply;
    struct buf prompts = {0};
    for (size_t i = 0; i < 2; i++)
        buf_printf(&prompts,
                   "{\"name\": \"single-math-v1%s\", \"type\": \"\", \"system_prompt\": \"\", "
                   "\"prompt_template\": \"\", \"description\": \"\", \"category\": \"\", "
                   "\"output_format\": \"\"}\n",
                   i ? "-multi-turn" : "");
    test_write_text("prompts.jsonl", buf_string(&prompts));
    buf_free(&prompts);
    test_write_text("said.jsonl", SAID_BY("j", "rate a", "3") SAID_BY("j", "rate b", "4")
                                      SAID_BY("j", "rate a", "5"));
    struct dataset *dataset = load_judged(NULL, &err);
    if (!dataset) fail_msg("%s", err.message);
    assert_string_equal(dataset->protocol, "judge j");
    assert_string_equal(mt_bench_judge(dataset), "j");
    assert_true(mt_bench_find_reply(dataset, "p", "rate a", 0, &reply) && reply.score == 3);
    assert_true(mt_bench_find_reply(dataset, "p", "rate a", 1, &reply) && reply.score == 5);
    assert_string_equal(reply.text, "5!");
    assert_false(mt_bench_find_reply(dataset, "p", "rate a", 2, &reply));
    assert_false(mt_bench_find_reply(dataset, "p", "rate", 0, &reply));
    assert_false(mt_bench_find_reply(dataset, "q", "rate a", 0, &reply));
    dataset_free(dataset);

    test_write_text("said.jsonl", SAID_BY("j", "rate a", "3") SAID_BY("k", "rate a", "8"));
    assert_null(load_judged(NULL, &err));
    assert_string_equal(err.message,
                        "judgments by j and by k: the judge's name says which are meant");
    assert_int_equal(err.line, 2);
    dataset = load_judged("k", &err);
    assert_non_null(dataset);
    assert_true(mt_bench_find_reply(dataset, "p", "rate a", 0, &reply) && reply.score == 8);
    dataset_free(dataset);
    assert_null(load_judged("l", &err));
    assert_string_equal(err.message, "there are no judgments by l in this file");
    test_write_text("said.jsonl", "");
    assert_null(load_judged(NULL, &err));
    assert_string_equal(err.message, "there are no judgments in this file");
}

static void check_refused(const char *category, enum err_code code, const char *expected)
{
    struct err err = {0};
    char message[1600];
    const struct suite_options options = {
        .data = ".", .shots = -1, .subsets = &category, .n_subsets = category != NULL};
    assert_null(SUITE_MT_BENCH.load(&SUITE_MT_BENCH, &options, &err));
    assert_int_equal(err.code, code);
    snprintf(message, sizeof message, "%s:%d: %s", err.file, err.line, err.message);
    assert_string_equal(message, expected);
}

static void files_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    check_refused("art", ERR_CONFIG,
                  "./question.jsonl:0: there is no question of the categories asked for");
    test_write_text("reference_answer/gpt-4.jsonl", ANSWER("7", "[\"one\"]"));
    check_refused(NULL, ERR_INPUT,
                  "./question.jsonl:2: the rule reference-match needs a reference answer to turn 1 "
                  "of this question");
    test_write_text("question.jsonl", QUESTION("7", "math", "[\"a\", \"b\", \"c\"]"));
    check_refused(NULL, ERR_INPUT, "./question.jsonl:1: a question of 3 turns: MT-bench has two");
    test_write_text("question.jsonl", "\n");
    check_refused(NULL, ERR_INPUT, "./question.jsonl:0: there are no questions in this file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_turn_is_an_item_first_turns_first),
        cmocka_unit_test(the_second_turn_holds_the_first_answer),
        cmocka_unit_test(points_are_the_rules),
        cmocka_unit_test(judgments_are_found_by_what_was_asked),
        cmocka_unit_test(files_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, enter_folder, test_leave_folder);
}
