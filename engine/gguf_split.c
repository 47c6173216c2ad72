/* gguf_split.c - opening a GGUF model, whole or split into files (shards): a source made of
 * sources.
 *
 * Format: llama.cpp's gguf-split, which the `gguf` package of Python writes too. Shard i of n is
 * named NAME-0000I-of-0000N.gguf, counted from 1, and says so itself, counted from 0: split.no,
 * split.count, and in split.tensors.count how many tensors all of them have together. The first one
 * has the metadata of the model. That a file is a shard is known by its keys, never by its name.
 */
#include "engine/gguf.h"

#include "base/file.h"
#include "base/mem.h"
#include "engine/seal.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SHARDS = 65535, SUFFIX_BYTES = 64 }; /* the format counts shards in 16 bits */

/* What a file says of its place in a model; n_shards is 1 or 0 of a file that is whole. */
struct place {
    size_t i_shard, n_shards, n_tensors;
};

struct shard {
    struct source *source;
    size_t i_tensor;        /* of its first tensor in the whole */
    struct model_seal seal; /* its part of what the whole is held to */
};

struct split {
    struct source source; /* first: the source's functions find the rest behind it */
    struct shard *shards; /* [source.n_files] */
    const char **files;   /* their paths */
    struct tensor_info *tensors;
};

static bool read_place(const struct source *source, struct place *place, struct err *err)
{
    const struct metadata *metadata = source->metadata;
    int64_t i_shard = 0, n_shards = 1, n_tensors = 0;
    bool ok = metadata_read_integer(metadata, "split.count", 0, MAX_SHARDS, &n_shards, err);
    if (ok && n_shards > 1)
        ok = metadata_require_integer(metadata, "split.no", 0, n_shards - 1, &i_shard, err) &&
             metadata_require_integer(metadata, "split.tensors.count", 1, INT32_MAX, &n_tensors,
                                      err);
    *place = (struct place){(size_t)i_shard, (size_t)n_shards, (size_t)n_tensors};
    return ok || err_place(err, source->path, 0, 0);
}

static void print_suffix(const struct place *place, char suffix[SUFFIX_BYTES])
{
    snprintf(suffix, SUFFIX_BYTES, "-%05zu-of-%05zu.gguf", place->i_shard + 1, place->n_shards);
}

/* The path of shard i_shard by that of another one, whose place this is; free() it. */
static char *path_of(const struct source *named, const struct place *place, size_t i_shard,
                     struct err *err)
{
    char suffix[SUFFIX_BYTES];
    struct place other = *place;
    struct buf path = {0};
    other.i_shard = i_shard;
    print_suffix(place, suffix);
    buf_append(&path, named->path, strlen(named->path) - strlen(suffix));
    print_suffix(&other, suffix);
    buf_text(&path, suffix);
    return buf_take(&path, err);
}

static bool check_name(const struct source *named, const struct place *place, struct err *err)
{
    char suffix[SUFFIX_BYTES];
    print_suffix(place, suffix);
    return file_name_ends(named->path, suffix) ||
           err_set_at(err, ERR_INPUT, named->path, 0, 0,
                      "the file is shard %zu of %zu of a split model, whose name must end in %s, "
                      "beside the others: rename it, or download it again",
                      place->i_shard + 1, place->n_shards, suffix);
}

/* Whether the shard is the one that its name says, of the same model as the one that was named. */
static bool check_place(const struct source *shard, const struct place *wanted,
                        const struct source *named, struct err *err)
{
    struct place place;
    if (!read_place(shard, &place, err)) return false;
    if (place.n_shards <= 1)
        return err_set_at(err, ERR_INPUT, shard->path, 0, 0,
                          "the file is no part of a split model: expected shard %zu of %zu; "
                          "download it again",
                          wanted->i_shard + 1, wanted->n_shards);
    if (place.i_shard != wanted->i_shard || place.n_shards != wanted->n_shards)
        return err_set_at(err, ERR_INPUT, shard->path, 0, 0,
                          "the file is shard %zu of %zu: expected shard %zu of %zu; download it "
                          "again",
                          place.i_shard + 1, place.n_shards, wanted->i_shard + 1, wanted->n_shards);
    return place.n_tensors == wanted->n_tensors ||
           err_set_at(err, ERR_INPUT, shard->path, 0, 0,
                      "the file is of a model of %zu tensors, but %s of one of %zu: download all "
                      "shards of one model",
                      place.n_tensors, named->path, wanted->n_tensors);
}

static struct source *open_shard(const char *path, const struct place *wanted,
                                 const struct source *named, struct err *err)
{
    if (!file_exists(path)) {
        err_set_at(err, ERR_INPUT, path, 0, 0,
                   "shard %zu of %zu of the model is missing: download it, too, for %s is only a "
                   "part",
                   wanted->i_shard + 1, wanted->n_shards, named->path);
        return NULL;
    }
    struct source *shard = gguf_open_file(path, err);
    if (!shard) {
        err_context(err, "opening shard %zu of %zu, which can be downloaded again by itself",
                    wanted->i_shard + 1, wanted->n_shards);
        return NULL;
    }
    if (check_place(shard, wanted, named, err)) return shard;
    source_close(shard);
    return NULL;
}

/* All shards but the one that was named, which is there. */
static bool open_others(struct split *split, const struct place *place, struct err *err)
{
    const struct source *named = split->shards[place->i_shard].source;
    bool ok = true;
    for (size_t i = 0; ok && i < place->n_shards; i++) {
        if (i == place->i_shard) continue;
        struct place wanted = *place;
        wanted.i_shard = i;
        char *path = path_of(named, place, i, err);
        split->shards[i].source = path ? open_shard(path, &wanted, named, err) : NULL;
        ok = split->shards[i].source != NULL;
        free(path);
    }
    return ok;
}

/* The tables of the shards, one after the other. */
static bool join_tables(struct split *split, size_t n_tensors, struct err *err)
{
    struct source *source = &split->source;
    size_t n = 0;
    for (size_t i = 0; i < source->n_files; i++) n += split->shards[i].source->n_tensors;
    if (n != n_tensors)
        return err_set_at(err, ERR_INPUT, source->path, 0, 0,
                          "the %zu files of the model have %zu tensors together: expected %zu; "
                          "download all shards of one model",
                          source->n_files, n, n_tensors);
    split->tensors = mem_new(n, sizeof *split->tensors, err);
    if (!split->tensors) return false;
    source->tensors = split->tensors;
    for (size_t i = 0; i < source->n_files; i++) {
        const struct source *shard = split->shards[i].source;
        split->files[i] = shard->path;
        split->shards[i].i_tensor = source->n_tensors;
        source->n_bytes += shard->n_bytes;
        for (size_t k = 0; k < shard->n_tensors; k++) {
            struct tensor_info *tensor = &split->tensors[source->n_tensors++];
            *tensor = shard->tensors[k];
            tensor->file = shard->path;
        }
    }
    return true;
}

static int compare_names(const void *a, const void *b)
{
    const struct tensor_info *const *left = a, *const *right = b;
    int order = strcmp((*left)->name, (*right)->name);
    return order ? order : (*left > *right) - (*left < *right);
}

/* Each shard's names are distinct by themselves. */
static bool check_distinct(const struct split *split, struct err *err)
{
    size_t n = split->source.n_tensors;
    const struct tensor_info **order = mem_new(n, sizeof *order, err);
    if (!order) return false;
    for (size_t i = 0; i < n; i++) order[i] = &split->tensors[i];
    qsort(order, n, sizeof *order, compare_names);
    bool ok = true;
    for (size_t i = 1; ok && i < n; i++)
        if (strcmp(order[i - 1]->name, order[i]->name) == 0)
            ok = err_set_at(err, ERR_INPUT, order[i]->file, 0, 0,
                            "tensor '%s' is in %s, too: download all shards of one model",
                            order[i]->name, order[i - 1]->file);
    free(order);
    return ok;
}

static bool read_rows(const struct source *source, const struct tensor_info *tensor, size_t row,
                      size_t n_rows, void *out, struct err *err)
{
    const struct split *split = (const struct split *)source;
    size_t i_tensor = (size_t)(tensor - split->tensors);
    const struct shard *shard = split->shards;
    while (i_tensor - shard->i_tensor >= shard->source->n_tensors) shard++;
    return shard->source->read_rows(
        shard->source, &shard->source->tensors[i_tensor - shard->i_tensor], row, n_rows, out, err);
}

static bool hash_files(const struct source *source, char hex[65], struct model_seal **seal,
                       struct err *err)
{
    const struct split *split = (const struct split *)source;
    struct seal_file *files = mem_new(source->n_files, sizeof *files, err);
    for (size_t i = 0; files && i < source->n_files; i++)
        files[i] = gguf_file_to_seal(split->shards[i].source);
    bool ok = files && seal_hash_files(source, files, hex, seal, err);
    free(files);
    return ok;
}

static void close_split(struct source *source)
{
    struct split *split = (struct split *)source;
    for (size_t i = 0; split->shards && i < source->n_files; i++)
        source_close(split->shards[i].source);
    free(split->shards);
    free(split->files);
    free(split->tensors);
    free(split);
}

/* The model of which `named` is a shard. Takes it over, also on failure. */
static struct source *join(struct source *named, const struct place *place, struct err *err)
{
    struct split *split = mem_new(1, sizeof *split, err);
    if (!split || !(split->shards = mem_new(place->n_shards, sizeof *split->shards, err))) {
        source_close(named);
        free(split);
        return NULL;
    }
    split->shards[place->i_shard].source = named;
    split->source = (struct source){.path = named->path,
                                    .n_files = place->n_shards,
                                    .read_rows = read_rows,
                                    .hash = hash_files,
                                    .close = close_split};
    bool ok = (split->files = mem_new(place->n_shards, sizeof *split->files, err)) &&
              check_name(named, place, err) && open_others(split, place, err) &&
              join_tables(split, place->n_tensors, err) && check_distinct(split, err);
    if (ok) {
        split->source.files = split->files;
        split->source.metadata = split->shards[0].source->metadata;
        return &split->source;
    }
    close_split(&split->source);
    return NULL;
}

static bool hold_to(struct split *split, const struct model_seal *seal, struct err *err)
{
    bool ok = seal_check_counts(seal, &split->source, err);
    for (size_t i = 0; ok && i < split->source.n_files; i++) {
        struct shard *shard = &split->shards[i];
        shard->seal = seal_part(seal, i, shard->i_tensor, shard->source->n_tensors);
        ok = gguf_hold_to(shard->source, &shard->seal, err);
    }
    return ok;
}

struct source *gguf_open_sealed(const char *path, const struct model_seal *seal, struct err *err)
{
    struct place place;
    struct source *source = gguf_open_file(path, err);
    if (!source) return NULL;
    bool ok = read_place(source, &place, err);
    bool is_split = ok && place.n_shards > 1;
    if (is_split && !(source = join(source, &place, err))) return NULL;
    if (ok && seal)
        ok =
            is_split ? hold_to((struct split *)source, seal, err) : gguf_hold_to(source, seal, err);
    if (ok) return source;
    source_close(source);
    return NULL;
}

struct source *gguf_open(const char *path, struct err *err)
{
    return gguf_open_sealed(path, NULL, err);
}
