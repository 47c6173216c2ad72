/* elementwise_template.h - norms, rotation, gates and addition, one text for every vector
 * instruction set: included once by elementwise_<isa>.c, after the simd header of that set.
 *
 * The last, partial register of a vector is loaded and stored lane by lane under a mask, so that
 * every element takes the same path.
 */
#ifndef PHIBENCH_ENGINE_KERNELS_SIMD_ELEMENTWISE_TEMPLATE_H
#define PHIBENCH_ENGINE_KERNELS_SIMD_ELEMENTWISE_TEMPLATE_H

#ifdef SIMD_FLOAT

#include "engine/kernels/kernel_list.h"

#include <math.h>

/* Lanes past n count as zero: adding fmaf(0, 0, lane) leaves a sum of squares as it is. */
static float sum_of_squares(const float *x, size_t n)
{
    SIMD_FLOAT lanes[SIMD_PARTS];
    for (size_t part = 0; part < SIMD_PARTS; part++) lanes[part] = simd_set(0.0f);
    for (size_t i = 0; i < n; i += SIMD_PARTS * SIMD_LANES) {
        for (size_t part = 0; part < SIMD_PARTS; part++) {
            size_t first = i + part * SIMD_LANES;
            if (first >= n) break;
            SIMD_FLOAT v = simd_load_first(x + first, n - first);
            lanes[part] = simd_fma(v, v, lanes[part]);
        }
    }
    return simd_lanes_sum(lanes);
}

void SIMD_NAME(rms_norm)(const float *x, const float *w, size_t n, float eps, float *out)
{
    SIMD_FLOAT r = simd_set(1.0f / sqrtf(sum_of_squares(x, n) / (float)n + eps));
    for (size_t i = 0; i < n; i += SIMD_LANES) {
        SIMD_FLOAT v = simd_mul(simd_load_first(x + i, n - i), r);
        simd_store_first(out + i, simd_mul(v, simd_load_first(w + i, n - i)), n - i);
    }
}

/* Lanes past n count as zero, which leaves a sum as it is. */
static float sum_of_values(const float *x, size_t n)
{
    SIMD_FLOAT lanes[SIMD_PARTS];
    for (size_t part = 0; part < SIMD_PARTS; part++) lanes[part] = simd_set(0.0f);
    for (size_t i = 0; i < n; i += SIMD_PARTS * SIMD_LANES) {
        for (size_t part = 0; part < SIMD_PARTS; part++) {
            size_t first = i + part * SIMD_LANES;
            if (first >= n) break;
            lanes[part] = simd_add(lanes[part], simd_load_first(x + first, n - first));
        }
    }
    return simd_lanes_sum(lanes);
}

/* The same of squared distances from the mean. */
static float sum_of_deviations(const float *x, size_t n, SIMD_FLOAT mean)
{
    SIMD_FLOAT lanes[SIMD_PARTS];
    for (size_t part = 0; part < SIMD_PARTS; part++) lanes[part] = simd_set(0.0f);
    for (size_t i = 0; i < n; i += SIMD_PARTS * SIMD_LANES) {
        for (size_t part = 0; part < SIMD_PARTS; part++) {
            size_t first = i + part * SIMD_LANES;
            if (first >= n) break;
            SIMD_FLOAT v = simd_sub(simd_load_first(x + first, n - first), mean);
            v = simd_keep(v, 0, n - first, 0.0f);
            lanes[part] = simd_fma(v, v, lanes[part]);
        }
    }
    return simd_lanes_sum(lanes);
}

void SIMD_NAME(layer_norm)(const float *x, const float *w, const float *b, size_t n, float eps,
                           float *out)
{
    SIMD_FLOAT mean = simd_set(sum_of_values(x, n) / (float)n);
    SIMD_FLOAT r = simd_set(1.0f / sqrtf(sum_of_deviations(x, n, mean) / (float)n + eps));
    for (size_t i = 0; i < n; i += SIMD_LANES) {
        SIMD_FLOAT v = simd_mul(simd_sub(simd_load_first(x + i, n - i), mean), r);
        v = simd_fma(v, simd_load_first(w + i, n - i), simd_load_first(b + i, n - i));
        simd_store_first(out + i, v, n - i);
    }
}

static void rotate_halves(float *x, const float *cos_sin, size_t n_pairs)
{
    for (size_t i = 0; i < n_pairs; i += SIMD_LANES) {
        size_t n = n_pairs - i;
        const float *table = cos_sin + 2 * i;
        SIMD_FLOAT low = simd_load_first(table, 2 * n), high = simd_set(0.0f);
        if (2 * n > SIMD_LANES) high = simd_load_first(table + SIMD_LANES, 2 * n - SIMD_LANES);
        SIMD_FLOAT c, s;
        simd_split_pairs(low, high, &c, &s);
        SIMD_FLOAT a = simd_load_first(x + i, n), b = simd_load_first(x + n_pairs + i, n);
        simd_store_first(x + i, simd_fms(a, c, simd_mul(b, s)), n);
        simd_store_first(x + n_pairs + i, simd_fma(b, c, simd_mul(a, s)), n);
    }
}

static void rotate_neighbours(float *x, const float *cos_sin, size_t n_pairs)
{
    for (size_t i = 0; i < 2 * n_pairs; i += SIMD_LANES) {
        size_t n = 2 * n_pairs - i;
        SIMD_FLOAT ab = simd_load_first(x + i, n), table = simd_load_first(cos_sin + i, n);
        SIMD_FLOAT crossed = simd_mul(simd_swap_pairs(ab), simd_duplicate_odd(table));
        simd_store_first(x + i, simd_fmaddsub(ab, simd_duplicate_even(table), crossed), n);
    }
}

void SIMD_NAME(rope)(float *x, const float *cos_sin, size_t n_pairs, bool interleaved)
{
    if (interleaved) rotate_neighbours(x, cos_sin, n_pairs);
    else rotate_halves(x, cos_sin, n_pairs);
}

void SIMD_NAME(silu_mul)(const float *gate, const float *up, size_t n, float *out)
{
    const SIMD_FLOAT one = simd_set(1.0f), sign = simd_set(-0.0f);
    for (size_t i = 0; i < n; i += SIMD_LANES) {
        SIMD_FLOAT g = simd_load_first(gate + i, n - i);
        SIMD_FLOAT divisor = simd_add(one, simd_exp(simd_xor(g, sign)));
        SIMD_FLOAT product = simd_mul(simd_div(g, divisor), simd_load_first(up + i, n - i));
        simd_store_first(out + i, product, n - i);
    }
}

/* min(x, limit), and NaN where x is not finite. */
static inline SIMD_FLOAT at_most(SIMD_FLOAT x, float limit)
{
    const SIMD_FLOAT sign = simd_set(-0.0f);
    SIMD_FLOAT least = simd_xor(simd_max(simd_xor(x, sign), simd_set(-limit)), sign);
    return simd_add(least, simd_sub(x, x));
}

void SIMD_NAME(gegelu_mul)(const float *gate, const float *up, size_t n, float limit, float *out)
{
    const SIMD_FLOAT one = simd_set(1.0f);
    for (size_t i = 0; i < n; i += SIMD_LANES) {
        SIMD_FLOAT g = at_most(simd_load_first(gate + i, n - i), limit);
        SIMD_FLOAT u = simd_load_first(up + i, n - i), finite = simd_sub(u, u);
        u = simd_add(simd_max(at_most(u, limit), simd_set(-limit)), finite);
        SIMD_FLOAT divisor = simd_add(one, simd_exp(simd_mul(simd_set(-GEGELU_SLOPE), g)));
        SIMD_FLOAT product = simd_mul(simd_div(g, divisor), simd_add(u, one));
        simd_store_first(out + i, product, n - i);
    }
}

static inline SIMD_FLOAT gelu_of(SIMD_FLOAT x)
{
    SIMD_FLOAT slope = simd_fma(simd_mul(x, x), simd_set(GELU_CUBE), simd_set(GELU_LINEAR));
    SIMD_FLOAT power = simd_exp(simd_xor(simd_mul(x, slope), simd_set(-0.0f)));
    return simd_div(x, simd_add(simd_set(1.0f), power));
}

void SIMD_NAME(gelu_mul)(const float *gate, const float *up, size_t n, float *out)
{
    for (size_t i = 0; i < n; i += SIMD_LANES) {
        SIMD_FLOAT g = gelu_of(simd_load_first(gate + i, n - i));
        simd_store_first(out + i, simd_mul(g, simd_load_first(up + i, n - i)), n - i);
    }
}

void SIMD_NAME(gelu)(const float *x, size_t n, float *out)
{
    for (size_t i = 0; i < n; i += SIMD_LANES)
        simd_store_first(out + i, gelu_of(simd_load_first(x + i, n - i)), n - i);
}

void SIMD_NAME(gelu_quick)(const float *x, size_t n, float *out)
{
    for (size_t i = 0; i < n; i += SIMD_LANES) {
        SIMD_FLOAT v = simd_load_first(x + i, n - i);
        SIMD_FLOAT power = simd_exp(simd_mul(simd_set(-GEGELU_SLOPE), v));
        simd_store_first(out + i, simd_div(v, simd_add(simd_set(1.0f), power)), n - i);
    }
}

static inline SIMD_FLOAT normal_tail(SIMD_FLOAT a)
{
    const SIMD_FLOAT one = simd_set(1.0f);
    SIMD_FLOAT t = simd_div(one, simd_fma(a, simd_set(NORMAL_SLOPE), one));
    SIMD_FLOAT p = simd_set(NORMAL_C7);
    p = simd_fma(p, t, simd_set(NORMAL_C6));
    p = simd_fma(p, t, simd_set(NORMAL_C5));
    p = simd_fma(p, t, simd_set(NORMAL_C4));
    p = simd_fma(p, t, simd_set(NORMAL_C3));
    p = simd_fma(p, t, simd_set(NORMAL_C2));
    p = simd_fma(p, t, simd_set(NORMAL_C1));
    p = simd_fma(p, t, simd_set(NORMAL_C0));
    SIMD_FLOAT power = simd_exp(simd_mul(simd_set(-0.5f), simd_mul(a, a)));
    return simd_mul(power, simd_mul(t, p));
}

void SIMD_NAME(gelu_erf)(const float *x, size_t n, float *out)
{
    for (size_t i = 0; i < n; i += SIMD_LANES) {
        SIMD_FLOAT v = simd_load_first(x + i, n - i), a = simd_abs(v);
        SIMD_FLOAT half = simd_mul(simd_set(0.5f), v);
        SIMD_FLOAT positive = simd_add(half, simd_abs(half));
        SIMD_FLOAT negative = simd_xor(a, simd_set(-0.0f));
        simd_store_first(out + i, simd_fma(negative, normal_tail(a), positive), n - i);
    }
}

void SIMD_NAME(add)(float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i += SIMD_LANES) {
        SIMD_FLOAT sum = simd_add(simd_load_first(x + i, n - i), simd_load_first(y + i, n - i));
        simd_store_first(x + i, sum, n - i);
    }
}

void SIMD_NAME(add_scaled)(float *x, const float *y, float scale, size_t n)
{
    const SIMD_FLOAT factor = simd_set(scale);
    for (size_t i = 0; i < n; i += SIMD_LANES) {
        SIMD_FLOAT v = simd_load_first(x + i, n - i);
        simd_store_first(x + i, simd_fma(factor, simd_load_first(y + i, n - i), v), n - i);
    }
}

void SIMD_NAME(scale)(float *x, float factor, size_t n)
{
    for (size_t i = 0; i < n; i += SIMD_LANES) {
        SIMD_FLOAT product = simd_mul(simd_load_first(x + i, n - i), simd_set(factor));
        simd_store_first(x + i, product, n - i);
    }
}

void SIMD_NAME(softcap)(float *x, float cap, size_t n)
{
    const SIMD_FLOAT limit = simd_set(cap);
    for (size_t i = 0; i < n; i += SIMD_LANES) {
        SIMD_FLOAT part = simd_tanh(simd_div(simd_load_first(x + i, n - i), limit));
        simd_store_first(x + i, simd_mul(part, limit), n - i);
    }
}

#endif

#endif
