/* model.h - an opened model: weights repacked for the kernels, norms in float, the tokenizer.
 *
 * Const after model_open and shared between threads. The embedding is not kept in memory: its rows
 * are read from the source, which stays open for the model's life. Engine-internal twin of
 * engine.h.
 */
#ifndef PHIBENCH_ENGINE_MODEL_H
#define PHIBENCH_ENGINE_MODEL_H

#include "engine/hparams.h"
#include "engine/kernels/kernels.h"
#include "engine/tokenizer.h"

enum { PROJECTION_MAX_PARTS = 3 };

/* One or more matrices over the same input whose outputs stand side by side: [part 0 | part 1 |
 * ...]. */
struct projection {
    size_t n_parts;
    struct packed parts[PROJECTION_MAX_PARTS];
    const struct tensor_info *tensors[PROJECTION_MAX_PARTS]; /* of the source, one for each part */
    size_t i_projection;                                     /* among the model's */
    size_t n_rows, n_cols;                                   /* of all parts together; of each */
    bool needs[ACT_FORMAT_COUNT]; /* the formats in which the parts want their input */
};

/* Row groups of a part: a projection's are one sequence, through all of its parts. */
static inline size_t part_groups(const struct packed *part)
{
    return (part->n_rows + ROW_GROUP - 1) / ROW_GROUP;
}

static inline size_t projection_groups(const struct projection *projection)
{
    size_t n = 0;
    for (size_t i = 0; i < projection->n_parts; i++) n += part_groups(&projection->parts[i]);
    return n;
}

struct layer {
    float *attn_norm, *ffn_norm; /* [n_embd] */
    struct projection qkv;       /* rows [Q | K | V] */
    struct projection attn_output;
    struct projection gate_up; /* rows [gate | up] */
    struct projection ffn_down;
};

struct model {
    struct source *source;
    struct tokenizer *tokenizer;
    const struct kernels *kernels;
    struct hparams hparams;
    struct model_info info;
    const struct tensor_info *embedding; /* [n_vocab, n_embd] in the source */
    uint8_t *weights;                    /* what all projections point into, in their order */
    struct layer *layers;                /* [n_layers] */
    float *output_norm;                  /* [n_embd] */
    struct projection output;            /* rows: vocabulary */
    float *rope_frequencies;             /* [n_rope / 2], radians per position */
    /* All projections, in the order of a pass. */
    struct projection **projections;
    size_t n_projections;
};

/* Whether a model can be made of the source, but for what only its matrices can tell: everything
 * that model_open checks before it reads them. */
bool model_check(const struct source *source, struct err *err) __attribute__((warn_unused_result));

#endif
