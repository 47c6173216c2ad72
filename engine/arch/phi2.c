/* phi2.c - Phi-2 (Javaheripi, Bubeck 2023), and Phi-1 and 1.5 before it (Li et al. 2023): attention
 * and feed-forward side by side, both from one LayerNorm; biases everywhere; a part of each head is
 * rotated; GELU without a gate. The norm's rows are made anew for the feed-forward, since the last
 * layer goes on with fewer of them after attention.
 */
#include "engine/arch/architecture_list.h"

const struct architecture architecture_phi2 = {
    .name = "phi2",
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
             .biases = {WEIGHT_ATTN_Q_BIAS, WEIGHT_ATTN_K_BIAS, WEIGHT_ATTN_V_BIAS},
             .fused = WEIGHT_ATTN_QKV,
             .fused_bias = WEIGHT_ATTN_QKV_BIAS},
            {.run = step_store, .from = BUFFER_QKV, .to = BUFFER_QKV},
            {.run = step_attend, .from = BUFFER_QKV, .to = BUFFER_ATTENDED},
            {.run = step_quantize, .from = BUFFER_ATTENDED, .to = BUFFER_ATTENDED},
            {.run = step_layer_norm,
             .to = BUFFER_NORMED,
             .vector = WEIGHT_ATTN_NORM,
             .vector_bias = WEIGHT_ATTN_NORM_BIAS},
            {.run = step_project,
             .from = BUFFER_ATTENDED,
             .to = BUFFER_DELTA,
             .matrices = {WEIGHT_ATTN_OUTPUT},
             .biases = {WEIGHT_ATTN_OUTPUT_BIAS}},
            {.run = step_project,
             .from = BUFFER_NORMED,
             .to = BUFFER_HIDDEN,
             .matrices = {WEIGHT_FFN_UP},
             .biases = {WEIGHT_FFN_UP_BIAS}},
            {.run = step_gelu, .from = BUFFER_HIDDEN, .to = BUFFER_HIDDEN},
            {.run = step_project,
             .from = BUFFER_HIDDEN,
             .to = BUFFER_SECOND_DELTA,
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
             .matrices = {WEIGHT_OUTPUT},
             .biases = {WEIGHT_OUTPUT_BIAS}},
        },
};
