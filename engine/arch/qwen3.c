/* qwen3.c - Qwen3 (Qwen Team 2025, arXiv 2505.09388), dense: as Qwen2 without biases, with norms
 * of each head of Q and K before the rotation. Heads may be wider than the embedding divided. The
 * smaller models are tied.
 */
#include "engine/arch/architecture_list.h"

const struct architecture architecture_qwen3 = {
    .name = "qwen3",
    .start = {{.run = step_rotation}},
    .layer =
        {
            {.run = step_norm, .to = BUFFER_NORMED, .vector = WEIGHT_ATTN_NORM},
            {.run = step_project,
             .from = BUFFER_NORMED,
             .to = BUFFER_QKV,
             .matrices = {WEIGHT_ATTN_Q, WEIGHT_ATTN_K, WEIGHT_ATTN_V}},
            {.run = step_norm_q,
             .from = BUFFER_QKV,
             .to = BUFFER_QKV,
             .vector = WEIGHT_ATTN_Q_NORM},
            {.run = step_norm_k,
             .from = BUFFER_QKV,
             .to = BUFFER_QKV,
             .vector = WEIGHT_ATTN_K_NORM},
            {.run = step_store, .from = BUFFER_QKV, .to = BUFFER_QKV},
            {.run = step_attend, .from = BUFFER_QKV, .to = BUFFER_ATTENDED},
            {.run = step_quantize, .from = BUFFER_ATTENDED, .to = BUFFER_ATTENDED},
            {.run = step_project,
             .from = BUFFER_ATTENDED,
             .to = BUFFER_DELTA,
             .matrices = {WEIGHT_ATTN_OUTPUT}},
            {.run = step_norm, .to = BUFFER_NORMED, .vector = WEIGHT_FFN_NORM},
            {.run = step_project,
             .from = BUFFER_NORMED,
             .to = BUFFER_GATE_UP,
             .matrices = {WEIGHT_FFN_GATE, WEIGHT_FFN_UP}},
            {.run = step_gate_silu, .from = BUFFER_GATE_UP, .to = BUFFER_HIDDEN},
            {.run = step_project,
             .from = BUFFER_HIDDEN,
             .to = BUFFER_DELTA,
             .matrices = {WEIGHT_FFN_DOWN}},
        },
    .end =
        {
            {.run = step_norm, .to = BUFFER_NORMED, .vector = WEIGHT_OUTPUT_NORM},
            {.run = step_project,
             .from = BUFFER_NORMED,
             .to = BUFFER_LOGITS,
             .matrices = {WEIGHT_OUTPUT}},
        },
    .optional = {WEIGHT_OUTPUT},
    .has_no_window = true,
    .hf = {.classes = {"Qwen3ForCausalLM", "qwen3"},
           .demands = {{"hidden_act", "silu|swish"},
                       {"use_sliding_window", "false"},
                       {"attention_bias", "false"}}},
};
