/* phi3.c - Phi-3-mini and -medium (Abdin et al. 2024): a pre-norm transformer with RMSNorm, rotated
 * halves of heads, grouped query attention and a SiLU-gated feed-forward; no biases. Q, K and V are
 * one matrix, and so are gate and up.
 */
#include "engine/arch/architecture_list.h"

const struct architecture architecture_phi3 = {
    .name = "phi3",
    .start = {{.run = step_rotation}},
    .layer =
        {
            {.run = step_norm, .to = BUFFER_NORMED, .vector = WEIGHT_ATTN_NORM},
            {.run = step_project,
             .from = BUFFER_NORMED,
             .to = BUFFER_QKV,
             .matrices = {WEIGHT_ATTN_QKV}},
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
             .matrices = {WEIGHT_FFN_GATE_UP}},
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
    .vision = &architecture_clip, /* Phi-3-vision and Phi-3.5-vision */
    .unsaid_window = 2047,        /* early files of the 4k models */
    .unsaid_window_context = 4096,
    .stretched_context = 131072,
    .stretched_from = 4096,
    .hf = {.classes = {"Phi3ForCausalLM", "phi3", "Phi3VForCausalLM", "phi3_v"},
           .keys = {{"sliding_window", "attention.sliding_window", HF_SIZE, HF_OTHERWISE, 0},
                    {"original_max_position_embeddings", "rope.scaling.original_context_length",
                     HF_SIZE, HF_LEFT_OUT, 0}},
           .demands = {{"hidden_act", "silu|swish"}}},
};
