/* test_template.c - every step, filter and error of the template language.
 *
 * The values are those of one record, written as JSON; what a template makes of it is compared as
 * text.
 */
#include "suites/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char RECORD[] =
    "{\"question\":\"  What is it? \",\"n\":18,\"half\":0.5,\"big\":1e300,\"yes\":true,"
    "\"nothing\":null,\"name\":\"Z\\u00dcRICH\",\"csv\":\"a,b,,c\",\"key\":\"C\","
    "\"list\":[\"one\",\"two\",\"three\"],\"deep\":[{\"t\":[\"x\",\"y\"]},{\"t\":[\"z\",\"w\"]}],"
    "\"map\":{\"is true\":1,\"is false\":0},\"text\":\"one two  three\",\"sums\":\"#1 and #22 "
    "and 333\",\"broken\":\"(\",\"odd\":[1,\"two\",{\"a\":1}]}";

/* What one test needs: a record's fields, and a second map that it hides. */
struct fixture {
    struct arena *arena;
    struct templates *templates;
    struct value record, other;
    const struct value *maps[2];
    struct scope scope;
};

static void read_map(struct arena *arena, const char *text, struct value *value)
{
    struct json *json = json_parse(text, strlen(text), "record", NULL);
    assert_non_null(json);
    assert_true(value_from_json(json, arena, value, NULL));
    json_free(json);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.arena = arena_new(0, NULL), .templates = templates_new(NULL)};
    read_map(fixture.arena, RECORD, &fixture.record);
    read_map(fixture.arena, "{\"n\":\"hidden\",\"subset\":\"de\"}", &fixture.other);
    fixture.maps[0] = &fixture.record;
    fixture.maps[1] = &fixture.other;
    fixture.scope = (struct scope){fixture.maps, 2};
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    templates_free(fixture->templates);
    arena_free(fixture->arena);
    return 0;
}

/* A value as a text: a list as [a;b], a map as {n}, NONE as nothing. */
static void show(const struct value *value, struct buf *out)
{
    if (value->kind == VALUE_NONE) buf_text(out, "nothing");
    else if (value->kind == VALUE_MAP) buf_printf(out, "{%zu}", value->n);
    else if (value->kind != VALUE_LIST) buf_text(out, value->text);
    else {
        buf_char(out, '[');
        for (size_t i = 0; i < value->n; i++) {
            if (i) buf_char(out, ';');
            show(&value->items[i], out);
        }
        buf_char(out, ']');
    }
}

static void assert_gives(void **state, const char *text, const char *expected)
{
    struct fixture *fixture = *state;
    struct err err = {0};
    struct value value;
    struct buf shown = {0};
    const struct template *template = template_parse(fixture->templates, text, &err);
    if (!template) fail_msg("%s: %s", text, err.message);
    if (!template_evaluate(template, &fixture->scope, fixture->arena, &value, &err))
        fail_msg("%s: %s", text, err.message);
    show(&value, &shown);
    if (strcmp(buf_string(&shown), expected) != 0)
        fail_msg("%s gives \"%s\", not \"%s\"", text, buf_string(&shown), expected);
    buf_free(&shown);
}

/* The error has the text, wherever it comes from. */
static void assert_fails(void **state, const char *text, const char *message)
{
    struct fixture *fixture = *state;
    struct err err = {0};
    const char *made;
    const struct template *template = template_parse(fixture->templates, text, &err);
    if (template && template_text(template, &fixture->scope, fixture->arena, &made, &err))
        fail_msg("%s is accepted", text);
    assert_int_equal(err.code, ERR_INPUT);
    if (!strstr(err.message, message))
        fail_msg("%s: \"%s\" has no \"%s\"", text, err.message, message);
}

static void text_stays_and_fields_are_filled_in(void **state)
{
    assert_gives(state, "", "");
    assert_gives(state, "plain", "plain");
    assert_gives(state, "{n}", "18");
    assert_gives(state, "<{n}> {half} {yes} {subset}", "<18> 0.5 true de");
    assert_gives(state, "{big}", "1e+300");
    assert_gives(state, "{{n}} {{{n}}}", "{n} {18}");
    assert_gives(state, "{ n }", "18");
    assert_gives(state, "{'literal'}{\"it''s\"}{'it''s'}", "literalit''sit's");
    assert_gives(state, "{-3}", "-3");
    assert_gives(state, "{nothing}", "nothing");
}

static void steps_lead_into_lists_and_maps(void **state)
{
    assert_gives(state, "{list}", "[one;two;three]");
    assert_gives(state, "{list[0]}{list[-1]}", "onethree");
    assert_gives(state, "{deep[1].t[0]}", "z");
    assert_gives(state, "{deep[].t}", "[[x;y];[z;w]]");
    assert_gives(state, "{deep[].t[1]}", "[y;w]");
    assert_gives(state, "{map | keys}", "[is true;is false]");
    assert_gives(state, "{map | values}", "[1;0]");
    assert_fails(state, "{list.name}", "there is no member \"name\" in a list");
    assert_fails(state, "{map.name}", "there is no member \"name\"");
    assert_fails(state, "{list[3]}", "there is no element [3] in a list of 3");
    assert_fails(state, "{list[-4]}", "there is no element [-4] in a list of 3");
    assert_fails(state, "{n[0]}", "[0] takes a list, and this is a number");
    assert_fails(state, "{map[]}", "[] takes a list, and this is a map");
}

static void filters_change_texts(void **state)
{
    assert_gives(state, "{question | strip}", "What is it?");
    assert_gives(state, "{name | lower}", "z\xc3\xbcrich");
    assert_gives(state, "{name | capitalize}", "Z\xc3\xbcrich");
    assert_gives(state, "{'\xc3\xb6ZIL' | capitalize}", "\xc3\x96zil");
    assert_gives(state, "{text | replace('o', '0') | replace('  ', ' ')}", "0ne tw0 three");
    assert_gives(state, "{text | before(' ')}|{text | after(' ')}", "one|two  three");
    assert_gives(state, "{text | before_last(' ')}|{text | after_last(' ')}", "one two |three");
    assert_gives(state, "{csv | split(',')}", "[a;b;;c]");
    assert_gives(state, "{list | replace('e', '')}", "[on;two;thr]");
    assert_gives(state, "{n | add(-1)}{half | add(1)}", "171.5");
    assert_gives(state, "{' 7' | number}{'7x' | number | or('no')}", "7no");
    assert_gives(state, "{text | replace(key, subset)}", "one two  three");
    assert_fails(state, "{map | strip}", "strip takes a text, and this is a map");
    assert_fails(state, "{text | add(1)}", "\"one two  three\" is no number");
    assert_fails(state, "{text | replace('', 'x')}", "nothing to replace");
    assert_fails(state, "{text | replace(list, 'x')}", "replace takes a text in its brackets");
    assert_fails(state, "{odd | strip}", "strip takes a text, and this is a map");
}

static void regular_expressions_find_and_replace(void **state)
{
    assert_gives(state, "{sums | match('[0-9]+')}", "1");
    assert_gives(state, "{sums | match('#([0-9]{{2,})')}", "nothing");
    assert_gives(state, "{sums | match('#([0-9]{2,})')}", "22");
    assert_gives(state, "{sums | last_match('[0-9]+')}", "333");
    assert_gives(state, "{sums | match_all('#?([0-9]+)')}", "[1;22;333]");
    assert_gives(state, "{sums | last_match('(x)|(a)nd')}", "a");
    assert_gives(state, "{sums | match_all('x*')}", "[;;;;;;;;;;;;;;;;;;]");
    assert_gives(state, "{sums | match('x')}", "nothing");
    assert_gives(state, "{sums | match('x') | strip | lower | lines}", "nothing");
    assert_gives(state, "{sums | match('x') | or('none')}", "none");
    assert_gives(state, "{sums | substitute('[0-9]', 'd')}", "#d and #dd and ddd");
    assert_gives(state, "{name | substitute('\\p{Lu}', '') }", "");
    assert_fails(state, "{sums | match('x')}", "is nothing, and a text is needed");
    assert_fails(state, "a {sums | match('x')}", "{sums | match('x')} is nothing");
    assert_fails(state, "{sums | match('(')}", "malformed regular expression");
    assert_gives(state, "{'abCd' | match(key)}{'abCd' | substitute(key, '-')}", "Cab-d");
    assert_fails(state, "{sums | match(csv[0])}", "[0] takes a list");
    assert_fails(state, "{sums | match(list)}", "match takes a text in its brackets");
    assert_fails(state, "{'(' | match(open)}", "there is no field \"open\"");
    assert_fails(state, "{sums | match(broken)}", "malformed regular expression");
}

static void lists_become_texts_and_positions(void **state)
{
    assert_gives(state, "{list | join(', ')}", "one, two, three");
    assert_gives(state, "{list | lines}", "one\ntwo\nthree");
    assert_gives(state, "{list | letters}", "[A;B;C]");
    assert_gives(state, "{list | lettered('. ') | lines}", "A. one\nB. two\nC. three");
    assert_gives(state, "{list | index_of('two')}", "1");
    assert_gives(state, "{list | index_of('four')}", "nothing");
    assert_gives(state, "{'ABCD' | index_of(key)}", "2");
    assert_gives(state, "{name | index_of('R')}", "2");
    assert_fails(state, "{n | lines}", "lines takes a list, and this is a number");
    assert_fails(state, "{odd | lettered('. ')}", "element 2 is a map");
    assert_fails(state, "{list | keys}", "keys takes a map, and this is a list");
    assert_fails(state, "{map | index_of('x')}", "index_of takes a list or a text");
}

static void errors_say_what_and_where(void **state)
{
    assert_fails(state, "{qestion}", "there is no field \"qestion\" (there are: question, n, half");
    assert_fails(state, "ab{list}", "{list} is a list, and a text is needed");
    assert_fails(state, "\xc3\xa4 {question", "\"{\" without its \"}\" (at character 3");
    assert_fails(state, "a } b", "\"}\" without its \"{\"");
    assert_fails(state, "{}", "a name is wanted here, not \"}\" (at character 2");
    assert_fails(state, "{", "the template ends inside {...}");
    assert_fails(state, "{n | stripp}", "there is no filter \"stripp\" (known: strip, lower");
    assert_fails(state, "{n | strip('x')}", "strip takes 0 values in brackets");
    assert_fails(state, "{n | join}", "join takes 1 value in brackets");
    assert_fails(state, "{n | replace('a','b','c')}", "replace takes 2 values in brackets");
    assert_fails(state, "{n | join('a'}", "\")\" is wanted here");
    assert_fails(state, "{n | join('a)}", "a quoted text without its second '");
    assert_fails(state, "{n strip}", "\"|\" or \"}\" is wanted here, not \"s\"");
    assert_fails(state, "{list[x]}", "an integer is wanted here");
    assert_fails(state, "{list[1}", "\"]\" is wanted here");
    assert_fails(state, "{a.b.c.d.e.f.g.h.i.j}", "more than 8 steps");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(text_stays_and_fields_are_filled_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(steps_lead_into_lists_and_maps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(filters_change_texts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(regular_expressions_find_and_replace, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lists_become_texts_and_positions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_say_what_and_where, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
