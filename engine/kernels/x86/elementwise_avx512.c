/* elementwise_avx512.c - norm, rotation, gates and addition with AVX-512: the text is in
 * elementwise_template.h, the vector operations that it is written in come from simd_avx512.h.
 */
#include "engine/kernels/x86/simd_avx512.h"

#include "engine/kernels/simd/elementwise_template.h"
