/* resize.h - a picture in another size, to the bit as Pillow makes it.
 *
 * Bilinear resizing of 8-bit colours with a filter that widens as the picture shrinks (Pillow's
 * BILINEAR, which is torchvision's default for Pillow's pictures). Weights are rounded to multiples
 * of 2^-22 and sums to 8 bits after each direction, all in integers, so that the order of the two
 * directions shows in the last bit. Thread-safe.
 */
#ifndef PHIBENCH_ENGINE_VISION_RESIZE_H
#define PHIBENCH_ENGINE_VISION_RESIZE_H

#include "base/err.h"
#include "base/image.h"

#include <stddef.h>

/* Pillow resizes rows first; a picture that was turned on its side for that has columns first. */
enum resize_order { RESIZE_WIDTH_FIRST, RESIZE_HEIGHT_FIRST };

/* Makes *to, of width x height pixels (1 at least), from a picture whose sides are as image.h
 * allows them. Free with image_free; on failure *to is empty. */
bool resize_bilinear(const struct image *from, size_t width, size_t height, enum resize_order order,
                     struct image *to, struct err *err) __attribute__((warn_unused_result));

#endif
