/* importance.h - how much each column of each matrix matters to a model: the mean square of the
 * inputs that it meets in a text. The quantizer weighs its squared errors by them.
 *
 * Filled by the sessions that observe into it (session.h); const after that.
 */
#ifndef PHIBENCH_ENGINE_IMPORTANCE_H
#define PHIBENCH_ENGINE_IMPORTANCE_H

#include "engine/engine.h"
#include "engine/model.h"

/* Adds the squares of columns [begin, end) of the inputs x: [n_tokens, n_cols] of a projection of
 * the model. Threads may add at once, to columns of their own. */
void importance_add(struct importance *importance, const struct projection *projection,
                    const float *x, size_t n_tokens, size_t begin, size_t end);

/* The weights of a tensor's columns: [n_cols], their mean 1, none of them 0. NULL if the tensor is
 * no matrix that inputs were seen of. */
const float *importance_weights(const struct importance *importance, const char *tensor,
                                size_t n_cols);

/* Matrices that have weights, and windows of the text. */
size_t importance_count_matrices(const struct importance *importance);
size_t importance_count_windows(const struct importance *importance);

#endif
