/* frequencies.c - see frequencies.h. Rounded to float at each step as the float32 reference
 * implementations round it: at a hundred thousand positions one bit of a frequency is much of an
 * angle.
 */
#include "engine/frequencies.h"

#include "base/mem.h"
#include "engine/kernels/math.h"

#include <stdlib.h>

/* Sine and cosine are defined up to a million radians (kernels/math.h). */
static const float MAX_ANGLE = 999999.0f;

static bool fill(const struct hparams *h, const struct rotation *rotation, const float *divisors,
                 float *frequencies, struct err *err)
{
    bool is_longrope = rotation->divisors && rotation->divisors != WEIGHT_ROPE_FREQS;
    for (size_t i = 0; i < h->n_rope / 2; i++) {
        float exponent = (float)(2 * i) / (float)h->n_rope;
        float power = (float)math_exp((double)exponent * math_log((double)rotation->base));
        float divisor = divisors ? divisors[i] : 1.0f;
        float frequency = is_longrope ? 1.0f / (divisor * power) : 1.0f / power / divisor;
        frequency /= rotation->scale;
        float last_angle = (float)h->context_tokens * frequency;
        if (!(last_angle >= 0 && last_angle <= MAX_ANGLE))
            return err_set(err, ERR_INPUT,
                           "the rotation by %g radians per position is out of range",
                           (double)frequency);
        frequencies[i] = frequency;
    }
    return true;
}

static bool read_kind(const struct source *source, const struct hparams *h, enum rotation_kind kind,
                      float **frequencies, struct err *err)
{
    const struct rotation *rotation = &h->rotations[kind];
    const struct tensor_info *tensor =
        rotation->divisors ? hparams_tensor(h, rotation->divisors, 0) : NULL;
    if (!(rotation->base > 0)) return true;
    float *divisors = tensor ? source_read_vector(source, tensor, err) : NULL;
    bool ok = (!tensor || divisors) &&
              (*frequencies = mem_new(h->n_rope / 2, sizeof **frequencies, err)) &&
              fill(h, rotation, divisors, *frequencies, err);
    free(divisors);
    return ok;
}

bool frequencies_read(const struct source *source, const struct hparams *h,
                      struct frequencies *frequencies, struct err *err)
{
    *frequencies = (struct frequencies){{0}};
    for (enum rotation_kind kind = 0; kind < ROTATION_COUNT; kind++)
        if (!read_kind(source, h, kind, &frequencies->of[kind], err))
            return err_place(err, source->path, 0, 0);
    return true;
}

void frequencies_done(struct frequencies *frequencies)
{
    for (size_t i = 0; i < ROTATION_COUNT; i++) free(frequencies->of[i]);
}
