/* tensor_type.c - the table of GGUF's element types, their names, and the two 16-bit float formats.
 *
 * Knows names and sizes; what is inside a block is for tensor_decode.c and tensor_encode.c.
 */
#include "engine/tensor_type.h"

#include "base/mem.h"

#include <string.h>
#include <strings.h>

static const struct tensor_type_info types[TENSOR_TYPE_LIMIT] = {
    [TENSOR_F32] = {"f32", 1, 4, true},
    [TENSOR_F16] = {"f16", 1, 2, true},
    [TENSOR_Q4_0] = {"q4_0", 32, 18, true},
    [TENSOR_Q4_1] = {"q4_1", 32, 20, true},
    [TENSOR_Q5_0] = {"q5_0", 32, 22, true},
    [TENSOR_Q5_1] = {"q5_1", 32, 24, true},
    [TENSOR_Q8_0] = {"q8_0", 32, 34, true},
    [9] = {"q8_1", 32, 36, false},
    [TENSOR_Q2_K] = {"q2_k", 256, 84, true},
    [TENSOR_Q3_K] = {"q3_k", 256, 110, true},
    [TENSOR_Q4_K] = {"q4_k", 256, 144, true},
    [TENSOR_Q5_K] = {"q5_k", 256, 176, true},
    [TENSOR_Q6_K] = {"q6_k", 256, 210, true},
    [15] = {"q8_k", 256, 292, false},
    [16] = {"iq2_xxs", 256, 66, false},
    [17] = {"iq2_xs", 256, 74, false},
    [18] = {"iq3_xxs", 256, 98, false},
    [19] = {"iq1_s", 256, 50, false},
    [20] = {"iq4_nl", 32, 18, false},
    [21] = {"iq3_s", 256, 110, false},
    [22] = {"iq2_s", 256, 82, false},
    [23] = {"iq4_xs", 256, 136, false},
    [24] = {"i8", 1, 1, false},
    [25] = {"i16", 1, 2, false},
    [26] = {"i32", 1, 4, false},
    [27] = {"i64", 1, 8, false},
    [28] = {"f64", 1, 8, false},
    [29] = {"iq1_m", 256, 56, false},
    [TENSOR_BF16] = {"bf16", 1, 2, true},
    [34] = {"tq1_0", 256, 54, false},
    [35] = {"tq2_0", 256, 66, false},
    [39] = {"mxfp4", 32, 17, false},
    [40] = {"nvfp4", 64, 36, false},
    [41] = {"q1_0", 128, 18, false},
};

const struct tensor_type_info *tensor_type_info(uint32_t type)
{
    return type < TENSOR_TYPE_LIMIT && types[type].name ? &types[type] : NULL;
}

bool tensor_type_parse(const char *name, enum tensor_type *type, struct err *err)
{
    char names[256] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < TENSOR_TYPE_LIMIT; i++) {
        if (!types[i].name || !types[i].supported) continue;
        if (strcasecmp(name, types[i].name) == 0) {
            *type = (enum tensor_type)i;
            return true;
        }
        int n =
            snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", types[i].name);
        used += (size_t)n; /* the names of the table fit */
    }
    return err_set(err, ERR_USAGE, "unknown tensor type '%s': expected one of %s", name, names);
}

size_t tensor_row_bytes(enum tensor_type type, size_t n_values)
{
    const struct tensor_type_info *info = tensor_type_info(type);
    size_t n_bytes;
    if (!info || n_values % info->block_values) return 0;
    return mem_multiply(n_values / info->block_values, info->block_bytes, &n_bytes) ? n_bytes : 0;
}

static float float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t bits_of_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

float half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31,
             fraction = half & 0x3ff;
    if (exponent == 31) return float_of_bits(sign | 0x7f800000 | fraction << 13);
    if (exponent) return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
    float subnormal = (float)fraction * 0x1p-24f; /* exact: 10 bits */
    return float_of_bits(sign | bits_of_float(subnormal));
}

uint16_t float_to_half(float value)
{
    uint32_t bits = bits_of_float(value), magnitude = bits & 0x7fffffff;
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    if (magnitude > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (magnitude >> 13 & 0x1ff));
    if (magnitude >= 0x477ff000)
        return (uint16_t)(sign | 0x7c00); /* 65520 and more round to infinity */
    if (magnitude < 0x38800000) {         /* below 2^-14: subnormal */
        /* Adding 0.5 leaves multiples of 2^-24 in the fraction: the addition itself rounds to
         * nearest even. */
        uint32_t rounded = bits_of_float(float_of_bits(magnitude) + 0.5f) - 0x3f000000;
        return (uint16_t)(sign | rounded);
    }
    uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
    return (uint16_t)(sign | ((rounded >> 13) - (112 << 10)));
}

float bfloat_to_float(uint16_t bfloat)
{
    return float_of_bits((uint32_t)bfloat << 16);
}

uint16_t float_to_bfloat(float value)
{
    uint32_t bits = bits_of_float(value);
    if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16 | 64); /* quiet */
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
