/* test_csv.c - RFC 4180 with exact places.
 *
 * A record is written here as fields between bars, with the line where it starts before them.
 */
#include "base/csv.h"

#include "base/file.h"
#include "tests/support/test_data.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

/* Reads all records as "LINE|field|field;..." and compares. */
static void check_n(const char *text, size_t n_bytes, char separator, const char *expected)
{
    /* A copy of the exact size: a sanitizer sees a read past the end. */
    char *exact = malloc(n_bytes ? n_bytes : 1);
    assert_non_null(exact);
    memcpy(exact, text, n_bytes);
    struct err err = {0};
    struct csv *csv = csv_new(exact, n_bytes, "a.csv", separator, &err);
    assert_non_null(csv);
    struct buf seen = {0};
    char **fields;
    size_t n_fields;
    int line, status;
    while ((status = csv_next(csv, &fields, &n_fields, &line, &err)) == 1) {
        buf_printf(&seen, "%d", line);
        for (size_t i = 0; i < n_fields; i++) buf_printf(&seen, "|%s", fields[i]);
        buf_char(&seen, ';');
    }
    if (status < 0) buf_printf(&seen, "%s:%d:%d: %s", err.file, err.line, err.column, err.message);
    assert_string_equal(buf_string(&seen), expected);
    assert_int_equal(csv_next(csv, &fields, &n_fields, &line, &err), 0);
    buf_free(&seen);
    csv_free(csv);
    free(exact);
}

static void check(const char *text, const char *expected)
{
    check_n(text, strlen(text), ',', expected);
}

static void csv_reads_records_with_and_without_a_last_line_break(void **state)
{
    (void)state;
    check("", "");
    check("a", "1|a;");
    check("a,b\nc,d", "1|a|b;2|c|d;");
    check("a,b\r\nc,d\r\n", "1|a|b;2|c|d;");
    check("a,b\n", "1|a|b;");
}

static void csv_keeps_empty_fields_and_skips_empty_lines(void **state)
{
    (void)state;
    check(",", "1||;");
    check("a,,\n,b\n", "1|a||;2||b;");
    check("\n\r\na\n\n\nb\n\n", "3|a;6|b;");
    check("\"\"\n", "1|;");
    check(" \n", "1| ;");
}

static void csv_unquotes_and_counts_the_lines_inside(void **state)
{
    (void)state;
    check("\"a,b\",\"c\"\"d\"\n", "1|a,b|c\"d;");
    check("\"one\ntwo\r\nthree\",x\ny,z\n", "1|one\ntwo\r\nthree|x;4|y|z;");
    check("\"\"\"\"\n", "1|\";");
    check("\"a\"", "1|a;");
    check("\"a\"\r\n", "1|a;");
}

static void csv_takes_quotes_and_carriage_returns_inside_plain_fields_as_they_are(void **state)
{
    (void)state;
    check("a\"b,5\" pipe\n", "1|a\"b|5\" pipe;");
    check("a\rb,c\r", "1|a\rb|c\r;");
    check(" \"a\",b\n", "1| \"a\"|b;");
}

static void csv_skips_a_byte_order_mark(void **state)
{
    (void)state;
    check("\xef\xbb\xbf\"a\",b\n", "1|a|b;");
    check("\xef\xbb\xbf", "");
    check("\xef\xbb\xbf\"a", "a.csv:1:1: the quote is never closed");
}

static void csv_separates_by_tabs(void **state)
{
    (void)state;
    check_n("a,b\t\"c\td\"\n", 10, '\t', "1|a,b|c\td;");
}

static void csv_places_an_unclosed_quote_where_it_opens(void **state)
{
    (void)state;
    check("a,b\nc,\"d\n\n", "1|a|b;a.csv:2:3: the quote is never closed");
    check("\"", "a.csv:1:1: the quote is never closed");
    check("\"a\"\"", "a.csv:1:1: the quote is never closed");
}

static void csv_places_text_after_a_closing_quote_by_character(void **state)
{
    (void)state;
    char expected[128];
    const char *message = "text after a closing quote: quotes inside are doubled";
    snprintf(expected, sizeof expected, "1|a|b;a.csv:3:7: %s", message);
    check("a,b\n\"c\nd\xc3\xa9\",\"\"x\n", expected);
    snprintf(expected, sizeof expected, "a.csv:1:4: %s", message);
    check("\"a\" ,b\n", expected);
    check("\"a\"\r", expected);
}

static void csv_refuses_nul_bytes(void **state)
{
    (void)state;
    check_n("a\n\0,b", 5, ',', "1|a;a.csv:2:1: a NUL byte");
    check_n("a,\"b\0\"", 6, ',', "a.csv:1:5: a NUL byte");
    check_n("\0", 1, ',', "a.csv:1:1: a NUL byte");
}

static void csv_reads_fields_that_outgrow_its_buffers(void **state)
{
    (void)state;
    struct buf text = {0}, expected = {0};
    buf_char(&expected, '1');
    for (int i = 0; i < 5000; i++) {
        buf_printf(&text, "%s\"%d\"\"\"", i ? "," : "", i);
        buf_printf(&expected, "|%d\"", i);
    }
    buf_char(&expected, ';');
    check(buf_string(&text), buf_string(&expected));
    buf_free(&text);
    buf_free(&expected);
}

static void csv_says_where_each_field_of_the_last_record_begins(void **state)
{
    (void)state;
    static const char text[] = "\xef\xbb\xbf\xc3\xa4,b\n\n\"one\ntwo\",,\xe2\x82\xac,last\r\n";
    static const int places[2][5][2] = {{{1, 1}, {1, 3}, {1, 4}, {1, 4}, {1, 4}},
                                        {{3, 1}, {4, 6}, {4, 7}, {4, 9}, {4, 13}}};
    struct csv *csv = csv_new(text, sizeof text - 1, "a.csv", ',', NULL);
    assert_non_null(csv);
    char **fields;
    size_t n_fields;
    int line, column;
    for (size_t r = 0; r < 2; r++) {
        assert_int_equal(csv_next(csv, &fields, &n_fields, &line, NULL), 1);
        for (size_t i = 0; i < 5; i++) {
            csv_place(csv, i, &line, &column);
            assert_int_equal(line, places[r][i][0]);
            assert_int_equal(column, places[r][i][1]);
        }
        csv_place(csv, 99, &line, &column);
        assert_int_equal(column, places[r][4][1]);
    }
    csv_free(csv);
}

static void csv_put_quotes_only_what_must_be(void **state)
{
    (void)state;
    struct buf out = {0};
    const char *fields[] = {"plain", "a,b", "say \"x\"", "two\nlines", "cr\r", "tab\t", ""};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (i) buf_char(&out, ',');
        csv_put(&out, fields[i], ',');
    }
    assert_string_equal(buf_string(&out),
                        "plain,\"a,b\",\"say \"\"x\"\"\",\"two\nlines\",\"cr\r\",tab\t,");
    check(out.data, "1|plain|a,b|say \"x\"|two\nlines|cr\r|tab\t|;");
    buf_clear(&out);
    csv_put(&out, "a,b\tc", '\t');
    assert_string_equal(buf_string(&out), "\"a,b\tc\"");
    buf_free(&out);
}

/* The real question files: 57 subjects of 6 columns. */
static void csv_reads_every_mmlu_question(void **state)
{
    (void)state;
    char folder[512];
    if (!test_data_path(folder, sizeof folder, "mmlu/test")) skip();
    char **names;
    size_t n_names, n_records = 0;
    struct err err = {0};
    assert_true(file_list(folder, &names, &n_names, &err));
    assert_int_equal(n_names, 57);
    for (size_t i = 0; i < n_names; i++) {
        size_t n_bytes, n_fields;
        char *path = file_join(folder, names[i], &err), **fields;
        char *text = file_read(path, 1 << 24, &n_bytes, &err);
        assert_non_null(text);
        struct csv *csv = csv_new(text, n_bytes, path, ',', &err);
        int line, status;
        while ((status = csv_next(csv, &fields, &n_fields, &line, &err)) == 1) {
            assert_int_equal(n_fields, 6);
            assert_true(fields[5][0] >= 'A' && fields[5][0] <= 'D' && !fields[5][1]);
            n_records++;
        }
        assert_int_equal(status, 0);
        csv_free(csv);
        free(text);
        free(path);
    }
    file_free_names(names, n_names);
    assert_int_equal(n_records, 14042);
}

static void cells_that_a_spreadsheet_would_run_are_text(void **state)
{
    (void)state;
    static const struct {
        const char *text, *cell;
    } CASES[] = {
        {"=1+1", "'=1+1"},
        {"=HYPERLINK(\"x\",\"y\")", "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\""},
        {"@SUM(A1)", "'@SUM(A1)"},
        {"+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"},
        {"-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0"},
        {"\t=1", "'\t=1"},
        {"\r=1", "\"'\r=1\""},
        {"\n=1", "\"'\n=1\""},
        {"'=1", "''=1"},
        {"'tis", "'tis"},
        {"a=b", "a=b"},
        {"", ""},
        {"-", "-"},
        {"-0.53", "-0.53"},
        {"+1e-05", "+1e-05"},
        {"-0.50 to +1.20", "-0.50 to +1.20"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct buf out = {0};
        csv_put_cell(&out, CASES[i].text, ',');
        assert_string_equal(buf_string(&out), CASES[i].cell);
        buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_reads_records_with_and_without_a_last_line_break),
        cmocka_unit_test(csv_keeps_empty_fields_and_skips_empty_lines),
        cmocka_unit_test(csv_unquotes_and_counts_the_lines_inside),
        cmocka_unit_test(csv_takes_quotes_and_carriage_returns_inside_plain_fields_as_they_are),
        cmocka_unit_test(csv_skips_a_byte_order_mark),
        cmocka_unit_test(csv_separates_by_tabs),
        cmocka_unit_test(csv_places_an_unclosed_quote_where_it_opens),
        cmocka_unit_test(csv_places_text_after_a_closing_quote_by_character),
        cmocka_unit_test(csv_refuses_nul_bytes),
        cmocka_unit_test(csv_reads_fields_that_outgrow_its_buffers),
        cmocka_unit_test(csv_says_where_each_field_of_the_last_record_begins),
        cmocka_unit_test(csv_put_quotes_only_what_must_be),
        cmocka_unit_test(cells_that_a_spreadsheet_would_run_are_text),
        cmocka_unit_test(csv_reads_every_mmlu_question),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
