/* image_png.c - PNG, read and written on libpng.
 *
 * Chunks are walked here first, for what libpng would read only after the pixels (EXIF may stand
 * behind them) or not miss (an end). libpng then is told to leave alone every chunk that is not
 * about pixels: texts and profiles of a hostile file unpack to gigabytes. Colours are the stored
 * numbers, whatever profile or gamma stands beside them, as Pillow has it. The library leaves by
 * longjmp, so that whatever lives longer than a call of it is in struct reading or struct writing.
 */
#include "base/image_format.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

enum { SIGNATURE_BYTES = 8, CHUNK_BYTES = 12, HEADER_DATA = 13, CHANNELS = 3, PIXEL_BYTES = 4 };

static const uint8_t SIGNATURE[SIGNATURE_BYTES] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

static bool png_is_it(const uint8_t *bytes, size_t n_bytes)
{
    return n_bytes >= SIGNATURE_BYTES && !memcmp(bytes, SIGNATURE, SIGNATURE_BYTES);
}

/* Takes from one chunk what base/image.c wants to know; false with ERR_INPUT for a wrong header. */
static bool take_chunk(const uint8_t *type, const uint8_t *data, size_t n_data,
                       struct image_header *header, struct err *err)
{
    if (!memcmp(type, "eXIf", 4)) header->orientation = image_exif_orientation(data, n_data);
    bool is_header = !memcmp(type, "IHDR", 4);
    if (is_header != !header->width || (is_header && n_data != HEADER_DATA))
        return image_is_unreadable("PNG", "its header is misplaced", err);
    if (!is_header) return true;
    header->width = png_get_uint_32(data);
    header->height = png_get_uint_32(data + 4);
    if (!header->width || !header->height || header->width > PNG_UINT_31_MAX ||
        header->height > PNG_UINT_31_MAX)
        return image_is_unreadable("PNG", "its header has no size", err);
    return true;
}

/* A chunk is its length, its type, that many bytes and a sum of four. */
static bool png_read_header(const uint8_t *bytes, size_t n_bytes, struct image_header *header,
                            struct err *err)
{
    *header = (struct image_header){.orientation = 1};
    for (size_t at = SIGNATURE_BYTES;;) {
        if (n_bytes - at < CHUNK_BYTES) return image_is_cut_off("PNG", err);
        size_t n_data = png_get_uint_32(bytes + at);
        const uint8_t *type = bytes + at + 4;
        if (n_data > n_bytes - at - CHUNK_BYTES) return image_is_cut_off("PNG", err);
        if (!take_chunk(type, type + 4, n_data, header, err)) return false;
        if (!memcmp(type, "IEND", 4)) return true;
        at += CHUNK_BYTES + n_data;
    }
}

struct reading {
    png_structp png;
    png_infop info;
    jmp_buf escape;
    char message[128];
    const uint8_t *bytes;
    size_t n_bytes, at;
    uint8_t *rows; /* one, or all of a picture that comes in several passes */
    uint8_t *rgb;  /* where pixels go */
    bool has_no_memory;
};

static void leave(png_structp png, png_const_charp message)
{
    struct reading *reading = png_get_error_ptr(png);
    snprintf(reading->message, sizeof reading->message, "%s", message);
    longjmp(reading->escape, 1);
}

static void hear_warning(png_structp png, png_const_charp message)
{
    (void)png, (void)message;
}

static void give_bytes(png_structp png, png_bytep out, size_t n)
{
    struct reading *reading = png_get_io_ptr(png);
    if (n > reading->n_bytes - reading->at) png_error(png, "its data end");
    memcpy(out, reading->bytes + reading->at, n);
    reading->at += n;
}

/* Grey of 16 bits keeps them, with opacity beside it; all else becomes red, green, blue and opacity
 * of 8 bits. Both are PIXEL_BYTES. Returns whether it is such grey. */
static bool ask_for_four_bytes(struct reading *reading)
{
    png_structp png = reading->png;
    bool is_deep_grey = png_get_color_type(png, reading->info) == PNG_COLOR_TYPE_GRAY &&
                        png_get_bit_depth(png, reading->info) == 16;
    png_set_expand(png);
    if (!is_deep_grey) {
        png_set_strip_16(png);
        png_set_gray_to_rgb(png);
    }
    png_set_add_alpha(png, is_deep_grey ? 0xffff : 0xff, PNG_FILLER_AFTER);
    return is_deep_grey;
}

/* Pillow cuts 16 bits of grey at 255, where it keeps the upper byte of colours: such a picture is
 * mostly white, and this is what the reference's model sees. */
static void cut_grey(uint8_t *row, size_t n)
{
    for (size_t i = 0; i < n; i++, row += PIXEL_BYTES) {
        row[3] = row[2];
        row[0] = row[1] = row[2] = row[0] ? 255 : row[1];
    }
}

static void read_rows(struct reading *reading)
{
    png_structp png = reading->png;
    png_set_read_fn(png, reading, give_bytes);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_read_info(png, reading->info);
    bool is_deep_grey = ask_for_four_bytes(reading);
    int n_passes = png_set_interlace_handling(png);
    png_read_update_info(png, reading->info);
    size_t width = png_get_image_width(png, reading->info);
    size_t height = png_get_image_height(png, reading->info);
    size_t row_bytes = png_get_rowbytes(png, reading->info);
    if (row_bytes != width * PIXEL_BYTES) png_error(png, "its pixels are of no known form");
    reading->rows = png_malloc(png, row_bytes * (n_passes > 1 ? height : 1));
    for (int pass = 0; pass < n_passes; pass++) {
        for (size_t y = 0; y < height; y++) {
            uint8_t *row = reading->rows + (n_passes > 1 ? y * row_bytes : 0);
            png_read_row(png, row, NULL);
            if (pass < n_passes - 1) continue;
            if (is_deep_grey) cut_grey(row, width);
            image_lay_on_white(row, width, reading->rgb + y * width * CHANNELS);
        }
    }
    png_read_end(png, NULL);
}

static void *take_memory(png_structp png, png_alloc_size_t n_bytes)
{
    struct reading *reading = png_get_mem_ptr(png);
    void *memory = malloc(n_bytes);
    reading->has_no_memory |= !memory;
    return memory;
}

static void give_memory_back(png_structp png, void *memory)
{
    (void)png;
    free(memory);
}

/* Opens and reads; false where the library left or has not begun. */
static bool guarded_read(struct reading *reading)
{
    if (setjmp(reading->escape) != 0) return false;
    reading->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, reading, leave, hear_warning,
                                            reading, take_memory, give_memory_back);
    reading->info = reading->png ? png_create_info_struct(reading->png) : NULL;
    if (reading->info) read_rows(reading);
    return reading->info;
}

static bool png_read_pixels(const uint8_t *bytes, size_t n_bytes, const struct image_header *header,
                            uint8_t *rgb, struct err *err)
{
    (void)header;
    struct reading reading = {.bytes = bytes, .n_bytes = n_bytes, .rgb = rgb};
    bool ok = guarded_read(&reading);
    free(reading.rows);
    png_destroy_read_struct(&reading.png, &reading.info, NULL);
    if (ok) return true;
    if (reading.has_no_memory) return image_has_no_memory("PNG", err);
    return image_is_unreadable("PNG", reading.message, err);
}

const struct image_format IMAGE_PNG = {"PNG", "image/png", png_is_it, png_read_header,
                                       png_read_pixels};

struct writing {
    png_structp png;
    png_infop info;
    jmp_buf escape;
    const struct image *image;
    struct buf *out;
};

static void leave_writing(png_structp png, png_const_charp message)
{
    struct writing *writing = png_get_error_ptr(png);
    (void)message;
    longjmp(writing->escape, 1);
}

static void put_bytes(png_structp png, png_bytep bytes, size_t n)
{
    struct writing *writing = png_get_io_ptr(png);
    if (!buf_append(writing->out, bytes, n)) png_error(png, "no memory");
}

static void flush_nothing(png_structp png)
{
    (void)png;
}

static void write_rows(struct writing *writing)
{
    png_structp png = writing->png;
    const struct image *image = writing->image;
    png_set_write_fn(png, writing, put_bytes, flush_nothing);
    png_set_IHDR(png, writing->info, (png_uint_32)image->width, (png_uint_32)image->height, 8,
                 PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, writing->info);
    for (size_t y = 0; y < image->height; y++)
        png_write_row(png, image->rgb + y * image->width * CHANNELS);
    png_write_end(png, writing->info);
}

static bool guarded_write(struct writing *writing)
{
    if (setjmp(writing->escape) != 0) return false;
    writing->png =
        png_create_write_struct(PNG_LIBPNG_VER_STRING, writing, leave_writing, hear_warning);
    writing->info = writing->png ? png_create_info_struct(writing->png) : NULL;
    if (writing->info) write_rows(writing);
    return writing->info;
}

/* Only for want of memory can this fail. */
bool image_write_png(const struct image *image, struct buf *png, struct err *err)
{
    struct writing writing = {.image = image, .out = png};
    bool ok = guarded_write(&writing);
    png_destroy_write_struct(&writing.png, &writing.info);
    return ok || image_has_no_memory("PNG", err);
}
