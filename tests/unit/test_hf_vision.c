/* test_hf_vision.c - a Hugging Face folder of a model with eyes: the tower's sizes and tensors,
 * what is left out of it, and what is refused by its name.
 *
 * The folder is tests/golden/hf/longrope-phi3 with a small tower beside its tensors, whose values
 * tell where they stood.
 */
#include "engine/hf/hf_source.h"

#include "base/file.h"
#include "engine/gguf.h"
#include "engine/hf/safetensors.h"
#include "engine/hparams.h"
#include "engine/open_source.h"
#include "engine/tools.h"
#include "tests/support/safetensors_file.h"
#include "tests/support/test_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_FILE_BYTES = 1 << 20, N_LAYERS = 3, N_EMBD = 16, N_POSITIONS = 577, N_PIXELS = 588 };
#define EYES "model.vision_embed_tokens."
#define CLIP EYES "img_processor.vision_model."
static char golden[512]; /* the absolute path of tests/golden/hf/longrope-phi3 */

/* ---- The folder ---- */

/* A tensor that is called otherwise than usual, or is left out. */
struct change {
    const char *from, *to;
};

static float value_of(const char *name, size_t i)
{
    return (float)(strlen(name) * 131 + i % 4093) / 64;
}

static void add_values(struct safetensors_file *file, struct change change, const char *name,
                       const char *shape)
{
    size_t n = 1;
    for (const char *at = shape; *at; at += strcspn(at, ",]") + 1)
        n *= strtoul(at + (*at == '['), NULL, 10);
    float *values = malloc(n * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < n; i++) values[i] = value_of(name, i);
    if (change.from && strcmp(name, change.from) == 0) name = change.to;
    if (name) safetensors_file_add(file, name, "F32", shape, values, n * sizeof *values);
    free(values);
}

static void add_layer(struct safetensors_file *file, struct change change, int i_layer)
{
    static const struct {
        const char *name, *weight, *bias;
    } parts[] = {{"layer_norm1", "[16]", "[16]"},         {"layer_norm2", "[16]", "[16]"},
                 {"self_attn.q_proj", "[16,16]", "[16]"}, {"self_attn.k_proj", "[16,16]", "[16]"},
                 {"self_attn.v_proj", "[16,16]", "[16]"}, {"self_attn.out_proj", "[16,16]", "[16]"},
                 {"mlp.fc1", "[24,16]", "[24]"},          {"mlp.fc2", "[16,24]", "[16]"}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char name[160];
        snprintf(name, sizeof name, CLIP "encoder.layers.%d.%s.weight", i_layer, parts[i].name);
        add_values(file, change, name, parts[i].weight);
        snprintf(name, sizeof name, CLIP "encoder.layers.%d.%s.bias", i_layer, parts[i].name);
        add_values(file, change, name, parts[i].bias);
    }
}

static void add_tower(struct safetensors_file *file, struct change change)
{
    static const struct {
        const char *name, *shape;
    } tensors[] = {{CLIP "embeddings.class_embedding", "[16]"},
                   {CLIP "embeddings.patch_embedding.weight", "[16,3,14,14]"},
                   {CLIP "embeddings.position_embedding.weight", "[577,16]"},
                   {CLIP "pre_layrnorm.weight", "[16]"},
                   {CLIP "pre_layrnorm.bias", "[16]"},
                   {CLIP "post_layernorm.weight", "[16]"},
                   {CLIP "post_layernorm.bias", "[16]"},
                   {EYES "sub_GN", "[1,1,1,64]"},
                   {EYES "glb_GN", "[1,1,64]"},
                   {EYES "img_projection.0.weight", "[48,64]"},
                   {EYES "img_projection.0.bias", "[48]"},
                   {EYES "img_projection.2.weight", "[48,48]"},
                   {EYES "img_projection.2.bias", "[48]"}};
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++)
        add_values(file, change, tensors[i].name, tensors[i].shape);
    for (int i = 0; i < N_LAYERS; i++) add_layer(file, change, i);
}

/* The tensors of the golden folder. */
static void add_language(struct safetensors_file *file, struct change change)
{
    char path[600], shape[64];
    snprintf(path, sizeof path, "%s/model.safetensors", golden);
    struct source *source = safetensors_open(path, NULL);
    assert_non_null(source);
    for (size_t i = 0; i < source->n_tensors; i++) {
        const struct tensor_info *tensor = &source->tensors[i];
        size_t n_bytes = tensor->n_rows * tensor->row_bytes;
        void *bytes = malloc(n_bytes);
        assert_true(bytes && source->read_rows(source, tensor, 0, tensor->n_rows, bytes, NULL));
        if (tensor->n_dimensions == 1) snprintf(shape, sizeof shape, "[%zu]", tensor->shape[0]);
        else snprintf(shape, sizeof shape, "[%zu,%zu]", tensor->shape[1], tensor->shape[0]);
        bool is_changed = change.from && strcmp(tensor->name, change.from) == 0;
        safetensors_file_add(file, is_changed ? change.to : tensor->name,
                             safetensors_dtype(tensor->type), shape, bytes, n_bytes);
        free(bytes);
    }
    source_close(source);
}

static void write_tensors(struct change change)
{
    struct safetensors_file file = {0};
    add_language(&file, change);
    add_tower(&file, change);
    safetensors_file_write(&file, "model.safetensors");
}

/* Puts a text in the place of the first of its kind in config.json. */
static void replace(const char *from, const char *to)
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

static void copy_file(const char *name)
{
    char from[600];
    size_t n_bytes;
    snprintf(from, sizeof from, "%s/%s", golden, name);
    char *bytes = file_read(from, MAX_FILE_BYTES, &n_bytes, NULL);
    assert_true(bytes && file_write(name, bytes, n_bytes, NULL));
    free(bytes);
}

#define PICTURES                                                                                   \
    "{\"num_crops\":4,\"image_mean\":[0.48145466,0.4578275,0.40821073],"                           \
    "\"image_std\":[0.26862954,0.26130258,0.27577711]}"

/* As the published folders have it, and heads that are none of 64. */
static void write_folder(void)
{
    copy_file("config.json");
    copy_file("tokenizer.json");
    test_write_text("preprocessor_config.json", PICTURES);
    replace("\"Phi3ForCausalLM\"", "\"Phi3VForCausalLM\"");
    replace("\"model_type\": \"phi3\"", "\"model_type\": \"phi3_v\"");
    replace("\"rope_parameters\"", "\"rope_scaling\"");
    replace("\"rope_type\": \"longrope\"", "\"type\": \"su\"");
    replace("{", "{\"img_processor\": {\"name\": \"clip_vision_model\", \"image_dim_out\": 16,"
                 "\"model_name\": \"openai/clip-vit-large-patch14-336\", \"num_img_tokens\": 144},"
                 "\"embd_layer\": {\"embedding_cls\": \"image\", \"projection_cls\": \"mlp\","
                 "\"hd_transform_order\": \"sub_glb\", \"use_hd_transform\": true,"
                 "\"with_learnable_separator\": true},"
                 "\"vision_config\": {\"num_attention_heads\": 2},");
    write_tensors((struct change){NULL, NULL});
}

static struct source *open_here(void)
{
    struct err err = {0};
    struct source *source = source_open(".", &err);
    if (!source) fail_msg("%s: %s", err.file, err.message);
    return source;
}

/* ---- What is read ---- */

static void check_tensor(const struct source *source, const char *name, const char *there,
                         size_t n_cols, size_t n_rows)
{
    const struct tensor_info *tensor = source_find(source, name);
    if (!tensor) fail_msg("no tensor %s", name);
    assert_int_equal(tensor->type, TENSOR_F32);
    assert_int_equal(tensor->n_dimensions, n_rows > 1 ? 2 : 1);
    assert_int_equal(tensor->shape[0], n_cols);
    assert_int_equal(tensor->n_rows, n_rows);
    float *values = malloc(n_cols * sizeof *values);
    assert_non_null(values);
    for (size_t row = 0; row < n_rows; row++) {
        assert_true(source->read_rows(source, tensor, row, 1, values, NULL));
        for (size_t i = 0; i < n_cols; i++)
            assert_true(values[i] == value_of(there, row * n_cols + i));
    }
    free(values);
}

static void the_tower_has_the_sizes_of_its_tensors(void **state)
{
    (void)state;
    struct hparams hparams;
    write_folder();
    struct source *source = open_here();
    assert_true(hparams_read(source, &hparams, NULL));
    const struct hparams *tower = hparams.vision;
    assert_non_null(tower);
    assert_string_equal(hparams.architecture->name, "phi3");
    assert_int_equal(tower->n_layers, N_LAYERS - 1);
    assert_int_equal(tower->n_embd, N_EMBD);
    assert_int_equal(tower->n_ff, 24);
    assert_int_equal(tower->n_heads, 2);
    assert_int_equal(tower->image_side, 336);
    assert_int_equal(tower->patch_side, 14);
    assert_int_equal(tower->n_projected, 48);
    assert_int_equal(tower->max_crops, 4);
    assert_true(tower->norm_eps == 1e-5f);
    assert_int_equal(hparams.short_tokens, 64);
    check_tensor(source, "v.patch_embd.weight", CLIP "embeddings.patch_embedding.weight", N_PIXELS,
                 N_EMBD);
    check_tensor(source, "v.position_embd.weight", CLIP "embeddings.position_embedding.weight",
                 N_EMBD, N_POSITIONS);
    check_tensor(source, "v.class_embd.weight", CLIP "embeddings.class_embedding", N_EMBD, 1);
    check_tensor(source, "v.sub_gn.weight", EYES "sub_GN", 4 * N_EMBD, 1);
    check_tensor(source, "v.glb_gn.weight", EYES "glb_GN", 4 * N_EMBD, 1);
    check_tensor(source, "v.mm.0.weight", EYES "img_projection.0.weight", 4 * N_EMBD, 48);
    check_tensor(source, "v.mm.2.bias", EYES "img_projection.2.bias", 48, 1);
    check_tensor(source, "v.blk.1.ffn_up.weight", CLIP "encoder.layers.1.mlp.fc1.weight", N_EMBD,
                 24);
    check_tensor(source, "v.blk.0.attn_output.bias",
                 CLIP "encoder.layers.0.self_attn.out_proj.bias", N_EMBD, 1);
    assert_null(source_find(source, "v.blk.2.attn_norm.weight"));
    hparams_done(&hparams);
    source_close(source);
}

/* Heads of 64 and CLIP's epsilon, where nothing says it. */
static void what_the_published_folders_do_not_say_is_as_in_clip(void **state)
{
    (void)state;
    struct err err = {0};
    write_folder();
    replace("\"vision_config\": {\"num_attention_heads\": 2},", "");
    assert_null(source_open(".", &err));
    assert_string_equal(err.message,
                        "'vision_config.num_attention_heads': 0 heads do not share 16 values");
    replace("{", "{\"vision_config\": {\"num_attention_heads\": 4, \"layer_norm_eps\": 1e-3},");
    struct source *source = open_here();
    struct hparams hparams;
    assert_true(hparams_read(source, &hparams, NULL));
    assert_true(hparams.vision->norm_eps == 1e-3f);
    assert_int_equal(hparams.vision->n_heads, 4);
    hparams_done(&hparams);
    source_close(source);
}

/* The language model is the one of the golden folder, which has no eyes. */
static void check_language(void)
{
    struct source *source = open_here(), *blind = source_open(golden, NULL);
    assert_non_null(blind);
    for (size_t i = 0; i < blind->n_tensors; i++) {
        const struct tensor_info *wanted = &blind->tensors[i];
        const struct tensor_info *tensor = source_find(source, wanted->name);
        assert_non_null(tensor);
        size_t n_bytes = wanted->n_rows * wanted->row_bytes;
        assert_int_equal(tensor->n_rows * tensor->row_bytes, n_bytes);
        void *rows = malloc(2 * n_bytes), *others = (char *)rows + n_bytes;
        assert_non_null(rows);
        assert_true(source->read_rows(source, tensor, 0, wanted->n_rows, rows, NULL));
        assert_true(blind->read_rows(blind, wanted, 0, wanted->n_rows, others, NULL));
        assert_memory_equal(rows, others, n_bytes);
        free(rows);
    }
    source_close(blind);
    source_close(source);
}

static void the_language_model_is_as_without_eyes(void **state)
{
    (void)state;
    write_folder();
    check_language();
    write_tensors((struct change){"model.embed_tokens.weight", EYES "wte.weight"});
    check_language(); /* the embedding lies where the eyes have it */
    write_tensors((struct change){CLIP "post_layernorm.bias", NULL});
    check_language();
}

static void a_second_embedding_and_a_table_of_places_are_no_weights(void **state)
{
    (void)state;
    static const int64_t places[2] = {0, 1};
    struct safetensors_file file = {0};
    write_folder();
    add_language(&file, (struct change){NULL, NULL});
    add_tower(&file, (struct change){NULL, NULL});
    add_values(&file, (struct change){NULL, NULL}, EYES "wte.weight", "[85,48]");
    safetensors_file_add(&file, CLIP "embeddings.position_ids", "I64", "[1,2]", places,
                         sizeof places);
    safetensors_file_write(&file, "model.safetensors");
    check_language();
}

/* ---- Other types ---- */

static enum tensor_type type_of(const struct source *source, const char *name)
{
    const struct tensor_info *tensor = source_find(source, name);
    assert_non_null(tensor);
    return tensor->type;
}

static void quantizing_leaves_pixels_places_and_vectors_as_they_are(void **state)
{
    (void)state;
    write_folder();
    struct source *source = source_open("quantize:q8_0:.", NULL);
    assert_non_null(source);
    assert_int_equal(type_of(source, "v.patch_embd.weight"), TENSOR_F32);
    assert_int_equal(type_of(source, "v.position_embd.weight"), TENSOR_F32);
    assert_int_equal(type_of(source, "v.class_embd.weight"), TENSOR_F32);
    assert_int_equal(type_of(source, "v.sub_gn.weight"), TENSOR_F32);
    assert_int_equal(type_of(source, "v.blk.0.attn_q.bias"), TENSOR_F32);
    assert_int_equal(type_of(source, "v.mm.0.weight"), TENSOR_Q8_0);
    assert_int_equal(type_of(source, "v.blk.0.attn_q.weight"), TENSOR_F16); /* rows of 16 values */
    check_tensor(source, "v.patch_embd.weight", CLIP "embeddings.patch_embedding.weight", N_PIXELS,
                 N_EMBD);
    struct hparams hparams;
    assert_true(hparams_read(source, &hparams, NULL));
    assert_int_equal(hparams.vision->max_crops, 4);
    hparams_done(&hparams);
    source_close(source);
}

/* ---- What is wrong ---- */

static void refuses(const char *file, enum err_code code, const char *message)
{
    struct err err = {0};
    assert_null(source_open(".", &err));
    assert_string_equal(err.message, message);
    assert_string_equal(err.file, file);
    assert_int_equal(err.code, code);
}

static void refuses_config(const char *from, const char *to, enum err_code code,
                           const char *message)
{
    replace(from, to);
    refuses("./config.json", code, message);
    replace(to, from);
}

static void what_is_computed_otherwise_is_refused_by_its_key(void **state)
{
    (void)state;
    write_folder();
    refuses_config("\"clip_vision_model\"", "\"siglip\"", ERR_UNSUPPORTED,
                   "not supported yet: 'img_processor.name' is 'siglip' in a clip.vision model "
                   "(supported: clip_vision_model)");
    refuses_config("\"mlp\"", "\"linear\"", ERR_UNSUPPORTED,
                   "not supported yet: 'embd_layer.projection_cls' is 'linear' in a clip.vision "
                   "model (supported: mlp)");
    refuses_config("\"sub_glb\"", "\"glb_sub\"", ERR_UNSUPPORTED,
                   "not supported yet: 'embd_layer.hd_transform_order' is 'glb_sub' in a "
                   "clip.vision model (supported: sub_glb)");
    refuses_config("\"hd_transform_order\"", "\"order\"", ERR_INPUT,
                   "'embd_layer.hd_transform_order' is missing");
    refuses_config("\"img_processor\"", "\"processor\"", ERR_INPUT,
                   "'img_processor.name' is missing");
    refuses_config("\"image_dim_out\": 16", "\"image_dim_out\": 1024", ERR_INPUT,
                   "'img_processor.image_dim_out' is 1024, but by the tensors it is 16");
    refuses_config("144", "576", ERR_INPUT,
                   "'img_processor.num_img_tokens' is 576, but by the tensors it is 144");
}

static void how_pictures_are_cut_must_be_said(void **state)
{
    (void)state;
    const char *name = "preprocessor_config.json", *path = "./preprocessor_config.json";
    write_folder();
    assert_int_equal(unlink(name), 0);
    refuses(".", ERR_INPUT,
            "the folder has no preprocessor_config.json, which says how many crops a picture is "
            "cut into: download it, too");
    test_write_text(name, "{\"num_img_tokens\": 144}");
    refuses(path, ERR_INPUT,
            "'num_crops' is missing: how many crops a picture is cut into at most");
    test_write_text(name, "{\"num_crops\": \"4\"}");
    refuses(path, ERR_INPUT, "'num_crops' is something else: expected a whole number from 1 on");
    test_write_text(name, "{\"num_crops\": 4, \"image_mean\": [0.5, 0.5, 0.5]}");
    refuses(path, ERR_UNSUPPORTED,
            "not supported yet: 'image_mean' and 'image_std' are not those of CLIP");
    test_write_text(name, PICTURES);
    source_close(open_here());
}

static void tensors_that_are_missing_or_of_no_use_are_named(void **state)
{
    (void)state;
    write_folder();
    write_tensors((struct change){CLIP "embeddings.position_embedding.weight", NULL});
    refuses(".", ERR_INPUT,
            "tensor " CLIP "embeddings.position_embedding.weight is missing: a model with eyes "
            "has it");
    write_tensors((struct change){EYES "glb_GN", NULL});
    refuses(".", ERR_INPUT, "tensor " EYES "glb_GN is missing: a clip.vision model has it");
    write_tensors((struct change){CLIP "encoder.layers.1.mlp.fc2.bias", CLIP "adapter.bias"});
    refuses(".", ERR_INPUT,
            "tensor " CLIP "encoder.layers.1.mlp.fc2.bias is missing: a clip.vision model has it");
    write_tensors((struct change){CLIP "post_layernorm.bias", CLIP "adapter.bias"});
    refuses("./model.safetensors", ERR_UNSUPPORTED,
            "not supported yet: tensor " CLIP "adapter.bias in a phi3 model");
}

static void refuses_patches(const char *shape, size_t n_values, const char *message)
{
    const char *name = CLIP "embeddings.patch_embedding.weight";
    struct safetensors_file file = {0};
    float *values = calloc(n_values, sizeof *values);
    assert_non_null(values);
    add_language(&file, (struct change){NULL, NULL});
    add_tower(&file, (struct change){name, NULL});
    safetensors_file_add(&file, name, "F32", shape, values, n_values * sizeof *values);
    safetensors_file_write(&file, "model.safetensors");
    free(values);
    refuses("./model.safetensors", ERR_INPUT, message);
}

static void patches_must_be_coloured_squares(void **state)
{
    (void)state;
    write_folder();
    refuses_patches("[16,1,14,14]", 16 * 14 * 14,
                    "tensor " CLIP "embeddings.patch_embedding.weight takes patches of 14 x 14 "
                    "pixels of 1 colours: expected squares of 3");
    refuses_patches("[16,3,14,7]", 16 * 3 * 14 * 7,
                    "tensor " CLIP "embeddings.patch_embedding.weight takes patches of 7 x 14 "
                    "pixels of 3 colours: expected squares of 3");
    refuses_patches("[16,588]", 16 * 588,
                    "tensor " CLIP "embeddings.patch_embedding.weight has 2 dimensions, not 4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, test_enter_folder, test_leave_folder)
        IN_FOLDER(the_tower_has_the_sizes_of_its_tensors),
        IN_FOLDER(what_the_published_folders_do_not_say_is_as_in_clip),
        IN_FOLDER(the_language_model_is_as_without_eyes),
        IN_FOLDER(a_second_embedding_and_a_table_of_places_are_no_weights),
        IN_FOLDER(quantizing_leaves_pixels_places_and_vectors_as_they_are),
        IN_FOLDER(what_is_computed_otherwise_is_refused_by_its_key),
        IN_FOLDER(how_pictures_are_cut_must_be_said),
        IN_FOLDER(tensors_that_are_missing_or_of_no_use_are_named),
        IN_FOLDER(patches_must_be_coloured_squares),
    };
    if (!realpath("tests/golden/hf/longrope-phi3", golden)) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
