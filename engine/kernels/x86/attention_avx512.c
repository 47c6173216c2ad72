/* attention_avx512.c - attention over KV pages, and storing into them, with AVX-512: the text is in
 * attention_template.h, the vector operations that it is written in come from simd_avx512.h.
 */
#include "engine/kernels/x86/simd_avx512.h"

#include "engine/kernels/simd/attention_template.h"
