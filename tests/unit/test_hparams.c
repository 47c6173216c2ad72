/* test_hparams.c - what a source must say to be a model, and what contradictions are answered with.
 *
 * Most sources here are drafts in memory: metadata and a tensor table without weights.
 */
#include "engine/hparams.h"

#include "engine/open_source.h"
#include "tests/support/stored_value.h"
#include "tests/support/test_data.h"
#include "tests/support/test_engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_TENSORS = 80, N_EMBD = 48, N_FF = 80, N_VOCAB = 100, N_LAYERS = 2 };

/* A source without weights: 6 heads of 8 on 2 KV heads, 2 layers. */
struct draft {
    struct source source;
    struct metadata *metadata;
    struct tensor_info tensors[MAX_TENSORS];
    char names[MAX_TENSORS][64];
};

static struct tensor_info *add(struct draft *draft, const char *name, size_t n_cols, size_t n_rows)
{
    size_t i = draft->source.n_tensors++;
    assert_true(i < MAX_TENSORS);
    snprintf(draft->names[i], sizeof draft->names[i], "%s", name);
    draft->tensors[i] = (struct tensor_info){.name = draft->names[i],
                                             .type = TENSOR_F32,
                                             .n_dimensions = n_rows > 1 ? 2 : 1,
                                             .shape = {n_cols, n_rows, 1, 1},
                                             .n_rows = n_rows,
                                             .row_bytes = n_cols * 4};
    draft->source.n_bytes += n_cols * n_rows * 4;
    return &draft->tensors[i];
}

static void add_layer(struct draft *draft, int i_layer, const char *name, size_t n_cols,
                      size_t n_rows)
{
    char full[64];
    snprintf(full, sizeof full, "blk.%d.%s.weight", i_layer, name);
    add(draft, full, n_cols, n_rows);
}

static void add_bias(struct draft *draft, int i_layer, const char *name, size_t n)
{
    char full[64];
    snprintf(full, sizeof full, "blk.%d.%s.bias", i_layer, name);
    add(draft, full, n, 1);
}

static void set(struct draft *draft, const char *name, uint32_t value)
{
    char key[128];
    const char *prefix = stored_string(draft->metadata, "general.architecture");
    snprintf(key, sizeof key, "%s.%s", prefix, name);
    assert_true(metadata_set_unsigned(draft->metadata, key, value, NULL));
}

static void set_float(struct draft *draft, const char *name, float value)
{
    char key[128];
    const char *prefix = stored_string(draft->metadata, "general.architecture");
    snprintf(key, sizeof key, "%s.%s", prefix, name);
    assert_true(metadata_set_float(draft->metadata, key, value, NULL));
}

static struct draft *new_draft(const char *architecture)
{
    bool is_phi3 = strcmp(architecture, "phi3") == 0;
    struct draft *draft = calloc(1, sizeof *draft);
    draft->metadata = metadata_new(NULL);
    draft->source = (struct source){
        .path = "draft.gguf", .metadata = draft->metadata, .tensors = draft->tensors};
    assert_true(metadata_set_string(draft->metadata, "general.architecture", architecture, NULL));
    set(draft, "block_count", N_LAYERS);
    set(draft, "embedding_length", N_EMBD);
    set(draft, "feed_forward_length", N_FF);
    set(draft, "context_length", 4096);
    set(draft, "attention.head_count", 6);
    set(draft, "attention.head_count_kv", 2);
    set_float(draft, "attention.layer_norm_rms_epsilon", 1e-5f);
    add(draft, "token_embd.weight", N_EMBD, N_VOCAB);
    add(draft, "output_norm.weight", N_EMBD, 1);
    add(draft, "output.weight", N_EMBD, N_VOCAB);
    for (int i = 0; i < N_LAYERS; i++) {
        add_layer(draft, i, "attn_norm", N_EMBD, 1);
        add_layer(draft, i, "ffn_norm", N_EMBD, 1);
        add_layer(draft, i, "attn_output", N_EMBD, N_EMBD);
        add_layer(draft, i, "ffn_up", N_EMBD, is_phi3 ? 2 * N_FF : N_FF);
        add_layer(draft, i, "ffn_down", N_FF, N_EMBD);
        if (is_phi3) {
            add_layer(draft, i, "attn_qkv", N_EMBD, N_EMBD + 2 * 16);
            continue;
        }
        add_layer(draft, i, "ffn_gate", N_EMBD, N_FF);
        add_layer(draft, i, "attn_q", N_EMBD, N_EMBD);
        add_layer(draft, i, "attn_k", N_EMBD, 16);
        add_layer(draft, i, "attn_v", N_EMBD, 16);
        if (strcmp(architecture, "qwen2") != 0) continue;
        add_bias(draft, i, "attn_q", N_EMBD);
        add_bias(draft, i, "attn_k", 16);
        add_bias(draft, i, "attn_v", 16);
    }
    return draft;
}

static void free_draft(struct draft *draft)
{
    metadata_free(draft->metadata);
    free(draft);
}

static struct tensor_info *tensor_of(struct draft *draft, const char *name)
{
    for (size_t i = 0; i < draft->source.n_tensors; i++)
        if (strcmp(draft->names[i], name) == 0) return &draft->tensors[i];
    fail_msg("no tensor %s", name);
    return NULL;
}

static void rename_tensor(struct draft *draft, const char *name, const char *new_name)
{
    struct tensor_info *tensor = tensor_of(draft, name);
    snprintf(draft->names[tensor - draft->tensors], sizeof draft->names[0], "%s", new_name);
}

static struct hparams read_good(struct draft *draft)
{
    struct hparams hparams;
    struct err err = {0};
    bool ok = hparams_read(&draft->source, &hparams, &err);
    if (!ok) err_print(&err, stderr);
    assert_true(ok);
    hparams_done(&hparams);
    free_draft(draft);
    return hparams;
}

/* The draft is refused with this code and a message with this text in it; frees the draft. */
static void check_refused(struct draft *draft, enum err_code code, const char *text)
{
    struct hparams hparams;
    struct err err = {0};
    assert_false(hparams_read(&draft->source, &hparams, &err));
    if (err.code != code || !strstr(err.message, text))
        fail_msg("code %d: %s (expected code %d: %s)", err.code, err.message, code, text);
    assert_string_equal(err.file, "draft.gguf");
    free_draft(draft);
}

static void sizes_are_read_and_what_is_absent_has_its_default(void **state)
{
    (void)state;
    struct hparams h = read_good(new_draft("phi3"));
    assert_string_equal(h.architecture->name, "phi3");
    assert_int_equal(h.n_layers, N_LAYERS);
    assert_int_equal(h.n_embd, N_EMBD);
    assert_int_equal(h.n_heads, 6);
    assert_int_equal(h.n_kv_heads, 2);
    assert_int_equal(h.head_size, 8);
    assert_int_equal(h.n_rope, 8);
    assert_int_equal(h.n_ff, N_FF);
    assert_int_equal(h.n_vocab, N_VOCAB);
    assert_int_equal(h.context_tokens, 4096);
    assert_int_equal(h.sliding_window, 2047); /* what early files of the 4k models leave unsaid */
    assert_true(h.rotations[ROTATION_MAIN].base == 10000.0f &&
                h.rotations[ROTATION_MAIN].scale == 1.0f && h.norm_eps == 1e-5f);
    assert_false(h.is_tied);
    h = read_good(new_draft("llama"));
    assert_string_equal(h.architecture->name, "llama");
    assert_int_equal(h.sliding_window, 0);
}

static void the_files_own_window_and_rotation_count(void **state)
{
    (void)state;
    struct draft *draft = new_draft("phi3");
    set(draft, "attention.sliding_window", 0);
    set(draft, "rope.dimension_count", 4);
    set_float(draft, "rope.freq_base", 500000.0f);
    struct hparams h = read_good(draft);
    assert_int_equal(h.sliding_window, 0);
    assert_int_equal(h.n_rope, 4);
    assert_true(h.rotations[ROTATION_MAIN].base == 500000.0f);
    draft = new_draft("phi3");
    set(draft, "context_length", 8192);
    assert_int_equal(read_good(draft).sliding_window, 0);
    draft = new_draft("llama");
    set(draft, "context_length", 1 << 20); /* longer than angles can be computed for */
    assert_int_equal(read_good(draft).context_tokens, 999999);
    draft = new_draft("llama");
    assert_true(metadata_set_string(draft->metadata, "llama.rope.scaling.type", "linear", NULL));
    set_float(draft, "rope.scaling.factor", 4.0f);
    assert_true(read_good(draft).rotations[ROTATION_MAIN].scale == 4.0f);
    draft = new_draft("llama");
    set_float(draft, "rope.scale_linear", 2.0f);
    assert_true(read_good(draft).rotations[ROTATION_MAIN].scale == 2.0f);
}

static void a_factor_without_a_type_scales_linearly(void **state)
{
    (void)state;
    struct draft *draft = new_draft("llama");
    set_float(draft, "rope.scaling.factor", 4.0f);
    set_float(draft, "rope.scale_linear", 2.0f); /* the newer name counts */
    assert_true(read_good(draft).rotations[ROTATION_MAIN].scale == 4.0f);
    draft = new_draft("llama");
    assert_true(metadata_set_string(draft->metadata, "llama.rope.scaling.type", "none", NULL));
    set_float(draft, "rope.scaling.factor", 4.0f);
    assert_true(read_good(draft).rotations[ROTATION_MAIN].scale == 1.0f);
    draft = new_draft("llama");
    set_float(draft, "rope.scaling.factor", 0.0f);
    check_refused(draft, ERR_INPUT, "llama.rope.scaling.factor must be a positive number");
}

static void without_a_number_of_kv_heads_every_head_has_its_own(void **state)
{
    (void)state;
    struct draft *draft = new_draft("phi3");
    struct metadata *rest = metadata_new(NULL);
    for (size_t i = 0; i < metadata_count(draft->metadata); i++) {
        const char *key;
        const struct metadata_value *value = metadata_at(draft->metadata, i, &key);
        if (strcmp(key, "phi3.attention.head_count_kv") == 0) continue;
        assert_true(metadata_set(rest, key, value, NULL));
    }
    metadata_free(draft->metadata);
    draft->source.metadata = draft->metadata = rest;
    for (int i = 0; i < N_LAYERS; i++) {
        char name[64];
        snprintf(name, sizeof name, "blk.%d.attn_qkv.weight", i);
        tensor_of(draft, name)->n_rows = tensor_of(draft, name)->shape[1] = 3 * N_EMBD;
    }
    assert_int_equal(read_good(draft).n_kv_heads, 6);
}

static void a_model_without_output_matrix_is_tied(void **state)
{
    (void)state;
    struct draft *draft = new_draft("llama");
    rename_tensor(draft, "output.weight", "rope_freqs.weight");
    *tensor_of(draft, "rope_freqs.weight") =
        (struct tensor_info){.name = tensor_of(draft, "rope_freqs.weight")->name,
                             .n_dimensions = 1,
                             .shape = {4, 1, 1, 1},
                             .n_rows = 1,
                             .row_bytes = 16};
    struct model_info info = test_model_info(&draft->source);
    uint64_t layer = 2 * N_EMBD * N_EMBD + 2 * N_EMBD * 16 + 3 * N_EMBD * N_FF;
    assert_int_equal(info.macs_per_token, N_LAYERS * layer + N_EMBD * N_VOCAB);
    assert_int_equal(info.n_params, N_LAYERS * (layer + 2 * N_EMBD) + N_EMBD * N_VOCAB + N_EMBD);
    assert_true(read_good(draft).is_tied);
}

static void heads_may_be_wider_than_the_embedding_divided(void **state)
{
    (void)state;
    struct draft *draft = new_draft("llama");
    set(draft, "attention.key_length", 16);
    set(draft, "attention.value_length", 16);
    for (int i = 0; i < N_LAYERS; i++) {
        static const char *const rows[] = {"attn_q", "attn_k", "attn_v"};
        char name[64];
        for (size_t j = 0; j < 3; j++) {
            snprintf(name, sizeof name, "blk.%d.%s.weight", i, rows[j]);
            tensor_of(draft, name)->n_rows = tensor_of(draft, name)->shape[1] *= 2;
        }
        snprintf(name, sizeof name, "blk.%d.attn_output.weight", i);
        tensor_of(draft, name)->shape[0] *= 2;
    }
    assert_int_equal(read_good(draft).head_size, 16);
}

static void what_is_not_in_says_so(void **state)
{
    (void)state;
    struct draft *draft = new_draft("bert");
    check_refused(draft, ERR_UNSUPPORTED, "not supported yet: architecture 'bert'");
    draft = new_draft("phi3");
    set_float(draft, "rope.scaling.attn_factor", 1.19f);
    check_refused(draft, ERR_UNSUPPORTED, "without rope_factors tensors");
    draft = new_draft("qwen2");
    set(draft, "expert_count", 8);
    check_refused(draft, ERR_UNSUPPORTED, "mixture of experts");
    draft = new_draft("llama");
    assert_true(metadata_set_string(draft->metadata, "llama.rope.scaling.type", "yarn", NULL));
    check_refused(draft, ERR_UNSUPPORTED, "yarn");
    draft = new_draft("llama");
    add(draft, "blk.0.attn_q.bias", N_EMBD, 1);
    check_refused(draft, ERR_UNSUPPORTED, "blk.0.attn_q.bias");
    draft = new_draft("llama");
    set(draft, "attention.value_length", 16);
    check_refused(draft, ERR_UNSUPPORTED, "another size than keys");
    draft = new_draft("llama");
    tensor_of(draft, "output.weight")->type = (enum tensor_type)40; /* nvfp4 */
    check_refused(draft, ERR_UNSUPPORTED, "output.weight");
    draft = new_draft("llama");
    add(draft, "blk.2.attn_q.weight", N_EMBD, N_EMBD); /* a layer too many */
    check_refused(draft, ERR_UNSUPPORTED, "blk.2.attn_q.weight");
}

/* A context that was stretched from a shorter one, and nothing that scales its rotation. */
static void a_stretched_context_needs_factors(void **state)
{
    (void)state;
    struct draft *draft = new_draft("phi3");
    set(draft, "context_length", 131072);
    check_refused(draft, ERR_UNSUPPORTED, "not supported yet: long rope");
    draft = new_draft("phi3");
    set(draft, "context_length", 131072);
    set(draft, "rope.scaling.original_context_length", 4096);
    check_refused(draft, ERR_UNSUPPORTED, "131072 tokens made of 4096");
    draft = new_draft("llama");
    set(draft, "context_length", 8192);
    set(draft, "rope.scaling.original_context_length", 4096);
    assert_true(metadata_set_string(draft->metadata, "llama.rope.scaling.type", "none", NULL));
    check_refused(draft, ERR_UNSUPPORTED, "long rope");
    draft = new_draft("llama");
    set(draft, "context_length", 8192);
    set(draft, "rope.scaling.original_context_length", 4096);
    set_float(draft, "rope.scaling.factor", 2.0f);
    assert_true(read_good(draft).rotations[ROTATION_MAIN].scale == 2.0f);
    draft = new_draft("llama");
    set(draft, "context_length", 131072); /* learnt at this length, for all that the file says */
    assert_int_equal(read_good(draft).context_tokens, 131072);
    draft = new_draft("phi3");
    set(draft, "context_length", 16384);
    set(draft, "rope.scaling.original_context_length", 16384);
    assert_int_equal(read_good(draft).context_tokens, 16384);
}

/* Every key that is read, with a value that is not of its type. */
static void values_of_another_type_are_converted_or_refused(void **state)
{
    (void)state;
    static const char *const NUMBERS[] = {"block_count",
                                          "embedding_length",
                                          "feed_forward_length",
                                          "context_length",
                                          "attention.head_count",
                                          "attention.head_count_kv",
                                          "attention.key_length",
                                          "attention.value_length",
                                          "attention.layer_norm_rms_epsilon",
                                          "attention.sliding_window",
                                          "attention.sliding_window_pattern",
                                          "attention.scale",
                                          "attn_logit_softcapping",
                                          "rope.dimension_count",
                                          "rope.freq_base",
                                          "rope.scaling.factor",
                                          "rope.scaling.attn_factor",
                                          "rope.scaling.original_context_length",
                                          "expert_count"};
    char key[128];
    for (size_t i = 0; i < sizeof NUMBERS / sizeof *NUMBERS; i++) {
        struct draft *draft = new_draft("llama");
        snprintf(key, sizeof key, "llama.%s", NUMBERS[i]);
        assert_true(metadata_set_string(draft->metadata, key, "2", NULL));
        check_refused(draft, ERR_INPUT, NUMBERS[i]);
    }
    struct draft *draft = new_draft("llama");
    set(draft, "rope.scaling.type", 2);
    check_refused(draft, ERR_INPUT, "'llama.rope.scaling.type' is of type u32: expected a string");
    draft = new_draft("qwen2");
    set_float(draft, "expert_count", 8.0f);
    check_refused(draft, ERR_UNSUPPORTED, "mixture of experts");
    draft = new_draft("llama");
    set_float(draft, "block_count", (float)N_LAYERS);
    set(draft, "rope.freq_base", 500000);
    struct hparams h = read_good(draft);
    assert_int_equal(h.n_layers, N_LAYERS);
    assert_true(h.rotations[ROTATION_MAIN].base == 500000.0f);
    static const char *const LABELS[] = {"general.name", "general.file_type"};
    for (size_t i = 0; i < 2; i++) {
        draft = new_draft("llama");
        assert_true(metadata_set_bool(draft->metadata, LABELS[i], true, NULL));
        check_refused(draft, ERR_INPUT, LABELS[i]);
    }
}

static void every_missing_key_is_named(void **state)
{
    (void)state;
    static const char *const keys[] = {"block_count",          "embedding_length",
                                       "feed_forward_length",  "context_length",
                                       "attention.head_count", "attention.head_count_kv"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct draft *draft = new_draft("phi3");
        set_float(draft, keys[i], 2.5f); /* no integer */
        check_refused(draft, ERR_INPUT, keys[i]);
        draft = new_draft("llama");
        set(draft, keys[i], 0);
        check_refused(draft, ERR_INPUT, keys[i]);
    }
    struct draft *draft = new_draft("phi3");
    set_float(draft, "attention.layer_norm_rms_epsilon", -1.0f);
    check_refused(draft, ERR_INPUT, "layer_norm_rms_epsilon");
    draft = new_draft("phi3");
    assert_true(metadata_set_string(draft->metadata, "general.architecture", "", NULL));
    check_refused(draft, ERR_INPUT, "general.architecture");
}

static void sizes_that_contradict_each_other_are_refused(void **state)
{
    (void)state;
    struct draft *draft = new_draft("phi3");
    set(draft, "attention.head_count_kv", 4);
    check_refused(draft, ERR_INPUT, "6 attention heads cannot share 4");
    draft = new_draft("phi3");
    set(draft, "attention.key_length", 7);
    set(draft, "attention.value_length", 7);
    check_refused(draft, ERR_INPUT, "heads of 7");
    draft = new_draft("phi3");
    set(draft, "rope.dimension_count", 10);
    check_refused(draft, ERR_INPUT, "10 rotated values");
    draft = new_draft("phi3");
    set(draft, "rope.dimension_count", 3);
    check_refused(draft, ERR_INPUT, "3 rotated values");
    draft = new_draft("phi3");
    set(draft, "context_length", UINT32_MAX);
    check_refused(draft, ERR_INPUT, "context_length");
}

static void a_file_says_which_blocks_of_keys_are_seen(void **state)
{
    (void)state;
    struct draft *draft;
    set(draft = new_draft("phi3"), "attention.block_size", 64);
    check_refused(draft, ERR_INPUT, "phi3.attention.local_blocks");
    set(draft = new_draft("phi3"), "attention.block_size", 24);
    check_refused(draft, ERR_UNSUPPORTED, "block_size = 24, which is no multiple of 16");
    set(draft = new_draft("phi3"), "attention.block_size", 64);
    set(draft, "attention.local_blocks", 16);
    set(draft, "attention.vertical_stride", 13);
    set(draft, "attention.dense_period", 2);
    const struct hparams h = read_good(draft);
    const struct block_pattern blocks = hparams_blocks(&h, 0);
    assert_true(blocks.n_keys == 64 && blocks.n_local == 16 && blocks.stride == 13);
    assert_true(blocks.head_step == 2 && hparams_blocks(&h, 1).n_keys == 0); /* 13 / 6 heads */
}

/* Every tensor in turn: missing, too wide, too tall, in three dimensions. */
static void every_tensor_is_needed_in_its_shape(void **state)
{
    (void)state;
    static const char *const architectures[] = {"phi3", "llama", "qwen2"};
    static const size_t in_layer[] = {6, 9, 12};
    for (size_t a = 0; a < 3; a++) {
        size_t n_tensors = 3 + N_LAYERS * in_layer[a];
        for (size_t i = 0; i < n_tensors; i++) {
            for (int fault = 0; fault < 4; fault++) {
                struct draft *draft = new_draft(architectures[a]);
                assert_int_equal(draft->source.n_tensors, n_tensors);
                struct tensor_info *tensor = &draft->tensors[i];
                const char *text = draft->names[i];
                if (fault == 0 && strcmp(text, "output.weight") == 0) {
                    free_draft(draft);
                    continue; /* that makes the model a tied one */
                }
                char name[64];
                snprintf(name, sizeof name, "%s", text);
                if (fault == 0) snprintf(draft->names[i], sizeof draft->names[i], "other");
                if (fault == 1) tensor->shape[0] += 2;
                if (fault == 2) tensor->n_rows = tensor->shape[1] += 1;
                if (fault == 3) tensor->shape[2] = 2, tensor->n_rows *= 2;
                bool is_vocabulary = strcmp(name, "token_embd.weight") == 0 && fault >= 2;
                check_refused(draft, ERR_INPUT, is_vocabulary ? "" : name);
            }
        }
    }
}

/* What one architecture has, another has not: no weight of a file is left out in silence. */
static void biases_are_for_architectures_that_have_them(void **state)
{
    (void)state;
    struct draft *draft = new_draft("llama");
    add_bias(draft, 1, "attn_k", 16);
    check_refused(draft, ERR_UNSUPPORTED,
                  "not supported yet: tensor blk.1.attn_k.bias in a llama model");
    draft = new_draft("qwen2");
    add_bias(draft, 0, "attn_output", N_EMBD);
    check_refused(draft, ERR_UNSUPPORTED,
                  "not supported yet: tensor blk.0.attn_output.bias in a qwen2 model");
    draft = new_draft("qwen2");
    add(draft, "rope_freqs.weight", 4, 1);
    check_refused(draft, ERR_UNSUPPORTED, "tensor rope_freqs.weight in a qwen2 model");
    struct hparams h = read_good(new_draft("qwen2"));
    assert_string_equal(h.architecture->name, "qwen2");
    assert_int_equal(h.n_rope, h.head_size); /* files do not say it */
    assert_int_equal(h.sliding_window, 0);
}

static void an_unknown_architecture_is_refused_with_those_that_are_in(void **state)
{
    (void)state;
    check_refused(new_draft("qwen2moe"), ERR_UNSUPPORTED,
                  "architecture 'qwen2moe' (supported: phi3, llama, qwen2, qwen3, ");
}

static void rows_must_be_whole_blocks(void **state)
{
    (void)state;
    struct draft *draft = new_draft("llama"); /* 48 is no multiple of 32 */
    tensor_of(draft, "output.weight")->type = TENSOR_Q4_0;
    check_refused(draft, ERR_INPUT, "whole blocks of q4_0");
}

static struct model_info info_of(const char *path, struct source **source)
{
    *source = source_open(path, NULL);
    assert_non_null(*source);
    return test_model_info(*source);
}

static void real_shapes_have_the_published_number_of_parameters(void **state)
{
    (void)state;
    struct source *source;
    struct model_info info = info_of("synth:phi-3-mini:q4_0", &source);
    assert_int_equal(info.n_params, 3821079552u);
    assert_string_equal(info.architecture, "phi3");
    assert_string_equal(info.quantization, "q4_0");
    assert_int_equal(info.head_size, 96);
    assert_int_equal(info.sliding_window, 2047);
    assert_int_equal(info.kv_token_bytes[KV_F16], 384 << 10);
    assert_int_equal(info.kv_token_bytes[KV_F32], 768 << 10);
    assert_int_equal(info.kv_token_bytes[KV_Q8_0], 208 << 10);
    assert_true(info.synthetic);
    /* All but norms and embedding is multiplied by each token, at 18 bytes for 32 weights. */
    uint64_t n_norms = (2 * 32 + 1) * 3072, n_matrices = info.n_params - n_norms - 32064ull * 3072;
    assert_int_equal(info.macs_per_token, n_matrices);
    assert_int_equal(info.read_bytes_per_token, n_matrices / 32 * 18 + n_norms * 4);
    source_close(source);
    info = info_of("synth:phi-3-medium:q8_0", &source);
    assert_in_range(info.n_params, 13950000000u, 13970000000u);
    source_close(source);
    info = info_of("synth:qwen2.5-7b:q4_0", &source);
    assert_int_equal(info.n_params, 7615616512u);
    source_close(source);
    info = info_of("synth:phi-3.5-mini:q4_0", &source); /* tables of the rotation do not count */
    assert_int_equal(info.n_params, 3821079552u);
    source_close(source);
    info = info_of("synth:phi-4-mini:q4_0", &source);
    assert_int_equal(info.n_params, 3836021760u);
    assert_int_equal(info.short_tokens, 4096);
    source_close(source);
}

static void a_real_trained_model_is_read(void **state)
{
    (void)state;
    char path[4096];
    if (!test_data_path(path, sizeof path, "weights/stories260K/stories260K.gguf")) {
        puts("SKIP: no shared data with weights/stories260K");
        skip();
    }
    struct source *source;
    struct model_info info = info_of(path, &source);
    assert_string_equal(info.architecture, "llama");
    assert_string_equal(info.quantization, "f32");
    assert_true(info.n_kv_heads == 4 && info.head_size == 8 && info.n_ff == 172);
    assert_false(info.synthetic);
    source_close(source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_read_and_what_is_absent_has_its_default),
        cmocka_unit_test(the_files_own_window_and_rotation_count),
        cmocka_unit_test(a_factor_without_a_type_scales_linearly),
        cmocka_unit_test(without_a_number_of_kv_heads_every_head_has_its_own),
        cmocka_unit_test(a_model_without_output_matrix_is_tied),
        cmocka_unit_test(heads_may_be_wider_than_the_embedding_divided),
        cmocka_unit_test(what_is_not_in_says_so),
        cmocka_unit_test(a_stretched_context_needs_factors),
        cmocka_unit_test(values_of_another_type_are_converted_or_refused),
        cmocka_unit_test(every_missing_key_is_named),
        cmocka_unit_test(sizes_that_contradict_each_other_are_refused),
        cmocka_unit_test(a_file_says_which_blocks_of_keys_are_seen),
        cmocka_unit_test(every_tensor_is_needed_in_its_shape),
        cmocka_unit_test(biases_are_for_architectures_that_have_them),
        cmocka_unit_test(an_unknown_architecture_is_refused_with_those_that_are_in),
        cmocka_unit_test(rows_must_be_whole_blocks),
        cmocka_unit_test(real_shapes_have_the_published_number_of_parameters),
        cmocka_unit_test(a_real_trained_model_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
