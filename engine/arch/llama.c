/* llama.c - Llama 2 and 3 (Touvron et al. 2023, Grattafiori et al. 2024) and what is built like
 * them: a pre-norm transformer with RMSNorm, grouped query attention and a SiLU-gated feed-forward;
 * no biases. GGUF's converter has put the rotated pairs side by side. Llama 3.1 and later have
 * divisors of the rotation's frequencies.
 */
#include "engine/arch/architecture_list.h"

const struct architecture architecture_llama = {
    .name = "llama",
    .start = {{.run = step_rotation}},
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
    .optional = {WEIGHT_OUTPUT, WEIGHT_ROPE_FREQS},
    .is_interleaved = true,
    .hf = {.classes = {"LlamaForCausalLM", "MistralForCausalLM", "llama", "mistral"},
           .keys = {{"sliding_window", "attention.sliding_window", HF_SIZE, HF_LEFT_OUT, 0}},
           .demands = {{"hidden_act", "silu|swish"}}},
};
