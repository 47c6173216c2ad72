/* kernel_list.h - the declarations of every kernel, named <function>_<isa>; table.c assembles them.
 *
 * A family is declared for an instruction set only where its sources are compiled: the folders
 * scalar/, x86/ and arm/ follow the target. Avx512vnni differs from avx512, and avxvnni from avx2,
 * in integer products and attention only and shares everything else with it. Nobody but table.c,
 * the kernels and their tests needs this.
 */
#ifndef PHIBENCH_ENGINE_KERNELS_KERNEL_LIST_H
#define PHIBENCH_ENGINE_KERNELS_KERNEL_LIST_H

#include "engine/kernels/kernels.h"

#define KERNELS_FLOAT(isa)                                                                         \
    gemm_fn gemm_f32_##isa, gemm_f16_##isa, gemm_bf16_##isa;                                       \
    rms_norm_fn rms_norm_##isa;                                                                    \
    layer_norm_fn layer_norm_##isa;                                                                \
    rope_fn rope_##isa;                                                                            \
    silu_mul_fn silu_mul_##isa;                                                                    \
    gegelu_mul_fn gegelu_mul_##isa;                                                                \
    gelu_mul_fn gelu_mul_##isa;                                                                    \
    gelu_fn gelu_##isa;                                                                            \
    gelu_quick_fn gelu_quick_##isa;                                                                \
    gelu_erf_fn gelu_erf_##isa;                                                                    \
    add_fn add_##isa;                                                                              \
    scale_fn scale_##isa;                                                                          \
    softcap_fn softcap_##isa;                                                                      \
    add_scaled_fn add_scaled_##isa;                                                                \
    peak_fn peak_f32_##isa;                                                                        \
    stream_fn stream_##isa

#define KERNELS_ATTENTION(isa)                                                                     \
    attention_fn attention_##isa;                                                                  \
    kv_store_fn kv_store_##isa

/* gemm_quant_<isa> multiplies by every quantized type. */

KERNELS_FLOAT(scalar);
KERNELS_ATTENTION(scalar);
gemm_fn gemm_quant_scalar;
quantize_fn quantize_scalar;
peak_fn peak_int8_scalar;

#if defined(__x86_64__)
KERNELS_FLOAT(avx2);
KERNELS_ATTENTION(avx2);
gemm_fn gemm_quant_avx2;
quantize_fn quantize_avx2;
peak_fn peak_int8_avx2;

KERNELS_FLOAT(avx512);
KERNELS_ATTENTION(avx512);
gemm_fn gemm_quant_avx512;
quantize_fn quantize_avx512;
peak_fn peak_int8_avx512;

KERNELS_ATTENTION(avxvnni);
gemm_fn gemm_quant_avxvnni;
peak_fn peak_int8_avxvnni;

KERNELS_ATTENTION(avx512vnni);
gemm_fn gemm_quant_avx512vnni;
peak_fn peak_int8_avx512vnni;
#endif

#if defined(__aarch64__)
KERNELS_FLOAT(neon);
KERNELS_ATTENTION(neon);
gemm_fn gemm_quant_neon;
quantize_fn quantize_neon;
peak_fn peak_int8_neon;
#endif

#endif
