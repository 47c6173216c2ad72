/* weight.c - see weight.h. A row for each role.
 *
 * Whoever adds an architecture adds roles if it has tensors that none before it had.
 */
#include "engine/weight.h"

#include <stdio.h>

#define MATRIX(tensor, columns, rows)                                                              \
    {                                                                                              \
        .name = tensor ".weight", .n_cols = columns, .n_rows = rows                                \
    }
#define EXPERTS(tensor, columns, rows)                                                             \
    {                                                                                              \
        .name = tensor ".weight", .n_cols = columns, .n_rows = rows, .is_of_experts = true         \
    }
#define VECTOR(name, n) MATRIX(name, n, EXTENT_ONE)
/* A vector that is an input, and no factor. */
#define VALUES(tensor, n)                                                                          \
    {                                                                                              \
        .name = tensor ".weight", .n_cols = n, .n_rows = EXTENT_ONE, .is_bias = true               \
    }
#define BIAS(tensor, n)                                                                            \
    {                                                                                              \
        .name = tensor ".bias", .n_cols = n, .n_rows = EXTENT_ONE, .is_bias = true                 \
    }

const struct weight_role weight_roles[WEIGHT_COUNT] = {
    [WEIGHT_ATTN_NORM] = VECTOR("attn_norm", EXTENT_EMBD),
    [WEIGHT_ATTN_NORM_BIAS] = BIAS("attn_norm", EXTENT_EMBD),
    [WEIGHT_ATTN_QKV] = MATRIX("attn_qkv", EXTENT_EMBD, EXTENT_QKV),
    [WEIGHT_ATTN_QKV_BIAS] = BIAS("attn_qkv", EXTENT_QKV),
    [WEIGHT_ATTN_Q] = MATRIX("attn_q", EXTENT_EMBD, EXTENT_Q),
    [WEIGHT_ATTN_K] = MATRIX("attn_k", EXTENT_EMBD, EXTENT_KV),
    [WEIGHT_ATTN_V] = MATRIX("attn_v", EXTENT_EMBD, EXTENT_KV),
    [WEIGHT_ATTN_Q_BIAS] = BIAS("attn_q", EXTENT_Q),
    [WEIGHT_ATTN_K_BIAS] = BIAS("attn_k", EXTENT_KV),
    [WEIGHT_ATTN_V_BIAS] = BIAS("attn_v", EXTENT_KV),
    [WEIGHT_ATTN_Q_NORM] = VECTOR("attn_q_norm", EXTENT_HEAD),
    [WEIGHT_ATTN_K_NORM] = VECTOR("attn_k_norm", EXTENT_HEAD),
    [WEIGHT_ATTN_OUTPUT] = MATRIX("attn_output", EXTENT_Q, EXTENT_EMBD),
    [WEIGHT_ATTN_OUTPUT_BIAS] = BIAS("attn_output", EXTENT_EMBD),
    [WEIGHT_ATTN_POST_NORM] = VECTOR("post_attention_norm", EXTENT_EMBD),
    [WEIGHT_FFN_NORM] = VECTOR("ffn_norm", EXTENT_EMBD),
    [WEIGHT_FFN_NORM_BIAS] = BIAS("ffn_norm", EXTENT_EMBD),
    [WEIGHT_FFN_GATE_UP] = MATRIX("ffn_up", EXTENT_EMBD, EXTENT_GATE_UP),
    [WEIGHT_FFN_GATE_UP_BIAS] = BIAS("ffn_up", EXTENT_GATE_UP),
    [WEIGHT_FFN_GATE] = MATRIX("ffn_gate", EXTENT_EMBD, EXTENT_FF),
    [WEIGHT_FFN_UP] = MATRIX("ffn_up", EXTENT_EMBD, EXTENT_FF),
    [WEIGHT_FFN_UP_BIAS] = BIAS("ffn_up", EXTENT_FF),
    [WEIGHT_FFN_DOWN] = MATRIX("ffn_down", EXTENT_FF, EXTENT_EMBD),
    [WEIGHT_FFN_DOWN_BIAS] = BIAS("ffn_down", EXTENT_EMBD),
    [WEIGHT_FFN_POST_NORM] = VECTOR("post_ffw_norm", EXTENT_EMBD),
    [WEIGHT_FFN_ROUTER] = MATRIX("ffn_gate_inp", EXTENT_EMBD, EXTENT_EXPERTS),
    [WEIGHT_FFN_GATE_EXPS] = EXPERTS("ffn_gate_exps", EXTENT_EMBD, EXTENT_FF),
    [WEIGHT_FFN_UP_EXPS] = EXPERTS("ffn_up_exps", EXTENT_EMBD, EXTENT_FF),
    [WEIGHT_FFN_DOWN_EXPS] = EXPERTS("ffn_down_exps", EXTENT_FF, EXTENT_EMBD),
    [WEIGHT_TOKEN_EMBD] = MATRIX("token_embd", EXTENT_EMBD, EXTENT_VOCAB),
    [WEIGHT_OUTPUT_NORM] = VECTOR("output_norm", EXTENT_EMBD),
    [WEIGHT_OUTPUT_NORM_BIAS] = BIAS("output_norm", EXTENT_EMBD),
    [WEIGHT_OUTPUT] = MATRIX("output", EXTENT_EMBD, EXTENT_VOCAB),
    [WEIGHT_OUTPUT_BIAS] = BIAS("output", EXTENT_VOCAB),
    [WEIGHT_ROPE_FREQS] = VECTOR("rope_freqs", EXTENT_ROPE_PAIRS),
    [WEIGHT_ROPE_FACTORS_SHORT] = VECTOR("rope_factors_short", EXTENT_ROPE_PAIRS),
    [WEIGHT_ROPE_FACTORS_LONG] = VECTOR("rope_factors_long", EXTENT_ROPE_PAIRS),
    [WEIGHT_PATCH_EMBD] = MATRIX("patch_embd", EXTENT_PATCH, EXTENT_EMBD),
    [WEIGHT_CLASS_EMBD] = VALUES("class_embd", EXTENT_EMBD),
    [WEIGHT_POSITION_EMBD] = MATRIX("position_embd", EXTENT_EMBD, EXTENT_POSITIONS),
    [WEIGHT_INPUT_NORM] = VECTOR("pre_ln", EXTENT_EMBD),
    [WEIGHT_INPUT_NORM_BIAS] = BIAS("pre_ln", EXTENT_EMBD),
    [WEIGHT_ROW_END] = VALUES("sub_gn", EXTENT_MERGED),
    [WEIGHT_PICTURE_END] = VALUES("glb_gn", EXTENT_MERGED),
    [WEIGHT_MERGE_UP] = MATRIX("mm.0", EXTENT_MERGED, EXTENT_PROJECTED),
    [WEIGHT_MERGE_UP_BIAS] = BIAS("mm.0", EXTENT_PROJECTED),
    [WEIGHT_MERGE_OUT] = MATRIX("mm.2", EXTENT_PROJECTED, EXTENT_PROJECTED),
    [WEIGHT_MERGE_OUT_BIAS] = BIAS("mm.2", EXTENT_PROJECTED),
};

void weight_name(const char *prefix, enum weight weight, size_t i_layer,
                 char name[WEIGHT_NAME_BYTES])
{
    char layer[32] = "";
    if (weight < WEIGHT_LAYER_COUNT) snprintf(layer, sizeof layer, "blk.%zu.", i_layer);
    snprintf(name, WEIGHT_NAME_BYTES, "%s%s%s", prefix ? prefix : "", layer,
             weight_roles[weight].name);
}
