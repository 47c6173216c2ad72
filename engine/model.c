/* model.c - opening a model: read rows, repack them on all threads, drop what was read.
 *
 * At any moment each thread holds the rows of one row group as the source has them, so that memory
 * stays close to the packed weights while they are loaded.
 */
#include "engine/model.h"

#include "base/mem.h"
#include "engine/kernels/math.h"
#include "engine/kernels/pack.h"
#include "engine/threads.h"

#include <stdlib.h>

/* Sine and cosine are defined up to a million radians (kernels/math.h). */
static const float MAX_ANGLE = 999999.0f;

struct loader {
    struct model *model;
    const struct model_options *options;
    struct threads *threads;
    uint64_t done_bytes, total_bytes;
    struct err *errors; /* [threads_count] */
};

/* What all threads do together: one tensor. */
struct packing {
    struct loader *loader;
    const struct tensor_info *tensor;
    uint8_t *groups;
    size_t n_groups, group_bytes;
};

struct model_options model_default_options(void)
{
    return (struct model_options){.isa = isa_best(), .n_threads = engine_default_threads()};
}

static void pack_share(void *context, struct threads *threads, size_t i_thread)
{
    const struct packing *packing = context;
    const struct tensor_info *tensor = packing->tensor;
    const struct source *source = packing->loader->model->source;
    struct err *err = &packing->loader->errors[i_thread];
    size_t n_bytes;
    if (!mem_multiply(ROW_GROUP, tensor->row_bytes, &n_bytes)) n_bytes = SIZE_MAX;
    uint8_t *rows = mem_new_aligned(n_bytes, err);
    if (!rows) return;
    struct range share = threads_share(threads, packing->n_groups, i_thread);
    for (size_t i = share.begin; i < share.end; i++) {
        size_t row = i * ROW_GROUP, left = tensor->n_rows - row;
        size_t n_rows = left < ROW_GROUP ? left : ROW_GROUP;
        if (!source->read_rows(source, tensor, row, n_rows, rows, err)) break;
        pack_group(tensor->type, rows, n_rows, tensor->shape[0],
                   packing->groups + i * packing->group_bytes);
    }
    free(rows);
}

static bool report_progress(struct loader *loader, const struct tensor_info *tensor,
                            struct err *err)
{
    const struct model_options *options = loader->options;
    loader->done_bytes += (uint64_t)tensor->row_bytes * tensor->n_rows;
    if (!options->progress ||
        options->progress(options->progress_context, loader->done_bytes, loader->total_bytes))
        return true;
    return err_set(err, ERR_INTERRUPTED, "loading was interrupted");
}

/* Adds the matrix in this role, if the model has it, as the projection's next part. */
static bool load_part(struct loader *loader, enum weight weight, size_t i_layer,
                      struct projection *projection, struct err *err)
{
    const struct tensor_info *tensor = hparams_tensor(loader->model->source, weight, i_layer);
    if (!tensor) return true;
    struct packing packing = {.loader = loader,
                              .tensor = tensor,
                              .n_groups = (tensor->n_rows + ROW_GROUP - 1) / ROW_GROUP,
                              .group_bytes = pack_group_bytes(tensor->type, tensor->shape[0])};
    size_t n_bytes;
    if (!mem_multiply(packing.n_groups, packing.group_bytes, &n_bytes))
        return err_set(err, ERR_MEMORY, "tensor %s is too large", tensor->name);
    packing.groups = mem_new_aligned(n_bytes, err);
    if (!packing.groups) return err_context(err, "loading tensor %s", tensor->name);
    projection->parts[projection->n_parts++] = (struct packed){.type = tensor->type,
                                                               .n_rows = tensor->n_rows,
                                                               .n_cols = tensor->shape[0],
                                                               .group_bytes = packing.group_bytes,
                                                               .data = packing.groups};
    projection->n_rows += tensor->n_rows;
    projection->n_cols = tensor->shape[0];
    projection->needs[act_format_for(tensor->type)] = true;
    loader->model->info.packed_bytes += n_bytes;
    threads_run(loader->threads, pack_share, &packing);
    for (size_t i = 0; i < threads_count(loader->threads); i++) {
        if (loader->errors[i].code == ERR_NONE) continue;
        if (err) *err = loader->errors[i];
        return err_context(err, "loading tensor %s", tensor->name);
    }
    return report_progress(loader, tensor, err);
}

static bool load_parts(struct loader *loader, const enum weight *weights, size_t n_weights,
                       size_t i_layer, struct projection *projection, struct err *err)
{
    for (size_t i = 0; i < n_weights; i++)
        if (!load_part(loader, weights[i], i_layer, projection, err)) return false;
    return true;
}

/* The values of a one-dimensional tensor as floats; free() them. */
static float *load_vector(struct loader *loader, enum weight weight, size_t i_layer,
                          struct err *err)
{
    const struct source *source = loader->model->source;
    const struct tensor_info *tensor = hparams_tensor(source, weight, i_layer);
    uint8_t *row = mem_new(1, tensor->row_bytes, err);
    float *values = mem_new(tensor->shape[0], sizeof *values, err);
    bool ok = row && values && source->read_rows(source, tensor, 0, 1, row, err) &&
              report_progress(loader, tensor, err);
    if (ok) tensor_decode(tensor->type, row, tensor->shape[0], values);
    free(row);
    if (ok) return values;
    free(values);
    return NULL;
}

static bool load_layer(struct loader *loader, size_t i, struct err *err)
{
    static const enum weight qkv[] = {WEIGHT_ATTN_QKV, WEIGHT_ATTN_Q, WEIGHT_ATTN_K, WEIGHT_ATTN_V};
    static const enum weight gate_up[] = {WEIGHT_FFN_GATE, WEIGHT_FFN_UP};
    struct layer *layer = &loader->model->layers[i];
    return (layer->attn_norm = load_vector(loader, WEIGHT_ATTN_NORM, i, err)) &&
           load_parts(loader, qkv, sizeof qkv / sizeof *qkv, i, &layer->qkv, err) &&
           load_part(loader, WEIGHT_ATTN_OUTPUT, i, &layer->attn_output, err) &&
           (layer->ffn_norm = load_vector(loader, WEIGHT_FFN_NORM, i, err)) &&
           load_parts(loader, gate_up, sizeof gate_up / sizeof *gate_up, i, &layer->gate_up, err) &&
           load_part(loader, WEIGHT_FFN_DOWN, i, &layer->ffn_down, err);
}

/* Radians per position of each pair, 1 / base^(2i / n_rope), rounded to float at each step as the
 * float32 reference implementations round it (Su et al. 2021, section 3.2.2). */
static bool fill_frequencies(const struct hparams *h, const float *divisors, float *frequencies,
                             struct err *err)
{
    for (size_t i = 0; i < h->n_rope / 2; i++) {
        float exponent = (float)(2 * i) / (float)h->n_rope;
        float power = (float)math_exp((double)exponent * math_log((double)h->rope_base));
        float frequency = 1.0f / power;
        if (divisors) frequency /= divisors[i];
        frequency /= h->rope_scale;
        float last_angle = (float)h->context_tokens * frequency;
        if (!(last_angle >= 0 && last_angle <= MAX_ANGLE))
            return err_set(err, ERR_INPUT,
                           "the rotation by %g radians per position is out of range",
                           (double)frequency);
        frequencies[i] = frequency;
    }
    return true;
}

static bool load_rope(struct loader *loader, struct err *err)
{
    struct model *model = loader->model;
    float *divisors = NULL;
    if (hparams_tensor(model->source, WEIGHT_ROPE_FREQS, 0)) {
        divisors = load_vector(loader, WEIGHT_ROPE_FREQS, 0, err);
        if (!divisors) return false;
    }
    size_t n_pairs = model->hparams.n_rope / 2;
    model->rope_frequencies = mem_new(n_pairs, sizeof *model->rope_frequencies, err);
    bool ok = model->rope_frequencies &&
              fill_frequencies(&model->hparams, divisors, model->rope_frequencies, err);
    free(divisors);
    return ok;
}

static bool load_weights(struct loader *loader, struct err *err)
{
    struct model *model = loader->model;
    const struct tensor_info *embedding = model->embedding;
    loader->total_bytes = model->source->n_bytes;
    if (!model->hparams.is_tied)
        loader->total_bytes -= (uint64_t)embedding->row_bytes * embedding->n_rows;
    model->layers = mem_new(model->hparams.n_layers, sizeof *model->layers, err);
    if (!model->layers || !load_rope(loader, err)) return false;
    for (size_t i = 0; i < model->hparams.n_layers; i++)
        if (!load_layer(loader, i, err)) return false;
    model->output_norm = load_vector(loader, WEIGHT_OUTPUT_NORM, 0, err);
    enum weight output = model->hparams.is_tied ? WEIGHT_TOKEN_EMBD : WEIGHT_OUTPUT;
    return model->output_norm && load_part(loader, output, 0, &model->output, err);
}

static bool open_source(struct model *model, const char *path, struct err *err)
{
    model->source = source_open(path, err);
    if (!model->source || !hparams_read(model->source, &model->hparams, err) ||
        !model_info_fill(model->source, &model->info, err))
        return false;
    model->embedding = hparams_tensor(model->source, WEIGHT_TOKEN_EMBD, 0);
    model->tokenizer = tokenizer_new(model->source->metadata, err);
    if (!model->tokenizer) return err_place(err, path, 0, 0);
    size_t n_pieces = (size_t)tokenizer_size(model->tokenizer);
    if (n_pieces > model->hparams.n_vocab)
        return err_set_at(err, ERR_INPUT, path, 0, 0,
                          "the vocabulary has %zu tokens but the embedding only %zu rows", n_pieces,
                          model->hparams.n_vocab);
    return true;
}

static bool choose_kernels(struct model *model, enum isa isa, struct err *err)
{
    if (!isa_available(isa))
        return err_set(err, ERR_USAGE,
                       "this machine or build has no %s kernels; the best here is %s",
                       isa_name(isa), isa_name(isa_best()));
    model->kernels = kernels_for(isa);
    model->info.isa = isa;
    return true;
}

struct model *model_open(const char *path, const struct model_options *options, struct err *err)
{
    bool ok = false;
    struct loader loader = {.options = options};
    struct model *model = loader.model = mem_new(1, sizeof *model, err);
    if (!model || !open_source(model, path, err) || !choose_kernels(model, options->isa, err))
        goto out;
    loader.threads = threads_new(options->n_threads, err);
    if (!loader.threads) goto out;
    loader.errors = mem_new(threads_count(loader.threads), sizeof *loader.errors, err);
    ok = loader.errors && load_weights(&loader, err);
out:
    free(loader.errors);
    threads_free(loader.threads);
    if (ok) return model;
    model_close(model);
    return NULL;
}

static void free_projection(struct projection *projection)
{
    for (size_t i = 0; i < projection->n_parts; i++)
        free((void *)(uintptr_t)projection->parts[i].data);
}

void model_close(struct model *model)
{
    if (!model) return;
    for (size_t i = 0; model->layers && i < model->hparams.n_layers; i++) {
        struct layer *layer = &model->layers[i];
        free(layer->attn_norm);
        free(layer->ffn_norm);
        free_projection(&layer->qkv);
        free_projection(&layer->attn_output);
        free_projection(&layer->gate_up);
        free_projection(&layer->ffn_down);
    }
    free_projection(&model->output);
    free(model->layers);
    free(model->output_norm);
    free(model->rope_frequencies);
    tokenizer_free(model->tokenizer);
    source_close(model->source);
    free(model);
}

const struct model_info *model_info(const struct model *model)
{
    return &model->info;
}

const struct tokenizer *model_tokenizer(const struct model *model)
{
    return model->tokenizer;
}
