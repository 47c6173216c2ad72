/* operation.c - see operation.h. Walks the lists of the architecture once for each layer, and tells
 * each step that writes an input of projections in which formats these want it.
 */
#include "engine/operation.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>

struct list {
    const struct hparams *hparams;
    struct operation *operations;
    size_t n, n_projections;
};

/* The step that wrote what a projection reads makes it ready in the formats that its parts want. */
static void ask_for_format(struct list *list, enum buffer buffer, enum act_format format)
{
    size_t i = list->n;
    while (i > 0 && list->operations[i - 1].step->to != buffer) i--;
    assert(i > 0);
    list->operations[i - 1].needs[format] = true;
}

/* A part for each matrix, or one that is all of them. Without an output matrix the embedding is
 * one. */
static void describe_projection(struct list *list, struct operation *operation)
{
    struct projection *projection = &operation->projection;
    const struct step *step = operation->step;
    bool is_fused = step->fused && list->hparams->is_fused;
    const enum weight *matrices = is_fused ? &step->fused : step->matrices;
    projection->bias_roles = is_fused ? &step->fused_bias : step->biases;
    for (size_t i = 0; i < (is_fused ? 1 : STEP_MAX_MATRICES) && matrices[i]; i++) {
        enum weight weight = matrices[i];
        if (weight == WEIGHT_OUTPUT) weight = hparams_logits_weight(list->hparams);
        const struct tensor_info *tensor =
            hparams_tensor(list->hparams, weight, operation->i_layer);
        struct packed part = {.type = tensor->type,
                              .n_rows = tensor->shape[1],
                              .n_cols = tensor->shape[0],
                              .group_bytes = pack_group_bytes(tensor->type, tensor->shape[0])};
        projection->tensors[projection->n_parts] = tensor;
        projection->parts[projection->n_parts++] = part;
        projection->n_rows += part.n_rows;
        projection->n_cols = part.n_cols;
        projection->n_experts = tensor->shape[2];
        ask_for_format(list, step->from, act_format_for(part.type));
    }
    if (projection->n_parts > 0) projection->i_projection = list->n_projections++;
}

static void add_steps(struct list *list, const struct step *steps, size_t most, size_t i_layer)
{
    for (size_t i = 0; i < most && steps[i].run; i++) {
        struct operation *operation = &list->operations[list->n];
        operation->step = &steps[i];
        operation->i_layer = i_layer;
        describe_projection(list, operation);
        list->n++;
    }
}

struct operation *operations_new(const struct hparams *hparams, size_t *n_operations,
                                 struct err *err)
{
    const struct architecture *architecture = hparams->architecture;
    size_t most = hparams->n_layers * ARCHITECTURE_LAYER_STEPS + 2 * ARCHITECTURE_EDGE_STEPS;
    struct list list = {.hparams = hparams,
                        .operations = mem_new(most, sizeof *list.operations, err)};
    if (!list.operations) return NULL;
    add_steps(&list, architecture->start, ARCHITECTURE_EDGE_STEPS, 0);
    for (size_t i = 0; i < hparams->n_layers; i++)
        add_steps(&list, architecture->layer, ARCHITECTURE_LAYER_STEPS, i);
    add_steps(&list, architecture->end, ARCHITECTURE_EDGE_STEPS, hparams->n_layers);
    *n_operations = list.n;
    return list.operations;
}

void operations_free(struct operation *operations, size_t n_operations)
{
    for (size_t i = 0; i < n_operations; i++) {
        free(operations[i].vector);
        free(operations[i].vector_bias);
        free(operations[i].projection.biases);
    }
    free(operations);
}
