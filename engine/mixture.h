/* mixture.h - which type each tensor of a quantized model gets: one for all of them, as in "q4_k",
 * or a mixture, as in "q4_k_m".
 *
 * Pure rules over names, roles and sizes; knows no source.
 */
#ifndef PHIBENCH_ENGINE_MIXTURE_H
#define PHIBENCH_ENGINE_MIXTURE_H

#include "engine/weight.h"
#include "engine/tensor_type.h"

struct mixture {
    const char *name;
    enum tensor_type type;
    uint32_t file_type; /* general.file_type */
    bool is_mixed;
    enum tensor_type fused; /* of QKV in one matrix, if it is mixed */
};

/* A tensor type, q4_k_m or q5_k_m, in any case; errors list the names. */
bool mixture_parse(const char *name, struct mixture *mixture, struct err *err)
    __attribute__((warn_unused_result));

/* Whether a tensor in this role is F32, whatever the rest is. */
bool mixture_keeps(enum weight weight);

/* The type of a tensor whose rows fit any type; i_layer is ignored outside layers.
 * - A vector is F32, whatever the rest is, and so are the router of experts (a near choice would
 *   be another one) and what a tower makes of pixels and places, which is small.
 * - Matrices have the type that is named, in a mixture Q4_K or Q5_K.
 * - The matrix that makes the logits, if that type is quantized, has Q6_K (Q8_0 beside Q8_0): an
 *   error there is met by no later layer. Where embeddings are tied, this is the embedding.
 * - In q4_k_m and q5_k_m a fused QKV matrix has Q5_K and Q6_K; values and feed-forward outputs of
 *   the first and last eighth of the layers and of every third one between them have Q6_K.
 *   Beside eight experts, whose size they do not show in, keys and values have Q8_0 there and the
 *   matrix that ends attention Q5_K.
 * These are the rules of the files in circulation (llama.cpp, src/llama-quant.cpp; for a fused QKV
 * as it was when the publisher made the Phi-3 files), but that q2_k to q5_k and iq4_xs are one
 * type here and no mixtures. */
enum tensor_type mixture_type(const struct mixture *mixture, enum weight weight, bool makes_logits,
                              size_t i_layer, size_t n_layers, size_t n_experts);

/* The type itself where rows of n_cols values are whole blocks of it. Otherwise Q4_0 for Q2_K and
 * Q3_K, Q5_0 for Q4_K, Q5_1 for Q5_K, Q8_0 for Q6_K, IQ4_NL for IQ4_XS; F16 where blocks of 32 do
 * not fit either. */
enum tensor_type mixture_fitting_type(enum tensor_type type, size_t n_cols);

/* The name of a file's type: "q4_k_m" for Q4_K and the file type of that mixture, "q4_k" for Q4_K
 * and any other. */
const char *mixture_type_name(enum tensor_type type, int64_t file_type);

#endif
