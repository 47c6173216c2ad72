/* model_file.c - what a model's file or spec says, without loading weights; and the functions on
 * paths that need no model: hashing and writing files.
 *
 * A thin layer between engine.h, which callers see, and source.h, which the engine works with.
 */
#include "engine/tools.h"

#include "base/mem.h"
#include "engine/gguf.h"
#include "engine/hparams.h"
#include "engine/kernels/pack.h"
#include "engine/model.h"
#include "engine/open_source.h"
#include "engine/quantize.h"
#include "engine/seal.h"
#include "engine/synth.h"
#include "engine/synth_shapes.h"
#include "engine/tensor_grid.h"
#include "engine/tokenizer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct model_file {
    struct source *source;
};

struct model_file *model_file_open_sealed(const char *path, const struct model_seal *seal,
                                          struct err *err)
{
    const struct source_options options = {.seal = seal};
    struct model_file *file = mem_new(1, sizeof *file, err);
    if (!file) return NULL;
    file->source = source_open_with(path, &options, err);
    if (file->source) return file;
    free(file);
    return NULL;
}

struct model_file *model_file_open(const char *path, struct err *err)
{
    return model_file_open_sealed(path, NULL, err);
}

void model_file_close(struct model_file *file)
{
    if (!file) return;
    source_close(file->source);
    free(file);
}

bool model_file_info(const struct model_file *file, struct model_info *info, struct err *err)
{
    struct hparams hparams;
    if (!hparams_read(file->source, &hparams, err)) return false;
    model_info_fill(file->source, &hparams, info);
    hparams_done(&hparams);
    return true;
}

bool model_file_check(const struct model_file *file, struct err *err)
{
    return model_check(file->source, err);
}

size_t model_file_count_files(const struct model_file *file)
{
    return file->source->n_files;
}

size_t model_file_count_metadata(const struct model_file *file)
{
    return metadata_count(file->source->metadata);
}

const char *model_file_metadata(const struct model_file *file, size_t i, size_t max_chars,
                                struct buf *value)
{
    const char *key;
    metadata_print(metadata_at(file->source->metadata, i, &key), max_chars, value);
    return key;
}

size_t model_file_count_tensors(const struct model_file *file)
{
    return file->source->n_tensors;
}

void model_file_tensor(const struct model_file *file, size_t i, struct model_file_tensor *tensor)
{
    const struct tensor_info *info = &file->source->tensors[i];
    const struct tensor_type_info *type = tensor_type_info(info->type);
    *tensor = (struct model_file_tensor){.name = info->name,
                                         .type = type->name,
                                         .n_dimensions = info->n_dimensions,
                                         .n_bytes = (uint64_t)info->n_rows * info->row_bytes,
                                         .supported = type->supported};
    const size_t n = 64 * GRID_BLOCK_VALUES; /* so many that rounding does not show */
    if (tensor_is_grid(info->type))
        tensor->widened_bits =
            8.0 * (double)pack_group_bytes(info->type, n) / (double)(ROW_GROUP * n);
    memcpy(tensor->shape, info->shape, sizeof tensor->shape);
}

struct tokenizer *model_file_tokenizer(const struct model_file *file, struct err *err)
{
    struct tokenizer *tokenizer = tokenizer_new(file->source->metadata, err);
    if (!tokenizer) err_place(err, file->source->path, 0, 0);
    return tokenizer;
}

bool model_file_hash(const struct model_file *file, char hex[65], struct model_seal **seal,
                     struct err *err)
{
    return file->source->hash(file->source, hex, seal, err);
}

bool model_hash(const char *path, char hex[65], struct model_seal **seal, struct err *err)
{
    struct model_file *file = model_file_open(path, err);
    bool ok = file && model_file_hash(file, hex, seal, err);
    model_file_close(file);
    return ok;
}

const char *model_seal_hash(const struct model_seal *seal)
{
    return seal->hash;
}

struct model_seal *model_seal_read(const char *path, struct err *err)
{
    return gguf_read_seal(path, err);
}

const char *model_file_notes(const struct model_file *file)
{
    return file->source->notes ? file->source->notes : "";
}

bool model_hash_quantized(const char *type, const char *model_hash, char hex[65], struct err *err)
{
    return quantize_hash(type, model_hash, hex, err);
}

const char *engine_synth_shape(size_t i)
{
    return synth_shape_name(i);
}

/* A model that is read while its file is replaced would be lost. */
static bool check_distinct(const struct source *source, const char *out, struct err *err)
{
    struct stat from, to;
    if (stat(out, &to) != 0) return true;
    for (size_t i = 0; i < source->n_files; i++)
        if (stat(source->files[i], &from) == 0 && from.st_dev == to.st_dev &&
            from.st_ino == to.st_ino)
            return err_set_at(err, ERR_USAGE, out, 0, 0, "cannot write a model over itself");
    return true;
}

static bool write_source(const char *path, const struct source_options *options, const char *out,
                         const char *hash, int n_threads, engine_progress_fn *progress,
                         void *context, struct err *err)
{
    struct source *source = source_open_with(path, options, err);
    bool ok = source && check_distinct(source, out, err) &&
              gguf_write(out, source, hash, n_threads > 0 ? n_threads : engine_default_threads(),
                         progress, context, err);
    source_close(source);
    return ok;
}

bool model_write(const char *path, const char *out, const struct importance *importance,
                 int n_threads, engine_progress_fn *progress, void *context, struct err *err)
{
    const struct source_options options = {.importance = importance};
    return write_source(path, &options, out, NULL, n_threads, progress, context, err);
}

bool model_write_sealed(const char *path, const struct model_seal *seal, const char *out,
                        const char *hash, int n_threads, engine_progress_fn *progress,
                        void *context, struct err *err)
{
    const struct source_options options = {.seal = seal};
    return write_source(path, &options, out, hash, n_threads, progress, context, err);
}
