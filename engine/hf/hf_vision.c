/* hf_vision.c - see hf_vision.h.
 *
 * The layers that a pass takes are one less than there are: the model reads the hidden state before
 * the last one.
 */
#include "engine/hf/hf_vision.h"

#include "base/file.h"
#include "engine/hf/hf_files.h"
#include "engine/hf/hf_names.h"
#include "engine/hparams.h"
#include "engine/joined.h"
#include "engine/vision/crops.h"

#include <math.h>
#include <stdlib.h>

enum { USUAL_HEAD_SIZE = 64 };

struct tower {
    const struct hf_config *config; /* with the tower's architecture */
    const struct source *raw;
    uint32_t n_layers, n_embd, n_ff, n_heads, patch_side, image_side, max_crops;
    double epsilon;
};

/* ---- Tensors ---- */

static const struct tensor_info *find_role(const struct tower *tower, enum weight weight,
                                           size_t i_layer, char name[HF_NAME_BYTES])
{
    const struct architecture *architecture = tower->config->architecture;
    struct hf_tensor form = hf_tensor_of(architecture, weight);
    return hf_name(architecture, &form, i_layer, 0, name) ? joined_find(tower->raw, name) : NULL;
}

/* The tensor, if it is there and of so many dimensions. */
static const struct tensor_info *need_role(const struct tower *tower, enum weight weight,
                                           size_t n_dimensions, struct err *err)
{
    char name[HF_NAME_BYTES];
    const struct tensor_info *tensor = find_role(tower, weight, 0, name);
    if (!tensor)
        err_set_at(err, ERR_INPUT, tower->raw->path, 0, 0,
                   "tensor %s is missing: a model with eyes has it", name);
    else if (tensor->n_dimensions == n_dimensions) return tensor;
    else
        err_set_at(err, ERR_INPUT, tensor->file, 0, 0, "tensor %s has %zu dimensions, not %zu",
                   name, tensor->n_dimensions, n_dimensions);
    return NULL;
}

static bool read_layers(struct tower *tower, struct err *err)
{
    char name[HF_NAME_BYTES];
    size_t n = 0;
    while (n <= HPARAMS_MAX_LAYERS && find_role(tower, WEIGHT_ATTN_NORM, n, name)) n++;
    tower->n_layers = n ? (uint32_t)n - 1 : 0;
    return tower->n_layers > 0 ||
           err_set_at(err, ERR_INPUT, tower->raw->path, 0, 0,
                      "%zu layers in the tower: expected two at least, since the model reads what "
                      "goes into the last one",
                      n);
}

/* The side of a crop from how many places it has: one for each patch and one for the class. */
static bool read_side(struct tower *tower, const struct tensor_info *positions, struct err *err)
{
    size_t n_side = (size_t)sqrt((double)positions->n_rows), patch_side = tower->patch_side;
    tower->image_side = (uint32_t)(n_side * patch_side);
    return n_side * n_side + 1 == positions->n_rows ||
           err_set_at(err, ERR_INPUT, positions->file, 0, 0,
                      "tensor %s has %zu rows: no square's patches and one more", positions->name,
                      positions->n_rows);
}

static bool read_tensor_sizes(struct tower *tower, struct err *err)
{
    const struct tensor_info *patches = need_role(tower, WEIGHT_PATCH_EMBD, 4, err);
    const struct tensor_info *positions =
        patches ? need_role(tower, WEIGHT_POSITION_EMBD, 2, err) : NULL;
    const struct tensor_info *up = positions ? need_role(tower, WEIGHT_FFN_UP, 2, err) : NULL;
    if (!up) return false;
    if (patches->shape[0] != patches->shape[1] || patches->shape[2] != 3)
        return err_set_at(err, ERR_INPUT, patches->file, 0, 0,
                          "tensor %s takes patches of %zu x %zu pixels of %zu colours: expected "
                          "squares of 3",
                          patches->name, patches->shape[0], patches->shape[1], patches->shape[2]);
    tower->patch_side = (uint32_t)patches->shape[0];
    tower->n_embd = (uint32_t)patches->shape[3];
    tower->n_ff = (uint32_t)up->n_rows;
    return read_side(tower, positions, err) && read_layers(tower, err);
}

/* ---- config.json ---- */

static bool check_size(const struct tower *tower, const char *key, uint32_t of_tensors,
                       struct err *err)
{
    uint32_t said = of_tensors;
    return hf_config_size(tower->config, key, &said, err) &&
           (said == of_tensors ||
            hf_config_fail(tower->config, ERR_INPUT, err, "'%s' is %u, but by the tensors it is %u",
                           key, said, of_tensors));
}

static bool read_config(struct tower *tower, struct err *err)
{
    const struct hf_config *config = tower->config;
    uint32_t n_side = tower->image_side / tower->patch_side;
    tower->n_heads = tower->n_embd / USUAL_HEAD_SIZE;
    tower->epsilon = 1e-5;
    if (!check_size(tower, "img_processor.image_dim_out", tower->n_embd, err) ||
        !check_size(tower, "img_processor.num_img_tokens", n_side * n_side / 4, err) ||
        !hf_config_size(config, "vision_config.num_attention_heads", &tower->n_heads, err) ||
        !hf_config_number(config, "vision_config.layer_norm_eps", &tower->epsilon, err))
        return false;
    return (tower->n_heads && tower->n_embd % tower->n_heads == 0) ||
           hf_config_fail(config, ERR_INPUT, err,
                          "'vision_config.num_attention_heads': %u heads do not share %u values",
                          tower->n_heads, tower->n_embd);
}

/* ---- preprocessor_config.json ---- */

static bool is_as(const struct json *list, const float wanted[CROP_CHANNELS])
{
    bool is = !list || json_length(list) == CROP_CHANNELS;
    for (size_t i = 0; is && list && i < CROP_CHANNELS; i++)
        is = fabs(json_as_number(json_at(list, i), NAN) - (double)wanted[i]) < 1e-6;
    return is;
}

static bool read_pictures(struct tower *tower, const struct json *root, const char *path,
                          struct err *err)
{
    int64_t n = json_as_integer(json_get(root, "num_crops"), -1);
    if (!json_get(root, "num_crops"))
        return err_set_at(err, ERR_INPUT, path, 0, 0,
                          "'num_crops' is missing: how many crops a picture is cut into at most");
    if (n < 1 || n > INT32_MAX)
        return err_set_at(err, ERR_INPUT, path, 0, 0,
                          "'num_crops' is something else: expected a whole number from 1 on");
    tower->max_crops = (uint32_t)n;
    return (is_as(json_get(root, "image_mean"), CROP_MEAN) &&
            is_as(json_get(root, "image_std"), CROP_DEVIATION)) ||
           err_set_at(err, ERR_UNSUPPORTED, path, 0, 0,
                      "not supported yet: 'image_mean' and 'image_std' are not those of CLIP");
}

static bool open_pictures(struct tower *tower, const char *folder, struct err *err)
{
    char *path = file_join(folder, HF_PICTURES_NAME, err);
    bool is_there = path && file_exists(path);
    if (path && !is_there)
        err_set_at(err, ERR_INPUT, folder, 0, 0,
                   "the folder has no " HF_PICTURES_NAME
                   ", which says how many crops a picture is cut into: download it, too");
    struct json *root = is_there ? json_read_file(path, err) : NULL;
    bool ok = root && read_pictures(tower, root, path, err);
    json_free(root);
    free(path);
    return ok;
}

/* ---- The whole ---- */

static bool write_keys(const struct tower *tower, struct metadata *metadata, struct err *err)
{
    char key[HF_KEY_BYTES];
    const struct {
        const char *name;
        uint32_t value;
    } sizes[] = {
        {"block_count", tower->n_layers},     {"embedding_length", tower->n_embd},
        {"feed_forward_length", tower->n_ff}, {"attention.head_count", tower->n_heads},
        {"image_size", tower->image_side},    {"patch_size", tower->patch_side},
        {"max_crops", tower->max_crops},
    };
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof sizes / sizeof *sizes; i++)
        ok = metadata_set_unsigned(metadata, hf_config_key(tower->config, sizes[i].name, key),
                                   sizes[i].value, err);
    return ok && metadata_set_float(
                     metadata, hf_config_key(tower->config, "attention.layer_norm_epsilon", key),
                     (float)tower->epsilon, err);
}

bool hf_vision_read(const struct hf_config *config, const char *folder, const struct source *raw,
                    struct metadata *metadata, struct err *err)
{
    struct hf_config eyes = *config;
    eyes.architecture = config->architecture->vision;
    struct tower tower = {.config = &eyes, .raw = raw};
    if (!eyes.architecture || !hf_config_find(config, "img_processor|embd_layer")) return true;
    return hf_config_check(&eyes, err) && read_tensor_sizes(&tower, err) &&
           read_config(&tower, err) && open_pictures(&tower, folder, err) &&
           write_keys(&tower, metadata, err);
}
