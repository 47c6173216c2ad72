/* test_response.c - a response goes to JSON and comes back the same, bit for bit.
 *
 * Thousands of random bit patterns stand for the doubles that a model may give.
 */
#include "suites/request.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"

static struct response read_back(const struct response *response, struct arena *arena)
{
    struct buf json = {0};
    struct response copy;
    struct err err = {0};
    response_write(response, &json);
    assert_false(json.failed);
    assert_null(strchr(buf_string(&json), '\n'));
    if (!response_read(json.data, json.n_bytes, &copy, arena, &err))
        fail_msg("%s: %s", buf_string(&json), err.message);
    buf_free(&json);
    return copy;
}

/* Bit for bit, but for the payload of a NaN. */
static void assert_same_double(double a, double b)
{
    if (isnan(a)) assert_true(isnan(b));
    else assert_memory_equal(&a, &b, sizeof a);
}

static void the_json_is_what_the_header_says(void **unused)
{
    (void)unused;
    struct choice_score choices[] = {{-1.5, 1, true, false, 1}, {-0.1, 2, false, true, 7}};
    struct response response = {.answered = true,
                                .choices = choices,
                                .n_choices = 2,
                                .n_prompt_tokens = 412,
                                .n_new_tokens = 3,
                                .n_dropped_shots = 2,
                                .n_cut_tokens = 7,
                                .duration_ns = 99};
    struct buf json = {0};
    response_write(&response, &json);
    assert_string_equal(
        buf_string(&json),
        "{\"answered\":true,\"choices\":["
        "{\"logprob\":-1.5,\"tokens\":1,\"greedy\":true,\"join_spanned\":false,\"characters\":1},"
        "{\"logprob\":-0.1,\"tokens\":2,\"greedy\":false,\"join_spanned\":true,\"characters\":7}],"
        "\"text\":null,\"prompt_tokens\":412,\"new_tokens\":3,\"dropped_shots\":2,"
        "\"cut_tokens\":7,\"double_bos\":false}");
    buf_free(&json);
}

static void every_field_comes_back(void **unused)
{
    (void)unused;
    struct arena *arena = arena_new(0, NULL);
    struct choice_score choices[] = {{-0.1, 3, true, false, 4}, {-2, 1, false, true, 0}};
    struct response response = {.answered = true,
                                .choices = choices,
                                .n_choices = 2,
                                .text = "a \"quoted\"\n\ttext \xe2\x82\xac \x01",
                                .n_prompt_tokens = 1,
                                .n_new_tokens = 2,
                                .n_dropped_shots = 3,
                                .n_cut_tokens = 4,
                                .double_bos = true,
                                .duration_ns = 5};
    struct response copy = read_back(&response, arena);
    assert_true(copy.answered && copy.double_bos);
    assert_int_equal(copy.n_choices, 2);
    assert_same_double(choices[0].logprob, copy.choices[0].logprob);
    assert_int_equal(copy.choices[0].n_tokens, 3);
    assert_int_equal(copy.choices[0].n_characters, 4);
    assert_true(copy.choices[0].is_greedy && !copy.choices[0].join_spanned);
    assert_true(!copy.choices[1].is_greedy && copy.choices[1].join_spanned);
    assert_string_equal(copy.text, response.text);
    assert_int_equal(copy.n_prompt_tokens, 1);
    assert_int_equal(copy.n_new_tokens, 2);
    assert_int_equal(copy.n_dropped_shots, 3);
    assert_int_equal(copy.n_cut_tokens, 4);
    assert_int_equal(copy.duration_ns, 0);
    arena_free(arena);
}

static void what_ended_a_text_and_what_was_read_come_back(void **unused)
{
    (void)unused;
    struct arena *arena = arena_new(0, NULL);
    struct response response = {.answered = true, .text = "a", .stop = "\n", .context = "A \xff"};
    struct response copy = read_back(&response, arena);
    assert_string_equal(copy.stop, "\n");
    assert_string_equal(copy.context, "A \xff");
    response.stop = "";
    response.context = NULL;
    copy = read_back(&response, arena);
    assert_string_equal(copy.stop, "");
    assert_null(copy.context);
    response.stop = NULL;
    assert_null(read_back(&response, arena).stop);
    arena_free(arena);
}

static void a_response_without_numbers_of_characters_is_read(void **unused)
{
    (void)unused;
    static const char OLDER[] =
        "{\"answered\":true,\"choices\":[{\"logprob\":-1.5,\"tokens\":1,\"greedy\":true,"
        "\"join_spanned\":false}],\"text\":null,\"prompt_tokens\":4,\"new_tokens\":1,"
        "\"dropped_shots\":0,\"cut_tokens\":0,\"double_bos\":false}";
    struct arena *arena = arena_new(0, NULL);
    struct response response;
    struct err err = {0};
    if (!response_read(OLDER, strlen(OLDER), &response, arena, &err)) fail_msg("%s", err.message);
    assert_int_equal(response.choices[0].n_characters, 0);
    arena_free(arena);
}

static void characters_of_a_choice_leave_out_the_space_before_it(void **unused)
{
    (void)unused;
    static const char *const LIST[] = {" caf\xc3\xa9", "  two", "none", " "};
    const struct request request = {.choices = LIST, .n_choices = 4};
    assert_int_equal(choice_characters(&request, 0), 4);
    assert_int_equal(choice_characters(&request, 1), 4);
    assert_int_equal(choice_characters(&request, 2), 4);
    assert_int_equal(choice_characters(&request, 3), 0);
}

static void characters_of_a_choice_leave_out_its_delimiter_alone(void **unused)
{
    (void)unused;
    static const char *const LIST[] = {" ab", ": ab", ""};
    struct request request = {.choices = LIST, .n_choices = 3, .delimiter = ""};
    assert_int_equal(choice_characters(&request, 0), 3);
    assert_int_equal(choice_characters(&request, 2), 0);
    request.delimiter = ": ";
    assert_int_equal(choice_characters(&request, 1), 2);
}

/* numpy divides by the length: of nothing that is minus infinity. */
static void a_choice_without_a_character_is_never_the_best_by_characters(void **unused)
{
    (void)unused;
    struct choice_score choices[] = {{.logprob = -0.1, .n_characters = 0},
                                     {.logprob = -30, .n_characters = 2}};
    const struct response response = {.answered = true, .choices = choices, .n_choices = 2};
    bool is_tie;
    assert_int_equal(response_best_choice(&response, true, &is_tie), 1);
    assert_int_equal(response_best_choice(&response, false, &is_tie), 0);
    choices[1].n_characters = 0; /* of an older store: not known */
    assert_int_equal(response_best_choice(&response, true, &is_tie), 0);
}

static void the_tokens_of_a_text_come_back(void **unused)
{
    (void)unused;
    struct token_score tokens[] = {{-1.5, -0.1, 1e-300, true}, {-INFINITY, NAN, 0, false}};
    struct response response = {.answered = true, .tokens = tokens, .n_tokens = 2};
    struct buf json = {0};
    struct arena *arena = arena_new(0, NULL);
    response_write(&response, &json);
    assert_non_null(strstr(buf_string(&json), ",\"tokens\":{\"logprob\":[-1.5,\"-inf\"]}}"));
    struct response copy = read_back(&response, arena);
    assert_int_equal(copy.n_tokens, 2);
    assert_false(copy.has_reference);
    assert_same_double(copy.tokens[1].logprob, -INFINITY);
    assert_same_double(copy.tokens[0].reference_logprob, 0);
    response.has_reference = true;
    copy = read_back(&response, arena);
    assert_true(copy.has_reference);
    for (size_t i = 0; i < 2; i++) {
        assert_same_double(copy.tokens[i].logprob, tokens[i].logprob);
        assert_same_double(copy.tokens[i].reference_logprob, tokens[i].reference_logprob);
        assert_same_double(copy.tokens[i].divergence, tokens[i].divergence);
        assert_int_equal(copy.tokens[i].same_top, tokens[i].same_top);
    }
    arena_free(arena);
    buf_free(&json);
}

static void an_unanswered_response_comes_back(void **unused)
{
    (void)unused;
    struct arena *arena = arena_new(0, NULL);
    struct response copy = read_back(&(struct response){.n_prompt_tokens = 600}, arena);
    assert_false(copy.answered);
    assert_int_equal(copy.n_choices, 0);
    assert_null(copy.text);
    assert_int_equal(copy.n_prompt_tokens, 600);
    arena_free(arena);
}

static void doubles_come_back_bit_for_bit(void **unused)
{
    (void)unused;
    static const double hard[] = {0.0,      -0.0,     0.1,
                                  -1.0 / 3, 5e-324,   -2.2250738585072e-308,
                                  1e308,    INFINITY, -INFINITY,
                                  NAN,      -745.13,  9007199254740993.0,
                                  1e22,     -1e16,    123456789012345678.0};
    struct arena *arena = arena_new(0, NULL);
    struct rng rng = {20240422};
    for (size_t i = 0; i < 5000; i++) {
        uint64_t bits = rng_next(&rng);
        struct choice_score choice = {.n_tokens = 1};
        if (i < sizeof hard / sizeof *hard) choice.logprob = hard[i];
        else memcpy(&choice.logprob, &bits, sizeof bits);
        struct response copy = read_back(
            &(struct response){.answered = true, .choices = &choice, .n_choices = 1}, arena);
        assert_same_double(choice.logprob, copy.choices[0].logprob);
    }
    arena_free(arena);
}

static void text_that_is_no_utf8_comes_back(void **unused)
{
    (void)unused;
    char every_byte[256];
    for (int i = 0; i < 255; i++) every_byte[i] = (char)(i + 1);
    every_byte[255] = 0;
    struct arena *arena = arena_new(0, NULL);
    const char *const texts[] = {every_byte, "half a euro \xe2\x82", "", "\xff"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct response copy =
            read_back(&(struct response){.answered = true, .text = texts[i]}, arena);
        assert_string_equal(copy.text, texts[i]);
    }
    arena_free(arena);
}

static void malformed_responses_are_refused_with_the_key(void **unused)
{
    (void)unused;
#define TAIL                                                                                       \
    ",\"prompt_tokens\":1,\"new_tokens\":0,\"dropped_shots\":0,\"cut_tokens\":0,\"double_bos\":"   \
    "false}"
#define TEXT_OF                                                                                    \
    "{\"answered\":true,\"choices\":[],\"text\":null,\"prompt_tokens\":1,\"new_tokens\":0,"        \
    "\"dropped_shots\":0,\"cut_tokens\":0,\"double_bos\":false,\"tokens\":{"
    static const struct {
        const char *json, *message;
    } cases[] = {
        {"", "malformed JSON"},
        {"[]", "\"answered\""},
        {"{\"answered\":1,\"choices\":[],\"text\":null" TAIL, "\"answered\""},
        {"{\"answered\":true,\"text\":null" TAIL, "\"choices\""},
        {"{\"answered\":true,\"choices\":[{}],\"text\":null" TAIL, "\"logprob\""},
        {"{\"answered\":true,\"choices\":[7],\"text\":null" TAIL, "\"logprob\""},
        {"{\"answered\":true,\"choices\":[{\"logprob\":\"x\"}],\"text\":null" TAIL, "\"logprob\""},
        {"{\"answered\":true,\"choices\":[{\"logprob\":-1,\"tokens\":1.5}],\"text\":null" TAIL,
         "\"tokens\""},
        {"{\"answered\":true,\"choices\":[{\"logprob\":-1,\"tokens\":-1}],\"text\":null" TAIL,
         "\"tokens\""},
        {"{\"answered\":true,\"choices\":[]" TAIL, "\"text\""},
        {"{\"answered\":true,\"choices\":[],\"text\":[65,256]" TAIL, "no bytes"},
        {"{\"answered\":true,\"choices\":[],\"text\":[65,0]" TAIL, "no bytes"},
        {"{\"answered\":true,\"choices\":[],\"text\":null,\"prompt_tokens\":1}", "\"new_tokens\""},
        {TEXT_OF "\"logprob\":[-1,\"x\"]}}", "\"logprob\" of a stored response is not 2 numbers"},
        {TEXT_OF "\"logprob\":[-1],\"divergence\":[0]}}", "\"same_top\""},
        {TEXT_OF "\"logprob\":[-1],\"divergence\":[0,1],\"same_top\":[1],"
                 "\"reference_logprob\":[-1]}}",
         "\"divergence\" of a stored response is not 1 numbers"},
    };
    struct arena *arena = arena_new(0, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        struct response response;
        assert_false(response_read(cases[i].json, strlen(cases[i].json), &response, arena, &err));
        assert_int_equal(err.code, ERR_INPUT);
        if (!strstr(err.message, cases[i].message)) fail_msg("case %zu: %s", i, err.message);
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_json_is_what_the_header_says),
        cmocka_unit_test(every_field_comes_back),
        cmocka_unit_test(what_ended_a_text_and_what_was_read_come_back),
        cmocka_unit_test(a_response_without_numbers_of_characters_is_read),
        cmocka_unit_test(characters_of_a_choice_leave_out_the_space_before_it),
        cmocka_unit_test(characters_of_a_choice_leave_out_its_delimiter_alone),
        cmocka_unit_test(a_choice_without_a_character_is_never_the_best_by_characters),
        cmocka_unit_test(the_tokens_of_a_text_come_back),
        cmocka_unit_test(an_unanswered_response_comes_back),
        cmocka_unit_test(doubles_come_back_bit_for_bit),
        cmocka_unit_test(text_that_is_no_utf8_comes_back),
        cmocka_unit_test(malformed_responses_are_refused_with_the_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
