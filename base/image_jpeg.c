/* image_jpeg.c - JPEG, on libjpeg-turbo.
 *
 * The slow integer transform and smooth upsampling are what Pillow uses, and the library's vector
 * code gives their bits, too, so that pixels are the same on every machine. What is no error to
 * libjpeg, such as odd bytes between markers, is none here; only an end that comes too early is,
 * for the library would go on with grey. The library leaves by longjmp, so that whatever lives
 * longer than a call of it is in struct reading.
 */
#include "base/image_format.h"

#include <setjmp.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

/* Each scan visits every block: a picture has a dozen, a bomb as many as fit into the file. */
enum { MAX_SCANS = 100, CHANNELS = 3, INKS = 4, EXIF_MARKER = JPEG_APP0 + 1 };
enum { CODE_TOO_MANY_SCANS = -1 };

struct reading {
    struct jpeg_decompress_struct codec;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    int code; /* the library's number of what went wrong, or CODE_* */
    char message[JMSG_LENGTH_MAX];
    const uint8_t *bytes;
    size_t n_bytes;
    uint8_t *rgb; /* where pixels go */
};

static void leave(j_common_ptr codec)
{
    struct reading *reading = codec->client_data;
    reading->code = codec->err->msg_code;
    codec->err->format_message(codec, reading->message);
    longjmp(reading->escape, 1);
}

static void hear_message(j_common_ptr codec, int level)
{
    if (level < 0 && codec->err->msg_code == JWRN_JPEG_EOF) leave(codec);
}

static void count_scans(j_common_ptr codec)
{
    struct reading *reading = codec->client_data;
    if (reading->codec.input_scan_number <= MAX_SCANS) return;
    reading->code = CODE_TOO_MANY_SCANS;
    longjmp(reading->escape, 1);
}

static void open_header(struct reading *reading)
{
    struct jpeg_decompress_struct *codec = &reading->codec;
    jpeg_create_decompress(codec);
    codec->progress = &reading->progress;
    jpeg_mem_src(codec, reading->bytes, (unsigned long)reading->n_bytes);
    jpeg_save_markers(codec, EXIF_MARKER, 0xffff);
    jpeg_read_header(codec, TRUE);
}

/* Inks are stored inverted, as Adobe's programs do; Pillow takes all files for theirs. */
static void put_inks(const uint8_t *inks, size_t n, uint8_t *rgb)
{
    for (size_t i = 0; i < n; i++, inks += INKS, rgb += CHANNELS) {
        for (int c = 0; c < CHANNELS; c++) {
            uint32_t product = (255u - inks[c]) * inks[3] + 128u;
            uint32_t taken = ((product >> 8) + product) >> 8;
            rgb[c] = (uint8_t)(inks[3] - taken);
        }
    }
}

static void read_rows(struct reading *reading)
{
    struct jpeg_decompress_struct *codec = &reading->codec;
    bool is_ink = codec->num_components == INKS;
    codec->out_color_space = is_ink ? JCS_CMYK : JCS_RGB;
    codec->dct_method = JDCT_ISLOW;
    codec->do_fancy_upsampling = TRUE;
    jpeg_start_decompress(codec);
    size_t width = codec->output_width;
    JSAMPROW inks = NULL;
    if (is_ink) inks = codec->mem->alloc_large((j_common_ptr)codec, JPOOL_IMAGE, width * INKS);
    while (codec->output_scanline < codec->output_height) {
        uint8_t *row = reading->rgb + codec->output_scanline * width * CHANNELS;
        JSAMPROW target = is_ink ? inks : row;
        jpeg_read_scanlines(codec, &target, 1);
        if (is_ink) put_inks(inks, width, row);
    }
    jpeg_finish_decompress(codec);
}

/* Does the work and comes back, whether the library left it or not: false then, with the error. */
static bool guarded(struct reading *reading, void (*work)(struct reading *), struct err *err)
{
    if (setjmp(reading->escape) == 0) {
        work(reading);
        return true;
    }
    if (reading->code == JWRN_JPEG_EOF) return image_is_cut_off("JPEG", err);
    if (reading->code == JERR_OUT_OF_MEMORY) return image_has_no_memory("JPEG", err);
    if (reading->code == CODE_TOO_MANY_SCANS)
        return err_set(err, ERR_INPUT, "the JPEG has more than %d scans: save it again", MAX_SCANS);
    return image_is_unreadable("JPEG", reading->message, err);
}

static void begin(struct reading *reading, const uint8_t *bytes, size_t n_bytes, uint8_t *rgb)
{
    memset(reading, 0, sizeof *reading);
    reading->codec.err = jpeg_std_error(&reading->errors);
    reading->errors.error_exit = leave;
    reading->errors.emit_message = hear_message;
    reading->codec.client_data = reading;
    reading->progress.progress_monitor = count_scans;
    reading->bytes = bytes;
    reading->n_bytes = n_bytes;
    reading->rgb = rgb;
}

static bool jpeg_is_it(const uint8_t *bytes, size_t n_bytes)
{
    return n_bytes >= 3 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff;
}

/* APP1 is XMP's marker as well: EXIF's begins with its name. */
static int orientation_of(const struct jpeg_decompress_struct *codec)
{
    for (jpeg_saved_marker_ptr at = codec->marker_list; at; at = at->next)
        if (at->data_length >= 6 && !memcmp(at->data, "Exif\0", 6))
            return image_exif_orientation(at->data, at->data_length);
    return 1;
}

static bool jpeg_read_size(const uint8_t *bytes, size_t n_bytes, struct image_header *header,
                           struct err *err)
{
    struct reading reading;
    begin(&reading, bytes, n_bytes, NULL);
    bool ok = guarded(&reading, open_header, err);
    if (ok)
        *header = (struct image_header){reading.codec.image_width, reading.codec.image_height,
                                        orientation_of(&reading.codec)};
    jpeg_destroy_decompress(&reading.codec);
    return ok;
}

static bool jpeg_read_pixels(const uint8_t *bytes, size_t n_bytes,
                             const struct image_header *header, uint8_t *rgb, struct err *err)
{
    (void)header;
    struct reading reading;
    begin(&reading, bytes, n_bytes, rgb);
    bool ok = guarded(&reading, open_header, err) && guarded(&reading, read_rows, err);
    jpeg_destroy_decompress(&reading.codec);
    return ok;
}

const struct image_format IMAGE_JPEG = {"JPEG", "image/jpeg", jpeg_is_it, jpeg_read_size,
                                        jpeg_read_pixels};
