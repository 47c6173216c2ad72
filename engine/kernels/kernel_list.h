/* kernel_list.h - the declarations of every kernel, named <function>_<isa>; table.c assembles them.
 *
 * A family is declared for an instruction set only where its sources are compiled: the folders
 * scalar/, x86/ and arm/ follow the target. Avx512vnni differs from avx512 in integer products only
 * and shares everything else with it. Nobody but table.c, the kernels and their tests needs this.
 */
#ifndef PHIBENCH_ENGINE_KERNELS_KERNEL_LIST_H
#define PHIBENCH_ENGINE_KERNELS_KERNEL_LIST_H

#include "engine/kernels/kernels.h"

#define KERNELS_QUANT(isa)                                                                         \
    gemm_fn gemm_q4_0_##isa, gemm_q4_1_##isa, gemm_q5_0_##isa, gemm_q5_1_##isa, gemm_q8_0_##isa,   \
        gemm_q2_k_##isa, gemm_q3_k_##isa, gemm_q4_k_##isa, gemm_q5_k_##isa, gemm_q6_k_##isa

#define KERNELS_FLOAT(isa)                                                                         \
    gemm_fn gemm_f32_##isa, gemm_f16_##isa, gemm_bf16_##isa;                                       \
    attention_fn attention_##isa;                                                                  \
    kv_store_fn kv_store_##isa;                                                                    \
    rms_norm_fn rms_norm_##isa;                                                                    \
    rope_fn rope_##isa;                                                                            \
    silu_mul_fn silu_mul_##isa;                                                                    \
    add_fn add_##isa

KERNELS_FLOAT(scalar);
KERNELS_QUANT(scalar);
quantize_fn quantize_scalar;

#if defined(__x86_64__)
KERNELS_FLOAT(avx2);
KERNELS_QUANT(avx2);
quantize_fn quantize_avx2;

KERNELS_FLOAT(avx512);
KERNELS_QUANT(avx512);
quantize_fn quantize_avx512;

KERNELS_QUANT(avx512vnni);
#endif

#endif
