/* test_attention.c - the scalar float kernels, which specify all others, against plain double
 * arithmetic: attention over pages, stores into them, norm, rotation, gate, and products with float
 * weights.
 */
#include "engine/kernels/kernel_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rng.h"
#include "engine/kernels/kv_q8.h"

#include <math.h>
#include <string.h>

enum {
    SLOTS = SESSION_PAGE_TOKENS,
    MAX_HEAD_SIZE = 128,
    MAX_HEADS = 5,
    MAX_TOKENS = 6,
    MAX_POSITIONS = 160,
    MAX_PAGES = MAX_POSITIONS / SLOTS,
    K_OFFSET = 64,
    V_OFFSET = K_OFFSET + SLOTS * MAX_HEAD_SIZE * 4,
    PAGE_BYTES = V_OFFSET + SLOTS * MAX_HEAD_SIZE * 4
};

/* Queries of a few tokens over a sequence of keys and values. */
struct scene {
    float k[MAX_POSITIONS][MAX_HEAD_SIZE], v[MAX_POSITIONS][MAX_HEAD_SIZE];
    float q[MAX_TOKENS][MAX_HEADS * MAX_HEAD_SIZE], out[MAX_TOKENS][MAX_HEADS * MAX_HEAD_SIZE];
    float scratch[MAX_TOKENS * MAX_HEADS * (MAX_POSITIONS + 2 * MAX_HEAD_SIZE + 64)];
    uint8_t memory[MAX_PAGES][PAGE_BYTES];
    uint8_t *pages[MAX_PAGES];
    struct attention attention;
};

static float uniform(struct rng *rng)
{
    return (float)(2.0 * rng_uniform(rng) - 1.0);
}

/* n_tokens, of which the last attends to the keys of [begin, end). Pages are filled with `garbage`
 * before the positions that any of them attends to are stored. */
static void set_scene(struct scene *scene, size_t n_tokens, size_t n_heads, size_t head_size,
                      enum kv_type type, struct key_span last, uint8_t garbage)
{
    struct rng rng = {head_size * 1000 + n_heads};
    memset(scene, 0, sizeof *scene);
    memset(scene->memory, garbage, sizeof scene->memory);
    for (size_t i = 0; i < MAX_PAGES; i++) scene->pages[i] = scene->memory[i];
    for (size_t i = 0; i < MAX_POSITIONS; i++) {
        for (size_t d = 0; d < head_size; d++) {
            /* Values that binary16 holds exactly, so that both types store the same. */
            scene->k[i][d] = half_to_float(float_to_half(uniform(&rng)));
            scene->v[i][d] = half_to_float(float_to_half(uniform(&rng)));
        }
    }
    for (size_t i = 0; i < n_tokens; i++) {
        for (size_t j = 0; j < n_heads * head_size; j++) scene->q[i][j] = 3.0f * uniform(&rng);
    }
    scene->attention = (struct attention){.q = scene->q[0],
                                          .q_stride = MAX_HEADS * MAX_HEAD_SIZE,
                                          .n_tokens = n_tokens,
                                          .n_heads = n_heads,
                                          .head_size = head_size,
                                          .position = last.end - n_tokens,
                                          .window = last.begin > 0 ? last.end - last.begin : 0,
                                          .pages = scene->pages,
                                          .k_offset = K_OFFSET,
                                          .v_offset = V_OFFSET,
                                          .type = type,
                                          .scale = 1.0f / sqrtf((float)head_size),
                                          .scratch = scene->scratch,
                                          .out = scene->out[0],
                                          .out_stride = MAX_HEADS * MAX_HEAD_SIZE};
    for (size_t i = attention_span(&scene->attention, 0).begin; i < last.end; i++) {
        uint8_t *page = scene->pages[i / SLOTS];
        kv_store_scalar(scene->k[i], scene->v[i], head_size, type, page + K_OFFSET, page + V_OFFSET,
                        i % SLOTS);
    }
}

static void expect_head(const struct scene *scene, size_t token, size_t head, double *out)
{
    const struct attention *a = &scene->attention;
    const float *q = scene->q[token] + head * a->head_size;
    size_t end = a->position + token + 1, begin = 0;
    if (a->window && end > a->window) begin = end - a->window;
    double sum = 0.0;
    memset(out, 0, a->head_size * sizeof *out);
    for (size_t i = begin; i < end; i++) {
        double score = 0.0;
        for (size_t d = 0; d < a->head_size; d++) score += (double)q[d] * (double)scene->k[i][d];
        score /= sqrt((double)a->head_size);
        if (a->softcap > 0) score = (double)a->softcap * tanh(score / (double)a->softcap);
        double p = exp(score);
        sum += p;
        for (size_t d = 0; d < a->head_size; d++) out[d] += p * (double)scene->v[i][d];
    }
    for (size_t d = 0; d < a->head_size; d++) out[d] /= sum;
}

static void assert_is_softmax_attention(struct scene *scene)
{
    const struct attention *a = &scene->attention;
    attention_scalar(a);
    for (size_t i = 0; i < a->n_tokens * a->n_heads; i++) {
        double expected[MAX_HEAD_SIZE];
        const float *out = scene->out[i / a->n_heads] + i % a->n_heads * a->head_size;
        expect_head(scene, i / a->n_heads, i % a->n_heads, expected);
        for (size_t d = 0; d < a->head_size; d++)
            assert_true(fabs((double)out[d] - expected[d]) < 1e-5);
    }
}

/* Puts what the page holds of a head's values, which are bytes and scales, in their place. */
static void read_back(const struct scene *scene, size_t position, float *k, float *v)
{
    const size_t head_size = scene->attention.head_size, n_scales = kv_scales_bytes(head_size);
    const uint8_t *page_k = scene->pages[position / SLOTS] + K_OFFSET;
    const uint8_t *page_v = scene->pages[position / SLOTS] + V_OFFSET;
    const size_t slot = position % SLOTS;
    for (size_t d = 0; d < head_size; d++) {
        uint16_t scales[2];
        size_t at = (d / 32 * SLOTS + slot) * sizeof *scales;
        memcpy(&scales[0], page_k + at, sizeof *scales);
        memcpy(&scales[1], page_v + at, sizeof *scales);
        int key = page_k[n_scales + (d / 4 * SLOTS + slot) * 4 + d % 4] - 128;
        int value = (int8_t)page_v[n_scales + slot * kv_v_stride(head_size) + d];
        k[d] = half_to_float(scales[0]) * (float)key;
        v[d] = half_to_float(scales[1]) * (float)value;
    }
}

/* Each of n values is that of its block, rounded to the 127th part of the largest, and the scale to
 * 11 bits. */
static void assert_is_rounded(const float *actual, const float *exact, size_t n)
{
    for (size_t first = 0; first < n; first += 32) {
        float largest = 0.0f;
        size_t end = first + 32 < n ? first + 32 : n;
        for (size_t i = first; i < end; i++) largest = fmaxf(largest, fabsf(exact[i]));
        float most = largest * (0.501f / 127 + 0x1p-11f);
        for (size_t i = first; i < end; i++) assert_true(fabsf(actual[i] - exact[i]) <= most);
    }
}

static void attention_to_bytes_is_that_to_what_they_mean(void **state)
{
    static struct scene scene;
    (void)state;
    static const size_t sizes[] = {1, 6, 16, 64, 80, 96, 128};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const size_t n = sizes[i];
        set_scene(&scene, 1 + i % 3, 1 + i % MAX_HEADS, n, KV_Q8_0, (struct key_span){13, 150}, 0);
        for (size_t j = 13; j < 150; j++) {
            float k[MAX_HEAD_SIZE], v[MAX_HEAD_SIZE];
            read_back(&scene, j, k, v);
            assert_is_rounded(k, scene.k[j], n);
            assert_is_rounded(v, scene.v[j], n);
            memcpy(scene.k[j], k, sizeof k);
            memcpy(scene.v[j], v, sizeof v);
        }
        /* Queries that bytes hold exactly: a scale of 1/8 by numbers of which one is 127. */
        for (size_t j = 0; j < MAX_TOKENS; j++)
            for (size_t d = 0; d < MAX_HEADS * n; d++)
                scene.q[j][d] = d % n % 32 ? roundf(30 * scene.q[j][d]) / 8 : 127.0f / 8;
        assert_is_softmax_attention(&scene);
    }
}

static void attention_is_softmax_of_scaled_dots_times_values(void **state)
{
    static struct scene scene;
    (void)state;
    static const size_t sizes[] = {1, 8, 48, 64, 96, 128};
    static const struct key_span spans[] = {{0, 6},   {0, 16},   {0, 37},  {5, 6},
                                            {30, 33}, {13, 150}, {16, 160}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (size_t j = 0; j < sizeof spans / sizeof *spans; j++) {
            for (int type = KV_F16; type <= KV_F32; type++) {
                set_scene(&scene, 1 + (2 * i + j) % MAX_TOKENS, 1 + (i + j) % MAX_HEADS, sizes[i],
                          (enum kv_type)type, spans[j], 0);
                assert_is_softmax_attention(&scene);
            }
        }
    }
}

static void a_softcap_bends_scores_before_the_softmax(void **state)
{
    static struct scene scene;
    (void)state;
    static const float caps[] = {0.25f, 2.0f, 50.0f};
    for (size_t i = 0; i < sizeof caps / sizeof *caps; i++) {
        set_scene(&scene, 3, 2, 64, KV_F32, (struct key_span){20, 100}, 0);
        scene.attention.softcap = caps[i];
        assert_is_softmax_attention(&scene);
    }
}

static void attention_to_one_key_returns_its_value(void **state)
{
    static struct scene scene;
    (void)state;
    set_scene(&scene, 3, 2, 96, KV_F16, (struct key_span){77, 78}, 0);
    attention_scalar(&scene.attention);
    for (size_t token = 0; token < 3; token++) {
        for (size_t i = 0; i < 2 * 96; i++)
            assert_true(scene.out[token][i] == scene.v[75 + token][i % 96]);
    }
}

/* All bits set is NaN in both types. */
static void attention_ignores_what_pages_hold_outside_the_span(void **state)
{
    static struct scene clean, dirty;
    (void)state;
    for (int type = KV_F16; type <= KV_Q8_0; type++) {
        set_scene(&clean, 2, 3, 40, (enum kv_type)type, (struct key_span){21, 90}, 0);
        set_scene(&dirty, 2, 3, 40, (enum kv_type)type, (struct key_span){21, 90}, 0xff);
        attention_scalar(&clean.attention);
        attention_scalar(&dirty.attention);
        assert_memory_equal(clean.out, dirty.out, sizeof clean.out);
    }
}

static void attention_of_a_head_of_a_token_does_not_depend_on_the_others(void **state)
{
    static struct scene scene;
    (void)state;
    set_scene(&scene, 4, 5, 48, KV_F16, (struct key_span){3, 100}, 0);
    attention_scalar(&scene.attention);
    for (size_t token = 0; token < 4; token++) {
        for (size_t head = 0; head < 5; head++) {
            float alone[48];
            struct attention one = scene.attention;
            one.n_tokens = one.n_heads = 1;
            one.position += token;
            one.q = scene.q[token] + head * 48;
            one.out = alone;
            attention_scalar(&one);
            assert_memory_equal(alone, scene.out[token] + head * 48, sizeof alone);
        }
    }
}

static void attention_survives_scores_past_the_range_of_exp(void **state)
{
    static struct scene scene;
    (void)state;
    set_scene(&scene, 1, 1, 64, KV_F32, (struct key_span){0, 50}, 0);
    for (size_t d = 0; d < 64; d++) scene.q[0][d] = 1e4f * scene.k[31][d];
    attention_scalar(&scene.attention);
    for (size_t d = 0; d < 64; d++) assert_true(scene.out[0][d] == scene.v[31][d]);
}

static void kv_store_puts_keys_in_columns_and_values_in_rows(void **state)
{
    (void)state;
    enum { HEAD_SIZE = 20, V_STRIDE = 32, SLOT = 11 };
    float k[HEAD_SIZE], v[HEAD_SIZE], page_k[HEAD_SIZE][SLOTS], page_v[SLOTS][V_STRIDE];
    for (size_t d = 0; d < HEAD_SIZE; d++) {
        k[d] = (float)d + 0.1f;
        v[d] = -(float)d - 0.1f;
    }
    memset(page_k, 0x7f, sizeof page_k);
    memset(page_v, 0x7f, sizeof page_v);
    kv_store_scalar(k, v, HEAD_SIZE, KV_F32, (uint8_t *)page_k, (uint8_t *)page_v, SLOT);
    const float untouched = page_k[0][0];
    for (size_t slot = 0; slot < SLOTS; slot++) {
        for (size_t d = 0; d < HEAD_SIZE; d++)
            assert_true(page_k[d][slot] == (slot == SLOT ? k[d] : untouched));
        for (size_t d = 0; d < V_STRIDE; d++) {
            float expected = d < HEAD_SIZE ? v[d < HEAD_SIZE ? d : 0] : 0.0f;
            assert_true(page_v[slot][d] == (slot == SLOT ? expected : untouched));
        }
    }
}

static void kv_store_rounds_halves_to_nearest_even(void **state)
{
    (void)state;
    const float k[] = {1.0f + 0x1p-11f, 1.0f + 0x1.8p-10f, 65519.0f,
                       65520.0f,        0x1p-25f,          -0x1.8p-25f};
    const uint16_t expected[] = {0x3c00, 0x3c02, 0x7bff, 0x7c00, 0x0000, 0x8001};
    uint16_t page_k[6][SLOTS], page_v[SLOTS][SLOTS];
    kv_store_scalar(k, k, 6, KV_F16, (uint8_t *)page_k, (uint8_t *)page_v, 0);
    for (size_t d = 0; d < 6; d++) {
        assert_int_equal(page_k[d][0], expected[d]);
        assert_int_equal(page_v[0][d], expected[d]);
    }
}

static void rms_norm_divides_by_the_root_of_the_mean_square(void **state)
{
    (void)state;
    struct rng rng = {1};
    for (size_t n = 1; n <= 300; n += 13) {
        float x[300], w[300], out[300];
        double squares = 0.0;
        for (size_t i = 0; i < n; i++) {
            x[i] = 5.0f * uniform(&rng);
            w[i] = uniform(&rng);
            squares += (double)x[i] * (double)x[i];
        }
        rms_norm_scalar(x, w, n, 1e-5f, out);
        double r = 1.0 / sqrt(squares / (double)n + 1e-5);
        for (size_t i = 0; i < n; i++) {
            double expected = (double)x[i] * r * (double)w[i];
            assert_true(fabs((double)out[i] - expected) <= 1e-6 * fabs(expected));
        }
    }
}

static void rms_norm_of_zeros_is_zero(void **state)
{
    (void)state;
    float x[32] = {0.0f}, w[32];
    for (size_t i = 0; i < 32; i++) w[i] = 2.0f;
    rms_norm_scalar(x, w, 32, 1e-6f, x);
    for (size_t i = 0; i < 32; i++) assert_true(x[i] == 0.0f);
}

static void layer_norm_takes_the_mean_away_first(void **state)
{
    (void)state;
    struct rng rng = {3};
    for (size_t n = 1; n <= 300; n += 13) {
        float x[300], w[300], b[300], out[300];
        double sum = 0.0, squares = 0.0;
        for (size_t i = 0; i < n; i++) {
            x[i] = 7.0f + 5.0f * uniform(&rng);
            w[i] = uniform(&rng);
            b[i] = uniform(&rng);
            sum += (double)x[i];
        }
        double mean = sum / (double)n;
        for (size_t i = 0; i < n; i++) squares += ((double)x[i] - mean) * ((double)x[i] - mean);
        layer_norm_scalar(x, w, b, n, 1e-5f, out);
        double r = 1.0 / sqrt(squares / (double)n + 1e-5);
        for (size_t i = 0; i < n; i++) {
            double expected = ((double)x[i] - mean) * r * (double)w[i] + (double)b[i];
            assert_true(fabs((double)out[i] - expected) <= 2e-6);
        }
    }
}

static void layer_norm_of_equal_values_is_the_bias(void **state)
{
    (void)state;
    float x[32], w[32], b[32];
    for (size_t i = 0; i < 32; i++) {
        x[i] = 3.0f;
        w[i] = 2.0f;
        b[i] = (float)i;
    }
    layer_norm_scalar(x, w, b, 32, 1e-6f, x);
    for (size_t i = 0; i < 32; i++) assert_true(x[i] == (float)i);
}

/* Both pairings, of a head whose last two values are not rotated. */
static void rope_turns_each_pair_by_its_angle(void **state)
{
    (void)state;
    enum { PAIRS = 5, SIZE = 12 };
    struct rng rng = {2};
    float table[2 * PAIRS], x[SIZE], turned[SIZE];
    double angles[PAIRS];
    for (size_t i = 0; i < PAIRS; i++) {
        angles[i] = 3.0 * rng_uniform(&rng);
        table[2 * i] = (float)cos(angles[i]);
        table[2 * i + 1] = (float)sin(angles[i]);
    }
    for (size_t i = 0; i < SIZE; i++) x[i] = uniform(&rng);
    for (size_t interleaved = 0; interleaved < 2; interleaved++) {
        memcpy(turned, x, sizeof x);
        rope_scalar(turned, table, PAIRS, interleaved);
        for (size_t i = 0; i < PAIRS; i++) {
            size_t first = interleaved ? 2 * i : i, second = interleaved ? 2 * i + 1 : i + PAIRS;
            double a = (double)x[first], b = (double)x[second], c = cos(angles[i]),
                   s = sin(angles[i]);
            assert_true(fabs((double)turned[first] - (a * c - b * s)) < 1e-6);
            assert_true(fabs((double)turned[second] - (b * c + a * s)) < 1e-6);
        }
        assert_memory_equal(turned + 2 * PAIRS, x + 2 * PAIRS, 2 * sizeof *x);
    }
}

static void silu_mul_is_gate_times_logistic_of_gate_times_up(void **state)
{
    (void)state;
    float gate[241], up[241], out[241];
    for (size_t i = 0; i < 241; i++) {
        gate[i] = (float)i / 2.0f - 60.0f;
        up[i] = 1.0f + (float)i / 100.0f;
    }
    silu_mul_scalar(gate, up, 241, out);
    for (size_t i = 0; i < 241; i++) {
        double g = (double)gate[i], expected = g / (1.0 + exp(-g)) * (double)up[i];
        assert_true(fabs((double)out[i] - expected) <= 4e-7 * fabs(expected));
    }
}

static void gegelu_mul_limits_both_factors(void **state)
{
    (void)state;
    float gate[241], up[241], out[241];
    for (size_t i = 0; i < 241; i++) {
        gate[i] = (float)i / 4.0f - 30.0f;
        up[i] = 27.0f - (float)i / 5.0f;
    }
    gegelu_mul_scalar(gate, up, 241, 20.0f, out);
    for (size_t i = 0; i < 241; i++) {
        double g = fmin((double)gate[i], 20.0), u = fmax(fmin((double)up[i], 20.0), -20.0);
        double expected = g / (1.0 + exp(-1.702 * g)) * (u + 1.0);
        assert_true(fabs((double)out[i] - expected) <= 4e-6 * fabs(expected));
    }
    const float wrong[] = {INFINITY, NAN, -INFINITY}, right[] = {1.0f, 1.0f, 1.0f};
    gegelu_mul_scalar(wrong, right, 3, 20.0f, out);
    gegelu_mul_scalar(right, wrong, 3, 20.0f, out + 3);
    for (size_t i = 0; i < 6; i++) assert_true(!(fabsf(out[i]) < INFINITY));
}

static void silu_mul_of_a_far_negative_gate_is_minus_zero(void **state)
{
    (void)state;
    const float gate[] = {-100.0f, -3e38f}, up[] = {1e30f, 1.0f};
    float out[2];
    silu_mul_scalar(gate, up, 2, out);
    for (size_t i = 0; i < 2; i++) assert_true(out[i] == 0.0f && signbit(out[i]));
}

static void gelu_is_its_tanh_form_with_and_without_a_gated_value(void **state)
{
    (void)state;
    float x[241], up[241], gated[241], alone[241];
    for (size_t i = 0; i < 241; i++) {
        x[i] = (float)i / 12.0f - 10.0f;
        up[i] = 1.0f + (float)i / 100.0f;
    }
    gelu_mul_scalar(x, up, 241, gated);
    gelu_scalar(x, 241, alone);
    for (size_t i = 0; i < 241; i++) {
        double g = (double)x[i], u = sqrt(2.0 / acos(-1.0)) * (g + 0.044715 * g * g * g);
        double expected = 0.5 * g * (1.0 + tanh(u));
        assert_true(fabs((double)alone[i] - expected) <= 3e-7 * fabs(g));
        assert_true(gated[i] == alone[i] * up[i]);
    }
}

static void gelu_of_what_is_far_from_zero_is_itself_or_zero(void **state)
{
    (void)state;
    const float x[] = {100.0f, 3e38f, -100.0f, -3e38f};
    float out[4];
    gelu_scalar(x, 4, out);
    assert_true(out[0] == 100.0f && out[1] == 3e38f);
    for (size_t i = 2; i < 4; i++) assert_true(out[i] == 0.0f && signbit(out[i]));
}

static void gelus_are_by_the_logistic_and_by_the_normal_distribution(void **state)
{
    (void)state;
    float x[401], quick[401], normal[401];
    for (size_t i = 0; i < 401; i++) x[i] = (float)i / 20.0f - 10.0f;
    gelu_quick_scalar(x, 401, quick);
    gelu_erf_scalar(x, 401, normal);
    for (size_t i = 0; i < 401; i++) {
        double g = (double)x[i];
        assert_true(fabs((double)quick[i] - g / (1 + exp(-1.702 * g))) <= 3e-7 * fabs(g));
        assert_true(fabs((double)normal[i] - g * 0.5 * erfc(-g / sqrt(2))) <= 3e-7 * fabs(g));
    }
    const float far[] = {3e38f, -3e38f};
    gelu_quick_scalar(far, 2, quick);
    gelu_erf_scalar(far, 2, normal);
    assert_true(quick[0] == far[0] && normal[0] == far[0]);
    assert_true(quick[1] == 0.0f && normal[1] == 0.0f);
}

static void softcap_bends_towards_the_cap(void **state)
{
    (void)state;
    float x[241];
    for (size_t i = 0; i < 241; i++) x[i] = (float)i - 120.0f;
    softcap_scalar(x, 30.0f, 241);
    for (size_t i = 0; i < 241; i++)
        assert_true(fabs((double)x[i] - 30.0 * tanh(((double)i - 120.0) / 30.0)) <= 1e-5);
}

static void scale_multiplies(void **state)
{
    (void)state;
    float x[] = {1.0f, -2.0f, 0.5f};
    const float expected[] = {3.0f, -6.0f, 1.5f};
    scale_scalar(x, 3.0f, 3);
    assert_memory_equal(x, expected, sizeof x);
}

static void add_adds(void **state)
{
    (void)state;
    float x[] = {1.0f, -2.0f, 0.5f};
    const float y[] = {0.25f, 2.0f, -1.0f}, expected[] = {1.25f, 0.0f, -0.5f};
    add_scalar(x, y, 3);
    assert_memory_equal(x, expected, sizeof x);
}

/* Small integers: every sum is exact in all types, so the product must be, too. */
static void gemm_of_small_integers_is_exact_in_every_float_type(void **state)
{
    (void)state;
    enum { ROWS = 21, GROUPS = 2, COLUMNS = 37, TOKENS = 3, STRIDE = 25 };
    static const enum tensor_type types[] = {TENSOR_F32, TENSOR_F16, TENSOR_BF16};
    static gemm_fn *const kernels[] = {gemm_f32_scalar, gemm_f16_scalar, gemm_bf16_scalar};
    struct rng rng = {3};
    float weights[ROWS][COLUMNS], x[TOKENS][COLUMNS];
    for (size_t k = 0; k < COLUMNS; k++) {
        for (size_t r = 0; r < ROWS; r++) weights[r][k] = (float)rng_below(&rng, 257) - 128.0f;
        for (size_t t = 0; t < TOKENS; t++) x[t][k] = (float)rng_below(&rng, 2001) - 1000.0f;
    }
    for (size_t i = 0; i < 3; i++) {
        uint8_t rows[ROWS * COLUMNS * 4], data[GROUPS * ROW_GROUP * COLUMNS * 4];
        size_t row_bytes = tensor_row_bytes(types[i], COLUMNS);
        for (size_t r = 0; r < ROWS; r++)
            tensor_encode(types[i], weights[r], COLUMNS, rows + r * row_bytes);
        struct packed w = {.type = types[i], .n_rows = ROWS, .n_cols = COLUMNS, .data = data};
        w.group_bytes = pack_group_bytes(types[i], COLUMNS);
        pack_group(types[i], rows, ROW_GROUP, COLUMNS, data);
        pack_group(types[i], rows + ROW_GROUP * row_bytes, ROWS - ROW_GROUP, COLUMNS,
                   data + w.group_bytes);
        struct acts a = {.format = ACT_F32, .n_tokens = TOKENS, .n_cols = COLUMNS, .x = x[0]};
        float out[TOKENS * STRIDE] = {0.0f};
        kernels[i](&w, &a, 0, GROUPS, out, STRIDE);
        for (size_t t = 0; t < TOKENS; t++) {
            for (size_t r = 0; r < STRIDE; r++) {
                double expected = 0.0;
                for (size_t k = 0; r < ROWS && k < COLUMNS; k++)
                    expected += (double)weights[r][k] * (double)x[t][k];
                assert_true((double)out[t * STRIDE + r] == expected);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attention_is_softmax_of_scaled_dots_times_values),
        cmocka_unit_test(a_softcap_bends_scores_before_the_softmax),
        cmocka_unit_test(attention_to_one_key_returns_its_value),
        cmocka_unit_test(attention_to_bytes_is_that_to_what_they_mean),
        cmocka_unit_test(attention_ignores_what_pages_hold_outside_the_span),
        cmocka_unit_test(attention_of_a_head_of_a_token_does_not_depend_on_the_others),
        cmocka_unit_test(attention_survives_scores_past_the_range_of_exp),
        cmocka_unit_test(kv_store_puts_keys_in_columns_and_values_in_rows),
        cmocka_unit_test(kv_store_rounds_halves_to_nearest_even),
        cmocka_unit_test(rms_norm_divides_by_the_root_of_the_mean_square),
        cmocka_unit_test(rms_norm_of_zeros_is_zero),
        cmocka_unit_test(layer_norm_takes_the_mean_away_first),
        cmocka_unit_test(layer_norm_of_equal_values_is_the_bias),
        cmocka_unit_test(rope_turns_each_pair_by_its_angle),
        cmocka_unit_test(silu_mul_is_gate_times_logistic_of_gate_times_up),
        cmocka_unit_test(gegelu_mul_limits_both_factors),
        cmocka_unit_test(silu_mul_of_a_far_negative_gate_is_minus_zero),
        cmocka_unit_test(gelu_is_its_tanh_form_with_and_without_a_gated_value),
        cmocka_unit_test(gelu_of_what_is_far_from_zero_is_itself_or_zero),
        cmocka_unit_test(gelus_are_by_the_logistic_and_by_the_normal_distribution),
        cmocka_unit_test(softcap_bends_towards_the_cap),
        cmocka_unit_test(scale_multiplies),
        cmocka_unit_test(add_adds),
        cmocka_unit_test(gemm_of_small_integers_is_exact_in_every_float_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
