/* model.c - opening a model: read rows, repack them on all threads, drop what was read.
 *
 * At any moment each thread holds the rows of one row group as the source has them, so that memory
 * stays close to the packed weights while they are loaded. A thread packs the share of each
 * projection that is its own when the graph computes it: where memory has several nodes, the system
 * places a page with the thread that writes it first. The weights are one allocation, so that huge
 * pages have no tails.
 */
#include "engine/model.h"

#include "base/free_memory.h"
#include "base/mem.h"
#include "engine/kernels/pack.h"
#include "engine/open_source.h"
#include "engine/session.h"
#include "engine/threads.h"

#include <stdlib.h>
#include <string.h>

/* Row groups that a thread takes at a time: few enough that threads end together. */
enum { GROUPS_AT_ONCE = 4, CHECKED_BYTES = 1 << 20 };

/* What kept a thread from packing, and the row group of the projection at which it did. */
struct fault {
    struct err err;
    size_t i_group;
};

struct loader {
    struct model *model;
    const struct model_options *options;
    struct threads *threads;
    uint64_t done_bytes, total_bytes; /* as the source has them */
    size_t n_placed;                  /* bytes of the packed weights that have a place */
    struct fault *faults;             /* [threads_count] */
};

/* What all threads do together. */
struct packing {
    struct loader *loader;
    const struct projection *projection;
};

struct model_options model_default_options(void)
{
    return (struct model_options){.isa = isa_best(), .n_threads = engine_default_threads()};
}

/* Row group i_group of the projection, counted through its parts and in each through the experts;
 * `rows` has room for it as the source has it. */
static bool pack_one(const struct packing *packing, size_t i_group, uint8_t *rows, struct err *err)
{
    const struct source *source = packing->loader->model->source;
    const struct projection *projection = packing->projection;
    size_t i = 0;
    for (; i_group >= projection->n_experts * part_groups(&projection->parts[i]); i++)
        i_group -= projection->n_experts * part_groups(&projection->parts[i]);
    const struct packed *part = &projection->parts[i];
    const struct tensor_info *tensor = projection->tensors[i];
    size_t i_expert = i_group / part_groups(part);
    size_t row_of_expert = i_group % part_groups(part) * ROW_GROUP;
    size_t row = i_expert * part->n_rows + row_of_expert, left = part->n_rows - row_of_expert;
    size_t n_rows = left < ROW_GROUP ? left : ROW_GROUP;
    if (!source->read_rows(source, tensor, row, n_rows, rows, err))
        return err_context(err, "loading tensor %s", tensor->name);
    if (!source_check_rows(source, tensor, row, n_rows, rows, err)) return false;
    uint8_t *weights = packing->loader->model->weights;
    size_t offset = (size_t)(part->data - weights) + i_group * part->group_bytes;
    pack_group(part->type, rows, n_rows, part->n_cols, weights + offset);
    return true;
}

static void pack_share(void *context, struct threads *threads, size_t i_thread)
{
    const struct packing *packing = context;
    const struct projection *projection = packing->projection;
    struct fault *fault = &packing->loader->faults[i_thread];
    size_t row_bytes = 0, n_bytes;
    for (size_t i = 0; i < projection->n_parts; i++)
        if (projection->tensors[i]->row_bytes > row_bytes)
            row_bytes = projection->tensors[i]->row_bytes;
    if (!mem_multiply(ROW_GROUP, row_bytes, &n_bytes)) n_bytes = SIZE_MAX;
    uint8_t *rows = mem_new_aligned(n_bytes, &fault->err);
    bool ok = rows != NULL;
    struct take take = {.n = projection->n_experts * projection_groups(projection),
                        .chunk = GROUPS_AT_ONCE};
    while (ok && threads_take(threads, i_thread, &take))
        for (size_t i = take.taken.begin; ok && i < take.taken.end; i++) {
            fault->i_group = i;
            ok = pack_one(packing, i, rows, &fault->err);
        }
    free(rows);
}

/* A vector that two steps take is read twice. */
static bool report_bytes(struct loader *loader, uint64_t n_bytes, struct err *err)
{
    const struct model_options *options = loader->options;
    loader->done_bytes += n_bytes;
    if (loader->done_bytes > loader->total_bytes) loader->done_bytes = loader->total_bytes;
    if (!options->progress ||
        options->progress(options->progress_context, loader->done_bytes, loader->total_bytes))
        return true;
    return err_set(err, ERR_INTERRUPTED, "loading was interrupted");
}

static bool report_progress(struct loader *loader, const struct tensor_info *tensor,
                            struct err *err)
{
    return report_bytes(loader, (uint64_t)tensor->row_bytes * tensor->n_rows, err);
}

/* The fault of the first row group that has one, whatever threads met; NULL if there is none. Every
 * group before it was packed, for a share is taken in order. */
static const struct fault *first_fault(const struct loader *loader)
{
    const struct fault *first = NULL;
    for (size_t i = 0; i < threads_count(loader->threads); i++) {
        const struct fault *fault = &loader->faults[i];
        if (fault->err.code != ERR_NONE && (!first || fault->i_group < first->i_group))
            first = fault;
    }
    return first;
}

/* Parts take their places in the weights one after the other. */
static bool load_projection(struct loader *loader, struct projection *projection, struct err *err)
{
    struct packing packing = {.loader = loader, .projection = projection};
    for (size_t i = 0; i < projection->n_parts; i++) {
        struct packed *part = &projection->parts[i];
        part->data = loader->model->weights + loader->n_placed;
        loader->n_placed += projection->n_experts * expert_bytes(part);
    }
    threads_run(loader->threads, pack_share, &packing);
    const struct fault *fault = first_fault(loader);
    if (fault) {
        if (err) *err = fault->err;
        return false;
    }
    for (size_t i = 0; i < projection->n_parts; i++)
        if (!report_progress(loader, projection->tensors[i], err)) return false;
    return true;
}

static float *load_vector(struct loader *loader, enum weight weight, size_t i_layer,
                          struct err *err)
{
    const struct source *source = loader->model->source;
    const struct tensor_info *tensor = hparams_tensor(&loader->model->hparams, weight, i_layer);
    float *values = source_read_vector(source, tensor, err);
    if (values && report_progress(loader, tensor, err)) return values;
    free(values);
    return NULL;
}

static bool load_rope(struct loader *loader, struct err *err)
{
    struct model *model = loader->model;
    const struct hparams *h = &model->hparams;
    bool ok = frequencies_read(model->source, h, &model->frequencies, err);
    for (enum rotation_kind kind = 0; ok && kind < ROTATION_COUNT; kind++)
        if (h->rotations[kind].divisors)
            ok = report_progress(loader, hparams_tensor(h, h->rotations[kind].divisors, 0), err);
    return ok;
}

/* The biases of the step's matrices, side by side as their outputs are. */
static bool load_biases(struct loader *loader, struct operation *operation, struct err *err)
{
    struct projection *projection = &operation->projection;
    projection->biases = mem_new(projection->n_rows, sizeof *projection->biases, err);
    if (!projection->biases) return false;
    float *to = projection->biases;
    for (size_t i = 0; i < projection->n_parts; i++) {
        float *values = load_vector(loader, projection->bias_roles[i], operation->i_layer, err);
        if (!values) return false;
        memcpy(to, values, projection->parts[i].n_rows * sizeof *to);
        to += projection->parts[i].n_rows;
        free(values);
    }
    return true;
}

static bool load_vectors(struct loader *loader, struct err *err)
{
    struct model *model = loader->model;
    for (size_t i = 0; i < model->n_operations; i++) {
        struct operation *operation = &model->operations[i];
        const struct step *step = operation->step;
        if (step->vector &&
            !(operation->vector = load_vector(loader, step->vector, operation->i_layer, err)))
            return false;
        if (step->vector_bias && !(operation->vector_bias = load_vector(loader, step->vector_bias,
                                                                        operation->i_layer, err)))
            return false;
        if (*operation->projection.bias_roles && !load_biases(loader, operation, err)) return false;
    }
    return true;
}

/* What a picture takes while it is looked at: one crop is a batch. */
static uint64_t vision_bytes(const struct model *tower)
{
    size_t n_tokens = tower->hparams.context_tokens;
    return session_kv_bytes(tower, KV_F32, n_tokens, n_tokens) +
           session_scratch_bytes(tower, n_tokens);
}

/* Memory is given out before it is there: who takes too much is killed, by the system, in the midst
 * of loading or of answering. */
static bool check_memory(const struct loader *loader, struct err *err)
{
    static const double GIB = 1 << 30;
    const struct session_options *session = loader->options->session;
    size_t n_tokens = session ? session->context_tokens : 0;
    const struct model *tower = loader->model->vision;
    uint64_t n_weights = loader->model->info.packed_bytes, n_free = free_memory_bytes(""), n_kv = 0;
    if (tower) n_weights += tower->info.packed_bytes + vision_bytes(tower);
    if (n_tokens)
        n_kv = session_kv_bytes(loader->model, session->kv_type, n_tokens, session->batch_tokens);
    if (n_weights <= n_free && n_kv <= n_free - n_weights) return true;
    char context[128] = "";
    if (n_tokens)
        snprintf(context, sizeof context, " and %.2f for a context of %zu tokens",
                 (double)n_kv / GIB, n_tokens);
    return err_set_at(err, ERR_CAPACITY, loader->model->source->path, 0, 0,
                      "the model needs %.2f GiB of memory for its weights%s, but only %.2f GiB are "
                      "free: take a type of fewer bits%s or a smaller model",
                      (double)n_weights / GIB, context, (double)n_free / GIB,
                      n_tokens ? ", a shorter context" : "");
}

/* What a model does, and the room that its packed matrices take. */
static bool describe_weights(struct model *model, struct err *err)
{
    size_t n_packed = 0, n_bytes;
    model->operations = operations_new(&model->hparams, &model->n_operations, err);
    if (!model->operations) return false;
    for (size_t i = 0; i < model->n_operations; i++) {
        const struct projection *projection = &model->operations[i].projection;
        for (size_t k = 0; k < projection->n_parts; k++) {
            const struct packed *part = &projection->parts[k];
            if (!mem_multiply(part_groups(part), part->group_bytes, &n_bytes) ||
                !mem_multiply(n_bytes, projection->n_experts, &n_bytes) ||
                !mem_add(n_packed, n_bytes, &n_packed))
                return err_set(err, ERR_MEMORY, "tensor %s is too large",
                               projection->tensors[k]->name);
        }
    }
    model->info.packed_bytes = n_packed;
    return true;
}

/* Reads what is otherwise read on demand, so that damage shows before anything is answered. */
static bool check_embedding(struct loader *loader, struct err *err)
{
    const struct source *source = loader->model->source;
    const struct tensor_info *embedding = loader->model->embedding;
    size_t most = CHECKED_BYTES / embedding->row_bytes + 1;
    uint8_t *rows = mem_new(most, embedding->row_bytes, err);
    bool ok = rows != NULL;
    for (size_t row = 0; ok && row < embedding->n_rows; row += most) {
        size_t left = embedding->n_rows - row;
        ok = source->read_rows(source, embedding, row, left < most ? left : most, rows, err) &&
             report_bytes(loader, 0, err);
    }
    free(rows);
    return ok;
}

/* Of the loader's model, which is the tower in its turn. */
static bool load_model(struct loader *loader, struct err *err)
{
    struct model *model = loader->model;
    loader->n_placed = 0;
    if (!load_rope(loader, err) || !load_vectors(loader, err)) return false;
    if (!(model->weights = mem_new_aligned(model->info.packed_bytes, err)))
        return err_context(err, "loading the weights");
    for (size_t i = 0; i < model->n_operations; i++) {
        struct projection *projection = &model->operations[i].projection;
        if (projection->n_parts > 0 && !load_projection(loader, projection, err)) return false;
    }
    return true;
}

static bool load_tower(struct loader *loader, struct err *err)
{
    struct model *model = loader->model;
    loader->model = model->vision;
    bool ok = load_model(loader, err);
    loader->model = model;
    model->info.packed_bytes += model->vision->info.packed_bytes;
    return ok;
}

static bool load_weights(struct loader *loader, struct err *err)
{
    struct model *model = loader->model;
    const struct tensor_info *embedding = model->embedding;
    loader->total_bytes = model->source->n_bytes;
    if (!model->hparams.is_tied)
        loader->total_bytes -= (uint64_t)embedding->row_bytes * embedding->n_rows;
    if (!describe_weights(model, err) || (model->vision && !describe_weights(model->vision, err)) ||
        !check_memory(loader, err) || !load_model(loader, err) ||
        (model->vision && !load_tower(loader, err)))
        return false;
    return !loader->options->seal || model->hparams.is_tied || check_embedding(loader, err);
}

/* Reads what the source says but for its weights. Hyperparameters and tokenizer are the caller's,
 * also on failure. */
static bool read_source(const struct source *source, struct hparams *hparams,
                        struct model_info *info, struct tokenizer **tokenizer, struct err *err)
{
    if (!hparams_read(source, hparams, err)) return false;
    model_info_fill(source, hparams, info);
    *tokenizer = tokenizer_new(source->metadata, err);
    if (!*tokenizer) return err_place(err, source->path, 0, 0);
    size_t n_pieces = (size_t)tokenizer_size(*tokenizer);
    if (n_pieces > hparams->n_vocab)
        return err_set_at(err, ERR_INPUT, source->path, 0, 0,
                          "the vocabulary has %zu tokens but the embedding only %zu rows", n_pieces,
                          hparams->n_vocab);
    return true;
}

bool model_check(const struct source *source, struct err *err)
{
    struct hparams hparams;
    struct model_info info;
    struct tokenizer *tokenizer = NULL;
    struct frequencies frequencies = {{0}};
    bool ok = read_source(source, &hparams, &info, &tokenizer, err) &&
              frequencies_read(source, &hparams, &frequencies, err);
    frequencies_done(&frequencies);
    tokenizer_free(tokenizer);
    hparams_done(&hparams);
    return ok || err_place(err, source->path, 0, 0);
}

static bool open_tower(struct model *model, struct err *err)
{
    struct model *tower = model->vision = mem_new(1, sizeof *tower, err);
    if (!tower) return false;
    tower->source = model->source;
    tower->hparams = *model->hparams.vision;
    return true;
}

static bool open_source(struct model *model, const char *path, const struct model_seal *seal,
                        struct err *err)
{
    const struct source_options options = {.seal = seal};
    model->source = source_open_with(path, &options, err);
    if (!model->source ||
        !read_source(model->source, &model->hparams, &model->info, &model->tokenizer, err))
        return false;
    model->embedding = hparams_tensor(&model->hparams, WEIGHT_TOKEN_EMBD, 0);
    return !model->hparams.vision || open_tower(model, err);
}

static bool choose_kernels(struct model *model, enum isa isa, struct err *err)
{
    if (!isa_available(isa))
        return err_set(err, ERR_USAGE,
                       "this machine or build has no %s kernels; the best here is %s",
                       isa_name(isa), isa_name(isa_best()));
    model->kernels = kernels_for(isa);
    if (model->vision) model->vision->kernels = model->kernels;
    model->info.isa = isa;
    return true;
}

struct model *model_open(const char *path, const struct model_options *options, struct err *err)
{
    bool ok = false;
    struct loader loader = {.options = options};
    struct model *model = loader.model = mem_new(1, sizeof *model, err);
    if (!model || !open_source(model, path, options->seal, err) ||
        !choose_kernels(model, options->isa, err))
        goto out;
    loader.threads = threads_new(options->n_threads, err);
    if (!loader.threads) goto out;
    loader.faults = mem_new(threads_count(loader.threads), sizeof *loader.faults, err);
    ok = loader.faults && load_weights(&loader, err);
out:
    free(loader.faults);
    threads_free(loader.threads);
    if (ok) return model;
    model_close(model);
    return NULL;
}

/* What a tower has too. */
static void free_weights(struct model *model)
{
    operations_free(model->operations, model->n_operations);
    free(model->weights);
    frequencies_done(&model->frequencies);
}

void model_close(struct model *model)
{
    if (!model) return;
    if (model->vision) free_weights(model->vision);
    free(model->vision);
    free_weights(model);
    tokenizer_free(model->tokenizer);
    hparams_done(&model->hparams);
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
