/* test_mt_judge.c - answers and judgments by a server, in FastChat's files: what breaks off is
 * continued without a line lost or written twice; a judge without a score is asked again; pairs
 * change places.
 */
#include "harness/cli/mt_commands.h"

#include "base/file.h"
#include "harness/cli/commands.h"
#include "suites/fastchat.h"
#include "tests/support/test_folder.h"
#include "tests/support/test_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N_QUESTIONS = 12, N_TURNS = 2 * N_QUESTIONS };

static void write_buf(const char *path, struct buf *text)
{
    assert_true(file_write(path, buf_string(text), text->n_bytes, NULL));
    buf_free(text);
}

/* Question 7 is "ask 7a", then "ask 7b"; the answer of model m to it "m says 7a". */
static void write_answers(const char *path, const char *model)
{
    struct buf out = {0};
    for (int i = 1; i <= N_QUESTIONS; i++)
        buf_printf(&out,
                   "{\"question_id\": %d, \"answer_id\": \"x\", \"model_id\": \"%s\", \"choices\": "
                   "[{\"index\": 0, \"turns\": [\"%s says %da\", \"%s says %db\"]}], \"tstamp\": "
                   "1.0}\n",
                   i, model, model, i, model, i);
    write_buf(path, &out);
}

static void write_prompts(void)
{
    static const struct {
        const char *name, *template;
    } prompts[] = {
        {"single-v1", "first {question} | {answer}"},
        {"single-v1-multi-turn", "second {question_1} {question_2} | {answer_1} {answer_2}"},
        {"pair-v2", "pair {question} | A {answer_a} | B {answer_b}"},
        {"pair-v2-multi-turn", "pairs {question_2} | A {answer_a_2} | B {answer_b_2}"},
    };
    struct buf out = {0};
    for (size_t i = 0; i < 4; i++) {
        const struct fastchat_prompt prompt = {.name = prompts[i].name,
                                               .type = "t",
                                               .system = "Judge!",
                                               .template = prompts[i].template,
                                               .description = "",
                                               .category = "",
                                               .output_format = ""};
        fastchat_write_prompt(&prompt, &out);
    }
    write_buf("prompts.jsonl", &out);
}

static int enter_folder(void **state)
{
    if (test_enter_folder(state) != 0) return -1;
    struct buf out = {0};
    for (int i = 1; i <= N_QUESTIONS; i++)
        buf_printf(
            &out,
            "{\"question_id\": %d, \"category\": \"writing\", \"turns\": [\"ask %da\", \"ask "
            "%db\"]}\n",
            i, i, i);
    write_buf("question.jsonl", &out);
    write_answers("m.jsonl", "m");
    write_answers("b.jsonl", "b");
    write_prompts();
    return 0;
}

/* ---- The server ---- */

struct judge {
    int n_left;                  /* calls until it is out of order */
    int n_seen[N_QUESTIONS + 1]; /* of first turns of a question */
};

__attribute__((format(printf, 2, 3))) static void say(struct test_reply *reply, const char *format,
                                                      ...)
{
    char text[64];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(
        reply->body, sizeof reply->body,
        "{\"choices\": [{\"message\": {\"content\": \" %s \"}}], \"usage\": {\"prompt_tokens\": "
        "5, \"completion_tokens\": 2}}",
        text);
}

static int number_after(const char *body, const char *word)
{
    const char *at = strstr(body, word);
    return at ? atoi(at + strlen(word)) : 0;
}

/* Rates question 3 only when asked a second time, and question 5 on a scale of its own. */
static void judge(void *context, const struct test_call *call, struct test_reply *reply)
{
    struct judge *judge = context;
    if (judge->n_left-- <= 0) {
        reply->status = 500;
        return;
    }
    int question = number_after(call->body, "first ask ");
    assert_non_null(strstr(call->body, "{\"role\":\"system\",\"content\":\"Judge!\"}"));
    assert_non_null(strstr(call->body, "\"temperature\":0"));
    bool is_mute = question == 3 && judge->n_seen[3] == 0;
    judge->n_seen[question]++;
    if (is_mute) say(reply, "I would rather not.");
    else if (question) say(reply, "Rating: [[%d]]", question == 5 ? 50 : question % 10 + 1);
    else say(reply, "Rating: [[1.5]]");
}

static void compare(void *context, const struct test_call *call, struct test_reply *reply)
{
    (void)context;
    /* Question 1: m is better in both orders; 2: whoever comes first; else a tie. */
    bool m_is_first = strstr(call->body, "| A m says") != NULL;
    int question = number_after(call->body, "pair ask ");
    say(reply, "[[%c]]", question == 1 ? (m_is_first ? 'A' : 'B') : question == 2 ? 'A' : 'C');
}

/* Says nothing of the first game that it is asked about question 3. */
static void compare_late(void *context, const struct test_call *call, struct test_reply *reply)
{
    bool *was_mute = context;
    compare(NULL, call, reply);
    if (*was_mute || number_after(call->body, "pair ask ") != 3) return;
    say(reply, "Both are fine.");
    *was_mute = true;
}

static void answer(void *context, const struct test_call *call, struct test_reply *reply)
{
    int *n_left = context;
    if ((*n_left)-- <= 0) {
        reply->status = 500;
        return;
    }
    int second = number_after(call->body, "\"role\":\"assistant\",\"content\":\"one ");
    int question = number_after(call->body, "\"content\":\"ask ");
    if (second) assert_int_equal(second, question); /* it is told its own first answer */
    say(reply, "%s %d", second ? "two" : "one", question);
}

/* ---- Running ---- */

static const char *const answer_files[] = {"m.jsonl"};

static bool run_action(const struct test_server *server, const char *out, const char *baseline,
                       int64_t repeat, struct err *err)
{
    const struct invocation invocation = {.command = &COMMAND_MT_BENCH};
    const struct mt_options options = {.answers = {(const char **)(uintptr_t)answer_files, 1},
                                       .questions = "question.jsonl",
                                       .prompts = "prompts.jsonl",
                                       .baseline = baseline,
                                       .api = test_server_url(server),
                                       .api_model = "j",
                                       .n_concurrent = 3,
                                       .n_retries = 0,
                                       .timeout_s = 10,
                                       .n_choices = 1,
                                       .out = out,
                                       .repeat = repeat};
    err_clear(err);
    return repeat ? mt_judge(&invocation, &options, err) : mt_answer(&invocation, &options, err);
}

static void check_judgments(const char *path, int n_each)
{
    struct arena *arena = arena_new(0, NULL);
    struct fastchat_judgments list = {0};
    int seen[N_QUESTIONS + 1][3] = {{0}};
    assert_true(fastchat_read_judgments(path, arena, &list, NULL));
    for (size_t i = 0; i < list.n; i++) {
        const struct fastchat_judgment *judgment = &list.items[i];
        int question = atoi(judgment->question.text), turn = (int)judgment->turn;
        double score = turn == 2 ? 1.5 : question == 5 ? FASTCHAT_MISSING : question % 10 + 1;
        seen[question][turn]++;
        assert_true(judgment->score == score);
        assert_string_equal(judgment->judge, "j");
        assert_string_equal(judgment->models[0], "m");
    }
    assert_int_equal(list.n, N_TURNS * n_each);
    for (int i = 1; i <= N_QUESTIONS; i++)
        assert_true(seen[i][1] == n_each && seen[i][2] == n_each);
    arena_free(arena);
}

static void judging_goes_on_after_the_server_broke_down(void **state)
{
    (void)state;
    struct judge context = {.n_left = 13};
    struct err err = {0};
    struct test_server *server = test_server_start(judge, &context);
    assert_false(run_action(server, "j.jsonl", NULL, 1, &err));
    assert_int_equal(err.code, ERR_IO);
    context.n_left = 10000;
    if (!run_action(server, "j.jsonl", NULL, 1, &err)) fail_msg("%s", err.message);
    check_judgments("j.jsonl", 1);
    /* Only what has no score is asked again, and stays one line. */
    int n_before = test_server_count(server);
    assert_true(run_action(server, "j.jsonl", NULL, 1, &err));
    assert_int_equal(test_server_count(server) - n_before, 2);
    check_judgments("j.jsonl", 1);
    assert_true(run_action(server, "j.jsonl", NULL, 3, &err));
    check_judgments("j.jsonl", 3);
    test_server_stop(server);
}

/* Puts another text in the place of the first one that is there. */
static void replace_text(const char *path, const char *old, const char *new)
{
    size_t n_bytes;
    char *text = file_read(path, 1 << 20, &n_bytes, NULL), *at = text ? strstr(text, old) : NULL;
    struct buf out = {0};
    assert_non_null(at);
    buf_append(&out, text, (size_t)(at - text));
    buf_text(&out, new);
    buf_text(&out, at + strlen(old));
    write_buf(path, &out);
    free(text);
}

static void a_score_in_the_file_that_is_none_is_asked_again(void **state)
{
    (void)state;
    struct judge context = {.n_left = 10000};
    struct err err = {0};
    struct test_server *server = test_server_start(judge, &context);
    assert_true(run_action(server, "none.jsonl", NULL, 1, &err));
    replace_text("none.jsonl", "\"score\": 8", "\"score\": 100000000000000000000.0");
    int n_before = test_server_count(server);
    assert_true(run_action(server, "none.jsonl", NULL, 1, &err));
    assert_int_equal(test_server_count(server) - n_before, 3); /* question 5 twice */
    check_judgments("none.jsonl", 1);
    test_server_stop(server);
}

/* How many judgments stand in the file; none where there is no file. */
static size_t count_lines(const char *path)
{
    struct arena *arena = arena_new(0, NULL);
    struct fastchat_judgments list = {0};
    if (file_exists(path)) assert_true(fastchat_read_judgments(path, arena, &list, NULL));
    arena_free(arena);
    return list.n;
}

static void judgments_of_other_answers_and_prompts_do_not_count(void **state)
{
    (void)state;
    struct judge context = {.n_left = 10000};
    struct err err = {0};
    struct test_server *server = test_server_start(judge, &context);
    context.n_seen[3] = 1;
    assert_true(run_action(server, "new.jsonl", NULL, 1, &err));
    assert_int_equal(count_lines("new.jsonl.stale"), 0);
    /* The first turn's answer stands in both prompts. */
    replace_text("m.jsonl", "m says 8a", "m now says 8a");
    int n_before = test_server_count(server);
    assert_true(run_action(server, "new.jsonl", NULL, 1, &err));
    assert_int_equal(test_server_count(server) - n_before, 2 + 2); /* question 5 twice */
    check_judgments("new.jsonl", 1);
    assert_int_equal(count_lines("new.jsonl.stale"), 2);
    replace_text("prompts.jsonl", "second {question_1}", "second, {question_1}");
    n_before = test_server_count(server);
    assert_true(run_action(server, "new.jsonl", NULL, 1, &err));
    assert_int_equal(test_server_count(server) - n_before, N_QUESTIONS + 2);
    check_judgments("new.jsonl", 1);
    assert_int_equal(count_lines("new.jsonl.stale"), 2 + N_QUESTIONS);
    replace_text("prompts.jsonl", "second, {question_1}", "second {question_1}");
    replace_text("m.jsonl", "m now says 8a", "m says 8a");
    test_server_stop(server);
}

static void pairs_are_judged_in_both_orders(void **state)
{
    (void)state;
    struct err err = {0};
    struct arena *arena = arena_new(0, NULL);
    struct fastchat_judgments list = {0};
    struct test_server *server = test_server_start(compare, NULL);
    if (!run_action(server, "p.jsonl", "b.jsonl", 1, &err)) fail_msg("%s", err.message);
    assert_int_equal(test_server_count(server), 2 * N_TURNS);
    assert_true(fastchat_read_judgments("p.jsonl", arena, &list, NULL));
    assert_int_equal(list.n, N_TURNS);
    assert_string_equal(list.items[0].user_prompts[0], "pair ask 1a | A m says 1a | B b says 1a");
    assert_string_equal(list.items[0].user_prompts[1], "pair ask 1a | A b says 1a | B m says 1a");
    assert_string_equal(list.items[0].winners[0], "model_1");
    assert_string_equal(list.items[0].winners[1], "model_1");
    assert_string_equal(list.items[2].winners[0], "model_1");
    assert_string_equal(list.items[2].winners[1], "model_2");
    assert_string_equal(list.items[4].winners[0], "tie");
    assert_true(run_action(server, "p.jsonl", "b.jsonl", 1, &err));
    assert_int_equal(test_server_count(server), 2 * N_TURNS);
    test_server_stop(server);
    arena_free(arena);
}

static void a_pair_without_a_winner_is_played_again_in_both_orders(void **state)
{
    (void)state;
    bool was_mute = false;
    struct err err = {0};
    struct arena *arena = arena_new(0, NULL);
    struct fastchat_judgments list = {0};
    struct test_server *server = test_server_start(compare_late, &was_mute);
    if (!run_action(server, "late.jsonl", "b.jsonl", 1, &err)) fail_msg("%s", err.message);
    assert_int_equal(test_server_count(server), 2 * N_TURNS + 2);
    assert_true(fastchat_read_judgments("late.jsonl", arena, &list, NULL));
    assert_int_equal(list.n, N_TURNS);
    for (size_t i = 0; i < list.n; i++) assert_true(fastchat_has_score(&list.items[i]));
    test_server_stop(server);
    arena_free(arena);
}

static void answers_are_of_two_turns_and_go_on_too(void **state)
{
    (void)state;
    int n_left = 7;
    struct err err = {0};
    struct arena *arena = arena_new(0, NULL);
    struct fastchat_answers list = {0};
    struct test_server *server = test_server_start(answer, &n_left);
    assert_false(run_action(server, "a.jsonl", NULL, 0, &err));
    n_left = 10000;
    if (!run_action(server, "a.jsonl", NULL, 0, &err)) fail_msg("%s", err.message);
    assert_true(fastchat_read_answers("a.jsonl", arena, &list, NULL));
    assert_int_equal(list.n, N_QUESTIONS);
    for (int i = 0; i < N_QUESTIONS; i++) {
        char first[32], second[32];
        snprintf(first, sizeof first, "one %d", i + 1);
        snprintf(second, sizeof second, "two %d", i + 1);
        assert_int_equal(atoi(list.items[i].question.text), i + 1);
        assert_string_equal(list.items[i].choices[0].turns.items[0], first);
        assert_string_equal(list.items[i].choices[0].turns.items[1], second);
    }
    test_server_stop(server);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judging_goes_on_after_the_server_broke_down),
        cmocka_unit_test(a_score_in_the_file_that_is_none_is_asked_again),
        cmocka_unit_test(judgments_of_other_answers_and_prompts_do_not_count),
        cmocka_unit_test(pairs_are_judged_in_both_orders),
        cmocka_unit_test(a_pair_without_a_winner_is_played_again_in_both_orders),
        cmocka_unit_test(answers_are_of_two_turns_and_go_on_too),
    };
    return cmocka_run_group_tests(tests, enter_folder, test_leave_folder);
}
