/* image_webp.c - WebP, on libwebp.
 *
 * The first frame is decoded as Pillow does it and laid on a canvas that is transparent, thus
 * white, where the frame of an animation does not reach. The demultiplexer finds frame and EXIF,
 * and refuses a file whose parts contradict each other.
 */
#include "base/image_format.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

enum { RIFF_HEADER_BYTES = 12, RIFF_PREFIX_BYTES = 8, CHANNELS = 3, PIXEL_BYTES = 4 };

static bool webp_is_it(const uint8_t *bytes, size_t n_bytes)
{
    return n_bytes >= RIFF_HEADER_BYTES && !memcmp(bytes, "RIFF", 4) &&
           !memcmp(bytes + RIFF_PREFIX_BYTES, "WEBP", 4);
}

/* Close with WebPDemuxDelete; NULL with an error. */
static WebPDemuxer *open_parts(const uint8_t *bytes, size_t n_bytes, struct err *err)
{
    size_t n_riff =
        bytes[4] | (size_t)bytes[5] << 8 | (size_t)bytes[6] << 16 | (size_t)bytes[7] << 24;
    if (n_riff > n_bytes - RIFF_PREFIX_BYTES) {
        image_is_cut_off("WebP", err);
        return NULL;
    }
    WebPDemuxer *parts = WebPDemux(&(WebPData){bytes, n_bytes});
    if (!parts) image_is_unreadable("WebP", "its parts do not fit together", err);
    return parts;
}

static bool webp_read_header(const uint8_t *bytes, size_t n_bytes, struct image_header *header,
                             struct err *err)
{
    WebPChunkIterator chunk;
    WebPDemuxer *parts = open_parts(bytes, n_bytes, err);
    if (!parts) return false;
    *header = (struct image_header){WebPDemuxGetI(parts, WEBP_FF_CANVAS_WIDTH),
                                    WebPDemuxGetI(parts, WEBP_FF_CANVAS_HEIGHT), 1};
    if (WebPDemuxGetChunk(parts, "EXIF", 1, &chunk)) {
        header->orientation = image_exif_orientation(chunk.chunk.bytes, chunk.chunk.size);
        WebPDemuxReleaseChunkIterator(&chunk);
    }
    WebPDemuxDelete(parts);
    if (header->width && header->height) return true;
    return image_is_unreadable("WebP", "its header has no size", err);
}

static bool decode_frame(const WebPIterator *frame, uint8_t *rgba, struct err *err)
{
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config))
        return image_is_unreadable("WebP", "the library is of another version", err);
    size_t row_bytes = (size_t)frame->width * PIXEL_BYTES;
    config.output.colorspace = MODE_RGBA;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = rgba;
    config.output.u.RGBA.stride = (int)row_bytes;
    config.output.u.RGBA.size = row_bytes * (size_t)frame->height;
    VP8StatusCode status = WebPDecode(frame->fragment.bytes, frame->fragment.size, &config);
    WebPFreeDecBuffer(&config.output);
    if (status == VP8_STATUS_OK) return true;
    if (status == VP8_STATUS_OUT_OF_MEMORY) return image_has_no_memory("WebP", err);
    if (status == VP8_STATUS_NOT_ENOUGH_DATA || status == VP8_STATUS_SUSPENDED)
        return image_is_cut_off("WebP", err);
    return image_is_unreadable("WebP", "its data are damaged", err);
}

/* The frame's pixels at its place on the canvas. */
static bool lay_frame(const WebPIterator *frame, const struct image_header *header, uint8_t *rgb,
                      struct err *err)
{
    size_t x = (size_t)frame->x_offset, y = (size_t)frame->y_offset;
    size_t width = (size_t)frame->width, height = (size_t)frame->height;
    if (x > header->width || width > header->width - x || y > header->height ||
        height > header->height - y)
        return image_is_unreadable("WebP", "its first frame does not fit", err);
    uint8_t *rgba = mem_new(width * height, PIXEL_BYTES, err);
    bool ok = rgba && decode_frame(frame, rgba, err);
    for (size_t i = 0; ok && i < height; i++)
        image_lay_on_white(rgba + i * width * PIXEL_BYTES, width,
                           rgb + ((y + i) * header->width + x) * CHANNELS);
    free(rgba);
    return ok;
}

static bool webp_read_pixels(const uint8_t *bytes, size_t n_bytes,
                             const struct image_header *header, uint8_t *rgb, struct err *err)
{
    WebPIterator frame;
    WebPDemuxer *parts = open_parts(bytes, n_bytes, err);
    if (!parts) return false;
    bool ok;
    if (WebPDemuxGetFrame(parts, 1, &frame)) {
        bool is_whole =
            (size_t)frame.width == header->width && (size_t)frame.height == header->height;
        if (!is_whole) memset(rgb, 255, header->width * header->height * CHANNELS);
        ok = lay_frame(&frame, header, rgb, err);
        WebPDemuxReleaseIterator(&frame);
    } else ok = image_is_unreadable("WebP", "it has no picture", err);
    WebPDemuxDelete(parts);
    return ok;
}

const struct image_format IMAGE_WEBP = {"WebP", "image/webp", webp_is_it, webp_read_header,
                                        webp_read_pixels};
