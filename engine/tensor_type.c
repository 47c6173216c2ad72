/* tensor_type.c - the table of GGUF's element types, and their names.
 *
 * Knows names and sizes; what is inside a block is for tensor_decode.c and tensor_encode.c.
 */
#include "engine/tensor_type.h"

#include "base/mem.h"

#include <string.h>
#include <strings.h>

static const struct tensor_type_info types[TENSOR_TYPE_LIMIT] = {
    [TENSOR_F32] = {"f32", 1, 4, true, true, 0},
    [TENSOR_F16] = {"f16", 1, 2, true, true, 1},
    [TENSOR_Q4_0] = {"q4_0", 32, 18, true, true, 2},
    [TENSOR_Q4_1] = {"q4_1", 32, 20, true, true, 3},
    [TENSOR_Q5_0] = {"q5_0", 32, 22, true, true, 8},
    [TENSOR_Q5_1] = {"q5_1", 32, 24, true, true, 9},
    [TENSOR_Q8_0] = {"q8_0", 32, 34, true, true, 7},
    [9] = {"q8_1", 32, 36, false, false, 0},
    [TENSOR_Q2_K] = {"q2_k", 256, 84, true, true, 10},
    [TENSOR_Q3_K] = {"q3_k", 256, 110, true, true, 11},
    [TENSOR_Q4_K] = {"q4_k", 256, 144, true, true, 14},
    [TENSOR_Q5_K] = {"q5_k", 256, 176, true, true, 16},
    [TENSOR_Q6_K] = {"q6_k", 256, 210, true, true, 18},
    [15] = {"q8_k", 256, 292, false, false, 0},
    [TENSOR_IQ2_XXS] = {"iq2_xxs", 256, 66, true, false, 19},
    [TENSOR_IQ2_XS] = {"iq2_xs", 256, 74, true, false, 20},
    [TENSOR_IQ3_XXS] = {"iq3_xxs", 256, 98, true, false, 23},
    [TENSOR_IQ1_S] = {"iq1_s", 256, 50, true, false, 24},
    [TENSOR_IQ4_NL] = {"iq4_nl", 32, 18, true, true, 25},
    [TENSOR_IQ3_S] = {"iq3_s", 256, 110, true, false, 26},
    [TENSOR_IQ2_S] = {"iq2_s", 256, 82, true, false, 28},
    [TENSOR_IQ4_XS] = {"iq4_xs", 256, 136, true, true, 30},
    [24] = {"i8", 1, 1, false, false, 0},
    [25] = {"i16", 1, 2, false, false, 0},
    [26] = {"i32", 1, 4, false, false, 0},
    [27] = {"i64", 1, 8, false, false, 0},
    [28] = {"f64", 1, 8, false, false, 0},
    [TENSOR_IQ1_M] = {"iq1_m", 256, 56, true, false, 31},
    [TENSOR_BF16] = {"bf16", 1, 2, true, true, 32},
    [TENSOR_TQ1_0] = {"tq1_0", 256, 54, true, false, 36},
    [TENSOR_TQ2_0] = {"tq2_0", 256, 66, true, false, 37},
    [TENSOR_MXFP4] = {"mxfp4", 32, 17, true, true, 38},
    [40] = {"nvfp4", 64, 36, false, false, 0},
    [41] = {"q1_0", 128, 18, false, false, 0},
};

const struct tensor_type_info *tensor_type_info(uint32_t type)
{
    return type < TENSOR_TYPE_LIMIT && types[type].name ? &types[type] : NULL;
}

bool tensor_type_parse(const char *name, enum tensor_type *type, struct err *err)
{
    const char *what = "unknown";
    char names[256] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < TENSOR_TYPE_LIMIT; i++) {
        bool is_meant = types[i].name && strcasecmp(name, types[i].name) == 0;
        if (is_meant && types[i].supported) what = "read-only";
        if (!types[i].encoded) continue;
        if (is_meant) {
            *type = (enum tensor_type)i;
            return true;
        }
        int n =
            snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", types[i].name);
        used += (size_t)n; /* the names of the table fit */
    }
    return err_set(err, ERR_USAGE, "%s tensor type '%s': expected one of %s", what, name, names);
}

size_t tensor_row_bytes(enum tensor_type type, size_t n_values)
{
    const struct tensor_type_info *info = tensor_type_info(type);
    size_t n_bytes;
    if (!info || n_values % info->block_values) return 0;
    return mem_multiply(n_values / info->block_values, info->block_bytes, &n_bytes) ? n_bytes : 0;
}
