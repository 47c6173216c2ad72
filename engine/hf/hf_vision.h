/* hf_vision.h - the tower of a Hugging Face folder whose model has eyes, as the keys that GGUF has
 * for it (hparams.h).
 *
 * config.json does not spell the tower's sizes: they are those of its tensors. What it says of how
 * pictures become embeddings must be what the steps compute (arch/clip.c, vision/crops.h).
 */
#ifndef PHIBENCH_ENGINE_HF_HF_VISION_H
#define PHIBENCH_ENGINE_HF_HF_VISION_H

#include "engine/hf/hf_config.h"
#include "engine/source.h"

/* Adds the tower's keys, if the architecture can have one and config.json tells of one. raw: the
 * folder's tensors. Heads are "vision_config.num_attention_heads" and the norms' epsilon
 * "vision_config.layer_norm_eps"; where they are not there, as in the published folders, heads of
 * 64 and 1e-5, as CLIP has them. The crops of a picture are num_crops of preprocessor_config.json,
 * which must be there: published results hang on it, and it is not the same in all models.
 * ERR_INPUT for what is missing or contradicts itself, ERR_UNSUPPORTED for what no step computes.
 */
bool hf_vision_read(const struct hf_config *config, const char *folder, const struct source *raw,
                    struct metadata *metadata, struct err *err) __attribute__((warn_unused_result));

#endif
