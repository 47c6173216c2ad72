/* simd_neon.h - the few vector operations that the float kernels are written in, as NEON of AArch64
 * has them.
 *
 * Included before a *_template.h, by files compiled for this instruction set only; simd_avx2.h
 * offers the same names. What each operation means is documented in simd.h. Relies on the state
 * that a process starts with: round to nearest even, subnormals kept, binary16 as IEEE has it.
 */
#ifndef PHIBENCH_ENGINE_KERNELS_ARM_SIMD_NEON_H
#define PHIBENCH_ENGINE_KERNELS_ARM_SIMD_NEON_H

#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SIMD_NAME(function) function##_neon
#define SIMD_FLOAT float32x4_t
#define SIMD_WIDE_TILES 0
/* Of 32 registers, 24 sums leave room for 4 of weights and one of inputs. 24 chains are more than
 * the cores of today need (2 to 4 multiply-adds begun in a cycle, latency 4); not measured. */
enum { SIMD_LANES = 4, SIMD_ACCUMULATORS = 24 };

static inline uint32x4_t simd_first(size_t n)
{
    const uint32x4_t lanes = {0, 1, 2, 3};
    return vcltq_u32(lanes, vdupq_n_u32(n < 4 ? (uint32_t)n : 4));
}

static inline SIMD_FLOAT simd_set(float value)
{
    return vdupq_n_f32(value);
}

static inline SIMD_FLOAT simd_load(const void *values)
{
    return vreinterpretq_f32_u8(vld1q_u8(values));
}

static inline SIMD_FLOAT simd_load_half(const void *halves)
{
    return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(halves)));
}

static inline SIMD_FLOAT simd_load_bfloat(const void *bfloats)
{
    return vreinterpretq_f32_u32(vshll_n_u16(vreinterpret_u16_u8(vld1_u8(bfloats)), 16));
}

static inline SIMD_FLOAT simd_load_int8(const void *bytes)
{
    uint32_t word;
    memcpy(&word, bytes, sizeof word);
    int16x4_t wide = vget_low_s16(vmovl_s8(vcreate_s8(word)));
    return vcvtq_f32_s32(vmovl_s16(wide));
}

static inline SIMD_FLOAT simd_load_first(const float *values, size_t n)
{
    if (n >= 4) return vld1q_f32(values);
    float lanes[4] = {0.0f};
    for (size_t i = 0; i < n; i++) lanes[i] = values[i];
    return vld1q_f32(lanes);
}

static inline void simd_store(void *values, SIMD_FLOAT v)
{
    vst1q_u8(values, vreinterpretq_u8_f32(v));
}

static inline void simd_store_first(float *values, SIMD_FLOAT v, size_t n)
{
    if (n >= 4) {
        vst1q_f32(values, v);
        return;
    }
    float lanes[4];
    vst1q_f32(lanes, v);
    for (size_t i = 0; i < n; i++) values[i] = lanes[i];
}

static inline void simd_store_half(void *halves, SIMD_FLOAT v)
{
    vst1_u8(halves, vreinterpret_u8_f16(vcvt_f16_f32(v)));
}

static inline SIMD_FLOAT simd_add(SIMD_FLOAT a, SIMD_FLOAT b)
{
    return vaddq_f32(a, b);
}

static inline SIMD_FLOAT simd_sub(SIMD_FLOAT a, SIMD_FLOAT b)
{
    return vsubq_f32(a, b);
}

static inline SIMD_FLOAT simd_mul(SIMD_FLOAT a, SIMD_FLOAT b)
{
    return vmulq_f32(a, b);
}

static inline SIMD_FLOAT simd_div(SIMD_FLOAT a, SIMD_FLOAT b)
{
    return vdivq_f32(a, b);
}

static inline SIMD_FLOAT simd_max(SIMD_FLOAT a, SIMD_FLOAT b)
{
    return vmaxq_f32(a, b);
}

static inline SIMD_FLOAT simd_abs(SIMD_FLOAT v)
{
    return vabsq_f32(v);
}

static inline SIMD_FLOAT simd_xor(SIMD_FLOAT a, SIMD_FLOAT b)
{
    return vreinterpretq_f32_u32(veorq_u32(vreinterpretq_u32_f32(a), vreinterpretq_u32_f32(b)));
}

static inline SIMD_FLOAT simd_fma(SIMD_FLOAT a, SIMD_FLOAT b, SIMD_FLOAT c)
{
    return vfmaq_f32(c, a, b);
}

static inline SIMD_FLOAT simd_fms(SIMD_FLOAT a, SIMD_FLOAT b, SIMD_FLOAT c)
{
    return vfmaq_f32(vnegq_f32(c), a, b);
}

static inline SIMD_FLOAT simd_fmaddsub(SIMD_FLOAT a, SIMD_FLOAT b, SIMD_FLOAT c)
{
    const SIMD_FLOAT even_signs = {-0.0f, 0.0f, -0.0f, 0.0f};
    return vfmaq_f32(simd_xor(c, even_signs), a, b);
}

static inline SIMD_FLOAT simd_keep(SIMD_FLOAT v, size_t first, size_t end, float other)
{
    return vbslq_f32(vbicq_u32(simd_first(end), simd_first(first)), v, vdupq_n_f32(other));
}

static inline SIMD_FLOAT simd_exp_limits(SIMD_FLOAT x, SIMD_FLOAT y, float min, float max)
{
    uint32x4_t is_not_above = vcleq_f32(x, vdupq_n_f32(max)); /* false for NaN */
    uint32x4_t is_below = vcltq_f32(x, vdupq_n_f32(min));
    y = vbslq_f32(is_not_above, y, vaddq_f32(x, vdupq_n_f32(__builtin_inff())));
    return vbslq_f32(is_below, vdupq_n_f32(0.0f), y);
}

static inline SIMD_FLOAT simd_add_exponent(SIMD_FLOAT p, SIMD_FLOAT shifted)
{
    uint32x4_t n = vshlq_n_u32(vreinterpretq_u32_f32(shifted), 23);
    return vreinterpretq_f32_u32(vaddq_u32(vreinterpretq_u32_f32(p), n));
}

static inline void simd_split_pairs(SIMD_FLOAT low, SIMD_FLOAT high, SIMD_FLOAT *even,
                                    SIMD_FLOAT *odd)
{
    *even = vuzp1q_f32(low, high);
    *odd = vuzp2q_f32(low, high);
}

static inline SIMD_FLOAT simd_duplicate_even(SIMD_FLOAT v)
{
    return vtrn1q_f32(v, v);
}

static inline SIMD_FLOAT simd_duplicate_odd(SIMD_FLOAT v)
{
    return vtrn2q_f32(v, v);
}

static inline SIMD_FLOAT simd_swap_pairs(SIMD_FLOAT v)
{
    return vrev64q_f32(v);
}

/* Halves of 16, of 8 and of 4 lanes are added, then the last two. */
static inline float simd_lanes_sum(const SIMD_FLOAT lanes[4])
{
    float32x4_t four = vaddq_f32(vaddq_f32(lanes[0], lanes[2]), vaddq_f32(lanes[1], lanes[3]));
    return vaddv_f32(vadd_f32(vget_low_f32(four), vget_high_f32(four)));
}

static inline float simd_lanes_max(SIMD_FLOAT v)
{
    return vmaxvq_f32(v);
}

#define SIMD_INT int32x4_t
enum { SIMD_BYTES_OFFSET = 0, SIMD_QUAD_BYTES = 4 };

static inline SIMD_INT simd_set_int(int32_t value)
{
    return vdupq_n_s32(value);
}

static inline SIMD_FLOAT simd_int_to_float(SIMD_INT v)
{
    return vcvtq_f32_s32(v);
}

/* The dot product is of signed bytes: they lose their offset of 128. */
struct simd_bytes {
    int8x16_t all;
};

static inline struct simd_bytes simd_load_bytes(const uint8_t *bytes)
{
    return (struct simd_bytes){vreinterpretq_s8_u8(veorq_u8(vld1q_u8(bytes), vdupq_n_u8(128)))};
}

static inline void simd_store_quad(const int8_t q[4], uint8_t *quad)
{
    memcpy(quad, q, 4);
}

static inline SIMD_INT simd_dot_bytes(SIMD_INT sum, struct simd_bytes bytes, const uint8_t *quad)
{
    int32_t word;
    memcpy(&word, quad, sizeof word);
    return vdotq_s32(sum, bytes.all, vreinterpretq_s8_s32(vdupq_n_s32(word)));
}

#include "engine/kernels/simd/simd.h"

#endif
