/* hf_source.c - see hf_source.h. A view of what hf_files.c reads: hf_config.c, hf_rope.c,
 * hf_vision.c and hf_tokenizer.c make its metadata, hf_tensors.c its table. Rows are checked
 * against a seal where they are read from files, before they are put in order.
 */
#include "engine/hf/hf_source.h"

#include "base/file.h"
#include "base/mem.h"
#include "engine/hf/hf_files.h"
#include "engine/hf/hf_index.h"
#include "engine/hf/hf_tensors.h"
#include "engine/hf/hf_tokenizer.h"
#include "engine/hf/hf_vision.h"
#include "engine/joined.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>

struct hf_source {
    struct source source; /* first: the source's functions find the rest behind it */
    struct source *raw;   /* of the folder's files */
    char *path;
    struct metadata *metadata;
    struct arena *arena; /* table, names, origins */
    struct hf_tensors tensors;
};

char *hf_source_folder(const char *path, struct err *err)
{
    const char *name = file_name(path);
    bool is_part = !strcmp(name, HF_CONFIG_NAME) || !strcmp(name, HF_INDEX_NAME) ||
                   file_name_ends(name, ".safetensors");
    if (file_is_folder(path)) return mem_copy_string(path, err);
    if (!is_part || !file_exists(path)) return NULL;
    return file_folder(path, err);
}

/* ---- Metadata ---- */

/* The folder's own name; of one in the cache of huggingface_hub,
 * ".../models--OWNER--NAME/snapshots/REVISION", NAME. */
static bool set_name(struct hf_source *hf, struct err *err)
{
    char *path = realpath(hf->path, NULL);
    if (!path) return err_set_errno(err, "cannot find"), err_place(err, hf->path, 0, 0);
    char *name = strrchr(path, '/'), *snapshots = strstr(path, "/snapshots/");
    char *model = strstr(path, "/models--");
    if (model && snapshots > model) {
        *snapshots = 0;
        name = strstr(model + strlen("/models--"), "--");
        name = name ? name + 1 : model + strlen("/models-");
    }
    bool ok = metadata_set_string(hf->metadata, "general.name", name + 1, err);
    free(path);
    return ok;
}

/* The type of most of the matrices' bytes. */
static bool set_file_type(struct hf_source *hf, struct err *err)
{
    uint64_t n_bytes[TENSOR_TYPE_LIMIT] = {0};
    enum tensor_type most = TENSOR_F32;
    for (size_t i = 0; i < hf->tensors.n; i++) {
        const struct tensor_info *tensor = &hf->tensors.tensors[i];
        if (tensor->n_dimensions < 2) continue;
        n_bytes[tensor->type] += (uint64_t)tensor->row_bytes * tensor->n_rows;
        if (n_bytes[tensor->type] > n_bytes[most]) most = tensor->type;
    }
    return metadata_set_unsigned(hf->metadata, "general.file_type",
                                 tensor_type_info(most)->file_type, err);
}

static bool read_model(struct hf_source *hf, const struct json *root, const char *path,
                       struct err *err)
{
    struct hf_config config;
    struct hf_rope rope;
    return hf_config_open(root, path, &config, err) &&
           hf_config_write(&config, hf->metadata, err) && set_name(hf, err) &&
           hf_rope_read(&config, hf->metadata, hf->arena, &rope, err) &&
           hf_vision_read(&config, hf->path, hf->raw, hf->metadata, err) &&
           hf_tensors_find(&config, hf->metadata, hf->raw, &rope, hf->arena, &hf->tensors, err) &&
           set_file_type(hf, err) && hf_tokenizer_read(hf->path, hf->metadata, err);
}

static bool fill(struct hf_source *hf, struct err *err)
{
    hf->metadata = metadata_new(err);
    hf->arena = hf->metadata ? arena_new(0, err) : NULL;
    char *path = hf->arena ? file_join(hf->path, HF_CONFIG_NAME, err) : NULL;
    struct json *root = path ? json_read_file(path, err) : NULL;
    bool ok = root && read_model(hf, root, path, err);
    json_free(root);
    free(path);
    hf->source.metadata = hf->metadata;
    hf->source.tensors = hf->tensors.tensors;
    hf->source.n_tensors = hf->tensors.n;
    for (size_t i = 0; i < hf->tensors.n; i++)
        hf->source.n_bytes +=
            (uint64_t)hf->tensors.tensors[i].row_bytes * hf->tensors.tensors[i].n_rows;
    return ok;
}

/* ---- The source ---- */

static bool read_rows(const struct source *source, const struct tensor_info *tensor, size_t row,
                      size_t n_rows, void *out, struct err *err)
{
    const struct hf_source *hf = (const struct hf_source *)source;
    assert(row <= tensor->n_rows && n_rows <= tensor->n_rows - row);
    return hf_tensors_read(&hf->tensors, hf->raw, (size_t)(tensor - source->tensors), row, n_rows,
                           out, err);
}

static bool hash_files(const struct source *source, char hex[65], struct model_seal **seal,
                       struct err *err)
{
    const struct hf_source *hf = (const struct hf_source *)source;
    return hf->raw->hash(hf->raw, hex, seal, err);
}

static void close_hf(struct source *source)
{
    struct hf_source *hf = (struct hf_source *)source;
    source_close(hf->raw);
    metadata_free(hf->metadata);
    arena_free(hf->arena);
    free(hf->path);
    free(hf);
}

struct source *hf_source_open(const char *folder, const struct model_seal *seal, struct err *err)
{
    struct hf_source *hf = mem_new(1, sizeof *hf, err);
    if (!hf) return NULL;
    hf->path = mem_copy_string(folder, err);
    hf->raw = hf->path ? hf_files_open(hf->path, err) : NULL;
    hf->source = (struct source){.path = hf->path,
                                 .files = hf->raw ? hf->raw->files : NULL,
                                 .n_files = hf->raw ? hf->raw->n_files : 0,
                                 .read_rows = read_rows,
                                 .hash = hash_files,
                                 .close = close_hf};
    if (hf->raw && (!seal || joined_hold_to(hf->raw, seal, err)) && fill(hf, err))
        return &hf->source;
    close_hf(&hf->source);
    return NULL;
}
