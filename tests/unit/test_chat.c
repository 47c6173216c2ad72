/* test_chat.c - chat formats: what each renders, which one a template amounts to, what is refused.
 *
 * The templates below are shortened or rebuilt forms of the layouts that models are published with.
 */
#include "engine/tokenizer_internal.h"

#include "base/file.h"
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

static void check_detected(const char *template_text, const char *expected)
{
    const char *format = chat_detect_format(template_text);
    if (!expected != !format || (expected && strcmp(format, expected) != 0))
        fail_msg("taken for %s, not %s: %s", format ? format : "nothing",
                 expected ? expected : "nothing", template_text ? template_text : "no template");
}

#define LOOP(BODY) "{% for m in messages %}" BODY "{% endfor %}"
#define IF_ROLE(ROLE, OUT) "{% if m['role'] == '" ROLE "' %}" OUT "{% endif %}"
#define PROMPT(TEXT) "{% if add_generation_prompt %}{{ '" TEXT "' }}{% endif %}"

static void the_layouts_of_the_phi_3_family_are_told_apart(void **state)
{
    (void)state;
    check_detected("{{ bos_token }}" LOOP("{% if (m['role'] == 'user') %}{{'<|user|>' + '\\n' + "
                                          "m['content'] + '<|end|>' + '\\n' + '<|assistant|>' + "
                                          "'\\n'}}{% elif (m['role'] == 'assistant') %}"
                                          "{{m['content'] + '<|end|>' + '\\n'}}{% endif %}"),
                   "phi3-april");
    check_detected(
        LOOP(IF_ROLE("system", "{{'<|system|>\\n' + m['content'] + '<|end|>\\n'}}")
                 IF_ROLE("user", "{{'<|user|>\\n' + m['content'] + '<|end|>\\n'}}")
                     IF_ROLE("assistant", "{{'<|assistant|>\\n' + m['content'] + '<|end|>\\n'}}"))
            PROMPT("<|assistant|>\\n"),
        "phi3");
    check_detected("{{ bos_token }}" LOOP("{{'<|' + m['role'] + '|>' + '\\n' + m['content'] + "
                                          "'<|end|>\\n' }}") PROMPT("<|assistant|>\\n"),
                   "phi3-small");
    /* Phi-4-mini has the same markers without line feeds. */
    check_detected(LOOP("{{ '<|' + m['role'] + '|>' + m['content'] + '<|end|>' }}")
                       PROMPT("<|assistant|>"),
                   NULL);
    /* Zephyr ends turns with EOS. */
    check_detected(LOOP(IF_ROLE("user", "{{ '<|user|>\\n' + m['content'] + eos_token }}"))
                       PROMPT("<|assistant|>\\n"),
                   NULL);
}

static void other_formats_are_recognised_by_what_they_emit(void **state)
{
    (void)state;
    check_detected(
        LOOP("{{'<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' + '\\n'}}")
            PROMPT("<|im_start|>assistant\\n"),
        "chatml");
    check_detected(LOOP("{{ '<|im_start|>user<|im_sep|>' + m['content'] + '<|im_end|>' }}")
                       PROMPT("<|im_start|>assistant<|im_sep|>"),
                   NULL);
    check_detected(
        LOOP("{% set content = '<|start_header_id|>' + m['role'] + "
             "'<|end_header_id|>\\n\\n'+ m['content'] | trim + '<|eot_id|>' %}"
             "{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}"
             "{{ content }}") PROMPT("<|start_header_id|>assistant<|end_header_id|>\\n\\n"),
        "llama3");
    check_detected("{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}"
                   "{% endif %}" LOOP("{% if (m['role'] == 'assistant') %}{% set role = 'model' %}"
                                      "{% else %}{% set role = m['role'] %}{% endif %}"
                                      "{{ '<start_of_turn>' + role + '\\n' + m['content'] | trim + "
                                      "'<end_of_turn>\\n' }}") PROMPT("<start_of_turn>model\\n"),
                   "gemma");
    check_detected(
        LOOP("{% if loop.first %}{% set content = '<<SYS>>\\n' + system + "
             "'\\n<</SYS>>\\n\\n' + m['content'] %}{% else %}{% set content = "
             "m['content'] %}{% endif %}" IF_ROLE("user", "{{ bos_token + '[INST] ' + "
                                                          "content.strip() + ' [/INST]' }}")
                 IF_ROLE("assistant", "{{ ' ' + content.strip() + ' ' + eos_token }}")),
        "llama2");
    check_detected(
        "{{ bos_token }}" LOOP(IF_ROLE("user", "{{ '[INST] ' + m['content'] + ' [/INST]' }}")
                                   IF_ROLE("assistant", "{{ m['content'] + eos_token}}")),
        "mistral");
}

static void raw_text_counts_with_the_white_space_that_jinja_leaves(void **state)
{
    (void)state;
    check_detected(
        "{%- for m in messages -%}\n  <|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
        "{% endfor %}\n{# the answer #}{%- if add_generation_prompt -%}\n"
        "<|im_start|>assistant\n{% endif %}",
        "chatml");
}

static void line_feeds_and_indents_of_statements_and_filters_emit_nothing(void **state)
{
    (void)state;
    check_detected(
        "{% for m in messages %}\n{% if m.user %}<|user|>\n{{ m }}{{ '<|end|>' | safe }}\n"
        "  {% if x %}\n<|assistant|>\n{% endif %}{% else %}{{ m }}<|end|>\n{% endif %}"
        "{% endfor %}",
        "phi3-april");
}

static void a_template_that_only_compares_with_a_marker_does_not_have_it(void **state)
{
    (void)state;
    check_detected(LOOP("{% if '<|im_start|>' in m['content'] or '\\n<|im_end|>' == x %}{{ f('"
                        "<|im_start|>assistant\\n' + m + '\\n<|im_end|>') }}{% endif %}"),
                   NULL);
    check_detected(LOOP("{{'<|im_start|>' + r + '\\n' + c + '<|im_end|>\\n'}}"
                        "{{ 'a' if '<|im_start|>assistant\\n' == x else 'b' }}"),
                   NULL);
}

static void no_template_and_broken_ones_give_no_format(void **state)
{
    (void)state;
    static const char *const BROKEN[] = {
        "",   "{{",  "{%",  "{% set", "{{ 'abc", "{{ '\\",   "{{ a[(", "{{ a | ", "{% set x = '",
        "{#", "{{-", "{%-", "{%- -",  "}}%}",    "{{ )]} }}"};
    check_detected(NULL, NULL);
    for (size_t i = 0; i < sizeof BROKEN / sizeof *BROKEN; i++) check_detected(BROKEN[i], NULL);
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

static void the_template_of_phi_3_5_mini_is_phi3(void **state)
{
    (void)state;
    char *text = read_data("microsoft-Phi-3.5-mini-instruct.jinja");
    check_detected(text, "phi3");
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
        cmocka_unit_test(the_layouts_of_the_phi_3_family_are_told_apart),
        cmocka_unit_test(other_formats_are_recognised_by_what_they_emit),
        cmocka_unit_test(raw_text_counts_with_the_white_space_that_jinja_leaves),
        cmocka_unit_test(line_feeds_and_indents_of_statements_and_filters_emit_nothing),
        cmocka_unit_test(a_template_that_only_compares_with_a_marker_does_not_have_it),
        cmocka_unit_test(no_template_and_broken_ones_give_no_format),
        cmocka_unit_test(the_template_of_phi_3_5_mini_is_phi3),
        cmocka_unit_test(renderings_of_another_implementation_are_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
