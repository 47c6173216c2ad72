/* attention_avxvnni.c - attention over KV pages, and storing into them, as attention_avx2.c has it,
 * but for the dot products of bytes: vpdpbusd takes four of them at once.
 */
#include "engine/kernels/x86/simd_avx2.h"

#undef SIMD_NAME
#define SIMD_NAME(function) function##_avxvnni

#include "engine/kernels/simd/attention_template.h"
