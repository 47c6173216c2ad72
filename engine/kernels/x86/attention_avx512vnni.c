/* attention_avx512vnni.c - attention over KV pages, and storing into them, as attention_avx512.c
 * has it, but for the dot products of bytes: vpdpbusd takes four of them at once.
 */
#include "engine/kernels/x86/simd_avx512.h"

#undef SIMD_NAME
#define SIMD_NAME(function) function##_avx512vnni

#include "engine/kernels/simd/attention_template.h"
