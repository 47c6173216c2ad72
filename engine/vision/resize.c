/* resize.c - see resize.h.
 *
 * Each of the two directions is a table of weights, made once, and sums of pixels by it. A
 * direction that keeps its size has one weight for each output, which changes nothing. Doubles only
 * make the weights; they are rounded after every operation, so that these are the same everywhere.
 */
#include "engine/vision/resize.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

enum { CHANNELS = 3, WEIGHT_BITS = 22 };

/* Output i is the sum of n_taps[i] inputs from first[i] on, by the weights at i * most_taps. */
struct filter {
    size_t most_taps;
    size_t *first, *n_taps;
    int32_t *weights; /* of one output they sum to 2^WEIGHT_BITS, but for rounding */
};

static void filter_free(struct filter *filter)
{
    free(filter->first);
    free(filter->n_taps);
    free(filter->weights);
}

static double triangle(double x)
{
    return fabs(x) < 1.0 ? 1.0 - fabs(x) : 0.0;
}

/* The weights of output i: a triangle around its middle, `reach` inputs to either side. */
static void weigh(struct filter *filter, size_t i, size_t n_in, double scale, double reach,
                  double *shares)
{
    double middle = ((double)i + 0.5) * scale, total = 0.0;
    double begin = middle - reach + 0.5, end = middle + reach + 0.5;
    size_t first = begin > 0.0 ? (size_t)begin : 0;
    size_t n = (end < (double)n_in ? (size_t)end : n_in) - first;
    for (size_t k = 0; k < n; k++) {
        shares[k] = triangle(((double)(first + k) - middle + 0.5) * (1.0 / reach));
        total += shares[k];
    }
    filter->first[i] = first;
    filter->n_taps[i] = n;
    for (size_t k = 0; k < n; k++)
        filter->weights[i * filter->most_taps + k] =
            (int32_t)(0.5 + shares[k] / total * (double)(1 << WEIGHT_BITS));
}

/* Free with filter_free, also after a failure. */
static bool filter_make(struct filter *filter, size_t n_in, size_t n_out, struct err *err)
{
    double scale = (double)n_in / (double)n_out, reach = scale < 1.0 ? 1.0 : scale;
    filter->most_taps = (size_t)ceil(reach) * 2 + 1;
    filter->first = mem_new(n_out, sizeof *filter->first, err);
    filter->n_taps = mem_new(n_out, sizeof *filter->n_taps, err);
    filter->weights = mem_new(n_out * filter->most_taps, sizeof *filter->weights, err);
    double *shares = mem_new(filter->most_taps, sizeof *shares, err);
    bool ok = filter->first && filter->n_taps && filter->weights && shares;
    for (size_t i = 0; ok && i < n_out; i++) weigh(filter, i, n_in, scale, reach, shares);
    free(shares);
    return ok;
}

/* Sums of 8-bit values stay below 2^31 and, rounded, below 256: the weights are not negative, and
 * their rounding adds less than half a step up to 16,000 of them, far more than a picture has. */
static uint8_t rounded(int32_t sum)
{
    return (uint8_t)((sum + (1 << (WEIGHT_BITS - 1))) >> WEIGHT_BITS);
}

static void filter_width(const struct filter *filter, const struct image *from, struct image *to)
{
    uint8_t *out = to->rgb;
    for (size_t y = 0; y < from->height; y++) {
        const uint8_t *row = from->rgb + y * from->width * CHANNELS;
        for (size_t x = 0; x < to->width; x++, out += CHANNELS) {
            const uint8_t *in = row + filter->first[x] * CHANNELS;
            const int32_t *weights = filter->weights + x * filter->most_taps;
            int32_t sums[CHANNELS] = {0};
            for (size_t k = 0; k < filter->n_taps[x]; k++, in += CHANNELS)
                for (int c = 0; c < CHANNELS; c++) sums[c] += in[c] * weights[k];
            for (int c = 0; c < CHANNELS; c++) out[c] = rounded(sums[c]);
        }
    }
}

/* sums: [3 * width], to add whole rows. */
static void filter_height(const struct filter *filter, const struct image *from, struct image *to,
                          int32_t *sums)
{
    size_t n = from->width * CHANNELS;
    for (size_t y = 0; y < to->height; y++) {
        const uint8_t *in = from->rgb + filter->first[y] * n;
        for (size_t i = 0; i < n; i++) sums[i] = 0;
        for (size_t k = 0; k < filter->n_taps[y]; k++, in += n) {
            int32_t weight = filter->weights[y * filter->most_taps + k];
            for (size_t i = 0; i < n; i++) sums[i] += in[i] * weight;
        }
        for (size_t i = 0; i < n; i++) to->rgb[y * n + i] = rounded(sums[i]);
    }
}

/* One direction: *to, which is empty, gets the other size. */
static bool resize_one(const struct image *from, size_t width, size_t height, struct image *to,
                       struct err *err)
{
    bool is_width = width != from->width;
    struct filter filter = {0};
    int32_t *sums = mem_new(from->width * CHANNELS, sizeof *sums, err);
    *to = (struct image){width, height, mem_new(width * height, CHANNELS, err)};
    bool ok =
        sums && to->rgb &&
        filter_make(&filter, is_width ? from->width : from->height, is_width ? width : height, err);
    if (ok && is_width) filter_width(&filter, from, to);
    else if (ok) filter_height(&filter, from, to, sums);
    filter_free(&filter);
    free(sums);
    if (!ok) image_free(to);
    return ok;
}

bool resize_bilinear(const struct image *from, size_t width, size_t height, enum resize_order order,
                     struct image *to, struct err *err)
{
    bool width_first = order == RESIZE_WIDTH_FIRST;
    struct image between;
    *to = (struct image){0};
    if (!resize_one(from, width_first ? width : from->width, width_first ? from->height : height,
                    &between, err))
        return false;
    bool ok = resize_one(&between, width, height, to, err);
    image_free(&between);
    return ok;
}
