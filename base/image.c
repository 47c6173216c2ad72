/* image.c - see image.h: which format, the limits, the way up, and thumbnails.
 *
 * Knows no format from inside: those are in base/image_jpeg.c, image_png.c and image_webp.c.
 */
#include "base/image.h"

#include "base/file.h"
#include "base/image_format.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static const struct image_format *const FORMATS[] = {&IMAGE_JPEG, &IMAGE_PNG, &IMAGE_WEBP};

/* A file that promises more pixels than LARGE_PIXELS and has not a byte for each PIXELS_PER_BYTE of
 * them is a bomb or blank: deflate gives at most 8,256 pixels a byte, JPEG 2,048. */
enum { LARGE_PIXELS = 1 << 20, PIXELS_PER_BYTE = 10000, CHANNELS = 3 };

bool image_is_cut_off(const char *format, struct err *err)
{
    return err_set(err, ERR_INPUT,
                   "the %s ends before its picture does: fetch or save the file again", format);
}

bool image_is_unreadable(const char *format, const char *why, struct err *err)
{
    return err_set(err, ERR_INPUT, "the %s cannot be read (%s): fetch or save the file again",
                   format, why);
}

bool image_has_no_memory(const char *format, struct err *err)
{
    return err_set(err, ERR_MEMORY, "out of memory for the pixels of a %s", format);
}

void image_lay_on_white(const uint8_t *rgba, size_t n, uint8_t *rgb)
{
    for (size_t i = 0; i < n; i++, rgba += 4, rgb += CHANNELS) {
        for (int c = 0; c < CHANNELS; c++) {
            /* A division by 255 that rounds, exact for sums of this size. */
            uint32_t sum = 255u * (255u - rgba[3]) + (uint32_t)rgba[c] * rgba[3] + 128u;
            rgb[c] = (uint8_t)(((sum >> 8) + sum) >> 8);
        }
    }
}

static const struct image_format *format_of(const uint8_t *bytes, size_t n_bytes)
{
    for (size_t i = 0; i < COUNT_OF(FORMATS); i++)
        if (FORMATS[i]->is_it(bytes, n_bytes)) return FORMATS[i];
    return NULL;
}

static bool check_limits(const struct image_header *header, size_t n_bytes, struct err *err)
{
    size_t width = header->width, height = header->height;
    size_t longer = width > height ? width : height, shorter = width > height ? height : width;
    if (longer > IMAGE_MAX_PIXELS / shorter)
        return err_set(
            err, ERR_INPUT,
            "the picture has %zu x %zu pixels, more than the limit of %d: make it smaller", width,
            height, IMAGE_MAX_PIXELS);
    if (longer / IMAGE_MAX_RATIO > shorter ||
        (longer / IMAGE_MAX_RATIO == shorter && longer % IMAGE_MAX_RATIO))
        return err_set(err, ERR_INPUT,
                       "the picture has %zu x %zu pixels, and one side may be at most %d times as "
                       "long as the other: cut it into pieces",
                       width, height, IMAGE_MAX_RATIO);
    if (longer * shorter > LARGE_PIXELS && longer * shorter / PIXELS_PER_BYTE >= n_bytes)
        return err_set(err, ERR_INPUT,
                       "the file has %zu bytes, too few for a picture of %zu x %zu pixels: is it "
                       "what it should be?",
                       n_bytes, width, height);
    return true;
}

/* The format of the bytes and what its header says, within the limits; NULL otherwise. */
static const struct image_format *inspect(const uint8_t *bytes, size_t n_bytes,
                                          struct image_header *header, struct err *err)
{
    const struct image_format *format = format_of(bytes, n_bytes);
    if (!n_bytes)
        err_set(err, ERR_INPUT, "the file is empty: a JPEG, PNG or WebP picture is expected");
    else if (!format)
        err_set(err, ERR_INPUT, "the file is no JPEG, PNG or WebP picture: convert it to one");
    else if (format->read_header(bytes, n_bytes, header, err) && check_limits(header, n_bytes, err))
        return format;
    return NULL;
}

static bool is_on_its_side(int orientation)
{
    return orientation >= 5;
}

/* Turns and mirrors stored pixels. Where columns or rows run backward, and whether they change
 * places, is what EXIF's eight values are. */
static bool turn(const struct image *stored, int orientation, struct image *image, struct err *err)
{
    bool on_side = is_on_its_side(orientation);
    bool columns_back = strchr("\2\3\7\10", orientation),
         rows_back = strchr("\3\4\6\7", orientation);
    size_t width = on_side ? stored->height : stored->width;
    size_t height = on_side ? stored->width : stored->height;
    uint8_t *rgb = mem_new(width * height, CHANNELS, err);
    *image = (struct image){width, height, rgb};
    if (!rgb) return false;
    for (size_t y = 0; y < height; y++) {
        for (size_t x = 0; x < width; x++, rgb += CHANNELS) {
            size_t column = on_side ? y : x, row = on_side ? x : y;
            if (columns_back) column = stored->width - 1 - column;
            if (rows_back) row = stored->height - 1 - row;
            memcpy(rgb, stored->rgb + (row * stored->width + column) * CHANNELS, CHANNELS);
        }
    }
    return true;
}

uint8_t *image_read_file(const char *path, size_t *n_bytes, struct err *err)
{
    return (uint8_t *)file_read(path, IMAGE_MAX_BYTES, n_bytes, err);
}

bool image_decode(const uint8_t *bytes, size_t n_bytes, const char *name, struct image *image,
                  struct err *err)
{
    struct image_header header;
    *image = (struct image){0};
    const struct image_format *format = inspect(bytes, n_bytes, &header, err);
    if (!format) return err_place(err, name, 0, 0);
    struct image stored = {header.width, header.height, NULL};
    /* Zeroed memory is no memory before it is written to: a file that breaks off takes little. */
    stored.rgb = mem_new(header.width * header.height, CHANNELS, err);
    bool ok = stored.rgb && format->read_pixels(bytes, n_bytes, &header, stored.rgb, err);
    if (ok && header.orientation == 1) {
        *image = stored;
        return true;
    }
    ok = ok && turn(&stored, header.orientation, image, err);
    image_free(&stored);
    if (!ok) image_free(image);
    return ok || err_place(err, name, 0, 0);
}

bool image_size(const uint8_t *bytes, size_t n_bytes, const char *name, size_t *width,
                size_t *height, struct err *err)
{
    struct image_header header;
    if (!inspect(bytes, n_bytes, &header, err)) return err_place(err, name, 0, 0);
    bool on_side = is_on_its_side(header.orientation);
    *width = on_side ? header.height : header.width;
    *height = on_side ? header.width : header.height;
    return true;
}

const char *image_media_type(const uint8_t *bytes, size_t n_bytes)
{
    const struct image_format *format = format_of(bytes, n_bytes);
    return format ? format->media_type : NULL;
}

/* The mean of the pixels from (x, y) to before (x_end, y_end), rounded. */
static void average(const struct image *image, size_t x, size_t y, size_t x_end, size_t y_end,
                    uint8_t *rgb)
{
    uint64_t sums[CHANNELS] = {0}, n = (uint64_t)(x_end - x) * (y_end - y);
    for (; y < y_end; y++) {
        const uint8_t *at = image->rgb + (y * image->width + x) * CHANNELS;
        for (size_t i = 0; i < (x_end - x) * CHANNELS; i++) sums[i % CHANNELS] += at[i];
    }
    for (int c = 0; c < CHANNELS; c++) rgb[c] = (uint8_t)((sums[c] + n / 2) / n);
}

bool image_thumbnail(const struct image *image, size_t most, struct buf *png, struct err *err)
{
    size_t width = image->width, height = image->height;
    size_t longer = width > height ? width : height;
    if (longer <= most) return image_write_png(image, png, err);
    struct image small = {width * most / longer, height * most / longer, NULL};
    if (!small.width) small.width = 1;
    if (!small.height) small.height = 1;
    small.rgb = mem_new(small.width * small.height, CHANNELS, err);
    if (!small.rgb) return false;
    for (size_t y = 0; y < small.height; y++)
        for (size_t x = 0; x < small.width; x++)
            average(image, x * width / small.width, y * height / small.height,
                    (x + 1) * width / small.width, (y + 1) * height / small.height,
                    small.rgb + (y * small.width + x) * CHANNELS);
    bool ok = image_write_png(&small, png, err);
    image_free(&small);
    return ok;
}

void image_free(struct image *image)
{
    free(image->rgb);
    *image = (struct image){0};
}
