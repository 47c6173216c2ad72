/* importance.c - see importance.h. One set of sums for every input; matrices over one input share
 * it, and are found by their tensors' names, because the quantizer opens the file anew.
 *
 * A column's sum is made by one thread, in the order of the tokens: threads leave no trace in it.
 */
#include "engine/importance.h"

#include "base/arena.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* Beside the mean of its matrix's weights: what a column that no input reached still counts. */
static const double least_weight = 1e-4;

struct columns {
    size_t n_cols, n_slices;
    double *sums;   /* [n_slices, n_cols] of squares */
    float *weights; /* [n_slices, n_cols], once all is summed */
};

struct matrix {
    const char *tensor;
    size_t i_input;
};

struct importance {
    struct arena *arena;
    struct columns *inputs;
    struct matrix *matrices;
    size_t n_inputs, n_matrices, n_windows;
};

struct importance *importance_new(size_t n_inputs, size_t n_matrices, struct err *err)
{
    struct importance *importance = mem_new(1, sizeof *importance, err);
    if (!importance) return NULL;
    if ((importance->arena = arena_new(0, err)) &&
        (importance->inputs = mem_new(n_inputs, sizeof *importance->inputs, err)) &&
        (importance->matrices = mem_new(n_matrices, sizeof *importance->matrices, err)))
        return importance;
    importance_free(importance);
    return NULL;
}

void importance_free(struct importance *importance)
{
    if (!importance) return;
    arena_free(importance->arena);
    free(importance->inputs);
    free(importance->matrices);
    free(importance);
}

bool importance_add_input(struct importance *importance, size_t n_cols, size_t n_slices,
                          struct err *err)
{
    struct columns *columns = &importance->inputs[importance->n_inputs++];
    columns->n_cols = n_cols;
    columns->n_slices = n_slices;
    return (columns->sums =
                arena_alloc(importance->arena, n_cols, n_slices * sizeof(double), err)) &&
           (columns->weights =
                arena_alloc(importance->arena, n_cols, n_slices * sizeof(float), err));
}

bool importance_add_matrix(struct importance *importance, const char *tensor, struct err *err)
{
    struct matrix *matrix = &importance->matrices[importance->n_matrices++];
    matrix->i_input = importance->n_inputs - 1;
    return (matrix->tensor = arena_string(importance->arena, tensor, err)) != NULL;
}

void importance_observe(struct importance *importance, size_t i_input, size_t i_slice,
                        const float *x, size_t n_tokens, size_t begin, size_t end)
{
    const struct columns *columns = &importance->inputs[i_input];
    double *sums = columns->sums + i_slice * columns->n_cols;
    for (size_t i = 0; i < n_tokens; i++, x += columns->n_cols)
        for (size_t k = begin; k < end; k++) sums[k] += (double)x[k] * (double)x[k];
}

/* Inputs that are zero everywhere weigh all the same. */
static void weigh(const double *sums, size_t n_cols, float *weights)
{
    double mean = 0;
    for (size_t k = 0; k < n_cols; k++) mean += sums[k];
    mean /= (double)n_cols;
    for (size_t k = 0; k < n_cols; k++) {
        double weight = mean > 0 ? sums[k] / mean : 1;
        weights[k] = (float)((weight + least_weight) / (1 + least_weight));
    }
}

void importance_finish(struct importance *importance, size_t n_windows)
{
    importance->n_windows = n_windows;
    for (size_t i = 0; i < importance->n_inputs; i++) {
        const struct columns *columns = &importance->inputs[i];
        for (size_t j = 0; j < columns->n_slices; j++)
            weigh(columns->sums + j * columns->n_cols, columns->n_cols,
                  columns->weights + j * columns->n_cols);
    }
}

const float *importance_weights(const struct importance *importance, const char *tensor,
                                size_t i_slice, size_t n_cols)
{
    for (size_t i = 0; i < importance->n_matrices; i++) {
        const struct matrix *matrix = &importance->matrices[i];
        const struct columns *columns = &importance->inputs[matrix->i_input];
        if (!strcmp(matrix->tensor, tensor) && columns->n_cols == n_cols &&
            i_slice < columns->n_slices)
            return columns->weights + i_slice * n_cols;
    }
    return NULL;
}

size_t importance_count_matrices(const struct importance *importance)
{
    return importance->n_matrices;
}

size_t importance_count_windows(const struct importance *importance)
{
    return importance->n_windows;
}
