/* frequencies.h - how fast the pairs of a head turn with the position, in each rotation of a model.
 *
 * Computed once when a model is opened; steps make angles of them. Engine-internal.
 */
#ifndef PHIBENCH_ENGINE_FREQUENCIES_H
#define PHIBENCH_ENGINE_FREQUENCIES_H

#include "engine/hparams.h"

struct frequencies {
    float *of[ROTATION_COUNT]; /* [n_rope / 2] radians per position; NULL: no such rotation */
};

/* Fills *frequencies from the sizes and from the tensors that divide them. ERR_INPUT, with the
 * source's place, where an angle of the context is out of range. Free with frequencies_done, also
 * after a failure. */
bool frequencies_read(const struct source *source, const struct hparams *h,
                      struct frequencies *frequencies, struct err *err)
    __attribute__((warn_unused_result));
void frequencies_done(struct frequencies *frequencies);

#endif
