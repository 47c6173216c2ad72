/* test_gguf.c - reading the GGUF container.
 *
 * What is right is read; what is not is refused with its place.
 */
#include "engine/gguf.h"

#include "tests/support/gguf_file.h"
#include "tests/support/stored_value.h"
#include "tests/support/test_data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static struct source *open_buf(const struct buf *file, struct err *err)
{
    return gguf_open_memory(file->data, file->n_bytes, "test.gguf", err);
}

/* Opening must fail with this code and a message that has `part`; frees the file. */
static void assert_rejected(struct buf *file, enum err_code code, const char *part)
{
    struct err err = {0};
    struct source *source = open_buf(file, &err);
    assert_null(source);
    if (!strstr(err.message, part)) fail_msg("'%s' has no '%s'", err.message, part);
    assert_int_equal(err.code, code);
    assert_string_equal(err.file, "test.gguf");
    buf_free(file);
}

static void gguf_open_reads_every_kind_of_key_and_the_tensors(void **state)
{
    (void)state;
    for (uint32_t version = 2; version <= 3; version++) {
        struct buf file = {0};
        put_good_file(&file, version);
        struct source *source = open_buf(&file, NULL);
        assert_non_null(source);
        assert_int_equal(metadata_count(source->metadata), 13);
        assert_int_equal(stored_value(source->metadata, "key.11", METADATA_I64)->i, 0x40);
        assert_int_equal(stored_value(source->metadata, "key.7", METADATA_BOOL)->u, 1);
        assert_string_equal(stored_string(source->metadata, "key.8"), "text");
        size_t n;
        const int16_t *items = stored_array(source->metadata, "key.9", METADATA_I16, &n);
        assert_int_equal(n, 3);
        assert_int_equal(items[0], -1);

        const struct tensor_info *a = source_find(source, "a"), *b = source_find(source, "b");
        assert_true(a && b && !source_find(source, "c"));
        assert_int_equal(a->n_rows, 2);
        assert_int_equal(a->row_bytes, 68);
        assert_int_equal(b->shape[0], 3);
        assert_int_equal(b->shape[2], 1);
        assert_int_equal(source->n_bytes, 136 + 60);
        uint8_t row[24];
        assert_true(source->read_rows(source, b, 3, 2, row, NULL));
        for (size_t i = 0; i < 24; i++) assert_int_equal(row[i], 160 + 36 + i);
        source_close(source);
        buf_free(&file);
    }
}

static void gguf_open_rejects_every_truncation(void **state)
{
    (void)state;
    struct buf file = {0};
    put_good_file(&file, 3);
    for (size_t n = 0; n < file.n_bytes; n++) {
        /* A copy of exactly n bytes, so that a read past them is seen by the sanitizer. */
        void *copy = malloc(n ? n : 1);
        assert_non_null(copy);
        memcpy(copy, file.data, n);
        struct err err = {0};
        assert_null(gguf_open_memory(copy, n, "cut.gguf", &err));
        assert_int_equal(err.code, ERR_INPUT);
        assert_memory_equal(err.message, "byte ", 5);
        free(copy);
    }
    buf_free(&file);
}

static void gguf_open_survives_every_bit_flip_and_keeps_tensors_inside(void **state)
{
    (void)state;
    struct buf file = {0};
    put_good_file(&file, 3);
    size_t n_opened = 0;
    for (size_t bit = 0; bit < 8 * file.n_bytes; bit++) {
        file.data[bit / 8] ^= (char)(1 << bit % 8);
        struct source *source = open_buf(&file, NULL);
        for (size_t i = 0; source && i < source->n_tensors; i++) {
            const struct tensor_info *tensor = &source->tensors[i];
            assert_true(tensor->offset + tensor->n_rows * tensor->row_bytes <= file.n_bytes);
            void *rows = malloc(tensor->n_rows * tensor->row_bytes);
            assert_true(rows && source->read_rows(source, tensor, 0, tensor->n_rows, rows, NULL));
            free(rows);
        }
        n_opened += source != NULL;
        source_close(source);
        file.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_true(n_opened > 8 * 220); /* at least those of the data are harmless */
    buf_free(&file);
}

static void gguf_open_rejects_what_is_not_gguf_of_a_known_version(void **state)
{
    (void)state;
    struct buf file = {0};
    buf_text(&file, "GGML and more than enough bytes");
    assert_rejected(&file, ERR_INPUT, "byte 0: not a GGUF file");
    put_preamble(&file, 1, 0, 0);
    assert_rejected(&file, ERR_INPUT, "byte 4: GGUF version 1: expected 2 or 3");
    put_preamble(&file, 4, 0, 0);
    assert_rejected(&file, ERR_INPUT, "GGUF version 4");
    put_preamble(&file, 0x03000000, 0, 0);
    assert_rejected(&file, ERR_INPUT, "big-endian");
}

static void gguf_open_rejects_counts_and_lengths_that_no_file_could_hold(void **state)
{
    (void)state;
    struct buf file = {0};
    put_preamble(&file, 3, UINT64_MAX, 0);
    assert_rejected(&file, ERR_INPUT, "byte 8: 18446744073709551615 tensors");
    put_preamble(&file, 3, 60000, 0);
    assert_rejected(&file, ERR_INPUT, "the file ends inside the tensor table");
    put_preamble(&file, 3, 0, UINT64_C(1) << 40);
    assert_rejected(&file, ERR_INPUT, "byte 16: 1099511627776 metadata keys");

    put_preamble(&file, 3, 0, 1);
    put(&file, UINT64_MAX, 8);
    assert_rejected(&file, ERR_INPUT, "the file ends inside the metadata");

    static const uint32_t elements[] = {METADATA_U8, METADATA_F64, METADATA_STRING};
    static const uint64_t counts[] = {UINT64_MAX, UINT64_C(1) << 61, UINT64_C(1) << 32, 1000};
    for (size_t i = 0; i < 12; i++) {
        put_preamble(&file, 3, 0, 1);
        put_text(&file, "array");
        put(&file, METADATA_ARRAY, 4);
        put(&file, elements[i / 4], 4);
        put(&file, counts[i % 4], 8);
        assert_rejected(&file, ERR_INPUT, "the file ends inside an array");
    }
}

/* What a server or a repository gives in place of a model is named, with what to do. */
static void gguf_open_names_what_it_was_given_instead(void **state)
{
    (void)state;
    static const struct {
        const char *begin;
        size_t n_bytes;
        const char *part;
    } CASES[] = {
#define CASE(TEXT, PART) {TEXT, sizeof TEXT - 1, PART}
        CASE("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "Git LFS"),
        CASE("# xet version 0\nfilesize = 1\n", "Xet pointer"),
        CASE("/annex/objects/SHA256E-s1--0.gguf\n", "git-annex pointer"),
        CASE("<!DOCTYPE html>\n<html>", "an HTML page"),
        CASE("\xef\xbb\xbf\r\n  <!doctype HTML>", "an HTML page"),
        CASE("<HTML lang=en>", "an HTML page"),
        CASE("<?xml version='1.0'?><Error>", "an XML document"),
        CASE("{\"error\":\"Entry not found\"}", "JSON"),
        CASE("PK\3\4\0\0\0\0", "ZIP archive"),
        CASE("\x1f\x8b\x08\0", "gzip"),
        CASE("\x28\xb5\x2f\xfd\0", "zstd"),
        CASE("\xfd"
             "7zXZ\0",
             "xz"),
        CASE("\x20\0\0\0\0\0\0\0{\"a\":{}}", "safetensors"),
        CASE("tjgg\1\0\0\0", "before GGUF"),
        CASE("\0\0\0\0\0\0\0\0", "zeros"),
        CASE("", "an empty one"),
        CASE("GGU", "does not begin with \"GGUF\""),
        CASE("\0\0\0", "does not begin with \"GGUF\""),
        CASE("name: demo\n", "does not begin with \"GGUF\""),
#undef CASE
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct buf file = {0};
        buf_append(&file, CASES[i].begin, CASES[i].n_bytes);
        assert_rejected(&file, ERR_INPUT, CASES[i].part);
    }
}

static void gguf_open_rejects_bad_keys(void **state)
{
    (void)state;
    struct buf file = {0};
    put_preamble(&file, 3, 0, 2);
    put_unsigned_key(&file, "twice", 1);
    put_unsigned_key(&file, "twice", 1);
    assert_rejected(&file, ERR_INPUT, "byte 45: metadata key 'twice' appears twice");

    static const char *const names[] = {"", "new\nline", "esc\x1b", "\xff\xfe"};
    for (size_t i = 0; i < 4; i++) {
        put_preamble(&file, 3, 0, 1);
        put_unsigned_key(&file, names[i], 1);
        assert_rejected(&file, ERR_INPUT, "byte 24: a name");
    }
    char long_name[257];
    memset(long_name, 'x', 256);
    long_name[256] = 0;
    put_preamble(&file, 3, 0, 1);
    put_unsigned_key(&file, long_name, 1);
    assert_rejected(&file, ERR_INPUT, "a name of 256 bytes");

    put_preamble(&file, 3, 0, 1);
    put_text(&file, "k");
    put(&file, 13, 4);
    put(&file, 0, 8);
    assert_rejected(&file, ERR_INPUT, "'k' is of unknown type 13");

    put_preamble(&file, 3, 0, 1);
    put_text(&file, "k");
    put(&file, METADATA_ARRAY, 4);
    put(&file, 13, 4);
    put(&file, 0, 8);
    assert_rejected(&file, ERR_INPUT, "'k' is an array of unknown type 13");

    put_preamble(&file, 3, 0, 1);
    put_text(&file, "k");
    put(&file, METADATA_ARRAY, 4);
    put(&file, METADATA_ARRAY, 4);
    put(&file, 0, 8);
    assert_rejected(&file, ERR_UNSUPPORTED, "'k' is an array of arrays");
}

static void gguf_open_rejects_bad_alignments(void **state)
{
    (void)state;
    static const uint32_t alignments[] = {0, 48, 1 << 21};
    for (size_t i = 0; i < 3; i++) {
        struct buf file = {0};
        put_preamble(&file, 3, 0, 1);
        put_unsigned_key(&file, "general.alignment", alignments[i]);
        assert_rejected(&file, ERR_INPUT, "general.alignment");
    }
}

static void gguf_open_places_tensors_by_the_alignment_of_the_file(void **state)
{
    (void)state;
    struct buf file = {0};
    put_preamble(&file, 3, 1, 1);
    put_unsigned_key(&file, "general.alignment", 128);
    put_tensor(&file, "t", 4, 1, TENSOR_F32, 128);
    put_data(&file, 128, 128 + 16);
    struct source *source = open_buf(&file, NULL);
    assert_non_null(source);
    assert_int_equal(source->tensors[0].offset, 256);
    source_close(source);
    buf_free(&file);
}

static void gguf_open_rejects_bad_tensors(void **state)
{
    (void)state;
    static const struct {
        uint64_t columns, rows;
        uint32_t type;
        uint64_t offset;
        const char *message;
    } cases[] = {
        {32, 1, 5, 0, "tensor 'bad' is of unknown type 5"},
        {32, 1, UINT32_MAX, 0, "is of unknown type 4294967295"},
        {48, 1, TENSOR_Q4_0, 0, "has rows of 48 values: expected a multiple of 32 for type q4_0"},
        {0, 1, TENSOR_F32, 0, "impossible shape"},
        {1, 0, TENSOR_F32, 0, "impossible shape"},
        {UINT64_C(1) << 62, 1, TENSOR_F32, 0, "impossible shape"},
        {UINT64_C(1) << 32, UINT64_C(1) << 32, TENSOR_F32, 0, "impossible shape"},
        {8, 8, TENSOR_F32, 8, "is at offset 8: expected a multiple of 32"},
        {8, 9, TENSOR_F32, 0, "(offset 0, 288 bytes) does not fit into the 256 bytes of data"},
        {8, 1, TENSOR_F32, 256, "does not fit"},
        {8, 1, TENSOR_F32, UINT64_MAX - 31, "does not fit"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf file = {0};
        put_preamble(&file, 3, 1, 0);
        put_tensor(&file, "bad", cases[i].columns, cases[i].rows, cases[i].type, cases[i].offset);
        put_data(&file, 32, 256);
        assert_rejected(&file, ERR_INPUT, cases[i].message);
    }
    static const uint32_t dimensions[] = {0, 5, UINT32_MAX};
    for (size_t i = 0; i < 3; i++) {
        struct buf file = {0};
        put_preamble(&file, 3, 1, 0);
        put_text(&file, "bad");
        put(&file, dimensions[i], 4);
        for (int k = 0; k < 10; k++) put(&file, 1, 8);
        assert_rejected(&file, ERR_INPUT, "dimensions: expected 1 to 4");
    }
}

static void gguf_open_rejects_tensors_of_one_name_or_place(void **state)
{
    (void)state;
    struct buf file = {0};
    put_preamble(&file, 3, 3, 0);
    put_tensor(&file, "same", 8, 1, TENSOR_F32, 0);
    put_tensor(&file, "other", 8, 1, TENSOR_F32, 32);
    put_tensor(&file, "same", 8, 1, TENSOR_F32, 64);
    put_data(&file, 32, 256);
    assert_rejected(&file, ERR_INPUT, "tensor 'same' appears twice");

    put_preamble(&file, 3, 2, 0);
    put_tensor(&file, "late", 8, 1, TENSOR_F32, 32);
    put_tensor(&file, "early", 8, 2, TENSOR_F32, 0);
    put_data(&file, 32, 256);
    assert_rejected(&file, ERR_INPUT, "tensor 'late' overlaps tensor 'early'");
}

static void gguf_open_keeps_known_types_that_are_not_supported(void **state)
{
    (void)state;
    struct buf file = {0};
    put_preamble(&file, 3, 1, 0);
    put_tensor(&file, "nv", 64, 2, 40, 0);
    put_data(&file, 32, 72);
    struct source *source = open_buf(&file, NULL);
    assert_non_null(source);
    const struct tensor_type_info *info = tensor_type_info(source->tensors[0].type);
    assert_string_equal(info->name, "nvfp4");
    assert_false(info->supported);
    source_close(source);
    buf_free(&file);
}

static void gguf_open_reads_real_files(void **state)
{
    (void)state;
    static const struct {
        const char *file, *architecture;
        size_t n_keys, n_tensors, n_vocab;
    } cases[] = {
        {"weights/stories260K/stories260K.gguf", "llama", 19, 48, 512},
        {"tokenizers/ggml_vocab/ggml-vocab-phi-3.gguf", "phi3", 26, 0, 32064},
        {"tokenizers/ggml_vocab/ggml-vocab-deepseek-llm.gguf", "llama", 23, 0, 102400},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[512];
        if (!test_data_path(path, sizeof path, cases[i].file)) {
            print_message("SKIP: no data file %s\n", cases[i].file);
            skip();
        }
        struct err err = {0};
        struct source *source = gguf_open(path, &err);
        if (!source) fail_msg("%s: %s", path, err.message);
        size_t n_vocab;
        stored_array(source->metadata, "tokenizer.ggml.tokens", METADATA_STRING, &n_vocab);
        assert_string_equal(stored_string(source->metadata, "general.architecture"),
                            cases[i].architecture);
        assert_int_equal(metadata_count(source->metadata), cases[i].n_keys);
        assert_int_equal(source->n_tensors, cases[i].n_tensors);
        assert_int_equal(n_vocab, cases[i].n_vocab);
        source_close(source);
    }
}

static void gguf_open_says_why_a_path_cannot_be_opened(void **state)
{
    (void)state;
    struct err err = {0};
    assert_null(gguf_open("/nonexistent/model.gguf", &err));
    assert_int_equal(err.code, ERR_IO);
    assert_string_equal(err.file, "/nonexistent/model.gguf");
    assert_string_equal(err.message, "cannot open: No such file or directory");
    assert_null(gguf_open("/", &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_null(gguf_open("/", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gguf_open_reads_every_kind_of_key_and_the_tensors),
        cmocka_unit_test(gguf_open_rejects_every_truncation),
        cmocka_unit_test(gguf_open_survives_every_bit_flip_and_keeps_tensors_inside),
        cmocka_unit_test(gguf_open_rejects_what_is_not_gguf_of_a_known_version),
        cmocka_unit_test(gguf_open_rejects_counts_and_lengths_that_no_file_could_hold),
        cmocka_unit_test(gguf_open_names_what_it_was_given_instead),
        cmocka_unit_test(gguf_open_rejects_bad_keys),
        cmocka_unit_test(gguf_open_rejects_bad_alignments),
        cmocka_unit_test(gguf_open_places_tensors_by_the_alignment_of_the_file),
        cmocka_unit_test(gguf_open_rejects_bad_tensors),
        cmocka_unit_test(gguf_open_rejects_tensors_of_one_name_or_place),
        cmocka_unit_test(gguf_open_keeps_known_types_that_are_not_supported),
        cmocka_unit_test(gguf_open_reads_real_files),
        cmocka_unit_test(gguf_open_says_why_a_path_cannot_be_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
