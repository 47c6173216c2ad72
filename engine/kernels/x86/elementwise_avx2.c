/* elementwise_avx2.c - norm, rotation, gates and addition with AVX2, FMA and F16C: the text is in
 * elementwise_template.h, the vector operations that it is written in come from simd_avx2.h.
 */
#include "engine/kernels/x86/simd_avx2.h"

#include "engine/kernels/simd/elementwise_template.h"
