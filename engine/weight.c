/* weight.c - see weight.h. A row for each role.
 *
 * Whoever adds an architecture adds roles if it has tensors that none before it had.
 */
#include "engine/weight.h"

#include <stdio.h>

const struct weight_role weight_roles[WEIGHT_COUNT] = {
    [WEIGHT_ATTN_NORM] = {"attn_norm.weight", EXTENT_EMBD, EXTENT_ONE},
    [WEIGHT_ATTN_QKV] = {"attn_qkv.weight", EXTENT_EMBD, EXTENT_QKV},
    [WEIGHT_ATTN_Q] = {"attn_q.weight", EXTENT_EMBD, EXTENT_Q},
    [WEIGHT_ATTN_K] = {"attn_k.weight", EXTENT_EMBD, EXTENT_KV},
    [WEIGHT_ATTN_V] = {"attn_v.weight", EXTENT_EMBD, EXTENT_KV},
    [WEIGHT_ATTN_Q_BIAS] = {"attn_q.bias", EXTENT_Q, EXTENT_ONE, .is_bias = true},
    [WEIGHT_ATTN_K_BIAS] = {"attn_k.bias", EXTENT_KV, EXTENT_ONE, .is_bias = true},
    [WEIGHT_ATTN_V_BIAS] = {"attn_v.bias", EXTENT_KV, EXTENT_ONE, .is_bias = true},
    [WEIGHT_ATTN_OUTPUT] = {"attn_output.weight", EXTENT_Q, EXTENT_EMBD},
    [WEIGHT_FFN_NORM] = {"ffn_norm.weight", EXTENT_EMBD, EXTENT_ONE},
    [WEIGHT_FFN_GATE_UP] = {"ffn_up.weight", EXTENT_EMBD, EXTENT_GATE_UP},
    [WEIGHT_FFN_GATE] = {"ffn_gate.weight", EXTENT_EMBD, EXTENT_FF},
    [WEIGHT_FFN_UP] = {"ffn_up.weight", EXTENT_EMBD, EXTENT_FF},
    [WEIGHT_FFN_DOWN] = {"ffn_down.weight", EXTENT_FF, EXTENT_EMBD},
    [WEIGHT_TOKEN_EMBD] = {"token_embd.weight", EXTENT_EMBD, EXTENT_VOCAB},
    [WEIGHT_OUTPUT_NORM] = {"output_norm.weight", EXTENT_EMBD, EXTENT_ONE},
    [WEIGHT_OUTPUT] = {"output.weight", EXTENT_EMBD, EXTENT_VOCAB},
    [WEIGHT_ROPE_FREQS] = {"rope_freqs.weight", EXTENT_ROPE_PAIRS, EXTENT_ONE},
};

void weight_name(enum weight weight, size_t i_layer, char name[WEIGHT_NAME_BYTES])
{
    bool is_of_layer = weight < WEIGHT_LAYER_COUNT;
    int n = is_of_layer ? snprintf(name, WEIGHT_NAME_BYTES, "blk.%zu.", i_layer) : 0;
    snprintf(name + n, WEIGHT_NAME_BYTES - (size_t)n, "%s", weight_roles[weight].name);
}
