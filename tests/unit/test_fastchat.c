/* test_fastchat.c - FastChat's files of MT-bench: every real file is written back byte for byte;
 * pairs, strange members and Unicode survive; what is malformed has its place.
 */
#include "suites/fastchat.h"

#include "base/file.h"
#include "tests/support/test_data.h"
#include "tests/support/test_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum file_kind { QUESTIONS, ANSWERS, PROMPTS, JUDGMENTS };

/* Reads the file and appends what it holds to `out`; how many lines that are. */
static size_t copy(enum file_kind kind, const char *path, struct buf *out, struct err *err)
{
    struct arena *arena = arena_new(0, err);
    struct fastchat_questions questions = {0};
    struct fastchat_answers answers = {0};
    struct fastchat_prompts prompts = {0};
    struct fastchat_judgments judgments = {0};
    bool ok = arena != NULL;
    switch (kind) {
    case QUESTIONS: ok = ok && fastchat_read_questions(path, arena, &questions, err); break;
    case ANSWERS: ok = ok && fastchat_read_answers(path, arena, &answers, err); break;
    case PROMPTS: ok = ok && fastchat_read_prompts(path, arena, &prompts, err); break;
    case JUDGMENTS: ok = ok && fastchat_read_judgments(path, arena, &judgments, err); break;
    }
    for (size_t i = 0; i < questions.n; i++) fastchat_write_question(&questions.items[i], out);
    for (size_t i = 0; i < answers.n; i++) fastchat_write_answer(&answers.items[i], out);
    for (size_t i = 0; i < prompts.n; i++) fastchat_write_prompt(&prompts.items[i], out);
    for (size_t i = 0; i < judgments.n; i++) fastchat_write_judgment(&judgments.items[i], out);
    arena_free(arena);
    return ok ? questions.n + answers.n + prompts.n + judgments.n : 0;
}

static void every_real_file_is_written_back_byte_for_byte(void **state)
{
    static const struct {
        const char *path;
        enum file_kind kind;
        size_t n;
    } files[] = {
        {"mt_bench/question.jsonl", QUESTIONS, 80},
        {"mt_bench/judge_prompts.jsonl", PROMPTS, 8},
        {"mt_bench/reference_answer/gpt-4.jsonl", ANSWERS, 30},
        {"mt_bench/model_answer/gpt-3.5-turbo.jsonl", ANSWERS, 80},
        {"mt_bench/model_answer/llama-13b.jsonl", ANSWERS, 80},
        {"mt_bench/model_answer/vicuna-13b-v1.3.jsonl", ANSWERS, 80},
        {"mt_bench/model_judgment/failed_scores_wgm20.gpt-4_single.jsonl", JUDGMENTS, 800},
        {"mt_bench/model_judgment/official_Llama-2-7b-chat_plus_lyre.gpt-4_single.jsonl", JUDGMENTS,
         640},
    };
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[512];
        size_t n_bytes;
        struct err err = {0};
        struct buf out = {0};
        if (!test_data_path(path, sizeof path, files[i].path)) skip();
        size_t n = copy(files[i].kind, path, &out, &err);
        if (n != files[i].n) fail_msg("%s: %zu lines, %s", path, n, err.message);
        char *text = file_read(path, 1 << 30, &n_bytes, &err);
        assert_non_null(text);
        if (text[n_bytes - 1] != '\n') out.n_bytes--; /* the one file without an end of its line */
        assert_int_equal(out.n_bytes, n_bytes);
        if (memcmp(out.data, text, n_bytes) != 0) fail_msg("%s came back different", path);
        free(text);
        buf_free(&out);
    }
}

static void write_text(const char *text)
{
    assert_true(file_write("f.jsonl", text, strlen(text), NULL));
}

static void check_copy(enum file_kind kind, const char *text)
{
    struct err err = {0};
    struct buf out = {0};
    write_text(text);
    if (!copy(kind, "f.jsonl", &out, &err)) fail_msg("%s", err.message);
    assert_string_equal(buf_string(&out), text);
    buf_free(&out);
}

static void pairs_unicode_and_strange_members_survive(void **state)
{
    (void)state;
    check_copy(JUDGMENTS,
               "{\"question_id\": 81, \"model_1\": \"a\", \"model_2\": \"b\", \"g1_winner\": "
               "\"model_1\", \"g2_winner\": \"error\", \"judge\": [\"gpt-4\", \"pair-v2\"], "
               "\"g1_user_prompt\": \"p\", \"g1_judgment\": \"[[A]]\", \"g2_user_prompt\": \"q\", "
               "\"g2_judgment\": \"\\u00e9 \\ud83d\\ude00 \\u007f \\u0001 \\\\ \\\" / \\n\", "
               "\"turn\": 1, \"tstamp\": 1687222222.0}\n");
    check_copy(JUDGMENTS,
               "{\"question_id\": 81, \"model\": \"a\", \"judge\": [\"gpt-4\", \"single-v1\"], "
               "\"user_prompt\": \"p\", \"judgment\": \"j\", \"score\": 8.0, \"turn\": 2, "
               "\"tstamp\": 1e+16, \"cost\": {\"in\": 3, \"out\": [1, 2.5, null, true]}, \"x\": "
               "\"\\u20ac\"}\n");
    check_copy(QUESTIONS, "{\"question_id\": 1, \"category\": \"c\", \"turns\": [\"t\"], "
                          "\"reference\": [\"r\"], \"more\": []}\n");
}

#define SINGLE(id, judgment)                                                                       \
    "{\"question_id\": " id                                                                        \
    ", \"model\": \"m\", \"judge\": [\"g\", \"p\"], \"user_prompt\": \"u\", "                      \
    "\"judgment\": \"" judgment "\", \"score\": 5, \"turn\": 1, \"tstamp\": 1.0}"

static void ids_may_be_texts_and_are_kept_as_they_are(void **state)
{
    (void)state;
    struct fastchat_questions list = {0};
    struct arena *arena = arena_new(0, NULL);
    static const char lines[] =
        "{\"question_id\": \"11\", \"category\": \"c\", \"turns\": [\"t\"]}\n"
        "{\"question_id\": \"a \\\"b\\\"\", \"category\": \"c\", \"turns\": [\"t\"]}\n";
    check_copy(QUESTIONS, lines);
    check_copy(ANSWERS, "{\"question_id\": \"11\", \"answer_id\": \"i\", \"model_id\": \"m\", "
                        "\"choices\": [{\"index\": 0, \"turns\": [\"a\"]}], \"tstamp\": 1.0}\n");
    check_copy(JUDGMENTS, SINGLE("\"11\"", "so") "\n" SINGLE("11", "so") "\n");
    assert_true(fastchat_parse_questions("q", lines, sizeof lines - 1, arena, &list, NULL));
    assert_ptr_equal(fastchat_find_question(&list, (struct fastchat_id){"11", false}),
                     &list.items[0]);
    assert_null(fastchat_find_question(&list, (struct fastchat_id){"a", true}));
    arena_free(arena);
}

static void a_turn_without_an_answer_is_marked(void **state)
{
    (void)state;
    struct fastchat_answers list = {0};
    struct err err = {0};
    struct arena *arena = arena_new(0, NULL);
    static const char line[] =
        "{\"question_id\": 1, \"answer_id\": \"i\", \"model_id\": \"m\", \"choices\": [{\"index\": "
        "0, "
        "\"turns\": [\"\", \"\"], \"failures\": [\"\", \"too_long\"]}], \"tstamp\": 1.0}\n";
    check_copy(ANSWERS, line);
    assert_true(fastchat_parse_answers("a", line, sizeof line - 1, arena, &list, &err));
    assert_null(fastchat_failure(&list.items[0].choices[0], 0));
    assert_string_equal(fastchat_failure(&list.items[0].choices[0], 1), "too_long");
    arena_free(arena);
}

static void damage_is_borne_with_and_told(void **state)
{
    (void)state;
    struct fastchat_judgments list = {0};
    struct err err = {0};
    struct arena *arena = arena_new(0, NULL);
    /* A byte order mark, halves of pairs, NUL, a byte that is no UTF-8, and a torn end. */
    static const char lines[] =
        "\xef\xbb\xbf" SINGLE("1", "so") "\n" SINGLE("2", "half \\ud83d of \\ude00") "\n" SINGLE(
            "3", "nul \\u0000 and \xff") "\n{\"question_id\": 4, \"model\": \"\xe2\x82";
    assert_true(fastchat_parse_judgments("j", lines, sizeof lines - 1, arena, &list, &err));
    assert_int_equal(list.n, 3);
    assert_string_equal(list.items[1].judgments[0], "half \xef\xbf\xbd of \xef\xbf\xbd");
    assert_string_equal(list.items[2].judgments[0], "nul \xef\xbf\xbd and \xef\xbf\xbd");
    assert_int_equal(list.damage.n_repaired, 2);
    assert_int_equal(list.damage.repaired_line, 2);
    assert_int_equal(list.damage.n_torn, 1);
    assert_int_equal(list.damage.torn_line, 4);
    assert_string_equal(list.damage.torn_file, "j");
    assert_false(fastchat_check_whole(&list.damage, &err));
    assert_int_equal(err.line, 4);
    /* Only a last line is torn; a broken one before it is an error, and so is one with an end. */
    static const char *const broken[] = {"{\"question_id\": 4\n" SINGLE("1", "so"),
                                         SINGLE("1", "so") "\n{\"question_id\": 4\n"};
    for (size_t i = 0; i < 2; i++) {
        err_clear(&err);
        assert_false(
            fastchat_parse_judgments("j", broken[i], strlen(broken[i]), arena, &list, &err));
        assert_int_equal(err.line, i + 1);
    }
    struct fastchat_questions questions = {0};
    err_clear(&err);
    assert_false(fastchat_parse_questions("q", "{\"question", 10, arena, &questions, &err));
    assert_int_equal(err.line, 1);
    arena_free(arena);
}

static void check_refused(enum file_kind kind, const char *text, int line, const char *message)
{
    struct err err = {0};
    struct buf out = {0};
    write_text(text);
    assert_int_equal(copy(kind, "f.jsonl", &out, &err), 0);
    assert_int_equal(err.code, ERR_INPUT);
    assert_string_equal(err.message, message);
    assert_string_equal(err.file, "f.jsonl");
    assert_int_equal(err.line, line);
    buf_free(&out);
}

static void what_is_malformed_has_its_place(void **state)
{
    (void)state;
    check_refused(QUESTIONS,
                  "{\"question_id\": 1, \"category\": \"c\", \"turns\": [\"t\"]}\n"
                  "{\"question_id\": 1, \"category\": \"c\", \"turns\": [\"t\"]}\n",
                  2, "the question 1 stands here a second time");
    check_refused(QUESTIONS, "{\"question_id\": 1.5, \"category\": \"c\", \"turns\": [\"t\"]}\n", 1,
                  "\"question_id\" must be an integer");
    check_refused(QUESTIONS, "{\"question_id\": 1, \"category\": \"c\", \"turns\": []}\n", 1,
                  "\"turns\" must be a list of texts");
    check_refused(QUESTIONS, "\n[1]\n", 2, "a line must be a JSON object");
    check_refused(ANSWERS, "{\"question_id\": 1, \"answer_id\": \"i\", \"model_id\": \"m\"}\n", 1,
                  "\"choices\" must be a list of answers");
    check_refused(JUDGMENTS,
                  "{\"question_id\": 1, \"model_1\": \"a\", \"model_2\": \"b\", \"g1_winner\": "
                  "\"A\", \"judge\": [\"g\", \"p\"], \"turn\": 1, \"tstamp\": 0}\n",
                  1, "\"g1_winner\" is \"A\", not model_1, model_2, tie or error");
    check_refused(JUDGMENTS, "{\"question_id\": 1, \"judge\": \"gpt-4\"}\n", 1,
                  "\"judge\" must be a list of texts");
    char deep[400] = "{\"question_id\": 1, \"category\": \"c\", \"turns\": [\"t\"], \"x\": ";
    size_t n = strlen(deep);
    memset(deep + n, '[', 40);
    memset(deep + n + 40, ']', 40);
    strcpy(deep + n + 80, "}\n");
    check_refused(QUESTIONS, deep, 1, "JSON nests more than 32 levels deep");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_real_file_is_written_back_byte_for_byte),
        cmocka_unit_test_setup_teardown(pairs_unicode_and_strange_members_survive,
                                        test_enter_folder, test_leave_folder),
        cmocka_unit_test_setup_teardown(ids_may_be_texts_and_are_kept_as_they_are,
                                        test_enter_folder, test_leave_folder),
        cmocka_unit_test_setup_teardown(a_turn_without_an_answer_is_marked, test_enter_folder,
                                        test_leave_folder),
        cmocka_unit_test(damage_is_borne_with_and_told),
        cmocka_unit_test_setup_teardown(what_is_malformed_has_its_place, test_enter_folder,
                                        test_leave_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
