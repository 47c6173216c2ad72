/* quantize.c - which type each tensor gets, and a source that decodes the rows of another one and
 * encodes them anew.
 *
 * Types are decided when it opens, from the tensor table alone; rows are made on demand, by the
 * thread that asks, so that writing a file quantizes on all threads and nothing is kept. Knows
 * types and roles of tensors, and leaves blocks to tensor_encode.c.
 */
#include "engine/quantize.h"

#include "base/arena.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "engine/hparams.h"
#include "engine/importance.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Part of every hash: changes when a byte of any quantized model does. */
enum { QUANTIZE_VERSION = 1, QUANTIZATION_VERSION_OF_GGUF = 2, CHUNK_BYTES = 1 << 18 };

static const char prefix[] = "quantize:";

/* What a name asks for. */
struct recipe {
    const char *name;
    enum tensor_type type;
    uint32_t file_type;
    enum tensor_type fused; /* QKV in one matrix */
    bool is_mixture;
};

static const struct recipe mixtures[] = {
    {"q4_k_m", TENSOR_Q4_K, 15, TENSOR_Q5_K, true},
    {"q5_k_m", TENSOR_Q5_K, 17, TENSOR_Q6_K, true},
};
enum { N_MIXTURES = sizeof mixtures / sizeof *mixtures };

struct quantized {
    struct source source; /* first: the source's functions find the rest behind it */
    struct source *from;
    struct recipe recipe;
    struct hparams hparams;
    struct metadata *metadata;
    struct arena *arena; /* path, table, notes */
    struct tensor_info *tensors;
    const struct importance *importance;
};

bool quantize_is_spec(const char *path)
{
    return strncmp(path, prefix, strlen(prefix)) == 0;
}

const char *quantize_type_name(enum tensor_type type, int64_t file_type)
{
    for (size_t i = 0; i < N_MIXTURES; i++)
        if (mixtures[i].type == type && mixtures[i].file_type == file_type) return mixtures[i].name;
    return tensor_type_info(type)->name;
}

static bool find_recipe(const char *name, struct recipe *recipe, struct err *err)
{
    for (size_t i = 0; i < N_MIXTURES; i++) {
        if (strcasecmp(name, mixtures[i].name) != 0) continue;
        *recipe = mixtures[i];
        return true;
    }
    enum tensor_type type;
    struct err reason = {0};
    if (!tensor_type_parse(name, &type, &reason))
        return err_set(err, ERR_USAGE, "%s, q4_k_m, q5_k_m", reason.message);
    const struct tensor_type_info *info = tensor_type_info(type);
    *recipe = (struct recipe){.name = info->name, .type = type, .file_type = info->file_type};
    return true;
}

/* Its parts, the name in `type`, a buffer of n bytes. */
static bool parse_spec(const char *spec, char *type, size_t n, const char **model, struct err *err)
{
    const char *name = spec + strlen(prefix), *end = strchr(name, ':');
    if (!end || !end[1] || (size_t)(end - name) >= n)
        return err_set(err, ERR_USAGE, "reading '%.200s': expected quantize:TYPE:MODEL", spec);
    memcpy(type, name, (size_t)(end - name));
    type[end - name] = 0;
    *model = end + 1;
    return !quantize_is_spec(*model) ||
           err_set(err, ERR_USAGE, "a quantized model cannot be quantized once more: '%.200s'",
                   spec);
}

/* ---- Types ---- */

static bool is_quantized(enum tensor_type type)
{
    return tensor_type_info(type)->block_values > 1;
}

/* The layers whose sensitive matrices get more bits in a mixture. */
static bool gets_more_bits(size_t i_layer, size_t n_layers)
{
    return i_layer < n_layers / 8 || i_layer >= 7 * n_layers / 8 ||
           (i_layer - n_layers / 8) % 3 == 2;
}

static void set_type(struct quantized *quantized, enum weight weight, size_t i_layer,
                     enum tensor_type type)
{
    const struct tensor_info *tensor = hparams_tensor(quantized->from, weight, i_layer);
    if (tensor) quantized->tensors[tensor - quantized->from->tensors].type = type;
}

static void choose_types(struct quantized *quantized)
{
    const struct recipe *recipe = &quantized->recipe;
    const struct hparams *hparams = &quantized->hparams;
    for (size_t i = 0; i < quantized->source.n_tensors; i++) {
        struct tensor_info *tensor = &quantized->tensors[i];
        tensor->type = tensor->n_dimensions < 2 ? TENSOR_F32 : recipe->type;
    }
    for (size_t i = 0; recipe->is_mixture && i < hparams->n_layers; i++) {
        set_type(quantized, WEIGHT_ATTN_QKV, i, recipe->fused);
        if (!gets_more_bits(i, hparams->n_layers)) continue;
        set_type(quantized, WEIGHT_ATTN_V, i, TENSOR_Q6_K);
        set_type(quantized, WEIGHT_FFN_DOWN, i, TENSOR_Q6_K);
    }
    if (is_quantized(recipe->type) && recipe->type != TENSOR_Q8_0)
        set_type(quantized, hparams->is_tied ? WEIGHT_TOKEN_EMBD : WEIGHT_OUTPUT, 0, TENSOR_Q6_K);
}

/* The nearest type, of at least as many bits where there is one, whose blocks rows of n values
 * are made of. */
static enum tensor_type fitting_type(enum tensor_type type, size_t n)
{
    static const enum tensor_type smaller_blocks[TENSOR_TYPE_LIMIT] = {
        [TENSOR_Q2_K] = TENSOR_Q4_0, [TENSOR_Q3_K] = TENSOR_Q4_0, [TENSOR_Q4_K] = TENSOR_Q5_0,
        [TENSOR_Q5_K] = TENSOR_Q5_1, [TENSOR_Q6_K] = TENSOR_Q8_0,
    };
    if (n % tensor_type_info(type)->block_values == 0) return type;
    type = smaller_blocks[type] ? smaller_blocks[type] : TENSOR_F16;
    return n % tensor_type_info(type)->block_values == 0 ? type : TENSOR_F16;
}

/* Where rows decide, and says so once for all tensors alike. */
static void fit_type(struct tensor_info *tensor, struct buf *notes)
{
    enum tensor_type wanted = tensor->type;
    tensor->type = fitting_type(wanted, tensor->shape[0]);
    if (tensor->type == wanted) return;
    char note[128];
    snprintf(note, sizeof note, "rows of %zu values are no whole blocks of %s: %s in its place\n",
             tensor->shape[0], tensor_type_info(wanted)->name,
             tensor_type_info(tensor->type)->name);
    if (!strstr(buf_string(notes), note)) buf_text(notes, note);
}

static bool fill_table(struct quantized *quantized, struct err *err)
{
    struct source *source = &quantized->source;
    const struct source *from = quantized->from;
    struct model_info info;
    struct buf notes = {0};
    quantized->tensors = arena_alloc(quantized->arena, from->n_tensors, sizeof *from->tensors, err);
    if (!quantized->tensors || !model_info_fill(from, &info, err)) return false;
    memcpy(quantized->tensors, from->tensors, from->n_tensors * sizeof *from->tensors);
    source->tensors = quantized->tensors;
    source->n_tensors = from->n_tensors;
    choose_types(quantized);
    if (strcmp(info.quantization, "f32") != 0 && strcmp(info.quantization, "f16") != 0 &&
        strcmp(info.quantization, "bf16") != 0 &&
        strcmp(info.quantization, quantized->recipe.name) != 0)
        buf_printf(&notes, "made from %s, whose own errors stay\n", info.quantization);
    for (size_t i = 0; i < source->n_tensors; i++) {
        struct tensor_info *tensor = &quantized->tensors[i];
        fit_type(tensor, &notes);
        tensor->row_bytes = tensor_row_bytes(tensor->type, tensor->shape[0]);
        source->n_bytes += (uint64_t)tensor->n_rows * tensor->row_bytes;
    }
    bool ok = buf_check(&notes, err);
    if (ok && notes.n_bytes)
        ok = (source->notes = arena_string(quantized->arena, buf_string(&notes), err)) != NULL;
    buf_free(&notes);
    return ok;
}

/* ---- The source ---- */

/* Whether the type can hold the values. */
static bool check_row(const struct quantized *quantized, const struct tensor_info *tensor,
                      size_t row, const float *values, struct err *err)
{
    const float first_above_f16 = 65520; /* what rounds to infinity */
    float most = FLT_MAX;
    if (tensor->type == TENSOR_F16) most = nextafterf(first_above_f16, 0);
    for (size_t i = 0; i < tensor->shape[0]; i++)
        if (!(fabsf(values[i]) <= most))
            return err_set_at(
                err, ERR_INPUT, quantized->from->path, 0, 0,
                "tensor %s has the value %g in row %zu, column %zu: %s cannot hold it",
                tensor->name, (double)values[i], row, i, tensor_type_info(tensor->type)->name);
    return true;
}

/* Buffers of one call of read_rows. */
struct rows {
    uint8_t *bytes; /* of rows as they are read */
    float *values;  /* of one row */
};

static bool convert_rows(const struct quantized *quantized, const struct tensor_info *tensor,
                         size_t row, size_t n_rows, struct rows *rows, uint8_t *out,
                         struct err *err)
{
    const struct source *from = quantized->from;
    const struct tensor_info *read = &from->tensors[tensor - quantized->tensors];
    size_t n_cols = tensor->shape[0], chunk = CHUNK_BYTES / read->row_bytes + 1;
    const float *weights = quantized->importance
                               ? importance_weights(quantized->importance, tensor->name, n_cols)
                               : NULL;
    if (chunk > n_rows) chunk = n_rows;
    rows->bytes = mem_new(chunk, read->row_bytes, err);
    rows->values = mem_new(n_cols, sizeof *rows->values, err);
    if (!rows->bytes || !rows->values) return false;
    for (size_t i = 0; i < n_rows; i++, out += tensor->row_bytes) {
        size_t left = n_rows - i, n = left < chunk ? left : chunk;
        if (i % chunk == 0 && !from->read_rows(from, read, row + i, n, rows->bytes, err))
            return false;
        tensor_decode(read->type, rows->bytes + i % chunk * read->row_bytes, n_cols, rows->values);
        if (!check_row(quantized, tensor, row + i, rows->values, err)) return false;
        tensor_encode_weighted(tensor->type, rows->values, weights, n_cols, out);
    }
    return true;
}

static bool read_rows(const struct source *source, const struct tensor_info *tensor, size_t row,
                      size_t n_rows, void *out, struct err *err)
{
    const struct quantized *quantized = (const struct quantized *)source;
    const struct tensor_info *read = &quantized->from->tensors[tensor - quantized->tensors];
    if (read->type == tensor->type)
        return quantized->from->read_rows(quantized->from, read, row, n_rows, out, err);
    struct rows rows = {0};
    bool ok = convert_rows(quantized, tensor, row, n_rows, &rows, out, err);
    free(rows.bytes);
    free(rows.values);
    return ok;
}

bool quantize_hash(const char *type, const char *model_hash, char hex[65], struct err *err)
{
    struct recipe recipe;
    struct sha256 *hash = find_recipe(type, &recipe, err) ? sha256_new(err) : NULL;
    if (!hash) return false;
    uint32_t version = QUANTIZE_VERSION;
    sha256_field(hash, "phibench quantize");
    sha256_update(hash, &version, sizeof version);
    sha256_field(hash, recipe.name);
    sha256_field(hash, model_hash);
    sha256_finish(hash, hex);
    sha256_free(hash);
    return true;
}

static bool hash_recipe(const struct source *source, char hex[65], struct err *err)
{
    const struct quantized *quantized = (const struct quantized *)source;
    char model_hash[65];
    assert(!quantized->importance);
    return quantized->from->hash(quantized->from, model_hash, err) &&
           quantize_hash(quantized->recipe.name, model_hash, hex, err);
}

static void close_quantized(struct source *source)
{
    struct quantized *quantized = (struct quantized *)source;
    source_close(quantized->from);
    metadata_free(quantized->metadata);
    arena_free(quantized->arena);
    free(quantized);
}

/* Under the keys that llama.cpp's quantizer gives them. */
static bool describe_importance(struct quantized *quantized, struct err *err)
{
    const struct importance *importance = quantized->importance;
    return !importance ||
           (metadata_set_unsigned(quantized->metadata, "quantize.imatrix.entries_count",
                                  (uint32_t)importance_count_matrices(importance), err) &&
            metadata_set_unsigned(quantized->metadata, "quantize.imatrix.chunks_count",
                                  (uint32_t)importance_count_windows(importance), err));
}

static bool fill_metadata(struct quantized *quantized, struct err *err)
{
    const struct metadata *from = quantized->from->metadata;
    quantized->metadata = metadata_new(err);
    quantized->source.metadata = quantized->metadata;
    bool ok = quantized->metadata != NULL;
    for (size_t i = 0; ok && i < metadata_count(from); i++) {
        const char *key;
        const struct metadata_value *value = metadata_at(from, i, &key);
        ok = metadata_set(quantized->metadata, key, value, err);
    }
    return ok &&
           metadata_set_unsigned(quantized->metadata, "general.file_type",
                                 quantized->recipe.file_type, err) &&
           metadata_set_unsigned(quantized->metadata, "general.quantization_version",
                                 QUANTIZATION_VERSION_OF_GGUF, err) &&
           describe_importance(quantized, err);
}

struct source *quantize_open(const char *spec, const struct importance *importance, struct err *err)
{
    char type[32];
    const char *model = NULL;
    struct recipe recipe;
    if (!parse_spec(spec, type, sizeof type, &model, err) || !find_recipe(type, &recipe, err))
        return NULL;
    struct quantized *quantized = mem_new(1, sizeof *quantized, err);
    if (!quantized) return NULL;
    quantized->recipe = recipe;
    quantized->importance = importance;
    quantized->source =
        (struct source){.read_rows = read_rows, .hash = hash_recipe, .close = close_quantized};
    quantized->arena = arena_new(0, err);
    quantized->from = quantized->arena ? source_open(model, err) : NULL;
    if (quantized->from && hparams_read(quantized->from, &quantized->hparams, err) &&
        fill_metadata(quantized, err) && fill_table(quantized, err)) {
        quantized->source.synthetic = quantized->from->synthetic;
        quantized->source.path = arena_string(quantized->arena, spec, err);
        if (quantized->source.path) return &quantized->source;
    }
    close_quantized(&quantized->source);
    return NULL;
}
