/* test_numbers.c - weights, keys, values and logits that are no numbers: found where they are read
 * or made, and named.
 *
 * Each file is a synthetic one in which the test changes a few weights.
 */
#include "engine/open_source.h"
#include "engine/tools.h"
#include "tests/support/test_engine.h"
#include "tests/support/test_folder.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char FILE_NAME[] = "numbers.gguf";

static void write_file(const char *type)
{
    char spec[64];
    struct err err = {0};
    snprintf(spec, sizeof spec, "synth:tiny-llama:%s", type);
    if (!model_write(spec, FILE_NAME, NULL, 1, NULL, NULL, &err)) fail_msg("%s", err.message);
}

/* Overwrites bytes of a row of the file's tensor. */
static void put_bytes(const char *name, size_t row, size_t at, const void *bytes, size_t n_bytes)
{
    struct source *source = source_open(FILE_NAME, NULL);
    assert_non_null(source);
    const struct tensor_info *tensor = source_find(source, name);
    assert_non_null(tensor);
    assert_true(row < tensor->n_rows && at + n_bytes <= tensor->row_bytes);
    FILE *file = fopen(FILE_NAME, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)(tensor->offset + row * tensor->row_bytes + at), SEEK_SET),
                     0);
    assert_int_equal(fwrite(bytes, 1, n_bytes, file), n_bytes);
    assert_int_equal(fclose(file), 0);
    source_close(source);
}

static void put_float(const char *name, size_t row, size_t column, float value)
{
    put_bytes(name, row, column * sizeof value, &value, sizeof value);
}

/* Makes every value of a tensor of float32 this many times larger. */
static void multiply(const char *name, float factor)
{
    struct source *source = source_open(FILE_NAME, NULL);
    const struct tensor_info *tensor = source_find(source, name);
    size_t n = tensor->shape[0], n_rows = tensor->n_rows;
    float *values = malloc(n * sizeof *values);
    assert_non_null(values);
    for (size_t row = 0; row < n_rows; row++) {
        assert_true(source->read_rows(source, tensor, row, 1, values, NULL));
        for (size_t i = 0; i < n; i++) values[i] *= factor;
        put_bytes(name, row, 0, values, n * sizeof *values);
    }
    free(values);
    source_close(source);
}

static void assert_contains(const char *text, const char *part)
{
    if (!strstr(text, part)) fail_msg("\"%s\" has no \"%s\"", text, part);
}

static void assert_refused(int n_threads, const char *message)
{
    struct err err = {0};
    struct model_options options = model_default_options();
    options.n_threads = n_threads;
    assert_null(model_open(FILE_NAME, &options, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_string_equal(err.file, FILE_NAME);
    assert_string_equal(err.message, message);
}

static void a_model_with_a_weight_that_is_no_number_is_not_opened(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        size_t at, n_bytes; /* of what is overwritten in the row */
        uint32_t bits;
        const char *value;
        size_t column;
    } cases[] = {
        {"f32", 4 * 70, 4, 0x7fc00000, "nan", 70},  {"f32", 4 * 255, 4, 0xff800000, "-inf", 255},
        {"f16", 2 * 70, 2, 0x7e00, "nan", 70},      {"f16", 2 * 3, 2, 0x7c00, "inf", 3},
        {"bf16", 2 * 9, 2, 0x7fc0, "nan", 9},       {"bf16", 2 * 254, 2, 0xff80, "-inf", 254},
        {"q4_0", 18 * 2, 2, 0x7e00, "nan", 64},     {"q4_1", 20 * 2, 2, 0x7e00, "nan", 64},
        {"q4_1", 20 * 2 + 2, 2, 0x7e00, "nan", 64}, {"q5_0", 22, 2, 0x7e00, "nan", 32},
        {"q5_1", 24 + 2, 2, 0x7e00, "nan", 32},     {"q8_0", 34 * 7, 2, 0x7e00, "nan", 224},
        {"q2_k", 80, 2, 0x7e00, "nan", 0},          {"q2_k", 82, 2, 0x7e00, "nan", 0},
        {"q3_k", 108, 2, 0x7e00, "nan", 0},         {"q4_k", 0, 2, 0x7e00, "nan", 0},
        {"q4_k", 2, 2, 0x7e00, "nan", 0},           {"q5_k", 2, 2, 0x7e00, "nan", 0},
        {"q6_k", 208, 2, 0x7e00, "nan", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char message[160];
        write_file(cases[i].type);
        put_bytes("blk.1.attn_k.weight", 21, cases[i].at, &cases[i].bits, cases[i].n_bytes);
        snprintf(message, sizeof message,
                 "tensor blk.1.attn_k.weight has the value %s in row 21, column %zu: a weight must "
                 "be a number",
                 cases[i].value, cases[i].column);
        assert_refused(1, message);
    }
}

static void the_first_one_is_named_whatever_threads_find(void **state)
{
    (void)state;
    write_file("f32");
    for (size_t row = 200; row > 0; row -= 40) put_float("output.weight", row, row + 1, NAN);
    for (int n_threads = 1; n_threads <= 5; n_threads++)
        assert_refused(n_threads, "tensor output.weight has the value nan in row 40, column 41: a "
                                  "weight must be a number");
    put_float("output_norm.weight", 0, 3, INFINITY);
    assert_refused(2, "tensor output_norm.weight has the value inf in row 0, column 3: a weight "
                      "must be a number");
}

/* Evaluates three tokens, of which the last two want logits. */
static bool eval(struct session *session, int *sequence, struct err *err)
{
    assert_true(session_start(session, sequence, NULL));
    const struct session_token tokens[] = {{.sequence = *sequence, .id = 5, .wants_logits = false},
                                           {.sequence = *sequence, .id = 6, .wants_logits = true},
                                           {.sequence = *sequence, .id = 7, .wants_logits = true}};
    return session_eval(session, tokens, 3, err);
}

/* What the evaluation says, "" where it succeeds: then its logits are numbers. */
static void eval_file(const char *path, enum kv_type kv_type, struct err *err)
{
    struct model *model = test_open_model(path, isa_best());
    const struct session_options options = {
        .n_threads = 2, .context_tokens = 64, .kv_type = kv_type};
    struct session *session = session_open(model, &options, NULL);
    assert_non_null(session);
    int sequence;
    *err = (struct err){0};
    bool ok = eval(session, &sequence, err);
    assert_int_equal(ok, err->code == ERR_NONE);
    assert_int_equal(session_length(session, sequence), ok ? 3 : 0);
    if (!ok) assert_int_equal(err->code, ERR_INPUT);
    for (size_t i = 0; ok && i < 2 * (size_t)model_info(model)->n_vocab; i++)
        assert_true(isfinite(session_logits(session, 0)[i]));
    session_close(session);
    model_close(model);
}

static void an_embedding_that_is_no_number_is_an_error_when_it_is_read(void **state)
{
    (void)state;
    struct err err;
    write_file("f16");
    const uint16_t nan = 0x7e00;
    put_bytes("token_embd.weight", 9, 2 * 12, &nan, sizeof nan);
    eval_file(FILE_NAME, KV_F16, &err);
    assert_int_equal(err.code, ERR_NONE); /* it has no such token */
    put_bytes("token_embd.weight", 6, 2 * 12, &nan, sizeof nan);
    eval_file(FILE_NAME, KV_F16, &err);
    assert_contains(err.message, "tensor token_embd.weight has the value nan in row 6, column 12");
}

static void keys_beyond_f16_are_an_error_that_names_the_other_cache(void **state)
{
    (void)state;
    static const char *const names[] = {"blk.1.attn_k.weight", "blk.1.attn_v.weight"};
    /* What is quantized has to find it too: an attention of no numbers would come out as zeros. */
    static const char *const paths[] = {"numbers.gguf", "quantize:q8_0:numbers.gguf",
                                        "quantize:q4_k:numbers.gguf"};
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < 3; k++) {
            struct err err;
            write_file("f32");
            multiply(names[i], 1e6f);
            eval_file(paths[k], KV_F16, &err);
            assert_string_equal(err.message,
                                "a key or value of layer 1 at position 0 of sequence 0 is beyond "
                                "what f16 holds: --kv f32 (kv: f32 in a configuration) has more "
                                "room");
            eval_file(paths[k], KV_F32, &err);
            assert_string_equal(err.message, "");
            eval_file(paths[k], KV_Q8_0, &err); /* a scale is the largest value by 127 */
            assert_string_equal(err.message, "");
            if (k > 0) continue; /* nor would weights fit a quantized type */
            multiply(names[i], 1e3f);
            eval_file(paths[k], KV_Q8_0, &err);
            assert_contains(err.message, "is beyond what q8_0 holds: --kv f32");
        }
}

static void a_cache_that_refused_keys_serves_other_tokens(void **state)
{
    (void)state;
    struct err err = {0};
    write_file("f32");
    multiply("blk.0.attn_v.weight", 1e6f);
    for (size_t i = 0; i < 256; i++) put_float("token_embd.weight", 8, i, 0);
    struct model *model = test_open_model(FILE_NAME, isa_best());
    const struct session_options options = {.n_threads = 1, .context_tokens = 32};
    struct session *session = session_open(model, &options, NULL);
    int sequence;
    assert_non_null(session);
    assert_false(eval(session, &sequence, &err));
    /* The token of zeros takes the page that the others left, where nothing may be left of them. */
    const struct session_token zeros = {.sequence = sequence, .id = 8, .wants_logits = true};
    assert_true(session_eval(session, &zeros, 1, &err));
    session_close(session);
    model_close(model);
}

static void logits_that_are_no_numbers_are_an_error_that_names_their_position(void **state)
{
    (void)state;
    struct err err;
    write_file("f32");
    for (size_t i = 0; i < 256; i++) put_float("output.weight", 300, i, i % 2 ? 3.4e38f : -3.4e38f);
    eval_file(FILE_NAME, KV_F16, &err);
    assert_string_equal(err.message, "the logits at position 1 of sequence 0 are no numbers");
}

static void numbers_lost_on_the_way_are_an_error_that_names_the_layer(void **state)
{
    (void)state;
    static const char *const paths[] = {"numbers.gguf", "quantize:q8_0:numbers.gguf"};
    for (size_t i = 0; i < 2; i++) {
        struct err err;
        write_file("f32");
        multiply("blk.1.ffn_norm.weight", 3e37f);
        eval_file(paths[i], KV_F16, &err);
        assert_contains(err.message, "the values of layer 1 at position ");
    }
}

static void what_is_too_large_to_be_squared_is_an_error(void **state)
{
    (void)state;
    struct err err;
    write_file("f32");
    multiply("token_embd.weight", 1e25f); /* its norm would be zeros, which no logit shows */
    eval_file(FILE_NAME, KV_F16, &err);
    assert_string_equal(err.message,
                        "the values of layer 0 at position 0 of sequence 0 are no numbers, or too "
                        "large to compute with");
}

/* In a folder of its own. */
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, test_enter_folder, test_leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_model_with_a_weight_that_is_no_number_is_not_opened),
        IN_FOLDER(the_first_one_is_named_whatever_threads_find),
        IN_FOLDER(an_embedding_that_is_no_number_is_an_error_when_it_is_read),
        IN_FOLDER(keys_beyond_f16_are_an_error_that_names_the_other_cache),
        IN_FOLDER(a_cache_that_refused_keys_serves_other_tokens),
        IN_FOLDER(logits_that_are_no_numbers_are_an_error_that_names_their_position),
        IN_FOLDER(numbers_lost_on_the_way_are_an_error_that_names_the_layer),
        IN_FOLDER(what_is_too_large_to_be_squared_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
