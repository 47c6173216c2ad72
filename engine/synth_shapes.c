/* synth_shapes.c - see synth_shapes.h. Whoever adds a row adds the published number of parameters
 * to test_hparams, if it is a real shape. Weights depend on nothing but the sizes, so that a row
 * that stands here keeps its values.
 */
#include "engine/synth_shapes.h"

#include <string.h>

#define SPARSE_KEYS(block, n_local, stride, period)                                                \
    {"attention.block_size", block, 0}, {"attention.local_blocks", n_local, 0},                    \
        {"attention.vertical_stride", stride, 0}, {"attention.dense_period", period, 0},           \
        {"embedding_scale", 0, 10}, {"logit_divisor", 0, 8},                                       \
    {                                                                                              \
        NULL, 0, 0                                                                                 \
    }
static const struct synth_key small_keys[] = {SPARSE_KEYS(64, 16, 8, 2)};
static const struct synth_key dense_keys[] = {SPARSE_KEYS(64, 16, 8, 1)};
static const struct synth_key tiny_small_keys[] = {SPARSE_KEYS(16, 2, 3, 2)};

/* CLIP's ViT-L/14-336 without the last of its layers. */
static const struct synth_tower clip_tower = {.n_layers = 23,
                                              .n_embd = 1024,
                                              .n_heads = 16,
                                              .n_ff = 4096,
                                              .image_side = 336,
                                              .patch_side = 14,
                                              .max_crops = 4};
static const struct synth_tower tiny_tower = {.n_layers = 2,
                                              .n_embd = 64,
                                              .n_heads = 2,
                                              .n_ff = 128,
                                              .image_side = 336,
                                              .patch_side = 14,
                                              .max_crops = 4};

/* name, architecture, layers, embedding, heads, KV heads, feed-forward, vocabulary */
static const struct synth_shape shapes[] = {
    {"phi-3-mini", "phi3", 32, 3072, 32, 32, 8192, 32064, .context = 4096, .window = 2047,
     .original = 4096},
    {"phi-3-medium", "phi3", 40, 5120, 40, 10, 17920, 32064, .context = 4096, .window = 2047,
     .original = 4096},
    {"tiny", "phi3", 2, 256, 4, 2, 512, 512, .context = 2048, .window = 255, .original = 2048},
    {"tiny-llama", "llama", 2, 256, 4, 2, 512, 512, .context = 2048},
    {"tiny-qwen2", "qwen2", 2, 256, 4, 2, 512, 512, .context = 2048},
    {"tiny-qwen3", "qwen3", 2, 256, 4, 2, 512, 512, .context = 2048, .head_size = 80,
     .is_tied = true},
    {"tiny-gemma", "gemma", 2, 256, 4, 4, 512, 512, .context = 2048, .head_size = 80,
     .is_tied = true},
    {"tiny-gemma2", "gemma2", 2, 256, 4, 2, 512, 512, .context = 2048, .window = 40,
     .head_size = 80, .is_tied = true},
    {"tiny-gemma3", "gemma3", 7, 256, 4, 1, 512, 512, .context = 2048, .window = 40,
     .head_size = 80, .rope_base = 1e6f, .is_tied = true},
    {"tiny-phi2", "phi2", 2, 256, 4, 4, 512, 512, .context = 2048, .n_rope = 24},
    {"qwen2.5-7b", "qwen2", 28, 3584, 28, 4, 18944, 152064, .context = 32768},
    {"phi-3-mini-128k", "phi3", 32, 3072, 32, 32, 8192, 32064, .context = 131072, .original = 4096},
    {"phi-3.5-mini", "phi3", 32, 3072, 32, 32, 8192, 32064, .context = 131072, .original = 4096},
    {"phi-3.5-vision", "phi3", 32, 3072, 32, 32, 8192, 32064, .context = 131072, .original = 4096,
     .tower = &clip_tower},
    {"phi-3-medium-128k", "phi3", 40, 5120, 40, 10, 17920, 32064, .context = 131072,
     .original = 4096},
    {"phi-4-mini", "phi3", 32, 3072, 24, 8, 8192, 200064, .context = 131072, .original = 4096,
     .n_rope = 96, .is_tied = true},
    {"tiny-long", "phi3", 2, 256, 2, 1, 512, 512, .context = 131072, .original = 4096,
     .head_size = 32},
    {"tiny-vision", "phi3", 2, 256, 4, 2, 512, 512, .context = 8192, .original = 4096,
     .tower = &tiny_tower},
    {"tiny-phi3small", "phi3small", 2, 256, 8, 2, 512, 512, .context = 2048, .rope_base = 1e6f,
     .is_tied = true, .keys = tiny_small_keys},
    {"phi-3-small", "phi3small", 32, 4096, 32, 8, 14336, 100352, .context = 8192, .rope_base = 1e6f,
     .is_tied = true, .keys = small_keys},
    {"phi-3-small-128k", "phi3small", 32, 4096, 32, 8, 14336, 100352, .context = 131072,
     .original = 8192, .rope_base = 1e6f, .is_tied = true, .keys = small_keys},
    /* Every layer sees all keys: what sparsity is measured against. */
    {"phi-3-small-dense", "phi3small", 32, 4096, 32, 8, 14336, 100352, .context = 8192,
     .rope_base = 1e6f, .is_tied = true, .keys = dense_keys},
    {"gemma-7b", "gemma", 28, 3072, 16, 16, 24576, 256000, .context = 8192, .head_size = 256,
     .epsilon = 1e-6f, .is_tied = true},
    {"gemma-2-2b", "gemma2", 26, 2304, 8, 4, 9216, 256000, .context = 8192, .window = 4096,
     .head_size = 256, .epsilon = 1e-6f, .is_tied = true},
    {"gemma-3-270m", "gemma3", 18, 640, 4, 1, 2048, 262144, .context = 32768, .window = 512,
     .head_size = 256, .rope_base = 1e6f, .epsilon = 1e-6f, .is_tied = true},
    {"gemma-3-1b", "gemma3", 26, 1152, 4, 1, 6912, 262144, .context = 32768, .window = 512,
     .head_size = 256, .rope_base = 1e6f, .epsilon = 1e-6f, .is_tied = true},
    {"gemma-3-4b", "gemma3", 34, 2560, 8, 4, 10240, 262208, .context = 131072, .window = 1024,
     .head_size = 256, .rope_base = 1e6f, .epsilon = 1e-6f, .is_tied = true},
    {"llama-3-8b", "llama", 32, 4096, 32, 8, 14336, 128256, .context = 8192, .rope_base = 5e5f},
    {"llama-3.1-8b", "llama", 32, 4096, 32, 8, 14336, 128256, .context = 131072, .rope_base = 5e5f},
    {"llama-3.2-1b", "llama", 16, 2048, 32, 8, 8192, 128256, .context = 131072, .rope_base = 5e5f,
     .is_tied = true},
    {"llama-3.2-3b", "llama", 28, 3072, 24, 8, 8192, 128256, .context = 131072, .rope_base = 5e5f,
     .is_tied = true},
    {"mistral-7b-v0.1", "llama", 32, 4096, 32, 8, 14336, 32000, .context = 32768, .window = 4096},
    {"mistral-7b-v0.3", "llama", 32, 4096, 32, 8, 14336, 32768, .context = 32768,
     .rope_base = 1e6f},
    {"smollm2-135m", "llama", 30, 576, 9, 3, 1536, 49152, .context = 8192, .rope_base = 1e5f,
     .is_tied = true},
    {"phi-2", "phi2", 32, 2560, 32, 32, 10240, 51200, .context = 2048, .n_rope = 32},
    {"qwen3-0.6b", "qwen3", 28, 1024, 16, 8, 3072, 151936, .context = 40960, .head_size = 128,
     .rope_base = 1e6f, .epsilon = 1e-6f, .is_tied = true},
    {"qwen3-4b", "qwen3", 36, 2560, 32, 8, 9728, 151936, .context = 40960, .head_size = 128,
     .rope_base = 1e6f, .epsilon = 1e-6f, .is_tied = true},
    {"qwen3-8b", "qwen3", 36, 4096, 32, 8, 12288, 151936, .context = 40960, .head_size = 128,
     .rope_base = 1e6f, .epsilon = 1e-6f},
    {"tiny-mixtral", "llama", 2, 256, 4, 2, 512, 512, .context = 2048, .n_experts = 4,
     .n_experts_used = 2},
    {"mixtral-8x7b", "llama", 32, 4096, 32, 8, 14336, 32000, .context = 32768, .rope_base = 1e6f,
     .n_experts = 8, .n_experts_used = 2},
    {"tiny-phimoe", "phimoe", 2, 256, 4, 2, 512, 512, .context = 2048, .n_experts = 5,
     .n_experts_used = 2},
    {"phi-3.5-moe", "phimoe", 32, 4096, 32, 8, 6400, 32064, .context = 131072, .original = 4096,
     .n_experts = 16, .n_experts_used = 2},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

const struct synth_shape *synth_shape_find(const char *name)
{
    for (size_t i = 0; i < N_SHAPES; i++)
        if (strcmp(name, shapes[i].name) == 0) return &shapes[i];
    return NULL;
}

const char *synth_shape_name(size_t i)
{
    return i < N_SHAPES ? shapes[i].name : NULL;
}
