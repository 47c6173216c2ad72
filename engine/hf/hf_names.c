/* hf_names.c - see hf_names.h. A line for each role, as Llama's class has it, which most others
 * follow (transformers, modeling_llama.py).
 *
 * Roles without a line have no tensor in folders: hf_rope.c makes theirs from config.json.
 */
#include "engine/hf/hf_names.h"

#include <stdio.h>
#include <string.h>

static const char *const names[WEIGHT_COUNT] = {
    [WEIGHT_ATTN_NORM] = "input_layernorm.weight",
    [WEIGHT_ATTN_NORM_BIAS] = "input_layernorm.bias",
    [WEIGHT_ATTN_QKV] = "self_attn.qkv_proj.weight",
    [WEIGHT_ATTN_QKV_BIAS] = "self_attn.qkv_proj.bias",
    [WEIGHT_ATTN_Q] = "self_attn.q_proj.weight",
    [WEIGHT_ATTN_K] = "self_attn.k_proj.weight",
    [WEIGHT_ATTN_V] = "self_attn.v_proj.weight",
    [WEIGHT_ATTN_Q_BIAS] = "self_attn.q_proj.bias",
    [WEIGHT_ATTN_K_BIAS] = "self_attn.k_proj.bias",
    [WEIGHT_ATTN_V_BIAS] = "self_attn.v_proj.bias",
    [WEIGHT_ATTN_Q_NORM] = "self_attn.q_norm.weight",
    [WEIGHT_ATTN_K_NORM] = "self_attn.k_norm.weight",
    [WEIGHT_ATTN_OUTPUT] = "self_attn.o_proj.weight",
    [WEIGHT_ATTN_OUTPUT_BIAS] = "self_attn.o_proj.bias",
    [WEIGHT_ATTN_POST_NORM] = "post_attention_layernorm.weight",
    [WEIGHT_FFN_NORM] = "post_attention_layernorm.weight",
    [WEIGHT_FFN_NORM_BIAS] = "post_attention_layernorm.bias",
    [WEIGHT_FFN_GATE_UP] = "mlp.gate_up_proj.weight",
    [WEIGHT_FFN_GATE_UP_BIAS] = "mlp.gate_up_proj.bias",
    [WEIGHT_FFN_GATE] = "mlp.gate_proj.weight",
    [WEIGHT_FFN_UP] = "mlp.up_proj.weight",
    [WEIGHT_FFN_UP_BIAS] = "mlp.up_proj.bias",
    [WEIGHT_FFN_DOWN] = "mlp.down_proj.weight",
    [WEIGHT_FFN_DOWN_BIAS] = "mlp.down_proj.bias",
    [WEIGHT_FFN_POST_NORM] = "post_feedforward_layernorm.weight",
    [WEIGHT_TOKEN_EMBD] = "model.embed_tokens.weight",
    [WEIGHT_OUTPUT_NORM] = "model.norm.weight",
    [WEIGHT_OUTPUT_NORM_BIAS] = "model.norm.bias",
    [WEIGHT_OUTPUT] = "lm_head.weight",
    [WEIGHT_OUTPUT_BIAS] = "lm_head.bias",
};

/* Halves of a head stay where they are, but for architectures whose pairs GGUF has side by side. */
static bool is_rotated(enum weight weight)
{
    return weight == WEIGHT_ATTN_Q || weight == WEIGHT_ATTN_K || weight == WEIGHT_ATTN_Q_BIAS ||
           weight == WEIGHT_ATTN_K_BIAS;
}

struct hf_tensor hf_tensor_of(const struct architecture *architecture, enum weight weight)
{
    bool is_paired = architecture->is_interleaved && is_rotated(weight);
    struct hf_tensor tensor = {
        .weight = weight,
        .name = names[weight],
        .rows = is_paired ? HF_ROWS_PAIRED : HF_ROWS_SAME,
    };
    const struct hf_tensor *own = architecture->hf.tensors;
    for (size_t i = 0; i < HF_TENSORS && own[i].weight != WEIGHT_NONE; i++) {
        if (own[i].weight != weight) continue;
        if (own[i].name) tensor.name = own[i].name;
        if (own[i].rows != HF_ROWS_SAME) tensor.rows = own[i].rows;
    }
    return tensor;
}

const char *hf_layers(const struct architecture *architecture)
{
    return architecture->hf.layers ? architecture->hf.layers : "model.layers.";
}

bool hf_name(const struct architecture *architecture, const struct hf_tensor *tensor,
             size_t i_layer, size_t i_slice, char name[HF_NAME_BYTES])
{
    char layer[HF_NAME_BYTES] = "", slice[32] = "";
    size_t n_before = strcspn(tensor->name, "*");
    const char *star = tensor->name + n_before;
    if (tensor->weight < WEIGHT_LAYER_COUNT)
        snprintf(layer, sizeof layer, "%s%zu.", hf_layers(architecture), i_layer);
    if (*star) snprintf(slice, sizeof slice, "%zu", i_slice);
    int n = snprintf(name, HF_NAME_BYTES, "%s%.*s%s%s", layer, (int)n_before, tensor->name, slice,
                     *star ? star + 1 : "");
    return n > 0 && n < HF_NAME_BYTES;
}
