/* test_judge_rounds.c - a server that judges: what is judged is not asked, a reply without a score
 * is asked for once more, windows are finished one after the other, a game counts for its player.
 */
#include "harness/run/judge_rounds.h"

#include "suites/judging.h"
#include "tests/support/test_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N_CALLS = 300, MUTE = 7, SLOW = 150, JUDGED = 20 };

/* Call 7 never gets a score, 150 at the second time, after one that is none; the others the last
 * digit of their number, and one more. */
struct judge {
    int n_asked[N_CALLS];
};

static void judge(void *context, const struct test_call *call, struct test_reply *reply)
{
    struct judge *judge = context;
    const char *at = strstr(call->body, "call ");
    int i = at ? atoi(at + 5) : 0;
    int score = i == SLOW && !judge->n_asked[i] ? 11 : i % 10 + 1;
    judge->n_asked[i]++;
    snprintf(reply->body, sizeof reply->body,
             "{\"choices\": [{\"message\": {\"content\": \"%s%d%s\"}}]}", i == MUTE ? "none" : "[[",
             score, i == MUTE ? "" : "]]");
}

static void say_a(void *context, const struct test_call *call, struct test_reply *reply)
{
    (void)context, (void)call;
    snprintf(reply->body, sizeof reply->body,
             "{\"choices\": [{\"message\": {\"content\": \"[[A]]\"}}]}");
}

/* What the sink was told. */
struct seen {
    struct judge_call *calls;
    size_t order[2 * N_CALLS], n;
    bool was_last[N_CALLS];
    size_t reopened; /* a call that is opened again when the one after it is answered; 0: none */
};

static bool keep(void *context, size_t i_call, const struct response *response, bool is_last,
                 struct err *err)
{
    struct seen *seen = context;
    (void)err;
    assert_non_null(response->text);
    seen->order[seen->n++] = i_call;
    seen->was_last[i_call] = is_last;
    if (seen->reopened && i_call == seen->reopened + 1) {
        seen->calls[seen->reopened].is_judged = false;
        seen->reopened = 0;
    }
    return true;
}

static void ask(test_reply_fn *answer, void *context, struct judge_call *calls, size_t n,
                struct seen *seen)
{
    struct test_server *server = test_server_start(answer, context);
    const struct api_options api = {.base_url = test_server_url(server),
                                    .model = "j",
                                    .n_concurrent = 4,
                                    .timeout_s = 10,
                                    .wait_s = 0.01};
    struct mt_speaker speaker;
    struct err err = {0};
    seen->calls = calls;
    if (!mt_speaker_open_api(&speaker, &api, NULL, &err) ||
        !judge_rounds_ask(&speaker, calls, n, keep, seen, &err))
        fail_msg("%s", err.message);
    mt_speaker_close(&speaker);
    test_server_stop(server);
}

static void make_calls(struct judge_call calls[N_CALLS], const char *prompts[N_CALLS],
                       char texts[N_CALLS][16])
{
    for (size_t i = 0; i < N_CALLS; i++) {
        snprintf(texts[i], sizeof texts[i], "call %zu.", i);
        prompts[i] = texts[i];
        calls[i] = (struct judge_call){
            .request = {.kind = REQUEST_CHAT, .prompts = &prompts[i], .n_prompts = 1},
            .prompt_name = "single-v1",
            .is_judged = i == JUDGED};
    }
}

static void a_reply_without_a_score_is_asked_for_once_more_within_its_window(void **state)
{
    static struct judge_call calls[N_CALLS];
    static const char *prompts[N_CALLS];
    static char texts[N_CALLS][16];
    struct judge context = {{0}};
    struct seen seen = {0};
    (void)state;
    make_calls(calls, prompts, texts);
    ask(judge, &context, calls, N_CALLS, &seen);
    assert_int_equal(seen.n, N_CALLS - 1 + 2);
    for (size_t i = 0; i < N_CALLS; i++) {
        bool is_twice = i == MUTE || i == SLOW;
        assert_int_equal(context.n_asked[i], i == JUDGED ? 0 : is_twice ? 2 : 1);
        assert_int_equal(seen.was_last[i], is_twice);
        assert_int_equal(calls[i].is_judged, i != MUTE);
        if (i != MUTE && i != JUDGED)
            assert_true(calls[i].score == (double)(i % 10 + 1) && calls[i].score_is_whole);
    }
    assert_true(calls[MUTE].score == FASTCHAT_MISSING);
    assert_true(judge_rounds_are_open(calls, N_CALLS));
    assert_false(judge_rounds_are_open(calls, MUTE));
    /* A window is done with before the next one is begun. */
    size_t i_again = 0;
    for (size_t i = MUTE + 1; i < seen.n && !i_again; i++)
        if (seen.order[i] == MUTE) i_again = i;
    for (size_t i = 0; i < i_again; i++) assert_true(seen.order[i] < SLOW);
    for (size_t i = i_again; i + 1 < seen.n; i++) assert_true(seen.order[i + 1] > MUTE);
}

static void a_game_counts_for_the_answer_in_whichever_place_it_stands(void **state)
{
    static const char *const prompt = "which?";
    const struct request request = {.kind = REQUEST_CHAT, .prompts = &prompt, .n_prompts = 1};
    struct judge_call calls[] = {
        {.request = request, .prompt_name = "single-v1", .is_judged = true},
        {.request = request, .prompt_name = "pair-v2"},
        {.request = request, .prompt_name = "pair-v2", .is_b = true}};
    struct seen seen = {.reopened = 1};
    (void)state;
    ask(say_a, NULL, calls, 3, &seen);
    assert_true(calls[1].score == 1 && calls[2].score == 0);
    /* What the sink opens again is asked again. */
    assert_int_equal(seen.n, 3);
    assert_int_equal(seen.order[2], 1);
    assert_false(judge_rounds_are_open(calls, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reply_without_a_score_is_asked_for_once_more_within_its_window),
        cmocka_unit_test(a_game_counts_for_the_answer_in_whichever_place_it_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
