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
    .hf =
        {
            .classes = {"Phi3SmallForCausalLM", "phi3small"},
            .tensors =
                {
                    {WEIGHT_ATTN_QKV, "self_attn.query_key_value.weight", HF_ROWS_BY_KV_HEAD},
                    {WEIGHT_ATTN_QKV_BIAS, "self_attn.query_key_value.bias", HF_ROWS_BY_KV_HEAD},
                    {WEIGHT_ATTN_OUTPUT, "self_attn.dense.weight", HF_ROWS_SAME},
                    {WEIGHT_ATTN_OUTPUT_BIAS, "self_attn.dense.bias", HF_ROWS_SAME},
                    {WEIGHT_FFN_GATE_UP, "mlp.up_proj.weight", HF_ROWS_ALTERNATING},
                    {WEIGHT_FFN_GATE_UP_BIAS, "mlp.up_proj.bias", HF_ROWS_ALTERNATING},
                    {WEIGHT_OUTPUT_NORM, "model.final_layernorm.weight", HF_ROWS_SAME},
                    {WEIGHT_OUTPUT_NORM_BIAS, "model.final_layernorm.bias", HF_ROWS_SAME},
                },
            .keys =
                {
                    {NULL, "attention.layer_norm_rms_epsilon", HF_NUMBER, HF_LEFT_OUT, 0},
                    {"layer_norm_epsilon", "attention.layer_norm_epsilon", HF_NUMBER, HF_REFUSED,
                     0},
                    {"ff_intermediate_size", "feed_forward_length", HF_SIZE, HF_REFUSED, 0},
                    {"rope_embedding_base", "rope.freq_base", HF_NUMBER, HF_REFUSED, 0},
                    {"blocksparse_block_size", "attention.block_size", HF_SIZE, HF_REFUSED, 0},
                    {"blocksparse_num_local_blocks", "attention.local_blocks", HF_SIZE, HF_REFUSED,
                     0},
                    {"blocksparse_vert_stride", "attention.vertical_stride", HF_SIZE, HF_REFUSED,
                     0},
                    {"dense_attention_every_n_layers", "attention.dense_period", HF_SIZE,
                     HF_LEFT_OUT, 0},
                    {"mup_embedding_multiplier", "embedding_scale", HF_NUMBER, HF_REFUSED, 0},
                    {"mup_width_multiplier", "logit_divisor", HF_NUMBER, HF_REFUSED, 0},
                    {"gegelu_limit", "gegelu_limit", HF_NUMBER, HF_REFUSED, 0},
                },
            /* What the class of its tokenizer lists, and no file of the folder. */
            .ids = {{"dummy_token_indices", "masked_tokens",
                     "100256,100258-100260,100264-100265,100267-100351"}},
            .demands = {{"hidden_act", "gegelu"},
                        {"mup_use_scaling", "true"},
                        {"mup_attn_multiplier", "1"},
                        {"rope_position_scale", "1"},
                        {"blocksparse_homo_head_pattern", "false"}},
        },
};
