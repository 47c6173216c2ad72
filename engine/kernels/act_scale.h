/* act_scale.h - the scale of a block of int8 activations, one text for every instruction set.
 *
 * Levels find the largest magnitude as they like; what follows from it is decided here.
 */
#ifndef PHIBENCH_ENGINE_KERNELS_ACT_SCALE_H
#define PHIBENCH_ENGINE_KERNELS_ACT_SCALE_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* maximum_bits: the largest of the block's values as bits without their signs, which order as the
 * magnitudes do and put infinity and NaN last. Fills the block's d; true if q = x * scale is to be
 * rounded, false if every q is 0. */
static inline bool act_scale(uint32_t maximum_bits, float *d, float *scale)
{
    float maximum;
    memcpy(&maximum, &maximum_bits, sizeof maximum);
    bool is_finite = maximum_bits < 0x7f800000;
    if (!is_finite || maximum < 0x1p-100f) {
        *d = is_finite ? 0.0f : NAN;
        return false;
    }
    *d = maximum / 127.0f;
    *scale = 127.0f / maximum;
    return true;
}

#endif
