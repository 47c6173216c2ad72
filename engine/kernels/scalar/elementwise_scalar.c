/* elementwise_scalar.c - the specification of the norms, the rotation, the gates, and of what is
 * added to rows and multiplies them.
 */
#include "engine/kernels/kernel_list.h"

#include "engine/kernels/lanes.h"
#include "engine/kernels/math.h"
#include "engine/kernels/math_constants.h"

#include <math.h>

void rms_norm_scalar(const float *x, const float *w, size_t n, float eps, float *out)
{
    float lanes[16] = {0.0f};
    for (size_t i = 0; i < n; i++) lanes[i % 16] = fmaf(x[i], x[i], lanes[i % 16]);
    float r = 1.0f / sqrtf(lanes_sum(lanes) / (float)n + eps);
    for (size_t i = 0; i < n; i++) out[i] = x[i] * r * w[i];
}

void layer_norm_scalar(const float *x, const float *w, const float *b, size_t n, float eps,
                       float *out)
{
    float lanes[16] = {0.0f}, squares[16] = {0.0f};
    for (size_t i = 0; i < n; i++) lanes[i % 16] += x[i];
    float mean = lanes_sum(lanes) / (float)n;
    for (size_t i = 0; i < n; i++)
        squares[i % 16] = fmaf(x[i] - mean, x[i] - mean, squares[i % 16]);
    float r = 1.0f / sqrtf(lanes_sum(squares) / (float)n + eps);
    for (size_t i = 0; i < n; i++) out[i] = fmaf((x[i] - mean) * r, w[i], b[i]);
}

void rope_scalar(float *x, const float *cos_sin, size_t n_pairs, bool interleaved)
{
    for (size_t i = 0; i < n_pairs; i++) {
        float *first = interleaved ? x + 2 * i : x + i;
        float *second = interleaved ? x + 2 * i + 1 : x + n_pairs + i;
        float a = *first, b = *second, c = cos_sin[2 * i], s = cos_sin[2 * i + 1];
        *first = fmaf(a, c, -(b * s));
        *second = fmaf(b, c, a * s);
    }
}

void silu_mul_scalar(const float *gate, const float *up, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++) out[i] = gate[i] / (1.0f + kernel_exp(-gate[i])) * up[i];
}

void gegelu_mul_scalar(const float *gate, const float *up, size_t n, float limit, float *out)
{
    for (size_t i = 0; i < n; i++) {
        float g = (gate[i] < limit ? gate[i] : limit) + (gate[i] - gate[i]);
        float u = up[i] < limit ? up[i] : limit;
        u = (u > -limit ? u : -limit) + (up[i] - up[i]);
        out[i] = g / (1.0f + kernel_exp(-(GEGELU_SLOPE * g))) * (u + 1.0f);
    }
}

static float gelu_of(float x)
{
    return x / (1.0f + kernel_exp(-(x * fmaf(x * x, GELU_CUBE, GELU_LINEAR))));
}

void gelu_mul_scalar(const float *gate, const float *up, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++) out[i] = gelu_of(gate[i]) * up[i];
}

void gelu_scalar(const float *x, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++) out[i] = gelu_of(x[i]);
}

void gelu_quick_scalar(const float *x, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++) out[i] = x[i] / (1.0f + kernel_exp(-(GEGELU_SLOPE * x[i])));
}

/* Of the normal distribution, from a >= 0 on. */
static float normal_tail(float a)
{
    float t = 1.0f / fmaf(a, NORMAL_SLOPE, 1.0f);
    float p = NORMAL_C7;
    p = fmaf(p, t, NORMAL_C6);
    p = fmaf(p, t, NORMAL_C5);
    p = fmaf(p, t, NORMAL_C4);
    p = fmaf(p, t, NORMAL_C3);
    p = fmaf(p, t, NORMAL_C2);
    p = fmaf(p, t, NORMAL_C1);
    p = fmaf(p, t, NORMAL_C0);
    return kernel_exp(-0.5f * (a * a)) * (t * p);
}

void gelu_erf_scalar(const float *x, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++) {
        float a = fabsf(x[i]), half = 0.5f * x[i];
        out[i] = fmaf(-a, normal_tail(a), half + fabsf(half));
    }
}

void add_scalar(float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i++) x[i] += y[i];
}

void add_scaled_scalar(float *x, const float *y, float scale, size_t n)
{
    for (size_t i = 0; i < n; i++) x[i] = fmaf(scale, y[i], x[i]);
}

void scale_scalar(float *x, float factor, size_t n)
{
    for (size_t i = 0; i < n; i++) x[i] *= factor;
}

void softcap_scalar(float *x, float cap, size_t n)
{
    for (size_t i = 0; i < n; i++) x[i] = kernel_tanh(x[i] / cap) * cap;
}
