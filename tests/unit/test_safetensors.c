/* test_safetensors.c - what a file of the format gives, and that every lie of its header is told.
 *
 * Files are written here byte by byte, apart from every writer of the format.
 */
#include "engine/hf/safetensors.h"

#include "tests/support/gguf_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

/* Length, header, and n_data bytes 0, 1, 2 ... */
static void put_file(struct buf *out, const char *header, size_t n_data)
{
    put(out, strlen(header), 8);
    buf_text(out, header);
    for (size_t i = 0; i < n_data; i++) buf_char(out, (char)i);
    assert_true(buf_check(out, NULL));
}

static void check_refused(const struct buf *file, const char *message)
{
    struct err err = {0};
    assert_null(safetensors_open_memory(file->data, file->n_bytes, "a.safetensors", &err));
    assert_string_equal(err.message, message);
    assert_string_equal(err.file, "a.safetensors");
    assert_int_equal(err.code, ERR_INPUT);
}

static void refuses(const char *header, size_t n_data, const char *message)
{
    struct buf file = {0};
    put_file(&file, header, n_data);
    check_refused(&file, message);
    buf_free(&file);
}

#define ENTRY(dtype, shape, offsets)                                                               \
    "{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static void a_file_gives_its_tensors_in_the_order_of_their_places(void **state)
{
    (void)state;
    struct buf file = {0};
    uint8_t rows[12];
    put_file(&file,
             "{\"__metadata__\":{\"format\":\"pt\"},"
             "\"b\":" ENTRY("F32", "[2]", "[12,20]") ",\"scalar\":" ENTRY(
                 "I64", "[]", "[20,28]") ",\"a\":" ENTRY("BF16", "[3,2]", "[0,12]") "}  ",
             28);
    struct source *source = safetensors_open_memory(file.data, file.n_bytes, "a", NULL);
    assert_non_null(source);
    assert_int_equal(source->n_tensors, 3);
    assert_int_equal(source->n_bytes, 28);
    const struct tensor_info *a = &source->tensors[0];
    assert_string_equal(a->name, "a");
    assert_int_equal(a->type, TENSOR_BF16);
    assert_int_equal(a->n_dimensions, 2);
    assert_int_equal(a->shape[0], 2);
    assert_int_equal(a->n_rows, 3);
    assert_true(source->read_rows(source, a, 1, 2, rows, NULL));
    assert_memory_equal(rows, ((uint8_t[]){4, 5, 6, 7, 8, 9, 10, 11}), 8);
    assert_string_equal(source->tensors[1].name, "b");
    assert_string_equal(safetensors_dtype(source->tensors[1].type), "F32");
    assert_string_equal(safetensors_dtype(source->tensors[2].type), "I64");
    assert_int_equal(source->tensors[2].row_bytes, 8);
    source_close(source);
    buf_free(&file);
}

static void offsets_that_lie_are_refused(void **state)
{
    (void)state;
    refuses("{\"a\":" ENTRY("F32", "[2]", "[0,8]") "}", 7,
            "tensor 'a' ends at byte 8 of the data, of which the file has only 7: an unfinished "
            "download?");
    refuses("{\"a\":" ENTRY("F32", "[2]", "[0,8]") "}", 9,
            "byte 70: the file goes on after its last tensor");
    refuses("{\"a\":" ENTRY("F32", "[2]", "[0,8]") ",\"b\":" ENTRY("F32", "[2]", "[4,12]") "}", 12,
            "tensor 'b' overlaps tensor 'a'");
    refuses("{\"a\":" ENTRY("F32", "[2]", "[0,8]") ",\"b\":" ENTRY("F32", "[1]", "[9,13]") "}", 13,
            "byte 124: 1 bytes before tensor 'b' are of no tensor");
    refuses("{\"a\":" ENTRY("F32", "[2]", "[0,12]") "}", 12,
            "tensor 'a' has 12 bytes in the file, but another size by its shape");
    const char *no_offsets =
        "tensor 'a' has no data_offsets [BEGIN, END] of whole numbers in order";
    refuses("{\"a\":" ENTRY("F32", "[2]", "[-8,0]") "}", 8, no_offsets);
    refuses("{\"a\":" ENTRY("F32", "[2]", "[8,0]") "}", 8, no_offsets);
    refuses("{\"a\":" ENTRY("F32", "[2]", "[0,8,8]") "}", 8, no_offsets);
    refuses("{\"a\":" ENTRY("F32", "[2]", "[0,8.0]") "}", 8, no_offsets);
    refuses("{\"a\":" ENTRY("F32", "[2]", "[0,99999999999999999999]") "}", 8,
            "tensor 'a' has a dimension that is no whole number from 1 on");
    refuses("{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, no_offsets);
}

static void types_and_shapes_that_lie_are_refused(void **state)
{
    (void)state;
    const char *no_shape = "tensor 'a' has no shape of at most 4 numbers";
    const char *no_size = "tensor 'a' has a dimension that is no whole number from 1 on";
    refuses("{\"a\":" ENTRY("F4", "[2]", "[0,1]") "}", 1,
            "tensor 'a' has the dtype 'F4': expected F32, F16 or BF16");
    refuses("{\"a\":7}", 1, "tensor 'a' has the dtype '': expected F32, F16 or BF16");
    refuses("{\"a\":" ENTRY("F32", "{}", "[0,8]") "}", 8, no_shape);
    refuses("{\"a\":" ENTRY("F32", "[1,1,1,1,2]", "[0,8]") "}", 8, no_shape);
    refuses("{\"a\":" ENTRY("F32", "[0,2]", "[0,0]") "}", 0, no_size);
    refuses("{\"a\":" ENTRY("F32", "[-2]", "[0,8]") "}", 8, no_size);
    refuses("{\"a\":" ENTRY("F32", "[\"2\"]", "[0,8]") "}", 8, no_size);
    refuses("{\"a\":" ENTRY("F32", "[4294967296,4294967296,4294967296]", "[0,8]") "}", 8,
            "tensor 'a' has an impossible shape");
    refuses("{\"a\":" ENTRY("F32", "[9223372036854775807]", "[0,8]") "}", 8,
            "tensor 'a' has an impossible shape");
    refuses("{\"a\":" ENTRY("F32", "[4294967296,4294967296]", "[0,0]") "}", 0,
            "tensor 'a' has 0 bytes in the file, but another size by its shape");
    refuses("{\"\":" ENTRY("F32", "[2]", "[0,8]") "}", 8,
            "the name of a tensor has 0 bytes: expected 1 to 255");
    refuses("{\"a\\nb\":" ENTRY("F32", "[2]", "[0,8]") "}", 8,
            "the name of a tensor has a control character");
}

static void headers_that_are_none_are_refused(void **state)
{
    (void)state;
    struct err err = {0};
    struct buf file = {0};
    refuses("[]", 0, "the header is no JSON object");
    put(&file, 100, 8);
    buf_text(&file, "{}");
    check_refused(&file, "a header of 100 bytes: expected at most 100000000, in a file of 10; an "
                         "unfinished download?");
    buf_clear(&file);
    put(&file, UINT64_MAX, 8);
    buf_text(&file, "{}");
    check_refused(&file, "a header of 18446744073709551615 bytes: expected at most 100000000, in "
                         "a file of 10; an unfinished download?");
    buf_clear(&file);
    put(&file, 2, 4);
    check_refused(&file, "the file ends inside its header");
    buf_clear(&file);
    buf_text(&file, "version https://git-lfs.github.com/spec/v1\n");
    check_refused(&file, "not a safetensors file but a Git LFS pointer: fetch the model with \"git "
                         "lfs pull\"");
    buf_clear(&file);
    put_file(&file, "{\"a\":1,\"a\":2}", 0);
    assert_null(safetensors_open_memory(file.data, file.n_bytes, "a.safetensors", &err));
    assert_string_equal(err.message, "malformed JSON: duplicate object key near '\"a\"' (while "
                                     "reading the header of a safetensors file)");
    buf_clear(&file);
    put_file(&file, "{\"a\":", 0);
    assert_null(safetensors_open_memory(file.data, file.n_bytes, "a.safetensors", &err));
    assert_non_null(strstr(err.message, "malformed JSON"));
    buf_free(&file);
}

static void every_length_of_a_truncated_file_is_refused(void **state)
{
    (void)state;
    struct buf file = {0};
    put_file(&file, "{\"a\":" ENTRY("F32", "[2]", "[0,8]") "}", 8);
    for (size_t n = 0; n < file.n_bytes; n++) {
        struct err err = {0};
        assert_null(safetensors_open_memory(file.data, n, "a.safetensors", &err));
        assert_int_equal(err.code, ERR_INPUT);
        assert_string_equal(err.file, "a.safetensors");
    }
    buf_free(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_gives_its_tensors_in_the_order_of_their_places),
        cmocka_unit_test(offsets_that_lie_are_refused),
        cmocka_unit_test(types_and_shapes_that_lie_are_refused),
        cmocka_unit_test(headers_that_are_none_are_refused),
        cmocka_unit_test(every_length_of_a_truncated_file_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
