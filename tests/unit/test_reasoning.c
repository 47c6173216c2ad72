/* test_reasoning.c - what a model says to itself is told from its answer, however the block is
 * marked and whether or not it ends.
 */
#include "suites/reasoning.h"

#include "base/mem.h"
#include "harness/ask/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct example {
    const char *text;
    bool is_open; /* by its prompt */
    const char *answer, *reasoning;
    bool is_found, stays_open;
};

static const struct example EXAMPLES[] = {
    {"Paris", false, "Paris", "", false, false},
    {" \nParis ", false, " \nParis ", "", false, false},
    {"", false, "", "", false, false},
    {"<think>\nThe capital.\n</think>\nParis", false, "Paris", "The capital.", true, false},
    {"  <think>a</think>\n\nParis\n", false, "Paris\n", "a", true, false},
    {"<THINK>a</Think>Paris", false, "Paris", "a", true, false},
    {"<think></think>Paris", false, "Paris", "", true, false},
    /* The prompt has opened the block. */
    {"The capital.\n</think>\n\nParis", false, "Paris", "The capital.", true, false},
    {"The capital.\n</think>\n\nParis", true, "Paris", "The capital.", true, false},
    {"It is London", true, "", "It is London", true, true},
    {"", true, "", "", true, true},
    /* Several blocks. */
    {"<think>a</think>Par<think>b</think>is", false, "Paris", "a\nb", true, false},
    {"<think>a</think><think>b</think>Paris", false, "Paris", "a\nb", true, false},
    {"a</think>London</think>Paris", false, "Paris", "a\nLondon", true, false},
    {"<think>a<think>b</think>c</think>Paris", false, "Paris", "a<think>b\nc", true, false},
    /* Blocks that do not end. */
    {"<think>\nIs it London", false, "", "Is it London", true, true},
    {"Paris. <think>Or [[1]]?", false, "Paris. ", "Or [[1]]?", true, true},
    {"<think>a</think>b<think>c", false, "b", "a\nc", true, true},
    /* Other marks, which do not end each other. */
    {"[THINK]a</think>b[/THINK]Paris", false, "Paris", "a</think>b", true, false},
    {"<seed:think>a</seed:think>Paris", false, "Paris", "a", true, false},
    {"\u25c1think\u25b7a\u25c1/think\u25b7Paris", false, "Paris", "a", true, false},
    {"<|begin_of_thought|>a<|end_of_thought|>Paris", false, "Paris", "a", true, false},
    {"<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>Paris",
     false, "Paris", "a<|end|><|start|>assistant", true, false},
    /* Words of markup are marks at the beginning alone. */
    {"<thinking>a</thinking>Paris", false, "Paris", "a", true, false},
    {"Write <thinking>a</thinking>.", false, "Write <thinking>a</thinking>.", "", false, false},
    {"a < b <thin> \xe2\x82\xac", false, "a < b <thin> \xe2\x82\xac", "", false, false},
};

static void reasoning_and_answer_are_told_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(EXAMPLES); i++) {
        const struct example *example = &EXAMPLES[i];
        struct reasoning_parts parts;
        reasoning_split(example->text, strlen(example->text), example->is_open, &parts);
        if (strcmp(buf_string(&parts.answer), example->answer) != 0 ||
            strcmp(buf_string(&parts.reasoning), example->reasoning) != 0 ||
            parts.is_found != example->is_found || parts.is_open != example->stays_open)
            fail_msg("%s: answer \"%s\", reasoning \"%s\"", example->text,
                     buf_string(&parts.answer), buf_string(&parts.reasoning));
        reasoning_done(&parts);
    }
}

static bool awaits(const char *text, bool is_open)
{
    return reasoning_awaits_answer(text, strlen(text), is_open);
}

static void stop_strings_wait_for_the_answer(void **state)
{
    (void)state;
    assert_true(awaits("<think>\nThe", false));
    assert_true(awaits("<think>\nThe</think>\n\n", false));
    assert_false(awaits("<think>\nThe</think>\n\nParis", false));
    assert_true(awaits("The", true));
    assert_false(awaits("The</think>Paris", true));
    assert_false(awaits("", false));
    assert_false(awaits("Paris", false));
}

static void a_prompt_may_open_a_block(void **state)
{
    (void)state;
    assert_true(reasoning_is_opened_by("<|assistant|><think>\n", 21));
    assert_true(reasoning_is_opened_by("[THINK]", 7));
    assert_false(reasoning_is_opened_by("<think>\n\n</think>\n\n", 18));
    assert_false(reasoning_is_opened_by("say <think>\n<|assistant|>\n", 26));
    assert_false(reasoning_is_opened_by("", 0));
    assert_true(reasoning_is_mark("</think>", 8));
    assert_true(reasoning_is_mark("<think>", 7));
    assert_false(reasoning_is_mark("<think>a", 8));
    assert_false(reasoning_is_mark("", 0));
}

static void a_stored_text_of_an_older_program_is_told_apart_when_it_is_read(void **state)
{
    (void)state;
    static const char stored[] =
        "{\"answered\":true,\"choices\":[],\"text\":\"<think>London?</"
        "think>Paris\",\"prompt_tokens\":"
        "1,\"new_tokens\":1,\"dropped_shots\":0,\"cut_tokens\":0,\"double_bos\":false}";
    struct err err = {0};
    struct response response;
    struct buf again = {0};
    struct arena *arena = arena_new(0, &err);
    if (!response_read(stored, strlen(stored), &response, arena, &err)) fail_msg("%s", err.message);
    assert_string_equal(response.text, "Paris");
    assert_string_equal(response.reasoning, "London?");
    response.is_reasoning_unfinished = response.has_unknown_tokens = true;
    response_write(&response, &again);
    if (!response_read(buf_string(&again), again.n_bytes, &response, arena, &err))
        fail_msg("%s", err.message);
    assert_string_equal(response.text, "Paris");
    assert_string_equal(response.reasoning, "London?");
    assert_true(response.is_reasoning_unfinished && response.has_unknown_tokens);
    buf_free(&again);
    arena_free(arena);
}

static bool look_at(void *context, size_t i_request, const struct response *response,
                    struct err *err)
{
    (void)context, (void)i_request, (void)err;
    assert_string_equal(response->text, "");
    assert_true(response->is_reasoning_unfinished);
    assert_true(strlen(response->reasoning) > 4);
    assert_int_equal(response->n_new_tokens, 24);
    assert_null(response->stop);
    return true;
}

static void the_engine_has_room_for_reasoning_that_no_stop_string_ends(void **state)
{
    static const char *const prompt = "The question of the day: <think>\n", *const stops[] = {
                                                                                "e", "a", "t", " "};
    const struct request request = {.kind = REQUEST_GENERATE,
                                    .prompts = &prompt,
                                    .n_prompts = 1,
                                    .max_new_tokens = 20,
                                    .stops = stops,
                                    .n_stops = COUNT_OF(stops)};
    const struct client_options options = {
        .reasoning_tokens = 4,
        .shares_prefixes = true,
        .session = {.n_threads = 1, .batch_tokens = 64, .context_tokens = 128}};
    const struct client_sink sink = {look_at, NULL, NULL};
    struct err err = {0};
    struct model_options model_options = model_default_options();
    (void)state;
    model_options.n_threads = 1;
    struct model *model = model_open("synth:tiny:q8_0", &model_options, &err);
    struct client *client = model ? client_open_engine(model, &options, &err) : NULL;
    if (!client || !client_ask(client, &request, 1, &sink, &err)) fail_msg("%s", err.message);
    client_close(client);
    model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reasoning_and_answer_are_told_apart),
        cmocka_unit_test(stop_strings_wait_for_the_answer),
        cmocka_unit_test(a_prompt_may_open_a_block),
        cmocka_unit_test(the_engine_has_room_for_reasoning_that_no_stop_string_ends),
        cmocka_unit_test(a_stored_text_of_an_older_program_is_told_apart_when_it_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
