/* tensor_grid.h - the types below four bits (IQ1 to IQ3, TQ1, TQ2), whose values are looked up in
 * tables: any block of them as small integers.
 *
 * Layouts and tables are those of the GGUF format (ggml). Pure functions, thread-safe.
 */
#ifndef PHIBENCH_ENGINE_TENSOR_GRID_H
#define PHIBENCH_ENGINE_TENSOR_GRID_H

#include "engine/tensor_type.h"

enum { GRID_BLOCK_VALUES = 256, GRID_SUB_VALUES = 16 };

static inline __attribute__((always_inline)) bool tensor_is_grid(enum tensor_type type)
{
    switch (type) {
    case TENSOR_IQ2_XXS:
    case TENSOR_IQ2_XS:
    case TENSOR_IQ3_XXS:
    case TENSOR_IQ1_S:
    case TENSOR_IQ3_S:
    case TENSOR_IQ2_S:
    case TENSOR_IQ1_M:
    case TENSOR_TQ1_0:
    case TENSOR_TQ2_0: return true;
    default: return false;
    }
}

/* Value i is d / 8 * scales[i / 16] * q[i]. d has 11 bits, a scale at most 5 and q at most 7, so
 * that this is exact in float32 in any order. */
struct grid_block {
    uint16_t d;                                          /* binary16 */
    uint8_t scales[GRID_BLOCK_VALUES / GRID_SUB_VALUES]; /* 1 to 31 */
    int8_t q[GRID_BLOCK_VALUES];                         /* -124 to 124 */
};

/* Reads a block of a type for which tensor_is_grid. */
void grid_block_read(enum tensor_type type, const void *bytes, struct grid_block *block);

#endif
