/* weight.h - the tensors that models are made of, by their roles: what each is called and how large
 * it is in terms of a model's sizes.
 *
 * The only place that knows GGUF's names of tensors (ggml docs/gguf.md); those of Hugging Face
 * stand in hf/hf_names.c. Which roles a model has is said by its architecture
 * (arch/architecture.h). Const tables.
 */
#ifndef PHIBENCH_ENGINE_WEIGHT_H
#define PHIBENCH_ENGINE_WEIGHT_H

#include <stdbool.h>
#include <stddef.h>

/* The roles of tensors; an architecture has some of them. */
enum weight {
    WEIGHT_NONE, /* ends lists of roles */
    WEIGHT_ATTN_NORM,
    WEIGHT_ATTN_NORM_BIAS,
    WEIGHT_ATTN_QKV, /* rows [Q | K | V] */
    WEIGHT_ATTN_QKV_BIAS,
    WEIGHT_ATTN_Q,
    WEIGHT_ATTN_K,
    WEIGHT_ATTN_V,
    WEIGHT_ATTN_Q_BIAS,
    WEIGHT_ATTN_K_BIAS,
    WEIGHT_ATTN_V_BIAS,
    WEIGHT_ATTN_Q_NORM, /* of each head */
    WEIGHT_ATTN_K_NORM,
    WEIGHT_ATTN_OUTPUT,
    WEIGHT_ATTN_OUTPUT_BIAS,
    WEIGHT_ATTN_POST_NORM, /* of what attention adds to the stream */
    WEIGHT_FFN_NORM,
    WEIGHT_FFN_NORM_BIAS,
    WEIGHT_FFN_GATE_UP, /* rows [gate | up]; GGUF calls it as it calls WEIGHT_FFN_UP */
    WEIGHT_FFN_GATE_UP_BIAS,
    WEIGHT_FFN_GATE,
    WEIGHT_FFN_UP,
    WEIGHT_FFN_UP_BIAS,
    WEIGHT_FFN_DOWN,
    WEIGHT_FFN_DOWN_BIAS,
    WEIGHT_FFN_POST_NORM, /* of what the feed-forward adds */
    WEIGHT_FFN_ROUTER,    /* a row for each expert */
    WEIGHT_FFN_GATE_EXPS, /* a matrix for each expert, one after the other */
    WEIGHT_FFN_UP_EXPS,
    WEIGHT_FFN_DOWN_EXPS,
    WEIGHT_LAYER_COUNT, /* those before it exist once a layer, those after it once */
    WEIGHT_TOKEN_EMBD = WEIGHT_LAYER_COUNT,
    WEIGHT_OUTPUT_NORM,
    WEIGHT_OUTPUT_NORM_BIAS,
    WEIGHT_OUTPUT,
    WEIGHT_OUTPUT_BIAS,
    WEIGHT_ROPE_FREQS,         /* divisors of the rotation's frequencies */
    WEIGHT_ROPE_FACTORS_SHORT, /* LongRoPE's, of shorter and of longer sequences */
    WEIGHT_ROPE_FACTORS_LONG,
    /* Of a tower, which has roles of layers as well. */
    WEIGHT_PATCH_EMBD,    /* of a patch's pixels: [3][side][side] */
    WEIGHT_CLASS_EMBD,    /* what stands before the patches */
    WEIGHT_POSITION_EMBD, /* a row for each place: the class's, then the patches' */
    WEIGHT_INPUT_NORM,
    WEIGHT_INPUT_NORM_BIAS,
    WEIGHT_ROW_END,     /* sub_GN: what stands behind each row of merged patches */
    WEIGHT_PICTURE_END, /* glb_GN: what stands between the crops and the whole picture */
    WEIGHT_MERGE_UP,    /* of merged patches to the language model's size */
    WEIGHT_MERGE_UP_BIAS,
    WEIGHT_MERGE_OUT,
    WEIGHT_MERGE_OUT_BIAS,
    WEIGHT_COUNT
};

/* How many columns or rows a tensor has, in terms of a model's sizes (hparams.h). */
enum extent {
    EXTENT_ONE, /* of rows: the tensor is a vector */
    EXTENT_EMBD,
    EXTENT_Q,
    EXTENT_KV,
    EXTENT_HEAD,
    EXTENT_QKV,
    EXTENT_FF,
    EXTENT_GATE_UP,
    EXTENT_VOCAB,
    EXTENT_ROPE_PAIRS,
    EXTENT_EXPERTS,
    EXTENT_PATCH,     /* values of a patch's pixels */
    EXTENT_POSITIONS, /* of a crop: its patches, and the class */
    EXTENT_MERGED,    /* four patches side by side */
    EXTENT_PROJECTED  /* the size of the language model's embeddings */
};

struct weight_role {
    const char *name; /* of the tensor; within layers "blk.3." stands before it */
    enum extent n_cols, n_rows;
    bool is_bias;       /* a vector of values around 0; those of others are around 1 */
    bool is_of_experts; /* such a matrix for each expert: a third dimension */
};
extern const struct weight_role weight_roles[WEIGHT_COUNT];

/* The whole name, "blk.3.attn_q.weight", behind the prefix of a tower, "v." (NULL: none); i_layer
 * is ignored outside layers. */
enum { WEIGHT_NAME_BYTES = 64 };
void weight_name(const char *prefix, enum weight weight, size_t i_layer,
                 char name[WEIGHT_NAME_BYTES]);

#endif
