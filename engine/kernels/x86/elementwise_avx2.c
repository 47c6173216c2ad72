/* elementwise_avx2.c - norm, rotation, gate, addition; the text is in elementwise_template.h. */
#include "engine/kernels/x86/simd_avx2.h"

#include "engine/kernels/x86/elementwise_template.h"
