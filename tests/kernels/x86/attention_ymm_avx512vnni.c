/* attention_ymm_avx512vnni.c - the text of AVX-VNNI's attention, by another name and compiled for
 * AVX-512 VNNI, as gemm_quant_ymm_avx512vnni.c has its products.
 */
#include "tests/kernels/check.h"

#include "engine/kernels/x86/simd_avx2.h"

#undef SIMD_NAME
#define SIMD_NAME(function) function##_ymm_avx512vnni

#include "engine/kernels/simd/attention_template.h"
