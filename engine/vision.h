/* vision.h - pictures for language models: what a model with a vision tower sees of one, as rows
 * that stand in place of token embeddings (engine.h, struct session_token).
 *
 * A picture becomes a thumbnail and crops (engine/vision/crops.h); the tower looks at each by
 * itself, and what it sees is put together as one run of rows (Phi-3.5-vision's
 * image_embedding_phi3_v.py, order "sub_glb"): row by row the crops' tokens with one that ends each
 * row, one between, and the thumbnail's rows in the same way. Values are the same bits for any
 * number of threads and instruction set, and whatever else was looked at.
 */
#ifndef PHIBENCH_ENGINE_VISION_H
#define PHIBENCH_ENGINE_VISION_H

#include "base/image.h"
#include "engine/engine.h"

/* The tokens that a picture of width x height pixels becomes; max_crops 0: the model's
 * (model_info, vision_crops). 0 if the model has no eyes. */
size_t vision_tokens(const struct model *model, size_t width, size_t height, size_t max_crops);
/* The same of a model that is known by its file alone. */
size_t vision_tokens_of(const struct model_info *info, size_t width, size_t height,
                        size_t max_crops);

/* The tower of a model at work, which must outlive it: workers (n_threads 0: the default) and
 * scratch; belongs to one thread at a time. ERR_UNSUPPORTED if the model has no eyes. Close with
 * vision_close. */
struct vision;
struct vision *vision_open(const struct model *model, int n_threads, struct err *err)
    __attribute__((warn_unused_result));
void vision_close(struct vision *vision);

/* embeddings: [vision_tokens of its size][n_embd] of a picture. ERR_INPUT where a number on the way
 * is none; ERR_INTERRUPTED after Ctrl-C, between crops. */
bool vision_encode(struct vision *vision, const struct image *image, size_t max_crops,
                   float *embeddings, struct err *err) __attribute__((warn_unused_result));

#endif
