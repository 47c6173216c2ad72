/* test_hf_config.c - config.json as keys of GGUF, the rotation's tables as transformers computes
 * them, rows in GGUF's order, and tensors that are stacked, shifted or of a type that is not in.
 */
#include "engine/hf/hf_config.h"

#include "engine/hf/hf_files.h"
#include "engine/hf/hf_names.h"
#include "engine/hf/hf_tensors.h"
#include "tests/support/safetensors_file.h"
#include "tests/support/test_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

/* What is read of a text. */
struct reading {
    struct json *root;
    struct hf_config config;
    struct metadata *metadata;
    struct arena *arena;
    struct hf_rope rope;
    struct err err;
};

static bool read_config(struct reading *reading, const char *text)
{
    *reading = (struct reading){.metadata = metadata_new(NULL), .arena = arena_new(0, NULL)};
    reading->root = json_parse(text, strlen(text), "config.json", &reading->err);
    return reading->root &&
           hf_config_open(reading->root, "config.json", &reading->config, &reading->err) &&
           hf_config_write(&reading->config, reading->metadata, &reading->err) &&
           hf_rope_read(&reading->config, reading->metadata, reading->arena, &reading->rope,
                        &reading->err);
}

static void reading_done(struct reading *reading)
{
    json_free(reading->root);
    metadata_free(reading->metadata);
    arena_free(reading->arena);
}

#define SIZES                                                                                      \
    "\"hidden_size\":64,\"intermediate_size\":96,\"num_hidden_layers\":2,"                         \
    "\"num_attention_heads\":4,\"num_key_value_heads\":2,\"rms_norm_eps\":1e-5"
#define LLAMA "{\"architectures\":[\"LlamaForCausalLM\"],\"vocab_size\":9," SIZES
#define PHI3                                                                                       \
    "{\"architectures\":[\"Phi3ForCausalLM\"],\"original_max_position_embeddings\":4096," SIZES    \
    ",\"max_position_embeddings\":131072"

static void refuses(const char *text, enum err_code code, const char *message)
{
    struct reading reading;
    assert_false(read_config(&reading, text));
    assert_string_equal(reading.err.message, message);
    assert_string_equal(reading.err.file, "config.json");
    assert_int_equal(reading.err.code, code);
    reading_done(&reading);
}

static double number_of(const struct reading *reading, const char *key)
{
    double value = NAN;
    assert_true(metadata_read_number(reading->metadata, key, &value, NULL));
    return value;
}

/* ---- Keys ---- */

static void sizes_become_the_keys_of_gguf(void **state)
{
    (void)state;
    struct reading reading;
    assert_true(read_config(&reading, LLAMA ",\"max_position_embeddings\":512,\"head_dim\":24,"
                                            "\"rope_theta\":5e5,\"sliding_window\":null}"));
    assert_true(number_of(&reading, "llama.context_length") == 512);
    assert_true(number_of(&reading, "llama.embedding_length") == 64);
    assert_true(number_of(&reading, "llama.feed_forward_length") == 96);
    assert_true(number_of(&reading, "llama.block_count") == 2);
    assert_true(number_of(&reading, "llama.attention.head_count") == 4);
    assert_true(number_of(&reading, "llama.attention.head_count_kv") == 2);
    assert_true(number_of(&reading, "llama.attention.key_length") == 24);
    assert_true(number_of(&reading, "llama.attention.value_length") == 24);
    assert_true(number_of(&reading, "llama.rope.dimension_count") == 24);
    assert_true(number_of(&reading, "llama.rope.freq_base") == 500000);
    assert_true(number_of(&reading, "llama.attention.layer_norm_rms_epsilon") == (double)1e-5f);
    assert_true(number_of(&reading, "llama.vocab_size") == 9);
    assert_null(metadata_find(reading.metadata, "llama.attention.sliding_window"));
    reading_done(&reading);
}

static void what_newer_files_have_elsewhere_is_found(void **state)
{
    (void)state;
    struct reading reading;
    assert_true(read_config(
        &reading, "{\"architectures\":[\"Phi3ForCausalLM\"],\"max_position_embeddings\":7,"
                  "\"text_config\":{" SIZES ",\"max_position_embeddings\":64,"
                  "\"rope_parameters\":{\"rope_theta\":1e6,\"rope_type\":\"default\","
                  "\"partial_rotary_factor\":0.75}}}"));
    assert_true(number_of(&reading, "phi3.context_length") == 64);
    assert_true(number_of(&reading, "phi3.rope.freq_base") == 1e6);
    assert_true(number_of(&reading, "phi3.rope.dimension_count") == 12);
    assert_true(number_of(&reading, "phi3.attention.sliding_window") == 0);
    reading_done(&reading);
}

static void what_scales_the_rotation_otherwise_is_left_to_be_refused(void **state)
{
    (void)state;
    struct reading reading;
    const char *type = NULL;
    assert_true(read_config(&reading, LLAMA ",\"max_position_embeddings\":512,\"rope_scaling\":{"
                                            "\"type\":\"yarn\",\"factor\":4.0}}"));
    assert_true(metadata_read_string(reading.metadata, "llama.rope.scaling.type", &type, NULL));
    assert_string_equal(type, "yarn");
    assert_true(number_of(&reading, "llama.rope.scaling.factor") == 4);
    reading_done(&reading);
}

#define SMALL                                                                                      \
    "{\"architectures\":[\"Phi3SmallForCausalLM\"],\"hidden_size\":64,\"num_hidden_layers\":2,"    \
    "\"num_attention_heads\":4,\"num_key_value_heads\":2,\"max_position_embeddings\":512,"         \
    "\"ff_intermediate_size\":96,\"layer_norm_epsilon\":1e-5,\"rope_embedding_base\":1e6,"         \
    "\"blocksparse_block_size\":64,\"blocksparse_num_local_blocks\":16,"                           \
    "\"blocksparse_vert_stride\":8,\"mup_embedding_multiplier\":10.0,"                             \
    "\"mup_width_multiplier\":8.0,\"gegelu_limit\":20.0"

static void check_masked(const char *more, size_t n, int64_t first, int64_t last)
{
    char text[1024];
    struct reading reading;
    const struct metadata_value *ids;
    int64_t id;
    snprintf(text, sizeof text, "%s%s}", SMALL, more);
    assert_true(read_config(&reading, text));
    assert_true(metadata_read_array(reading.metadata, "phi3small.masked_tokens", &ids, NULL));
    assert_int_equal(ids->n, n);
    assert_true(metadata_element_integer(ids, 0, "", 0, INT32_MAX, &id, NULL));
    assert_int_equal(id, first);
    assert_true(metadata_element_integer(ids, n - 1, "", 0, INT32_MAX, &id, NULL));
    assert_int_equal(id, last);
    assert_null(metadata_find(reading.metadata, "phi3small.attention.layer_norm_rms_epsilon"));
    reading_done(&reading);
}

static void keys_and_masked_tokens_of_phi_3_small_are_its_own(void **state)
{
    (void)state;
    check_masked("", 1 + 3 + 2 + 85, 100256, 100351);
    check_masked(",\"dummy_token_indices\":[7,9]", 2, 7, 9);
    refuses(SMALL ",\"dummy_token_indices\":[7,-1]}", ERR_INPUT,
            "'dummy_token_indices' is something else: expected at most 4096 ids of tokens");
    refuses(SMALL ",\"mup_attn_multiplier\":0.5}", ERR_UNSUPPORTED,
            "not supported yet: 'mup_attn_multiplier' is '0.5' in a phi3small model (supported: "
            "1)");
    refuses(SMALL ",\"mup_use_scaling\":false}", ERR_UNSUPPORTED,
            "not supported yet: 'mup_use_scaling' is 'false' in a phi3small model (supported: "
            "true)");
}

/* ---- Tables ---- */

/* Expected: the formula of GGUF's converter, computed with torch 2.15 in float32. */
static void divisors_of_llama_3_are_those_of_the_converter(void **state)
{
    (void)state;
    static const float EXPECTED[8] = {1, 1, 1, 1, 2.6945300102233887f, 8, 8, 8};
    struct reading reading;
    assert_true(read_config(&reading,
                            LLAMA ",\"max_position_embeddings\":131072,\"rope_theta\":500000,"
                                  "\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8.0,"
                                  "\"low_freq_factor\":1.0,\"high_freq_factor\":4.0,"
                                  "\"original_max_position_embeddings\":8192}}"));
    assert_int_equal(reading.rope.n_tables, 1);
    assert_int_equal(reading.rope.tables[0].weight, WEIGHT_ROPE_FREQS);
    assert_int_equal(reading.rope.tables[0].n, 8);
    assert_memory_equal(reading.rope.tables[0].values, EXPECTED, sizeof EXPECTED);
    reading_done(&reading);
    refuses(LLAMA ",\"max_position_embeddings\":512,\"rope_scaling\":{\"rope_type\":\"llama3\","
                  "\"factor\":8.0}}",
            ERR_INPUT,
            "rope_scaling of type llama3 needs 'factor', 'low_freq_factor', a larger "
            "'high_freq_factor' and 'original_max_position_embeddings', all of them positive");
}

#define FACTORS "\"short_factor\":[1,1,1,1,1,1,1,1],\"long_factor\":[1,2,3,4,5,6,7,8]"

static void factors_of_longrope_become_tables_and_a_magnitude(void **state)
{
    (void)state;
    struct reading reading;
    assert_true(read_config(&reading, PHI3 ",\"rope_scaling\":{\"type\":\"su\"," FACTORS "}}"));
    assert_int_equal(reading.rope.n_tables, 2);
    assert_int_equal(reading.rope.tables[0].weight, WEIGHT_ROPE_FACTORS_LONG);
    assert_int_equal(reading.rope.tables[1].weight, WEIGHT_ROPE_FACTORS_SHORT);
    assert_true(reading.rope.tables[0].values[7] == 8 && reading.rope.tables[1].values[7] == 1);
    assert_true(number_of(&reading, "phi3.rope.scaling.original_context_length") == 4096);
    assert_true(fabs(number_of(&reading, "phi3.rope.scaling.attn_factor") - 1.1902380714238083) <
                1e-7);
    reading_done(&reading);
    assert_true(read_config(&reading, PHI3 ",\"rope_scaling\":{\"type\":\"longrope\"," FACTORS
                                           ",\"short_mscale\":1.25,\"long_mscale\":1.25}}"));
    assert_true(number_of(&reading, "phi3.rope.scaling.attn_factor") == 1.25);
    assert_null(metadata_find(reading.metadata, "phi3.rope.scaling.attn_factor_long"));
    reading_done(&reading);
    assert_true(read_config(&reading, PHI3 ",\"rope_scaling\":{\"type\":\"longrope\"," FACTORS
                                           ",\"short_mscale\":1.0,\"long_mscale\":1.25}}"));
    assert_true(number_of(&reading, "phi3.rope.scaling.attn_factor_short") == 1);
    assert_true(number_of(&reading, "phi3.rope.scaling.attn_factor_long") == 1.25);
    reading_done(&reading);
}

static void factors_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    refuses(PHI3 ",\"rope_scaling\":{\"type\":\"su\",\"long_factor\":[1,2]}}", ERR_INPUT,
            "'rope_scaling.long_factor' has 2 numbers: expected 8, half as many as values of a "
            "head are rotated");
    refuses(PHI3 ",\"rope_scaling\":{\"type\":\"su\",\"long_factor\":[1,1,1,1,1,1,0,1]}}",
            ERR_INPUT,
            "'rope_scaling.long_factor' has something else than a positive number at place 6");
    refuses(LLAMA ",\"max_position_embeddings\":512,\"rope_scaling\":{\"type\":\"longrope\"}}",
            ERR_INPUT, "rope_scaling of type longrope needs 'original_max_position_embeddings'");
    refuses(LLAMA ",\"max_position_embeddings\":512,\"partial_rotary_factor\":1.5}", ERR_INPUT,
            "'partial_rotary_factor' is 1.5: expected more than 0, at most 1");
}

/* ---- Rows ---- */

static void check_order(struct hf_order order, const size_t *expected)
{
    assert_true(hf_order_fits(&order));
    for (size_t i = 0; i < order.n_rows; i++)
        assert_int_equal(hf_order_row(&order, i), expected[i]);
}

static void rows_move_as_their_order_says(void **state)
{
    (void)state;
    check_order((struct hf_order){HF_ROWS_SAME, 3, 0, 0}, (const size_t[]){0, 1, 2});
    check_order((struct hf_order){HF_ROWS_PAIRED, 12, 2, 0},
                (const size_t[]){0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11});
    check_order((struct hf_order){HF_ROWS_BY_KV_HEAD, 8, 4, 2},
                (const size_t[]){0, 1, 4, 5, 2, 6, 3, 7});
    check_order((struct hf_order){HF_ROWS_BY_KV_HEAD, 16, 4, 2},
                (const size_t[]){0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15});
    check_order((struct hf_order){HF_ROWS_ALTERNATING, 6, 0, 0},
                (const size_t[]){0, 2, 4, 1, 3, 5});
    assert_false(hf_order_fits(&(struct hf_order){HF_ROWS_PAIRED, 10, 4, 0}));
    assert_false(hf_order_fits(&(struct hf_order){HF_ROWS_PAIRED, 8, 0, 0}));
    assert_false(hf_order_fits(&(struct hf_order){HF_ROWS_BY_KV_HEAD, 9, 4, 2}));
    assert_false(hf_order_fits(&(struct hf_order){HF_ROWS_ALTERNATING, 3, 0, 0}));
}

static void every_role_of_an_architecture_with_classes_has_a_name(void **state)
{
    (void)state;
    static const char *const CLASSES[] = {"phi3", "llama",     "qwen2",  "gemma", "qwen3",
                                          "phi",  "phi3small", "gemma2", "gemma3"};
    for (size_t i = 0; i < sizeof CLASSES / sizeof *CLASSES; i++) {
        const struct architecture *architecture = architecture_find_class(CLASSES[i]);
        assert_non_null(architecture);
        for (enum weight weight = 0; weight < WEIGHT_COUNT; weight++)
            if (architecture_needs(architecture, weight))
                assert_non_null(hf_tensor_of(architecture, weight).name);
    }
}

/* ---- Tensors ---- */

/* Llama with four experts in the place of one of its matrices, and norms as Gemma has them. */
static struct architecture made_architecture(void)
{
    struct architecture made = *architecture_find_class("llama");
    made.hf.is_norm_offset = true;
    made.hf.tensors[0] = (struct hf_tensor){WEIGHT_FFN_UP, "mlp.experts.*.up", HF_ROWS_ALTERNATING};
    return made;
}

/* Writes a folder of one layer whose matrices are [4, 4], without experts from n_experts on. */
static void write_folder(size_t n_experts, const char *expert_type)
{
    static const char *const MATRICES[] = {"model.embed_tokens",
                                           "model.layers.0.self_attn.q_proj",
                                           "model.layers.0.self_attn.k_proj",
                                           "model.layers.0.self_attn.v_proj",
                                           "model.layers.0.self_attn.o_proj",
                                           "model.layers.0.mlp.gate_proj",
                                           "model.layers.0.mlp.down_proj",
                                           "lm_head"};
    static const char *const NORMS[] = {"model.layers.0.input_layernorm",
                                        "model.layers.0.post_attention_layernorm", "model.norm"};
    static const uint16_t NORM[4] = {0x3f80, 0, 0xbf00, 0x4000}; /* BF16: 1 0 -0.5 2 */
    struct safetensors_file file = {0};
    float matrix[16] = {0};
    char name[64];
    for (size_t i = 0; i < sizeof MATRICES / sizeof *MATRICES; i++) {
        snprintf(name, sizeof name, "%s.weight", MATRICES[i]);
        safetensors_file_add(&file, name, "F32", "[4,4]", matrix, sizeof matrix);
    }
    for (size_t i = 0; i < sizeof NORMS / sizeof *NORMS; i++) {
        snprintf(name, sizeof name, "%s.weight", NORMS[i]);
        safetensors_file_add(&file, name, "BF16", "[4]", NORM, sizeof NORM);
    }
    for (size_t i = 0; i < n_experts; i++) {
        for (size_t k = 0; k < 16; k++) matrix[k] = (float)(100 * i + k / 4);
        snprintf(name, sizeof name, "model.layers.0.mlp.experts.%zu.up", i);
        bool is_byte = !strcmp(expert_type, "F8_E4M3");
        safetensors_file_add(&file, name, expert_type, "[4,4]", matrix, is_byte ? 16 : 64);
    }
    safetensors_file_write(&file, "model.safetensors");
    test_write_text("config.json", "{}");
}

/* Finds the tensors of that folder. */
static bool find_tensors(struct reading *reading, const struct architecture *made,
                         struct source **raw, struct hf_tensors *tensors)
{
    assert_true(read_config(reading, LLAMA ",\"max_position_embeddings\":8}"));
    reading->config.architecture = made;
    assert_true(metadata_set_unsigned(reading->metadata, "llama.block_count", 1, NULL));
    assert_true(metadata_set_unsigned(reading->metadata, "llama.attention.head_count", 1, NULL));
    assert_true(metadata_set_unsigned(reading->metadata, "llama.attention.head_count_kv", 1, NULL));
    assert_true(metadata_set_unsigned(reading->metadata, "llama.expert_count", 4, NULL));
    *raw = hf_files_open(".", NULL);
    assert_non_null(*raw);
    return hf_tensors_find(&reading->config, reading->metadata, *raw, &reading->rope,
                           reading->arena, tensors, &reading->err);
}

static size_t index_of(const struct hf_tensors *tensors, const char *name)
{
    size_t i = 0;
    while (i < tensors->n && strcmp(tensors->tensors[i].name, name) != 0) i++;
    assert_true(i < tensors->n);
    return i;
}

static void experts_are_stacked_and_norms_shifted(void **state)
{
    (void)state;
    static const float ROWS[] = {0, 2, 1, 3, 100, 102, 101, 103, 200};
    const struct architecture made = made_architecture();
    struct reading reading;
    struct hf_tensors tensors;
    struct source *raw;
    float rows[9][4], norm[4];
    write_folder(4, "F32");
    assert_true(find_tensors(&reading, &made, &raw, &tensors));
    size_t i = index_of(&tensors, "blk.0.ffn_up.weight");
    const struct tensor_info *tensor = &tensors.tensors[i];
    assert_int_equal(tensor->n_dimensions, 3);
    assert_int_equal(tensor->shape[2], 4);
    assert_int_equal(tensor->n_rows, 16);
    assert_true(hf_tensors_read(&tensors, raw, i, 0, 9, rows, NULL));
    for (size_t k = 0; k < 9; k++) assert_true(rows[k][3] == ROWS[k]);
    i = index_of(&tensors, "output_norm.weight");
    assert_int_equal(tensors.tensors[i].type, TENSOR_F32);
    assert_true(hf_tensors_read(&tensors, raw, i, 0, 1, norm, NULL));
    assert_true(norm[0] == 2 && norm[1] == 1 && norm[2] == 0.5f && norm[3] == 3);
    source_close(raw);
    reading_done(&reading);
}

static void experts_that_lack_or_are_of_another_type_are_named(void **state)
{
    (void)state;
    static const struct {
        size_t n_experts;
        const char *type, *message;
    } CASES[] = {
        {3, "F32", "tensor model.layers.0.mlp.experts.3.up is missing: a llama model has it"},
        {0, "F32", "tensor model.layers.0.mlp.experts.0.up is missing: a llama model has it"},
        {5, "F32", "not supported yet: tensor model.layers.0.mlp.experts.4.up in a llama model"},
        {4, "F8_E4M3",
         "not supported yet: dtype F8_E4M3 (of tensor model.layers.0.mlp.experts.0.up; supported: "
         "F32, F16, BF16)"},
    };
    const struct architecture made = made_architecture();
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct reading reading;
        struct hf_tensors tensors;
        struct source *raw;
        write_folder(CASES[i].n_experts, CASES[i].type);
        assert_false(find_tensors(&reading, &made, &raw, &tensors));
        assert_string_equal(reading.err.message, CASES[i].message);
        source_close(raw);
        reading_done(&reading);
    }
}

#define GEMMA2                                                                                     \
    "{\"architectures\":[\"Gemma2ForCausalLM\"],\"max_position_embeddings\":64,"                   \
    "\"head_dim\":16,\"rope_theta\":10000,\"sliding_window\":16," SIZES

/* What the architecture does anyhow needs no key; another order of layers does. */
static void the_order_of_layers_with_a_window_counts(void **state)
{
    (void)state;
    static const char key[] = "gemma2.attention.sliding_window_pattern";
    struct reading reading;
    assert_true(read_config(&reading,
                            GEMMA2 ",\"layer_types\":[\"sliding_attention\",\"full_attention\"]}"));
    assert_null(metadata_find(reading.metadata, key));
    reading_done(&reading);
    assert_true(read_config(&reading,
                            GEMMA2 ",\"layer_types\":[\"full_attention\",\"sliding_attention\"]}"));
    const struct metadata_value *pattern = metadata_find(reading.metadata, key);
    assert_non_null(pattern);
    assert_int_equal(pattern->n, 2);
    bool has_window = true;
    assert_true(metadata_element_bool(pattern, 0, key, &has_window, NULL));
    assert_false(has_window);
    assert_true(metadata_element_bool(pattern, 1, key, &has_window, NULL));
    assert_true(has_window);
    reading_done(&reading);
    refuses(GEMMA2 ",\"layer_types\":[\"chunked_attention\",\"full_attention\"]}", ERR_UNSUPPORTED,
            "not supported yet: 'chunked_attention' in 'layer_types'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_of_layers_with_a_window_counts),
        cmocka_unit_test(sizes_become_the_keys_of_gguf),
        cmocka_unit_test(what_newer_files_have_elsewhere_is_found),
        cmocka_unit_test(what_scales_the_rotation_otherwise_is_left_to_be_refused),
        cmocka_unit_test(keys_and_masked_tokens_of_phi_3_small_are_its_own),
        cmocka_unit_test(divisors_of_llama_3_are_those_of_the_converter),
        cmocka_unit_test(factors_of_longrope_become_tables_and_a_magnitude),
        cmocka_unit_test(factors_that_do_not_fit_are_refused),
        cmocka_unit_test(rows_move_as_their_order_says),
        cmocka_unit_test(every_role_of_an_architecture_with_classes_has_a_name),
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, test_enter_folder, test_leave_folder)
        IN_FOLDER(experts_are_stacked_and_norms_shifted),
        IN_FOLDER(experts_that_lack_or_are_of_another_type_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
