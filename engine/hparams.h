/* hparams.h - what kind of model a source holds: architecture, sizes, and its tensors by their
 * roles.
 *
 * Reads metadata and the tensor table and believes neither: every tensor of the source has a role
 * and exactly the shape that the sizes demand. Reads no weights. Names of keys: GGUF specification
 * (ggml docs/gguf.md).
 */
#ifndef PHIBENCH_ENGINE_HPARAMS_H
#define PHIBENCH_ENGINE_HPARAMS_H

#include "engine/arch/architecture.h"
#include "engine/engine.h"
#include "engine/kernels/kernels.h"
#include "engine/source.h"

enum { HPARAMS_MAX_LAYERS = 1024, HPARAMS_MAX_EXPERTS = 256 };

/* Which rotation a layer's queries and keys get. */
enum rotation_kind {
    ROTATION_MAIN,
    ROTATION_LOCAL, /* of layers with a window, where it is another one */
    ROTATION_LONG,  /* LongRoPE: what ROTATION_MAIN is in long sequences */
    ROTATION_COUNT,
    ROTATION_OF_LAYERS = ROTATION_LONG /* those before it are what layers may take */
};

/* Of n_rope / 2 pairs the i-th turns by base^(-2i / n_rope) / scale radians a position (Su et al.
 * 2021, section 3.2.2). Cosine and sine are multiplied by magnitude. */
struct rotation {
    float base;  /* 0: the model has no such rotation */
    float scale; /* linear scaling of positions, 1: none */
    float magnitude;
    enum weight divisors; /* of the frequencies, a value for each pair; WEIGHT_NONE: none */
};

/* A tower that sees for a language model is a model inside it: tensors of the same source, called
 * "v.blk.3.attn_q.weight" as those of language models are (weight.h), and sizes of keys that begin
 * with its architecture's name: clip.vision.{block_count, embedding_length, feed_forward_length,
 * attention.head_count, attention.layer_norm_epsilon, image_size, patch_size}, and max_crops, which
 * need not be there. block_count are the layers up to the one whose output is taken, all that the
 * source has: 23 of CLIP's 24. A patch is a row of [3][side][side] pixels: v.patch_embd.weight is
 * 588 x 1024. */
struct hparams {
    const struct architecture *architecture;
    const char *name;  /* general.name, of the source; "" */
    int64_t file_type; /* general.file_type, -1 if the source does not say it */
    size_t n_layers, n_embd, n_heads, n_kv_heads, head_size, n_ff, n_vocab;
    size_t n_experts, n_experts_used; /* of a layer, and of these by a token; dense: 0 */
    size_t n_rope;         /* values of a head that are rotated: even, at most head_size */
    size_t context_tokens; /* at most what angles can be computed for */
    size_t sliding_window; /* keys a query attends to, its own included; 0: all */
    bool sees_all[HPARAMS_MAX_LAYERS]; /* layers to which the window does not apply */
    struct block_pattern blocks; /* of layers that do not see all keys; n_keys 0: all layers do */
    size_t dense_period;         /* every so many-th layer sees all keys; 0: none */
    float attention_scale;       /* of dot products */
    float attention_softcap;     /* of scores; 0: none */
    float logit_softcap;         /* 0: none */
    float norm_eps;
    float gegelu_limit, logit_divisor;
    int32_t *masked; /* [n_masked] ids that stand for nothing */
    size_t n_masked;
    float embedding_scale; /* what step_scale_embedding multiplies with */
    struct rotation rotations[ROTATION_COUNT];
    size_t short_tokens; /* longer sequences take ROTATION_LONG; 0: the model has none */
    /* Of a tower: sides of a crop and of its patches in pixels, the size of the rows that it makes;
     * and the crops of a picture at most, where nobody says how many. Others have 0. */
    size_t image_side, patch_side, n_projected, max_crops;
    struct hparams *vision; /* the tower that sees for it, of the same source; NULL: it has none */
    bool is_tied;           /* no output matrix: the embedding is used */
    bool is_fused;          /* it has the matrices that its architecture's steps call fused */
    /* The source's tensors by role, of layers and of the rest; NULL where the model has none. */
    const struct tensor_info *(*layers)[WEIGHT_LAYER_COUNT]; /* [n_layers] */
    const struct tensor_info *others[WEIGHT_COUNT - WEIGHT_LAYER_COUNT];
};

/* Fills *hparams and checks every tensor of the source, which must outlive it. ERR_UNSUPPORTED for
 * an architecture, a feature, a tensor or a tensor type that is not in; ERR_INPUT where the file
 * contradicts itself. Free with hparams_done; nothing is to be freed after a failure. */
bool hparams_read(const struct source *source, struct hparams *hparams, struct err *err)
    __attribute__((warn_unused_result));
void hparams_done(struct hparams *hparams);

/* The tensor in this role, NULL if the model has none. i_layer is ignored outside layers. */
const struct tensor_info *hparams_tensor(const struct hparams *hparams, enum weight weight,
                                         size_t i_layer);
/* Patches of a tower's crop along a side. */
static inline size_t hparams_patches(const struct hparams *hparams)
{
    return hparams->patch_side ? hparams->image_side / hparams->patch_side : 0;
}

/* The role whose matrix makes the logits: the embedding's where it is tied. */
enum weight hparams_logits_weight(const struct hparams *hparams);

/* The window of a layer, 0: none. */
static inline size_t hparams_window(const struct hparams *hparams, size_t i_layer)
{
    return hparams->sees_all[i_layer] ? 0 : hparams->sliding_window;
}

/* The blocks of keys that a layer's heads see; n_keys 0: all. */
static inline struct block_pattern hparams_blocks(const struct hparams *hparams, size_t i_layer)
{
    struct block_pattern blocks = hparams->blocks;
    if (layer_ends_period(i_layer, hparams->dense_period)) blocks.n_keys = 0;
    return blocks;
}

/* Where queries see the keys of the whole sequence, these are as many as the context has tokens; 0:
 * they see none that come after their own. */
static inline size_t hparams_keys_ahead(const struct hparams *hparams)
{
    return hparams->architecture->looks_ahead ? hparams->context_tokens : 0;
}

/* Layers whose keys and values are kept: of sequences that are one batch, only those of the layer
 * that is at work. */
static inline size_t hparams_kv_layers(const struct hparams *hparams)
{
    return hparams->architecture->looks_ahead ? 1 : hparams->n_layers;
}
static inline size_t hparams_kv_layer(const struct hparams *hparams, size_t i_layer)
{
    return hparams->architecture->looks_ahead ? 0 : i_layer;
}

/* The keys that a query of any layer attends to are among so many; 0: all. */
size_t hparams_widest_window(const struct hparams *hparams);

enum rotation_kind hparams_rotation(const struct hparams *h, size_t i_layer);

/* How many values the extent is of. */
size_t hparams_count(const struct hparams *h, enum extent extent);

struct weight_shape {
    size_t n_cols, n_rows; /* n_rows 1: a vector */
    size_t n_slices;       /* such matrices, one for each expert; otherwise 1 */
};
/* The shape that the sizes demand of a tensor in this role. */
struct weight_shape hparams_shape(const struct hparams *hparams, enum weight weight);

/* Everything that the file alone can tell: isa and packed_bytes are 0. Strings belong to the
 * source. */
void model_info_fill(const struct source *source, const struct hparams *hparams,
                     struct model_info *info);

#endif
