/* gemma.c - Gemma (Gemma Team 2024, arXiv 2403.08295): a pre-norm transformer with RMSNorm, rotated
 * halves of heads that are wider than the embedding divided, and a GELU-gated feed-forward; no
 * biases. Embeddings, which make the logits too, are scaled. GGUF's converter has added 1 to what
 * norms multiply with, here and in Gemma 2 and 3.
 */
#include "engine/arch/architecture_list.h"

const struct architecture architecture_gemma = {
    .name = "gemma",
    .start = {{.run = step_rotation}, {.run = step_scale_embedding}},
    .layer =
        {
            {.run = step_norm, .to = BUFFER_NORMED, .vector = WEIGHT_ATTN_NORM},
            {.run = step_project,
             .from = BUFFER_NORMED,
             .to = BUFFER_QKV,
             .matrices = {WEIGHT_ATTN_Q, WEIGHT_ATTN_K, WEIGHT_ATTN_V}},
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
            {.run = step_gate_gelu, .from = BUFFER_GATE_UP, .to = BUFFER_HIDDEN},
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
    .scales_embedding = true,
    .hf = {.classes = {"GemmaForCausalLM", "gemma"},
           .demands = {{"hidden_act", "gelu|gelu_pytorch_tanh"}, /* both are the one with tanh */
                       {"hidden_activation", "gelu_pytorch_tanh"}},
           .is_norm_offset = true},
};
