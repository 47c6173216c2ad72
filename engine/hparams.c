/* hparams.c - see hparams.h. Sizes come from the file's keys, tensors from the roles that the
 * architecture has; whatever tensor has no role is refused, so that no weight of a file is silently
 * ignored.
 */
#include "engine/hparams.h"

#include "base/mem.h"
#include "engine/hparams_keys.h"
#include "engine/kernels/pack.h"

#include <stdlib.h>
#include <string.h>

const struct tensor_info *hparams_tensor(const struct hparams *hparams, enum weight weight,
                                         size_t i_layer)
{
    return weight < WEIGHT_LAYER_COUNT ? hparams->layers[i_layer][weight]
                                       : hparams->others[weight - WEIGHT_LAYER_COUNT];
}

enum weight hparams_logits_weight(const struct hparams *hparams)
{
    return hparams->is_tied ? WEIGHT_TOKEN_EMBD : WEIGHT_OUTPUT;
}

enum rotation_kind hparams_rotation(const struct hparams *h, size_t i_layer)
{
    bool is_local = hparams_window(h, i_layer) > 0 && h->rotations[ROTATION_LOCAL].base > 0;
    return is_local ? ROTATION_LOCAL : ROTATION_MAIN;
}

size_t hparams_count(const struct hparams *h, enum extent extent)
{
    size_t n_q = h->n_heads * h->head_size, n_kv = h->n_kv_heads * h->head_size;
    switch (extent) {
    case EXTENT_ONE: return 1;
    case EXTENT_EMBD: return h->n_embd;
    case EXTENT_Q: return n_q;
    case EXTENT_KV: return n_kv;
    case EXTENT_HEAD: return h->head_size;
    case EXTENT_QKV: return n_q + 2 * n_kv;
    case EXTENT_FF: return h->n_ff;
    case EXTENT_GATE_UP: return 2 * h->n_ff;
    case EXTENT_VOCAB: return h->n_vocab;
    case EXTENT_ROPE_PAIRS: return h->n_rope / 2;
    case EXTENT_EXPERTS: return h->n_experts;
    case EXTENT_PATCH: return 3 * h->patch_side * h->patch_side;
    case EXTENT_POSITIONS: return h->patch_side ? h->context_tokens : 0;
    case EXTENT_MERGED: return 4 * h->n_embd;
    case EXTENT_PROJECTED: return h->n_projected;
    }
    return 0;
}

size_t hparams_widest_window(const struct hparams *hparams)
{
    for (size_t i = 0; i < hparams->n_layers; i++)
        if (hparams->sees_all[i]) return 0;
    return hparams->sliding_window;
}

struct weight_shape hparams_shape(const struct hparams *hparams, enum weight weight)
{
    const struct weight_role *role = &weight_roles[weight];
    return (struct weight_shape){.n_cols = hparams_count(hparams, role->n_cols),
                                 .n_rows = hparams_count(hparams, role->n_rows),
                                 .n_slices = role->is_of_experts ? hparams->n_experts : 1};
}

static bool refuse_shape(const struct tensor_info *tensor, struct weight_shape shape,
                         struct err *err)
{
    if (shape.n_slices == 1)
        return err_set(err, ERR_INPUT, "tensor %s is %zu x %zu, it should be %zu x %zu",
                       tensor->name, tensor->shape[0], tensor->n_rows, shape.n_cols, shape.n_rows);
    return err_set(err, ERR_INPUT, "tensor %s is %zu x %zu x %zu, it should be %zu x %zu x %zu",
                   tensor->name, tensor->shape[0], tensor->shape[1], tensor->shape[2], shape.n_cols,
                   shape.n_rows, shape.n_slices);
}

static bool check_tensor(const struct tensor_info *tensor, struct weight_shape shape,
                         struct err *err)
{
    const struct tensor_type_info *type = tensor_type_info(tensor->type);
    if (!type || !type->supported)
        return err_set(err, ERR_UNSUPPORTED, "not supported yet: tensor type %s (of %s)",
                       type ? type->name : "unknown", tensor->name);
    const size_t wanted[TENSOR_MAX_DIMENSIONS] = {shape.n_cols, shape.n_rows, shape.n_slices, 1};
    if (memcmp(tensor->shape, wanted, sizeof wanted) != 0) return refuse_shape(tensor, shape, err);
    if (shape.n_rows > 1 && pack_group_bytes(tensor->type, shape.n_cols) == 0)
        return err_set(err, ERR_INPUT, "rows of %zu values of tensor %s are no whole blocks of %s",
                       shape.n_cols, tensor->name, type->name);
    return true;
}

/* The matrices of experts used to be tensors of their own, "blk.0.ffn_up.1.weight". */
static bool refuse_missing(const struct source *source, const struct hparams *hparams,
                           enum weight weight, const char *name, struct err *err)
{
    char of_expert[WEIGHT_NAME_BYTES];
    const char *end = strstr(name, "_exps.");
    if (end) {
        snprintf(of_expert, sizeof of_expert, "%.*s.0.weight", (int)(end - name), name);
        if (source_find(source, of_expert))
            return err_set(err, ERR_UNSUPPORTED,
                           "not supported yet: experts in tensors of their own (%s), as files of "
                           "early 2024 have them: convert the model again",
                           of_expert);
    }
    return architecture_may_have(hparams->architecture, weight) ||
           err_set(err, ERR_INPUT, "tensor %s is missing", name);
}

/* Finds the tensor in a role that the architecture has; is_known [n_tensors] tells which tensors
 * have one. */
static bool resolve(const struct source *source, struct hparams *hparams, enum weight weight,
                    size_t i_layer, bool *is_known, struct err *err)
{
    char name[WEIGHT_NAME_BYTES];
    weight_name(hparams->architecture->prefix, weight, i_layer, name);
    const struct tensor_info *tensor = source_find(source, name);
    if (!tensor) return refuse_missing(source, hparams, weight, name, err);
    if (weight < WEIGHT_LAYER_COUNT) hparams->layers[i_layer][weight] = tensor;
    else hparams->others[weight - WEIGHT_LAYER_COUNT] = tensor;
    is_known[tensor - source->tensors] = true;
    return check_tensor(tensor, hparams_shape(hparams, weight), err);
}

/* The first layer tells. */
static bool is_fused(const struct source *source, const struct architecture *architecture)
{
    bool is = false;
    for (enum weight weight = 0; weight < WEIGHT_LAYER_COUNT; weight++) {
        char name[WEIGHT_NAME_BYTES];
        if (!architecture_has_fused(architecture, weight)) continue;
        weight_name(architecture->prefix, weight, 0, name);
        is = is || source_find(source, name);
    }
    return is;
}

static bool needs(const struct hparams *hparams, enum weight weight)
{
    const struct architecture *architecture = hparams->architecture;
    if (!hparams->is_fused) return architecture_needs(architecture, weight);
    return architecture_has_fused(architecture, weight) ||
           (architecture_needs(architecture, weight) &&
            !architecture_has_part(architecture, weight));
}

/* Of the tower too, where there is one. */
static bool resolve_all(const struct source *source, struct hparams *hparams, bool *is_known,
                        struct err *err)
{
    const struct architecture *architecture = hparams->architecture;
    if (!(hparams->layers = mem_new(hparams->n_layers, sizeof *hparams->layers, err))) return false;
    hparams->is_fused = is_fused(source, architecture);
    for (enum weight weight = 0; weight < WEIGHT_COUNT; weight++) {
        bool has = needs(hparams, weight) || architecture_may_have(architecture, weight);
        size_t n_times = weight < WEIGHT_LAYER_COUNT ? hparams->n_layers : 1;
        for (size_t i = 0; has && i < n_times; i++)
            if (!resolve(source, hparams, weight, i, is_known, err)) return false;
    }
    hparams->is_tied = !hparams_tensor(hparams, WEIGHT_OUTPUT, 0);
    return !hparams->vision || resolve_all(source, hparams->vision, is_known, err);
}

static bool read_tensors(const struct source *source, struct hparams *hparams, struct err *err)
{
    bool *is_known = mem_new(source->n_tensors, sizeof *is_known, err);
    bool ok = is_known && resolve_all(source, hparams, is_known, err);
    for (size_t i = 0; ok && i < source->n_tensors; i++)
        if (!is_known[i])
            ok = err_set(err, ERR_UNSUPPORTED, "not supported yet: tensor %s in a %s model",
                         source->tensors[i].name, hparams->architecture->name);
    free(is_known);
    return ok;
}

bool hparams_read(const struct source *source, struct hparams *hparams, struct err *err)
{
    memset(hparams, 0, sizeof *hparams);
    if (hparams_read_keys(source, hparams, err) && read_tensors(source, hparams, err) &&
        hparams_check_stretch(source, hparams, err))
        return true;
    hparams_done(hparams);
    return err_place(err, source->path, 0, 0);
}

void hparams_done(struct hparams *hparams)
{
    if (hparams->vision) hparams_done(hparams->vision);
    free(hparams->vision);
    hparams->vision = NULL;
    free(hparams->layers);
    hparams->layers = NULL;
    free(hparams->masked);
    hparams->masked = NULL;
}
