/* kernels.h - the table of compute kernels, one per instruction set, all giving the same bits.
 *
 * The scalar kernels are the specification; every other level is compared with them by memcmp (make
 * check-kernels). Rules: SIMD lanes are outputs; inside a quantized block the dot product is exact
 * integer arithmetic; across blocks one fused multiply-add per block and term in ascending k; float
 * weights one fused multiply-add per k in ascending k; reductions over lanes in one fixed tree
 * of 16. No kernel allocates, locks or keeps state; all are thread-safe. Where input is not finite,
 * outputs are the same NaN or infinity class, bits of NaN excepted.
 */
#ifndef PHIBENCH_ENGINE_KERNELS_KERNELS_H
#define PHIBENCH_ENGINE_KERNELS_KERNELS_H

#include "engine/engine.h"
#include "engine/kernels/kv_layout.h"
#include "engine/kernels/pack.h"

/* ---- Activations ---- */

enum act_format {
    ACT_F32,    /* for F32, F16, BF16 weights */
    ACT_Q8_32,  /* int8 in blocks of 32: Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 IQ4_NL MXFP4 */
    ACT_Q8_256, /* int8 in blocks of 256: K types, IQ4_XS, types below four bits */
    ACT_FORMAT_COUNT
};
enum act_format act_format_for(enum tensor_type type);

/* Activations of n_tokens inputs of n_cols values, in one format. Arrays are owned by whoever made
 * it (scratch). */
struct acts {
    enum act_format format;
    size_t n_tokens, n_cols;
    const float *x; /* ACT_F32: [n_tokens, n_cols] */
    int8_t *q;      /* else: [n_tokens, n_cols], in -127..127, 64-byte aligned */
    float *d;       /* [n_tokens, n_cols / block]: value = q * d */
    int16_t *sums;  /* [n_tokens, n_cols / 16]: sums of 16 consecutive q */
};

/* x: [n_cols] of one token -> q [n_cols], d [n_cols / block], sums [n_cols / 16]; block is 32 or
 * 256. d = amax / 127; q = x * (127 / amax) rounded to nearest even. amax is taken on the bit
 * patterns; below 2^-100 the block is zero (d = 0, q = 0); a block with an infinity or NaN gets d =
 * NaN and q = 0. */
typedef void quantize_fn(const float *x, size_t n_cols, size_t block, int8_t *q, float *d,
                         int16_t *sums);

/* ---- Matrix product ---- */

/* out[t * out_stride + r] = sum over k of w[r, k] * a[t, k], for rows of groups [group_begin,
 * group_end) and every token of a. Writes exactly the rows below w->n_rows. Any n_tokens >= 1; a
 * token's result does not depend on the others. The term order per output is: float types acc =
 * fmaf(w, x, acc), k ascending from acc = 0; quantized: per block ascending, acc = fmaf(dw * da,
 * (float)isum, acc), then for types with a minimum acc = fmaf(+-(mw * da), (float)msum, acc), where
 * isum and msum are exact int32 (sub-block scales applied in integers) and dw * da is one float
 * product. */
typedef void gemm_fn(const struct packed *w, const struct acts *a, size_t group_begin,
                     size_t group_end, float *out, size_t out_stride);

/* ---- Attention ---- */

/* A KV page holds SESSION_PAGE_TOKENS (16) positions of every layer; kv_layout.h says where the
 * keys and values of one layer and KV head stand in it. */

/* Which blocks of keys a head attends to, of those that causality leaves it (block-sparse
 * attention: Abdin et al. 2024, section 2): key block k is seen from query block q by head h of the
 * model if q - k < n_local or (k + h * head_step + 1) % stride == 0. Block i is positions [i *
 * n_keys, (i + 1) * n_keys). */
struct block_pattern {
    size_t n_keys;  /* a multiple of 16; 0: there are no blocks, every key is seen */
    size_t n_local; /* at least 1 */
    size_t stride, head_step;
};

/* Queries of n_tokens >= 1 consecutive positions of one sequence: of each token the n_heads heads
 * that share one KV head. The token at position p attends to the keys at [begin, end), end = p + 1,
 * begin = end - window, or 0 if that is less or window is 0; of these to the blocks that its head
 * sees. */
struct attention {
    const float *q;  /* [n_tokens][n_heads, head_size], rotated */
    size_t q_stride; /* floats from one token's queries to the next token's */
    size_t n_tokens, n_heads, head_size;
    size_t position; /* of the first token */
    size_t window;
    struct block_pattern blocks;
    size_t n_keys; /* all tokens attend to the keys before this one, whatever comes after their own;
                    * without window and blocks. 0: each to those up to its own */
    size_t first_head;         /* of the model: what the first of the n_heads is */
    uint8_t *const *pages;     /* page bases of the sequence, up to that of the last key */
    size_t k_offset, v_offset; /* bytes from a page's base to this layer's and KV head's K and V */
    enum kv_type type;
    float scale;    /* score = scale * dot */
    float softcap;  /* 0: none; otherwise scores are softcap * tanh(score / softcap) */
    float *scratch; /* attention_scratch_floats, 64-byte aligned */
    float *out;     /* [n_tokens][n_heads, head_size] */
    size_t out_stride;
};

/* The keys that token i of [0, n_tokens) attends to. */
struct key_span {
    size_t begin, end;
};
static inline struct key_span attention_span(const struct attention *a, size_t i)
{
    size_t end = a->n_keys ? a->n_keys : a->position + i + 1;
    return (struct key_span){a->window && end > a->window ? end - a->window : 0, end};
}

/* One past the last key that a token of the call attends to. */
static inline size_t attention_end(const struct attention *a)
{
    return attention_span(a, a->n_tokens - 1).end;
}

/* Whether head i_head of [0, n_heads) of token i_token sees a block that is not after its own. */
static inline bool attention_sees_block(const struct attention *a, size_t i_token, size_t i_head,
                                        size_t block)
{
    const struct block_pattern *blocks = &a->blocks;
    size_t own = (a->position + i_token) / blocks->n_keys, head = a->first_head + i_head;
    return own - block < blocks->n_local ||
           (block + head * blocks->head_step + 1) % blocks->stride == 0;
}

/* From this block on the call's tokens see, together, all blocks that there are. */
static inline size_t attention_local_block(const struct attention *a)
{
    size_t own = a->position / a->blocks.n_keys;
    return own + 1 > a->blocks.n_local ? own + 1 - a->blocks.n_local : 0;
}

/* At most so many keys are seen by the tokens of a call, all of them together. */
static inline size_t attention_most_keys(const struct attention *a)
{
    const struct block_pattern *blocks = &a->blocks;
    size_t end = attention_end(a), n_keys = end - attention_span(a, 0).begin;
    if (!blocks->n_keys) return n_keys;
    size_t n_before = attention_local_block(a), n_blocks = (end - 1) / blocks->n_keys + 1;
    size_t n_strided = a->n_heads * (n_before / blocks->stride + 1);
    size_t n_seen = n_blocks - n_before + (n_strided < n_before ? n_strided : n_before);
    return n_seen * blocks->n_keys < n_keys ? n_seen * blocks->n_keys : n_keys;
}

/* Scratch of a call whose tokens see n_keys different keys, all of them together. */
static inline size_t attention_scratch_floats(size_t n_tokens, size_t n_heads, size_t head_size,
                                              size_t n_keys)
{
    size_t n_scores = (n_keys / SESSION_PAGE_TOKENS + 2) * SESSION_PAGE_TOKENS;
    return n_tokens * n_heads * (n_scores + 2 * head_size + 48);
}

/* Attention of each token and head alone: dot: fmaf over d ascending per key; s = dot * scale; with
 * a softcap c (Gemma 2, arXiv 2408.00118, section 2) s = kernel_tanh(s / c) * c; m = max over keys;
 * p = kernel_exp(s - m); the sum of p: lane (position mod 16) ascending, then the
 * fixed tree; out[d] = (sum over keys ascending of fmaf(p, v[d], .)) / sum. Keys outside its span
 * or in blocks that its head does not see take no part; blocks that no head of the call sees are
 * not read.
 * With KV_Q8_0 queries are quantized as keys are (kv_q8.h), but their scales dq stay floats; dot:
 * fmaf(dq * dk, (float)isum, .) over blocks of 32 ascending, isum the exact sum of products; and
 * values are summed by fmaf(p * dv, (float)q, .). */
typedef void attention_fn(const struct attention *attention);

/* Stores k, v: [head_size] of one position (slot = position mod 16) into a page, converted to type
 * (round to nearest even; KV_Q8_0: as kv_q8.h does it). */
typedef void kv_store_fn(const float *k, const float *v, size_t head_size, enum kv_type type,
                         uint8_t *page_k, uint8_t *page_v, size_t slot);

/* ---- Element-wise and norms ---- */

/* out[i] = x[i] * r * w[i], r = 1 / sqrtf(sum(x^2) / n + eps); sum: lane i mod 16 by fmaf
 * ascending, then the fixed tree. out may be x. */
typedef void rms_norm_fn(const float *x, const float *w, size_t n, float eps, float *out);

/* out[i] = fmaf((x[i] - mean) * r, w[i], b[i]), mean = sum(x) / n, r = 1 / sqrtf(sum((x - mean)^2)
 * / n + eps) (Ba et al. 2016); sums: lane i mod 16 ascending, of the squares by fmaf, then the
 * fixed tree. out may be x. */
typedef void layer_norm_fn(const float *x, const float *w, const float *b, size_t n, float eps,
                           float *out);

/* Rotates one head x: [head_size] in place. cos_sin: [n_pairs][2] for the position. NeoX: pairs (i,
 * i + n_pairs); interleaved: pairs (2i, 2i + 1). a' = fmaf(a, c, -(b * s)), b' = fmaf(b, c, a * s).
 * Values past 2 * n_pairs stay. */
typedef void rope_fn(float *x, const float *cos_sin, size_t n_pairs, bool interleaved);

/* out[i] = silu(gate[i]) * up[i], silu(g) = g / (1 + kernel_exp(-g)). out may be gate or up. */
typedef void silu_mul_fn(const float *gate, const float *up, size_t n, float *out);

/* out[i] = g * logistic(1.702 g) * (u + 1), g = gate[i], at most limit, u = up[i], within +-limit
 * (Hendrycks, Gimpel 2016, section 2; the limits are Phi-3-small's): g / (1 + kernel_exp(-(1.702f *
 * g))) * (u + 1). What is not finite gives NaN: no limit hides it. out may be gate or up. */
typedef void gegelu_mul_fn(const float *gate, const float *up, size_t n, float limit, float *out);

/* out[i] = gelu(gate[i]) * up[i] by the approximation with tanh (Hendrycks, Gimpel 2016): 0.5 * g *
 * (1 + tanh(sqrt(2 / pi) * (g + 0.044715 g^3))), which is g / (1 + kernel_exp(-(g * fmaf(g * g,
 * GELU_CUBE, GELU_LINEAR)))). out may be gate or up. */
typedef void gelu_mul_fn(const float *gate, const float *up, size_t n, float *out);

/* out[i] = gelu(x[i]), the same. out may be x. */
typedef void gelu_fn(const float *x, size_t n, float *out);

/* out[i] = x[i] * logistic(1.702 x[i]) (Hendrycks, Gimpel 2016, section 2): x / (1 +
 * kernel_exp(-(1.702f * x))). out may be x. */
typedef void gelu_quick_fn(const float *x, size_t n, float *out);

/* out[i] = x[i] * (1 + erf(x[i] / sqrt(2))) / 2, the same with the normal distribution itself: the
 * positive part of x, h + |h| with h = 0.5 x, less a * tail(a), a = |x|, by one fmaf; tail(a) =
 * kernel_exp(-0.5f * (a * a)) * (t * polynomial of t by fmaf), t = 1 / fmaf(a, NORMAL_SLOPE, 1).
 * out may be x. */
typedef void gelu_erf_fn(const float *x, size_t n, float *out);

/* x[i] += y[i]. */
typedef void add_fn(float *x, const float *y, size_t n);

/* x[i] = fmaf(scale, y[i], x[i]). */
typedef void add_scaled_fn(float *x, const float *y, float scale, size_t n);

/* x[i] *= factor. */
typedef void scale_fn(float *x, float factor, size_t n);

/* x[i] = kernel_tanh(x[i] / cap) * cap. */
typedef void softcap_fn(float *x, float cap, size_t n);

/* ---- What is possible ---- */

/* Not used by models: the measure that they are held against. n_rounds of multiply-adds on operands
 * in registers, by the instructions of this level's matrix products and in enough independent
 * chains to hide their latency. Returns how many multiply-adds they were. *witness, any number,
 * goes into all and comes out of all, so that a compiler can leave none out. */
typedef uint64_t peak_fn(size_t n_rounds, uint32_t *witness);

/* Loads all of bytes: [n_bytes], 64-byte aligned, n_bytes a multiple of STREAM_BYTES, in ascending
 * order with the prefetch of decoding. Returns something that depends on every byte. */
typedef uint32_t stream_fn(const uint8_t *bytes, size_t n_bytes);
enum { STREAM_BYTES = 256 };

struct kernels {
    enum isa isa;
    quantize_fn *quantize;
    gemm_fn *gemm[TENSOR_TYPE_LIMIT]; /* by tensor_type, NULL where a type is not supported */
    attention_fn *attention;
    kv_store_fn *kv_store;
    rms_norm_fn *rms_norm;
    layer_norm_fn *layer_norm;
    rope_fn *rope;
    silu_mul_fn *silu_mul;
    gegelu_mul_fn *gegelu_mul;
    gelu_mul_fn *gelu_mul;
    gelu_fn *gelu;
    gelu_quick_fn *gelu_quick;
    gelu_erf_fn *gelu_erf;
    add_fn *add;
    add_scaled_fn *add_scaled;
    scale_fn *scale;
    softcap_fn *softcap;
    peak_fn *peak_int8, *peak_f32;
    stream_fn *stream;
};

/* The const table of a level; NULL if it is not compiled in. Does not ask the CPU (isa_available
 * does). */
const struct kernels *kernels_for(enum isa isa);

#endif
