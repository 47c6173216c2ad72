/* mixtral.c - Mixtral 8x7B (Jiang et al. 2024): Llama, each of whose feed-forwards is a mixture of
 * experts behind a softmax router. GGUF calls it "llama" too, and tells it by its number of
 * experts.
 */
#include "engine/arch/architecture_list.h"

const struct architecture architecture_mixtral = {
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
            {.run = step_route_softmax,
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
            {.run = step_norm, .to = BUFFER_NORMED, .vector = WEIGHT_OUTPUT_NORM},
            {.run = step_project,
             .from = BUFFER_NORMED,
             .to = BUFFER_LOGITS,
             .matrices = {WEIGHT_OUTPUT}},
        },
    .optional = {WEIGHT_OUTPUT},
    .has_experts = true,
    .is_interleaved = true,
    .hf = {.classes = {"MixtralForCausalLM", "mixtral"},
           .tensors = {{WEIGHT_FFN_ROUTER, "block_sparse_moe.gate.weight", HF_ROWS_SAME},
                       {WEIGHT_FFN_GATE_EXPS, "block_sparse_moe.experts.*.w1.weight", HF_ROWS_SAME},
                       {WEIGHT_FFN_UP_EXPS, "block_sparse_moe.experts.*.w3.weight", HF_ROWS_SAME},
                       {WEIGHT_FFN_DOWN_EXPS, "block_sparse_moe.experts.*.w2.weight",
                        HF_ROWS_SAME}},
           .keys = {{"num_local_experts", "expert_count", HF_SIZE, HF_REFUSED, 0},
                    {"num_experts_per_tok", "expert_used_count", HF_SIZE, HF_REFUSED, 0},
                    {"sliding_window", "attention.sliding_window", HF_SIZE, HF_LEFT_OUT, 0}},
           .demands = {{"hidden_act", "silu|swish"}}},
};
