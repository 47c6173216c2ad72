/* image.h - pictures: JPEG, PNG and WebP from memory to pixels, and pixels to a small PNG.
 *
 * Pixels are those that the reference of the vision models sees: Pillow's, turned as EXIF says,
 * with what is transparent laid on white. A file is believed in nothing: its size is read from its
 * header and held against the limits below before memory for its pixels is taken, and it must be
 * whole. Bytes behind the end of a picture are ignored, and so is what a file's name ends in.
 * Errors carry the picture's name as their place and say what to do. Thread-safe.
 */
#ifndef PHIBENCH_BASE_IMAGE_H
#define PHIBENCH_BASE_IMAGE_H

#include "base/buf.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum {
    IMAGE_MAX_BYTES = 1 << 26,  /* of a file */
    IMAGE_MAX_PIXELS = 1 << 26, /* 8192 x 8192, 192 MiB of pixels */
    IMAGE_MAX_RATIO = 200,      /* longer side by shorter: beyond, nothing is left of the shorter */
};

struct image {
    size_t width, height; /* as it is looked at, 1 at least */
    uint8_t *rgb;         /* [height][width][3], rows from the top; owned, see image_free */
};

/* The whole of a file of at most IMAGE_MAX_BYTES; free() it. What it holds is for the functions
 * below to say. */
uint8_t *image_read_file(const char *path, size_t *n_bytes, struct err *err)
    __attribute__((warn_unused_result));

/* The pixels of a picture of n_bytes; `name` is for messages. Of an animation, its first frame.
 * ERR_INPUT where the bytes are none of the three formats, damaged, cut off or beyond the limits;
 * *image is empty then. */
bool image_decode(const uint8_t *bytes, size_t n_bytes, const char *name, struct image *image,
                  struct err *err) __attribute__((warn_unused_result));

/* Its width and height as image_decode would give them, from the headers alone. What is refused
 * here is refused there with the same words. */
bool image_size(const uint8_t *bytes, size_t n_bytes, const char *name, size_t *width,
                size_t *height, struct err *err) __attribute__((warn_unused_result));

/* "image/jpeg", "image/png" or "image/webp" by the first bytes; NULL: none that is read. */
const char *image_media_type(const uint8_t *bytes, size_t n_bytes);

/* Appends a PNG of the picture, each side at most `most` (at least 1) pixels: averages of whole
 * pixels, or the picture itself if it is no larger. */
bool image_thumbnail(const struct image *image, size_t most, struct buf *png, struct err *err)
    __attribute__((warn_unused_result));

/* Frees the pixels and empties *image. */
void image_free(struct image *image);

#endif
