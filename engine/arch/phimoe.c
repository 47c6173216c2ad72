/* phimoe.c - Phi-3.5-MoE (Abdin et al. 2024): LayerNorm, biases on all of attention and on the
 * logits, rotated halves of heads, and in place of a feed-forward a mixture of experts, chosen by
 * the sparse mixer. What it chooses is the reference's (modeling_phimoe.py in `transformers`), not
 * the renormalized softmax of llama.cpp.
 */
#include "engine/arch/architecture_list.h"

const struct architecture architecture_phimoe = {
    .name = "phimoe",
    .start = {{.run = step_rotation}},
    .layer =
        {
            {.run = step_layer_norm,
             .to = BUFFER_NORMED,
             .vector = WEIGHT_ATTN_NORM,
             .vector_bias = WEIGHT_ATTN_NORM_BIAS},
            {.run = step_project,
             .from = BUFFER_NORMED,
             .to = BUFFER_QKV,
             .matrices = {WEIGHT_ATTN_Q, WEIGHT_ATTN_K, WEIGHT_ATTN_V},
             .biases = {WEIGHT_ATTN_Q_BIAS, WEIGHT_ATTN_K_BIAS, WEIGHT_ATTN_V_BIAS}},
            {.run = step_store, .from = BUFFER_QKV, .to = BUFFER_QKV},
            {.run = step_attend, .from = BUFFER_QKV, .to = BUFFER_ATTENDED},
            {.run = step_quantize, .from = BUFFER_ATTENDED, .to = BUFFER_ATTENDED},
            {.run = step_project,
             .from = BUFFER_ATTENDED,
             .to = BUFFER_DELTA,
             .matrices = {WEIGHT_ATTN_OUTPUT},
             .biases = {WEIGHT_ATTN_OUTPUT_BIAS}},
            {.run = step_layer_norm,
             .to = BUFFER_NORMED,
             .vector = WEIGHT_FFN_NORM,
             .vector_bias = WEIGHT_FFN_NORM_BIAS},
            {.run = step_route_sparsemixer,
             .from = BUFFER_NORMED,
             .to = BUFFER_SCORES,
             .matrices = {WEIGHT_FFN_ROUTER}},
            {.run = step_gather, .from = BUFFER_NORMED, .to = BUFFER_ROUTED},
            {.run = step_project,
             .from = BUFFER_ROUTED,
             .to = BUFFER_GATE_UP,
             .matrices = {WEIGHT_FFN_GATE_EXPS, WEIGHT_FFN_UP_EXPS}},
            {.run = step_gate_silu, .from = BUFFER_GATE_UP, .to = BUFFER_HIDDEN},
            {.run = step_project,
             .from = BUFFER_HIDDEN,
             .to = BUFFER_EXPERTS,
             .matrices = {WEIGHT_FFN_DOWN_EXPS}},
            {.run = step_combine, .from = BUFFER_EXPERTS, .to = BUFFER_DELTA},
        },
    .end =
        {
            {.run = step_layer_norm,
             .to = BUFFER_NORMED,
             .vector = WEIGHT_OUTPUT_NORM,
             .vector_bias = WEIGHT_OUTPUT_NORM_BIAS},
            {.run = step_project,
             .from = BUFFER_NORMED,
             .to = BUFFER_LOGITS,
             .matrices = {WEIGHT_OUTPUT},
             .biases = {WEIGHT_OUTPUT_BIAS}},
        },
    .has_experts = true,
    .stretched_context = 131072,
    .stretched_from = 4096,
};
