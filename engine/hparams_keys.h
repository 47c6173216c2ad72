/* hparams_keys.h - the part of hparams.c that reads a model's keys: sizes, norms, rotation, window,
 * scores, experts.
 *
 * Engine-internal, for hparams.c.
 */
#ifndef PHIBENCH_ENGINE_HPARAMS_KEYS_H
#define PHIBENCH_ENGINE_HPARAMS_KEYS_H

#include "engine/hparams.h"

/* Fills what keys alone tell, in *hparams of zeros; tensors are not looked at but for their names.
 * ERR_UNSUPPORTED or ERR_INPUT; what was allocated is for hparams_done. */
bool hparams_read_keys(const struct source *source, struct hparams *hparams, struct err *err)
    __attribute__((warn_unused_result));

/* Refuses a context that was stretched past the one that the model learnt at first, where nothing
 * scales the rotation to match: logits would be wrong without a word. ERR_UNSUPPORTED. */
bool hparams_check_stretch(const struct source *source, const struct hparams *hparams,
                           struct err *err) __attribute__((warn_unused_result));

#endif
