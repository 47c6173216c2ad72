/* hparams_keys.c - see hparams_keys.h. Numbers are believed no further than they can be computed
 * with; what is not said is what the architecture says of it.
 */
#include "engine/hparams_keys.h"

#include "base/mem.h"
#include "engine/kernels/math.h"
#include "engine/vision/crops.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    MAX_WIDTH = 1 << 20,
    MAX_VOCABULARY = 1 << 24,
    MAX_CONTEXT = 999999, /* sine and cosine are exact enough up to here */
    KEY_BYTES = 128,
    MAX_CROPS = 16, /* what a picture is cut into where files do not say it: Phi-3-vision's */
};

/* "phi3.context_length" into a buffer of KEY_BYTES. */
static const char *key_of(const struct hparams *hparams, const char *name, char *key)
{
    snprintf(key, KEY_BYTES, "%s.%s", hparams->architecture->name, name);
    return key;
}

static bool read_size(const struct source *source, const struct hparams *hparams, const char *name,
                      int64_t high, size_t *value, struct err *err)
{
    char key[KEY_BYTES];
    int64_t integer;
    if (!metadata_require_integer(source->metadata, key_of(hparams, name, key), 1, high, &integer,
                                  err))
        return false;
    *value = (size_t)integer;
    return true;
}

/* Like read_size, but the file need not say it. */
static bool read_optional_size(const struct source *source, const struct hparams *hparams,
                               const char *name, int64_t high, size_t otherwise, size_t *value,
                               struct err *err)
{
    char key[KEY_BYTES];
    *value = otherwise;
    if (!metadata_find(source->metadata, key_of(hparams, name, key))) return true;
    return read_size(source, hparams, name, high, value, err);
}

static bool read_positive(const struct source *source, const struct hparams *hparams,
                          const char *name, double otherwise, float *value, struct err *err)
{
    char key[KEY_BYTES];
    double number = otherwise;
    if (!metadata_read_number(source->metadata, key_of(hparams, name, key), &number, err))
        return false;
    *value = (float)number;
    if (*value > 0 && isfinite(*value)) return true;
    return err_set(err, ERR_INPUT, "%s must be a positive number", key);
}

static bool read_architecture(const struct source *source, struct hparams *hparams, struct err *err)
{
    const char *name = "";
    char key[KEY_BYTES];
    int64_t n_experts = 0;
    if (!metadata_read_string(source->metadata, "general.architecture", &name, err)) return false;
    if (!*name) return err_set(err, ERR_INPUT, "general.architecture is missing: not a model");
    snprintf(key, sizeof key, "%s.expert_count", name);
    if (!metadata_read_integer(source->metadata, key, 0, HPARAMS_MAX_EXPERTS, &n_experts, err))
        return false;
    hparams->n_experts = (size_t)n_experts;
    hparams->architecture = architecture_find(name, n_experts > 0);
    if (hparams->architecture) return true;
    if (n_experts > 0 && architecture_find(name, false))
        return err_set(err, ERR_UNSUPPORTED, "not supported yet: mixture of experts (%s)", key);
    if (architecture_find(name, true)) return err_set(err, ERR_INPUT, "%s is missing", key);
    char supported[256];
    architecture_list(supported, sizeof supported);
    return err_set(err, ERR_UNSUPPORTED, "not supported yet: architecture '%s' (supported: %s)",
                   name, supported);
}

static bool read_head_sizes(const struct source *source, struct hparams *hparams, struct err *err)
{
    size_t value_size;
    size_t divided = hparams->n_embd / hparams->n_heads;
    if (!read_optional_size(source, hparams, "attention.head_count_kv", MAX_WIDTH, hparams->n_heads,
                            &hparams->n_kv_heads, err) ||
        !read_optional_size(source, hparams, "attention.key_length", MAX_WIDTH, divided,
                            &hparams->head_size, err) ||
        !read_optional_size(source, hparams, "attention.value_length", MAX_WIDTH,
                            hparams->head_size, &value_size, err) ||
        !read_optional_size(source, hparams, "rope.dimension_count", MAX_WIDTH, hparams->head_size,
                            &hparams->n_rope, err))
        return false;
    if (hparams->n_heads % hparams->n_kv_heads != 0)
        return err_set(err, ERR_INPUT, "%zu attention heads cannot share %zu KV heads evenly",
                       hparams->n_heads, hparams->n_kv_heads);
    if (value_size != hparams->head_size)
        return err_set(err, ERR_UNSUPPORTED,
                       "not supported yet: values of another size than keys (%zu and %zu)",
                       value_size, hparams->head_size);
    if (hparams->head_size == 0 || hparams->head_size % 2 != 0)
        return err_set(err, ERR_INPUT, "attention heads of %zu values cannot be rotated in pairs",
                       hparams->head_size);
    if (hparams->n_rope % 2 != 0 || hparams->n_rope > hparams->head_size)
        return err_set(err, ERR_INPUT, "%zu rotated values do not fit attention heads of %zu",
                       hparams->n_rope, hparams->head_size);
    return true;
}

/* Where layers with a window have a rotation of their own, nothing scales it. */
static bool read_local_rotation(const struct source *source, struct hparams *hparams,
                                struct err *err)
{
    struct rotation *rotation = &hparams->rotations[ROTATION_LOCAL];
    double otherwise = (double)hparams->architecture->local_rope_base;
    if (!(otherwise > 0)) return true;
    *rotation = (struct rotation){.scale = 1, .magnitude = 1};
    return read_positive(source, hparams, "rope.freq_base_swa", otherwise, &rotation->base, err);
}

static bool has_tensor(const struct source *source, enum weight weight)
{
    char name[WEIGHT_NAME_BYTES];
    weight_name(NULL, weight, 0, name);
    return source_find(source, name) != NULL;
}

/* How long the sequences were that the model learnt at first; 0: as long as its context. */
static bool read_original_context(const struct source *source, const struct hparams *hparams,
                                  size_t *n_tokens, struct err *err)
{
    char key[KEY_BYTES];
    const struct architecture *architecture = hparams->architecture;
    bool is_stretched = architecture->stretched_context &&
                        hparams->context_tokens >= architecture->stretched_context;
    int64_t original = is_stretched ? (int64_t)architecture->stretched_from : 0;
    key_of(hparams, "rope.scaling.original_context_length", key);
    bool ok = metadata_read_integer(source->metadata, key, 0, INT32_MAX, &original, err);
    *n_tokens = (size_t)original;
    return ok;
}

/* What cosine and sine of a context that was stretched by LongRoPE are multiplied by, where the
 * file does not say it (Ding et al. 2024; transformers, _compute_longrope_parameters). */
static double longrope_magnitude(size_t context_tokens, size_t original_tokens)
{
    if (context_tokens <= original_tokens) return 1;
    double stretch = (double)context_tokens / (double)original_tokens;
    return sqrt(1 + math_log(stretch) / math_log((double)original_tokens));
}

/* What the file says; but what it would say without knowing better is what the architecture knows.
 */
static bool read_magnitude(const struct source *source, const struct hparams *hparams,
                           size_t original_tokens, float *magnitude, struct err *err)
{
    const float near = 1e-3f;
    float own = hparams->architecture->stretched_magnitude;
    double formula = longrope_magnitude(hparams->context_tokens, original_tokens);
    if (!read_positive(source, hparams, "rope.scaling.attn_factor", formula, magnitude, err))
        return false;
    bool is_stretched = hparams->context_tokens > original_tokens;
    if (own > 0 && is_stretched && fabsf(*magnitude - (float)formula) < near) *magnitude = own;
    return true;
}

/* LongRoPE: divisors of the frequencies for short sequences, others for long ones. */
static bool read_longrope(const struct source *source, struct hparams *hparams, struct err *err)
{
    struct rotation *rotations = hparams->rotations;
    size_t original;
    float magnitude;
    if (!read_original_context(source, hparams, &original, err)) return false;
    if (original < 2)
        return err_set(err, ERR_INPUT,
                       "%s.rope.scaling.original_context_length must say up to how many tokens the "
                       "short rope_factors are meant",
                       hparams->architecture->name);
    hparams->short_tokens = original;
    rotations[ROTATION_LONG] = rotations[ROTATION_MAIN];
    rotations[ROTATION_MAIN].divisors = WEIGHT_ROPE_FACTORS_SHORT;
    rotations[ROTATION_LONG].divisors = WEIGHT_ROPE_FACTORS_LONG;
    return read_magnitude(source, hparams, original, &magnitude, err) &&
           read_positive(source, hparams, "rope.scaling.attn_factor_short", (double)magnitude,
                         &rotations[ROTATION_MAIN].magnitude, err) &&
           read_positive(source, hparams, "rope.scaling.attn_factor_long", (double)magnitude,
                         &rotations[ROTATION_LONG].magnitude, err);
}

/* The scaling that LongRoPE's factors do not do: none and linear are in. A factor without a type is
 * a linear one; rope.scale_linear is what files before rope.scaling.* called it. */
static bool read_scale(const struct source *source, struct hparams *hparams, const char *type,
                       struct err *err)
{
    const char *factor = "rope.scaling.factor";
    char key[KEY_BYTES];
    double magnitude = 1;
    key_of(hparams, "rope.scaling.attn_factor", key);
    if (!metadata_read_number(source->metadata, key, &magnitude, err)) return false;
    if (!(magnitude == 1.0 || magnitude == 0.0))
        return err_set(err, ERR_UNSUPPORTED,
                       "not supported yet: %s = %g in a model without rope_factors tensors", key,
                       magnitude);
    if (strcmp(type, "none") == 0) return true;
    if (!metadata_find(source->metadata, key_of(hparams, factor, key)))
        factor = "rope.scale_linear";
    return read_positive(source, hparams, factor, 1.0, &hparams->rotations[ROTATION_MAIN].scale,
                         err);
}

/* Kinds of scaling that are not in would give other logits. LongRoPE is told by its tensors, for
 * files with them need not name it. */
static bool read_rope(const struct source *source, struct hparams *hparams, struct err *err)
{
    char key[KEY_BYTES], name[WEIGHT_NAME_BYTES];
    struct rotation *rotation = &hparams->rotations[ROTATION_MAIN];
    *rotation = (struct rotation){.scale = 1, .magnitude = 1};
    bool has_short = has_tensor(source, WEIGHT_ROPE_FACTORS_SHORT);
    bool has_long = has_tensor(source, WEIGHT_ROPE_FACTORS_LONG);
    const char *type = has_short || has_long ? "longrope" : "linear";
    if (has_tensor(source, WEIGHT_ROPE_FREQS)) rotation->divisors = WEIGHT_ROPE_FREQS;
    if (!read_positive(source, hparams, "rope.freq_base", 10000.0, &rotation->base, err) ||
        !read_local_rotation(source, hparams, err) ||
        !metadata_read_string(source->metadata, key_of(hparams, "rope.scaling.type", key), &type,
                              err))
        return false;
    bool is_longrope = strcmp(type, "longrope") == 0, is_none = strcmp(type, "none") == 0;
    if (!is_longrope && !is_none && strcmp(type, "linear") != 0)
        return err_set(err, ERR_UNSUPPORTED, "not supported yet: %s = '%s'", key, type);
    if (!is_longrope && !has_short && !has_long) return read_scale(source, hparams, type, err);
    if (has_short && has_long && (is_longrope || is_none))
        return read_longrope(source, hparams, err);
    if (has_short && has_long)
        return err_set(err, ERR_INPUT, "%s is '%s', but the model has rope_factors tensors", key,
                       type);
    weight_name(NULL, has_short ? WEIGHT_ROPE_FACTORS_LONG : WEIGHT_ROPE_FACTORS_SHORT, 0, name);
    return err_set(err, ERR_INPUT, "tensor %s is missing", name);
}

/* Which layers have no window: every so many-th one, or those that an array says so of. */
static bool read_pattern(const struct source *source, struct hparams *hparams, struct err *err)
{
    char key[KEY_BYTES];
    const struct metadata_value *pattern =
        metadata_find(source->metadata, key_of(hparams, "attention.sliding_window_pattern", key));
    bool is_array = pattern && pattern->kind == METADATA_ARRAY;
    int64_t period = (int64_t)hparams->architecture->window_period;
    if (is_array && pattern->n != hparams->n_layers)
        return err_set(err, ERR_INPUT, "%s is of %zu layers, the model has %zu", key, pattern->n,
                       hparams->n_layers);
    if (!is_array && !metadata_read_integer(source->metadata, key, 0, INT32_MAX, &period, err))
        return false;
    for (size_t i = 0; i < hparams->n_layers; i++) {
        bool is_windowed = !layer_ends_period(i, (size_t)period);
        if (is_array && !metadata_element_bool(pattern, i, key, &is_windowed, err)) return false;
        hparams->sees_all[i] = !is_windowed;
    }
    return true;
}

static bool read_window(const struct source *source, struct hparams *hparams, struct err *err)
{
    char key[KEY_BYTES];
    const struct architecture *architecture = hparams->architecture;
    bool is_unsaid = hparams->context_tokens == architecture->unsaid_window_context;
    int64_t window = is_unsaid ? (int64_t)architecture->unsaid_window : 0;
    key_of(hparams, "attention.sliding_window", key);
    if (!metadata_read_integer(source->metadata, key, 0, INT32_MAX, &window, err)) return false;
    hparams->sliding_window = (size_t)window;
    if (architecture->has_no_window && hparams->sliding_window < hparams->context_tokens &&
        hparams->sliding_window > 0)
        return err_set(err, ERR_UNSUPPORTED,
                       "not supported yet: %s = %lld in a %s model, which does not say in which "
                       "layers",
                       key, (long long)window, architecture->name);
    return read_pattern(source, hparams, err);
}

static bool read_cap(const struct source *source, struct hparams *hparams, const char *name,
                     float otherwise, float *cap, struct err *err)
{
    char key[KEY_BYTES];
    double number = (double)otherwise;
    if (!metadata_read_number(source->metadata, key_of(hparams, name, key), &number, err))
        return false;
    *cap = (float)number;
    return (*cap >= 0 && isfinite(*cap)) ||
           err_set(err, ERR_INPUT, "%s must be 0 or a positive number", key);
}

/* Some architectures scale by a number of their own, and cap scores and logits. */
static bool read_scores(const struct source *source, struct hparams *hparams, struct err *err)
{
    const struct architecture *architecture = hparams->architecture;
    bool is_wide = architecture->wide_layers == hparams->n_layers;
    size_t size = is_wide ? hparams->n_embd / hparams->n_heads : hparams->head_size;
    double otherwise =
        architecture->divides_by_head_size ? 1 / (double)size : 1.0f / sqrtf((float)size);
    return read_positive(source, hparams, "attention.scale", otherwise, &hparams->attention_scale,
                         err) &&
           read_cap(source, hparams, "attn_logit_softcapping", architecture->unsaid_score_cap,
                    &hparams->attention_softcap, err) &&
           read_cap(source, hparams, "final_logit_softcapping", architecture->unsaid_logit_cap,
                    &hparams->logit_softcap, err);
}

/* Layers that see blocks of keys, where a file says so. */
static bool read_blocks(const struct source *source, struct hparams *hparams, struct err *err)
{
    struct block_pattern *blocks = &hparams->blocks;
    if (!read_optional_size(source, hparams, "attention.block_size", MAX_CONTEXT, 0,
                            &blocks->n_keys, err) ||
        !read_optional_size(source, hparams, "attention.dense_period", HPARAMS_MAX_LAYERS, 0,
                            &hparams->dense_period, err))
        return false;
    if (blocks->n_keys == 0) return true;
    if (blocks->n_keys % SESSION_PAGE_TOKENS != 0)
        return err_set(err, ERR_UNSUPPORTED,
                       "not supported yet: %s.attention.block_size = %zu, which is no multiple of "
                       "%d",
                       hparams->architecture->name, blocks->n_keys, SESSION_PAGE_TOKENS);
    if (!read_size(source, hparams, "attention.local_blocks", MAX_CONTEXT, &blocks->n_local, err) ||
        !read_size(source, hparams, "attention.vertical_stride", MAX_CONTEXT, &blocks->stride, err))
        return false;
    blocks->head_step = blocks->stride / hparams->n_heads;
    if (blocks->head_step == 0) blocks->head_step = 1;
    return true;
}

static bool read_masked(const struct source *source, struct hparams *hparams, struct err *err)
{
    char key[KEY_BYTES];
    const struct metadata_value *ids;
    if (!metadata_read_array(source->metadata, key_of(hparams, "masked_tokens", key), &ids, err))
        return false;
    if (!ids) return true;
    if (!(hparams->masked = mem_new(ids->n, sizeof *hparams->masked, err))) return false;
    hparams->n_masked = ids->n;
    for (size_t i = 0; i < ids->n; i++) {
        int64_t id, last = (int64_t)hparams->n_vocab - 1;
        if (!metadata_element_integer(ids, i, key, 0, last, &id, err)) return false;
        hparams->masked[i] = (int32_t)id;
    }
    return true;
}

/* What only some architectures' steps ask for. */
static bool read_numbers(const struct source *source, struct hparams *hparams, struct err *err)
{
    return read_positive(source, hparams, "gegelu_limit", 20, &hparams->gegelu_limit, err) &&
           read_positive(source, hparams, "logit_divisor", 1, &hparams->logit_divisor, err) &&
           read_masked(source, hparams, err);
}

static bool read_experts(const struct source *source, struct hparams *hparams, struct err *err)
{
    if (hparams->n_experts == 0) return true;
    if (!read_size(source, hparams, "expert_used_count", HPARAMS_MAX_EXPERTS,
                   &hparams->n_experts_used, err) ||
        !read_optional_size(source, hparams, "expert_feed_forward_length", MAX_WIDTH, hparams->n_ff,
                            &hparams->n_ff, err))
        return false;
    if (hparams->n_experts > 1 && hparams->n_experts_used <= hparams->n_experts) return true;
    return err_set(err, ERR_INPUT, "a token cannot go through %zu of %zu experts",
                   hparams->n_experts_used, hparams->n_experts);
}

/* What was made for more is used as far as its rotation can be computed. */
static bool read_context(const struct source *source, struct hparams *hparams, struct err *err)
{
    if (!read_size(source, hparams, "context_length", INT32_MAX, &hparams->context_tokens, err))
        return false;
    if (hparams->context_tokens > MAX_CONTEXT) hparams->context_tokens = MAX_CONTEXT;
    return true;
}

/* Converters write the key of RMSNorm for some architectures that take LayerNorm. */
static const char *epsilon_name(const struct source *source, const struct hparams *hparams)
{
    static const char own[] = "attention.layer_norm_epsilon";
    static const char of_rms_norm[] = "attention.layer_norm_rms_epsilon";
    char key[KEY_BYTES], other[KEY_BYTES];
    bool has_own = metadata_find(source->metadata, key_of(hparams, own, key));
    bool has_other = metadata_find(source->metadata, key_of(hparams, of_rms_norm, other));
    bool is_own = architecture_runs(hparams->architecture, step_layer_norm);
    return is_own && (has_own || !has_other) ? own : of_rms_norm;
}

static bool read_embedding_scale(const struct source *source, struct hparams *hparams,
                                 struct err *err)
{
    return !hparams->architecture->scales_embedding ||
           read_positive(source, hparams, "embedding_scale", sqrt((double)hparams->n_embd),
                         &hparams->embedding_scale, err);
}

static bool read_sizes(const struct source *source, struct hparams *hparams, struct err *err)
{
    char key[KEY_BYTES];
    weight_name(NULL, WEIGHT_TOKEN_EMBD, 0, key);
    const struct tensor_info *embedding = source_find(source, key); /* no key tells its rows */
    if (!embedding) return err_set(err, ERR_INPUT, "tensor %s is missing", key);
    if (embedding->n_rows > MAX_VOCABULARY)
        return err_set(err, ERR_INPUT, "a vocabulary of %zu tokens is too large",
                       embedding->n_rows);
    hparams->n_vocab = embedding->n_rows;
    return read_size(source, hparams, "block_count", HPARAMS_MAX_LAYERS, &hparams->n_layers, err) &&
           read_size(source, hparams, "embedding_length", MAX_WIDTH, &hparams->n_embd, err) &&
           read_size(source, hparams, "feed_forward_length", MAX_WIDTH, &hparams->n_ff, err) &&
           read_experts(source, hparams, err) && read_context(source, hparams, err) &&
           read_size(source, hparams, "attention.head_count", MAX_WIDTH, &hparams->n_heads, err) &&
           read_head_sizes(source, hparams, err) &&
           read_positive(source, hparams, epsilon_name(source, hparams), 0.0, &hparams->norm_eps,
                         err) &&
           read_embedding_scale(source, hparams, err) && read_rope(source, hparams, err) &&
           read_window(source, hparams, err) && read_scores(source, hparams, err) &&
           read_blocks(source, hparams, err) && read_numbers(source, hparams, err);
}

static bool read_general(const struct source *source, struct hparams *hparams, struct err *err)
{
    hparams->name = "";
    hparams->file_type = -1;
    return metadata_read_string(source->metadata, "general.name", &hparams->name, err) &&
           metadata_read_integer(source->metadata, "general.file_type", INT64_MIN, INT64_MAX,
                                 &hparams->file_type, err);
}

/* A source has a tower if it says how many layers that has. */
static bool has_vision(const struct source *source, const struct architecture *architecture)
{
    char key[KEY_BYTES];
    if (!architecture->vision) return false;
    snprintf(key, sizeof key, "%s.block_count", architecture->vision->name);
    return metadata_find(source->metadata, key);
}

static bool read_vision_sizes(const struct source *source, struct hparams *tower, struct err *err)
{
    const int patch_side = CROP_SIDE / (2 * CROP_SIDE_TOKENS);
    if (!read_size(source, tower, "block_count", HPARAMS_MAX_LAYERS, &tower->n_layers, err) ||
        !read_size(source, tower, "embedding_length", MAX_WIDTH, &tower->n_embd, err) ||
        !read_size(source, tower, "feed_forward_length", MAX_WIDTH, &tower->n_ff, err) ||
        !read_size(source, tower, "attention.head_count", MAX_WIDTH, &tower->n_heads, err) ||
        !read_head_sizes(source, tower, err) ||
        !read_positive(source, tower, epsilon_name(source, tower), 0.0, &tower->norm_eps, err) ||
        !read_scores(source, tower, err) ||
        !read_size(source, tower, "image_size", MAX_WIDTH, &tower->image_side, err) ||
        !read_size(source, tower, "patch_size", MAX_WIDTH, &tower->patch_side, err) ||
        !read_optional_size(source, tower, "max_crops", MAX_CROPS, MAX_CROPS, &tower->max_crops,
                            err))
        return false;
    tower->n_rope = 0;
    if (tower->image_side != CROP_SIDE || tower->patch_side != (size_t)patch_side)
        return err_set(
            err, ERR_UNSUPPORTED,
            "not supported yet: a vision tower of %zu pixels a side in patches of %zu (%d "
            "and %d are)",
            tower->image_side, tower->patch_side, CROP_SIDE, patch_side);
    tower->context_tokens = hparams_patches(tower) * hparams_patches(tower) + 1;
    return true;
}

static bool read_vision(const struct source *source, struct hparams *hparams, struct err *err)
{
    if (!has_vision(source, hparams->architecture)) return true;
    struct hparams *tower = hparams->vision = mem_new(1, sizeof *tower, err);
    if (!tower) return false;
    tower->architecture = hparams->architecture->vision;
    tower->name = hparams->name;
    tower->file_type = hparams->file_type;
    tower->n_projected = hparams->n_embd;
    return read_vision_sizes(source, tower, err);
}

bool hparams_read_keys(const struct source *source, struct hparams *hparams, struct err *err)
{
    return read_general(source, hparams, err) && read_architecture(source, hparams, err) &&
           read_sizes(source, hparams, err) && read_vision(source, hparams, err);
}

bool hparams_check_stretch(const struct source *source, const struct hparams *hparams,
                           struct err *err)
{
    const struct rotation *rotation = &hparams->rotations[ROTATION_MAIN];
    size_t original;
    if (!read_original_context(source, hparams, &original, err)) return false;
    if (!original || hparams->context_tokens <= original || rotation->scale != 1 ||
        rotation->divisors)
        return true;
    return err_set(err, ERR_UNSUPPORTED,
                   "not supported yet: long rope (a context of %zu tokens made of %zu, and the "
                   "file has no factors for it)",
                   hparams->context_tokens, original);
}
