/* hparams.h - what kind of model a source holds: architecture, sizes, and which tensors it must
 * have.
 *
 * Reads metadata and the tensor table and believes neither: every tensor of the source is known
 * here and has exactly the shape that the sizes demand. Reads no weights. Key and tensor names:
 * GGUF specification (ggml docs/gguf.md).
 */
#ifndef PHIBENCH_ENGINE_HPARAMS_H
#define PHIBENCH_ENGINE_HPARAMS_H

#include "engine/engine.h"
#include "engine/source.h"

enum architecture {
    ARCHITECTURE_PHI3, /* fused QKV and gate-up, half-split rotation, sliding window */
    ARCHITECTURE_LLAMA /* separate matrices, interleaved rotation */
};

struct hparams {
    enum architecture architecture;
    size_t n_layers, n_embd, n_heads, n_kv_heads, head_size, n_ff, n_vocab;
    size_t n_rope;         /* values of a head that are rotated: even, at most head_size */
    size_t context_tokens; /* at most what angles can be computed for */
    size_t sliding_window; /* keys a query attends to, its own included; 0: all */
    float rms_eps;
    float rope_base;
    float rope_scale; /* positions are divided by it (linear scaling), 1: none */
    bool is_tied;     /* no output matrix: the embedding is used */
};

/* The tensors of a model by their role; an architecture has some of them. */
enum weight {
    WEIGHT_ATTN_NORM,
    WEIGHT_ATTN_QKV, /* rows [Q | K | V] */
    WEIGHT_ATTN_Q,
    WEIGHT_ATTN_K,
    WEIGHT_ATTN_V,
    WEIGHT_ATTN_OUTPUT,
    WEIGHT_FFN_NORM,
    WEIGHT_FFN_GATE,
    WEIGHT_FFN_UP, /* phi3: rows [gate | up] */
    WEIGHT_FFN_DOWN,
    WEIGHT_LAYER_COUNT, /* those before it exist once a layer, those after it once */
    WEIGHT_TOKEN_EMBD = WEIGHT_LAYER_COUNT,
    WEIGHT_OUTPUT_NORM,
    WEIGHT_OUTPUT,
    WEIGHT_ROPE_FREQS, /* optional: divisors of the rotation's frequencies [n_rope / 2] */
    WEIGHT_COUNT
};

/* Fills *hparams and checks every tensor of the source. ERR_UNSUPPORTED for an architecture, a
 * feature, a tensor or a tensor type that is not in; ERR_INPUT where the file contradicts itself.
 */
bool hparams_read(const struct source *source, struct hparams *hparams, struct err *err)
    __attribute__((warn_unused_result));

/* The tensor in this role, NULL if the model has none. i_layer is ignored outside layers. */
const struct tensor_info *hparams_tensor(const struct source *source, enum weight weight,
                                         size_t i_layer);

/* Everything that the file alone can tell: isa and packed_bytes stay 0. Strings belong to the
 * source. Fails as hparams_read does. */
bool model_info_fill(const struct source *source, struct model_info *info, struct err *err)
    __attribute__((warn_unused_result));

#endif
