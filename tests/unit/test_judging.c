/* test_judging.c - prompts for judges equal to those that FastChat sent, replies read as it reads
 * them, and the rule that needs no judge.
 */
#include "suites/judging.h"

#include "tests/support/test_data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void prompts_and_temperatures_follow_the_category(void **state)
{
    (void)state;
    assert_string_equal(judging_prompt_name(false, "writing", 1), "single-v1");
    assert_string_equal(judging_prompt_name(false, "stem", 2), "single-v1-multi-turn");
    assert_string_equal(judging_prompt_name(false, "math", 1), "single-math-v1");
    assert_string_equal(judging_prompt_name(false, "coding", 2), "single-math-v1-multi-turn");
    assert_string_equal(judging_prompt_name(true, "roleplay", 1), "pair-v2");
    assert_string_equal(judging_prompt_name(true, "humanities", 2), "pair-v2-multi-turn");
    assert_string_equal(judging_prompt_name(true, "reasoning", 1), "pair-math-v1");
    assert_string_equal(judging_prompt_name(true, "math", 2), "pair-math-v1-multi-turn");
    assert_true(judging_temperature("writing") == 0.7 && judging_temperature("roleplay") == 0.7);
    assert_true(judging_temperature("stem") == 0.1 && judging_temperature("humanities") == 0.1);
    assert_true(judging_temperature("extraction") == 0 && judging_temperature("math") == 0);
    assert_true(judging_temperature("something else") == 0.7);
    assert_false(judging_has_reference("extraction"));
}

static void check_score(const char *reply, double score, bool is_whole)
{
    bool whole;
    double read = judging_read_score(reply, &whole);
    if (read != score || whole != is_whole)
        fail_msg("\"%s\": %g, %s", reply, read, whole ? "whole" : "not whole");
}

static void scores_are_the_first_number_in_brackets(void **state)
{
    (void)state;
    check_score("Rating: [[8]]", 8, true);
    check_score("[[7.5]] or [[3]]", 7.5, false);
    check_score("[[8.]]", 8, false);
    check_score("[3] first, then [[9]]", 9, true); /* two brackets come before one */
    check_score("[1] is a footnote. Rating: [6]", 1, true);
    check_score("Rating: [ 5 ] or [[5/10]] or [[-1]]", FASTCHAT_MISSING, true);
    check_score("[[[4]]]", 4, true);
    check_score("[[.5]]", FASTCHAT_MISSING, true);
    check_score("Rating: 7", FASTCHAT_MISSING, true);
    check_score("", FASTCHAT_MISSING, true);
    check_score("[[7", FASTCHAT_MISSING, true);
}

static void a_number_that_is_not_on_the_scale_is_no_score(void **state)
{
    (void)state;
    char nines[420] = "[[";
    memset(nines + 2, '9', 400);
    strcpy(nines + 402, "]]");
    check_score("[[1]]", 1, true);
    check_score("[[10.0]]", 10, false);
    check_score("Rating: [[0]]", FASTCHAT_MISSING, true);
    check_score("[[0.99]]", FASTCHAT_MISSING, true);
    check_score("[[10.01]]", FASTCHAT_MISSING, true);
    check_score("[11]", FASTCHAT_MISSING, true);
    check_score("[[-3]] [[1e999]] [[nan]] [[99999999999999999999]]", FASTCHAT_MISSING, true);
    check_score(nines, FASTCHAT_MISSING, true);
    /* What follows the rating is not taken in its place. */
    check_score("[[11]], as [[5]] or [5] are", FASTCHAT_MISSING, true);
}

static void winners_are_looked_for_in_fastchats_order(void **state)
{
    (void)state;
    assert_int_equal(judging_read_winner("So: [[B]]"), 'B');
    assert_int_equal(judging_read_winner("not [[B]] but [[A]]"), 'A');
    assert_int_equal(judging_read_winner("a tie: [[C]]"), 'C');
    assert_int_equal(judging_read_winner("[A] wins"), 0);
    assert_true(judging_read_win("So: [[B]]", true) == 1 && judging_read_win("[[B]]", false) == 0);
    assert_true(judging_read_win("So: [[A]]", true) == 0 && judging_read_win("[[A]]", false) == 1);
    assert_true(judging_read_win("[[C]]", true) == 0.5 && judging_read_win("[[C]]", false) == 0.5);
    assert_true(judging_read_win("[A]", true) == FASTCHAT_MISSING);
    assert_true(judging_is_pair(judging_prompt_name(true, "math", 2)));
    assert_false(judging_is_pair(judging_prompt_name(false, "math", 2)));
}

static void a_score_in_the_reasoning_is_none(void **state)
{
    struct fastchat_judgment single = {.judgments = {"<think>[[4]]?</think>[[9.5]]"}, .score = 4};
    struct fastchat_judgment pair = {
        .is_pair = true,
        .judgments = {"<think>[[A]]</think>[[B]]", "It is [[B]]</think>[[A]]"},
        .winners = {"model_1", "model_1"}};
    (void)state;
    check_score("<think>Say [[4]] first</think>\n[[9]]", 9, true);
    check_score("Say [[4]] first</think>\n[[9.0]]", 9, false);
    check_score("<think>Say [[4]]", FASTCHAT_MISSING, true);
    check_score("<think>Say [[4]]</think>good", FASTCHAT_MISSING, true);
    check_score("[[9]] <think>or [[4]]</think>", 9, true);
    assert_int_equal(judging_read_winner("<think>[[A]]</think> [[B]]"), 'B');
    assert_int_equal(judging_read_winner("<think>[[A]]"), 0);
    /* Of judgments that somebody else has read. */
    judging_correct(&single);
    assert_true(single.score == 9.5 && !single.score_is_whole);
    judging_correct(&pair);
    assert_string_equal(pair.winners[0], "model_2");
    assert_string_equal(pair.winners[1], "model_2");
    pair.judgments[0] = "<think>[[A]]";
    judging_correct(&pair);
    assert_string_equal(pair.winners[0], "error");
    single = (struct fastchat_judgment){.judgments = {"no number"}, .score = 4};
    judging_correct(&single); /* no reasoning: the file's score stays */
    assert_true(single.score == 4);
}

static void check_rendered(const char *template, const char *expected, const char *fault)
{
    const struct fastchat_prompt prompt = {.name = "p", .template = template};
    const struct judging_case judged = {
        .questions = {"Q1", "Q2"}, .references = {"R1", NULL}, .answers = {{"A1", "A2"}, {"B1"}}};
    struct err err = {0};
    struct buf out = {0};
    bool ok = judging_render(&prompt, &judged, &out, &err);
    assert_int_equal(ok, expected != NULL);
    if (ok) assert_string_equal(buf_string(&out), expected);
    else assert_string_equal(err.message, fault);
    buf_free(&out);
}

static void templates_are_pythons(void **state)
{
    (void)state;
    check_rendered("{question}|{question_1}|{question_2}|{ref_answer_1}", "Q1|Q1|Q2|R1", NULL);
    check_rendered("{answer}{answer_1}{answer_2} {answer_a}{answer_a_2} {answer_b}{answer_b_1}",
                   "A1A1A2 A1A2 B1B1", NULL);
    check_rendered("{{answer}} }}{{", "{answer} }{", NULL);
    check_rendered("{ref_answer_2}", NULL,
                   "the judge prompt p asks for {ref_answer_2}, which this question does not have");
    check_rendered("{answers}", NULL,
                   "the judge prompt p asks for {answers}, which is no field of it");
    check_rendered("a { b", NULL, "the judge prompt p has a brace without its partner");
    check_rendered("a } b", NULL, "the judge prompt p has a brace without its partner");
}

/* ---- Against what FastChat sent ---- */

struct real {
    struct arena *arena;
    struct fastchat_questions questions;
    struct fastchat_answers references;
    struct fastchat_prompts prompts;
    struct fastchat_judgments judgments;
};

/* The text between the first `before` from *at on and `after`; *at moves past it. */
static const char *between(struct real *real, const char **at, const char *before,
                           const char *after)
{
    const char *begin = strstr(*at, before);
    assert_non_null(begin);
    begin += strlen(before);
    const char *end = strstr(begin, after);
    assert_non_null(end);
    *at = end;
    return arena_copy(real->arena, begin, (size_t)(end - begin), NULL);
}

/* The model's answers stand in FastChat's prompt; all else must come from our files. */
static void check_prompt(struct real *real, const struct fastchat_judgment *judgment)
{
    const struct fastchat_question *question =
        fastchat_find_question(&real->questions, judgment->question);
    const struct fastchat_answer *reference =
        fastchat_find_answer(&real->references, judgment->question);
    struct judging_case judged = {
        .questions = {question->turns.items[0], question->turns.items[1]}};
    const char *at = judgment->user_prompts[0];
    if (judgment->turn == 1) {
        judged.answers[0][0] = between(real, &at, "[The Start of Assistant's Answer]\n",
                                       "\n[The End of Assistant's Answer]");
    } else {
        judged.answers[0][0] = between(real, &at, "### Assistant A:\n", "\n\n### User:\n");
        judged.answers[0][1] = between(real, &at, "### Assistant A:\n", "\n\n<|The End of");
    }
    const char *name = judging_prompt_name(false, question->category, (int)judgment->turn);
    assert_string_equal(name, judgment->prompt_name);
    for (size_t i = 0; judging_has_reference(question->category) && i < 2; i++)
        judged.references[i] = reference->choices[0].turns.items[i];
    struct err err = {0};
    struct buf out = {0};
    const struct fastchat_prompt *prompt = fastchat_find_prompt(&real->prompts, name);
    if (!judging_render(prompt, &judged, &out, &err)) fail_msg("%s", err.message);
    assert_string_equal(buf_string(&out), judgment->user_prompts[0]);
    buf_free(&out);
}

static void prompts_and_scores_are_those_of_fastchat(void **state)
{
    static const char *const paths[] = {
        "mt_bench/question.jsonl", "mt_bench/reference_answer/gpt-4.jsonl",
        "mt_bench/judge_prompts.jsonl",
        "mt_bench/model_judgment/official_Llama-2-7b-chat_plus_lyre.gpt-4_single.jsonl",
        "mt_bench/model_judgment/failed_scores_wgm20.gpt-4_single.jsonl"};
    (void)state;
    char path[5][512];
    for (size_t i = 0; i < 5; i++)
        if (!test_data_path(path[i], sizeof path[i], paths[i])) skip();
    struct real real = {.arena = arena_new(0, NULL)};
    assert_true(fastchat_read_questions(path[0], real.arena, &real.questions, NULL) &&
                fastchat_read_answers(path[1], real.arena, &real.references, NULL) &&
                fastchat_read_prompts(path[2], real.arena, &real.prompts, NULL) &&
                fastchat_read_judgments(path[3], real.arena, &real.judgments, NULL));
    size_t n_llama = 0;
    for (size_t i = 0; i < real.judgments.n; i++) {
        const struct fastchat_judgment *judgment = &real.judgments.items[i];
        if (strcmp(judgment->models[0], "Llama-2-7b-chat") != 0) continue;
        check_prompt(&real, judgment);
        n_llama++;
    }
    assert_int_equal(n_llama, 160);
    assert_true(fastchat_read_judgments(path[4], real.arena, &real.judgments, NULL));
    for (size_t i = 0; i < real.judgments.n; i++) {
        bool is_whole;
        const struct fastchat_judgment *judgment = &real.judgments.items[i];
        assert_true(judging_read_score(judgment->judgments[0], &is_whole) == judgment->score);
        assert_int_equal(is_whole, judgment->score_is_whole);
    }
    assert_int_equal(real.judgments.n, 1440);
    arena_free(real.arena);
}

static void the_rule_compares_words(void **state)
{
    (void)state;
    assert_true(judging_match_reference("The cat sat.", "the CAT, sat") == 10);
    assert_true(judging_match_reference("sat the cat", "The cat sat.") == 10);
    assert_true(judging_match_reference("a dog", "the cat") == 1);
    assert_true(judging_match_reference("", "the cat") == 1);
    assert_true(judging_match_reference("", "") == 1);
    /* two words of three and four in common: F1 = 4/7 */
    assert_true(judging_match_reference("cat cat sat", "the cat sat down") == 6.14);
    assert_true(judging_match_reference("caf\xc3\xa9", "CAF\xc3\xa9") == 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prompts_and_temperatures_follow_the_category),
        cmocka_unit_test(scores_are_the_first_number_in_brackets),
        cmocka_unit_test(a_number_that_is_not_on_the_scale_is_no_score),
        cmocka_unit_test(a_score_in_the_reasoning_is_none),
        cmocka_unit_test(winners_are_looked_for_in_fastchats_order),
        cmocka_unit_test(templates_are_pythons),
        cmocka_unit_test(prompts_and_scores_are_those_of_fastchat),
        cmocka_unit_test(the_rule_compares_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
