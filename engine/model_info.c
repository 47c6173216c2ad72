/* model_info.c - what a source tells of a model without its weights being read: sizes, and sums
 * over its tensors. See hparams.h.
 */
#include "engine/hparams.h"

#include "engine/kernels/kv_layout.h"
#include "engine/kernels/pack.h"
#include "engine/mixture.h"

#include <string.h>

static bool is_rotation_table(const struct hparams *hparams, const struct tensor_info *tensor)
{
    return tensor == hparams_tensor(hparams, WEIGHT_ROPE_FREQS, 0) ||
           tensor == hparams_tensor(hparams, WEIGHT_ROPE_FACTORS_SHORT, 0) ||
           tensor == hparams_tensor(hparams, WEIGHT_ROPE_FACTORS_LONG, 0);
}

/* No token passes it. */
static bool is_of_tower(const struct hparams *hparams, const struct tensor_info *tensor)
{
    const char *prefix = hparams->vision ? hparams->vision->architecture->prefix : NULL;
    return prefix && strncmp(tensor->name, prefix, strlen(prefix)) == 0;
}

/* Sums over all tensors, and over the matrices that a token passes: of a layer's experts those that
 * it uses. */
static void sum_tensors(const struct source *source, const struct hparams *hparams,
                        struct model_info *info)
{
    uint64_t type_bytes[TENSOR_TYPE_LIMIT] = {0};
    enum tensor_type most = TENSOR_F32;
    for (size_t i = 0; i < source->n_tensors; i++) {
        const struct tensor_info *tensor = &source->tensors[i];
        if (is_rotation_table(hparams, tensor)) continue;
        size_t n_used = tensor->shape[2] > 1 ? hparams->n_experts_used : 1;
        uint64_t n_values = (uint64_t)tensor->shape[0] * tensor->shape[1] * n_used;
        uint64_t n_groups = (tensor->shape[1] + ROW_GROUP - 1) / ROW_GROUP * n_used;
        info->n_params += (uint64_t)tensor->shape[0] * tensor->n_rows;
        if (is_of_tower(hparams, tensor)) continue;
        info->n_active_params += n_values;
        if (tensor->n_dimensions < 2) {
            info->read_bytes_per_token += n_values * sizeof(float);
            continue;
        }
        bool is_embedding = tensor == hparams_tensor(hparams, WEIGHT_TOKEN_EMBD, 0);
        if (!is_embedding && tensor != hparams_tensor(hparams, WEIGHT_OUTPUT, 0)) {
            type_bytes[tensor->type] += (uint64_t)tensor->row_bytes * tensor->n_rows;
            if (type_bytes[tensor->type] > type_bytes[most]) most = tensor->type;
        }
        if (is_embedding && !hparams->is_tied) continue;
        info->macs_per_token += n_values;
        info->read_bytes_per_token += n_groups * pack_group_bytes(tensor->type, tensor->shape[0]);
    }
    info->quantization = mixture_type_name(most, hparams->file_type);
}

void model_info_fill(const struct source *source, const struct hparams *hparams,
                     struct model_info *info)
{
    *info = (struct model_info){
        .path = source->path,
        .name = hparams->name,
        .architecture = hparams->architecture->name,
        .n_bytes = source->n_bytes,
        .n_layers = (int)hparams->n_layers,
        .n_embd = (int)hparams->n_embd,
        .n_heads = (int)hparams->n_heads,
        .n_kv_heads = (int)hparams->n_kv_heads,
        .head_size = (int)hparams->head_size,
        .n_ff = (int)hparams->n_ff,
        .n_experts = (int)hparams->n_experts,
        .n_experts_used = (int)hparams->n_experts_used,
        .n_vocab = (int)hparams->n_vocab,
        .context_tokens = (int)hparams->context_tokens,
        .sliding_window = (int)hparams->sliding_window,
        .block_keys = (int)hparams->blocks.n_keys,
        .local_blocks = (int)hparams->blocks.n_local,
        .block_stride = (int)hparams->blocks.stride,
        .dense_period = (int)hparams->dense_period,
        .short_tokens = (int)hparams->short_tokens,
        .synthetic = source->synthetic,
    };
    if (hparams->vision) {
        info->vision_side = (int)hparams->vision->image_side;
        info->vision_patch = (int)hparams->vision->patch_side;
        info->vision_layers = (int)hparams->vision->n_layers;
        info->vision_width = (int)hparams->vision->n_embd;
        info->vision_crops = (int)hparams->vision->max_crops;
    }
    sum_tensors(source, hparams, info);
    for (size_t i = 0; i < hparams->n_layers; i++)
        info->n_windowed += hparams_window(hparams, i) > 0;
    for (enum kv_type type = 0; type < KV_TYPE_COUNT; type++) {
        size_t head_bytes = kv_k_bytes(type, hparams->head_size);
        head_bytes += kv_v_bytes(type, hparams->head_size);
        info->kv_token_bytes[type] =
            hparams->n_layers * hparams->n_kv_heads * (head_bytes / SESSION_PAGE_TOKENS);
    }
}
