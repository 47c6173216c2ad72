/* gemm_quant_ymm_avx512vnni.c - the very text of AVX-VNNI's quantized products, by another name and
 * compiled for AVX-512 VNNI, where the same intrinsics take 256 bits too.
 *
 * So check_kernels can run it on machines without AVX-VNNI. Compilers may use more registers and
 * other instructions here than in the shipped object; the order of all operations is the text's.
 */
#include "tests/kernels/check.h"

#define GEMM_QUANT gemm_quant_ymm_avx512vnni

#include "engine/kernels/x86/gemm_quant_avxvnni.c"
