/* test_run_api.c - runs with models behind a server: texts of two turns, choices by echoed
 * log-probabilities, what a server cannot do, and a run that goes on after the server broke down.
 */
#include "tests/support/api_run.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "results/query.h"
#include "tests/support/test_folder.h"
#include "tests/support/test_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MT_BENCH "suites:\n  - mt_bench: {data: mt, judge: {rule: reference-match}}\n"
#define MMLU "suites:\n  - mmlu: {data: mmlu, shots: 0}\n"

static int enter_folder(void **state)
{
    if (test_enter_folder(state) != 0) return -1;
    if (!file_make_folders("mmlu/test", NULL) || !file_make_folders("mt/reference_answer", NULL))
        return -1;
    test_write_text("mmlu/test/letters_test.csv",
                    "Third letter?,A,B,C,D,C\nFirst letter?,A,B,C,D,A\n");
    api_run_write_mt_bench();
    return 0;
}

/* ---- The server ---- */

static int number_after(const char *body, const char *word)
{
    const char *at = strstr(body, word);
    return at ? atoi(at + strlen(word)) : 0;
}

/* *n_left calls until it is out of order. */
static void answer(void *context, const struct test_call *call, struct test_reply *reply)
{
    int *n_left = context, question = number_after(call->body, "\"content\":\"ask ");
    if ((*n_left)-- <= 0) {
        reply->status = 500;
        return;
    }
    int second = number_after(call->body, "\"role\":\"assistant\",\"content\":\"one ");
    if (second) assert_int_equal(second, question);
    snprintf(
        reply->body, sizeof reply->body,
        "{\"choices\":[{\"message\":{\"content\":\" %s %d\\n\"}}],\"usage\":{\"prompt_tokens\":"
        "5,\"completion_tokens\":2}}",
        second ? "two" : "one", question);
}

/* Finds " C" most probable. The choice is the last token of the prompt; *context: what stands
 * before its first, as BOS does. */
static void echo(void *context, const struct test_call *call, struct test_reply *reply)
{
    const char *bos = context, *prompt = strstr(call->body, "\"prompt\":\"");
    assert_non_null(prompt);
    prompt += strlen("\"prompt\":\"");
    size_t at = 0;
    while (prompt[at] != '"') at += prompt[at] == '\\' ? 2 : 1;
    snprintf(reply->body, sizeof reply->body,
             "{\"choices\":[{\"logprobs\":{\"tokens\":[%s\"%.*s\",\"%.*s\",\"!\"],"
             "\"text_offset\":[7,7,7],\"token_logprobs\":[%s,%s,-7],\"top_logprobs\":[]}}]}",
             bos, (int)(at - 2), prompt, 2, prompt + at - 2, *bos ? "null,-3" : "null",
             prompt[at - 1] == 'C' ? "-0.25" : "-2");
}

/* Forgets the prompt, as servers do that do not know `echo`. */
static void forget(void *context, const struct test_call *call, struct test_reply *reply)
{
    (void)context, (void)call;
    snprintf(reply->body, sizeof reply->body,
             "{\"choices\":[{\"logprobs\":{\"tokens\":[\"!\"],\"text_offset\":[0],"
             "\"token_logprobs\":[-1],\"top_logprobs\":[{\"!\":-1}]}}]}");
}

static void both_turns_are_answered_and_a_run_goes_on(void **state)
{
    (void)state;
    int n_left = 13; /* ten first turns, and some second ones */
    struct test_server *server = test_server_start(answer, &n_left);
    struct api_outcome outcome = api_run(server, "", MT_BENCH, "mt.db");
    assert_false(outcome.ok);
    assert_int_equal(outcome.err.code, ERR_JOBS);
    double n_stored = api_run_number("mt.db", "SELECT count(*) FROM response");
    assert_true(n_stored >= 10 && n_stored <= 13);
    n_left = 1000;
    int n_before = test_server_count(server);
    outcome = api_run(server, "", MT_BENCH, "mt.db");
    if (!outcome.ok) fail_msg("%s", outcome.err.message);
    assert_true(test_server_count(server) - n_before == 20 - (int)n_stored);
    assert_true(api_run_number("mt.db", "SELECT count(*) FROM run") == 1);
    assert_true(api_run_number("mt.db", "SELECT count(*) FROM response") == 20);
    assert_true(api_run_number("mt.db", "SELECT score FROM v_scores WHERE subset = ''") == 10);
    assert_true(api_run_number("mt.db",
                               "SELECT count(*) FROM v_scores WHERE quantization = 'api' AND "
                               "protocol = 'reference-match' AND subset = 'turn:2'") == 1);
    assert_true(api_run_number("mt.db", "SELECT sum(n_prompt_tokens) FROM response") == 100);
    /* The answers serve the next run of the same model. */
    n_before = test_server_count(server);
    outcome = api_run(server, "", "name: again\n" MT_BENCH, "mt.db");
    assert_true(outcome.ok);
    assert_int_equal(test_server_count(server), n_before);
    assert_true(api_run_number("mt.db", "SELECT count(*) FROM response") == 40);
    test_server_stop(server);
}

/* Question 1 is refused, 2 too long, and 3 is not to be read until *context is true. */
static void answer_some(void *context, const struct test_call *call, struct test_reply *reply)
{
    const bool *is_well = context;
    int n_left = 1, question = number_after(call->body, "\"content\":\"ask ");
    answer(&n_left, call, reply);
    if (question < 3) reply->status = 400;
    if (question == 1)
        snprintf(reply->body, sizeof reply->body, "{\"error\":\"Content Exists Risk\"}");
    if (question == 2)
        snprintf(reply->body, sizeof reply->body, "{\"error\":\"prompt is too long: 9 tokens\"}");
    if (question == 3 && !*is_well) snprintf(reply->body, sizeof reply->body, "<html>");
}

static void awkward_items_are_counted_and_the_run_goes_on(void **state)
{
    (void)state;
    bool is_well = false;
    struct test_server *server = test_server_start(answer_some, &is_well);
    struct api_outcome outcome = api_run(server, "", MT_BENCH, "some.db");
    if (!outcome.ok) fail_msg("%s", outcome.err.message);
    assert_true(api_run_number("some.db", "SELECT count(*) FROM response") == 20);
    assert_true(api_run_number("some.db",
                               "SELECT group_concat(kind || count, ' ') = 'not_answered0 "
                               "refused2 too_long2 unreadable2' FROM (SELECT * FROM note WHERE "
                               "kind IN ('not_answered', 'refused', 'too_long', 'unreadable') "
                               "ORDER BY kind)") == 1);
    assert_true(api_run_number("some.db",
                               "SELECT count(*) FROM response WHERE json_extract(content, "
                               "'$.reason') LIKE '%Content Exists Risk%'") == 2);
    /* The next run takes over all but what could not be read. */
    int n_before = test_server_count(server);
    is_well = true;
    outcome = api_run(server, "", "name: again\n" MT_BENCH, "some.db");
    if (!outcome.ok) fail_msg("%s", outcome.err.message);
    assert_int_equal(test_server_count(server) - n_before, 2);
    assert_true(api_run_number("some.db",
                               "SELECT count FROM note WHERE kind = 'unreadable' ORDER BY job "
                               "DESC LIMIT 1") == 0);
    test_server_stop(server);
}

/* *context: whether the server is well. */
static void answer_badly(void *context, const struct test_call *call, struct test_reply *reply)
{
    const bool *is_well = context;
    int n_left = 1;
    answer(&n_left, call, reply);
    if (!*is_well) snprintf(reply->body, sizeof reply->body, "{\"error\":\"it rains\"}");
}

static void a_server_that_fails_at_everything_ends_the_run_until_it_is_well(void **state)
{
    (void)state;
    bool is_well = false;
    struct test_server *server = test_server_start(answer_badly, &is_well);
    struct api_outcome outcome = api_run(server, "", MT_BENCH, "rain.db");
    assert_false(outcome.ok);
    assert_non_null(strstr(outcome.err.message, "20 requests in a row were not answered; the last "
                                                "one (unreadable): "));
    assert_non_null(strstr(outcome.err.message, "it rains"));
    is_well = true;
    outcome = api_run(server, "", MT_BENCH, "rain.db");
    if (!outcome.ok) fail_msg("%s", outcome.err.message);
    assert_true(api_run_number("rain.db", "SELECT count(*) FROM run") == 1);
    assert_true(api_run_number("rain.db", "SELECT score FROM v_scores WHERE subset = ''") == 10);
    test_server_stop(server);
}

/* ---- Judges ---- */

/* Answers "ask 1a" and judges "rate ... 1a": 6 points, then 8; question 2 never. */
static void answer_and_judge(void *context, const struct test_call *call, struct test_reply *reply)
{
    int *n_judged = context, n_left = 1;
    if (!strstr(call->body, "{\"role\":\"system\",\"content\":\"Judge!\"}")) {
        answer(&n_left, call, reply);
        return;
    }
    ++*n_judged;
    const char *say = strstr(call->body, "rate ask 2a") ? "no" : *n_judged % 2 ? "[[6]]" : "[[8]]";
    snprintf(reply->body, sizeof reply->body,
             "{\"choices\":[{\"message\":{\"content\":\"%s\"}}],\"usage\":{\"prompt_tokens\":9,"
             "\"completion_tokens\":1}}",
             say);
}

static void write_judge_prompts(const char *system)
{
    static const char *const texts[][2] = {
        {"", "rate {question} | {ref_answer_1} | {answer}"},
        {"-multi-turn", "rate {question_1} {question_2} | {answer_1} {answer_2}"},
        {"", "pair {question} | A {answer_a} | B {answer_b}"},
        {"-multi-turn", "pairs {question_1} | A {answer_a_1} {answer_a_2} | B {answer_b_2}"}};
    struct buf text = {0};
    for (size_t i = 0; i < 4; i++)
        buf_printf(&text,
                   "{\"name\": \"%s-math-v1%s\", \"type\": \"single\", \"system_prompt\": "
                   "\"%s\", \"prompt_template\": \"%s\", \"description\": \"\", \"category\": "
                   "\"math\", \"output_format\": \"\"}\n",
                   i < 2 ? "single" : "pair", texts[i][0], system, texts[i][1]);
    test_write_text("mt/judge_prompts.jsonl", buf_string(&text));
    buf_free(&text);
}

static void a_judge_gives_points_and_is_asked_again_where_it_gave_none(void **state)
{
    (void)state;
    int n_judged = 0;
    char suites[512];
    struct test_server *server = test_server_start(answer_and_judge, &n_judged);
    write_judge_prompts("Judge!");
    snprintf(suites, sizeof suites,
             "suites:\n  - mt_bench: {data: mt, judge: {api: {base_url: \"%s\", model: j, "
             "concurrency: 1}, repeat: 2}}\n",
             test_server_url(server));
    struct api_outcome outcome = api_run(server, "", suites, "judge.db");
    if (!outcome.ok) fail_msg("%s", outcome.err.message);
    /* 20 turns, twice; question 2's two turns twice more. */
    assert_int_equal(n_judged, 44);
    assert_true(api_run_number("judge.db", "SELECT count(*) FROM judge_call") == 40);
    assert_true(
        api_run_number("judge.db", "SELECT count(score) FROM v_judgments WHERE judge = 'j'") == 36);
    assert_true(api_run_number("judge.db",
                               "SELECT count(*) FROM judge_call WHERE request = 'rate ask 3a | "
                               "one 3 | one 3'") == 2);
    assert_true(api_run_number("judge.db",
                               "SELECT n FROM v_scores WHERE subset = '' AND protocol = 'judge "
                               "j' AND metric = 'points'") == 18);
    assert_true(api_run_number("judge.db", "SELECT score FROM v_scores WHERE subset = ''") == 7);
    assert_true(
        api_run_number("judge.db", "SELECT count FROM note WHERE kind = 'judgment_missing'") == 4);
    assert_true(api_run_number("judge.db",
                               "SELECT text GLOB 'judged by j, 2 times each; its noise in the "
                               "mean: 0.236' FROM note WHERE kind = 'judged'") == 1);
    /* Another run asks only what has no score, and takes over answers and judgments. */
    int n_before = test_server_count(server);
    char again[600];
    snprintf(again, sizeof again, "name: again\n%s", suites);
    outcome = api_run(server, "", again, "judge.db");
    if (!outcome.ok) fail_msg("%s", outcome.err.message);
    assert_int_equal(test_server_count(server) - n_before, 8);
    assert_true(api_run_number("judge.db",
                               "SELECT count(*) FROM judge_call WHERE score IS NOT NULL") == 72);
    assert_true(api_run_number("judge.db", "SELECT avg(score) FROM v_scores WHERE subset = ''") ==
                7);
    /* Another judge is asked about the same answers. */
    n_before = test_server_count(server);
    snprintf(suites, sizeof suites,
             "suites:\n  - mt_bench: {data: mt, judge: {api: {base_url: \"%s\", model: k, "
             "concurrency: 1}}}\n",
             test_server_url(server));
    outcome = api_run(server, "", suites, "judge.db");
    if (!outcome.ok) fail_msg("%s", outcome.err.message);
    assert_int_equal(test_server_count(server) - n_before, 22);
    assert_true(api_run_number("judge.db",
                               "SELECT n FROM v_scores WHERE subset = '' AND protocol = 'judge "
                               "k' AND metric = 'points'") == 18);
    /* The rule's points are its own. */
    n_before = test_server_count(server);
    outcome = api_run(server, "", MT_BENCH, "judge.db");
    if (!outcome.ok) fail_msg("%s", outcome.err.message);
    assert_int_equal(test_server_count(server) - n_before, 20);
    assert_true(api_run_number("judge.db",
                               "SELECT score FROM v_scores WHERE subset = '' AND protocol = "
                               "'reference-match'") == 10);
    test_server_stop(server);
}

/* Gives seven points, and counts what it judges. */
static void answer_and_give_seven(void *context, const struct test_call *call,
                                  struct test_reply *reply)
{
    int *n_judged = context, n_left = 1;
    if (!strstr(call->body, "\"role\":\"system\"")) {
        answer(&n_left, call, reply);
        return;
    }
    ++*n_judged;
    snprintf(reply->body, sizeof reply->body,
             "{\"choices\":[{\"message\":{\"content\":\"[[7]]\"}}],\"usage\":{}}");
}

/* How often the judge is asked by another run, at a path of the server. */
static int count_judged(const struct test_server *server, int *n_judged, const char *path,
                        const char *more)
{
    static int n_runs = 0;
    char suites[512];
    int n_before = *n_judged;
    snprintf(suites, sizeof suites,
             "name: run %d\nsuites:\n  - mt_bench: {data: mt, judge: {api: {base_url: \"%s%s\", "
             "model: j}%s}}\n",
             n_runs++, test_server_url(server), path, more);
    struct api_outcome outcome = api_run(server, "", suites, "keys.db");
    if (!outcome.ok) fail_msg("%s", outcome.err.message);
    assert_true(api_run_number("keys.db",
                               "SELECT score FROM v_scores WHERE subset = '' ORDER BY run DESC "
                               "LIMIT 1") == 7);
    return *n_judged - n_before;
}

static void what_was_sent_otherwise_or_elsewhere_is_no_judgment(void **state)
{
    (void)state;
    int n_judged = 0;
    struct test_server *server = test_server_start(answer_and_give_seven, &n_judged);
    write_judge_prompts("Judge!");
    assert_int_equal(count_judged(server, &n_judged, "", ""), 20);
    assert_int_equal(count_judged(server, &n_judged, "", ""), 0);
    assert_int_equal(count_judged(server, &n_judged, "/other", ""), 20);
    assert_int_equal(count_judged(server, &n_judged, "", ", max_new_tokens: 9"), 20);
    write_judge_prompts("Judge strictly!");
    assert_int_equal(count_judged(server, &n_judged, "", ""), 20);
    write_judge_prompts("Judge!");
    assert_int_equal(count_judged(server, &n_judged, "", ""), 0);
    /* As in a store from before, of whose judgments only the request is known. */
    struct err err = {0};
    struct store *store = store_open("keys.db", STORE_WRITE, &err);
    struct query *query = query_open(store, "UPDATE judge_call SET asked = NULL", &err);
    assert_int_equal(query_next(query, &err), 0);
    query_close(query);
    store_close(store);
    assert_int_equal(count_judged(server, &n_judged, "", ""), 20);
    assert_int_equal(count_judged(server, &n_judged, "", ""), 0);
    test_server_stop(server);
}

/* ---- Pairs ---- */

/* Two models answer: "one 1" and "best 1". The judge finds the best answers to questions 1 and 5
 * better, that to 3 worse, says nothing of 4, and likes whoever comes first in 2. */
static void answer_or_compare(void *context, const struct test_call *call, struct test_reply *reply)
{
    int *n_games = context, question = number_after(call->body, "\"content\":\"ask ");
    bool is_best = strstr(call->body, "\"model\":\"best\"") != NULL;
    bool best_is_a = strstr(call->body, "| A best ") != NULL;
    char say[64] = "[[5]]";
    if (question) snprintf(say, sizeof say, "%s %d", is_best ? "best" : "one", question);
    if (strstr(call->body, "pair")) {
        ++*n_games;
        assert_true(best_is_a != (strstr(call->body, "| B best ") != NULL));
        question = number_after(call->body, "pair ask ");
        bool best_wins = question == 1 || question == 5;
        snprintf(say, sizeof say, "%s",
                 question == 4                 ? "no"
                 : question == 2               ? "[[A]]"
                 : question != 3 && !best_wins ? "[[C]]"
                 : best_wins == best_is_a      ? "[[A]]"
                                               : "[[B]]");
    }
    snprintf(reply->body, sizeof reply->body,
             "{\"choices\":[{\"message\":{\"content\":\"%s\"}}],\"usage\":{\"prompt_tokens\":9,"
             "\"completion_tokens\":1}}",
             say);
}

static void answers_of_two_models_are_compared_in_both_orders(void **state)
{
    (void)state;
    int n_games = 0;
    char suites[512], other[256];
    struct test_server *server = test_server_start(answer_or_compare, &n_games);
    write_judge_prompts("Judge!");
    snprintf(other, sizeof other, "}}\n  - {id: k, api: {base_url: \"%s\", model: best",
             test_server_url(server));
    snprintf(suites, sizeof suites,
             "suites:\n  - mt_bench: {data: mt, judge: {api: {base_url: \"%s\", model: j}}, "
             "baseline: m}\n",
             test_server_url(server));
    struct api_outcome outcome = api_run(server, other, suites, "pairs.db");
    if (!outcome.ok) fail_msg("%s", outcome.err.message);
    /* 20 turns in both orders, and question 4 twice more. */
    assert_int_equal(n_games, 42);
    assert_true(api_run_number("pairs.db", "SELECT count(*) FROM v_judgments WHERE model = 'k' AND "
                                           "prompt_name GLOB 'pair-*'") == 40);
    assert_true(api_run_number("pairs.db", "SELECT count(*) FROM v_judgments WHERE model = 'm'") ==
                20);
    assert_true(api_run_number("pairs.db", "SELECT n FROM v_scores WHERE subset = '' AND metric = "
                                           "'win_rate' AND model = 'k'") == 19);
    double rate =
        api_run_number("pairs.db", "SELECT score FROM v_scores WHERE subset = '' AND metric = "
                                   "'win_rate'");
    assert_true(rate > 52.63 && rate < 52.64); /* 2 won, 16 tied, 1 lost */
    assert_true(api_run_number("pairs.db",
                               "SELECT score FROM v_scores WHERE subset = 'turn:2' AND metric "
                               "= 'win_rate'") == 50);
    assert_true(api_run_number("pairs.db",
                               "SELECT score FROM v_scores WHERE subset = '' AND metric = "
                               "'points' AND model = 'k'") == 5);
    assert_true(
        api_run_number("pairs.db",
                       "SELECT group_concat(kind || count, ' ') = 'lost1 orders_disagree1 "
                       "pair_missing1 tied16 won2' FROM (SELECT * FROM note WHERE kind IN ('won', "
                       "'tied', 'lost', 'orders_disagree', 'pair_missing') ORDER BY kind)") == 1);
    /* Another run asks for the missing pair alone. */
    int n_before = test_server_count(server);
    char again[600];
    snprintf(again, sizeof again, "name: again\n%s", suites);
    outcome = api_run(server, other, again, "pairs.db");
    if (!outcome.ok) fail_msg("%s", outcome.err.message);
    assert_int_equal(test_server_count(server) - n_before, 4);
    test_server_stop(server);
}

static void a_baseline_is_a_model_before_the_others_or_a_file(void **state)
{
    (void)state;
    int n_games = 0;
    char other[256];
    struct test_server *server = test_server_start(answer_or_compare, &n_games);
    write_judge_prompts("Judge!");
    snprintf(other, sizeof other, "}}\n  - {id: k, api: {base_url: \"%s\", model: best",
             test_server_url(server));
    struct api_outcome outcome =
        api_run(server, other,
                "suites:\n  - mt_bench: {data: mt, judge: {import: said.jsonl}, "
                "baseline: k}\n",
                "none.db");
    assert_string_equal(outcome.err.message, "k is the baseline: it must stand before the models "
                                             "that are compared with it");
    assert_int_equal(outcome.err.line, 2);
    outcome = api_run(server, other,
                      "suites:\n  - mt_bench: {data: mt, judge: {rule: reference-match}, "
                      "baseline: m}\n",
                      "none.db");
    assert_string_equal(outcome.err.message,
                        "the rule judges single answers, not pairs: no baseline");
    outcome = api_run(server, other,
                      "suites:\n  - mt_bench: {data: mt, judge: {import: said.jsonl}, baseline: "
                      "o}\n",
                      "none.db");
    assert_string_equal(outcome.err.message,
                        "baseline: there is no model o here, and no such file");
    assert_int_equal(test_server_count(server), 0);
    test_server_stop(server);
}

#define SAID_BY(judge, id, turn, prompt, asked, said, score)                                       \
    "{\"question_id\": " id ", \"model\": \"m\", \"judge\": [\"" judge                             \
    "\", \"single-math-v1" prompt "\"], \"user_prompt\": \"" asked "\", \"judgment\": \"" said     \
    "\", \"score\": " score ", \"turn\": " turn ", \"tstamp\": 1.0}\n"

static void judgments_are_imported_for_the_answers_that_they_are_of(void **state)
{
    (void)state;
    static const char suites[] = "suites:\n  - mt_bench: {data: mt, judge: {import: said.jsonl, "
                                 "repeat: 2}}\n";
    int n_left = 20;
    struct test_server *server = test_server_start(answer, &n_left);
    write_judge_prompts("Judge!");
    test_write_text(
        "said.jsonl",
        SAID_BY("gpt-4", "3", "1", "", "rate ask 3a | one 3 | one 3", "Well: [[9]]",
                "9") SAID_BY("gpt-4", "3", "1", "", "rate ask 3a | one 3 | one 3", "[[6]]", "6")
            SAID_BY("gpt-4", "4", "1", "", "rate ask 4a | one 4 | four", "[[2]]", "2") SAID_BY(
                "gpt-4", "5", "2", "-multi-turn", "rate ask 5a ask 5b | one 5 two 5", "[[4]]", "4")
                SAID_BY("gpt-4", "6", "1", "", "rate ask 6a | one 6 | one 6", "no", "-1")
                    SAID_BY("gpt-4", "7", "1", "", "rate ask 7a | one 7 | one 7", "[[11]]", "11"));
    struct api_outcome outcome = api_run(server, "", suites, "import.db");
    if (!outcome.ok) fail_msg("%s", outcome.err.message);
    assert_int_equal(test_server_count(server), 20); /* answers, and no judge */
    assert_true(api_run_number("import.db", "SELECT count(*) FROM judge_call") == 5);
    assert_true(api_run_number("import.db",
                               "SELECT count(*) FROM v_judgments WHERE judge = 'gpt-4' AND "
                               "item = '3/1' AND reply = 'Well: [[9]]'") == 1);
    assert_true(api_run_number("import.db",
                               "SELECT n FROM v_scores WHERE subset = '' AND protocol = "
                               "'judge gpt-4' AND metric = 'points'") == 2);
    assert_true(api_run_number("import.db", "SELECT score FROM v_scores WHERE subset = ''") ==
                5.75);
    assert_true(api_run_number("import.db", "SELECT count FROM note WHERE kind = 'judged'") == 3);
    assert_true(api_run_number("import.db",
                               "SELECT count FROM note WHERE kind = 'judgment_missing' AND "
                               "text GLOB '*in the file*'") == 37);
    /* More judgments: the answers stay as they are. */
    test_write_text("said.jsonl",
                    SAID_BY("gpt-4", "4", "1", "", "rate ask 4a | one 4 | one 4", "[[1]]", "1"));
    char again[256];
    snprintf(again, sizeof again, "name: again\n%s", suites);
    outcome = api_run(server, "", again, "import.db");
    if (!outcome.ok) fail_msg("%s", outcome.err.message);
    assert_int_equal(test_server_count(server), 20);
    assert_true(api_run_number("import.db",
                               "SELECT score FROM v_scores WHERE subset = '' AND run = 2") == 1);
    test_server_stop(server);
}

static void choices_are_scored_where_the_server_echoes(void **state)
{
    static const char *const before[] = {"", "\"<|begin_of_text|>\",", "\"\","};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(before); i++) {
        char db[32];
        snprintf(db, sizeof db, "mmlu%zu.db", i);
        struct test_server *server = test_server_start(echo, (void *)(uintptr_t)before[i]);
        struct api_outcome outcome = api_run(server, ", logprobs: echo", MMLU, db);
        if (!outcome.ok) fail_msg("%s", outcome.err.message);
        assert_int_equal(test_server_count(server), 8);
        assert_true(
            api_run_number(db, "SELECT score FROM v_scores WHERE subset = '' AND metric = 'acc'") ==
            50);
        assert_true(api_run_number(db, "SELECT count(*) FROM v_items WHERE predicted = 'C'") == 2);
        assert_true(api_run_number(db, "SELECT margin FROM v_items WHERE correct") == 1.75);
        test_server_stop(server);
    }
}

static void a_server_that_does_not_echo_is_told_at_its_first_reply(void **state)
{
    (void)state;
    struct test_server *server = test_server_start(forget, NULL);
    struct api_outcome outcome = api_run(server, ", logprobs: echo", "name: f\n" MMLU, "forget.db");
    assert_false(outcome.ok);
    assert_int_equal(outcome.err.code, ERR_JOBS);
    assert_non_null(strstr(outcome.err.message,
                           "/v1/completions: the server does not echo prompt and choice with their "
                           "log-probabilities (its tokens spell another text): choices cannot be "
                           "scored, only texts generated"));
    assert_true(test_server_count(server) <= 2); /* one of each connection */
    assert_true(api_run_number("forget.db", "SELECT count(*) FROM response") == 0);
    test_server_stop(server);
}

static void check_refused(struct test_server *server, const char *suites, const char *message)
{
    struct api_outcome outcome = api_run(server, "", suites, "none.db");
    assert_false(outcome.ok);
    assert_int_equal(outcome.err.code, ERR_CONFIG);
    assert_string_equal(outcome.err.message, message);
    assert_int_equal(outcome.err.line, 4);
}

static void what_a_server_cannot_do_is_said_before_anything_is_asked(void **state)
{
    (void)state;
    struct test_server *server = test_server_start(answer, NULL);
    check_refused(server, MMLU,
                  "mmlu/hendrycks scores choices, which takes a server that echoes "
                  "log-probabilities (say so with \"logprobs: echo\" in the api of m); suites and "
                  "protocols in which texts are written are possible");
    check_refused(server, "suites:\n  - throughput: {}\n",
                  "throughput measures this machine, and m is behind an API: leave one out");
    test_write_text("text.txt", "some text");
    check_refused(server, "suites:\n  - perplexity: {data: text.txt}\n",
                  "perplexity needs every logit, and m is behind an API: suites that score choices "
                  "or have texts written are possible");
    struct api_outcome outcome =
        api_run(server, ", key_env: PHIBENCH_NO_SUCH_KEY", MT_BENCH, "none.db");
    assert_string_equal(outcome.err.message, "the environment variable PHIBENCH_NO_SUCH_KEY, which "
                                             "holds the key, is not set");
    assert_int_equal(test_server_count(server), 0);
    assert_false(file_exists("none.db"));
    test_server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_turns_are_answered_and_a_run_goes_on),
        cmocka_unit_test(awkward_items_are_counted_and_the_run_goes_on),
        cmocka_unit_test(a_server_that_fails_at_everything_ends_the_run_until_it_is_well),
        cmocka_unit_test(a_judge_gives_points_and_is_asked_again_where_it_gave_none),
        cmocka_unit_test(what_was_sent_otherwise_or_elsewhere_is_no_judgment),
        cmocka_unit_test(judgments_are_imported_for_the_answers_that_they_are_of),
        cmocka_unit_test(answers_of_two_models_are_compared_in_both_orders),
        cmocka_unit_test(a_baseline_is_a_model_before_the_others_or_a_file),
        cmocka_unit_test(choices_are_scored_where_the_server_echoes),
        cmocka_unit_test(a_server_that_does_not_echo_is_told_at_its_first_reply),
        cmocka_unit_test(what_a_server_cannot_do_is_said_before_anything_is_asked),
    };
    return cmocka_run_group_tests(tests, enter_folder, test_leave_folder);
}
