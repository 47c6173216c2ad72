/* gemma3.c - the text models of Gemma 3 (Gemma Team 2025, arXiv 2503.19786): as Gemma 2, with norms
 * of Q and K in place of soft caps, and of six layers five with a window and a rotation of their
 * own. What a block adds to the stream is normed before; embeddings, which make the logits too, are
 * scaled.
 */
#include "engine/arch/architecture_list.h"

const struct architecture architecture_gemma3 = {
    .name = "gemma3",
    .start = {{.run = step_rotation}, {.run = step_scale_embedding}},
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
            {.run = step_norm_delta, .to = BUFFER_DELTA, .vector = WEIGHT_ATTN_POST_NORM},
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
            {.run = step_norm_delta, .to = BUFFER_DELTA, .vector = WEIGHT_FFN_POST_NORM},
        },
    .end =
        {
            {.run = step_norm, .to = BUFFER_NORMED, .vector = WEIGHT_OUTPUT_NORM},
            {.run = step_project,
             .from = BUFFER_NORMED,
             .to = BUFFER_LOGITS,
             .matrices = {WEIGHT_OUTPUT}},
            {.run = step_cap_logits, .from = BUFFER_LOGITS, .to = BUFFER_LOGITS},
        },
    .optional = {WEIGHT_OUTPUT},
    .scales_embedding = true,
    .window_period = 6,
    .local_rope_base = 10000,
    .wide_layers = 62, /* 27B */
};
