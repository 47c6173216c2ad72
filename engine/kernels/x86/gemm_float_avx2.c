/* gemm_float_avx2.c - the matrix product for float weights with AVX2, FMA and F16C: the text is in
 * gemm_float_template.h, the vector operations that it is written in come from simd_avx2.h.
 */
#include "engine/kernels/x86/simd_avx2.h"

#include "engine/kernels/simd/gemm_float_template.h"
