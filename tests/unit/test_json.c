/* test_json.c - JSON in, strictly, and out, so that it reads back.
 *
 * Places are where an editor would show the fault: lines and columns from 1.
 */
#include "base/json.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "tests/support/test_data.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct json *parse(const char *text, struct err *err)
{
    return json_parse(text, strlen(text), "a.json", err);
}

static void check_refused(const char *text, int line, const char *reason)
{
    struct err err = {0};
    assert_null(parse(text, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_string_equal(err.file, "a.json");
    assert_int_equal(err.line, line);
    assert_true(err.column >= 1);
    if (!strstr(err.message, reason)) fail_msg("\"%s\" lacks \"%s\"", err.message, reason);
}

static void json_parse_gives_every_kind(void **state)
{
    (void)state;
    struct json *root = parse("{\"s\": \"x\", \"n\": 1.5, \"i\": 7, \"t\": true, \"f\": false,"
                              " \"0\": null, \"a\": [1, \"two\"], \"o\": {\"k\": 1}}",
                              NULL);
    assert_non_null(root);
    assert_int_equal(json_kind(root), JSON_KIND_OBJECT);
    assert_string_equal(json_as_string(json_get(root, "s"), NULL), "x");
    assert_true(json_as_number(json_get(root, "n"), 0) == 1.5);
    assert_int_equal(json_as_integer(json_get(root, "i"), 0), 7);
    assert_true(json_as_number(json_get(root, "i"), 0) == 7);
    assert_true(json_as_bool(json_get(root, "t"), false));
    assert_false(json_as_bool(json_get(root, "f"), true));
    assert_int_equal(json_kind(json_get(root, "f")), JSON_KIND_BOOL);
    assert_int_equal(json_kind(json_get(root, "0")), JSON_KIND_NULL);
    assert_non_null(json_get(root, "0"));
    assert_int_equal(json_length(json_get(root, "a")), 2);
    assert_string_equal(json_as_string(json_at(json_get(root, "a"), 1), NULL), "two");
    assert_int_equal(json_kind(json_get(root, "a")), JSON_KIND_ARRAY);
    assert_int_equal(json_as_integer(json_get(json_get(root, "o"), "k"), 0), 1);
    json_free(root);
}

static void json_getters_give_their_default_for_what_is_not_there(void **state)
{
    (void)state;
    struct json *root = parse("{\"s\": \"x\", \"n\": 1.5}", NULL);
    assert_null(json_get(root, "missing"));
    assert_null(json_get(json_get(root, "s"), "x"));
    assert_null(json_get(NULL, "x"));
    assert_null(json_at(root, 0));
    assert_int_equal(json_length(root), 0);
    assert_int_equal(json_length(NULL), 0);
    assert_int_equal(json_kind(NULL), JSON_KIND_NULL);
    assert_string_equal(json_as_string(json_get(root, "n"), "none"), "none");
    assert_true(json_as_number(json_get(root, "s"), -1) == -1);
    assert_int_equal(json_as_integer(json_get(root, "n"), -1), -1);
    assert_true(json_as_bool(json_get(root, "n"), true));
    json_free(root);
    json_free(NULL);
}

static void json_parse_accepts_any_value_as_root(void **state)
{
    (void)state;
    struct json *root = parse(" \"text\" ", NULL);
    assert_string_equal(json_as_string(root, NULL), "text");
    json_free(root);
}

static void json_parse_refuses_with_a_place(void **state)
{
    (void)state;
    check_refused("", 1, "");
    check_refused("{\"a\": 1,\n \"b\": }", 2, "}");
    check_refused("[1, 2\n\n", 3, "end of file");
    check_refused("[1] x", 1, "end of file expected");
    check_refused("{\"a\": 1, \"a\": 2}", 1, "duplicate");
    check_refused("\"a\xff\"", 1, "unable to decode");
    check_refused("\"\xed\xa0\x80\"", 1, "unable to decode");
    check_refused("\"\\ud800\"", 1, "invalid Unicode");
    check_refused("\"a\\u0000b\"", 1, "NUL");
    check_refused("[1e999]", 1, "overflow");
    check_refused("[01]", 1, "");
    check_refused("{a: 1}", 1, "");
    check_refused("[1,]", 1, "");
    check_refused("[NaN]", 1, "");
    check_refused("\"\n\"", 1, "");
}

static void json_parse_repaired_replaces_what_is_no_text(void **state)
{
    static const struct {
        const char *text, *value;
        size_t n_bytes; /* 0: up to its end */
    } examples[] = {
        {"\"Paris \\ud83d\"", "Paris \xef\xbf\xbd", 0},
        {"\"\\udE00 Paris\"", "\xef\xbf\xbd Paris", 0},
        {"\"\\ud83d\\ud83d\\ude00\"", "\xef\xbf\xbd\xf0\x9f\x98\x80", 0},
        {"\"\\ud83dx\\u00e9\"", "\xef\xbf\xbdx\xc3\xa9", 0},
        {"\"a\\u0000b\"",
         "a\xef\xbf\xbd"
         "b",
         0},
        {"\"a\0b\"",
         "a\xef\xbf\xbd"
         "b",
         5},
        {"\"\\\\ud83d \\\\u0000 \\\"\"", "\\ud83d \\u0000 \"", 0},
        {"\"\xff\xe2\x96\"", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", 0},
        {"\xef\xbb\xbf\"a\"", "a", 0},
    };
    struct err err = {0};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(examples); i++) {
        const char *text = examples[i].text;
        size_t n = examples[i].n_bytes ? examples[i].n_bytes : strlen(text);
        struct json *value = json_parse_repaired(text, n, "f", &err);
        if (!value) fail_msg("%s: %s", text, err.message);
        assert_string_equal(json_as_string(value, NULL), examples[i].value);
        json_free(value);
    }
    assert_null(json_parse_repaired("\"\\u12", 5, "f", &err));
    assert_null(json_parse_repaired("\"\\", 2, "f", &err));
    assert_null(json_parse_repaired("\"\\ud83d", 7, "f", &err));
}

static void json_parse_refuses_bombs_of_depth(void **state)
{
    (void)state;
    enum { DEPTH = 1000000 };
    char *text = malloc(DEPTH + 1);
    assert_non_null(text);
    memset(text, '[', DEPTH);
    text[DEPTH] = 0;
    check_refused(text, 1, "depth");
    free(text);
}

static void json_parse_keeps_integers_of_64_bits_exact(void **state)
{
    (void)state;
    struct json *root = parse("[9223372036854775807, -9223372036854775808, 3.0, 1e30]", NULL);
    assert_true(json_as_integer(json_at(root, 0), 0) == INT64_MAX);
    assert_true(json_as_integer(json_at(root, 1), 0) == INT64_MIN);
    assert_int_equal(json_as_integer(json_at(root, 2), 0), 3);
    assert_int_equal(json_as_integer(json_at(root, 3), -1), -1);
    json_free(root);
}

static void json_parse_reads_integers_past_64_bits_as_doubles(void **state)
{
    (void)state;
    struct json *root = parse("{\"max\": 1000000000000000019884624838656, \"n\": 5}", NULL);
    assert_true(json_as_number(json_get(root, "max"), 0) == 1e30);
    assert_int_equal(json_as_integer(json_get(root, "n"), 0), 5);
    json_free(root);
}

static void json_next_member_walks_in_the_files_order(void **state)
{
    (void)state;
    struct json *root = parse("{\"z\": 1, \"a\": 2, \"m\": 3}", NULL);
    const char *key;
    const struct json *value;
    char seen[16] = "";
    int64_t sum = 0;
    for (void *it = NULL; (it = json_next_member(root, it, &key, &value));) {
        strcat(seen, key);
        sum = sum * 10 + json_as_integer(value, 0);
    }
    assert_string_equal(seen, "zam");
    assert_int_equal(sum, 123);
    json_free(root);
}

static void json_require_string_names_the_key(void **state)
{
    (void)state;
    struct json *root = parse("{\"model\": 5, \"name\": \"x\"}", NULL);
    struct err err = {0};
    assert_string_equal(json_require_string(root, "name", &err), "x");
    assert_null(json_require_string(root, "model", &err));
    assert_string_equal(err.message, "\"model\" must be a string");
    assert_null(json_require_string(root, "path", &err));
    assert_string_equal(err.message, "the key \"path\" is missing");
    json_free(root);
}

struct seen_lines {
    int lines[8];
    int64_t values[8];
    size_t n;
    int64_t refused; /* the value at which the callback fails */
};

static bool see_line(void *context, const struct json *value, int line, struct err *err)
{
    struct seen_lines *seen = context;
    seen->lines[seen->n] = line;
    seen->values[seen->n++] = json_as_integer(value, -1);
    return seen->values[seen->n - 1] != seen->refused || err_set(err, ERR_INPUT, "no such id");
}

static void read_lines(const char *text, struct seen_lines *seen, bool expected, struct err *err)
{
    char folder[256], path[300];
    assert_non_null(test_make_folder(folder, sizeof folder));
    snprintf(path, sizeof path, "%s/lines.jsonl", folder);
    assert_true(file_write(path, text, strlen(text), err));
    assert_int_equal(json_read_lines(path, see_line, seen, err), expected);
    if (!expected) assert_string_equal(err->file, path);
    test_remove_folder(folder);
}

static void json_read_lines_skips_empty_lines_and_counts_them(void **state)
{
    (void)state;
    struct seen_lines seen = {0};
    struct err err = {0};
    seen.refused = 99;
    read_lines("1\n\n  \t\r\n2\r\n3", &seen, true, &err);
    assert_int_equal(seen.n, 3);
    assert_int_equal(seen.lines[0], 1);
    assert_int_equal(seen.lines[1], 4);
    assert_int_equal(seen.lines[2], 5);
    assert_int_equal(seen.values[2], 3);
}

static void json_parse_lines_reads_no_further_than_the_text(void **state)
{
    (void)state;
    struct seen_lines seen = {.refused = 99};
    struct err err = {0};
    static const char TEXT[] = "1\n2\n \t3";
    assert_true(json_parse_lines(TEXT, 6, "lines", see_line, &seen, &err));
    assert_int_equal(seen.n, 2);
    seen = (struct seen_lines){.refused = 2};
    assert_false(json_parse_lines(TEXT, 6, "lines", see_line, &seen, &err));
    assert_string_equal(err.file, "lines");
    assert_int_equal(err.line, 2);
}

static void json_read_lines_places_faults_in_the_file(void **state)
{
    (void)state;
    struct seen_lines seen = {.refused = 99};
    struct err err = {0};
    read_lines("1\n\n[2,\n3\n", &seen, false, &err);
    assert_int_equal(err.line, 3);
    assert_true(err.column >= 1);
    assert_int_equal(seen.n, 1);

    seen = (struct seen_lines){.refused = 2};
    err_clear(&err);
    read_lines("1\n2\n3\n", &seen, false, &err);
    assert_int_equal(err.line, 2);
    assert_string_equal(err.message, "no such id");
    assert_int_equal(seen.n, 2);
}

static void json_read_file_reads_and_places_errors(void **state)
{
    (void)state;
    struct err err = {0};
    assert_null(json_read_file("no/such/file.json", &err));
    assert_int_equal(err.code, ERR_IO);
    assert_string_equal(err.file, "no/such/file.json");
}

static void write_sample(struct json_writer *w)
{
    json_begin_object(w);
    json_key(w, "a");
    json_begin_array(w);
    json_put_integer(w, INT64_MIN);
    json_put_bool(w, true);
    json_put_null(w);
    json_begin_object(w);
    json_end_object(w);
    json_end_array(w);
    json_key(w, "b");
    json_put_string(w, NULL);
    json_key(w, "c");
    json_begin_array(w);
    json_end_array(w);
    json_end_object(w);
}

static void json_writer_keeps_commas_and_nesting(void **state)
{
    (void)state;
    struct buf out = {0};
    struct json_writer compact = {.out = &out};
    write_sample(&compact);
    assert_string_equal(buf_string(&out),
                        "{\"a\":[-9223372036854775808,true,null,{}],\"b\":null,\"c\":[]}");
    assert_int_equal(compact.depth, 0);
    buf_clear(&out);
    struct json_writer indented = {.out = &out, .indent = 2};
    write_sample(&indented);
    assert_string_equal(buf_string(&out),
                        "{\n  \"a\": [\n    -9223372036854775808,\n    true,\n"
                        "    null,\n    {}\n  ],\n  \"b\": null,\n  \"c\": []\n}");
    buf_free(&out);
}

static void json_set_writes_members(void **state)
{
    (void)state;
    static const char *const texts[] = {"x", "y"};
    struct buf out = {0};
    struct json_writer w = {.out = &out};
    json_begin_object(&w);
    json_set_string(&w, "s", "t");
    json_set_string(&w, "absent", NULL);
    json_set_number(&w, "n", 0.5);
    json_set_integer(&w, "i", -3);
    json_set_bool(&w, "b", false);
    json_set_strings(&w, "l", texts, 2);
    json_set_strings(&w, "none", NULL, 0);
    json_end_object(&w);
    assert_string_equal(buf_string(&out), "{\"s\":\"t\",\"absent\":null,\"n\":0.5,\"i\":-3,"
                                          "\"b\":false,\"l\":[\"x\",\"y\"],\"none\":[]}");
    buf_free(&out);
}

static void json_writer_escapes_what_must_be_and_repairs_utf8(void **state)
{
    (void)state;
    struct buf out = {0};
    struct json_writer w = {.out = &out};
    json_put_string_n(&w, "\"\\/\b\f\n\r\t\x01\x1f\x7f\xc3\xa9\0\xff", 15);
    assert_string_equal(buf_string(&out), "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\xc3\xa9"
                                          "\\u0000\xef\xbf\xbd\"");
    buf_free(&out);
}

static void check_number(double value)
{
    struct buf out = {0};
    struct json_writer w = {.out = &out};
    json_put_number(&w, value);
    struct json *root = json_parse(out.data, out.n_bytes, "n", NULL);
    assert_non_null(root);
    double again = json_as_number(root, 99);
    if (memcmp(&again, &value, sizeof value) != 0 && !(value == 0 && again == 0))
        fail_msg("%.17g was written as %s", value, out.data);
    json_free(root);
    buf_free(&out);
}

static void json_numbers_read_back_exactly(void **state)
{
    (void)state;
    const double values[] = {0,          -0.0,    0.1,      1.0 / 3, 1e300, -2.5e-300,
                             DBL_MAX,    DBL_MIN, 5e-324,   1e15,    1e16,  123456789.123,
                             0x1p53 + 2, 1e22,    -DBL_MAX, 62.56,   M_PI};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) check_number(values[i]);
    struct rng rng = {3};
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = rng_next(&rng);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value)) check_number(value);
    }
}

static void json_numbers_are_as_short_as_can_be(void **state)
{
    (void)state;
    struct buf out = {0};
    struct json_writer w = {.out = &out};
    json_begin_array(&w);
    json_put_number(&w, 0.1);
    json_put_number(&w, 62.56);
    json_put_number(&w, 3);
    json_put_number(&w, (double)NAN);
    json_put_number(&w, (double)-INFINITY);
    json_end_array(&w);
    assert_string_equal(buf_string(&out), "[0.1,62.56,3,null,null]");
    buf_free(&out);
}

/* What json_print writes of a document whose buffer may not grow past `maximum` bytes; NULL if it
 * refuses. The caller frees it. */
static char *print_within(size_t maximum)
{
    char *text;
    size_t n_bytes;
    struct buf out = {.maximum = maximum};
    struct json_writer w = {.out = &out};
    struct err err = {0};
    FILE *stream = open_memstream(&text, &n_bytes);
    assert_non_null(stream);
    json_begin_array(&w);
    json_put_integer(&w, 1);
    json_end_array(&w);
    bool ok = json_print(&w, stream, &err);
    fclose(stream);
    assert_null(out.data);
    if (ok) return text;
    assert_int_equal(err.code, ERR_MEMORY);
    assert_string_equal(text, "");
    free(text);
    return NULL;
}

static void json_print_writes_the_whole_document_or_nothing_and_fails(void **state)
{
    static const size_t n_needed = sizeof "[1]\n";
    (void)state;
    for (size_t maximum = 1; maximum < n_needed; maximum++) assert_null(print_within(maximum));
    char *text = print_within(n_needed);
    assert_non_null(text);
    assert_string_equal(text, "[1]\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_parse_gives_every_kind),
        cmocka_unit_test(json_getters_give_their_default_for_what_is_not_there),
        cmocka_unit_test(json_parse_accepts_any_value_as_root),
        cmocka_unit_test(json_parse_refuses_with_a_place),
        cmocka_unit_test(json_parse_repaired_replaces_what_is_no_text),
        cmocka_unit_test(json_parse_refuses_bombs_of_depth),
        cmocka_unit_test(json_parse_keeps_integers_of_64_bits_exact),
        cmocka_unit_test(json_parse_reads_integers_past_64_bits_as_doubles),
        cmocka_unit_test(json_next_member_walks_in_the_files_order),
        cmocka_unit_test(json_require_string_names_the_key),
        cmocka_unit_test(json_read_lines_skips_empty_lines_and_counts_them),
        cmocka_unit_test(json_parse_lines_reads_no_further_than_the_text),
        cmocka_unit_test(json_read_lines_places_faults_in_the_file),
        cmocka_unit_test(json_read_file_reads_and_places_errors),
        cmocka_unit_test(json_writer_keeps_commas_and_nesting),
        cmocka_unit_test(json_set_writes_members),
        cmocka_unit_test(json_writer_escapes_what_must_be_and_repairs_utf8),
        cmocka_unit_test(json_numbers_read_back_exactly),
        cmocka_unit_test(json_numbers_are_as_short_as_can_be),
        cmocka_unit_test(json_print_writes_the_whole_document_or_nothing_and_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
