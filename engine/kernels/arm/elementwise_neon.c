/* elementwise_neon.c - norm, rotation, gates and addition with NEON: the text is in
 * elementwise_template.h, the vector operations that it is written in come from simd_neon.h.
 */
#include "engine/kernels/arm/simd_neon.h"

#include "engine/kernels/simd/elementwise_template.h"
