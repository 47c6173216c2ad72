/* gemm_float_avx2.c - the product with float weights; the text is in gemm_float_template.h. */
#include "engine/kernels/x86/simd_avx2.h"

#include "engine/kernels/x86/gemm_float_template.h"
