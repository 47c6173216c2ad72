/* attention_avx2.c - attention over KV pages, and storing into them, with AVX2 and F16C: the text
 * is in attention_template.h, the vector operations that it is written in come from simd_avx2.h.
 */
#include "engine/kernels/x86/simd_avx2.h"

#include "engine/kernels/simd/attention_template.h"
