/* importance.h - a table of how much each column of each matrix matters to a model: the mean square
 * of the inputs that it meets in a text. The quantizer weighs its squared errors by them.
 *
 * Sessions that observe (session.h) add to it, calibration.c finishes it; const after that. Knows
 * neither models nor sources: inputs are numbered, and matrices have the names of their tensors.
 */
#ifndef PHIBENCH_ENGINE_IMPORTANCE_H
#define PHIBENCH_ENGINE_IMPORTANCE_H

#include "engine/tools.h"

/* A table for at most so many inputs and matrices. Free with importance_free. */
struct importance *importance_new(size_t n_inputs, size_t n_matrices, struct err *err)
    __attribute__((warn_unused_result));

/* The next input, of n_cols columns; the first is number 0. n_slices: experts, each of which meets
 * inputs of its own, or 1. */
bool importance_add_input(struct importance *importance, size_t n_cols, size_t n_slices,
                          struct err *err) __attribute__((warn_unused_result));
/* A matrix over the input that was added last, by the name of its tensor, which is copied. */
bool importance_add_matrix(struct importance *importance, const char *tensor, struct err *err)
    __attribute__((warn_unused_result));

/* Adds the squares of columns [begin, end) of a slice's input x: [n_tokens, n_cols]. Threads may
 * add at once, to columns of their own. */
void importance_observe(struct importance *importance, size_t i_input, size_t i_slice,
                        const float *x, size_t n_tokens, size_t begin, size_t end);

/* Makes weights of the sums over n_windows of a text. */
void importance_finish(struct importance *importance, size_t n_windows);

/* The weights of a tensor's columns, in one of its slices: [n_cols], their mean 1, none of them 0.
 * NULL if the tensor is no matrix that inputs were seen of. */
const float *importance_weights(const struct importance *importance, const char *tensor,
                                size_t i_slice, size_t n_cols);

/* Matrices that have weights, and windows of the text. */
size_t importance_count_matrices(const struct importance *importance);
size_t importance_count_windows(const struct importance *importance);

#endif
