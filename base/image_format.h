/* image_format.h - what a format of pictures is to base/image.c, and what the formats share.
 *
 * A format's file is the only one that knows its library. It gives pixels as they are stored, left
 * to right and from the top; turning them is base/image.c's. Errors here have no place: image.c
 * adds the picture's name.
 */
#ifndef PHIBENCH_BASE_IMAGE_FORMAT_H
#define PHIBENCH_BASE_IMAGE_FORMAT_H

#include "base/image.h"

struct image_header {
    size_t width, height; /* as stored; both at least 1 */
    int orientation;      /* EXIF's, 1 to 8 */
};

struct image_format {
    const char *name, *media_type;
    bool (*is_it)(const uint8_t *bytes, size_t n_bytes); /* by the first bytes */
    /* Takes no memory that the size asks for. */
    bool (*read_header)(const uint8_t *bytes, size_t n_bytes, struct image_header *header,
                        struct err *err);
    /* Fills rgb [height][width][3] of the header that read_header has read from the same bytes. */
    bool (*read_pixels)(const uint8_t *bytes, size_t n_bytes, const struct image_header *header,
                        uint8_t *rgb, struct err *err);
};

extern const struct image_format IMAGE_JPEG, IMAGE_PNG, IMAGE_WEBP;

/* The orientation that EXIF's bytes (TIFF, with or without "Exif\0\0" before it) ask for: 1 where
 * they hold none, or none that is defined. JEITA CP-3451, tag 0x0112 of the first directory. */
int image_exif_orientation(const uint8_t *bytes, size_t n_bytes);

/* n pixels, red, green, blue and opacity, laid on white: rounded to the nearest, as Pillow pastes.
 */
void image_lay_on_white(const uint8_t *rgba, size_t n, uint8_t *rgb);

/* Appends the picture as a PNG of 8 bits a colour. */
bool image_write_png(const struct image *image, struct buf *png, struct err *err);

/* What is wrong with a file, and the mend; return false. `why` is a library's word for it. */
bool image_is_cut_off(const char *format, struct err *err);
bool image_is_unreadable(const char *format, const char *why, struct err *err);
bool image_has_no_memory(const char *format, struct err *err);

#endif
