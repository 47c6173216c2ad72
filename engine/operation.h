/* operation.h - what a model does to a batch: the steps of its architecture, one after the other
 * through all layers, each with the weights that it takes.
 *
 * Made of what hparams.h knows, without weights; model.c gives them their places. Const while
 * sessions run. Engine-internal.
 */
#ifndef PHIBENCH_ENGINE_OPERATION_H
#define PHIBENCH_ENGINE_OPERATION_H

#include "engine/hparams.h"
#include "engine/kernels/kernels.h"

/* One or more matrices over the same input whose outputs stand side by side: [part 0 | part 1 |
 * ...]. */
struct projection {
    size_t n_parts;
    struct packed parts[STEP_MAX_MATRICES];
    const struct tensor_info *tensors[STEP_MAX_MATRICES]; /* of the source, one for each part */
    const enum weight *bias_roles;                        /* one for each part, or WEIGHT_NONE */
    size_t i_projection;                                  /* among the model's */
    size_t n_rows, n_cols;                                /* of all parts together; of each */
    size_t
        n_experts; /* each has such matrices, a part those of all, one after the other; dense: 1 */
    float *biases; /* [n_rows]; NULL: there are none, or they are not loaded */
};

/* Row groups of a part, of one expert: a projection's are one sequence, through all its parts. */
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

static inline size_t expert_bytes(const struct packed *part)
{
    return part_groups(part) * part->group_bytes;
}

struct operation {
    const struct step *step;
    size_t i_layer;               /* 0 before the layers, n_layers after them */
    bool needs[ACT_FORMAT_COUNT]; /* formats in which projections want what the step makes ready */
    struct projection projection; /* of the step's matrices; n_parts 0: it has none */
    float *vector, *vector_bias;  /* the step's; NULL: it has none, or it is not loaded */
};

/* The operations of a model, in the order of a pass, their weights not loaded. Free with
 * operations_free, which frees vectors and biases too. */
struct operation *operations_new(const struct hparams *hparams, size_t *n_operations,
                                 struct err *err) __attribute__((warn_unused_result));
void operations_free(struct operation *operations, size_t n_operations);

#endif
