/* attention_avx2.c - attention and KV stores; the text is in attention_template.h. */
#include "engine/kernels/x86/simd_avx2.h"

#include "engine/kernels/x86/attention_template.h"
