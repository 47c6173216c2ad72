/* gguf_split.c - opening a GGUF model, whole or split into files (shards), which joined.c makes
 * one.
 *
 * Format: llama.cpp's gguf-split, which the `gguf` package of Python writes too. Shard i of n is
 * named NAME-0000I-of-0000N.gguf, counted from 1, and says so itself, counted from 0: split.no,
 * split.count, and in split.tensors.count how many tensors all of them have together. The first one
 * has the metadata of the model. That a file is a shard is known by its keys, never by its name.
 */
#include "engine/gguf.h"

#include "base/file.h"
#include "base/mem.h"
#include "engine/joined.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SHARDS = 65535, SUFFIX_BYTES = 64 }; /* the format counts shards in 16 bits */

/* What a file says of its place in a model; n_shards is 1 or 0 of a file that is whole. */
struct place {
    size_t i_shard, n_shards, n_tensors;
};

static const struct part_kind GGUF_PART = {gguf_file_to_seal, gguf_hold_to};

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
static bool open_others(struct joined_part *shards, const struct place *place, struct err *err)
{
    const struct source *named = shards[place->i_shard].source;
    bool ok = true;
    for (size_t i = 0; ok && i < place->n_shards; i++) {
        if (i == place->i_shard) continue;
        struct place wanted = *place;
        wanted.i_shard = i;
        char *path = path_of(named, place, i, err);
        shards[i].source = path ? open_shard(path, &wanted, named, err) : NULL;
        ok = shards[i].source != NULL;
        free(path);
    }
    return ok;
}

static bool check_count(const struct joined_part *shards, const struct place *place,
                        const struct source *named, struct err *err)
{
    size_t n = 0;
    for (size_t i = 0; i < place->n_shards; i++) n += shards[i].source->n_tensors;
    return n == place->n_tensors ||
           err_set_at(err, ERR_INPUT, named->path, 0, 0,
                      "the %zu files of the model have %zu tensors together: expected %zu; "
                      "download all shards of one model",
                      place->n_shards, n, place->n_tensors);
}

/* The model of which `named` is a shard. Takes it over, also on failure. */
static struct source *join(struct source *named, const struct place *place, struct err *err)
{
    struct source *whole = NULL;
    struct joined_part *shards = mem_new(place->n_shards, sizeof *shards, err);
    if (!shards) {
        source_close(named);
        return NULL;
    }
    for (size_t i = 0; i < place->n_shards; i++) shards[i].kind = &GGUF_PART;
    shards[place->i_shard].source = named;
    if (check_name(named, place, err) && open_others(shards, place, err) &&
        check_count(shards, place, named, err))
        whole = joined_open(shards, place->n_shards, named->path, shards[0].source->metadata, err);
    else
        for (size_t i = 0; i < place->n_shards; i++) source_close(shards[i].source);
    free(shards);
    return whole;
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
        ok = is_split ? joined_hold_to(source, seal, err) : gguf_hold_to(source, seal, err);
    if (ok) return source;
    source_close(source);
    return NULL;
}

struct source *gguf_open(const char *path, struct err *err)
{
    return gguf_open_sealed(path, NULL, err);
}
