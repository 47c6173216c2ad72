/* gemm_float_avx512.c - the matrix product for float weights with AVX-512: the text is in
 * gemm_float_template.h, the vector operations that it is written in come from simd_avx512.h.
 */
#include "engine/kernels/x86/simd_avx512.h"

#include "engine/kernels/simd/gemm_float_template.h"
