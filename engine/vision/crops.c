/* crops.c - see crops.h.
 *
 * The reference turns a tall picture on its side, works on a wide one and turns it back; here the
 * long side is a variable, which comes to the same. It takes the thumbnail from normalised floats
 * by PyTorch's bicubic interpolation. The canvas being a whole number n of sides, a pixel of the
 * thumbnail lies in the middle of one of the canvas' (odd n), which it is then, or between two
 * (even n), where the four weights are -3, 19, 19 and -3 of 32 (a = -0.75). So it is a sum of
 * integers that is normalised last, and rounded as often as any other pixel.
 */
#include "engine/vision/crops.h"

#include "base/mem.h"
#include "engine/vision/resize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHANNELS = CROP_CHANNELS,
    WHITE = 255,
    N_TAPS = 4,
    TAP_UNIT = 32,
    UNIT = TAP_UNIT * TAP_UNIT
};

const float CROP_MEAN[CHANNELS] = {0.48145466f, 0.4578275f, 0.40821073f};
const float CROP_DEVIATION[CHANNELS] = {0.26862954f, 0.26130258f, 0.27577711f};

/* What a picture is resized to, and the grid of squares that it is laid on. */
struct fit {
    bool is_tall;
    size_t width, height;
    struct crop_grid grid;
};

static struct fit fit_of(size_t width, size_t height, size_t max_crops)
{
    bool is_tall = width < height;
    double ratio = is_tall ? (double)height / (double)width : (double)width / (double)height;
    size_t n_long = 1;
    while ((double)(n_long + 1) * ceil((double)(n_long + 1) / ratio) <= (double)max_crops) n_long++;
    size_t longer = n_long * CROP_SIDE, shorter = (size_t)((double)longer / ratio);
    size_t n_short = (shorter + CROP_SIDE - 1) / CROP_SIDE;
    if (is_tall) return (struct fit){true, shorter, longer, {n_short, n_long}};
    return (struct fit){false, longer, shorter, {n_long, n_short}};
}

struct crop_grid crop_grid_of(size_t width, size_t height, size_t max_crops)
{
    return fit_of(width, height, max_crops).grid;
}

size_t crop_tokens(struct crop_grid grid)
{
    size_t n_crops = grid.n_wide * grid.n_high;
    size_t n_rows = grid.n_high * CROP_SIDE_TOKENS + CROP_SIDE_TOKENS;
    return (n_crops + 1) * CROP_SIDE_TOKENS * CROP_SIDE_TOKENS + n_rows + 1;
}

/* The resized picture in the middle of a white one; of an odd remainder the larger part goes below
 * or to the right. */
static bool make_canvas(const struct image *image, const struct fit *fit, struct image *canvas,
                        struct err *err)
{
    struct image resized;
    size_t width = fit->grid.n_wide * CROP_SIDE, height = fit->grid.n_high * CROP_SIDE;
    if (!resize_bilinear(image, fit->width, fit->height,
                         fit->is_tall ? RESIZE_HEIGHT_FIRST : RESIZE_WIDTH_FIRST, &resized, err))
        return false;
    *canvas = (struct image){width, height, mem_new(width * height, CHANNELS, err)};
    if (canvas->rgb) memset(canvas->rgb, WHITE, width * height * CHANNELS);
    size_t left = (width - fit->width) / 2, top = (height - fit->height) / 2;
    for (size_t y = 0; canvas->rgb && y < fit->height; y++)
        memcpy(canvas->rgb + ((top + y) * width + left) * CHANNELS,
               resized.rgb + y * fit->width * CHANNELS, fit->width * CHANNELS);
    image_free(&resized);
    return canvas->rgb;
}

/* A colour in units of 1 / UNIT of an 8-bit step: exact as a float, and so is the divisor, so that
 * for a whole colour this is PyTorch's value / 255. */
static float normalised(int32_t colour, int channel)
{
    return ((float)colour / (float)(WHITE * UNIT) - CROP_MEAN[channel]) / CROP_DEVIATION[channel];
}

/* The square of the canvas whose corner is (left, top), as planes of colours. */
static void put_crop(const struct image *canvas, size_t left, size_t top, float *values)
{
    for (int c = 0; c < CHANNELS; c++) {
        float of[WHITE + 1];
        for (int colour = 0; colour <= WHITE; colour++) of[colour] = normalised(colour * UNIT, c);
        for (size_t y = 0; y < CROP_SIDE; y++) {
            const uint8_t *row = canvas->rgb + ((top + y) * canvas->width + left) * CHANNELS;
            for (size_t x = 0; x < CROP_SIDE; x++) *values++ = of[row[x * CHANNELS + (size_t)c]];
        }
    }
}

/* Where along n sides each pixel of the thumbnail lies: between the second and the third of four
 * pixels, or on the second; at the edge one stands for those that are missing. */
struct taps {
    size_t at[CROP_SIDE][N_TAPS];
    const int32_t *weights; /* of TAP_UNIT */
};

static void place_taps(struct taps *taps, size_t n)
{
    static const int32_t WEIGHTS[2][N_TAPS] = {{-3, 19, 19, -3}, {0, TAP_UNIT, 0, 0}};
    taps->weights = WEIGHTS[n % 2];
    for (size_t i = 0; i < CROP_SIDE; i++) {
        size_t second = (n * (2 * i + 1) - 1) / 2, last = n * CROP_SIDE - 1;
        for (size_t k = 0; k < N_TAPS; k++) {
            size_t at = second + k ? second + k - 1 : 0;
            taps->at[i][k] = at < last ? at : last;
        }
    }
}

/* The pixel's three sums, in units of 1 / UNIT. */
static void sum_taps(const struct image *canvas, const struct taps *across, const struct taps *down,
                     size_t x, size_t y, int32_t *sums)
{
    for (int j = 0; j < N_TAPS; j++) {
        const uint8_t *row = canvas->rgb + down->at[y][j] * canvas->width * CHANNELS;
        for (int i = 0; i < N_TAPS; i++) {
            int32_t weight = down->weights[j] * across->weights[i];
            const uint8_t *pixel = row + across->at[x][i] * CHANNELS;
            for (int c = 0; c < CHANNELS; c++) sums[c] += weight * pixel[c];
        }
    }
}

static void put_thumbnail(const struct image *canvas, struct crop_grid grid, float *values)
{
    struct taps across, down;
    place_taps(&across, grid.n_wide);
    place_taps(&down, grid.n_high);
    for (size_t y = 0; y < CROP_SIDE; y++) {
        for (size_t x = 0; x < CROP_SIDE; x++) {
            int32_t sums[CHANNELS] = {0};
            sum_taps(canvas, &across, &down, x, y, sums);
            for (int c = 0; c < CHANNELS; c++)
                values[((size_t)c * CROP_SIDE + y) * CROP_SIDE + x] = normalised(sums[c], c);
        }
    }
}

bool crops_make(const struct image *image, size_t side, size_t max_crops, struct crops *crops,
                struct err *err)
{
    enum { CROP_VALUES = CHANNELS * CROP_SIDE * CROP_SIDE };
    struct image canvas = {0};
    struct fit fit = fit_of(image->width, image->height, max_crops);
    struct crop_grid grid = fit.grid;
    *crops = (struct crops){0};
    if (side != CROP_SIDE)
        return err_set(err, ERR_UNSUPPORTED, "crops of %zu pixels: only %d are supported", side,
                       CROP_SIDE);
    if (!make_canvas(image, &fit, &canvas, err)) return false;
    size_t n = 1 + grid.n_wide * grid.n_high;
    *crops = (struct crops){n, grid, mem_new(n * CROP_VALUES, sizeof(float), err)};
    if (crops->values) {
        put_thumbnail(&canvas, grid, crops->values);
        for (size_t i = 1; i < n; i++)
            put_crop(&canvas, (i - 1) % grid.n_wide * CROP_SIDE, (i - 1) / grid.n_wide * CROP_SIDE,
                     crops->values + i * CROP_VALUES);
    }
    image_free(&canvas);
    if (!crops->values) crops_free(crops);
    return crops->n > 0;
}

void crops_free(struct crops *crops)
{
    free(crops->values);
    *crops = (struct crops){0};
}
