/* gemm_quant_template.h - the one text of products with quantized weights on x86: a file per
 * instruction set defines the primitives, includes this and gets its gemm_quant_<isa>.
 *
 * A tile is STRIPS strips of SIMD_LANES rows by 1 to TILE_TOKENS tokens; every pair of them has its
 * own chain of dependent sums, and chains of different tokens are interleaved, so that their
 * latency hides. An activation is broadcast once for all strips. Types and token counts are
 * constants here: all branches on them vanish.
 */
#ifndef PHIBENCH_ENGINE_KERNELS_X86_GEMM_QUANT_TEMPLATE_H
#define PHIBENCH_ENGINE_KERNELS_X86_GEMM_QUANT_TEMPLATE_H

#include "engine/kernels/x86/quant_panel_template.h"

#include <string.h>

/* In a block, sums of q * a (q unsigned) go step by step into a narrow sum and from there, after a
 * run of steps, times the sub-block's scale into the exact int32 sum (bounds: gemm_quant_scalar.c).
 * What the offset of q added is taken off with the given sums of activations: sums start at it, or,
 * where they have no room for it, it is multiplied by the scales as minima are.
 *
 * A few tokens take their weights from the packed groups. For more, 256 k of a tile's rows are
 * unpacked to a panel on the stack, which stays in the first cache while
 * PANEL_TOKENS tokens, whose activations stay in the second, are multiplied by it; their sums wait
 * in memory meanwhile. The order of every sum is the same.
 *
 * Floats are those of simd.h. The includer includes the simd header of its set and defines:
 *   V_INT             a vector of SIMD_LANES int32 (4 bytes or 2 int16 in each)
 *   STRIPS, TILE_TOKENS
 *   FOR_TILE_TYPES(X) X(type) for each type that gains nothing by panels
 *   FOR_PANEL_TYPES(X)
 *                     X(type, from_tokens) for each that does, and from how many tokens on
 *   FOR_TILE_TOKENS(X, type), FOR_PANEL_TOKENS(X, type)
 *                     X(type, n) for each n that tokens are divided into: up to TILE_TOKENS, and
 *                     from the fewest tokens of a panel on
 *   INT16_SUMS        1 if the narrow sum is of int16. It bounds a run, for steps * 2 * 127 * (the
 *                     largest q) <= 32767: 8 steps of q <= 15 (30480), 4 of q <= 31 (31496), 2 of
 *                     q <= 63 (32004)
 *   v_load, v_broadcast (of 4 bytes), v_zero, v_set16, v_and, v_or, v_to_float; of int16:
 *   v_shift_left, v_shift_right, v_multiply16 (low half); v_add_pairs(sum, x, y), which adds sums
 *   of two products of int16
 *   v_add(sum, x)     of int32
 *   v_chain(sum)      the same, as a step of a chain that the compiler must not reorder
 *   v_park(&sum)      to memory, in sets with few registers
 *   narrow_dot(sum, q, a), narrow_end(sum, narrow)
 *   narrow_end_scaled(sum, narrow, scale, is_word), is_word if narrow sums of int32 are int16
 *   wide_dot(sum, q, a, factor)
 *                     adds (q - WIDE_TAKES_OFF) * a, q any byte, straight to the int32 sum; with
 *                     INT16_SUMS times the factor, a widened scale or 1 in every int16
 *   load_row_bytes (SIMD_LANES of them), widen_scale(bytes, is_word),
 *   interleave_to_pairs (to int16)
 */

struct tile {
    const struct packed *w;
    const struct acts *a;
    const uint8_t *group[STRIPS]; /* that the strip is in */
    size_t token;                 /* the first */
    /* How far was read ahead, and that only in every n_parts-th 256 k from the i_part-th on. */
    size_t ahead_bytes, i_part, n_parts;
};

/* One token's sums of a tile's rows. */
struct row_sums {
    SIMD_FLOAT strip[STRIPS];
};

/* The 256 k (or fewer) that a tile is at: weights, packed or in a panel, and for each token
 * activations and what follows from their sums. */
struct tile_input {
    struct panel_place place;
    const struct panel *panel;
    const struct tile_scales *scales;
    size_t ahead_bytes;                              /* 0: none */
    const int8_t *a[TILE_TOKENS];                    /* [PANEL_VALUES] */
    const float *da[TILE_TOKENS];                    /* by block */
    const int16_t *sums[TILE_TOKENS];                /* by sub-block */
    _Alignas(64) int16_t unit_sums[TILE_TOKENS][16]; /* sums, where a sub-block is a unit */
    _Alignas(64) int32_t starts[TILE_TOKENS][16];    /* of products, by sub-block or block */
    _Alignas(64) float minimum_sums[TILE_TOKENS][8]; /* by block of 32 */
};

SIMD_INLINE size_t run_steps(const struct pack_shape *shape)
{
    unsigned bits = pack_bits(shape);
    if (!INT16_SUMS || bits <= 4 || bits == 8) return shape->sub_values / 4;
    return bits == 5 ? 4 : 2;
}

SIMD_INLINE void find_place(const struct pack_shape *shape, const struct tile *tile, size_t i,
                            struct panel_place *place)
{
    const size_t n_cols = tile->w->n_cols, n_blocks = n_cols / shape->block_values;
    const size_t left = (n_cols - i * PANEL_VALUES) / PACK_UNIT;
    const size_t block = i * (PANEL_VALUES / shape->block_values);
    place->n_units = has_scales(shape) || left > PANEL_UNITS ? PANEL_UNITS : left;
    SIMD_UNROLL
    for (size_t s = 0; s < STRIPS; s++) {
        place->factors[s] = tile->group[s] + block * pack_factors(shape) * ROW_GROUP * 2;
        place->body[s] =
            tile->group[s] + pack_factors_bytes(shape, n_blocks) + block * pack_body_bytes(shape);
    }
}

/* Sums of the 32 activations of each unit, times factor. */
SIMD_INLINE __m256i multiply_unit_sums(const int16_t *sums, size_t n_units, int factor)
{
    int16_t some[16] = {0};
    if (n_units < PANEL_UNITS) {
        memcpy(some, sums, n_units * 2 * sizeof *sums);
        sums = some;
    }
    __m256i pairs = _mm256_loadu_si256((const __m256i *)sums);
    return _mm256_madd_epi16(pairs, _mm256_set1_epi16((int16_t)factor));
}

SIMD_INLINE void prepare_sums(const struct pack_shape *shape, const int16_t *sums, size_t t,
                              struct tile_input *in)
{
    in->sums[t] = sums;
    if (!has_scales(shape)) {
        int offset = offset_taken_off(shape);
        if (shape->has_minimum) {
            __m256i units = multiply_unit_sums(sums, in->place.n_units, 1);
            _mm256_store_ps(in->minimum_sums[t], _mm256_cvtepi32_ps(units));
        } else if (offset) {
            __m256i units = multiply_unit_sums(sums, in->place.n_units, -offset);
            _mm256_store_si256((__m256i *)in->starts[t], units);
        }
    } else if (shape->sub_values == PACK_UNIT && starts_at_offset(shape)) {
        __m256i starts = multiply_unit_sums(sums, PANEL_UNITS, -shape->offset);
        _mm256_store_si256((__m256i *)in->starts[t], starts);
    } else if (shape->sub_values == PACK_UNIT) {
        __m256i units = multiply_unit_sums(sums, PANEL_UNITS, 1);
        __m128i words =
            _mm_packs_epi32(_mm256_castsi256_si128(units), _mm256_extracti128_si256(units, 1));
        _mm_store_si128((__m128i *)in->unit_sums[t], words);
        in->sums[t] = in->unit_sums[t];
    } else if (starts_at_offset(shape)) {
        SIMD_UNROLL
        for (size_t j = 0; j < 16; j += 8) {
            __m128i words = _mm_loadu_si128((const __m128i *)(sums + j));
            __m256i starts =
                _mm256_mullo_epi32(_mm256_cvtepi16_epi32(words), _mm256_set1_epi32(-shape->offset));
            _mm256_store_si256((__m256i *)(in->starts[t] + j), starts);
        }
    }
}

/* The tokens' part of the tile's i-th 256 k, when the place is known. */
SIMD_INLINE void find_tokens(const struct pack_shape *shape, const size_t n_tokens,
                             const struct tile *tile, size_t i, struct tile_input *in)
{
    const size_t n_cols = tile->w->n_cols, n_blocks = n_cols / shape->block_values;
    SIMD_UNROLL
    for (size_t t = 0; t < n_tokens; t++) {
        size_t token = tile->token + t, at = token * n_cols + i * PANEL_VALUES;
        in->a[t] = tile->a->q + at;
        in->da[t] = tile->a->d + token * n_blocks + i * (PANEL_VALUES / shape->block_values);
        prepare_sums(shape, tile->a->sums + at / 16, t, in);
    }
}

/* A K block's sums of activations times its minima or what its offset takes off. */
SIMD_INLINE V_INT sum_pairs(const struct pack_shape *shape, const struct tile_input *in, size_t s,
                            size_t t)
{
    V_INT sum = v_zero();
    SIMD_UNROLL
    for (size_t p = 0; p < n_subs(shape) / 2; p++) {
        sum = v_add_pairs(sum, in->scales->pairs[s][p], v_broadcast(in->sums[t] + 2 * p));
    }
    return sum;
}

/* Bytes of q take their scale at once, where that is a factor of pairs of their products. */
SIMD_INLINE V_INT wide_factor(const struct pack_shape *shape, const struct tile_input *in, size_t s,
                              size_t unit, size_t step)
{
    if (!has_scales(shape)) return v_set16(1);
    return in->scales->scale[s][(PACK_UNIT * unit + 4 * step) / shape->sub_values];
}

/* Adds the steps [begin, end) of a unit, products without scales, but for wide_factor. */
SIMD_INLINE void add_run(const struct pack_shape *shape, const size_t n_tokens, bool from_panel,
                         const struct tile_input *in, size_t unit, size_t begin, size_t end,
                         V_INT sum[STRIPS][TILE_TOKENS])
{
    SIMD_UNROLL
    for (size_t step = begin; step < end; step++) {
        V_INT q[STRIPS];
        SIMD_UNROLL
        for (size_t s = 0; s < STRIPS; s++) {
            q[s] = from_panel ? v_chain(in->panel->q[PACK_UNIT_STEPS * unit + step][s])
                              : load_step(shape, &in->place, s, unit, step);
        }
        SIMD_UNROLL
        for (size_t t = 0; t < n_tokens; t++) {
            V_INT a = v_broadcast(in->a[t] + PACK_UNIT * unit + 4 * step);
            SIMD_UNROLL
            for (size_t s = 0; s < STRIPS; s++) {
                sum[s][t] = is_wide(shape) ? wide_dot(sum[s][t], q[s], a,
                                                      wide_factor(shape, in, s, unit, step))
                                           : narrow_dot(sum[s][t], q[s], a);
            }
        }
    }
}

/* Moves sums out of the registers, where these are too few, while narrow sums run. */
SIMD_INLINE void park_sums(const size_t n_tokens, V_INT isum[STRIPS][TILE_TOKENS])
{
    SIMD_UNROLL
    for (size_t t = 0; t < n_tokens; t++) {
        SIMD_UNROLL
        for (size_t s = 0; s < STRIPS; s++) v_park(&isum[s][t]);
    }
}

/* Runs of narrow sums of one unit. */
SIMD_INLINE void add_runs(const struct pack_shape *shape, const size_t n_tokens, bool from_panel,
                          const struct tile_input *in, size_t unit, V_INT isum[STRIPS][TILE_TOKENS])
{
    const size_t n_steps = run_steps(shape);
    SIMD_UNROLL
    for (size_t step = 0; step < PACK_UNIT_STEPS; step += n_steps) {
        const size_t sub = (PACK_UNIT * unit + 4 * step) / shape->sub_values;
        V_INT narrow[STRIPS][TILE_TOKENS];
        SIMD_UNROLL
        for (size_t t = 0; t < n_tokens; t++) {
            bool starts = has_scales(shape) && starts_at_offset(shape);
            SIMD_UNROLL
            for (size_t s = 0; s < STRIPS; s++)
                narrow[s][t] = starts ? v_broadcast(&in->starts[t][sub]) : v_zero();
        }
        if (n_steps >= 4 && n_tokens > 2) park_sums(n_tokens, isum);
        add_run(shape, n_tokens, from_panel, in, unit, step, step + n_steps, narrow);
        SIMD_UNROLL
        for (size_t t = 0; t < n_tokens; t++) {
            SIMD_UNROLL
            for (size_t s = 0; s < STRIPS; s++) {
                if (has_scales(shape)) {
                    isum[s][t] = narrow_end_scaled(isum[s][t], narrow[s][t],
                                                   in->scales->scale[s][sub], is_word_sum(shape));
                } else {
                    isum[s][t] = narrow_end(isum[s][t], narrow[s][t]);
                }
            }
        }
    }
}

/* One unit of 32 k. Sums that no bound or scale forces apart are the exact sums themselves. */
SIMD_INLINE void add_unit(const struct pack_shape *shape, const size_t n_tokens, bool from_panel,
                          const struct tile_input *in, size_t unit, V_INT isum[STRIPS][TILE_TOKENS])
{
    if (!from_panel && in->ahead_bytes) prefetch_unit(shape, &in->place, unit, in->ahead_bytes);
    bool is_exact =
        is_wide(shape) ? INT16_SUMS || !has_scales(shape) : !INT16_SUMS && !has_scales(shape);
    if (is_exact) {
        add_run(shape, n_tokens, from_panel, in, unit, 0, PACK_UNIT_STEPS, isum);
        return;
    }
    add_runs(shape, n_tokens, from_panel, in, unit, isum);
}

/* Adds one block's sums to those of the row. */
SIMD_INLINE void end_block(const struct pack_shape *shape, const size_t n_tokens, bool from_panel,
                           const struct tile_input *in, size_t block,
                           V_INT isum[STRIPS][TILE_TOKENS], SIMD_FLOAT acc[STRIPS][TILE_TOKENS])
{
    SIMD_FLOAT factors[2][STRIPS];
    SIMD_UNROLL
    for (size_t i = 0; i < pack_factors(shape); i++) {
        SIMD_UNROLL
        for (size_t s = 0; s < STRIPS; s++) {
            factors[i][s] = from_panel ? in->panel->factors[block][i][s]
                                       : load_factor(shape, &in->place, s, block, i);
        }
    }
    SIMD_UNROLL
    for (size_t t = 0; t < n_tokens; t++) {
        const float da = in->da[t][block];
        SIMD_UNROLL
        for (size_t s = 0; s < STRIPS; s++) {
            SIMD_FLOAT d = simd_mul(factors[0][s], simd_set(da));
            acc[s][t] = simd_fma(d, v_to_float(isum[s][t]), acc[s][t]);
            if (!shape->has_minimum) continue;
            SIMD_FLOAT m = simd_mul(factors[1][s], simd_set(has_scales(shape) ? -da : da));
            SIMD_FLOAT sum = has_scales(shape) ? v_to_float(sum_pairs(shape, in, s, t))
                                               : simd_set(in->minimum_sums[t][block]);
            acc[s][t] = simd_fma(m, sum, acc[s][t]);
        }
    }
}

/* Adds the blocks of a type without scales. */
SIMD_INLINE void add_legacy_blocks(const struct pack_shape *shape, const size_t n_tokens,
                                   bool from_panel, const struct tile_input *in,
                                   SIMD_FLOAT acc[STRIPS][TILE_TOKENS])
{
    for (size_t unit = 0; unit < in->place.n_units; unit++) {
        V_INT isum[STRIPS][TILE_TOKENS];
        SIMD_UNROLL
        for (size_t t = 0; t < n_tokens; t++) {
            bool starts = offset_taken_off(shape) != 0;
            SIMD_UNROLL
            for (size_t s = 0; s < STRIPS; s++)
                isum[s][t] = starts ? v_broadcast(&in->starts[t][unit]) : v_zero();
        }
        add_unit(shape, n_tokens, from_panel, in, unit, isum);
        end_block(shape, n_tokens, from_panel, in, unit, isum, acc);
    }
}

/* Adds the block of a K type. */
SIMD_INLINE void add_k_block(const struct pack_shape *shape, const size_t n_tokens, bool from_panel,
                             const struct tile_input *in, SIMD_FLOAT acc[STRIPS][TILE_TOKENS])
{
    V_INT isum[STRIPS][TILE_TOKENS];
    SIMD_UNROLL
    for (size_t t = 0; t < n_tokens; t++) {
        bool pairs = has_offset_pairs(shape);
        SIMD_UNROLL
        for (size_t s = 0; s < STRIPS; s++)
            isum[s][t] = pairs ? sum_pairs(shape, in, s, t) : v_zero();
    }
    for (size_t unit = 0; unit < PANEL_UNITS; unit++)
        add_unit(shape, n_tokens, from_panel, in, unit, isum);
    end_block(shape, n_tokens, from_panel, in, 0, isum, acc);
}

SIMD_INLINE void add_blocks(const struct pack_shape *shape, const size_t n_tokens, bool from_panel,
                            const struct tile_input *in, SIMD_FLOAT acc[STRIPS][TILE_TOKENS])
{
    if (has_scales(shape)) {
        add_k_block(shape, n_tokens, from_panel, in, acc);
    } else {
        add_legacy_blocks(shape, n_tokens, from_panel, in, acc);
    }
}

/* sums: [n_tokens], of the whole row. */
SIMD_INLINE void compute_tile(enum tensor_type type, const size_t n_tokens, const struct tile *tile,
                              struct row_sums *sums)
{
    const struct pack_shape shape = pack_shape(type);
    SIMD_FLOAT acc[STRIPS][TILE_TOKENS];
    SIMD_UNROLL
    for (size_t t = 0; t < n_tokens; t++) {
        SIMD_UNROLL
        for (size_t s = 0; s < STRIPS; s++) acc[s][t] = simd_set(0);
    }
    for (size_t i = 0; i * PANEL_VALUES < tile->w->n_cols; i++) {
        struct tile_scales scales;
        struct tile_input in;
        in.scales = &scales;
        in.ahead_bytes = i % tile->n_parts == tile->i_part ? tile->ahead_bytes : 0;
        find_place(&shape, tile, i, &in.place);
        if (has_scales(&shape)) load_scales(&shape, &in.place, &scales);
        find_tokens(&shape, n_tokens, tile, i, &in);
        add_blocks(&shape, n_tokens, false, &in, acc);
    }
    SIMD_UNROLL
    for (size_t t = 0; t < n_tokens; t++) {
        SIMD_UNROLL
        for (size_t s = 0; s < STRIPS; s++) sums[t].strip[s] = acc[s][t];
    }
}

/* Adds a panel's part to sums: [n_tokens]. */
SIMD_INLINE void add_panel(enum tensor_type type, const size_t n_tokens, const struct tile *tile,
                           size_t i, const struct panel *panel, struct row_sums *sums)
{
    const struct pack_shape shape = pack_shape(type);
    SIMD_FLOAT acc[STRIPS][TILE_TOKENS];
    struct tile_input in;
    in.panel = panel;
    in.scales = &panel->scales;
    find_place(&shape, tile, i, &in.place);
    find_tokens(&shape, n_tokens, tile, i, &in);
    SIMD_UNROLL
    for (size_t t = 0; t < n_tokens; t++) {
        SIMD_UNROLL
        for (size_t s = 0; s < STRIPS; s++) acc[s][t] = sums[t].strip[s];
    }
    add_blocks(&shape, n_tokens, true, &in, acc);
    SIMD_UNROLL
    for (size_t t = 0; t < n_tokens; t++) {
        SIMD_UNROLL
        for (size_t s = 0; s < STRIPS; s++) sums[t].strip[s] = acc[s][t];
    }
}

/* The tokens of a block are spread evenly over as few tiles as hold them: a last tile of one would
 * cost as much as half a full one. */
static size_t next_tile_tokens(size_t n_left)
{
    size_t n_tiles = (n_left + TILE_TOKENS - 1) / TILE_TOKENS;
    return (n_left + n_tiles - 1) / n_tiles;
}

static size_t next_block_tokens(size_t n_left)
{
    size_t n_blocks = (n_left + PANEL_TOKENS - 1) / PANEL_TOKENS;
    size_t n_tiles = (n_left + n_blocks * TILE_TOKENS - 1) / (n_blocks * TILE_TOKENS);
    return n_tiles * TILE_TOKENS < n_left ? n_tiles * TILE_TOKENS : n_left;
}

typedef void tile_fn(const struct tile *tile, struct row_sums *sums);
typedef void unpack_fn(const struct tile *tile, size_t i, struct panel *panel);
typedef void panel_fn(const struct tile *tile, size_t i, const struct panel *panel,
                      struct row_sums *sums);

#define DEFINE_TILE(type, n)                                                                       \
    static void tile_##type##_##n(const struct tile *tile, struct row_sums *sums)                  \
    {                                                                                              \
        compute_tile(TENSOR_##type, n, tile, sums);                                                \
    }
#define DEFINE_PANEL_TILE(type, n)                                                                 \
    static void panel_tile_##type##_##n(const struct tile *tile, size_t i,                         \
                                        const struct panel *panel, struct row_sums *sums)          \
    {                                                                                              \
        add_panel(TENSOR_##type, n, tile, i, panel, sums);                                         \
    }
#define DEFINE_UNPACK(type)                                                                        \
    static void unpack_##type(const struct tile *tile, size_t i, struct panel *panel)              \
    {                                                                                              \
        struct panel_place place;                                                                  \
        const struct pack_shape shape = pack_shape(TENSOR_##type);                                 \
        find_place(&shape, tile, i, &place);                                                       \
        unpack_panel(&shape, &place, panel);                                                       \
    }
#define LIST_TILE(type, n) [n - 1] = tile_##type##_##n,
#define LIST_PANEL_TILE(type, n) [n - 1] = panel_tile_##type##_##n,

#define DEFINE_TILE_TYPE(type) FOR_TILE_TOKENS(DEFINE_TILE, type)
#define LIST_TILE_TYPE(type) [TENSOR_##type] = {.packed = {FOR_TILE_TOKENS(LIST_TILE, type)}},

#define DEFINE_PANEL_TYPE(type, from_tokens)                                                       \
    FOR_TILE_TOKENS(DEFINE_TILE, type)                                                             \
    FOR_PANEL_TOKENS(DEFINE_PANEL_TILE, type)                                                      \
    DEFINE_UNPACK(type)
#define LIST_PANEL_TYPE(type, from_tokens)                                                         \
    [TENSOR_##type] = {{FOR_TILE_TOKENS(LIST_TILE, type)},                                         \
                       {FOR_PANEL_TOKENS(LIST_PANEL_TILE, type)},                                  \
                       unpack_##type,                                                              \
                       from_tokens},

FOR_TILE_TYPES(DEFINE_TILE_TYPE)
FOR_PANEL_TYPES(DEFINE_PANEL_TYPE)

/* Tiles by number of tokens minus 1; unpack is NULL for a type without panels. */
static const struct type_tiles {
    tile_fn *packed[TILE_TOKENS];
    panel_fn *panel[TILE_TOKENS];
    unpack_fn *unpack;
    size_t panel_from_tokens;
} type_tiles[TENSOR_TYPE_LIMIT] = {FOR_TILE_TYPES(LIST_TILE_TYPE) FOR_PANEL_TYPES(LIST_PANEL_TYPE)};

/* sums: [n_tokens]. One tile reads a little ahead of itself; several share the reading of the rows
 * that come next among them, so that memory is busy while they compute. */
static void compute_packed(const struct type_tiles *tiles, struct tile tile, size_t n_tokens,
                           struct row_sums *sums)
{
    tile.n_parts = (n_tokens + TILE_TOKENS - 1) / TILE_TOKENS;
    tile.ahead_bytes = tile.n_parts == 1 ? PREFETCH_BYTES : TILE_GROUPS * tile.w->group_bytes;
    for (size_t n, at = 0; at < n_tokens; at += n, tile.token += n, tile.i_part++) {
        n = next_tile_tokens(n_tokens - at);
        tiles->packed[n - 1](&tile, sums + at);
    }
}

static void compute_panels(const struct type_tiles *tiles, const struct tile *tile, size_t n_tokens,
                           struct row_sums *sums)
{
    for (size_t t = 0; t < n_tokens; t++) {
        for (size_t s = 0; s < STRIPS; s++) sums[t].strip[s] = simd_set(0);
    }
    for (size_t i = 0; i * PANEL_VALUES < tile->w->n_cols; i++) {
        struct panel panel;
        struct tile at = *tile;
        tiles->unpack(&at, i, &panel);
        for (size_t n, done = 0; done < n_tokens; done += n, at.token += n) {
            n = next_tile_tokens(n_tokens - done);
            tiles->panel[n - 1](&at, i, &panel, sums + done);
        }
    }
}

/* Takes tokens in few blocks of about the same size; groups inside, so that activations stay in the
 * cache. Weights come from memory once for a block. */
void GEMM_QUANT(const struct packed *w, const struct acts *a, size_t group_begin, size_t group_end,
                float *out, size_t out_stride)
{
    const struct type_tiles *tiles = &type_tiles[pack_kernel_type(w->type)];
    size_t row_end = group_end * ROW_GROUP < w->n_rows ? group_end * ROW_GROUP : w->n_rows;
    for (size_t n, token = 0; token < a->n_tokens; token += n) {
        n = next_block_tokens(a->n_tokens - token);
        for (size_t group = group_begin; group < group_end; group += TILE_GROUPS) {
            size_t row = group * ROW_GROUP, left = row_end - row;
            size_t n_rows = left < TILE_ROWS ? left : TILE_ROWS;
            struct tile tile = {.w = w, .a = a, .token = token};
            for (size_t s = 0; s < STRIPS; s++) {
                /* A strip past the last group computes that group again; its result is dropped. */
                size_t at = group + s * SIMD_LANES / ROW_GROUP;
                tile.group[s] = w->data + (at < group_end ? at : group_end - 1) * w->group_bytes;
            }
            struct row_sums sums[PANEL_TOKENS];
            if (!tiles->unpack || n < tiles->panel_from_tokens) {
                compute_packed(tiles, tile, n, sums);
            } else {
                compute_panels(tiles, &tile, n, sums);
            }
            for (size_t t = 0; t < n; t++)
                memcpy(out + (token + t) * out_stride + row, &sums[t], n_rows * sizeof *out);
        }
    }
}

#endif
