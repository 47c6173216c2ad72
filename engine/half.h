/* half.h - IEEE binary16 and bfloat16 to float32 and back, and whether floats fit, in the header so
 * that loops over them are compiled into one.
 *
 * Rounding is to nearest even; subnormals are kept, NaN stays NaN. No instruction of one kind of
 * machine is used: the bits are the same everywhere.
 */
#ifndef PHIBENCH_ENGINE_HALF_H
#define PHIBENCH_ENGINE_HALF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The least magnitude that rounds to infinity in binary16, and in bfloat16. */
#define HALF_OVERFLOW 65520.0f
#define BFLOAT_OVERFLOW 0x1.ffp127f

static inline float float_from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t bits_from_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Exponent and fraction are read as those of a float32, whose exponent is biased by 112 more: an
 * exact multiplication by 2^112 makes it good, for subnormals too. Infinity and NaN have the
 * exponent of all ones in both. */
static inline float half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, magnitude = (uint32_t)(half & 0x7fff) << 13;
    uint32_t special = magnitude >= 0x0f800000 ? 0x7f800000 : 0;
    return float_from_bits(sign | special | bits_from_float(float_from_bits(magnitude) * 0x1p112f));
}

static inline uint16_t float_to_half(float value)
{
    uint32_t bits = bits_from_float(value), magnitude = bits & 0x7fffffff;
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    if (magnitude > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (magnitude >> 13 & 0x1ff));
    if (magnitude >= 0x477ff000) return (uint16_t)(sign | 0x7c00); /* 65520 rounds to infinity */
    if (magnitude < 0x38800000) {                                  /* below 2^-14: subnormal */
        /* In 0.5 + x the last place is 2^-24: the addition itself rounds to nearest even. */
        uint32_t rounded = bits_from_float(float_from_bits(magnitude) + 0.5f) - 0x3f000000;
        return (uint16_t)(sign | rounded);
    }
    uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
    return (uint16_t)(sign | ((rounded >> 13) - (112 << 10)));
}

static inline float bfloat_to_float(uint16_t bfloat)
{
    return float_from_bits((uint32_t)bfloat << 16);
}

static inline uint16_t float_to_bfloat(float value)
{
    uint32_t bits = bits_from_float(value);
    if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16 | 64); /* quiet */
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* Whether the magnitude of each of x: [n] is below a limit; that of NaN never is. What is at or
 * above the limit carries into the sign: additions alone, which any compiler makes vectors of. */
static inline bool floats_are_below(const float *x, size_t n, float limit)
{
    enum { STEP = 16 };
    uint32_t to_sign = 0x80000000u - bits_from_float(limit), all = 0;
    size_t i = 0;
    for (; i + STEP <= n; i += STEP) {
        uint32_t bits[STEP], step = 0;
        memcpy(bits, x + i, sizeof bits);
        for (size_t k = 0; k < STEP; k++) step |= (bits[k] & 0x7fffffff) + to_sign;
        all |= step;
    }
    for (; i < n; i++) all |= (bits_from_float(x[i]) & 0x7fffffff) + to_sign;
    return all < 0x80000000u;
}

#endif
