/* attention_neon.c - attention over KV pages, and storing into them, with NEON: the text is in
 * attention_template.h, the vector operations that it is written in come from simd_neon.h.
 */
#include "engine/kernels/arm/simd_neon.h"

#include "engine/kernels/simd/attention_template.h"
