/* hf_index.c - see hf_index.h. Format: {"metadata": {...}, "weight_map": {TENSOR: FILE}}, as
 * huggingface_hub writes it.
 */
#include "engine/hf/hf_index.h"

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "engine/joined.h"

#include <stdlib.h>

struct hf_index {
    struct json *json;
    char *path;
    const struct json *map; /* weight_map */
    const char **shards;    /* [n_shards] sorted names of files, which the JSON owns */
    size_t n_shards;
};

static int compare_texts(const void *a, const void *b)
{
    const char *const *left = a, *const *right = b;
    return strcmp(*left, *right);
}

/* The name of a file beside the index, nowhere else. */
static bool is_plain(const char *name)
{
    return *name && !strchr(name, '/') && file_name_ends(name, ".safetensors");
}

static bool collect_shards(struct hf_index *index, struct err *err)
{
    const char *tensor;
    const struct json *file;
    size_t n = 0;
    for (void *it = NULL; (it = json_next_member(index->map, it, &tensor, &file));) n++;
    if (!n)
        return err_set_at(err, ERR_INPUT, index->path, 0, 0,
                          "no index of weights: 'weight_map' is no object, or empty");
    index->shards = mem_new(n, sizeof *index->shards, err);
    if (!index->shards) return false;
    n = 0;
    for (void *it = NULL; (it = json_next_member(index->map, it, &tensor, &file));) {
        index->shards[n] = json_as_string(file, "");
        if (!is_plain(index->shards[n++]))
            return err_set_at(err, ERR_INPUT, index->path, 0, 0,
                              "weight_map gives tensor '%.200s' no file of this folder: expected "
                              "NAME.safetensors",
                              tensor);
    }
    qsort(index->shards, n, sizeof *index->shards, compare_texts);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || strcmp(index->shards[i], index->shards[index->n_shards - 1]) != 0)
            index->shards[index->n_shards++] = index->shards[i];
    return true;
}

struct hf_index *hf_index_read(const char *path, struct err *err)
{
    struct hf_index *index = mem_new(1, sizeof *index, err);
    if (!index) return NULL;
    bool ok =
        (index->path = mem_copy_string(path, err)) && (index->json = json_read_file(path, err));
    index->map = ok ? json_get(index->json, "weight_map") : NULL;
    if (ok && collect_shards(index, err)) return index;
    hf_index_free(index);
    return NULL;
}

void hf_index_free(struct hf_index *index)
{
    if (!index) return;
    json_free(index->json);
    free(index->path);
    free(index->shards);
    free(index);
}

bool hf_index_has_shard(const struct hf_index *index, const char *name)
{
    return bsearch(&name, index->shards, index->n_shards, sizeof *index->shards, compare_texts);
}

const char *hf_index_missing(const struct hf_index *index, char *const *names, size_t n)
{
    for (size_t i = 0; i < index->n_shards; i++)
        if (!bsearch(&index->shards[i], names, n, sizeof *names, compare_texts))
            return index->shards[i];
    return NULL;
}

bool hf_index_check(const struct hf_index *index, const struct source *joined, struct err *err)
{
    const char *name;
    const struct json *file;
    for (void *it = NULL; (it = json_next_member(index->map, it, &name, &file));) {
        const struct tensor_info *tensor = joined_find(joined, name);
        const char *wanted = json_as_string(file, "");
        if (!tensor || strcmp(file_name(tensor->file), wanted) != 0)
            return err_set_at(err, ERR_INPUT, index->path, 0, 0,
                              "tensor '%.200s' is not in %s: download all files of one model", name,
                              wanted);
    }
    return true;
}
