/* test_chat.c - chat formats: what each of the built-in ones renders, what a file's own template
 * says, what is refused.
 *
 * The templates below are shortened or rebuilt forms of the layouts that models are published with.
 */
#include "engine/chat.h"

#include "base/file.h"
#include "base/mem.h"
#include "engine/chat_template.h"
#include "tests/support/test_data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FILE_LIMIT = 1 << 20, PATH_BYTES = 1024 };

static const struct chat_message TALK[] = {{CHAT_SYSTEM, "Be brief."},
                                           {CHAT_USER, " One? "},
                                           {CHAT_ASSISTANT, "Yes."},
                                           {CHAT_USER, "Two?"}};

static void check_render(const char *format, size_t first, size_t n, bool prompt,
                         const char *expected)
{
    struct buf out = {0};
    struct err err = {0};
    if (!chat_render(format, TALK + first, n, prompt, &out, &err)) fail_msg("%s", err.message);
    assert_string_equal(buf_string(&out), expected);
    buf_free(&out);
}

static void check_refused(const char *format, const struct chat_message *messages, size_t n,
                          enum err_code code, const char *part)
{
    struct buf out = {0};
    struct err err = {0};
    assert_false(chat_render(format, messages, n, true, &out, &err));
    assert_int_equal(err.code, code);
    assert_non_null(strstr(err.message, part));
    assert_int_equal(out.n_bytes, 0);
    buf_free(&out);
}

static void phi3_has_a_turn_for_every_role(void **state)
{
    (void)state;
    check_render(
        "phi3", 0, 4, true,
        "<|system|>\nBe brief.<|end|>\n<|user|>\n One? <|end|>\n<|assistant|>\nYes.<|end|>\n"
        "<|user|>\nTwo?<|end|>\n<|assistant|>\n");
    check_render("phi3", 1, 2, false,
                 "<|user|>\n One? <|end|>\n<|assistant|>\nYes.<|end|>\n<|endoftext|>");
    check_render("phi3-small", 1, 1, true, "<|user|>\n One? <|end|>\n<|assistant|>\n");
}

static void phi3_of_april_has_the_system_text_in_the_first_user_turn(void **state)
{
    (void)state;
    check_render("phi3-april", 0, 4, true,
                 "<|user|>\nBe brief.\n\n One? <|end|>\n<|assistant|>\nYes.<|end|>\n"
                 "<|user|>\nTwo?<|end|>\n<|assistant|>\n");
    check_render("phi3-april", 1, 2, false,
                 "<|user|>\n One? <|end|>\n<|assistant|>\nYes.<|end|>\n");
}

static void llama2_wraps_the_system_text_and_begins_each_later_round_with_bos(void **state)
{
    (void)state;
    check_render("llama2", 0, 4, true,
                 "[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nOne? [/INST] Yes. </s>"
                 "<s>[INST] Two? [/INST]");
}

static void llama3_names_the_role_in_a_header(void **state)
{
    (void)state;
    check_render("llama3", 0, 2, true,
                 "<|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
                 "<|start_header_id|>user<|end_header_id|>\n\nOne?<|eot_id|>"
                 "<|start_header_id|>assistant<|end_header_id|>\n\n");
}

static void mistral_ends_answers_with_eos(void **state)
{
    (void)state;
    check_render("mistral", 1, 3, true, "[INST]  One?  [/INST] Yes.</s>[INST] Two? [/INST]");
    check_render("mistral", 0, 2, true, "[INST] Be brief.\n\n One?  [/INST]");
}

static void gemma_calls_the_assistant_model(void **state)
{
    (void)state;
    check_render("gemma", 0, 4, true,
                 "<start_of_turn>user\nBe brief.\n\nOne?<end_of_turn>\n"
                 "<start_of_turn>model\nYes.<end_of_turn>\n"
                 "<start_of_turn>user\nTwo?<end_of_turn>\n<start_of_turn>model\n");
}

static void chatml_has_a_turn_for_every_role(void **state)
{
    (void)state;
    check_render("chatml", 0, 2, true,
                 "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n One? <|im_end|>\n"
                 "<|im_start|>assistant\n");
    check_render("chatml", 2, 1, false, "<|im_start|>assistant\nYes.<|im_end|>\n");
}

static void messages_that_a_format_has_no_place_for_are_refused(void **state)
{
    (void)state;
    const struct chat_message two_users[] = {{CHAT_USER, "a"}, {CHAT_USER, "b"}};
    const struct chat_message late_system[] = {{CHAT_USER, "a"}, {CHAT_SYSTEM, "b"}};
    static const char *const ALTERNATING[] = {"llama2", "mistral", "gemma"};
    static const char *const NO_SYSTEM[] = {"llama2", "mistral", "gemma", "phi3-april"};
    for (size_t i = 0; i < 3; i++)
        check_refused(ALTERNATING[i], two_users, 2, ERR_USAGE, "message 2");
    for (size_t i = 0; i < 4; i++) {
        check_refused(NO_SYSTEM[i], late_system, 2, ERR_USAGE, "message 2");
        check_refused(NO_SYSTEM[i], TALK, 1, ERR_USAGE, "no user message");
    }
    check_refused("alpaca", TALK, 4, ERR_UNSUPPORTED, "alpaca");
}

/* ---- Templates ---- */

/* ---- The file's own template ---- */

/* A template as a file has it, and what it makes of the talk's messages. */
static void check_template(const char *text, size_t first, size_t n, bool prompt,
                           const char *expected)
{
    static const struct chat_tokens TOKENS = {.bos = "<s>", .eos = "</s>"};
    struct buf out = {0};
    struct err err = {0};
    struct chat_template *chat = chat_template_new(text, &err);
    assert_non_null(chat);
    if (!chat_template_render(chat, &TOKENS, TALK + first, n, prompt, &out, &err))
        fail_msg("%d:%d: %s", err.line, err.column, err.message);
    assert_string_equal(buf_string(&out), expected);
    chat_template_free(chat);
    buf_free(&out);
}

static void a_template_says_what_no_format_does(void **state)
{
    (void)state;
    static const char CHATML[] =
        "{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou help.<|im_end|>\n' }}"
        "{% endif %}{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] | "
        "trim"
        " + '<|im_end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n<think>\n' }}{% endif %}";
    check_template(CHATML, 1, 1, true,
                   "<|im_start|>system\nYou help.<|im_end|>\n<|im_start|>user\nOne?<|im_end|>\n"
                   "<|im_start|>assistant\n<think>\n");
    check_template(CHATML, 0, 2, false,
                   "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nOne?<|im_end|>\n");
    check_template("{{ bos_token }}{{ messages | length }}{{ eos_token }}{{ tools is none }}"
                   "{{ pad_token is defined }}{{ strftime_now('%d %b %Y') }}",
                   0, 4, true, "<s>4</s>TrueFalse26 Jul 2024");
}

static void a_template_that_cannot_be_run_spoils_nothing_but_chats(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
        enum err_code code;
        int line;
    } CASES[] = {
        {"\n{{ 'abc", "", ERR_INPUT, 2},
        {"{% include 'x' %}", "include", ERR_UNSUPPORTED, 1},
        {"{{ raise_exception('no system role') }}", "no system role", ERR_INPUT, 1},
        {"{% for i in range(100000) %}{% for j in range(100000) %}a{% endfor %}{% endfor %}", "",
         ERR_CAPACITY, 1},
    };
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        static const struct chat_tokens NONE = {0};
        struct buf out = {0};
        struct err err = {0};
        struct chat_template *chat = chat_template_new(CASES[i].text, NULL);
        assert_non_null(chat);
        assert_false(chat_template_render(chat, &NONE, TALK, 4, true, &out, &err));
        assert_int_equal(err.code, CASES[i].code);
        assert_int_equal(err.line, CASES[i].line);
        assert_non_null(strstr(err.message, CASES[i].message));
        assert_int_equal(out.n_bytes, 0);
        chat_template_free(chat);
        buf_free(&out);
    }
}

/* ---- Real templates and renderings ---- */

static char *read_data(const char *name)
{
    char relative[PATH_BYTES], path[PATH_BYTES];
    struct err err = {0};
    snprintf(relative, sizeof relative, "tokenizers/chat_templates/%s", name);
    if (!test_data_path(path, sizeof path, relative)) {
        print_message("SKIP: no %s\n", relative);
        skip();
    }
    char *text = file_read(path, FILE_LIMIT, NULL, &err);
    if (!text) fail_msg("%s", err.message);
    return text;
}

static void the_template_of_phi_3_5_mini_gives_what_phi3_does(void **state)
{
    (void)state;
    char *text = read_data("microsoft-Phi-3.5-mini-instruct.jinja");
    for (size_t first = 0; first < 2; first++) {
        struct buf expected = {0};
        assert_true(chat_render("phi3", TALK + first, 4 - first, true, &expected, NULL));
        check_template(text, first, 4 - first, true, buf_string(&expected));
        buf_free(&expected);
    }
    free(text);
}

static void renderings_of_another_implementation_are_equal(void **state)
{
    (void)state;
    static const struct chat_message MESSAGES[] = {
        {CHAT_SYSTEM, "You are a helpful assistant."},
        {CHAT_USER, "Hello, how are you?"},
        {CHAT_ASSISTANT, "I'm doing great. How can I help you today?"},
        {CHAT_USER, "I'd like to show off how chat templating works!"}};
    static const struct {
        const char *name;
        size_t first, n;
    } CASES[] = {
        {"system-user-assistant-user", 0, 4}, {"user-assistant-user", 1, 3}, {"user", 1, 1}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char name[PATH_BYTES];
        struct buf out = {0};
        struct err err = {0};
        snprintf(name, sizeof name, "ollama_testdata_phi-3.gotmpl_%s", CASES[i].name);
        char *expected = read_data(name);
        if (!chat_render("phi3", MESSAGES + CASES[i].first, CASES[i].n, true, &out, &err))
            fail_msg("%s", err.message);
        assert_string_equal(buf_string(&out), expected);
        buf_free(&out);
        free(expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(phi3_has_a_turn_for_every_role),
        cmocka_unit_test(phi3_of_april_has_the_system_text_in_the_first_user_turn),
        cmocka_unit_test(llama2_wraps_the_system_text_and_begins_each_later_round_with_bos),
        cmocka_unit_test(llama3_names_the_role_in_a_header),
        cmocka_unit_test(mistral_ends_answers_with_eos),
        cmocka_unit_test(gemma_calls_the_assistant_model),
        cmocka_unit_test(chatml_has_a_turn_for_every_role),
        cmocka_unit_test(messages_that_a_format_has_no_place_for_are_refused),
        cmocka_unit_test(a_template_says_what_no_format_does),
        cmocka_unit_test(a_template_that_cannot_be_run_spoils_nothing_but_chats),
        cmocka_unit_test(the_template_of_phi_3_5_mini_gives_what_phi3_does),
        cmocka_unit_test(renderings_of_another_implementation_are_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
