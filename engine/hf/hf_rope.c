/* hf_rope.c - see hf_rope.h. Kinds are those of transformers, modeling_rope_utils.py: "linear",
 * "llama3" (divisors of the frequencies, which depend on the wave length) and "longrope" (divisors
 * that were searched for: Ding et al. 2024), which early files call "su".
 */
#include "engine/hf/hf_rope.h"

#include "base/mem.h"
#include "engine/kernels/math.h"

#include <math.h>
#include <string.h>

enum { MAX_ROTATED = 1 << 16 };

/* The object that describes the scaling: of old, of today, and by kinds of layers. */
#define SCALING(name)                                                                              \
    "rope_scaling." name "|rope_parameters." name "|rope_parameters.full_attention." name

static bool read_size(const struct hf_config *config, const struct metadata *metadata,
                      const char *name, int64_t otherwise, size_t *value, struct err *err)
{
    char key[HF_KEY_BYTES];
    int64_t integer = otherwise;
    hf_config_key(config, name, key);
    if (!metadata_read_integer(metadata, key, 0, INT32_MAX, &integer, err)) return false;
    *value = (size_t)integer;
    return true;
}

/* How many values of a head are rotated: all, or the first ones. */
static bool write_rotated(const struct hf_config *config, struct metadata *metadata,
                          size_t *n_rotated, struct err *err)
{
    char key[HF_KEY_BYTES];
    size_t n_embd, n_heads, head_size;
    double factor = 1;
    if (!read_size(config, metadata, "embedding_length", 0, &n_embd, err) ||
        !read_size(config, metadata, "attention.head_count", 0, &n_heads, err) ||
        !read_size(config, metadata, "attention.key_length",
                   n_heads ? (int64_t)(n_embd / n_heads) : 0, &head_size, err) ||
        !hf_config_number(config, "partial_rotary_factor|" SCALING("partial_rotary_factor"),
                          &factor, err))
        return false;
    if (!(factor > 0 && factor <= 1))
        return hf_config_fail(config, ERR_INPUT, err,
                              "'partial_rotary_factor' is %g: expected more than 0, at most 1",
                              factor);
    if (head_size > MAX_ROTATED)
        return hf_config_fail(config, ERR_INPUT, err, "heads of %zu values: expected at most %d",
                              head_size, MAX_ROTATED);
    *n_rotated = (size_t)((double)head_size * factor);
    return metadata_set_unsigned(metadata, hf_config_key(config, "rope.dimension_count", key),
                                 (uint32_t)*n_rotated, err);
}

static float *add_table(struct arena *arena, struct hf_rope *rope, enum weight weight, size_t n,
                        struct err *err)
{
    float *values = arena_alloc(arena, n, sizeof *values, err);
    if (values) rope->tables[rope->n_tables++] = (struct hf_rope_table){weight, values, n};
    return values;
}

/* ---- llama3 ---- */

struct llama3 {
    double factor, low, high, original;
};

/* By how much the frequency is divided: the whole factor where waves are longer than original / low
 * positions, nothing where they are shorter than original / high, between them smoothly
 * (modeling_rope_utils.py, _compute_llama3_parameters); rounded to float at each step, as GGUF's
 * converter rounds it. */
static float llama3_divisor(const struct llama3 *scaling, float frequency)
{
    float wave = 6.28318530717958647692f / frequency, factor = (float)scaling->factor;
    if ((double)wave < scaling->original / scaling->high) return 1;
    if ((double)wave > scaling->original / scaling->low) return factor;
    float smooth = ((float)scaling->original / wave - (float)scaling->low) /
                   (float)(scaling->high - scaling->low);
    return 1 / ((1 - smooth) / factor + smooth);
}

static bool read_llama3(const struct hf_config *config, struct metadata *metadata,
                        struct arena *arena, size_t n_rotated, struct hf_rope *rope,
                        struct err *err)
{
    char key[HF_KEY_BYTES];
    struct llama3 scaling = {0};
    double base = 0;
    if (!hf_config_number(config, SCALING("factor"), &scaling.factor, err) ||
        !hf_config_number(config, SCALING("low_freq_factor"), &scaling.low, err) ||
        !hf_config_number(config, SCALING("high_freq_factor"), &scaling.high, err) ||
        !hf_config_number(
            config, SCALING("original_max_position_embeddings") "|original_max_position_embeddings",
            &scaling.original, err) ||
        !metadata_read_number(metadata, hf_config_key(config, "rope.freq_base", key), &base, err))
        return false;
    if (!(scaling.factor > 0 && scaling.low > 0 && scaling.high > scaling.low &&
          scaling.original > 0 && base > 0))
        return hf_config_fail(config, ERR_INPUT, err,
                              "rope_scaling of type llama3 needs 'factor', 'low_freq_factor', a "
                              "larger 'high_freq_factor' and 'original_max_position_embeddings', "
                              "all of them positive");
    float *values = add_table(arena, rope, WEIGHT_ROPE_FREQS, n_rotated / 2, err);
    for (size_t i = 0; values && i < n_rotated / 2; i++) {
        float exponent = (float)(2 * i) / (float)n_rotated;
        float power = (float)math_exp((double)exponent * math_log(base));
        values[i] = llama3_divisor(&scaling, 1 / power);
    }
    return values != NULL;
}

/* ---- longrope ---- */

static bool read_factors(const struct hf_config *config, struct arena *arena, const char *path,
                         enum weight weight, size_t n, struct hf_rope *rope, struct err *err)
{
    const struct json *factors = hf_config_find(config, path);
    if (json_length(factors) != n)
        return hf_config_fail(config, ERR_INPUT, err,
                              "'%.*s' has %zu numbers: expected %zu, half as many as values of a "
                              "head are rotated",
                              (int)strcspn(path, "|"), path, json_length(factors), n);
    float *values = add_table(arena, rope, weight, n, err);
    for (size_t i = 0; values && i < n; i++) {
        values[i] = (float)json_as_number(json_at(factors, i), 0);
        if (!(values[i] > 0 && isfinite(values[i])))
            return hf_config_fail(config, ERR_INPUT, err,
                                  "'%.*s' has something else than a positive number at place %zu",
                                  (int)strcspn(path, "|"), path, i);
    }
    return values != NULL;
}

/* What cosine and sine are multiplied by: said for shorter and for longer sequences, said once, or
 * sqrt(1 + ln(s) / ln(original)) for contexts s times the original ones (modeling_rope_utils.py,
 * _compute_longrope_parameters; PhiMoE's class has the first). */
static bool write_magnitudes(const struct hf_config *config, struct metadata *metadata,
                             size_t n_context, uint32_t n_original, struct err *err)
{
    static const struct {
        const char *from, *to;
    } SAID[] = {{SCALING("attention_factor"), "rope.scaling.attn_factor"},
                {SCALING("short_mscale"), "rope.scaling.attn_factor_short"},
                {SCALING("long_mscale"), "rope.scaling.attn_factor_long"}};
    double scale = (double)n_context / n_original;
    double magnitudes[] = {scale > 1 ? sqrt(1 + math_log(scale) / math_log(n_original)) : 1, 0, 0};
    for (size_t i = 0; i < COUNT_OF(SAID); i++)
        if (!hf_config_number(config, SAID[i].from, &magnitudes[i], err)) return false;
    if (magnitudes[1] > 0 && magnitudes[1] == magnitudes[2]) {
        magnitudes[0] = magnitudes[1];
        magnitudes[1] = magnitudes[2] = 0;
    }
    for (size_t i = 0; i < COUNT_OF(SAID); i++) {
        char key[HF_KEY_BYTES];
        if (magnitudes[i] > 0 &&
            !metadata_set_float(metadata, hf_config_key(config, SAID[i].to, key),
                                (float)magnitudes[i], err))
            return false;
    }
    return true;
}

static bool read_longrope(const struct hf_config *config, struct metadata *metadata,
                          struct arena *arena, size_t n_rotated, struct hf_rope *rope,
                          struct err *err)
{
    char key[HF_KEY_BYTES];
    size_t n_context;
    uint32_t n_original = 0;
    const char *original =
        "original_max_position_embeddings|" SCALING("original_max_position_embeddings");
    if (!read_size(config, metadata, "context_length", 0, &n_context, err) ||
        !hf_config_size(config, original, &n_original, err))
        return false;
    if (n_original < 2)
        return hf_config_fail(config, ERR_INPUT, err,
                              "rope_scaling of type longrope needs "
                              "'original_max_position_embeddings'");
    hf_config_key(config, "rope.scaling.original_context_length", key);
    return metadata_set_unsigned(metadata, key, n_original, err) &&
           write_magnitudes(config, metadata, n_context, n_original, err) &&
           read_factors(config, arena, SCALING("long_factor"), WEIGHT_ROPE_FACTORS_LONG,
                        n_rotated / 2, rope, err) &&
           read_factors(config, arena, SCALING("short_factor"), WEIGHT_ROPE_FACTORS_SHORT,
                        n_rotated / 2, rope, err);
}

static bool write_scaling(const struct hf_config *config, struct metadata *metadata,
                          const char *type, struct err *err)
{
    char key[HF_KEY_BYTES];
    double factor = 1;
    return hf_config_number(config, SCALING("factor"), &factor, err) &&
           metadata_set_string(metadata, hf_config_key(config, "rope.scaling.type", key), type,
                               err) &&
           metadata_set_float(metadata, hf_config_key(config, "rope.scaling.factor", key),
                              (float)factor, err);
}

bool hf_rope_read(const struct hf_config *config, struct metadata *metadata, struct arena *arena,
                  struct hf_rope *rope, struct err *err)
{
    size_t n_rotated;
    const struct json *kind = hf_config_find(config, SCALING("rope_type") "|" SCALING("type"));
    const char *type = json_as_string(kind, "default");
    *rope = (struct hf_rope){0};
    if (!write_rotated(config, metadata, &n_rotated, err)) return false;
    if (!strcmp(type, "default")) return true;
    if (!strcmp(type, "llama3")) return read_llama3(config, metadata, arena, n_rotated, rope, err);
    if (!strcmp(type, "longrope") || !strcmp(type, "su"))
        return read_longrope(config, metadata, arena, n_rotated, rope, err);
    return write_scaling(config, metadata, type, err);
}
