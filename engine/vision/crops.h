/* crops.h - how a picture becomes pixels for the vision tower: Phi-3-vision's "HD transform".
 *
 * The picture is made as large as at most max_crops squares hold, laid on white and cut into them;
 * a thumbnail of the whole goes before. All this is the arithmetic of the model's own processor
 * (image_processing_phi3_v.py of microsoft/Phi-3.5-vision-instruct) with Pillow's and PyTorch's
 * resizing. Up to normalisation it is arithmetic of integers, and then three operations of floats
 * on each value: the same bits everywhere. Thread-safe.
 */
#ifndef PHIBENCH_ENGINE_VISION_CROPS_H
#define PHIBENCH_ENGINE_VISION_CROPS_H

#include "base/err.h"
#include "base/image.h"

#include <stddef.h>

/* A crop's side in pixels, and in the tokens that are left of it when four patches of 14 pixels are
 * merged into one. Both are fixed by the model's code. */
enum { CROP_SIDE = 336, CROP_SIDE_TOKENS = 12 };

/* CLIP's mean and deviation of red, green and blue, by which pixels are normalised. */
enum { CROP_CHANNELS = 3 };
extern const float CROP_MEAN[CROP_CHANNELS], CROP_DEVIATION[CROP_CHANNELS];

/* How many crops lie side by side and one below the other: n_wide * n_high <= max_crops. */
struct crop_grid {
    size_t n_wide, n_high;
};

/* The grid of a picture of this size; max_crops is 1 at least, sides are as image.h allows them. */
struct crop_grid crop_grid_of(size_t width, size_t height, size_t max_crops);

/* Tokens of the picture in the language model: each crop's and the thumbnail's, one at the end of
 * each row of tokens, and one between crops and thumbnail. */
size_t crop_tokens(struct crop_grid grid);

struct crops {
    size_t n; /* 1 + n_wide * n_high */
    struct crop_grid grid;
    float *values; /* [n][3][side][side], red, green and blue normalised as CLIP's: the thumbnail
                      first, then crops row by row; owned, see crops_free */
};

/* The crops of a picture; side is the tower's, ERR_UNSUPPORTED unless CROP_SIDE. On failure *crops
 * is empty. */
bool crops_make(const struct image *image, size_t side, size_t max_crops, struct crops *crops,
                struct err *err) __attribute__((warn_unused_result));

/* Frees the values and empties *crops. */
void crops_free(struct crops *crops);

#endif
