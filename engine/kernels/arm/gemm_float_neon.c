/* gemm_float_neon.c - the matrix product for float weights with NEON: the text is in
 * gemm_float_template.h, the vector operations that it is written in come from simd_neon.h.
 */
#include "engine/kernels/arm/simd_neon.h"

#include "engine/kernels/simd/gemm_float_template.h"
