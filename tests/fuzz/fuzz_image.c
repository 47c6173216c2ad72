/* fuzz_image.c - any bytes are either a picture or refused with a message and the picture's name;
 * what the header says holds for the pixels, and the picture survives a PNG.
 *
 * A PNG's sums are set right first, or no changed byte would get past them. Large pictures are
 * refused or asked for their size alone, for time's sake.
 */
#include "base/image.h"

#include "engine/vision/crops.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

enum { LARGEST_DECODED = 1 << 18, THUMBNAIL_SIDE = 16, MAX_CROPS = 16, SIGNATURE_BYTES = 8 };

/* The sum of PNG's chunks (ISO 3309), bit by bit. */
static uint32_t sum_of(const uint8_t *bytes, size_t n)
{
    uint32_t sum = 0xffffffff;
    for (size_t i = 0; i < n; i++) {
        sum ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) sum = sum >> 1 ^ (sum & 1 ? 0xedb88320 : 0);
    }
    return ~sum;
}

static void mend_sums(uint8_t *bytes, size_t n_bytes)
{
    for (size_t at = SIGNATURE_BYTES; n_bytes >= SIGNATURE_BYTES && n_bytes - at >= 12;) {
        uint8_t *chunk = bytes + at;
        size_t n =
            (size_t)chunk[0] << 24 | (size_t)chunk[1] << 16 | (size_t)chunk[2] << 8 | chunk[3];
        if (n > n_bytes - at - 12) return;
        uint32_t sum = sum_of(chunk + 4, 4 + n);
        for (int i = 0; i < 4; i++) chunk[8 + n + (size_t)i] = (uint8_t)(sum >> (24 - 8 * i));
        at += 12 + n;
    }
}

static void check_error(const struct err *err)
{
    if (err->code == ERR_NONE || !err->message[0] || strcmp(err->file, "input") != 0) abort();
}

static void check_grid(const struct image *image)
{
    struct crop_grid grid = crop_grid_of(image->width, image->height, MAX_CROPS);
    if (!grid.n_wide || !grid.n_high || grid.n_wide * grid.n_high > MAX_CROPS) abort();
}

static void check_png(const struct image *image)
{
    struct buf whole = {0}, small = {0};
    struct image again, thumbnail;
    size_t side = image->width > image->height ? image->width : image->height;
    if (!image_thumbnail(image, side, &whole, NULL)) abort();
    if (!image_decode((uint8_t *)whole.data, whole.n_bytes, "PNG", &again, NULL)) abort();
    if (again.width != image->width || again.height != image->height ||
        memcmp(again.rgb, image->rgb, image->width * image->height * 3) != 0)
        abort();
    if (!image_thumbnail(image, THUMBNAIL_SIDE, &small, NULL)) abort();
    if (!image_decode((uint8_t *)small.data, small.n_bytes, "PNG", &thumbnail, NULL)) abort();
    if (thumbnail.width > THUMBNAIL_SIDE || thumbnail.height > THUMBNAIL_SIDE) abort();
    image_free(&again);
    image_free(&thumbnail);
    buf_free(&whole);
    buf_free(&small);
}

static void visit(const uint8_t *bytes, size_t n_bytes)
{
    struct err err = {0}, size_err = {0};
    struct image image;
    size_t width = 0, height = 0;
    bool has_size = image_size(bytes, n_bytes, "input", &width, &height, &size_err);
    if (!has_size) check_error(&size_err);
    if (has_size && width * height > LARGEST_DECODED) return;
    if (!image_decode(bytes, n_bytes, "input", &image, &err)) {
        check_error(&err);
        if (image.rgb || (!has_size && memcmp(&err, &size_err, sizeof err) != 0)) abort();
        return;
    }
    if (!has_size || image.width != width || image.height != height) abort();
    if (!image_media_type(bytes, n_bytes)) abort();
    check_grid(&image);
    check_png(&image);
    image_free(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    const char *type = image_media_type(bytes, n_bytes);
    if (!type || strcmp(type, "image/png") != 0) {
        visit(bytes, n_bytes);
        return 0;
    }
    uint8_t *mended = malloc(n_bytes);
    if (!mended) abort();
    memcpy(mended, bytes, n_bytes);
    mend_sums(mended, n_bytes);
    visit(mended, n_bytes);
    free(mended);
    return 0;
}
