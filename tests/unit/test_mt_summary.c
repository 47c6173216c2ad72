/* test_mt_summary.c - published means from FastChat's judgments, missing ones counted; wins of
 * pairs, the judge's noise and agreement on sets that are worked out by hand.
 */
#include "harness/cli/mt_summary.h"

#include "tests/support/test_data.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct set {
    struct arena *arena;
    struct fastchat_questions questions;
    struct fastchat_judgments judgments;
    struct mt_results results;
};

static bool read_set(struct set *set, const char *file)
{
    char path[512], name[256];
    snprintf(name, sizeof name, "mt_bench/model_judgment/%s", file);
    if (!test_data_path(path, sizeof path, name)) return false;
    *set = (struct set){.arena = arena_new(0, NULL)};
    assert_true(fastchat_read_judgments(path, set->arena, &set->judgments, NULL));
    assert_non_null(test_data_path(path, sizeof path, "mt_bench/question.jsonl"));
    assert_true(fastchat_read_questions(path, set->arena, &set->questions, NULL));
    assert_true(mt_summarize(&set->judgments, &set->questions, set->arena, &set->results, NULL));
    return true;
}

static void llama_2_7b_chat_has_its_published_means(void **state)
{
    static const double categories[] = {8.9, 7.7, 4.25, 2.4, 3, 6.5, 8.65, 8.75};
    (void)state;
    struct set set;
    if (!read_set(&set, "official_Llama-2-7b-chat_plus_lyre.gpt-4_single.jsonl")) skip();
    assert_int_equal(set.results.n_scores, 4);
    const struct mt_scores *scores = &set.results.scores[0]; /* the best comes first */
    assert_string_equal(scores->model, "Llama-2-7b-chat");
    assert_string_equal(scores->judge, "gpt-4");
    assert_true(scores->all.mean == 6.26875);
    assert_true(scores->turns[0].mean == 6.4125);
    assert_true(scores->turns[1].mean == 6.125);
    assert_int_equal(scores->all.n, 160);
    assert_int_equal(scores->n_missing + scores->n_absent + scores->n_outside, 0);
    assert_int_equal(set.results.n_categories, 8);
    assert_string_equal(set.results.categories[4], "coding");
    for (size_t i = 0; i < 8; i++)
        if (fabs(scores->categories[i].mean - categories[i]) > 1e-12)
            fail_msg("%s: %g", set.results.categories[i], scores->categories[i].mean);
    assert_true(isnan(scores->judge_error));
    /* Turns of a question resemble each other: the clustered error, which is that of the means of
     * 80 questions, exceeds the plain one, 0.302. */
    assert_true(fabs(scores->all.error - 0.3766255642737983) < 1e-12);
    arena_free(set.arena);
}

static void judgments_without_a_score_are_counted_and_in_no_mean(void **state)
{
    (void)state;
    struct set set;
    size_t n_missing = 0, n_scores = 0;
    if (!read_set(&set, "failed_scores_wgm20.gpt-4_single.jsonl")) skip();
    assert_int_equal(set.results.n_scores, 5);
    for (size_t i = 0; i < 5; i++) {
        n_missing += set.results.scores[i].n_missing;
        n_scores += set.results.scores[i].all.n;
        assert_int_equal(set.results.scores[i].n_absent, 0);
    }
    assert_int_equal(n_missing, 15);
    assert_int_equal(n_scores, 785);
    assert_string_equal(set.results.scores[2].model, "mistral-7b_dolphin_orca_labonne_dpo");
    assert_int_equal(set.results.scores[2].n_missing, 14);
    assert_true(fabs(set.results.scores[2].turns[1].mean - 536.5 / 73) < 1e-12);
    arena_free(set.arena);
}

/* ---- Sets made by hand ---- */

/* The id of a question, which is a digit. */
static struct fastchat_id id_of(int64_t question)
{
    static const char *const digits[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    assert_in_range(question, 0, 9);
    return (struct fastchat_id){digits[question], false};
}

static struct fastchat_judgment single(int64_t question, int64_t turn, double score)
{
    return (struct fastchat_judgment){.question = id_of(question),
                                      .models = {"m"},
                                      .judge = "j",
                                      .prompt_name = "single-v1",
                                      .user_prompts = {"of the answer"},
                                      .judgments = {"so"},
                                      .rest = "",
                                      .score = score,
                                      .turn = turn};
}

static struct fastchat_judgment pair(int64_t question, const char *first, const char *second)
{
    return (struct fastchat_judgment){.question = id_of(question),
                                      .is_pair = true,
                                      .models = {"m", "b"},
                                      .judge = "j",
                                      .prompt_name = "pair-v2",
                                      .winners = {first, second},
                                      .turn = 1};
}

static const char *const two_turns[] = {"a", "b"};
static struct fastchat_question questions[] = {
    {.id = {"1", false}, .category = "writing", .turns = {two_turns, 2}},
    {.id = {"2", false}, .category = "math", .turns = {two_turns, 2}},
};
static const struct fastchat_questions two_questions = {.items = questions, .n = 2};

static void the_judges_noise_is_what_repetitions_differ_by(void **state)
{
    (void)state;
    struct fastchat_judgment items[] = {single(1, 1, 4),
                                        single(1, 1, 6),
                                        single(1, 2, 7),
                                        single(1, 2, 7),
                                        single(2, 1, FASTCHAT_MISSING),
                                        single(2, 1, 12)};
    const struct fastchat_judgments judgments = {.items = items, .n = 6};
    struct mt_results results;
    struct arena *arena = arena_new(0, NULL);
    assert_true(mt_summarize(&judgments, &two_questions, arena, &results, NULL));
    const struct mt_scores *scores = &results.scores[0];
    assert_true(fabs(scores->all.mean - 24.0 / 4) < 1e-12);
    assert_int_equal(scores->n_missing, 2);
    assert_int_equal(scores->n_absent, 1); /* turn 2 of question 2 */
    assert_int_equal(scores->n_outside, 1);
    /* Squares about the means of the cells: 1 + 1 + 0 + 0, of two free ones. */
    assert_true(fabs(scores->judge_deviation - 1) < 1e-12);
    assert_true(fabs(scores->judge_error - 1 / sqrt(4)) < 1e-12);
    assert_int_equal(scores->categories[1].n, 0);
    arena_free(arena);
}

static void other_answers_under_the_same_names_are_no_noise(void **state)
{
    (void)state;
    struct fastchat_judgment items[] = {single(1, 1, 2), single(1, 1, 9), single(1, 1, 9)};
    struct fastchat_judgments judgments = {.items = items, .n = 2};
    struct mt_results results;
    struct arena *arena = arena_new(0, NULL);
    items[0].user_prompts[0] = "of another answer";
    assert_true(mt_summarize(&judgments, &two_questions, arena, &results, NULL));
    assert_true(results.scores[0].all.mean == 5.5 && isnan(results.scores[0].judge_error));
    /* A line that stands there twice is one judgment; the same opinion at another time is not. */
    judgments.n = 3;
    assert_int_equal(fastchat_drop_duplicates(&judgments), 1);
    assert_int_equal(judgments.n, 2);
    assert_true(items[0].score == 2 && items[1].score == 9);
    items[2] = items[1];
    items[2].unix_s = 1;
    judgments.n = 3;
    assert_int_equal(fastchat_drop_duplicates(&judgments), 0);
    assert_true(mt_summarize(&judgments, &two_questions, arena, &results, NULL));
    assert_true(results.scores[0].all.n == 3 && results.scores[0].judge_deviation == 0);
    arena_free(arena);
}

static void no_interval_leaves_the_scale(void **state)
{
    (void)state;
    struct fastchat_judgment items[] = {single(1, 1, 10), single(2, 1, 9), pair(1, "tie", "tie"),
                                        pair(2, "model_1", "model_1")};
    const struct fastchat_judgments judgments = {.items = items, .n = 4};
    struct mt_results results;
    struct arena *arena = arena_new(0, NULL);
    assert_true(mt_summarize(&judgments, &two_questions, arena, &results, NULL));
    const struct estimate *all = &results.scores[0].all, *rate = &results.wins[0].rate;
    assert_true(all->mean + 1.9 * all->error > 10);
    /* Two questions, one degree of freedom: 12.7 errors. */
    assert_true(all->interval.high == 10);
    assert_true(fabs(all->interval.low - (9.5 - 12.706204736174707 * 0.5)) < 1e-9);
    assert_true(rate->mean == 0.75 && rate->interval.high == 1);
    items[0].score = 1e20; /* a judge that knows no scale */
    assert_true(mt_summarize(&judgments, &two_questions, arena, &results, NULL));
    all = &results.scores[0].all;
    assert_true(all->mean == 9 && all->n == 1 && results.scores[0].n_outside == 1);
    arena_free(arena);
}

static void a_pair_is_won_where_both_orders_say_so(void **state)
{
    (void)state;
    struct fastchat_judgment items[] = {
        pair(1, "model_1", "model_1"), pair(2, "model_1", "model_2"), pair(3, "model_1", "tie"),
        pair(4, "tie", "tie"),         pair(5, "model_2", "model_2"), pair(6, "model_2", "error")};
    const struct fastchat_judgments judgments = {.items = items, .n = 6};
    struct mt_results results;
    struct arena *arena = arena_new(0, NULL);
    assert_true(mt_summarize(&judgments, &two_questions, arena, &results, NULL));
    assert_int_equal(results.n_scores, 0);
    assert_int_equal(results.n_wins, 1);
    const struct mt_wins *wins = &results.wins[0];
    assert_int_equal(wins->n_wins, 1);
    assert_int_equal(wins->n_ties, 3);
    assert_int_equal(wins->n_losses, 1);
    assert_int_equal(wins->n_missing, 1);
    assert_int_equal(wins->n_swapped, 1);
    assert_true(wins->rate.mean == 0.5);
    arena_free(arena);
}

static void agreement_compares_answers_that_both_have_judged(void **state)
{
    (void)state;
    struct fastchat_judgment first[] = {single(1, 1, 4),      single(1, 1, 6),
                                        single(1, 2, 8),      single(2, 1, 2),
                                        single(2, 2, 9),      pair(1, "model_1", "model_1"),
                                        pair(2, "tie", "tie")};
    struct fastchat_judgment second[] = {single(1, 1, 5),
                                         single(1, 2, 7),
                                         single(2, 1, 5),
                                         single(2, 2, FASTCHAT_MISSING),
                                         pair(1, "model_1", "model_1"),
                                         pair(2, "model_2", "model_2")};
    const struct fastchat_judgments a = {first, 7, {0}}, b = {second, 6, {0}},
                                    none = {second + 3, 1, {0}};
    struct mt_agreement agreement;
    struct err err = {0};
    assert_true(mt_compare(&a, &b, &agreement, &err));
    assert_int_equal(agreement.n, 3); /* 5 and 5, 8 and 7, 2 and 5 */
    assert_int_equal(agreement.n_equal, 1);
    assert_int_equal(agreement.n_near, 2);
    assert_true(fabs(agreement.difference + 2.0 / 3) < 1e-12);
    assert_true(fabs(agreement.absolute - 4.0 / 3) < 1e-12);
    assert_true(fabs(agreement.correlation - sqrt(3) / 2) < 1e-12);
    assert_int_equal(agreement.n_pairs, 2);
    assert_int_equal(agreement.n_same_winner, 1);
    assert_false(mt_compare(&a, &none, &agreement, &err));
    assert_string_equal(err.message, "the two sets judge no answer in common");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(llama_2_7b_chat_has_its_published_means),
        cmocka_unit_test(judgments_without_a_score_are_counted_and_in_no_mean),
        cmocka_unit_test(the_judges_noise_is_what_repetitions_differ_by),
        cmocka_unit_test(other_answers_under_the_same_names_are_no_noise),
        cmocka_unit_test(no_interval_leaves_the_scale),
        cmocka_unit_test(a_pair_is_won_where_both_orders_say_so),
        cmocka_unit_test(agreement_compares_answers_that_both_have_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
