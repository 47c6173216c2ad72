/* clip.c - the tower of Phi-3-vision and Phi-3.5-vision: CLIP's vision transformer (Radford et al.
 * 2021, ViT-L/14) up to the layer whose output they take, and what they make of it: two by two
 * patches side by side, projected to the language model's size (their image_embedding_phi3_v.py).
 *
 * In GGUF its tensors are called as a language model's, behind "v.", and its keys begin with
 * "clip.vision."; block_count are the layers that it has, without those past the one that is taken.
 */
#include "engine/arch/architecture_list.h"

const struct architecture architecture_clip = {
    .name = "clip.vision",
    .prefix = "v.",
    .input = BUFFER_PATCHES,
    .looks_ahead = true,
    .start =
        {
            {.run = step_quantize, .from = BUFFER_PATCHES, .to = BUFFER_PATCHES},
            {.run = step_project,
             .from = BUFFER_PATCHES,
             .to = BUFFER_DELTA,
             .matrices = {WEIGHT_PATCH_EMBD}},
            {.run = step_place,
             .to = BUFFER_STREAM,
             .vector = WEIGHT_POSITION_EMBD,
             .vector_bias = WEIGHT_CLASS_EMBD},
            {.run = step_layer_norm,
             .to = BUFFER_STREAM,
             .vector = WEIGHT_INPUT_NORM,
             .vector_bias = WEIGHT_INPUT_NORM_BIAS},
        },
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
             .biases = {WEIGHT_ATTN_Q_BIAS, WEIGHT_ATTN_K_BIAS, WEIGHT_ATTN_V_BIAS}},
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
             .to = BUFFER_HIDDEN,
             .matrices = {WEIGHT_FFN_UP},
             .biases = {WEIGHT_FFN_UP_BIAS}},
            {.run = step_gelu_quick, .from = BUFFER_HIDDEN, .to = BUFFER_HIDDEN},
            {.run = step_project,
             .from = BUFFER_HIDDEN,
             .to = BUFFER_DELTA,
             .matrices = {WEIGHT_FFN_DOWN},
             .biases = {WEIGHT_FFN_DOWN_BIAS}},
        },
    .end =
        {
            {.run = step_merge,
             .from = BUFFER_STREAM,
             .to = BUFFER_MERGED,
             .vector = WEIGHT_PICTURE_END,
             .vector_bias = WEIGHT_ROW_END},
            {.run = step_project,
             .from = BUFFER_MERGED,
             .to = BUFFER_PROJECTED,
             .matrices = {WEIGHT_MERGE_UP},
             .biases = {WEIGHT_MERGE_UP_BIAS}},
            {.run = step_gelu_erf, .from = BUFFER_PROJECTED, .to = BUFFER_PROJECTED},
            {.run = step_project,
             .from = BUFFER_PROJECTED,
             .to = BUFFER_SEEN,
             .matrices = {WEIGHT_MERGE_OUT},
             .biases = {WEIGHT_MERGE_OUT_BIAS}},
        },
};
