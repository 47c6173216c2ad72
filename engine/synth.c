/* synth.c - the recipe of synthetic weights, and a source that makes rows when asked.
 *
 * A weight is a pure function of seed, tensor number, row and column: counters are mixed to 64
 * bits, each half of which gives one value, the sum of its four bytes, which is near enough to a
 * normal distribution. Integers and one multiplication, so the same on every machine. Matrices
 * have variance 1 / columns; those that write to the residual stream are smaller by sqrt(2 *
 * layers), so that activations keep their size at any depth.
 */
#include "engine/synth.h"

#include "base/arena.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/sha256.h"
#include "engine/seal.h"
#include "engine/gguf.h"
#include "engine/hparams.h"
#include "engine/mixture.h"
#include "engine/synth_shapes.h"
#include "engine/synth_vocab.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Part of every hash: changes when a bit of any synthetic model changes. */
enum { SYNTH_VERSION = 1 };

/* mean + deviation * (nearly normal) */
struct spread {
    float mean, deviation;
};

struct synth {
    struct source source; /* first: the source's functions find the rest behind it */
    struct metadata *metadata;
    struct arena *arena; /* names, tables, path */
    struct tensor_info *tensors;
    struct spread *spreads; /* of each tensor */
    enum tensor_type type;
    uint64_t seed;
};

static const struct synth_shape *find_shape(const char *name, struct err *err)
{
    const struct synth_shape *shape = synth_shape_find(name);
    if (shape) return shape;
    char names[800] = "";
    for (size_t i = 0, used = 0; synth_shape_name(i) && used < sizeof names; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "",
                                 synth_shape_name(i));
    err_set(err, ERR_USAGE, "unknown shape '%s': expected one of %s", name, names);
    return NULL;
}

static bool parse_fields(char *fields, struct synth_options *options, struct err *err)
{
    char *type = strchr(fields, ':');
    if (!type)
        return err_set(err, ERR_USAGE, "no type: expected synth:SHAPE:TYPE[:SEED][:VOCAB.gguf]");
    *type++ = 0;
    options->shape = fields;
    char *rest = strchr(type, ':');
    if (rest) *rest++ = 0;
    if (!find_shape(options->shape, err) || !tensor_type_parse(type, &options->type, err))
        return false;
    if (!rest) return true;

    size_t n_digits = strspn(rest, "0123456789");
    if (n_digits > 0 && (rest[n_digits] == 0 || rest[n_digits] == ':')) {
        char *end;
        options->seed = strtoull(rest, &end, 10);
        if (n_digits > 19)
            return err_set(err, ERR_USAGE, "seed '%.*s' is too large", (int)n_digits, rest);
        rest = *end ? end + 1 : NULL;
    }
    if (rest && !*rest) return err_set(err, ERR_USAGE, "nothing after the last ':'");
    options->vocab_path = rest;
    return true;
}

bool synth_parse(const char *spec, struct synth_options *options, char **storage, struct err *err)
{
    const size_t n_prefix = strlen("synth:");
    *options = (struct synth_options){.seed = 1};
    *storage = NULL;
    if (strncmp(spec, "synth:", n_prefix) != 0) {
        return err_set(err, ERR_USAGE, "'%s' does not begin with 'synth:'", spec);
    }
    *storage = mem_copy_string(spec + n_prefix, err);
    if (!*storage) return false;
    return parse_fields(*storage, options, err) || err_context(err, "reading '%s'", spec);
}

/* ---- Weights ---- */

/* Each byte is uniform in [0, 255]: their sum has mean 510 and standard deviation sqrt((256^2 -
 * 1) / 3). */
static int sum_of_bytes(uint32_t word)
{
    uint32_t pairs = (word & 0x00ff00ff) + (word >> 8 & 0x00ff00ff);
    return (int)((pairs & 0xffff) + (pairs >> 16)) - 510;
}

static const double sum_deviation = 147.80054127099805;
static const uint64_t golden = 0x9e3779b97f4a7c15; /* SplitMix64's increment */

static void make_row(uint64_t seed, uint64_t tensor, uint64_t row, struct spread spread, size_t n,
                     float *out)
{
    uint64_t key = rng_mix(rng_mix(seed * golden + tensor + 1) + (row + 1) * golden);
    float scale = (float)((double)spread.deviation / sum_deviation), mean = spread.mean;
    for (size_t i = 0; i + 1 < n; i += 2) {
        uint64_t word = rng_mix(key += golden);
        out[i] = mean + (float)sum_of_bytes((uint32_t)word) * scale;
        out[i + 1] = mean + (float)sum_of_bytes((uint32_t)(word >> 32)) * scale;
    }
    if (n % 2) out[n - 1] = mean + (float)sum_of_bytes((uint32_t)rng_mix(key + golden)) * scale;
}

static bool read_rows(const struct source *source, const struct tensor_info *tensor, size_t row,
                      size_t n_rows, void *out, struct err *err)
{
    const struct synth *synth = (const struct synth *)source;
    assert(row <= tensor->n_rows && n_rows <= tensor->n_rows - row);
    size_t n = tensor->shape[0];
    float *values = mem_new(n, sizeof *values, err);
    if (!values) return false;
    uint8_t *to = out;
    for (size_t i = row; i < row + n_rows; i++, to += tensor->row_bytes) {
        make_row(synth->seed, tensor->offset, i, synth->spreads[tensor->offset], n, values);
        tensor_encode(tensor->type, values, n, to);
    }
    free(values);
    return true;
}

/* ---- Tensors ---- */

/* Embeddings of size 1, and logits that spread over some units, as trained ones do: embeddings that
 * make the logits are as small as that takes. */
static struct spread spread_of(const struct hparams *hparams, enum weight weight, size_t n_columns)
{
    const double logit_spread = 3;
    double gain = 1;
    const struct weight_role *role = &weight_roles[weight];
    if (weight == WEIGHT_ROPE_FACTORS_SHORT) return (struct spread){1.25f, 0.07f};
    if (weight == WEIGHT_ROPE_FACTORS_LONG) return (struct spread){16, 4};
    if (role->n_rows == EXTENT_ONE) return (struct spread){role->is_bias ? 0 : 1, 0.1f};
    if (weight == WEIGHT_ATTN_OUTPUT || weight == WEIGHT_FFN_DOWN || weight == WEIGHT_FFN_DOWN_EXPS)
        gain = 1 / sqrt(2 * (double)hparams->n_layers);
    if (weight == WEIGHT_TOKEN_EMBD) gain = sqrt((double)hparams->n_embd);
    if (weight == hparams_logits_weight(hparams)) gain = logit_spread;
    return (struct spread){0, (float)(gain / sqrt((double)n_columns))};
}

static bool add_tensor(struct synth *synth, const struct hparams *hparams, enum weight weight,
                       size_t i_layer, struct err *err)
{
    char name[WEIGHT_NAME_BYTES];
    struct weight_shape shape = hparams_shape(hparams, weight);
    enum tensor_type type =
        mixture_keeps(weight) ? TENSOR_F32 : mixture_fitting_type(synth->type, shape.n_cols);
    size_t i = synth->source.n_tensors++;
    struct tensor_info *tensor = &synth->tensors[i];
    weight_name(hparams->architecture->prefix, weight, i_layer, name);
    *tensor = (struct tensor_info){.name = arena_string(synth->arena, name, err),
                                   .type = type,
                                   .n_dimensions = shape.n_slices > 1 ? 3
                                                   : shape.n_rows > 1 ? 2
                                                                      : 1,
                                   .shape = {shape.n_cols, shape.n_rows, shape.n_slices, 1},
                                   .n_rows = shape.n_rows * shape.n_slices,
                                   .row_bytes = tensor_row_bytes(type, shape.n_cols),
                                   .offset = i};
    assert(tensor->row_bytes);
    synth->spreads[i] = spread_of(hparams, weight, shape.n_cols);
    synth->source.n_bytes += (uint64_t)tensor->n_rows * tensor->row_bytes;
    return tensor->name != NULL;
}

static bool add_layers(struct synth *synth, const struct hparams *hparams, struct err *err)
{
    for (size_t i = 0; i < hparams->n_layers; i++)
        for (enum weight weight = 0; weight < WEIGHT_LAYER_COUNT; weight++)
            if (architecture_needs(hparams->architecture, weight) &&
                !add_tensor(synth, hparams, weight, i, err))
                return false;
    return true;
}

static size_t head_size_of(const struct synth_shape *shape)
{
    return shape->head_size ? shape->head_size : shape->n_embd / shape->n_heads;
}

static const struct architecture *architecture_of(const struct synth_shape *shape)
{
    return architecture_find(shape->architecture, shape->n_experts > 0);
}

static size_t n_rope_of(const struct synth_shape *shape)
{
    return shape->n_rope ? shape->n_rope : head_size_of(shape);
}

/* Whether a model of the shape has a tensor in the role, which is none of a layer. */
static bool shape_has(const struct synth_shape *shape, enum weight weight)
{
    if (weight == WEIGHT_ROPE_FACTORS_SHORT || weight == WEIGHT_ROPE_FACTORS_LONG)
        return shape->original && shape->original < shape->context;
    return (weight == WEIGHT_OUTPUT && !shape->is_tied) ||
           architecture_needs(architecture_of(shape), weight);
}

/* Behind those of the language model, which are the same without it. */
static bool add_tower(struct synth *synth, const struct synth_shape *shape, struct err *err)
{
    const struct synth_tower *tower = shape->tower;
    if (!tower) return true;
    size_t n_side = tower->image_side / tower->patch_side;
    const struct hparams hparams = {
        .architecture = architecture_of(shape)->vision,
        .n_layers = tower->n_layers,
        .n_embd = tower->n_embd,
        .n_heads = tower->n_heads,
        .n_kv_heads = tower->n_heads,
        .head_size = tower->n_embd / tower->n_heads,
        .n_ff = tower->n_ff,
        .context_tokens = n_side * n_side + 1,
        .image_side = tower->image_side,
        .patch_side = tower->patch_side,
        .n_projected = shape->n_embd,
        .is_tied = true,
    };
    bool ok = add_layers(synth, &hparams, err);
    for (enum weight weight = WEIGHT_LAYER_COUNT; ok && weight < WEIGHT_COUNT; weight++)
        if (architecture_needs(hparams.architecture, weight))
            ok = add_tensor(synth, &hparams, weight, 0, err);
    return ok;
}

static bool add_tensors(struct synth *synth, const struct synth_shape *shape, size_t n_vocab,
                        struct err *err)
{
    const struct hparams hparams = {
        .architecture = architecture_of(shape),
        .n_layers = shape->n_layers,
        .n_embd = shape->n_embd,
        .n_heads = shape->n_heads,
        .n_kv_heads = shape->n_kv_heads,
        .head_size = head_size_of(shape),
        .n_rope = n_rope_of(shape),
        .n_ff = shape->n_ff,
        .n_vocab = n_vocab,
        .n_experts = shape->n_experts,
        .is_tied = shape->is_tied,
    };
    size_t n_layers = shape->n_layers + (shape->tower ? shape->tower->n_layers : 0);
    size_t most = n_layers * WEIGHT_LAYER_COUNT + 2 * (WEIGHT_COUNT - WEIGHT_LAYER_COUNT);
    synth->tensors = arena_alloc(synth->arena, most, sizeof *synth->tensors, err);
    synth->spreads = arena_alloc(synth->arena, most, sizeof *synth->spreads, err);
    if (!synth->tensors || !synth->spreads) return false;
    synth->source.tensors = synth->tensors;
    bool ok =
        add_tensor(synth, &hparams, WEIGHT_TOKEN_EMBD, 0, err) && add_layers(synth, &hparams, err);
    for (enum weight weight = WEIGHT_TOKEN_EMBD + 1; ok && weight < WEIGHT_COUNT; weight++)
        if (shape_has(shape, weight)) ok = add_tensor(synth, &hparams, weight, 0, err);
    return ok && add_tower(synth, shape, err);
}

/* ---- Metadata ---- */

/* A key of a model or of its tower, whose names begin with `of`. */
struct synth_size {
    const char *key;
    size_t value; /* 0: the key is left out */
};

static bool set_size(struct metadata *metadata, const char *of, struct synth_size size,
                     struct err *err)
{
    char full[96];
    snprintf(full, sizeof full, "%s.%s", of, size.key);
    return size.value == 0 || metadata_set_unsigned(metadata, full, (uint32_t)size.value, err);
}

static bool set_number(struct metadata *metadata, const char *of, const char *key, float value,
                       struct err *err)
{
    char full[96];
    snprintf(full, sizeof full, "%s.%s", of, key);
    return metadata_set_float(metadata, full, value, err);
}

static bool set_shape(struct metadata *metadata, const struct synth_shape *shape, struct err *err)
{
    const char *of = shape->architecture;
    const struct synth_size sizes[] = {
        {"context_length", shape->context},
        {"embedding_length", shape->n_embd},
        {"feed_forward_length", shape->n_ff},
        {"block_count", shape->n_layers},
        {"attention.head_count", shape->n_heads},
        {"attention.head_count_kv", shape->n_kv_heads},
        {"rope.dimension_count", n_rope_of(shape)},
        {"rope.scaling.original_context_length", shape->original},
        {"attention.sliding_window", shape->window},
        {"attention.key_length", shape->head_size},
        {"attention.value_length", shape->head_size},
        {"expert_count", shape->n_experts},
        {"expert_used_count", shape->n_experts_used},
    };
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof sizes / sizeof *sizes; i++)
        ok = set_size(metadata, of, sizes[i], err);
    for (const struct synth_key *key = shape->keys; ok && key && key->name; key++)
        ok = key->size ? set_size(metadata, of, (struct synth_size){key->name, key->size}, err)
                       : set_number(metadata, of, key->name, key->number, err);
    bool has_mean = architecture_runs(architecture_of(shape), step_layer_norm);
    return ok &&
           set_number(metadata, of,
                      has_mean ? "attention.layer_norm_epsilon"
                               : "attention.layer_norm_rms_epsilon",
                      shape->epsilon > 0 ? shape->epsilon : 1e-5f, err) &&
           set_number(metadata, of, "rope.freq_base",
                      shape->rope_base > 0 ? shape->rope_base : 10000, err);
}

static bool set_tower(struct metadata *metadata, const struct synth_shape *shape, struct err *err)
{
    const struct synth_tower *tower = shape->tower;
    if (!tower) return true;
    const char *of = architecture_of(shape)->vision->name;
    const struct synth_size sizes[] = {
        {"block_count", tower->n_layers},     {"embedding_length", tower->n_embd},
        {"feed_forward_length", tower->n_ff}, {"attention.head_count", tower->n_heads},
        {"image_size", tower->image_side},    {"patch_size", tower->patch_side},
        {"max_crops", tower->max_crops},
    };
    bool ok = set_number(metadata, of, "attention.layer_norm_epsilon", 1e-5f, err);
    for (size_t i = 0; ok && i < sizeof sizes / sizeof *sizes; i++)
        ok = set_size(metadata, of, sizes[i], err);
    return ok;
}

/* Takes over every tokenizer.* key of a GGUF file; *n_vocab becomes its size. */
static bool copy_vocabulary(struct metadata *metadata, const char *path, size_t *n_vocab,
                            struct err *err)
{
    bool ok = false;
    struct source *file = gguf_open(path, err);
    if (!file) return false;
    const struct metadata_string *tokens;
    if (!metadata_read_strings(file->metadata, "tokenizer.ggml.tokens", &tokens, n_vocab, err)) {
        err_place(err, path, 0, 0);
        goto out;
    }
    if (!tokens) {
        err_set_at(err, ERR_INPUT, path, 0, 0,
                   "the file has no vocabulary ('tokenizer.ggml.tokens')");
        goto out;
    }
    for (size_t i = 0; i < metadata_count(file->metadata); i++) {
        const char *key;
        const struct metadata_value *value = metadata_at(file->metadata, i, &key);
        if (strncmp(key, "tokenizer.", strlen("tokenizer.")) == 0 &&
            !metadata_set(metadata, key, value, err)) {
            goto out;
        }
    }
    ok = true;
out:
    source_close(file);
    return ok;
}

static bool set_metadata(struct synth *synth, const struct synth_options *options,
                         const struct synth_shape *shape, size_t *n_vocab, struct err *err)
{
    struct metadata *metadata = synth->metadata;
    char name[96];
    snprintf(name, sizeof name, "synthetic %s, seed %" PRIu64, options->shape, options->seed);
    *n_vocab = shape->n_vocab;
    return metadata_set_string(metadata, "general.architecture", shape->architecture, err) &&
           metadata_set_string(metadata, "general.name", name, err) &&
           set_shape(metadata, shape, err) && set_tower(metadata, shape, err) &&
           metadata_set_unsigned(metadata, "general.file_type",
                                 tensor_type_info(options->type)->file_type, err) &&
           metadata_set_unsigned(metadata, "general.quantization_version", 2, err) &&
           (options->vocab_path ? copy_vocabulary(metadata, options->vocab_path, n_vocab, err)
                                : synth_add_vocabulary(metadata, *n_vocab, err));
}

/* ---- The source ---- */

static void hash_value(struct sha256 *hash, const struct metadata_value *value)
{
    bool is_array = value->kind == METADATA_ARRAY, is_string = value->kind == METADATA_STRING;
    uint64_t numbers[] = {value->kind, is_array ? value->element : 0,
                          is_string ? value->string.n_bytes : value->n};
    sha256_update(hash, numbers, sizeof numbers);
    if (is_string) {
        sha256_update(hash, value->string.text, value->string.n_bytes);
    } else if (is_array) {
        for (size_t i = 0; i < value->n; i++) {
            struct metadata_value element = metadata_element(value, i);
            hash_value(hash, &element);
        }
    } else {
        uint64_t bits = metadata_to_bits(value);
        sha256_update(hash, &bits, sizeof bits);
    }
}

/* The recipe: version, type, seed and all metadata, in which shape and vocabulary are. */
static bool hash_recipe(const struct source *source, char hex[65], struct model_seal **seal,
                        struct err *err)
{
    const struct synth *synth = (const struct synth *)source;
    struct sha256 *hash = sha256_new(err);
    if (!hash) return false;
    uint64_t numbers[] = {SYNTH_VERSION, synth->type, synth->seed};
    sha256_field(hash, "phibench synth");
    sha256_update(hash, numbers, sizeof numbers);
    for (size_t i = 0; i < metadata_count(synth->metadata); i++) {
        const char *key;
        const struct metadata_value *value = metadata_at(synth->metadata, i, &key);
        sha256_field(hash, key);
        hash_value(hash, value);
    }
    sha256_finish(hash, hex);
    sha256_free(hash);
    if (!seal) return true;
    *seal = mem_new(1, sizeof **seal, err);
    if (*seal) memcpy((*seal)->hash, hex, SEAL_HASH_BYTES);
    return *seal != NULL;
}

static void close_synth(struct source *source)
{
    struct synth *synth = (struct synth *)source;
    metadata_free(synth->metadata);
    arena_free(synth->arena);
    free(synth);
}

static const char *make_path(struct arena *arena, const struct synth_options *options,
                             struct err *err)
{
    const char *type = tensor_type_info(options->type)->name;
    if (options->vocab_path) {
        return arena_printf(arena, err, "synth:%s:%s:%" PRIu64 ":%s", options->shape, type,
                            options->seed, options->vocab_path);
    }
    if (options->seed == 1) return arena_printf(arena, err, "synth:%s:%s", options->shape, type);
    return arena_printf(arena, err, "synth:%s:%s:%" PRIu64, options->shape, type, options->seed);
}

struct source *synth_open(const struct synth_options *options, struct err *err)
{
    const struct synth_shape *shape = find_shape(options->shape, err);
    struct synth *synth = shape ? mem_new(1, sizeof *synth, err) : NULL;
    if (!synth) return NULL;
    size_t n_vocab;
    synth->type = options->type;
    synth->seed = options->seed;
    synth->source = (struct source){
        .synthetic = true, .read_rows = read_rows, .hash = hash_recipe, .close = close_synth};
    synth->metadata = metadata_new(err);
    synth->arena = arena_new(0, err);
    synth->source.metadata = synth->metadata;
    synth->source.path = synth->arena ? make_path(synth->arena, options, err) : NULL;
    if (synth->metadata && synth->source.path &&
        set_metadata(synth, options, shape, &n_vocab, err) &&
        add_tensors(synth, shape, n_vocab, err)) {
        return &synth->source;
    }
    close_synth(&synth->source);
    return NULL;
}
