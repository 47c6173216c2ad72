/* mixture.c - see mixture.h, which has the rules.
 *
 * Numbers of file types are GGUF's.
 */
#include "engine/mixture.h"

#include <string.h>
#include <strings.h>

static const struct mixture mixtures[] = {
    {"q4_k_m", TENSOR_Q4_K, 15, true, TENSOR_Q5_K},
    {"q5_k_m", TENSOR_Q5_K, 17, true, TENSOR_Q6_K},
};
enum { N_MIXTURES = sizeof mixtures / sizeof *mixtures, EIGHT_EXPERTS = 8 };

const char *mixture_type_name(enum tensor_type type, int64_t file_type)
{
    for (size_t i = 0; i < N_MIXTURES; i++)
        if (mixtures[i].type == type && mixtures[i].file_type == file_type) return mixtures[i].name;
    return tensor_type_info(type)->name;
}

bool mixture_parse(const char *name, struct mixture *mixture, struct err *err)
{
    for (size_t i = 0; i < N_MIXTURES; i++) {
        if (strcasecmp(name, mixtures[i].name) != 0) continue;
        *mixture = mixtures[i];
        return true;
    }
    enum tensor_type type;
    struct err reason = {0};
    if (!tensor_type_parse(name, &type, &reason))
        return err_set(err, ERR_USAGE, "%s, q4_k_m, q5_k_m", reason.message);
    const struct tensor_type_info *info = tensor_type_info(type);
    *mixture = (struct mixture){.name = info->name, .type = type, .file_type = info->file_type};
    return true;
}

/* The layers whose sensitive matrices get more bits in a mixture. */
static bool gets_more_bits(size_t i_layer, size_t n_layers)
{
    return i_layer < n_layers / 8 || i_layer >= 7 * n_layers / 8 ||
           (i_layer - n_layers / 8) % 3 == 2;
}

bool mixture_keeps(enum weight weight)
{
    return weight_roles[weight].n_rows == EXTENT_ONE || weight == WEIGHT_FFN_ROUTER ||
           weight == WEIGHT_PATCH_EMBD || weight == WEIGHT_POSITION_EMBD;
}

enum tensor_type mixture_type(const struct mixture *mixture, enum weight weight, bool makes_logits,
                              size_t i_layer, size_t n_layers, size_t n_experts)
{
    if (mixture_keeps(weight)) return TENSOR_F32;
    bool is_quantized = tensor_type_info(mixture->type)->block_values > 1;
    if (makes_logits && is_quantized && mixture->type != TENSOR_Q8_0) return TENSOR_Q6_K;
    if (!mixture->is_mixed) return mixture->type;
    if (n_experts == EIGHT_EXPERTS && (weight == WEIGHT_ATTN_K || weight == WEIGHT_ATTN_V))
        return TENSOR_Q8_0;
    if (n_experts == EIGHT_EXPERTS && weight == WEIGHT_ATTN_OUTPUT) return TENSOR_Q5_K;
    if (weight == WEIGHT_ATTN_QKV) return mixture->fused;
    bool is_sensitive =
        weight == WEIGHT_ATTN_V || weight == WEIGHT_FFN_DOWN || weight == WEIGHT_FFN_DOWN_EXPS;
    return is_sensitive && gets_more_bits(i_layer, n_layers) ? TENSOR_Q6_K : mixture->type;
}

enum tensor_type mixture_fitting_type(enum tensor_type type, size_t n_cols)
{
    static const enum tensor_type smaller_blocks[TENSOR_TYPE_LIMIT] = {
        [TENSOR_Q2_K] = TENSOR_Q4_0, [TENSOR_Q3_K] = TENSOR_Q4_0, [TENSOR_Q4_K] = TENSOR_Q5_0,
        [TENSOR_Q5_K] = TENSOR_Q5_1, [TENSOR_Q6_K] = TENSOR_Q8_0, [TENSOR_IQ4_XS] = TENSOR_IQ4_NL,
    };
    if (n_cols % tensor_type_info(type)->block_values == 0) return type;
    type = smaller_blocks[type] ? smaller_blocks[type] : TENSOR_F16;
    return n_cols % tensor_type_info(type)->block_values == 0 ? type : TENSOR_F16;
}
