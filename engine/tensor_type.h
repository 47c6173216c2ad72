/* tensor_type.h - the element types of GGUF tensors: block layout, values, encoding.
 *
 * Numbers and layouts are those of the GGUF format (ggml). Functions are pure and thread-safe.
 */
#ifndef PHIBENCH_ENGINE_TENSOR_TYPE_H
#define PHIBENCH_ENGINE_TENSOR_TYPE_H

#include "base/err.h"
#include "engine/half.h"

#include <stddef.h>
#include <stdint.h>

enum tensor_type { /* values are GGUF's */
                   TENSOR_F32 = 0,
                   TENSOR_F16 = 1,
                   TENSOR_Q4_0 = 2,
                   TENSOR_Q4_1 = 3,
                   TENSOR_Q5_0 = 6,
                   TENSOR_Q5_1 = 7,
                   TENSOR_Q8_0 = 8,
                   TENSOR_Q2_K = 10,
                   TENSOR_Q3_K = 11,
                   TENSOR_Q4_K = 12,
                   TENSOR_Q5_K = 13,
                   TENSOR_Q6_K = 14,
                   TENSOR_IQ2_XXS = 16,
                   TENSOR_IQ2_XS = 17,
                   TENSOR_IQ3_XXS = 18,
                   TENSOR_IQ1_S = 19,
                   TENSOR_IQ4_NL = 20,
                   TENSOR_IQ3_S = 21,
                   TENSOR_IQ2_S = 22,
                   TENSOR_IQ4_XS = 23,
                   TENSOR_IQ1_M = 29,
                   TENSOR_BF16 = 30,
                   TENSOR_TQ1_0 = 34,
                   TENSOR_TQ2_0 = 35,
                   TENSOR_MXFP4 = 39,
                   TENSOR_TYPE_LIMIT = 64 /* all known numbers are below */
};

struct tensor_type_info {
    const char *name; /* lower case: "q4_k"; "nvfp4" etc. for known types that are not supported */
    size_t block_values; /* values in a block: 1, 32 or 256 */
    size_t block_bytes;  /* bytes of a block */
    bool supported;      /* can be read and computed with */
    bool encoded;        /* can be written: tensor_encode has it */
    uint32_t file_type;  /* of supported types: general.file_type of a file that is mostly of it */
};

/* NULL for a number that GGUF does not know. */
const struct tensor_type_info *tensor_type_info(uint32_t type);

/* Finds a type that can be written by name, case-insensitive ("Q4_K", "q4_k"); errors list the
 * names. */
bool tensor_type_parse(const char *name, enum tensor_type *type, struct err *err);

/* Bytes of a row of n values; 0 if n is no multiple of the block or on overflow. */
size_t tensor_row_bytes(enum tensor_type type, size_t n_values);

/* blocks: n_values of `type` (n_values a multiple of its block) -> values: [n_values] float32.
 * Bit-exact by format. */
void tensor_decode(enum tensor_type type, const void *blocks, size_t n_values, float *values);

/* Whether each of n_values is a number, neither NaN nor infinite; otherwise *column is the first
 * that is none. Of blocks with scales it looks at these alone; a type that is not supported
 * passes. */
bool tensor_is_finite(enum tensor_type type, const void *blocks, size_t n_values, size_t *column);

/* Whether no scale is the largest that there is, which encoders store in place of larger ones;
 * otherwise *column is where such a block begins. */
bool tensor_is_within_scales(enum tensor_type type, const void *blocks, size_t n_values,
                             size_t *column);

/* values -> blocks: rounds to nearest per block; deterministic on every machine. n_values a
 * multiple of the block. */
void tensor_encode(enum tensor_type type, const float *values, size_t n_values, void *blocks);

/* tensor_encode for values whose squared errors count as much as weights: [n_values] say, finite
 * and positive; NULL: all alike. Q8_0 and what is no quantized type have no use for them. */
void tensor_encode_weighted(enum tensor_type type, const float *values, const float *weights,
                            size_t n_values, void *blocks);

#endif
