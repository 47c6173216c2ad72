/* phi3small.c - Phi-3-small (Abdin et al. 2024): a pre-norm transformer with LayerNorm, biases
 * everywhere, rotated halves of heads and grouped query attention, which is block-sparse in all but
 * every second layer (hparams.h); a GELU-gated feed-forward with limits. Its widths are scaled as
 * muP does it (Yang et al. 2022): embeddings, scores and logits. The embedding makes the logits,
 * and ids that stand for nothing get none.
 *
 * GGUF has no form for it: docs/gguf.md describes ours.
 */
#include "engine/arch/architecture_list.h"

const struct architecture architecture_phi3small = {
    .name = "phi3small",
    .start = {{.run = step_rotation}, {.run = step_scale_embedding}},
    .layer =
        {
            {.run = step_layer_norm,
             .to = BUFFER_NORMED,
             .vector = WEIGHT_ATTN_NORM,
             .vector_bias = WEIGHT_ATTN_NORM_BIAS},
            {.run = step_project,
             .from = BUFFER_NORMED,
             .to = BUFFER_QKV,
             .matrices = {WEIGHT_ATTN_QKV},
             .biases = {WEIGHT_ATTN_QKV_BIAS}},
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
            {.run = step_project,
             .from = BUFFER_NORMED,
             .to = BUFFER_GATE_UP,
             .matrices = {WEIGHT_FFN_GATE_UP},
             .biases = {WEIGHT_FFN_GATE_UP_BIAS}},
            {.run = step_gate_gegelu, .from = BUFFER_GATE_UP, .to = BUFFER_HIDDEN},
            {.run = step_project,
             .from = BUFFER_HIDDEN,
             .to = BUFFER_DELTA,
             .matrices = {WEIGHT_FFN_DOWN},
             .biases = {WEIGHT_FFN_DOWN_BIAS}},
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
             .matrices = {WEIGHT_OUTPUT}},
            {.run = step_finish_logits, .from = BUFFER_LOGITS, .to = BUFFER_LOGITS},
        },
    .optional = {WEIGHT_OUTPUT, WEIGHT_ROPE_FACTORS_SHORT, WEIGHT_ROPE_FACTORS_LONG},
    .scales_embedding = true,
    .divides_by_head_size = true,
    .stretched_context = 131072,
    .stretched_from = 8192,
};
