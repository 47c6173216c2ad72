/* hparams.c - see hparams.h. One table of roles gives the names; shape_of gives the shape that
 * each role has under the sizes read; whatever tensor has no role is refused, so that no weight of
 * a file is silently ignored.
 */
#include "engine/hparams.h"

#include "base/mem.h"
#include "engine/kernels/pack.h"
#include "engine/quantize.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_LAYERS = 1024,
    MAX_WIDTH = 1 << 20,
    MAX_VOCABULARY = 1 << 24,
    MAX_CONTEXT = 999999, /* sine and cosine are exact enough up to here */
    KEY_BYTES = 128,
    PHI3_WINDOW = 2047, /* of the 4k models, whose early files do not say it */
    PHI3_WINDOW_CONTEXT = 4096,
};

static const char *const architecture_names[] = {
    [ARCHITECTURE_PHI3] = "phi3",
    [ARCHITECTURE_LLAMA] = "llama",
};

static const char *const weight_names[WEIGHT_COUNT] = {
    [WEIGHT_ATTN_NORM] = "attn_norm.weight",   [WEIGHT_ATTN_QKV] = "attn_qkv.weight",
    [WEIGHT_ATTN_Q] = "attn_q.weight",         [WEIGHT_ATTN_K] = "attn_k.weight",
    [WEIGHT_ATTN_V] = "attn_v.weight",         [WEIGHT_ATTN_OUTPUT] = "attn_output.weight",
    [WEIGHT_FFN_NORM] = "ffn_norm.weight",     [WEIGHT_FFN_GATE] = "ffn_gate.weight",
    [WEIGHT_FFN_UP] = "ffn_up.weight",         [WEIGHT_FFN_DOWN] = "ffn_down.weight",
    [WEIGHT_TOKEN_EMBD] = "token_embd.weight", [WEIGHT_OUTPUT_NORM] = "output_norm.weight",
    [WEIGHT_OUTPUT] = "output.weight",         [WEIGHT_ROPE_FREQS] = "rope_freqs.weight",
};

const struct tensor_info *hparams_tensor(const struct source *source, enum weight weight,
                                         size_t i_layer)
{
    char name[KEY_BYTES];
    if (weight < WEIGHT_LAYER_COUNT)
        snprintf(name, sizeof name, "blk.%zu.%s", i_layer, weight_names[weight]);
    else snprintf(name, sizeof name, "%s", weight_names[weight]);
    return source_find(source, name);
}

/* "phi3.context_length" into a buffer of KEY_BYTES. */
static const char *key_of(const struct hparams *hparams, const char *name, char *key)
{
    snprintf(key, KEY_BYTES, "%s.%s", architecture_names[hparams->architecture], name);
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

/* The same where the file need not say it. */
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
    double number = metadata_number(source->metadata, key_of(hparams, name, key), otherwise);
    *value = (float)number;
    if (*value > 0 && isfinite(*value)) return true;
    return err_set(err, ERR_INPUT, "%s must be a positive number", key);
}

static bool read_architecture(const struct source *source, struct hparams *hparams, struct err *err)
{
    const char *name = metadata_string(source->metadata, "general.architecture", "");
    for (size_t i = 0; i < sizeof architecture_names / sizeof *architecture_names; i++) {
        if (strcmp(name, architecture_names[i]) != 0) continue;
        hparams->architecture = (enum architecture)i;
        return true;
    }
    if (!*name) return err_set(err, ERR_INPUT, "general.architecture is missing: not a model");
    return err_set(err, ERR_UNSUPPORTED,
                   "not supported yet: architecture '%s' (supported: phi3, llama)", name);
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

/* Scaling of the rotation: none and linear are in; the rest would give other logits. A factor
 * without a type is a linear one; rope.scale_linear is what files before rope.scaling.* called it.
 */
static bool read_rope(const struct source *source, struct hparams *hparams, struct err *err)
{
    const struct metadata *metadata = source->metadata;
    char key[KEY_BYTES];
    if (source_find(source, "rope_factors_long.weight") ||
        source_find(source, "rope_factors_short.weight"))
        return err_set(err, ERR_UNSUPPORTED,
                       "not supported yet: long rope (the model has rope_factors tensors)");
    double attention =
        metadata_number(metadata, key_of(hparams, "rope.scaling.attn_factor", key), 1.0);
    if (!(attention == 1.0 || attention == 0.0))
        return err_set(err, ERR_UNSUPPORTED, "not supported yet: long rope (%s = %g)", key,
                       attention);
    if (!read_positive(source, hparams, "rope.freq_base", 10000.0, &hparams->rope_base, err))
        return false;
    hparams->rope_scale = 1;
    const char *factor = "rope.scaling.factor";
    if (!metadata_find(metadata, key_of(hparams, factor, key))) factor = "rope.scale_linear";
    const char *type =
        metadata_string(metadata, key_of(hparams, "rope.scaling.type", key), "linear");
    if (strcmp(type, "none") == 0) return true;
    if (strcmp(type, "linear") == 0)
        return read_positive(source, hparams, factor, 1.0, &hparams->rope_scale, err);
    return err_set(err, ERR_UNSUPPORTED, "not supported yet: %s = '%s'", key, type);
}

static bool read_window(const struct source *source, struct hparams *hparams, struct err *err)
{
    char key[KEY_BYTES];
    const struct metadata_value *value =
        metadata_find(source->metadata, key_of(hparams, "attention.sliding_window", key));
    bool is_phi3_4k = hparams->architecture == ARCHITECTURE_PHI3 &&
                      hparams->context_tokens == PHI3_WINDOW_CONTEXT;
    hparams->sliding_window = !value && is_phi3_4k ? PHI3_WINDOW : 0;
    if (!value) return true;
    int64_t window;
    if (!metadata_require_integer(source->metadata, key, 0, INT32_MAX, &window, err)) return false;
    hparams->sliding_window = (size_t)window;
    return true;
}

/* What was made for more is used as far as its rotation can be computed. */
static bool read_context(const struct source *source, struct hparams *hparams, struct err *err)
{
    if (!read_size(source, hparams, "context_length", INT32_MAX, &hparams->context_tokens, err))
        return false;
    if (hparams->context_tokens > MAX_CONTEXT) hparams->context_tokens = MAX_CONTEXT;
    return true;
}

static bool read_sizes(const struct source *source, struct hparams *hparams, struct err *err)
{
    char key[KEY_BYTES];
    if (metadata_integer(source->metadata, key_of(hparams, "expert_count", key), 0) != 0)
        return err_set(err, ERR_UNSUPPORTED, "not supported yet: mixture of experts (%s)", key);
    const struct tensor_info *embedding = hparams_tensor(source, WEIGHT_TOKEN_EMBD, 0);
    if (!embedding) return err_set(err, ERR_INPUT, "tensor token_embd.weight is missing");
    if (embedding->n_rows > MAX_VOCABULARY)
        return err_set(err, ERR_INPUT, "a vocabulary of %zu tokens is too large",
                       embedding->n_rows);
    hparams->n_vocab = embedding->n_rows;
    hparams->is_tied = !hparams_tensor(source, WEIGHT_OUTPUT, 0);
    return read_size(source, hparams, "block_count", MAX_LAYERS, &hparams->n_layers, err) &&
           read_size(source, hparams, "embedding_length", MAX_WIDTH, &hparams->n_embd, err) &&
           read_size(source, hparams, "feed_forward_length", MAX_WIDTH, &hparams->n_ff, err) &&
           read_context(source, hparams, err) &&
           read_size(source, hparams, "attention.head_count", MAX_WIDTH, &hparams->n_heads, err) &&
           read_head_sizes(source, hparams, err) &&
           read_positive(source, hparams, "attention.layer_norm_rms_epsilon", 0.0,
                         &hparams->rms_eps, err) &&
           read_rope(source, hparams, err) && read_window(source, hparams, err);
}

struct shape {
    size_t n_cols, n_rows; /* n_rows 1: a vector; n_cols 0: the model has no such tensor */
};

static struct shape shape_of(const struct hparams *h, enum weight weight)
{
    bool is_phi3 = h->architecture == ARCHITECTURE_PHI3;
    size_t n_q = h->n_heads * h->head_size, n_kv = h->n_kv_heads * h->head_size;
    static const struct shape none = {0, 0};
    switch (weight) {
    case WEIGHT_ATTN_NORM:
    case WEIGHT_FFN_NORM:
    case WEIGHT_OUTPUT_NORM: return (struct shape){h->n_embd, 1};
    case WEIGHT_ATTN_QKV: return is_phi3 ? (struct shape){h->n_embd, n_q + 2 * n_kv} : none;
    case WEIGHT_ATTN_Q: return is_phi3 ? none : (struct shape){h->n_embd, n_q};
    case WEIGHT_ATTN_K:
    case WEIGHT_ATTN_V: return is_phi3 ? none : (struct shape){h->n_embd, n_kv};
    case WEIGHT_ATTN_OUTPUT: return (struct shape){n_q, h->n_embd};
    case WEIGHT_FFN_GATE: return is_phi3 ? none : (struct shape){h->n_embd, h->n_ff};
    case WEIGHT_FFN_UP: return (struct shape){h->n_embd, is_phi3 ? 2 * h->n_ff : h->n_ff};
    case WEIGHT_FFN_DOWN: return (struct shape){h->n_ff, h->n_embd};
    case WEIGHT_TOKEN_EMBD: return (struct shape){h->n_embd, h->n_vocab};
    case WEIGHT_OUTPUT: return h->is_tied ? none : (struct shape){h->n_embd, h->n_vocab};
    case WEIGHT_ROPE_FREQS: return is_phi3 ? none : (struct shape){h->n_rope / 2, 1};
    case WEIGHT_COUNT: break;
    }
    return none;
}

static bool check_tensor(const struct tensor_info *tensor, struct shape shape, struct err *err)
{
    const struct tensor_type_info *type = tensor_type_info(tensor->type);
    if (!type || !type->supported)
        return err_set(err, ERR_UNSUPPORTED, "not supported yet: tensor type %s (of %s)",
                       type ? type->name : "unknown", tensor->name);
    size_t n_dimensions = shape.n_rows == 1 ? 1 : 2;
    bool is_right = tensor->shape[0] == shape.n_cols && tensor->n_rows == shape.n_rows;
    for (size_t i = n_dimensions; i < TENSOR_MAX_DIMENSIONS; i++)
        is_right = is_right && tensor->shape[i] == 1;
    if (!is_right)
        return err_set(err, ERR_INPUT, "tensor %s is %zu x %zu, it should be %zu x %zu",
                       tensor->name, tensor->shape[0], tensor->n_rows, shape.n_cols, shape.n_rows);
    if (n_dimensions == 2 && pack_group_bytes(tensor->type, shape.n_cols) == 0)
        return err_set(err, ERR_INPUT, "rows of %zu values of tensor %s are no whole blocks of %s",
                       shape.n_cols, tensor->name, type->name);
    return true;
}

/* Every role is filled rightly; is_known [n_tensors] tells which tensors have one. */
static bool check_roles(const struct source *source, const struct hparams *hparams, bool *is_known,
                        struct err *err)
{
    for (size_t i = 0; i < WEIGHT_COUNT; i++) {
        enum weight weight = (enum weight)i;
        struct shape shape = shape_of(hparams, weight);
        size_t n_times = weight < WEIGHT_LAYER_COUNT ? hparams->n_layers : 1;
        for (size_t layer = 0; shape.n_cols && layer < n_times; layer++) {
            const struct tensor_info *tensor = hparams_tensor(source, weight, layer);
            if (!tensor && weight == WEIGHT_ROPE_FREQS) continue;
            if (!tensor && weight < WEIGHT_LAYER_COUNT)
                return err_set(err, ERR_INPUT, "tensor blk.%zu.%s is missing", layer,
                               weight_names[weight]);
            if (!tensor)
                return err_set(err, ERR_INPUT, "tensor %s is missing", weight_names[weight]);
            if (!check_tensor(tensor, shape, err)) return false;
            is_known[tensor - source->tensors] = true;
        }
    }
    return true;
}

static bool check_tensors(const struct source *source, const struct hparams *hparams,
                          struct err *err)
{
    bool *is_known = mem_new(source->n_tensors, sizeof *is_known, err);
    if (!is_known) return false;
    bool ok = check_roles(source, hparams, is_known, err);
    for (size_t i = 0; ok && i < source->n_tensors; i++)
        if (!is_known[i])
            ok = err_set(err, ERR_UNSUPPORTED, "not supported yet: tensor %s in a %s model",
                         source->tensors[i].name, architecture_names[hparams->architecture]);
    free(is_known);
    return ok;
}

/* The parts of a split model hold some of the tensors each, and only the first one the metadata. */
static bool check_whole(const struct source *source, struct err *err)
{
    int64_t n_parts = metadata_integer(source->metadata, "split.count", 1);
    return n_parts <= 1 ||
           err_set(err, ERR_UNSUPPORTED,
                   "not supported yet: one of the %lld parts of a split model; join them into one "
                   "file first",
                   (long long)n_parts);
}

bool hparams_read(const struct source *source, struct hparams *hparams, struct err *err)
{
    memset(hparams, 0, sizeof *hparams);
    if (check_whole(source, err) && read_architecture(source, hparams, err) &&
        read_sizes(source, hparams, err) && check_tensors(source, hparams, err))
        return true;
    return err_place(err, source->path, 0, 0);
}

/* Sums over all tensors, and over the matrices that every token passes. */
static void sum_tensors(const struct source *source, const struct hparams *hparams,
                        struct model_info *info)
{
    uint64_t type_bytes[TENSOR_TYPE_LIMIT] = {0};
    enum tensor_type most = TENSOR_F32;
    for (size_t i = 0; i < source->n_tensors; i++) {
        const struct tensor_info *tensor = &source->tensors[i];
        if (tensor == hparams_tensor(source, WEIGHT_ROPE_FREQS, 0)) continue; /* a table */
        uint64_t n_values = (uint64_t)tensor->shape[0] * tensor->n_rows;
        uint64_t n_groups = (tensor->n_rows + ROW_GROUP - 1) / ROW_GROUP;
        info->n_params += n_values;
        if (tensor->n_dimensions < 2) {
            info->read_bytes_per_token += n_values * sizeof(float);
            continue;
        }
        bool is_embedding = tensor == hparams_tensor(source, WEIGHT_TOKEN_EMBD, 0);
        if (!is_embedding && tensor != hparams_tensor(source, WEIGHT_OUTPUT, 0)) {
            type_bytes[tensor->type] += (uint64_t)tensor->row_bytes * tensor->n_rows;
            if (type_bytes[tensor->type] > type_bytes[most]) most = tensor->type;
        }
        if (is_embedding && !hparams->is_tied) continue;
        info->macs_per_token += n_values;
        info->read_bytes_per_token += n_groups * pack_group_bytes(tensor->type, tensor->shape[0]);
    }
    info->quantization =
        quantize_type_name(most, metadata_integer(source->metadata, "general.file_type", -1));
}

bool model_info_fill(const struct source *source, struct model_info *info, struct err *err)
{
    struct hparams hparams;
    if (!hparams_read(source, &hparams, err)) return false;
    *info = (struct model_info){
        .path = source->path,
        .name = metadata_string(source->metadata, "general.name", ""),
        .architecture = architecture_names[hparams.architecture],
        .n_bytes = source->n_bytes,
        .n_layers = (int)hparams.n_layers,
        .n_embd = (int)hparams.n_embd,
        .n_heads = (int)hparams.n_heads,
        .n_kv_heads = (int)hparams.n_kv_heads,
        .head_size = (int)hparams.head_size,
        .n_ff = (int)hparams.n_ff,
        .n_vocab = (int)hparams.n_vocab,
        .context_tokens = (int)hparams.context_tokens,
        .sliding_window = (int)hparams.sliding_window,
        .synthetic = source->synthetic,
    };
    sum_tensors(source, &hparams, info);
    return true;
}
