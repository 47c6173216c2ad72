/* test_visible.c - hostile text on a terminal: nothing that it would obey comes through, and what
 * is harmless stays as it is.
 *
 * Also the places that everything passes: errors, messages, tables, progress, pages and Markdown.
 */
#include "base/visible.h"

#include "base/log.h"
#include "base/utf8.h"
#include "harness/run/progress.h"
#include "reports/html.h"
#include "reports/text_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Colours, a title, a bidi override, zero width, C1, a torn sequence, a forged second message. */
#define HOSTILE "a\x1b[31m\x1b]0;t\x07\u202ez\u200b\xc2\x9b\xff\nphibench: done\r"
#define SHOWN "a\\x1b[31m\\x1b]0;t\\x07\\u202ez\\u200b\\u009b\\xff\\nphibench: done\\r"

static void assert_shows(const char *text, size_t n_bytes, enum visible_form form,
                         const char *expected)
{
    struct buf out = {0};
    char *printed = NULL;
    size_t n_printed = 0;
    FILE *stream = open_memstream(&printed, &n_printed);
    visible_append(&out, text, n_bytes, form);
    visible_print(stream, text, n_bytes, form);
    fclose(stream);
    assert_string_equal(buf_string(&out), expected);
    assert_string_equal(printed, expected);
    buf_free(&out);
    free(printed);
}

static void what_a_terminal_obeys_is_shown_as_escapes(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown;
    } CASES[] = {
        {"plain text, ~!", "plain text, ~!"},
        {"Müller 模型 🙂 e\u0301", "Müller 模型 🙂 e\u0301"},
        {"C:\\new", "C:\\new"},
        {"\x7f\b\v\f", "\\x7f\\x08\\x0b\\x0c"},
        {"\xc2\x80\xc2\x9f\u00a0", "\\u0080\\u009f\u00a0"},
        {"\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
         "\\u061c\\u200e\\u200f\\u202a\\u202b\\u202c\\u202d\\u202e\\u2066\\u2067\\u2068\\u2069"},
        {"\u200b\u200c\u200d\u2060\ufeff\u2028\u2029",
         "\\u200b\\u200c\\u200d\\u2060\\ufeff\\u2028\\u2029"},
        {"\xf3\xa0\x81\x81\uffff", "\\U000e0041\\uffff"},
        {"\xc0\x80\xed\xa0\x80\xe2\x80", "\\xc0\\x80\\xed\\xa0\\x80\\xe2\\x80"},
        {HOSTILE, SHOWN},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
        assert_shows(CASES[i].text, strlen(CASES[i].text), VISIBLE_LINE, CASES[i].shown);
    assert_shows("a\0b", 3, VISIBLE_LINE, "a\\x00b");
    assert_shows("a\tb\r\nc\x1b", 7, VISIBLE_LINES, "a\tb\\r\nc\\x1b");
    assert_int_equal(visible_width("a\u202e\n", 5), 9);
}

/* Every pair of bytes: what comes out is well-formed and holds no control character. */
static void no_bytes_come_through_as_controls(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1u << 16; i++) {
        const char text[3] = {(char)(i >> 8), (char)i, '\x85'};
        struct buf out = {0};
        uint32_t code;
        visible_append(&out, text, sizeof text, VISIBLE_LINE);
        assert_true(utf8_is_valid(buf_string(&out), out.n_bytes));
        for (size_t at = 0; at < out.n_bytes;) {
            at += utf8_decode(out.data + at, out.n_bytes - at, &code, NULL);
            assert_false(visible_is_hidden(code));
        }
        buf_free(&out);
    }
}

struct captured {
    char *text;
    size_t n_bytes;
    FILE *stream;
};

static struct captured *capture(struct captured *captured)
{
    captured->stream = open_memstream(&captured->text, &captured->n_bytes);
    assert_non_null(captured->stream);
    return captured;
}

static void assert_captured(struct captured *captured, const char *expected)
{
    fclose(captured->stream);
    assert_string_equal(captured->text, expected);
    free(captured->text);
}

static void errors_and_messages_are_one_line_of_shown_text(void **state)
{
    (void)state;
    struct captured out;
    struct err err = {0};
    err_set_at(&err, ERR_INPUT, HOSTILE, 3, 4, "%s", HOSTILE);
    err_print(&err, capture(&out)->stream);
    assert_captured(&out, SHOWN ":3:4: " SHOWN "\n");
    log_warning(&(struct log){capture(&out)->stream, LOG_INFO}, "%s", HOSTILE);
    assert_captured(&out, "phibench: warning: " SHOWN "\n");
}

static void a_message_that_was_cut_within_a_character_ends_before_it(void **state)
{
    (void)state;
    struct captured out;
    struct err err = {0};
    struct buf expected = {0};
    char text[sizeof err.message + 8];
    memset(text, 'x', sizeof text);
    memcpy(text + sizeof err.message - 2, "é", 3); /* its second byte is where the end stands */
    err_set(&err, ERR_INPUT, "%s", text);
    err_print(&err, capture(&out)->stream);
    buf_printf(&expected, "phibench: %.*s\n", (int)sizeof err.message - 2, text);
    assert_captured(&out, buf_string(&expected));
    buf_free(&expected);
}

static void progress_shows_its_label(void **state)
{
    (void)state;
    struct captured out;
    struct console console = {.log = {capture(&out)->stream, LOG_INFO}, .columns = 80};
    struct progress progress;
    progress_begin(&progress, &console, HOSTILE, 4, 2);
    progress.shown_ns -= INT64_C(1) << 60;
    progress_update(&progress, 2);
    assert_captured(&out, "phibench: " SHOWN ": 2 of 4 (50%)\n");
}

static struct table *hostile_table(struct arena *arena)
{
    struct table *table = table_new(arena, "name|>n", NULL);
    assert_non_null(table);
    table_row(table);
    table_cell(table, "%s", HOSTILE);
    table_cell(table, "1");
    return table;
}

static void a_table_is_as_wide_as_what_it_shows(void **state)
{
    (void)state;
    struct captured out;
    struct buf expected = {0};
    struct arena *arena = arena_new(0, NULL);
    table_print(hostile_table(arena), capture(&out)->stream);
    buf_printf(&expected, "name%*s  n\n%s  1\n", (int)strlen(SHOWN) - 4, "", SHOWN);
    assert_captured(&out, buf_string(&expected));
    buf_free(&expected);
    arena_free(arena);
}

static void markdown_is_neither_link_nor_code_nor_html_nor_the_end_of_a_cell(void **state)
{
    (void)state;
    struct buf out = {0};
    markdown_text(&out, "a|b `c` <img> [x](y) \\| \n\n# h \x1b[0m\u202e");
    assert_string_equal(buf_string(&out), "a\\|b \\`c\\` \\<img> \\[x\\](y) \\\\\\|   # h "
                                          "\\\\x1b\\[0m\\\\u202e");
    buf_free(&out);
}

static void a_page_replaces_what_is_not_to_be_seen(void **state)
{
    (void)state;
    struct buf out = {0};
    html_text(&out, "<a>\x1b[0m\x01\u202e\xc2\x9b\xff\uffff\u2009\tb\r\n");
    assert_string_equal(buf_string(&out),
                        "&lt;a&gt;\ufffd[0m\ufffd\ufffd\ufffd\ufffd\ufffd\u2009\tb\r\n");
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_terminal_obeys_is_shown_as_escapes),
        cmocka_unit_test(no_bytes_come_through_as_controls),
        cmocka_unit_test(errors_and_messages_are_one_line_of_shown_text),
        cmocka_unit_test(a_message_that_was_cut_within_a_character_ends_before_it),
        cmocka_unit_test(progress_shows_its_label),
        cmocka_unit_test(a_table_is_as_wide_as_what_it_shows),
        cmocka_unit_test(markdown_is_neither_link_nor_code_nor_html_nor_the_end_of_a_cell),
        cmocka_unit_test(a_page_replaces_what_is_not_to_be_seen),
    };
    return cmocka_run_group_tests_name("visible", tests, NULL, NULL);
}
