/* test_quantize.c - a model seen in another type: which tensor gets which, that rows are what the
 * encoders make of the source's, and what is refused.
 *
 * Synthetic models and small files of the test's own; weights of large shapes are never made.
 */
#include "engine/quantize.h"

#include "base/file.h"
#include "engine/gguf.h"
#include "engine/hparams.h"
#include "engine/open_source.h"
#include "engine/tools.h"
#include "tests/support/stored_value.h"
#include "tests/support/test_engine.h"
#include "tests/support/test_folder.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_ROW_BYTES = 4096 };

static struct source *open_spec(const char *spec)
{
    struct err err = {0};
    struct source *source = source_open(spec, &err);
    if (!source) fail_msg("%s: %s", spec, err.message);
    return source;
}

static void assert_type(const struct source *source, const char *tensor, const char *type)
{
    const struct tensor_info *info = source_find(source, tensor);
    assert_non_null(info);
    const char *name = tensor_type_info(info->type)->name;
    if (strcmp(name, type) != 0) fail_msg("%s: %s is %s, not %s", source->path, tensor, name, type);
    assert_int_equal(info->row_bytes, tensor_row_bytes(info->type, info->shape[0]));
}

static void matrices_get_the_type_and_the_one_of_the_logits_more_bits(void **state)
{
    (void)state;
    static const char *const types[][2] = {
        {"f32", "f32"},   {"f16", "f16"},   {"bf16", "bf16"}, {"q8_0", "q8_0"}, {"q4_0", "q6_k"},
        {"q4_1", "q6_k"}, {"q5_0", "q6_k"}, {"q5_1", "q6_k"}, {"q2_k", "q6_k"}, {"q3_k", "q6_k"},
        {"q4_k", "q6_k"}, {"q5_k", "q6_k"}, {"q6_k", "q6_k"}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        char spec[64];
        snprintf(spec, sizeof spec, "quantize:%s:synth:tiny-llama:f16", types[i][0]);
        struct source *source = open_spec(spec);
        for (size_t k = 0; k < source->n_tensors; k++) {
            const struct tensor_info *tensor = &source->tensors[k];
            bool is_output = !strcmp(tensor->name, "output.weight");
            assert_type(source, tensor->name,
                        tensor->n_dimensions == 1 ? "f32" : types[i][is_output]);
        }
        struct model_info info = test_model_info(source);
        assert_string_equal(info.quantization, types[i][0]);
        assert_string_equal(info.path, spec);
        assert_true(info.synthetic);
        assert_null(source->notes);
        source_close(source);
    }
}

static void a_tied_embedding_counts_as_the_matrix_of_the_logits(void **state)
{
    (void)state;
    /* Its rows are of 48 values, so that the type that q6_k falls back to shows. */
    struct source *source = open_spec("quantize:q4_0:tests/golden/llama-tied.gguf");
    assert_type(source, "token_embd.weight", "f16");
    assert_non_null(strstr(source->notes, "rows of 48 values are no whole blocks of q6_k: f16"));
    source_close(source);
}

/* The published rule for 32 layers: the first four, the last four, every third between. */
static bool gets_more(size_t i)
{
    static const size_t layers[] = {0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29, 30, 31};
    for (size_t k = 0; k < sizeof layers / sizeof *layers; k++)
        if (layers[k] == i) return true;
    return false;
}

static void mixtures_follow_the_published_rule(void **state)
{
    (void)state;
    static const char *const types[][3] = {{"q4_k_m", "q4_k", "q5_k"}, {"q5_k_m", "q5_k", "q6_k"}};
    for (size_t t = 0; t < 2; t++) {
        char spec[64], name[64];
        snprintf(spec, sizeof spec, "quantize:%s:synth:phi-3-mini:f16", types[t][0]);
        struct source *source = open_spec(spec);
        for (size_t i = 0; i < 32; i++) {
            snprintf(name, sizeof name, "blk.%zu.attn_qkv.weight", i);
            assert_type(source, name, types[t][2]);
            snprintf(name, sizeof name, "blk.%zu.ffn_down.weight", i);
            assert_type(source, name, gets_more(i) ? "q6_k" : types[t][1]);
            snprintf(name, sizeof name, "blk.%zu.ffn_up.weight", i);
            assert_type(source, name, types[t][1]);
            snprintf(name, sizeof name, "blk.%zu.attn_output.weight", i);
            assert_type(source, name, types[t][1]);
        }
        assert_type(source, "token_embd.weight", types[t][1]);
        assert_type(source, "output.weight", "q6_k");
        struct model_info info = test_model_info(source);
        assert_string_equal(info.quantization, types[t][0]);
        assert_int_equal(stored_unsigned(source->metadata, "general.file_type"), 15 + 2 * t);
        source_close(source);
    }
    struct source *source = open_spec("quantize:q4_k_m:synth:tiny-llama:f16");
    assert_type(source, "blk.0.attn_v.weight", "q4_k");
    assert_type(source, "blk.1.attn_v.weight", "q6_k");
    assert_type(source, "blk.1.attn_k.weight", "q4_k");
    source_close(source);
}

static void metadata_stays_but_for_the_type(void **state)
{
    (void)state;
    struct source *from = open_spec("synth:tiny:f16"),
                  *to = open_spec("quantize:q3_k:synth:tiny:f16");
    assert_int_equal(metadata_count(from->metadata), metadata_count(to->metadata));
    for (size_t i = 0; i < metadata_count(from->metadata); i++) {
        const char *key;
        struct buf before = {0}, after = {0};
        metadata_print(metadata_at(from->metadata, i, &key), 4000, &before);
        const struct metadata_value *value = metadata_find(to->metadata, key);
        assert_non_null(value);
        metadata_print(value, 4000, &after);
        assert_string_equal(buf_string(&after),
                            strcmp(key, "general.file_type") == 0 ? "11" : buf_string(&before));
        buf_free(&before);
        buf_free(&after);
    }
    source_close(from);
    source_close(to);
}

static void rows_are_those_of_the_source_encoded(void **state)
{
    (void)state;
    struct source *f32 = open_spec("synth:tiny:f32");
    struct source *q8_0 = open_spec("synth:tiny:q8_0:7"); /* a source that is decoded first */
    struct source *from[] = {f32, q8_0};
    const char *const specs[] = {"quantize:q4_k:synth:tiny:f32", "quantize:q4_k:synth:tiny:q8_0:7"};
    for (size_t s = 0; s < 2; s++) {
        struct source *to = open_spec(specs[s]);
        for (size_t i = 0; i < to->n_tensors; i++) {
            const struct tensor_info *read = &from[s]->tensors[i], *made = &to->tensors[i];
            size_t n = made->shape[0], row = made->n_rows / 2;
            uint8_t bytes[MAX_ROW_BYTES], expected[MAX_ROW_BYTES], got[3 * MAX_ROW_BYTES];
            float values[MAX_ROW_BYTES / sizeof(float)];
            size_t n_rows = made->n_rows - row < 3 ? made->n_rows - row : 3;
            assert_true(from[s]->read_rows(from[s], read, row, 1, bytes, NULL));
            assert_true(to->read_rows(to, made, row, n_rows, got, NULL));
            tensor_decode(read->type, bytes, n, values);
            tensor_encode(made->type, values, n, expected);
            assert_memory_equal(got, expected, made->row_bytes);
        }
        source_close(to);
    }
    source_close(f32);
    source_close(q8_0);
}

static void what_has_the_type_is_handed_through(void **state)
{
    (void)state;
    /* Decoding and encoding Q2_K once more would move values. */
    struct source *from = open_spec("synth:tiny:q2_k"),
                  *to = open_spec("quantize:q2_k:synth:tiny:q2_k");
    const struct tensor_info *read = source_find(from, "blk.1.ffn_down.weight");
    const struct tensor_info *made = source_find(to, "blk.1.ffn_down.weight");
    uint8_t before[MAX_ROW_BYTES], after[MAX_ROW_BYTES];
    assert_true(from->read_rows(from, read, 5, 4, before, NULL));
    assert_true(to->read_rows(to, made, 5, 4, after, NULL));
    assert_memory_equal(before, after, 4 * made->row_bytes);
    assert_null(to->notes);
    source_close(from);
    source_close(to);
    to = open_spec("quantize:f16:synth:tiny:q2_k");
    assert_string_equal(to->notes, "made from q2_k, whose own errors stay\n");
    source_close(to);
}

static void hash_of(const char *spec, char hex[65])
{
    assert_true(model_hash(spec, hex, NULL, NULL));
    assert_int_equal(strlen(hex), 64);
}

static void the_hash_is_of_the_source_and_the_type(void **state)
{
    (void)state;
    char source[65], one[65], other[65];
    hash_of("synth:tiny:f16", source);
    hash_of("quantize:q4_k:synth:tiny:f16", one);
    hash_of("quantize:q4_k:synth:tiny:f16:2", other);
    assert_string_not_equal(one, other);
    hash_of("quantize:q4_k_m:synth:tiny:f16", other);
    assert_string_not_equal(one, other);
    hash_of("quantize:Q4_K:synth:tiny:f16", other);
    assert_string_equal(one, other);
    assert_true(model_hash_quantized("q4_k", source, other, NULL));
    assert_string_equal(one, other);
}

/* The logits after two tokens. */
static void eval(const char *path, float *logits)
{
    struct model *model = test_open_model(path, ISA_SCALAR);
    struct session *session = session_open(model, &(struct session_options){.n_threads = 1}, NULL);
    int32_t ids[] = {1, 20};
    int sequence;
    assert_non_null(session);
    assert_true(session_start(session, &sequence, NULL));
    test_eval(session, sequence, ids, 2, 2, logits);
    session_close(session);
    model_close(model);
}

static void a_written_file_and_its_spec_are_one_model(void **state)
{
    (void)state;
    enum { N_VOCAB = 512 };
    static float from_spec[2 * N_VOCAB], from_file[2 * N_VOCAB];
    const char *spec = "quantize:q5_k_m:synth:tiny:f16";
    struct err err = {0};
    if (!model_write(spec, "made.gguf", NULL, 2, NULL, NULL, &err)) fail_msg("%s", err.message);
    eval(spec, from_spec);
    eval("made.gguf", from_file);
    assert_memory_equal(from_spec, from_file, sizeof from_spec);
    struct model_file *file = model_file_open("made.gguf", NULL);
    struct model_info info;
    assert_non_null(file);
    assert_true(model_file_info(file, &info, NULL));
    assert_string_equal(info.quantization, "q5_k_m");
    assert_string_equal(model_file_notes(file), "");
    model_file_close(file);
}

static void assert_refused(const char *spec, enum err_code code, const char *message)
{
    struct err err = {0};
    assert_null(source_open(spec, &err));
    assert_int_equal(err.code, code);
    if (!strstr(err.message, message)) fail_msg("\"%s\" in place of \"%s\"", err.message, message);
}

static void bad_specs_are_refused(void **state)
{
    (void)state;
    assert_refused("quantize:q4_k", ERR_USAGE, "expected quantize:TYPE:MODEL");
    assert_refused("quantize:q4_k:", ERR_USAGE, "expected quantize:TYPE:MODEL");
    assert_refused("quantize:q9:synth:tiny:f16", ERR_USAGE, "unknown tensor type 'q9'");
    assert_refused("quantize:q9:synth:tiny:f16", ERR_USAGE, "bf16, mxfp4, q4_k_m, q5_k_m");
    assert_refused("quantize:q4_k:quantize:q8_0:synth:tiny:f16", ERR_USAGE, "once more");
    assert_refused("quantize:q4_k:synth:huge:f16", ERR_USAGE, "unknown shape");
    assert_refused("quantize:q4_k:missing.gguf", ERR_IO, "No such file");
}

/* A file like synth:tiny:f32 whose tensor has this value in that row, column 3. */
static void write_value(const char *path, const char *name, size_t row, float value)
{
    assert_true(model_write("synth:tiny:f32", path, NULL, 1, NULL, NULL, NULL));
    struct source *source = open_spec(path);
    uint64_t at = source_find(source, name)->offset;
    at += row * source_find(source, name)->row_bytes + 3 * sizeof value;
    source_close(source);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)at, SEEK_SET), 0);
    assert_int_equal(fwrite(&value, sizeof value, 1, file), 1);
    assert_int_equal(fclose(file), 0);
}

static void write_with_value(const char *path, float value)
{
    write_value(path, "output.weight", 2, value);
}

static void every_type_refuses_what_its_scales_cannot_reach(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        float value; /* a quarter of it is held */
    } cases[] = {{"q4_0", -8.0f * 80000},   {"q4_1", 15.0f * 80000},   {"q5_0", -16.0f * 80000},
                 {"q5_1", 31.0f * 80000},   {"q2_k", 3e6f * 2},        {"q3_k", 65504.0f * 32 * 5},
                 {"q4_k", 65504.0f * 1e3f}, {"q5_k", 65504.0f * 3e3f}, {"q6_k", 65504.0f * 5e3f}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int k = 0; k < 2; k++) {
            char spec[64], message[128];
            struct err err = {0};
            float value = k ? cases[i].value / 4 : cases[i].value;
            write_value("value.gguf", "blk.0.ffn_down.weight", 7, value);
            snprintf(spec, sizeof spec, "quantize:%s:value.gguf", cases[i].type);
            snprintf(message, sizeof message,
                     "tensor blk.0.ffn_down.weight has the value %g in row 7, column 3: %s cannot "
                     "hold it",
                     (double)value, cases[i].type);
            bool ok = model_write(spec, "out.gguf", NULL, 2, NULL, NULL, &err);
            if (!k) assert_string_equal(err.message, message);
            else if (!ok) fail_msg("%s", err.message);
            assert_int_equal(file_exists("out.gguf"), ok);
            if (ok) assert_int_equal(remove("out.gguf"), 0);
        }
}

static void tensors_that_keep_their_type_are_looked_at(void **state)
{
    (void)state;
    struct err err = {0};
    write_value("value.gguf", "output_norm.weight", 0, NAN);
    assert_false(model_write("quantize:f16:value.gguf", "out.gguf", NULL, 2, NULL, NULL, &err));
    assert_string_equal(err.message, "tensor output_norm.weight has the value nan in row 0, column "
                                     "3: a weight must be a number");
    assert_string_equal(err.file, "value.gguf");
    assert_false(file_exists("out.gguf"));
}

static void values_that_a_type_cannot_hold_are_refused(void **state)
{
    (void)state;
    static const struct {
        float value;
        const char *type, *message; /* message NULL: it is written */
    } cases[] = {
        {NAN, "q4_k", "tensor output.weight has the value nan in row 2, column 3: q6_k cannot"},
        {-INFINITY, "q8_0", "tensor output.weight has the value -inf in row 2, column 3: q8_0"},
        {65520, "f16", "tensor output.weight has the value 65520 in row 2, column 3: f16 cannot"},
        {65519, "f16", NULL},
        {65520, "bf16", NULL},
        {3.4e38f, "bf16", "has the value 3.4e+38 in row 2, column 3: bf16 cannot hold it"},
        {3.39e38f, "bf16", NULL},
        {8.32104e6f, "q8_0", "has the value 8.32104e+06 in row 2, column 3: q8_0 cannot hold it"},
        {8.32103e6f, "q8_0", NULL},
        {3.4e38f, "q8_0", "has the value 3.4e+38 in row 2, column 3: q8_0 cannot hold it"},
        {-3.4e38f, "q4_k", "has the value -3.4e+38 in row 2, column 3: q6_k cannot hold it"},
        {3e8f, "q4_k", "has the value 3e+08 in row 2, column 3: q6_k cannot hold it"},
        {2e8f, "q4_k", NULL},
        {NAN, "f32", "has the value nan in row 2, column 3: a weight must be a number"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char spec[64];
        struct err err = {0};
        write_with_value("value.gguf", cases[i].value);
        snprintf(spec, sizeof spec, "quantize:%s:value.gguf", cases[i].type);
        bool ok = model_write(spec, "out.gguf", NULL, 2, NULL, NULL, &err);
        assert_int_equal(ok, cases[i].message == NULL);
        assert_int_equal(file_exists("out.gguf"), ok);
        if (ok) assert_int_equal(remove("out.gguf"), 0);
        else if (!strstr(err.message, cases[i].message)) fail_msg("%s", err.message);
        if (!ok) assert_string_equal(err.file, "value.gguf");
    }
}

static void a_model_is_not_written_over_itself(void **state)
{
    (void)state;
    struct err err = {0};
    assert_true(model_write("synth:tiny:f16", "self.gguf", NULL, 1, NULL, NULL, NULL));
    int64_t n_bytes = file_size_bytes("self.gguf");
    assert_false(model_write("quantize:q4_k:./self.gguf", "self.gguf", NULL, 1, NULL, NULL, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_int_equal(file_size_bytes("self.gguf"), n_bytes);
    assert_true(model_write("quantize:q4_k:self.gguf", "other.gguf", NULL, 1, NULL, NULL, NULL));
}

/* In a folder of its own. */
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, test_enter_folder, test_leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matrices_get_the_type_and_the_one_of_the_logits_more_bits),
        cmocka_unit_test(a_tied_embedding_counts_as_the_matrix_of_the_logits),
        cmocka_unit_test(mixtures_follow_the_published_rule),
        cmocka_unit_test(metadata_stays_but_for_the_type),
        cmocka_unit_test(rows_are_those_of_the_source_encoded),
        cmocka_unit_test(what_has_the_type_is_handed_through),
        cmocka_unit_test(the_hash_is_of_the_source_and_the_type),
        cmocka_unit_test(bad_specs_are_refused),
        IN_FOLDER(a_written_file_and_its_spec_are_one_model),
        IN_FOLDER(values_that_a_type_cannot_hold_are_refused),
        IN_FOLDER(every_type_refuses_what_its_scales_cannot_reach),
        IN_FOLDER(tensors_that_keep_their_type_are_looked_at),
        IN_FOLDER(a_model_is_not_written_over_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
