/* test_model_file.c - what engine.h says of a file or spec without loading it.
 *
 * Synthetic models stand in for files; one is written to a folder of the test's own.
 */
#include "engine/tools.h"

#include "base/file.h"
#include "engine/gguf.h"
#include "engine/open_source.h"
#include "engine/tokenizer.h"
#include "tests/support/gguf_file.h"
#include "tests/support/made_vocabulary.h"
#include "tests/support/test_data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

static struct model_file *open_file(const char *path)
{
    struct err err = {0};
    struct model_file *file = model_file_open(path, &err);
    if (!file) fail_msg("%s: %s", path, err.message);
    return file;
}

static void info_tells_what_a_spec_would_load(void **state)
{
    (void)state;
    struct model_file *file = open_file("synth:phi-3-mini:q4_0");
    struct model_info info;
    assert_true(model_file_info(file, &info, NULL));
    assert_string_equal(info.architecture, "phi3");
    assert_string_equal(info.name, "synthetic phi-3-mini, seed 1");
    assert_string_equal(info.quantization, "q4_0");
    assert_int_equal(info.n_params, 3821079552);
    assert_int_equal(info.n_layers, 32);
    assert_int_equal(info.head_size, 96);
    assert_int_equal(info.sliding_window, 2047);
    assert_true(info.synthetic);
    assert_int_equal(info.packed_bytes, 0);
    model_file_close(file);
}

static void metadata_and_tensors_are_listed(void **state)
{
    (void)state;
    struct model_file *file = open_file("synth:tiny-llama:q8_0");
    bool has_context = false;
    for (size_t i = 0; i < model_file_count_metadata(file); i++) {
        struct buf value = {0};
        const char *key = model_file_metadata(file, i, 20, &value);
        if (strcmp(key, "llama.context_length") == 0) {
            assert_string_equal(buf_string(&value), "2048");
            has_context = true;
        }
        buf_free(&value);
    }
    assert_true(has_context);
    assert_int_equal(model_file_count_tensors(file), 21);
    struct model_file_tensor tensor;
    model_file_tensor(file, 0, &tensor);
    assert_string_equal(tensor.name, "token_embd.weight");
    assert_string_equal(tensor.type, "q8_0");
    assert_int_equal(tensor.n_dimensions, 2);
    assert_int_equal(tensor.shape[0], 256);
    assert_int_equal(tensor.shape[1], 512);
    assert_int_equal(tensor.shape[3], 1);
    assert_int_equal(tensor.n_bytes, 512 * 8 * 34);
    assert_true(tensor.supported);
    model_file_close(file);
}

static void the_tokenizer_comes_without_weights(void **state)
{
    (void)state;
    struct model_file *file = open_file("synth:tiny:q4_0");
    struct tokenizer *tokenizer = model_file_tokenizer(file, NULL);
    assert_non_null(tokenizer);
    model_file_close(file); /* the tokenizer lives on */
    assert_int_equal(tokenizer_size(tokenizer), 512);
    assert_int_equal(tokenizer_find(tokenizer, "<s>"), 1);
    tokenizer_free(tokenizer);
}

static void a_written_model_has_the_info_of_its_spec(void **state)
{
    (void)state;
    char folder[256], path[300], of_file[65], of_spec[65];
    assert_non_null(test_make_folder(folder, sizeof folder));
    snprintf(path, sizeof path, "%s/tiny.gguf", folder);
    assert_true(model_write("synth:tiny:q4_k:3", path, NULL, 0, NULL, NULL, NULL));
    struct model_file *file = open_file(path), *spec = open_file("synth:tiny:q4_k:3");
    struct model_info a, b;
    assert_true(model_file_info(file, &a, NULL));
    assert_true(model_file_info(spec, &b, NULL));
    assert_string_equal(a.name, b.name);
    assert_string_equal(a.quantization, "q4_k");
    assert_int_equal(a.n_bytes, b.n_bytes);
    assert_int_equal(a.n_params, b.n_params);
    assert_true(model_hash(path, of_file, NULL, NULL));
    assert_true(model_hash("synth:tiny:q4_k:3", of_spec, NULL, NULL));
    assert_int_equal(strlen(of_file), 64);
    assert_string_not_equal(of_file, of_spec); /* bytes of a file, and a recipe */
    model_file_close(spec);
    model_file_close(file);
    test_remove_folder(folder);
}

/* The tiny model as a file with these metadata over its own. */
static void write_changed(const char *path, const struct metadata *changes)
{
    struct source *whole = source_open("synth:tiny:q8_0", NULL);
    struct metadata *metadata = metadata_new(NULL);
    const struct metadata *const parts[] = {whole->metadata, changes};
    for (size_t part = 0; part < 2; part++) {
        for (size_t i = 0; i < metadata_count(parts[part]); i++) {
            const char *key;
            const struct metadata_value *value = metadata_at(parts[part], i, &key);
            assert_true(metadata_set(metadata, key, value, NULL));
        }
    }
    const struct metadata *kept = whole->metadata;
    whole->metadata = metadata;
    assert_true(gguf_write(path, whole, NULL, 1, NULL, NULL, NULL));
    whole->metadata = kept;
    metadata_free(metadata);
    source_close(whole);
}

/* The file cannot run, and why is the same before loading as when loading; frees the metadata. */
static void check_not_runnable(const char *path, struct metadata *changes, const char *part)
{
    struct err before = {0}, after = {0};
    struct model_options options = model_default_options();
    write_changed(path, changes);
    metadata_free(changes);
    struct model_file *file = open_file(path);
    assert_false(model_file_check(file, &before));
    model_file_close(file);
    assert_null(model_open(path, &options, &after));
    if (!strstr(before.message, part)) fail_msg("no \"%s\" in \"%s\"", part, before.message);
    assert_string_equal(before.message, after.message);
    assert_string_equal(before.file, path);
    assert_string_equal(after.file, path);
    assert_int_equal(before.code, after.code);
}

static struct metadata *one_string(const char *key, const char *text)
{
    struct metadata *metadata = metadata_new(NULL);
    assert_true(metadata_set_string(metadata, key, text, NULL));
    return metadata;
}

static void what_cannot_run_says_why_before_it_is_loaded(void **state)
{
    (void)state;
    char folder[256], path[300];
    assert_non_null(test_make_folder(folder, sizeof folder));
    snprintf(path, sizeof path, "%s/changed.gguf", folder);
    check_not_runnable(path, one_string("general.architecture", "bert"), "architecture 'bert'");
    check_not_runnable(path, one_string("tokenizer.ggml.model", "bert"), "tokenizer kind \"bert\"");
    check_not_runnable(path, one_string("phi3.rope.freq_base", "1"), "'phi3.rope.freq_base'");
    check_not_runnable(path, one_string("general.file_type", "f16"), "'general.file_type'");

    struct metadata *changes = metadata_new(NULL);
    assert_true(metadata_set_float(changes, "phi3.rope.freq_base", 1e-30f, NULL));
    check_not_runnable(path, changes, "out of range");

    struct made_vocabulary made = {.n = 0};
    made_put_spm(&made);
    while (made.n < 513) {
        char text[16];
        snprintf(text, sizeof text, "t%zu", made.n);
        made_put(&made, text, -(float)made.n, TOKEN_NORMAL);
    }
    check_not_runnable(path, made_metadata_of(&made, "llama"),
                       "the vocabulary has 513 tokens but the embedding only 512 rows");

    struct model_file *file = open_file("synth:tiny:q8_0");
    assert_true(model_file_check(file, NULL));
    model_file_close(file);
    test_remove_folder(folder);
}

static void errors_name_the_file(void **state)
{
    (void)state;
    char folder[256], path[300], hex[65];
    struct err err = {0};
    struct buf bytes = {0};
    assert_non_null(test_make_folder(folder, sizeof folder));
    snprintf(path, sizeof path, "%s/other.gguf", folder);
    put_good_file(&bytes, 3); /* GGUF, but no model */
    assert_true(file_write(path, bytes.data, bytes.n_bytes, NULL));
    buf_free(&bytes);
    struct model_file *file = open_file(path);
    struct model_info info;
    assert_false(model_file_info(file, &info, &err));
    assert_string_equal(err.file, path);
    err_clear(&err);
    assert_null(model_file_tokenizer(file, &err));
    assert_string_equal(err.file, path);
    model_file_close(file);
    test_remove_folder(folder);

    err_clear(&err);
    assert_false(model_hash(path, hex, NULL, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_false(model_write("synth:none:q4_0", path, NULL, 0, NULL, NULL, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_false(file_exists(path));
    model_file_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(info_tells_what_a_spec_would_load),
        cmocka_unit_test(metadata_and_tensors_are_listed),
        cmocka_unit_test(the_tokenizer_comes_without_weights),
        cmocka_unit_test(a_written_model_has_the_info_of_its_spec),
        cmocka_unit_test(what_cannot_run_says_why_before_it_is_loaded),
        cmocka_unit_test(errors_name_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
