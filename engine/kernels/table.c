/* table.c - which kernels a level of instruction sets has, and which levels this machine has.
 *
 * The tables are const data; asking the CPU has no state either, so every function is thread-safe.
 */
#include "engine/kernels/kernel_list.h"
#include "engine/kernels/pack_layout.h"

#include <strings.h>
#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

#define GEMM_TABLE(float_isa, quant_isa)                                                           \
    {                                                                                              \
        [TENSOR_F32] = gemm_f32_##float_isa, [TENSOR_F16] = gemm_f16_##float_isa,                  \
        [TENSOR_BF16] = gemm_bf16_##float_isa, [TENSOR_Q4_0] = gemm_quant_##quant_isa,             \
        [TENSOR_Q4_1] = gemm_quant_##quant_isa, [TENSOR_Q5_0] = gemm_quant_##quant_isa,            \
        [TENSOR_Q5_1] = gemm_quant_##quant_isa, [TENSOR_Q8_0] = gemm_quant_##quant_isa,            \
        [TENSOR_Q2_K] = gemm_quant_##quant_isa, [TENSOR_Q3_K] = gemm_quant_##quant_isa,            \
        [TENSOR_Q4_K] = gemm_quant_##quant_isa, [TENSOR_Q5_K] = gemm_quant_##quant_isa,            \
        [TENSOR_Q6_K] = gemm_quant_##quant_isa, [TENSOR_IQ4_NL] = gemm_quant_##quant_isa,          \
        [TENSOR_IQ4_XS] = gemm_quant_##quant_isa, [TENSOR_MXFP4] = gemm_quant_##quant_isa,         \
        [TENSOR_IQ2_XXS] = gemm_quant_##quant_isa, [TENSOR_IQ2_XS] = gemm_quant_##quant_isa,       \
        [TENSOR_IQ2_S] = gemm_quant_##quant_isa, [TENSOR_IQ3_XXS] = gemm_quant_##quant_isa,        \
        [TENSOR_IQ3_S] = gemm_quant_##quant_isa, [TENSOR_IQ1_S] = gemm_quant_##quant_isa,          \
        [TENSOR_IQ1_M] = gemm_quant_##quant_isa, [TENSOR_TQ1_0] = gemm_quant_##quant_isa,          \
        [TENSOR_TQ2_0] = gemm_quant_##quant_isa,                                                   \
    }

/* A level whose integer products alone are its own borrows the rest from another. */
#define KERNELS(level, float_isa, quant_isa)                                                       \
    {                                                                                              \
        .isa = level, .quantize = quantize_##float_isa, .gemm = GEMM_TABLE(float_isa, quant_isa),  \
        .attention = attention_##quant_isa, .kv_store = kv_store_##quant_isa,                      \
        .rms_norm = rms_norm_##float_isa, .layer_norm = layer_norm_##float_isa,                    \
        .rope = rope_##float_isa, .silu_mul = silu_mul_##float_isa,                                \
        .gegelu_mul = gegelu_mul_##float_isa, .gelu_mul = gelu_mul_##float_isa,                    \
        .gelu = gelu_##float_isa, .gelu_quick = gelu_quick_##float_isa,                            \
        .gelu_erf = gelu_erf_##float_isa, .add = add_##float_isa, .scale = scale_##float_isa,      \
        .add_scaled = add_scaled_##float_isa, .softcap = softcap_##float_isa,                      \
        .peak_int8 = peak_int8_##quant_isa, .peak_f32 = peak_f32_##float_isa,                      \
        .stream = stream_##float_isa,                                                              \
    }

const struct kernels *kernels_for(enum isa isa)
{
    static const struct kernels scalar = KERNELS(ISA_SCALAR, scalar, scalar);
#if defined(__x86_64__)
    static const struct kernels avx2 = KERNELS(ISA_AVX2, avx2, avx2);
    static const struct kernels avxvnni = KERNELS(ISA_AVXVNNI, avx2, avxvnni);
    static const struct kernels avx512 = KERNELS(ISA_AVX512, avx512, avx512);
    static const struct kernels avx512vnni = KERNELS(ISA_AVX512VNNI, avx512, avx512vnni);
#elif defined(__aarch64__)
    static const struct kernels neon = KERNELS(ISA_NEON, neon, neon);
#endif
    switch (isa) {
    case ISA_SCALAR: return &scalar;
#if defined(__x86_64__)
    case ISA_AVX2: return &avx2;
    case ISA_AVXVNNI: return &avxvnni;
    case ISA_AVX512: return &avx512;
    case ISA_AVX512VNNI: return &avx512vnni;
#elif defined(__aarch64__)
    case ISA_NEON: return &neon;
#endif
    default: return NULL;
    }
}

enum act_format act_format_for(enum tensor_type type)
{
    switch (pack_shape(type).block_values) {
    case 32: return ACT_Q8_32;
    case 256: return ACT_Q8_256;
    default: return ACT_F32;
    }
}

static const char *const isa_names[ISA_COUNT] = {
    [ISA_SCALAR] = "scalar",         [ISA_AVX2] = "avx2",
    [ISA_AVXVNNI] = "avxvnni",       [ISA_AVX512] = "avx512",
    [ISA_AVX512VNNI] = "avx512vnni", [ISA_NEON] = "neon",
};

const char *isa_name(enum isa isa)
{
    return (unsigned)isa < ISA_COUNT ? isa_names[isa] : "unknown";
}

bool isa_parse(const char *name, enum isa *isa, struct err *err)
{
    for (enum isa i = ISA_SCALAR; i < ISA_COUNT; i++) {
        if (strcasecmp(name, isa_names[i]) == 0) {
            *isa = i;
            return true;
        }
    }
    return err_set(err, ERR_USAGE,
                   "unknown instruction set '%s': expected scalar, avx2, avxvnni, avx512, "
                   "avx512vnni or neon",
                   name);
}

#if defined(__x86_64__)
/* Half-precision conversion, which not every compiler's __builtin_cpu_supports knows. */
static bool cpu_has_f16c(void)
{
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_F16C);
}

/* The byte dot product of 256 bits in the encoding of AVX2: leaf 7, subleaf 1, EAX bit 4. */
static bool cpu_has_avxvnni(void)
{
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax & (1u << 4));
}
#elif defined(__aarch64__)
/* The byte dot product. A core that has it has the rest of Armv8.2 as well. */
static bool cpu_has_dotprod(void)
{
#if defined(__linux__)
    return getauxval(AT_HWCAP) & HWCAP_ASIMDDP;
#elif defined(__APPLE__)
    int value = 0;
    size_t n_bytes = sizeof value;
    return sysctlbyname("hw.optional.arm.FEAT_DotProd", &value, &n_bytes, NULL, 0) == 0 && value;
#else
    return false; /* no way to ask is known here */
#endif
}
#endif

/* The compiler's run-time support reads CPUID and, through XGETBV, whether the system saves the
 * wide registers: a feature it reports is usable. The lists are those of the Makefile's flags. */
static bool cpu_has(enum isa isa)
{
#if defined(__x86_64__)
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && cpu_has_f16c();
    bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    switch (isa) {
    case ISA_AVX2: return avx2;
    case ISA_AVXVNNI: return avx2 && cpu_has_avxvnni();
    case ISA_AVX512: return avx512;
    case ISA_AVX512VNNI: return avx512 && __builtin_cpu_supports("avx512vnni");
    default: break;
    }
#elif defined(__aarch64__)
    if (isa == ISA_NEON) return cpu_has_dotprod();
#endif
    return isa == ISA_SCALAR;
}

bool isa_available(enum isa isa)
{
    return kernels_for(isa) && cpu_has(isa);
}

enum isa isa_best(void)
{
    /* AVX-512 makes all of a token faster, AVX-VNNI its integer products only. */
    static const enum isa order[] = {ISA_AVX512VNNI, ISA_AVX512, ISA_AVXVNNI, ISA_AVX2, ISA_NEON};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if (isa_available(order[i])) return order[i];
    }
    return ISA_SCALAR;
}
