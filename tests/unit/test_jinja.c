/* test_jinja.c - chat templates: equal to Jinja2 as `transformers` sets it up, and bounded.
 *
 * tests/golden/jinja_cases.json has templates that cover the language, and published ones by name,
 * with the texts that Jinja2 gives; tools/peers/agree_jinja.py compares many more.
 */
#include "engine/jinja/jinja.h"

#include "base/file.h"
#include "tests/support/test_data.h"
#include "tests/support/test_variables.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static const char GOLDEN[] = "tests/golden/jinja_cases.json";

/* Fails unless the template gives the text; NULL: unless it is an error that is no refusal. */
static void check_text(const char *template, const struct json *variables, const char *expected)
{
    struct buf out = {0};
    struct err err = {0};
    bool ok = test_variables_render(template, strlen(template), variables, &out, &err);
    if (!ok && expected) fail_msg("%s\n%s", template, err.message);
    if (ok && !expected) fail_msg("%s\nis no error but \"%s\"", template, buf_string(&out));
    if (ok && strcmp(buf_string(&out), expected) != 0)
        fail_msg("%s\n\"%s\", not \"%s\"", template, buf_string(&out), expected);
    if (!ok && (err.code != ERR_INPUT || err.line < 1 || err.column < 1))
        fail_msg("%s\n%d:%d: %s", template, err.line, err.column, err.message);
    buf_free(&out);
}

static void templates_render_as_in_jinja2(void **state)
{
    (void)state;
    struct json *golden = json_read_file(GOLDEN, NULL);
    assert_non_null(golden);
    const struct json *cases = json_get(golden, "cases");
    assert_true(json_length(cases) > 500);
    for (size_t i = 0; i < json_length(cases); i++) {
        const struct json *one = json_at(cases, i);
        check_text(json_as_string(json_get(one, "template"), NULL), json_get(golden, "variables"),
                   json_as_string(json_get(one, "text"), NULL));
    }
    json_free(golden);
}

/* The template in a file of the shared data: all of it, or a member of its JSON. */
static char *read_template(const char *path, const char *key)
{
    size_t n;
    if (!key) return file_read(path, 1 << 20, &n, NULL);
    struct json *file = json_read_file(path, NULL);
    const char *text = json_as_string(json_get(file, key), NULL);
    char *copy = text ? strdup(text) : NULL;
    json_free(file);
    return copy;
}

static void published_templates_render_as_in_jinja2(void **state)
{
    (void)state;
    struct json *golden = json_read_file(GOLDEN, NULL);
    assert_non_null(golden);
    const struct json *files = json_get(golden, "files");
    const struct json *conversations = json_get(golden, "conversations");
    assert_true(json_length(files) > 0);
    for (size_t i = 0; i < json_length(files); i++) {
        const struct json *file = json_at(files, i);
        char path[512];
        if (!test_data_path(path, sizeof path, json_as_string(json_get(file, "file"), ""))) {
            json_free(golden);
            skip();
        }
        char *template = read_template(path, json_as_string(json_get(file, "key"), NULL));
        assert_non_null(template);
        for (size_t j = 0; j < json_length(conversations); j++)
            check_text(template, json_get(json_at(conversations, j), "variables"),
                       json_as_string(json_at(json_get(file, "texts"), j), NULL));
        free(template);
    }
    json_free(golden);
}

static void check_error(const char *template, enum err_code code, int line, int column,
                        const char *reason)
{
    struct buf out = {0};
    struct err err = {0};
    assert_false(test_variables_render(template, strlen(template), NULL, &out, &err));
    if (err.code != code || err.line != line || err.column != column ||
        !strstr(err.message, reason))
        fail_msg("%s\n%d:%d: code %d: %s", template, err.line, err.column, (int)err.code,
                 err.message);
    assert_string_equal(err.file, "template");
    assert_int_equal(out.n_bytes, 0);
    buf_free(&out);
}

static void errors_have_a_place_in_the_template(void **state)
{
    (void)state;
    check_error("a\n  {{ x.y }}", ERR_INPUT, 2, 7, "\"x\" is undefined");
    check_error("{% if x %}\n{{ 1 + 'a' }}\n", ERR_INPUT, 2, 14, "{% endif %}");
    check_error("\xc3\xa9 {{ 1 + 'a' }}", ERR_INPUT, 1, 8, "+ cannot be applied to int and str");
    check_error("{{ raise_exception('roles must alternate') }}", ERR_INPUT, 1, 19,
                "roles must alternate");
    check_error("{{ 'open }}", ERR_INPUT, 1, 4, "a string is never closed");
    check_error("{% endfor %}", ERR_INPUT, 1, 4, "\"endfor\"");
    check_error("{{ d|nope }}", ERR_INPUT, 1, 6, "there is no filter \"nope\"");
}

static void what_is_not_run_is_refused_by_name(void **state)
{
    (void)state;
    check_error("{% include 'a' %}", ERR_UNSUPPORTED, 1, 4, "{% include %}");
    check_error("{% block a %}{% endblock %}", ERR_UNSUPPORTED, 1, 4, "{% block %}");
    check_error("{% if nothing %}{{ x|pprint }}{% endif %}", ERR_UNSUPPORTED, 1, 22,
                "the filter \"pprint\"");
    check_error("{{ 'a'.encode() }}", ERR_UNSUPPORTED, 1, 7, "\"encode\" of a str");
    check_error("{{ lipsum() }}", ERR_UNSUPPORTED, 1, 10, "lipsum");
    check_error("{{ 9223372036854775807 + 1 }}", ERR_UNSUPPORTED, 1, 24, "64 bits");
    check_error("{{ 9223372036854775808 }}", ERR_UNSUPPORTED, 1, 4, "64 bits");
    check_error("{{ '\xc3\xa9'.isalpha() }}", ERR_UNSUPPORTED, 1, 15, "outside ASCII");
}

static void check_bounded(const char *template, const char *reason)
{
    struct buf out = {0};
    struct err err = {0};
    const struct jinja_options options = {
        .maximum_steps = 200000, .maximum_memory_bytes = 8 << 20, .maximum_output_bytes = 1 << 16};
    struct jinja *jinja = jinja_compile(template, strlen(template), "template", &err);
    struct jinja_variables *variables = jinja_variables_new(NULL);
    assert_non_null(variables);
    bool ok = jinja && jinja_render(jinja, variables, &options, &out, &err);
    if (ok || err.code != ERR_CAPACITY || !strstr(err.message, reason) || err.line != 1)
        fail_msg("%s\n%d: %s", template, (int)err.code, err.message);
    jinja_variables_free(variables);
    jinja_free(jinja);
    buf_free(&out);
}

static void steps_depth_memory_and_output_are_bounded(void **state)
{
    (void)state;
    check_bounded("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
                  "too many steps");
    check_bounded("{% set ns = namespace(s='x') %}{% for i in range(99) %}"
                  "{% set ns.s = ns.s + ns.s %}{% endfor %}",
                  "bytes of memory");
    check_bounded("{% for i in range(9999) %}0123456789{% endfor %}", "past its bound");
    check_bounded("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "nested more than");
    check_bounded("{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}", "nested more than");
    check_bounded("{{ 'x' * 99999999999 }}", "bytes of memory");

    char deep[3001] = "{{ ";
    for (size_t i = 3; i < 3000; i++) deep[i] = '(';
    check_bounded(deep, "nested more than");
    for (size_t i = 3; i < 2999; i += 2) memcpy(deep + i, "-1", 2);
    check_bounded(deep, "more than");
}

static void variables_remember_their_first_error(void **state)
{
    (void)state;
    struct err err = {0};
    struct buf out = {0};
    struct jinja *jinja = jinja_compile("x", 1, "template", &err);
    struct jinja_variables *variables = jinja_variables_new(&err);
    assert_non_null(jinja);
    assert_non_null(variables);
    assert_null(jinja_new_string(variables, "x", (size_t)1 << 40));
    jinja_set(variables, "a", NULL);
    jinja_push(variables, NULL, NULL);
    assert_false(jinja_render(jinja, variables, NULL, &out, &err));
    assert_int_equal(err.code, ERR_CAPACITY);
    jinja_variables_free(variables);
    jinja_free(jinja);
}

static void the_time_is_the_callers(void **state)
{
    (void)state;
    static const char TEMPLATE[] = "{{ strftime_now('%Y') }}";
    struct err err = {0};
    struct buf out = {0};
    struct jinja *jinja = jinja_compile(TEMPLATE, strlen(TEMPLATE), "template", &err);
    struct jinja_variables *variables = jinja_variables_new(&err);
    assert_non_null(jinja);
    assert_non_null(variables);
    assert_false(jinja_render(jinja, variables, NULL, &out, &err));
    assert_non_null(strstr(err.message, "asks for the time"));
    const struct tm now = {.tm_year = 99};
    assert_true(jinja_render(jinja, variables, &(struct jinja_options){.now = &now}, &out, &err));
    assert_string_equal(buf_string(&out), "1999");
    jinja_variables_free(variables);
    jinja_free(jinja);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(templates_render_as_in_jinja2),
        cmocka_unit_test(published_templates_render_as_in_jinja2),
        cmocka_unit_test(errors_have_a_place_in_the_template),
        cmocka_unit_test(what_is_not_run_is_refused_by_name),
        cmocka_unit_test(steps_depth_memory_and_output_are_bounded),
        cmocka_unit_test(variables_remember_their_first_error),
        cmocka_unit_test(the_time_is_the_callers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
