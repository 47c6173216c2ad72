/* quantize.c - a source that decodes the rows of another one and encodes them anew.
 *
 * Types are decided when it opens, from the tensor table alone; rows are made on demand, by the
 * thread that asks, so that writing a file quantizes on all threads and nothing is kept. Leaves the
 * rules to mixture.c and blocks to tensor_encode.c.
 */
#include "engine/quantize.h"

#include "base/arena.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "engine/hparams.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Part of every hash: changes when a byte of any quantized model does. */
enum { QUANTIZE_VERSION = 1, QUANTIZATION_VERSION_OF_GGUF = 2, CHUNK_BYTES = 1 << 18 };

struct quantized {
    struct source source; /* first: the source's functions find the rest behind it */
    struct source *from;
    struct mixture mixture;
    struct metadata *metadata;
    struct arena *arena; /* path, table, notes */
    struct tensor_info *tensors;
    const struct importance *importance;
};

/* Of the tower too, by the number of its layers. */
static void choose_types(struct quantized *quantized, const struct hparams *hparams)
{
    for (enum weight weight = 0; weight < WEIGHT_COUNT; weight++) {
        bool makes_logits = weight == hparams_logits_weight(hparams);
        size_t n_times = weight < WEIGHT_LAYER_COUNT ? hparams->n_layers : 1;
        for (size_t i = 0; i < n_times; i++) {
            const struct tensor_info *from = hparams_tensor(hparams, weight, i);
            if (!from) continue;
            quantized->tensors[from - quantized->from->tensors].type =
                mixture_type(&quantized->mixture, weight, makes_logits, i, hparams->n_layers,
                             hparams->n_experts);
        }
    }
    if (hparams->vision) choose_types(quantized, hparams->vision);
}

/* Replaces a type that rows do not fit, and notes it once for all tensors of such rows. */
static void fit_type(struct tensor_info *tensor, struct buf *notes)
{
    enum tensor_type wanted = tensor->type;
    tensor->type = mixture_fitting_type(wanted, tensor->shape[0]);
    if (tensor->type == wanted) return;
    char note[128];
    snprintf(note, sizeof note, "rows of %zu values are no whole blocks of %s: %s in its place\n",
             tensor->shape[0], tensor_type_info(wanted)->name,
             tensor_type_info(tensor->type)->name);
    if (!strstr(buf_string(notes), note)) buf_text(notes, note);
}

static void note_losses(const struct quantized *quantized, const struct hparams *hparams,
                        struct buf *notes)
{
    struct model_info info;
    model_info_fill(quantized->from, hparams, &info);
    if (strcmp(info.quantization, "f32") != 0 && strcmp(info.quantization, "f16") != 0 &&
        strcmp(info.quantization, "bf16") != 0 &&
        strcmp(info.quantization, quantized->mixture.name) != 0)
        buf_printf(notes, "made from %s, whose own errors stay\n", info.quantization);
}

static bool fill_table(struct quantized *quantized, const struct hparams *hparams, struct err *err)
{
    struct source *source = &quantized->source;
    const struct source *from = quantized->from;
    struct buf notes = {0};
    quantized->tensors = arena_alloc(quantized->arena, from->n_tensors, sizeof *from->tensors, err);
    if (!quantized->tensors) return false;
    memcpy(quantized->tensors, from->tensors, from->n_tensors * sizeof *from->tensors);
    source->tensors = quantized->tensors;
    source->n_tensors = from->n_tensors;
    choose_types(quantized, hparams);
    note_losses(quantized, hparams, &notes);
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

static bool refuse_value(const struct quantized *quantized, const struct tensor_info *tensor,
                         size_t row, size_t column, float value, struct err *err)
{
    return err_set_at(err, ERR_INPUT, source_file_of(quantized->from, tensor), 0, 0,
                      "tensor %s has the value %g in row %zu, column %zu: %s cannot hold it",
                      tensor->name, (double)value, row, column,
                      tensor_type_info(tensor->type)->name);
}

/* The magnitude that a value of the type must be below to be encoded. Of quantized types the
 * largest value of any block is less, and sums of squares of what is below are numbers, so that a
 * scale that does not fit shows as one. */
static float limit_of(enum tensor_type type)
{
    switch (type) {
    case TENSOR_F32: return INFINITY;
    case TENSOR_F16: return HALF_OVERFLOW;
    case TENSOR_BF16: return BFLOAT_OVERFLOW;
    case TENSOR_Q8_0: return 127 * HALF_OVERFLOW;
    default: return 1e9f;
    }
}

/* Whether the type can hold the values, before they are encoded. */
static bool check_values(const struct quantized *quantized, const struct tensor_info *tensor,
                         size_t row, const float *values, struct err *err)
{
    float limit = limit_of(tensor->type);
    size_t i = 0;
    if (floats_are_below(values, tensor->shape[0], limit)) return true;
    while (fabsf(values[i]) < limit) i++;
    return refuse_value(quantized, tensor, row, i, values[i], err);
}

/* Whether no block of the encoded row needs a larger scale than there is; the value that is named
 * is the block's largest. */
static bool check_scales(const struct quantized *quantized, const struct tensor_info *tensor,
                         size_t row, const float *values, const uint8_t *encoded, struct err *err)
{
    size_t first, n = tensor_type_info(tensor->type)->block_values;
    if (tensor->type == TENSOR_Q8_0 ||
        tensor_is_within_scales(tensor->type, encoded, tensor->shape[0], &first))
        return true;
    size_t largest = first;
    for (size_t i = first; i < first + n; i++)
        if (fabsf(values[i]) > fabsf(values[largest])) largest = i;
    return refuse_value(quantized, tensor, row, largest, values[largest], err);
}

/* Buffers of one call of read_rows. */
struct rows {
    uint8_t *bytes; /* of rows as they are read */
    float *values;  /* of one row */
};

/* What errors in the columns of a row count; NULL: all the same. */
static const float *weights_of(const struct quantized *quantized, const struct tensor_info *tensor,
                               size_t row)
{
    if (!quantized->importance) return NULL;
    return importance_weights(quantized->importance, tensor->name, row / tensor->shape[1],
                              tensor->shape[0]);
}

static bool convert_rows(const struct quantized *quantized, const struct tensor_info *tensor,
                         size_t row, size_t n_rows, struct rows *rows, uint8_t *out,
                         struct err *err)
{
    const struct source *from = quantized->from;
    const struct tensor_info *read = &from->tensors[tensor - quantized->tensors];
    size_t n_cols = tensor->shape[0], chunk = CHUNK_BYTES / read->row_bytes + 1;
    if (chunk > n_rows) chunk = n_rows;
    rows->bytes = mem_new(chunk, read->row_bytes, err);
    rows->values = mem_new(n_cols, sizeof *rows->values, err);
    if (!rows->bytes || !rows->values) return false;
    for (size_t i = 0; i < n_rows; i++, out += tensor->row_bytes) {
        size_t left = n_rows - i, n = left < chunk ? left : chunk;
        if (i % chunk == 0 && !from->read_rows(from, read, row + i, n, rows->bytes, err))
            return false;
        tensor_decode(read->type, rows->bytes + i % chunk * read->row_bytes, n_cols, rows->values);
        if (!check_values(quantized, tensor, row + i, rows->values, err)) return false;
        tensor_encode_weighted(tensor->type, rows->values, weights_of(quantized, tensor, row + i),
                               n_cols, out);
        if (!check_scales(quantized, tensor, row + i, rows->values, out, err)) return false;
    }
    return true;
}

static bool read_rows(const struct source *source, const struct tensor_info *tensor, size_t row,
                      size_t n_rows, void *out, struct err *err)
{
    const struct quantized *quantized = (const struct quantized *)source;
    const struct tensor_info *read = &quantized->from->tensors[tensor - quantized->tensors];
    if (read->type == tensor->type)
        return quantized->from->read_rows(quantized->from, read, row, n_rows, out, err) &&
               source_check_rows(quantized->from, read, row, n_rows, out, err);
    struct rows rows = {0};
    bool ok = convert_rows(quantized, tensor, row, n_rows, &rows, out, err);
    free(rows.bytes);
    free(rows.values);
    return ok;
}

bool quantize_hash(const char *type, const char *model_hash, char hex[65], struct err *err)
{
    struct mixture mixture;
    struct sha256 *hash = mixture_parse(type, &mixture, err) ? sha256_new(err) : NULL;
    if (!hash) return false;
    uint32_t version = QUANTIZE_VERSION;
    sha256_field(hash, "phibench quantize");
    sha256_update(hash, &version, sizeof version);
    sha256_field(hash, mixture.name);
    sha256_field(hash, model_hash);
    sha256_finish(hash, hex);
    sha256_free(hash);
    return true;
}

static bool hash_recipe(const struct source *source, char hex[65], struct model_seal **seal,
                        struct err *err)
{
    const struct quantized *quantized = (const struct quantized *)source;
    char model_hash[65];
    assert(!quantized->importance);
    return quantized->from->hash(quantized->from, model_hash, seal, err) &&
           quantize_hash(quantized->mixture.name, model_hash, hex, err);
}

static void close_quantized(struct source *source)
{
    struct quantized *quantized = (struct quantized *)source;
    source_close(quantized->from);
    metadata_free(quantized->metadata);
    arena_free(quantized->arena);
    free(quantized);
}

/* Counts of importance stand under the keys that llama.cpp's quantizer gives them. */
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
                                 quantized->mixture.file_type, err) &&
           metadata_set_unsigned(quantized->metadata, "general.quantization_version",
                                 QUANTIZATION_VERSION_OF_GGUF, err) &&
           describe_importance(quantized, err);
}

static bool fill(struct quantized *quantized, const char *path, struct err *err)
{
    struct hparams hparams;
    if (!(quantized->arena = arena_new(0, err)) ||
        !(quantized->source.path = arena_string(quantized->arena, path, err)) ||
        !hparams_read(quantized->from, &hparams, err))
        return false;
    bool ok = fill_metadata(quantized, err) && fill_table(quantized, &hparams, err);
    hparams_done(&hparams);
    return ok;
}

struct source *quantize_open(struct source *from, const struct mixture *mixture, const char *path,
                             const struct importance *importance, struct err *err)
{
    struct quantized *quantized = mem_new(1, sizeof *quantized, err);
    if (!quantized) {
        source_close(from);
        return NULL;
    }
    *quantized = (struct quantized){
        .source = {.synthetic = from->synthetic,
                   .files = from->files,
                   .n_files = from->n_files,
                   .read_rows = read_rows,
                   .hash = hash_recipe,
                   .close = close_quantized},
        .from = from,
        .mixture = *mixture,
        .importance = importance,
    };
    if (fill(quantized, path, err)) return &quantized->source;
    close_quantized(&quantized->source);
    return NULL;
}
