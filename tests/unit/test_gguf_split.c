/* test_gguf_split.c - models that are split into files: they are what the whole file is, whichever
 * file is named, and one that is missing, or another's, or damaged is told by its name.
 *
 * Shards are written by tests/support, those of tests/golden/split by the writer that others use.
 */
#include "engine/gguf.h"

#include "base/file.h"
#include "base/sha256.h"
#include "engine/open_source.h"
#include "engine/seal.h"
#include "engine/tools.h"
#include "tests/support/split_gguf.h"
#include "tests/support/test_engine.h"
#include "tests/support/test_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N_SHARDS = 3, N_TENSORS = 15, N_IDS = 5 };
static const int32_t IDS[N_IDS] = {1, 4, 7, 2, 9};

/* Shards of the tiny model in the current folder, n_shards of them. */
static struct source *split_tiny(const char *name, size_t n_shards, bool is_first_small)
{
    struct source *tiny = source_open("synth:tiny:q4_k", NULL);
    assert_non_null(tiny);
    assert_int_equal(tiny->n_tensors, N_TENSORS);
    test_split(name, tiny, n_shards, is_first_small);
    return tiny;
}

/* The logits after the prompt's tokens; free() them. */
static float *logits_of(const char *path, size_t *n_bytes)
{
    struct model *model = test_open_model(path, isa_best());
    struct session_options options = {.n_threads = 2};
    struct session *session = session_open(model, &options, NULL);
    int sequence;
    assert_true(session_start(session, &sequence, NULL));
    *n_bytes = N_IDS * (size_t)model_info(model)->n_vocab * sizeof(float);
    float *logits = malloc(*n_bytes);
    assert_non_null(logits);
    test_eval(session, sequence, IDS, N_IDS, N_IDS, logits);
    session_close(session);
    model_close(model);
    return logits;
}

static void check_same_logits(const char *path, const char *whole)
{
    size_t n_bytes, n_expected;
    float *logits = logits_of(path, &n_bytes), *expected = logits_of(whole, &n_expected);
    assert_int_equal(n_bytes, n_expected);
    assert_memory_equal(logits, expected, n_bytes);
    free(logits);
    free(expected);
}

static void every_shard_opens_the_model_that_the_whole_file_is(void **state)
{
    (void)state;
    for (int is_first_small = 0; is_first_small < 2; is_first_small++) {
        source_close(split_tiny("m", N_SHARDS, is_first_small));
        for (size_t i = 0; i < N_SHARDS; i++) {
            char *path = test_shard_path("m", i, N_SHARDS);
            check_same_logits(path, "synth:tiny:q4_k");
            free(path);
        }
    }
}

static void shards_of_the_python_writer_open(void **state)
{
    (void)state;
    check_same_logits("tests/golden/split/llama-tied-00001-of-00004.gguf",
                      "tests/golden/llama-tied.gguf");
}

static void the_hash_is_of_all_bytes_in_order(void **state)
{
    (void)state;
    source_close(split_tiny("m", N_SHARDS, false));
    char hex[65], expected[65];
    struct sha256 *hash = sha256_new(NULL);
    assert_non_null(hash);
    for (size_t i = 0; i < N_SHARDS; i++) {
        size_t n_bytes;
        char *path = test_shard_path("m", i, N_SHARDS);
        char *bytes = file_read(path, SIZE_MAX, &n_bytes, NULL);
        assert_non_null(bytes);
        sha256_update(hash, bytes, n_bytes);
        free(bytes);
        free(path);
    }
    sha256_finish(hash, expected);
    sha256_free(hash);
    for (size_t i = 0; i < N_SHARDS; i++) {
        char *path = test_shard_path("m", i, N_SHARDS);
        assert_true(model_hash(path, hex, NULL, NULL));
        assert_string_equal(hex, expected);
        free(path);
    }
}

/* Where the text begins in the file. */
static long offset_of(const char *path, const char *text)
{
    size_t n_bytes;
    char *bytes = file_read(path, SIZE_MAX, &n_bytes, NULL);
    assert_non_null(bytes);
    const char *at = memmem(bytes, n_bytes, text, strlen(text));
    assert_non_null(at);
    long offset = (long)(at - bytes);
    free(bytes);
    return offset;
}

/* XORs a byte; places below 0 count from the end. */
static void flip(const char *path, long at, int mask)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, at < 0 ? SEEK_END : SEEK_SET), 0);
    int c = fgetc(file);
    assert_int_equal(fseek(file, -1, SEEK_CUR), 0);
    assert_int_equal(fputc(c ^ mask, file), c ^ mask);
    assert_int_equal(fclose(file), 0);
}

/* Whether the model, all of its rows, is what was sealed. */
static bool is_as_sealed(const char *path, const struct model_seal *seal, struct err *err)
{
    struct source *source = gguf_open_sealed(path, seal, err);
    bool ok = source != NULL;
    for (size_t i = 0; ok && i < source->n_tensors; i++) {
        const struct tensor_info *tensor = &source->tensors[i];
        void *rows = malloc(tensor->n_rows * tensor->row_bytes);
        assert_non_null(rows);
        ok = source->read_rows(source, tensor, 0, tensor->n_rows, rows, err);
        free(rows);
    }
    source_close(source);
    return ok;
}

/* Whether the change of a byte of the file is told by the file's name. */
static void check_sealed_byte(const char *path, long at, const struct model_seal *seal)
{
    struct err err = {0};
    flip(path, at, 1);
    assert_false(is_as_sealed("m-00001-of-00003.gguf", seal, &err));
    assert_string_equal(err.file, path);
    assert_non_null(strstr(err.message, "is damaged, or was changed after it was hashed"));
    flip(path, at, 1);
    assert_true(is_as_sealed("m-00001-of-00003.gguf", seal, NULL));
}

static void a_seal_covers_header_and_rows_of_every_shard(void **state)
{
    (void)state;
    source_close(split_tiny("m", N_SHARDS, false));
    char hex[65];
    struct model_seal *seal = NULL;
    assert_true(model_hash("m-00001-of-00003.gguf", hex, &seal, NULL));
    assert_string_equal(model_seal_hash(seal), hex);
    assert_true(is_as_sealed("m-00002-of-00003.gguf", seal, NULL));
    for (size_t i = 0; i < N_SHARDS; i++) {
        char *path = test_shard_path("m", i, N_SHARDS);
        check_sealed_byte(path, -1, seal); /* of a weight */
        long at_name = offset_of(path, "blk.");
        check_sealed_byte(path, at_name, seal);
        free(path);
    }
    model_seal_free(seal);
}

static void a_seal_of_other_files_is_refused(void **state)
{
    (void)state;
    struct source *tiny = split_tiny("m", N_SHARDS, false);
    test_split("other", tiny, N_SHARDS + 1, false);
    assert_true(gguf_write("whole.gguf", tiny, NULL, 1, NULL, NULL, NULL));
    source_close(tiny);
    static const char *const paths[] = {"m-00001-of-00003.gguf", "other-00001-of-00004.gguf",
                                        "whole.gguf"};
    for (size_t i = 0; i < 3; i++) {
        char hex[65];
        struct model_seal *seal = NULL;
        assert_true(model_hash(paths[i], hex, &seal, NULL));
        for (size_t k = 0; k < 3; k++) {
            struct err err = {0};
            assert_int_equal(is_as_sealed(paths[k], seal, &err), i == k);
            if (i != k) assert_int_equal(err.code, ERR_INPUT);
        }
        model_seal_free(seal);
    }
}

static void a_written_model_is_one_file_again(void **state)
{
    (void)state;
    source_close(split_tiny("m", N_SHARDS, true));
    assert_true(model_write("m-00002-of-00003.gguf", "joined.gguf", NULL, 2, NULL, NULL, NULL));
    struct source *joined = gguf_open("joined.gguf", NULL);
    assert_non_null(joined);
    assert_int_equal(joined->n_files, 1);
    assert_null(metadata_find(joined->metadata, "split.count"));
    source_close(joined);
    check_same_logits("joined.gguf", "synth:tiny:q4_k");
    check_same_logits("quantize:q2_k:m-00003-of-00003.gguf", "quantize:q2_k:joined.gguf");
    for (size_t i = 0; i < N_SHARDS; i++) {
        struct err err = {0};
        char *path = test_shard_path("m", i, N_SHARDS);
        assert_false(
            model_write("quantize:f16:m-00001-of-00003.gguf", path, NULL, 1, NULL, NULL, &err));
        assert_string_equal(err.message, "cannot write a model over itself");
        free(path);
    }
}

/* What opening says by each of the two shards around the second one, which is spoiled. */
static void check_second(const char *part)
{
    static const char *const named[] = {"m-00001-of-00003.gguf", "m-00003-of-00003.gguf"};
    for (size_t i = 0; i < 2; i++) {
        struct err err = {0};
        assert_null(gguf_open(named[i], &err));
        assert_int_equal(err.code, ERR_INPUT);
        assert_string_equal(err.file, "m-00002-of-00003.gguf");
        if (!strstr(err.message, part)) fail_msg("no \"%s\" in \"%s\"", part, err.message);
    }
}

static void a_wrong_second_shard_is_told_by_its_name(void **state)
{
    (void)state;
    static const char path[] = "m-00002-of-00003.gguf";
    struct source *tiny = split_tiny("m", N_SHARDS, false);
    const struct test_shard repeated = {2, 3, N_TENSORS, 10, 15};
    const struct test_shard other_count = {1, 4, N_TENSORS, 5, 10};
    const struct test_shard other_model = {1, 3, N_TENSORS + 1, 5, 10};
    const struct test_shard overlapping = {1, 3, N_TENSORS, 4, 9};
    test_write_shard(path, tiny, &repeated);
    check_second("the file is shard 3 of 3: expected shard 2 of 3; download it again");
    test_write_shard(path, tiny, &other_count);
    check_second("the file is shard 2 of 4: expected shard 2 of 3; download it again");
    test_write_shard(path, tiny, &other_model);
    check_second("the file is of a model of 16 tensors, but m-0000");
    test_write_shard(path, tiny, &overlapping);
    check_second("is in m-00001-of-00003.gguf, too: download all shards of one model");
    assert_true(gguf_write(path, tiny, NULL, 1, NULL, NULL, NULL));
    check_second("the file is no part of a split model: expected shard 2 of 3");
    assert_int_equal(unlink(path), 0);
    check_second("shard 2 of 3 of the model is missing: download it, too, for m-0000");
    assert_true(file_write(path, "<html>", 6, NULL));
    check_second("(while opening shard 2 of 3, which can be downloaded again by itself)");
    source_close(tiny);
}

static void check_named(const char *path, const char *part)
{
    struct err err = {0};
    assert_null(gguf_open(path, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_string_equal(err.file, path);
    if (!strstr(err.message, part)) fail_msg("no \"%s\" in \"%s\"", part, err.message);
}

static void a_model_of_too_few_tensors_is_refused(void **state)
{
    (void)state;
    struct source *tiny = split_tiny("m", N_SHARDS, false);
    const struct test_shard shorter = {1, 3, N_TENSORS, 5, 8};
    test_write_shard("m-00002-of-00003.gguf", tiny, &shorter);
    check_named("m-00001-of-00003.gguf", "have 13 tensors together: expected 15");
    source_close(tiny);
}

static void a_shard_under_another_name_says_what_it_must_be_called(void **state)
{
    (void)state;
    source_close(split_tiny("m", N_SHARDS, false));
    assert_int_equal(rename("m-00002-of-00003.gguf", "second.gguf"), 0);
    check_named("second.gguf", "the file is shard 2 of 3 of a split model, whose name must end in "
                               "-00002-of-00003.gguf, beside the others: rename it");
    assert_int_equal(rename("second.gguf", "m-00004-of-00003.gguf"), 0);
    check_named("m-00004-of-00003.gguf", "-00002-of-00003.gguf");
}

/* XORs the low byte of the number that stands under the key. */
static void change_key(const char *path, const char *key, int mask)
{
    flip(path, offset_of(path, key) + (long)strlen(key) + 4, mask);
}

static void a_place_that_cannot_be_is_refused(void **state)
{
    (void)state;
    source_close(split_tiny("m", N_SHARDS, false));
    change_key("m-00003-of-00003.gguf", "split.no", 0x2 ^ 0x3);
    check_named("m-00003-of-00003.gguf", "'split.no'");
    source_close(split_tiny("m", N_SHARDS, false));
    change_key("m-00003-of-00003.gguf", "split.tensors.count", N_TENSORS);
    check_named("m-00003-of-00003.gguf", "'split.tensors.count'");
}

static void a_file_that_is_all_of_its_model_needs_no_name(void **state)
{
    (void)state;
    for (size_t n_shards = 0; n_shards < 2; n_shards++) {
        struct source *tiny = source_open("synth:tiny:q4_k", NULL);
        const struct test_shard all = {0, n_shards, N_TENSORS, 0, N_TENSORS};
        test_write_shard("all.gguf", tiny, &all);
        source_close(tiny);
        check_same_logits("all.gguf", "synth:tiny:q4_k");
    }
}

static void a_weight_that_is_no_number_is_told_with_its_shard(void **state)
{
    (void)state;
    struct source *tiny = source_open("synth:tiny:f32", NULL);
    struct model_options options = model_default_options();
    struct err err = {0};
    test_split("m", tiny, N_SHARDS, false);
    source_close(tiny);
    size_t n_bytes;
    char *bytes = file_read("m-00003-of-00003.gguf", SIZE_MAX, &n_bytes, NULL);
    assert_non_null(bytes);
    memset(bytes + n_bytes - 4, 0xff, 4);
    assert_true(file_write("m-00003-of-00003.gguf", bytes, n_bytes, NULL));
    free(bytes);
    assert_null(model_open("m-00001-of-00003.gguf", &options, &err));
    assert_string_equal(err.file, "m-00003-of-00003.gguf");
    assert_non_null(strstr(err.message, "has the value nan"));
}

#define IN_FOLDER(TEST) cmocka_unit_test_setup_teardown(TEST, test_enter_folder, test_leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(every_shard_opens_the_model_that_the_whole_file_is),
        cmocka_unit_test(shards_of_the_python_writer_open),
        IN_FOLDER(the_hash_is_of_all_bytes_in_order),
        IN_FOLDER(a_seal_covers_header_and_rows_of_every_shard),
        IN_FOLDER(a_seal_of_other_files_is_refused),
        IN_FOLDER(a_written_model_is_one_file_again),
        IN_FOLDER(a_wrong_second_shard_is_told_by_its_name),
        IN_FOLDER(a_model_of_too_few_tensors_is_refused),
        IN_FOLDER(a_shard_under_another_name_says_what_it_must_be_called),
        IN_FOLDER(a_place_that_cannot_be_is_refused),
        IN_FOLDER(a_file_that_is_all_of_its_model_needs_no_name),
        IN_FOLDER(a_weight_that_is_no_number_is_told_with_its_shard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
