/* test_hf_source.c - a Hugging Face folder is the model that the GGUF file of the same weights is,
 * bit by bit, is known by its bytes, and what is wrong in one is told by its name.
 *
 * tests/golden/hf has folders that transformers saved.
 */
#include "engine/hf/hf_source.h"

#include "base/file.h"
#include "base/sha256.h"
#include "engine/gguf.h"
#include "engine/hparams.h"
#include "engine/open_source.h"
#include "engine/seal.h"
#include "engine/tools.h"
#include "tests/support/safetensors_file.h"
#include "tests/support/test_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_FILE_BYTES = 1 << 20, ROWS_AT_ONCE = 5 };
static char golden[512]; /* the absolute path of tests/golden, where tests of their own run */

/* tests/golden/NAME.gguf, with "quantize:TYPE:" before it or nothing. */
static struct source *open_gguf(const char *before, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s%s/%s.gguf", before, golden, name);
    struct source *source = source_open(path, NULL);
    assert_non_null(source);
    return source;
}

static struct source *open_folder(const char *name)
{
    char path[1024];
    struct err err = {0};
    snprintf(path, sizeof path, "%s/hf/%s", golden, name);
    struct source *source = source_open(path, &err);
    if (!source) fail_msg("%s: %s", err.file, err.message);
    return source;
}

/* ---- The same model ---- */

static void check_rows(const struct source *folder, const struct source *gguf,
                       const struct tensor_info *wanted)
{
    const struct tensor_info *tensor = source_find(folder, wanted->name);
    assert_non_null(tensor);
    assert_int_equal(tensor->type, wanted->type);
    assert_int_equal(tensor->n_dimensions, wanted->n_dimensions);
    assert_memory_equal(tensor->shape, wanted->shape, sizeof wanted->shape);
    uint8_t *rows = malloc(2 * ROWS_AT_ONCE * wanted->row_bytes);
    assert_non_null(rows);
    uint8_t *others = rows + ROWS_AT_ONCE * wanted->row_bytes;
    for (size_t row = 0; row < wanted->n_rows; row += ROWS_AT_ONCE) {
        size_t left = wanted->n_rows - row, n = left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE;
        assert_true(folder->read_rows(folder, tensor, row, n, rows, NULL));
        assert_true(gguf->read_rows(gguf, wanted, row, n, others, NULL));
        assert_memory_equal(rows, others, n * wanted->row_bytes);
    }
    free(rows);
}

/* Of models, and of the towers in them. */
static void check_counts(const struct hparams *a, const struct hparams *b)
{
    assert_ptr_equal(a->architecture, b->architecture);
    for (enum extent extent = EXTENT_ONE; extent <= EXTENT_PROJECTED; extent++)
        assert_int_equal(hparams_count(a, extent), hparams_count(b, extent));
    assert_int_equal(a->n_layers, b->n_layers);
    assert_int_equal(a->n_heads, b->n_heads);
    assert_int_equal(a->max_crops, b->max_crops);
    assert_true(a->norm_eps == b->norm_eps);
    assert_int_equal(a->vision != NULL, b->vision != NULL);
    if (a->vision) check_counts(a->vision, b->vision);
}

static void check_sizes(const struct source *folder, const struct source *gguf)
{
    struct hparams a, b;
    assert_true(hparams_read(folder, &a, NULL));
    assert_true(hparams_read(gguf, &b, NULL));
    check_counts(&a, &b);
    assert_int_equal(a.n_kv_heads, b.n_kv_heads);
    assert_int_equal(a.n_experts_used, b.n_experts_used);
    assert_int_equal(a.context_tokens, b.context_tokens);
    assert_int_equal(a.sliding_window, b.sliding_window);
    assert_memory_equal(a.rotations, b.rotations, sizeof a.rotations);
    assert_int_equal(a.is_tied, b.is_tied);
    hparams_done(&a);
    hparams_done(&b);
}

/* gguf: of the same weights, in the type that the folder has them in. */
static void check_same(const char *name, struct source *gguf)
{
    struct source *folder = open_folder(name);
    assert_int_equal(folder->n_tensors, gguf->n_tensors);
    assert_int_equal(folder->n_bytes, gguf->n_bytes);
    for (size_t k = 0; k < gguf->n_tensors; k++) check_rows(folder, gguf, &gguf->tensors[k]);
    check_sizes(folder, gguf);
    source_close(folder);
    source_close(gguf);
}

static void a_folder_is_the_model_that_its_gguf_file_is(void **state)
{
    (void)state;
    static const char *const IN_BF16[] = {"phi3-gqa",    "qwen2-tied",   "gemma-mha",
                                          "qwen3-wide",  "phi2-split",   "longrope-phi3",
                                          "gemma2-caps", "gemma3-linear"};
    check_same("llama-tied", open_gguf("", "llama-tied"));
    check_same("phi3small", open_gguf("", "phi3small"));
    check_same("mixtral-three", open_gguf("", "mixtral-three"));
    check_same("phimoe-long", open_gguf("", "phimoe-long"));
    check_same("phi3v", open_gguf("", "phi3v"));
    for (size_t i = 0; i < sizeof IN_BF16 / sizeof *IN_BF16; i++)
        check_same(IN_BF16[i], open_gguf("quantize:bf16:", IN_BF16[i]));
}

static void a_path_to_a_file_of_the_folder_names_it(void **state)
{
    (void)state;
    static const char *const PATHS[] = {
        "tests/golden/hf/qwen2-tied/", "tests/golden/hf/qwen2-tied/config.json",
        "tests/golden/hf/qwen2-tied/model.safetensors.index.json",
        "tests/golden/hf/qwen2-tied/model-00002-of-00003.safetensors"};
    for (size_t i = 0; i < sizeof PATHS / sizeof *PATHS; i++) {
        struct source *source = source_open(PATHS[i], NULL);
        assert_non_null(source);
        assert_int_equal(source->n_files, 6);
        const char *name = NULL;
        assert_true(metadata_read_string(source->metadata, "general.name", &name, NULL));
        assert_string_equal(name, "qwen2-tied");
        source_close(source);
    }
}

/* ---- Known by its bytes ---- */

static void copy_file(const char *folder, const char *name)
{
    char from[1024];
    size_t n_bytes;
    snprintf(from, sizeof from, "%s/hf/%s/%s", golden, folder, name);
    char *bytes = file_read(from, MAX_FILE_BYTES, &n_bytes, NULL);
    assert_non_null(bytes);
    assert_true(file_write(name, bytes, n_bytes, NULL));
    free(bytes);
}

static void copy_folder(const char *name)
{
    char path[1024];
    char **names;
    size_t n;
    snprintf(path, sizeof path, "%s/hf/%s", golden, name);
    assert_true(file_list(path, &names, &n, NULL));
    for (size_t i = 0; i < n; i++) copy_file(name, names[i]);
    file_free_names(names, n);
}

static void change_byte(const char *path, long at)
{
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, at < 0 ? SEEK_END : SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, -1, SEEK_CUR), 0);
    assert_int_equal(fputc(byte ^ 1, file), byte ^ 1);
    assert_int_equal(fclose(file), 0);
}

static void the_hash_is_of_the_files_one_after_the_other(void **state)
{
    (void)state;
    char hex[65], wanted[65];
    char **names;
    size_t n, n_bytes;
    copy_folder("qwen2-tied");
    test_write_text("README.md", "of no weight");
    assert_true(model_hash(".", hex, NULL, NULL));
    assert_int_equal(unlink("README.md"), 0);
    assert_true(file_list(".", &names, &n, NULL));
    struct sha256 *sum = sha256_new(NULL);
    assert_non_null(sum);
    for (size_t i = 0; i < n; i++) {
        char *bytes = file_read(names[i], MAX_FILE_BYTES, &n_bytes, NULL);
        assert_non_null(bytes);
        sha256_update(sum, bytes, n_bytes);
        free(bytes);
    }
    sha256_finish(sum, wanted);
    sha256_free(sum);
    file_free_names(names, n);
    assert_string_equal(hex, wanted);
}

/* Whether all rows of the folder are what was sealed. */
static bool is_as_sealed(const struct model_seal *seal)
{
    struct err err = {0};
    struct source *source = hf_source_open(".", seal, &err);
    bool ok = source != NULL;
    for (size_t i = 0; ok && i < source->n_tensors; i++) {
        const struct tensor_info *tensor = &source->tensors[i];
        void *rows = malloc(tensor->n_rows * tensor->row_bytes);
        ok = source->read_rows(source, tensor, 0, tensor->n_rows, rows, &err);
        free(rows);
    }
    source_close(source);
    assert_int_equal(err.code, ok ? ERR_NONE : ERR_INPUT);
    return ok;
}

static void a_seal_covers_every_file_of_the_folder(void **state)
{
    (void)state;
    char hex[65];
    struct model_seal *seal = NULL;
    copy_folder("qwen2-tied");
    assert_true(model_hash(".", hex, &seal, NULL));
    assert_string_equal(model_seal_hash(seal), hex);
    assert_true(is_as_sealed(seal));
    static const struct {
        const char *path;
        long at;
    } BYTES[] = {{"config.json", 4},
                 {"tokenizer.json", -9},
                 {"model-00001-of-00003.safetensors", -1},
                 {"model-00003-of-00003.safetensors", 40},
                 {"model.safetensors.index.json", 20}};
    for (size_t i = 0; i < sizeof BYTES / sizeof *BYTES; i++) {
        change_byte(BYTES[i].path, BYTES[i].at);
        assert_false(is_as_sealed(seal));
        change_byte(BYTES[i].path, BYTES[i].at);
        assert_true(is_as_sealed(seal));
    }
    static const char *const MORE[] = {"chat_template.jinja", "tokenizer_module.json",
                                       "added_tokens.json", "special_tokens_map.json",
                                       "preprocessor_config.json"};
    for (size_t i = 0; i < sizeof MORE / sizeof *MORE; i++) {
        test_write_text(MORE[i], "{}");
        assert_false(is_as_sealed(seal));
        assert_int_equal(unlink(MORE[i]), 0);
    }
    assert_true(file_make_folders("additional_chat_templates", NULL));
    test_write_text("additional_chat_templates/tool_use.jinja", "hello");
    assert_false(is_as_sealed(seal));
    model_seal_free(seal);
    seal = NULL;
    assert_true(model_hash(".", hex, &seal, NULL));
    assert_true(is_as_sealed(seal));
    change_byte("additional_chat_templates/tool_use.jinja", 0);
    assert_false(is_as_sealed(seal));
    model_seal_free(seal);
}

/* ---- What is wrong ---- */

/* That the class is refused, and every one that is not is named. */
static void refuses_class(const char *name)
{
    char classes[512], message[640];
    struct err err = {0};
    architecture_list_classes(classes, sizeof classes);
    snprintf(message, sizeof message, "not supported yet: class '%s' (supported: %s)", name,
             classes);
    assert_null(source_open(".", &err));
    assert_string_equal(err.message, message);
    assert_int_equal(err.code, ERR_UNSUPPORTED);
    assert_non_null(strstr(classes, "Phi3ForCausalLM, Phi3VForCausalLM, LlamaForCausalLM"));
}

static void check_refused(const char *file, enum err_code code, const char *message)
{
    struct err err = {0};
    assert_null(source_open(".", &err));
    assert_string_equal(err.message, message);
    assert_string_equal(err.file, file);
    assert_int_equal(err.code, code);
}

/* Puts a text in the place of the first of its kind. */
static void replace_in_config(const char *from, const char *to)
{
    char *text = file_read("config.json", MAX_FILE_BYTES, NULL, NULL);
    char *at = text ? strstr(text, from) : NULL;
    struct buf changed = {0};
    assert_non_null(at);
    buf_printf(&changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    test_write_text("config.json", buf_string(&changed));
    buf_free(&changed);
    free(text);
}

static void refuses_config(const char *from, const char *to, enum err_code code,
                           const char *message)
{
    replace_in_config(from, to);
    check_refused("./config.json", code, message);
    replace_in_config(to, from);
}

static void what_config_json_lacks_or_has_otherwise_is_told(void **state)
{
    (void)state;
    copy_folder("llama-tied");
    replace_in_config("LlamaForCausalLM", "BertModel");
    refuses_class("BertModel");
    replace_in_config("BertModel", "LlamaForCausalLM");
    refuses_config("\"hidden_size\"", "\"width\"", ERR_INPUT, "'hidden_size' is missing");
    refuses_config("\"num_hidden_layers\": 2", "\"num_hidden_layers\": \"2\"", ERR_INPUT,
                   "'num_hidden_layers' is something else: expected a whole number from 0 to "
                   "2147483647");
    refuses_config("\"rms_norm_eps\": 1e-05", "\"rms_norm_eps\": [1]", ERR_INPUT,
                   "'rms_norm_eps' is of another type: expected a number");
    refuses_config("\"hidden_act\": \"silu\"", "\"hidden_act\": \"relu\"", ERR_UNSUPPORTED,
                   "not supported yet: 'hidden_act' is 'relu' in a llama model (supported: "
                   "silu|swish)");
    refuses_config("{", "{\"quantization_config\": {\"quant_method\": \"gptq\"},", ERR_UNSUPPORTED,
                   "not supported yet: weights quantized by 'gptq' (quantization_config): take "
                   "the folder of F32, F16 or BF16 weights");
    test_write_text("config.json", "[]");
    check_refused("./config.json", ERR_INPUT, "no JSON object: not a configuration");
    test_write_text("config.json", "{}");
    check_refused("./config.json", ERR_INPUT,
                  "no 'architectures' and no 'model_type': not a model's configuration");
}

static void a_class_that_is_not_said_follows_from_the_type(void **state)
{
    (void)state;
    copy_folder("llama-tied");
    replace_in_config("\"LlamaForCausalLM\"", "");
    struct source *source = source_open(".", NULL);
    assert_non_null(source);
    source_close(source);
    replace_in_config("\"model_type\": \"llama\"", "\"model_type\": \"mamba\"");
    refuses_class("mamba");
}

static void weights_that_are_missing_or_too_many_are_named(void **state)
{
    (void)state;
    copy_folder("qwen2-tied");
    assert_int_equal(rename("model-00002-of-00003.safetensors", "kept"), 0);
    check_refused(".", ERR_INPUT,
                  "the folder has no model-00002-of-00003.safetensors, in which "
                  "model.safetensors.index.json says that weights lie: download it, too");
    assert_int_equal(rename("kept", "model-00002-of-00003.safetensors"), 0);
    assert_int_equal(rename("model.safetensors.index.json", "pytorch_model.bin"), 0);
    check_refused(".", ERR_INPUT,
                  "the folder has neither model.safetensors nor model.safetensors.index.json; it "
                  "has PyTorch's checkpoints: convert them to safetensors");
    assert_int_equal(rename("model-00001-of-00003.safetensors", "model.safetensors"), 0);
    check_refused(".", ERR_INPUT,
                  "tensor model.layers.0.input_layernorm.weight is missing: a qwen2 model has it");
}

static void an_index_must_tell_the_truth(void **state)
{
    (void)state;
    copy_folder("qwen2-tied");
    const char *index = "./model.safetensors.index.json";
    test_write_text(index, "{\"weight_map\": []}");
    check_refused(index, ERR_INPUT, "no index of weights: 'weight_map' is no object, or empty");
    test_write_text(index, "{\"weight_map\": {\"a\": \"../model.safetensors\"}}");
    check_refused(index, ERR_INPUT,
                  "weight_map gives tensor 'a' no file of this folder: expected "
                  "NAME.safetensors");
    test_write_text(index, "{\"weight_map\": {\"a\": \"model-00001-of-00003.safetensors\"}}");
    check_refused(index, ERR_INPUT,
                  "tensor 'a' is not in model-00001-of-00003.safetensors: download all files of "
                  "one model");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_is_the_model_that_its_gguf_file_is),
        cmocka_unit_test(a_path_to_a_file_of_the_folder_names_it),
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, test_enter_folder, test_leave_folder)
        IN_FOLDER(the_hash_is_of_the_files_one_after_the_other),
        IN_FOLDER(a_seal_covers_every_file_of_the_folder),
        IN_FOLDER(what_config_json_lacks_or_has_otherwise_is_told),
        IN_FOLDER(a_class_that_is_not_said_follows_from_the_type),
        IN_FOLDER(weights_that_are_missing_or_too_many_are_named),
        IN_FOLDER(an_index_must_tell_the_truth),
    };
    if (!realpath("tests/golden", golden)) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
