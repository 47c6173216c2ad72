/* model.h - an opened model: weights repacked for the kernels, norms in float, the tokenizer.
 *
 * Const after model_open and shared between threads. The embedding is not kept in memory: its rows
 * are read from the source, which stays open for the model's life. Engine-internal twin of
 * engine.h.
 */
#ifndef PHIBENCH_ENGINE_MODEL_H
#define PHIBENCH_ENGINE_MODEL_H

#include "engine/frequencies.h"
#include "engine/operation.h"
#include "engine/tokenizer.h"

struct model {
    struct source *source; /* a tower's is its owner's, as its hparams are */
    struct tokenizer *tokenizer;
    const struct kernels *kernels;
    struct hparams hparams;
    struct model_info info;
    const struct tensor_info *embedding; /* [n_vocab, n_embd] in the source; of a tower NULL */
    uint8_t *weights;                    /* what all projections point into, in their order */
    struct operation *operations;        /* [n_operations] in the order of a pass */
    size_t n_operations;
    struct frequencies frequencies;
    struct model *vision; /* the tower that sees for it, without a tokenizer; NULL: it has none */
};

/* Whether a model can be made of the source, but for what only its matrices can tell: everything
 * that model_open checks before it reads them. */
bool model_check(const struct source *source, struct err *err) __attribute__((warn_unused_result));

#endif
