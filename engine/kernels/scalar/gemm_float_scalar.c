/* gemm_float_scalar.c - the specification of the matrix product for weights in F32, F16 and BF16:
 * one fmaf per k.
 */
#include "engine/kernels/kernel_list.h"

#include <math.h>
#include <string.h>

typedef float read_weight_fn(const uint8_t *group, size_t i);

static float read_f32(const uint8_t *group, size_t i)
{
    float value;
    memcpy(&value, group + i * sizeof value, sizeof value);
    return value;
}

static float read_f16(const uint8_t *group, size_t i)
{
    uint16_t half;
    memcpy(&half, group + i * sizeof half, sizeof half);
    return half_to_float(half);
}

static float read_bf16(const uint8_t *group, size_t i)
{
    uint16_t bfloat;
    memcpy(&bfloat, group + i * sizeof bfloat, sizeof bfloat);
    return bfloat_to_float(bfloat);
}

static void gemm_float(const struct packed *w, const struct acts *a, size_t group_begin,
                       size_t group_end, float *out, size_t out_stride, read_weight_fn *read_weight)
{
    size_t row_end = group_end * ROW_GROUP < w->n_rows ? group_end * ROW_GROUP : w->n_rows;
    for (size_t row = group_begin * ROW_GROUP; row < row_end; row++) {
        const uint8_t *group = w->data + row / ROW_GROUP * w->group_bytes;
        for (size_t t = 0; t < a->n_tokens; t++) {
            const float *x = a->x + t * a->n_cols;
            float acc = 0.0f;
            for (size_t k = 0; k < w->n_cols; k++)
                acc = fmaf(read_weight(group, k * ROW_GROUP + row % ROW_GROUP), x[k], acc);
            out[t * out_stride + row] = acc;
        }
    }
}

void gemm_f32_scalar(const struct packed *w, const struct acts *a, size_t group_begin,
                     size_t group_end, float *out, size_t out_stride)
{
    gemm_float(w, a, group_begin, group_end, out, out_stride, read_f32);
}

void gemm_f16_scalar(const struct packed *w, const struct acts *a, size_t group_begin,
                     size_t group_end, float *out, size_t out_stride)
{
    gemm_float(w, a, group_begin, group_end, out, out_stride, read_f16);
}

void gemm_bf16_scalar(const struct packed *w, const struct acts *a, size_t group_begin,
                      size_t group_end, float *out, size_t out_stride)
{
    gemm_float(w, a, group_begin, group_end, out, out_stride, read_bf16);
}
