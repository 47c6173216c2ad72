/* test_metadata.c - key-value pairs.
 *
 * Copies, typed reading, ranges, text for people.
 */
#include "engine/metadata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

static int set_up(void **state)
{
    *state = metadata_new(NULL);
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    metadata_free(*state);
    return 0;
}

static struct metadata_value integer_of(enum metadata_kind kind, int64_t i)
{
    return (struct metadata_value){.kind = kind, .i = i};
}

static void assert_prints(const struct metadata_value *value, size_t max_chars,
                          const char *expected)
{
    struct buf out = {0};
    metadata_print(value, max_chars, &out);
    assert_string_equal(buf_string(&out), expected);
    buf_free(&out);
}

static void set_copies_keys_strings_and_arrays(void **state)
{
    struct metadata *metadata = *state;
    char key[] = "list", text[] = "a\0b";
    struct metadata_string strings[] = {{text, 3}, {"", 0}};
    struct metadata_value array = {
        .kind = METADATA_ARRAY, .element = METADATA_STRING, .n = 2, .items = strings};
    assert_true(metadata_set(metadata, key, &array, NULL));
    memset(key, 'x', 4);
    memset(text, 'x', 3);
    memset(strings, 0, sizeof strings);

    size_t n;
    const struct metadata_string *copy;
    assert_true(metadata_read_strings(metadata, "list", &copy, &n, NULL));
    assert_int_equal(n, 2);
    assert_int_equal(copy[0].n_bytes, 3);
    assert_memory_equal(copy[0].text, "a\0b", 4);
    assert_string_equal(copy[1].text, "");
}

static void set_replaces_in_place_and_keeps_the_order(void **state)
{
    struct metadata *metadata = *state;
    assert_true(metadata_set_unsigned(metadata, "first", 1, NULL));
    assert_true(metadata_set_string(metadata, "second", "two", NULL));
    assert_true(metadata_set_bool(metadata, "first", true, NULL));
    assert_int_equal(metadata_count(metadata), 2);
    const char *key;
    assert_int_equal(metadata_at(metadata, 0, &key)->kind, METADATA_BOOL);
    assert_string_equal(key, "first");
    metadata_at(metadata, 1, &key);
    assert_string_equal(key, "second");
    assert_null(metadata_find(metadata, "third"));
}

static void bits_of_every_kind_come_back(void **state)
{
    (void)state;
    static const struct {
        enum metadata_kind kind;
        uint64_t bits;
    } cases[] = {
        {METADATA_U8, 0xff},
        {METADATA_I8, 0x80},
        {METADATA_U16, 0xffff},
        {METADATA_I16, 0x8000},
        {METADATA_U32, 0xffffffff},
        {METADATA_I32, 0x80000000},
        {METADATA_F32, 0x3f8ccccd},
        {METADATA_BOOL, 1},
        {METADATA_U64, UINT64_MAX},
        {METADATA_I64, UINT64_C(1) << 63},
        {METADATA_F64, 0x3ff199999999999a},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct metadata_value value = metadata_from_bits(cases[i].kind, cases[i].bits);
        assert_true(metadata_to_bits(&value) == cases[i].bits);
    }
    assert_int_equal(metadata_from_bits(METADATA_I8, 0x80).i, -128);
    assert_int_equal(metadata_from_bits(METADATA_I16, 0xfffe).i, -2);
    assert_int_equal(metadata_from_bits(METADATA_BOOL, 7).u, 1);
    assert_true(metadata_from_bits(METADATA_F32, 0x3f8ccccd).f == (double)1.1f);
}

static void require_integer_takes_any_integer_kind_in_range(void **state)
{
    struct metadata *metadata = *state;
    static const enum metadata_kind integers[] = {METADATA_U8,  METADATA_I8,  METADATA_U16,
                                                  METADATA_I16, METADATA_U32, METADATA_I32,
                                                  METADATA_U64, METADATA_I64};
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++) {
        struct metadata_value value = integer_of(integers[i], 32);
        int64_t read = 0;
        assert_true(metadata_set(metadata, "n", &value, NULL));
        assert_true(metadata_require_integer(metadata, "n", 32, 32, &read, NULL));
        assert_int_equal(read, 32);
        double number = 0;
        assert_true(metadata_read_number(metadata, "n", &number, NULL));
        assert_true(number == 32.0);
    }
    int64_t read = -7;
    assert_true(metadata_read_integer(metadata, "absent", 0, 0, &read, NULL));
    assert_int_equal(read, -7);
}

static void require_integer_names_the_key_and_what_would_be_right(void **state)
{
    struct metadata *metadata = *state;
    struct err err = {0};
    int64_t value = 11;
    assert_false(metadata_require_integer(metadata, "n", 1, 9, &value, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_string_equal(err.message, "metadata has no 'n'");

    assert_true(metadata_set_float(metadata, "n", 3.5f, NULL));
    assert_false(metadata_require_integer(metadata, "n", 1, 9, &value, &err));
    assert_string_equal(err.message, "metadata 'n' is of type f32: expected an integer");

    assert_true(metadata_set_unsigned(metadata, "n", 10, NULL));
    assert_false(metadata_require_integer(metadata, "n", 1, 9, &value, &err));
    assert_string_equal(err.message, "metadata 'n' is 10: expected 1 to 9");

    struct metadata_value huge = {.kind = METADATA_U64, .u = UINT64_MAX};
    assert_true(metadata_set(metadata, "n", &huge, NULL));
    assert_false(metadata_require_integer(metadata, "n", INT64_MIN, INT64_MAX, &value, &err));
    assert_int_equal(value, 11);
}

/* One value of a kind under "key", and what each getter makes of it: NULL for the value that
 * comes, or the kind that the message asks for. */
struct reading {
    struct metadata_value value;
    const char *integer, *number, *truth, *text;
};

static void check_message(bool done, const char *expected, const struct err *err)
{
    assert_int_equal(done, !expected);
    if (!expected) return;
    assert_int_equal(err->code, ERR_INPUT);
    assert_non_null(strstr(err->message, "'key'"));
    if (!strstr(err->message, expected)) fail_msg("no \"%s\" in \"%s\"", expected, err->message);
}

static void check_reading(struct metadata *metadata, const struct reading *reading)
{
    struct err errs[4] = {0};
    int64_t integer = 7;
    double number = 7;
    bool truth = false;
    const char *text = "before";
    assert_true(metadata_set(metadata, "key", &reading->value, NULL));
    bool done = metadata_read_integer(metadata, "key", -9, 9, &integer, &errs[0]);
    check_message(done, reading->integer, &errs[0]);
    assert_int_equal(integer, reading->integer ? 7 : 1);
    done = metadata_read_number(metadata, "key", &number, &errs[1]);
    check_message(done, reading->number, &errs[1]);
    done = metadata_read_bool(metadata, "key", &truth, &errs[2]);
    check_message(done, reading->truth, &errs[2]);
    assert_int_equal(truth, !reading->truth);
    done = metadata_read_string(metadata, "key", &text, &errs[3]);
    check_message(done, reading->text, &errs[3]);
    assert_string_equal(text, reading->text ? "before" : "1");
}

#define ALL_BUT_TEXT(KIND) NULL, NULL, NULL, "is of type " KIND ": expected a string"
#define NONE(KIND)                                                                                 \
    "is of type " KIND ": expected an integer", "is of type " KIND ": expected a number",          \
        "is of type " KIND ": expected a bool", "is of type " KIND ": expected a string"

static void what_loses_nothing_is_converted_and_all_else_is_an_error(void **state)
{
    static const uint8_t BYTES[] = {1};
    const struct reading readings[] = {
        {{.kind = METADATA_U8, .u = 1}, ALL_BUT_TEXT("u8")},
        {{.kind = METADATA_I8, .i = 1}, ALL_BUT_TEXT("i8")},
        {{.kind = METADATA_U64, .u = 1}, ALL_BUT_TEXT("u64")},
        {{.kind = METADATA_I64, .i = 1}, ALL_BUT_TEXT("i64")},
        {{.kind = METADATA_F32, .f = 1}, ALL_BUT_TEXT("f32")},
        {{.kind = METADATA_F64, .f = 1}, ALL_BUT_TEXT("f64")},
        {{.kind = METADATA_BOOL, .u = 1},
         "is of type bool: expected an integer",
         "is of type bool: expected a number",
         NULL,
         "is of type bool: expected a string"},
        {{.kind = METADATA_U32, .u = 10}, "is 10: expected -9 to 9", NULL, "a bool", "a string"},
        {{.kind = METADATA_I32, .i = -10}, "is -10: expected -9 to 9", NULL, "a bool", "a string"},
        {{.kind = METADATA_F32, .f = 0.5}, "an integer", NULL, "a bool", "a string"},
        {{.kind = METADATA_F32, .f = NAN}, "an integer", NULL, "a bool", "a string"},
        {{.kind = METADATA_F64, .f = 1e300}, "an integer", NULL, "a bool", "a string"},
        {{.kind = METADATA_F64, .f = 0x1p63}, "an integer", NULL, "a bool", "a string"},
        {{.kind = METADATA_I64, .i = INT64_MAX}, "to 9", "a number", "a bool", "a string"},
        {{.kind = METADATA_U64, .u = UINT64_MAX}, "at most 9", "a number", "a bool", "a string"},
        {{.kind = METADATA_STRING, .string = {"1", 1}},
         "is of type string: expected an integer",
         "is of type string: expected a number",
         "is of type string: expected a bool",
         NULL},
        {{.kind = METADATA_STRING, .string = {"1\0", 2}},
         "an integer",
         "a number",
         "a bool",
         "has a zero byte"},
        {{.kind = METADATA_ARRAY, .element = METADATA_U8, .n = 1, .items = BYTES},
         NONE("array of u8")},
    };
    for (size_t i = 0; i < sizeof readings / sizeof *readings; i++)
        check_reading(*state, &readings[i]);
}

static void arrays_of_another_width_are_read_element_by_element(void **state)
{
    struct metadata *metadata = *state;
    static const uint16_t NUMBERS[] = {1, 300};
    static const float FLOATS[] = {2, 2.5f};
    struct metadata_value value = {
        .kind = METADATA_ARRAY, .element = METADATA_U16, .n = 2, .items = NUMBERS};
    const struct metadata_value *array;
    struct err err = {0};
    int64_t integer;
    double number;
    assert_true(metadata_set(metadata, "key", &value, NULL));
    assert_true(metadata_read_array(metadata, "key", &array, NULL));
    assert_true(metadata_element_integer(array, 1, "key", 0, 300, &integer, NULL));
    assert_int_equal(integer, 300);
    assert_true(metadata_element_number(array, 0, "key", &number, NULL));
    assert_true(number == 1.0);
    assert_false(metadata_element_integer(array, 1, "key", 0, 9, &integer, &err));
    assert_string_equal(err.message,
                        "metadata 'key' is 300: expected 0 to 9 (while reading element 1)");
    value.element = METADATA_F32;
    value.items = FLOATS;
    assert_true(metadata_set(metadata, "key", &value, NULL));
    assert_true(metadata_read_array(metadata, "key", &array, NULL));
    assert_true(metadata_element_integer(array, 0, "key", 0, 9, &integer, NULL));
    assert_int_equal(integer, 2);
    assert_false(metadata_element_integer(array, 1, "key", 0, 9, &integer, NULL));
}

static void a_list_of_strings_is_one_of_strings_or_empty(void **state)
{
    struct metadata *metadata = *state;
    struct metadata_value value = {.kind = METADATA_ARRAY, .element = METADATA_U8, .n = 0};
    const struct metadata_string *strings;
    const struct metadata_value *array;
    struct err err = {0};
    size_t n = 7;
    assert_true(metadata_read_strings(metadata, "key", &strings, &n, NULL));
    assert_true(!strings && !n);
    assert_true(metadata_read_array(metadata, "key", &array, NULL));
    assert_null(array);
    assert_true(metadata_set(metadata, "key", &value, NULL));
    assert_true(metadata_read_strings(metadata, "key", &strings, &n, NULL));
    assert_true(!strings && !n);
    value.n = 1;
    value.items = "x";
    assert_true(metadata_set(metadata, "key", &value, NULL));
    assert_false(metadata_read_strings(metadata, "key", &strings, &n, &err));
    assert_string_equal(err.message,
                        "metadata 'key' is of type array of u8: expected an array of strings");
    assert_true(metadata_set_string(metadata, "key", "text", NULL));
    assert_false(metadata_read_array(metadata, "key", &array, &err));
    assert_string_equal(err.message, "metadata 'key' is of type string: expected an array");
}

static void print_gives_the_shortest_number_that_reads_back(void **state)
{
    (void)state;
    static const struct {
        enum metadata_kind kind;
        double f;
        const char *text;
    } cases[] = {{METADATA_F32, (double)1e-5f, "1e-05"},
                 {METADATA_F32, (double)1.1902380714f, "1.1902381"},
                 {METADATA_F64, 0.1, "0.1"},
                 {METADATA_F64, 1.0 / 3, "0.3333333333333333"},
                 {METADATA_F32, 10000, "10000"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct metadata_value value = {.kind = cases[i].kind, .f = cases[i].f};
        assert_prints(&value, 100, cases[i].text);
    }
    assert_prints(&(struct metadata_value){.kind = METADATA_F32, .f = NAN}, 100, "nan");
    struct metadata_value value = integer_of(METADATA_I64, INT64_MIN);
    assert_prints(&value, 100, "-9223372036854775808");
    assert_prints(&(struct metadata_value){.kind = METADATA_U64, .u = UINT64_MAX}, 100,
                  "18446744073709551615");
    assert_prints(&(struct metadata_value){.kind = METADATA_BOOL, .u = 1}, 100, "true");
}

static void print_cuts_by_characters_and_replaces_what_a_terminal_would_obey(void **state)
{
    (void)state;
    struct metadata_value value = {.kind = METADATA_STRING, .string = {"a\x1b[31m\xff\n", 8}};
    assert_prints(&value, 100, "a\xef\xbf\xbd[31m\xef\xbf\xbd\n");
    value.string = (struct metadata_string){"\xe2\x96\x81word", 7};
    assert_prints(&value, 3, "\xe2\x96\x81wo...");
    assert_prints(&value, 5, "\xe2\x96\x81word");

    static const uint16_t numbers[] = {1, 20, 300};
    struct metadata_value array = {
        .kind = METADATA_ARRAY, .element = METADATA_U16, .n = 3, .items = numbers};
    assert_prints(&array, 100, "[3] 1, 20, 300");
    assert_prints(&array, 6, "[3] 1, 20, ...");
    array.n = 0;
    assert_prints(&array, 100, "[0]");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(set_copies_keys_strings_and_arrays),
        TEST(set_replaces_in_place_and_keeps_the_order),
        TEST(bits_of_every_kind_come_back),
        TEST(require_integer_takes_any_integer_kind_in_range),
        TEST(require_integer_names_the_key_and_what_would_be_right),
        TEST(what_loses_nothing_is_converted_and_all_else_is_an_error),
        TEST(arrays_of_another_width_are_read_element_by_element),
        TEST(a_list_of_strings_is_one_of_strings_or_empty),
        TEST(print_gives_the_shortest_number_that_reads_back),
        TEST(print_cuts_by_characters_and_replaces_what_a_terminal_would_obey),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
