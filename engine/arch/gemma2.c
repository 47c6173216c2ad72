/* gemma2.c - Gemma 2 (Gemma Team 2024, arXiv 2408.00118): as Gemma, with norms also of what a block
 * adds to the stream, soft caps of attention's scores and of the logits, and a window in every
 * other layer.
 */
#include "engine/arch/architecture_list.h"

const struct architecture architecture_gemma2 = {
    .name = "gemma2",
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
    .unsaid_window = 4096,
    .unsaid_window_context = 8192,
    .window_period = 2,
    .unsaid_score_cap = 50,
    .unsaid_logit_cap = 30,
    .wide_layers = 46, /* 27B */
    .hf = {.classes = {"Gemma2ForCausalLM", "gemma2"},
           .tensors = {{WEIGHT_FFN_NORM, "pre_feedforward_layernorm.weight", HF_ROWS_SAME}},
           .keys =
               {{"sliding_window", "attention.sliding_window", HF_SIZE, HF_OTHERWISE, 4096},
                {"query_pre_attn_scalar", "attention.scale", HF_INVERSE_ROOT, HF_OTHERWISE, 256},
                {"attn_logit_softcapping", "attn_logit_softcapping", HF_NUMBER, HF_OTHERWISE, 0},
                {"final_logit_softcapping", "final_logit_softcapping", HF_NUMBER, HF_OTHERWISE, 0}},
           .demands = {{"hidden_activation", "gelu_pytorch_tanh"}},
           .is_norm_offset = true},
};
