/* hf_tensors.c - see hf_tensors.h. Every tensor of the folder must be taken by a role or be known
 * to be needless, so that no weight is silently ignored.
 */
#include "engine/hf/hf_tensors.h"

#include "base/mem.h"
#include "engine/hf/hf_names.h"
#include "engine/hf/safetensors.h"
#include "engine/hparams.h"

#include <stdlib.h>

enum { MAX_SLICES = 4096 };

struct finder {
    const struct hf_config *config;
    const struct source *raw;
    struct arena *arena;
    struct hf_tensors *tensors;
    size_t capacity, origin_capacity;
    bool *is_taken; /* [raw->n_tensors] */
    bool is_tied;
    size_t n_layers, n_heads, n_kv_heads, n_experts;
    size_t n_layers_seen; /* of the tower; 0: the model has none */
    struct err *err;
};

/* ---- The folder's tensors ---- */

/* Models with eyes have their language model's tensors behind a prefix, which differs by the
 * version of what saved them. */
static const struct {
    const char *begin, *instead;
} PREFIXES[] = {{"", ""}, {"", "language_model."}, {"model.", "model.language_model."}};

/* NULL if there is none of this name. */
static const struct tensor_info *find_raw(const struct finder *finder, const char *name)
{
    char other[HF_NAME_BYTES + 32];
    const struct tensor_info *found = NULL;
    for (size_t i = 0; !found && i < COUNT_OF(PREFIXES); i++) {
        size_t n = strlen(PREFIXES[i].begin);
        if (strncmp(name, PREFIXES[i].begin, n) != 0) continue;
        snprintf(other, sizeof other, "%s%s", PREFIXES[i].instead, name + n);
        found = joined_find(finder->raw, other);
    }
    return found;
}

static bool refuse_missing(const struct finder *finder, const char *name)
{
    return err_set_at(finder->err, ERR_INPUT, finder->raw->path, 0, 0,
                      "tensor %s is missing: a %s model has it", name,
                      finder->config->architecture->name);
}

static bool check_slice(const struct finder *finder, const struct tensor_info *slice,
                        const struct tensor_info *first)
{
    if (slice->type >= TENSOR_TYPE_LIMIT)
        return err_set_at(finder->err, ERR_UNSUPPORTED, slice->file, 0, 0,
                          "not supported yet: dtype %s (of tensor %s; supported: F32, F16, BF16)",
                          safetensors_dtype(slice->type), slice->name);
    if (slice->type != first->type || slice->n_dimensions != first->n_dimensions ||
        memcmp(slice->shape, first->shape, sizeof slice->shape) != 0)
        return err_set_at(finder->err, ERR_INPUT, slice->file, 0, 0,
                          "tensor %s has another type or shape than tensor %s", slice->name,
                          first->name);
    return true;
}

/* The slices of a tensor, all of them there or none. *n_found 0: none. */
static bool find_slices(struct finder *finder, const struct hf_tensor *tensor, size_t i_layer,
                        struct hf_origin *origin, size_t *n_found)
{
    char name[HF_NAME_BYTES];
    const struct architecture *architecture = finder->config->architecture;
    bool is_stack = strchr(tensor->name, '*') != NULL;
    origin->n_slices = is_stack ? finder->n_experts : 1;
    origin->slices =
        arena_alloc(finder->arena, origin->n_slices, sizeof *origin->slices, finder->err);
    *n_found = 0;
    if (!origin->slices) return false;
    for (size_t i = 0; i < origin->n_slices; i++) {
        const struct tensor_info *found =
            hf_name(architecture, tensor, i_layer, i, name) ? find_raw(finder, name) : NULL;
        if (!found && *n_found > 0) return refuse_missing(finder, name);
        if (!found) return true;
        origin->slices[(*n_found)++] = found;
        finder->is_taken[found - finder->raw->tensors] = true;
        if (!check_slice(finder, found, origin->slices[0])) return false;
    }
    return true;
}

/* ---- Ours ---- */

static struct tensor_info *add_tensor(struct finder *finder, const char *name,
                                      const struct hf_origin *origin)
{
    struct hf_tensors *tensors = finder->tensors;
    void *table = tensors->tensors, *origins = tensors->origins;
    bool ok = arena_grow(finder->arena, &table, &finder->capacity, tensors->n + 1,
                         sizeof *tensors->tensors, finder->err) &&
              arena_grow(finder->arena, &origins, &finder->origin_capacity, tensors->n + 1,
                         sizeof *tensors->origins, finder->err);
    tensors->tensors = table;
    tensors->origins = origins;
    if (!ok) return NULL;
    struct tensor_info *tensor = &tensors->tensors[tensors->n];
    *tensor = (struct tensor_info){.name = arena_string(finder->arena, name, finder->err)};
    tensors->origins[tensors->n] = *origin;
    if (!tensor->name) return NULL;
    tensors->n++;
    return tensor;
}

/* One of the slices as its role has it: the values of a vector are one row, whatever dimensions of
 * one lie around them, and so are those of a convolution's channel. */
static struct tensor_info flatten(const struct tensor_info *slice, enum weight weight)
{
    struct tensor_info flat = *slice;
    bool is_vector = weight_roles[weight].n_rows == EXTENT_ONE;
    while (is_vector && flat.n_dimensions > 1 && flat.shape[flat.n_dimensions - 1] == 1)
        flat.n_dimensions--;
    for (; !is_vector && !weight_roles[weight].is_of_experts && flat.n_dimensions > 2;
         flat.n_dimensions--) {
        flat.shape[0] *= flat.shape[1];
        flat.n_rows /= flat.shape[1];
        memmove(flat.shape + 1, flat.shape + 2, (TENSOR_MAX_DIMENSIONS - 2) * sizeof *flat.shape);
        flat.shape[TENSOR_MAX_DIMENSIONS - 1] = 1;
    }
    return flat;
}

static bool set_order(const struct finder *finder, const struct hf_tensor *tensor,
                      const struct tensor_info *flat, struct hf_origin *origin)
{
    bool is_key = tensor->weight == WEIGHT_ATTN_K || tensor->weight == WEIGHT_ATTN_K_BIAS;
    origin->is_vector = flat->n_dimensions == 1;
    origin->n_joined = origin->slices[0]->n_rows / flat->n_rows;
    origin->order = (struct hf_order){
        .rows = tensor->rows,
        .n_rows = origin->is_vector ? flat->shape[0] : flat->n_rows,
        .n_heads = is_key ? finder->n_kv_heads : finder->n_heads,
        .n_kv_heads = finder->n_kv_heads,
    };
    return hf_order_fits(&origin->order) ||
           err_set_at(finder->err, ERR_INPUT, flat->file, 0, 0,
                      "tensor %s has %zu rows: no multiple of what %zu heads and %zu KV heads need",
                      flat->name, origin->order.n_rows, finder->n_heads, finder->n_kv_heads);
}

/* A vector becomes f32, as GGUF's converter does it; slices become the last dimension. */
static bool set_shape(const struct finder *finder, const struct hf_origin *origin,
                      const struct tensor_info *flat, struct tensor_info *tensor)
{
    const char *name = tensor->name;
    *tensor = *flat;
    tensor->name = name;
    if (origin->n_slices > 1 && flat->n_dimensions == TENSOR_MAX_DIMENSIONS)
        return err_set_at(finder->err, ERR_INPUT, flat->file, 0, 0,
                          "tensor %s has too many dimensions", flat->name);
    if (origin->n_slices > 1) {
        tensor->shape[flat->n_dimensions] = origin->n_slices;
        tensor->n_dimensions++;
    }
    if (origin->is_vector) tensor->type = TENSOR_F32;
    tensor->row_bytes = tensor_row_bytes(tensor->type, tensor->shape[0]);
    return mem_multiply(tensor->n_rows, origin->n_slices, &tensor->n_rows) ||
           err_set_at(finder->err, ERR_INPUT, flat->file, 0, 0, "tensor %s is too large",
                      flat->name);
}

static bool is_norm(enum weight weight)
{
    return weight_roles[weight].n_rows == EXTENT_ONE && !weight_roles[weight].is_bias;
}

/* The name of a tower's copy of the language model's embedding; NULL: it has none. */
static const char *embedding_copy(const struct architecture *architecture)
{
    return architecture->vision ? architecture->vision->hf.embedding_copy : NULL;
}

/* Where several names are of one tensor, any of them may be what was saved. */
static struct hf_tensor form_of(const struct finder *finder, enum weight weight)
{
    const struct architecture *architecture = finder->config->architecture;
    struct hf_tensor form = hf_tensor_of(architecture, weight);
    if (weight != WEIGHT_TOKEN_EMBD || find_raw(finder, form.name)) return form;
    const char *output = hf_tensor_of(architecture, WEIGHT_OUTPUT).name;
    const char *copy = embedding_copy(architecture);
    if (finder->is_tied && find_raw(finder, output)) form.name = output;
    else if (copy && find_raw(finder, copy)) form.name = copy;
    return form;
}

static bool add_role(struct finder *finder, enum weight weight, size_t i_layer)
{
    char name[WEIGHT_NAME_BYTES], there[HF_NAME_BYTES];
    const struct architecture *architecture = finder->config->architecture;
    struct hf_tensor form = form_of(finder, weight);
    struct hf_origin origin = {0};
    size_t n_found = 0;
    if (!form.name || (weight == WEIGHT_OUTPUT && finder->is_tied)) return true;
    if (!find_slices(finder, &form, i_layer, &origin, &n_found)) return false;
    if (!n_found) {
        bool is_needed = architecture_needs(architecture, weight) || weight == WEIGHT_OUTPUT;
        return !is_needed || !hf_name(architecture, &form, i_layer, 0, there) ||
               refuse_missing(finder, there);
    }
    struct tensor_info flat = flatten(origin.slices[0], weight);
    if (!set_order(finder, &form, &flat, &origin)) return false;
    if (architecture->hf.is_norm_offset && is_norm(weight)) origin.offset = 1;
    weight_name(architecture->prefix, weight, i_layer, name);
    struct tensor_info *tensor = add_tensor(finder, name, &origin);
    return tensor && set_shape(finder, &origin, &flat, tensor);
}

static bool add_tables(struct finder *finder, const struct hf_rope *rope)
{
    char name[WEIGHT_NAME_BYTES];
    for (size_t i = 0; i < rope->n_tables; i++) {
        const struct hf_rope_table *table = &rope->tables[i];
        struct hf_origin origin = {.made = table->values};
        weight_name(NULL, table->weight, 0, name);
        struct tensor_info *tensor = add_tensor(finder, name, &origin);
        if (!tensor) return false;
        *tensor = (struct tensor_info){.name = tensor->name,
                                       .type = TENSOR_F32,
                                       .n_dimensions = 1,
                                       .shape = {table->n, 1, 1, 1},
                                       .n_rows = 1,
                                       .row_bytes = table->n * sizeof *table->values};
    }
    return true;
}

static bool has_role(const struct finder *finder, enum weight weight)
{
    const struct architecture *architecture = finder->config->architecture;
    return architecture_needs(architecture, weight) || architecture_may_have(architecture, weight);
}

/* In the order in which a pass meets them, but for the embedding. */
static bool add_all(struct finder *finder)
{
    bool ok = true;
    for (size_t i = 0; ok && i < finder->n_layers; i++)
        for (enum weight weight = 0; ok && weight < WEIGHT_LAYER_COUNT; weight++)
            ok = !has_role(finder, weight) || add_role(finder, weight, i);
    for (enum weight weight = WEIGHT_TOKEN_EMBD + 1; ok && weight < WEIGHT_COUNT; weight++)
        ok = !has_role(finder, weight) || add_role(finder, weight, 0);
    return ok;
}

/* ---- What no role is for ---- */

/* The layers of a tower behind the last one that a pass takes. */
static bool is_past_layers(const struct finder *finder, const struct architecture *tower,
                           const char *name)
{
    size_t n = strlen(hf_layers(tower));
    if (strncmp(name, hf_layers(tower), n) != 0) return false;
    return strtoul(name + n, NULL, 10) >= finder->n_layers_seen;
}

static bool is_ignored(const struct architecture *architecture, const char *name)
{
    const char *const *ignored = architecture->hf.ignored;
    bool is = false;
    for (size_t i = 0; !is && i < HF_IGNORED && ignored[i]; i++)
        is = strncmp(name, ignored[i], strlen(ignored[i])) == 0;
    return is;
}

static bool is_needless(const struct finder *finder, const char *name)
{
    const struct architecture *architecture = finder->config->architecture;
    const struct architecture *tower = finder->n_layers_seen ? architecture->vision : NULL;
    bool is_output = strstr(name, hf_tensor_of(architecture, WEIGHT_OUTPUT).name);
    return is_ignored(architecture, name) || (is_output && finder->is_tied) ||
           strstr(name, ".rotary_emb.inv_freq") ||
           (tower && (is_ignored(tower, name) || is_past_layers(finder, tower, name) ||
                      strcmp(name, embedding_copy(architecture)) == 0));
}

static bool check_taken(const struct finder *finder)
{
    for (size_t i = 0; i < finder->raw->n_tensors; i++) {
        const struct tensor_info *tensor = &finder->raw->tensors[i];
        if (!finder->is_taken[i] && !is_needless(finder, tensor->name))
            return err_set_at(finder->err, ERR_UNSUPPORTED, tensor->file, 0, 0,
                              "not supported yet: tensor %s in a %s model", tensor->name,
                              finder->config->architecture->name);
    }
    return true;
}

/* ---- The whole ---- */

static bool read_count(const struct finder *finder, const struct metadata *metadata,
                       const char *name, int64_t high, int64_t otherwise, size_t *value)
{
    char key[HF_KEY_BYTES];
    int64_t integer = otherwise;
    hf_config_key(finder->config, name, key);
    if (!metadata_read_integer(metadata, key, 0, high, &integer, finder->err))
        return err_place(finder->err, finder->config->path, 0, 0);
    *value = (size_t)integer;
    return true;
}

static bool read_counts(struct finder *finder, const struct metadata *metadata)
{
    return read_count(finder, metadata, "block_count", HPARAMS_MAX_LAYERS, 0, &finder->n_layers) &&
           read_count(finder, metadata, "attention.head_count", INT32_MAX, 0, &finder->n_heads) &&
           read_count(finder, metadata, "attention.head_count_kv", INT32_MAX,
                      (int64_t)finder->n_heads, &finder->n_kv_heads) &&
           read_count(finder, metadata, "expert_count", MAX_SLICES, 0, &finder->n_experts);
}

/* Those of the tower, if the metadata tells of one. */
static bool add_tower(struct finder *finder, const struct metadata *metadata)
{
    const struct hf_config *whole = finder->config;
    if (!whole->architecture->vision) return true;
    struct hf_config tower = *whole;
    tower.architecture = whole->architecture->vision;
    finder->config = &tower;
    bool ok = read_counts(finder, metadata) && (finder->n_layers == 0 || add_all(finder));
    finder->n_layers_seen = finder->n_layers;
    finder->config = whole;
    return ok;
}

/* Whether the embedding makes the logits; where nothing says it, whether there is nothing else. */
static bool is_tied(const struct finder *finder)
{
    const struct architecture *architecture = finder->config->architecture;
    const struct json *said = hf_config_find(finder->config, "tie_word_embeddings");
    bool is_without = !find_raw(finder, hf_tensor_of(architecture, WEIGHT_OUTPUT).name);
    return architecture_may_have(architecture, WEIGHT_OUTPUT) && json_as_bool(said, is_without);
}

bool hf_tensors_find(const struct hf_config *config, const struct metadata *metadata,
                     const struct source *raw, const struct hf_rope *rope, struct arena *arena,
                     struct hf_tensors *tensors, struct err *err)
{
    struct finder finder = {
        .config = config, .raw = raw, .arena = arena, .tensors = tensors, .err = err};
    *tensors = (struct hf_tensors){0};
    finder.is_taken = mem_new(raw->n_tensors, sizeof *finder.is_taken, err);
    finder.is_tied = is_tied(&finder);
    bool ok = finder.is_taken && read_counts(&finder, metadata) &&
              add_role(&finder, WEIGHT_TOKEN_EMBD, 0) && add_tables(&finder, rope) &&
              add_all(&finder) && add_tower(&finder, metadata) && check_taken(&finder);
    free(finder.is_taken);
    return ok;
}

/* ---- Rows ---- */

static bool read_vector(const struct hf_origin *origin, const struct source *raw, size_t i_slice,
                        float *out, struct err *err)
{
    const struct tensor_info *slice = origin->slices[i_slice];
    size_t n = slice->shape[0];
    uint8_t *bytes = mem_new(1, slice->row_bytes, err);
    float *values = mem_new(n, sizeof *values, err);
    bool ok = bytes && values && raw->read_rows(raw, slice, 0, 1, bytes, err);
    if (ok) {
        tensor_decode(slice->type, bytes, n, values);
        for (size_t i = 0; i < n; i++)
            out[i] = values[hf_order_row(&origin->order, i)] + origin->offset;
    }
    free(bytes);
    free(values);
    return ok;
}

/* How many rows from `row` on, at most `most`, follow each other there too. */
static size_t count_run(const struct hf_order *order, size_t row, size_t most)
{
    size_t n = 1, first = hf_order_row(order, row);
    if (order->rows == HF_ROWS_SAME) return most;
    while (n < most && hf_order_row(order, row + n) == first + n) n++;
    return n;
}

bool hf_tensors_read(const struct hf_tensors *tensors, const struct source *raw, size_t i,
                     size_t row, size_t n_rows, void *out, struct err *err)
{
    const struct tensor_info *tensor = &tensors->tensors[i];
    const struct hf_origin *origin = &tensors->origins[i];
    uint8_t *to = out;
    size_t n_joined = origin->n_joined;
    if (origin->made && n_rows) memcpy(out, origin->made, tensor->row_bytes);
    if (origin->made) return true;
    for (; origin->is_vector && n_rows; n_rows--, to += tensor->row_bytes)
        if (!read_vector(origin, raw, row++, (float *)(void *)to, err)) return false;
    while (n_rows) {
        size_t n_of_slice = origin->order.n_rows, i_slice = row / n_of_slice;
        size_t at = row % n_of_slice, left = n_of_slice - at;
        size_t n = count_run(&origin->order, at, n_rows < left ? n_rows : left);
        if (!raw->read_rows(raw, origin->slices[i_slice],
                            hf_order_row(&origin->order, at) * n_joined, n * n_joined, to, err))
            return false;
        to += n * tensor->row_bytes;
        row += n;
        n_rows -= n;
    }
    return true;
}
