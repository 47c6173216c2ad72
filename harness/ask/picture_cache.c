/* picture_cache.c - see picture_cache.h. A handful of pictures are kept, so that they are found by
 * walking, and the one that was longest not asked for goes first.
 */
#include "harness/ask/picture_cache.h"

#include "base/clock.h"
#include "base/image.h"
#include "base/interrupt.h"
#include "base/mem.h"
#include "engine/vision.h"

#include <stdlib.h>
#include <string.h>

struct kept_picture {
    char hash[SHA256_HEX_BYTES]; /* of the file */
    size_t max_crops, n_bytes;
    float *embeddings;
    uint64_t last_use;
};

struct picture_cache {
    const struct model *model;
    int n_threads;
    struct vision *vision; /* NULL: nothing was computed yet */
    struct kept_picture *items;
    size_t n, capacity;
    uint64_t n_bytes, most_bytes, n_uses;
    size_t n_encoded;
    int64_t ns;
};

struct picture_cache *picture_cache_open(const struct model *model, int n_threads,
                                         uint64_t most_bytes, struct err *err)
{
    struct picture_cache *cache = mem_new(1, sizeof *cache, err);
    if (!cache) return NULL;
    cache->model = model;
    cache->n_threads = n_threads ? n_threads : engine_default_threads();
    cache->most_bytes = most_bytes ? most_bytes : PICTURE_CACHE_BYTES;
    return cache;
}

void picture_cache_close(struct picture_cache *cache)
{
    if (!cache) return;
    for (size_t i = 0; i < cache->n; i++) free(cache->items[i].embeddings);
    free(cache->items);
    vision_close(cache->vision);
    free(cache);
}

static void drop_oldest(struct picture_cache *cache)
{
    size_t oldest = 0;
    for (size_t i = 1; i < cache->n; i++)
        if (cache->items[i].last_use < cache->items[oldest].last_use) oldest = i;
    cache->n_bytes -= cache->items[oldest].n_bytes;
    free(cache->items[oldest].embeddings);
    cache->items[oldest] = cache->items[--cache->n];
}

/* The pixels of the picture through the tower. */
static bool encode(struct picture_cache *cache, const struct picture *picture, float *embeddings,
                   struct err *err)
{
    struct image image = {0};
    size_t n_bytes;
    if (!interrupt_check(err)) return false;
    uint8_t *bytes = picture_read(picture, &n_bytes, err);
    int64_t begin_ns = clock_ns();
    bool ok = bytes && image_decode(bytes, n_bytes, picture->seen.file, &image, err);
    free(bytes);
    if (ok && !cache->vision)
        ok = (cache->vision = vision_open(cache->model, cache->n_threads, err)) != NULL;
    ok = ok && vision_encode(cache->vision, &image, picture->max_crops, embeddings, err);
    image_free(&image);
    cache->ns += clock_ns() - begin_ns;
    cache->n_encoded += ok;
    return ok;
}

static struct kept_picture *find(const struct picture_cache *cache, const struct picture *picture)
{
    for (size_t i = 0; i < cache->n; i++)
        if (cache->items[i].max_crops == picture->max_crops &&
            !strcmp(cache->items[i].hash, picture->seen.hash))
            return &cache->items[i];
    return NULL;
}

/* Computes a picture, and drops others until there is room for it. */
static struct kept_picture *add(struct picture_cache *cache, const struct picture *picture,
                                struct err *err)
{
    size_t n_row = (size_t)model_info(cache->model)->n_embd * sizeof(float);
    struct kept_picture kept = {.max_crops = picture->max_crops};
    if (!mem_multiply(picture->n_tokens, n_row, &kept.n_bytes)) {
        err_set(err, ERR_MEMORY, "a picture of %zu tokens is too large", picture->n_tokens);
        return NULL;
    }
    while (cache->n && cache->n_bytes + kept.n_bytes > cache->most_bytes) drop_oldest(cache);
    if (!mem_grow((void **)&cache->items, &cache->capacity, cache->n + 1, sizeof *cache->items,
                  INT32_MAX, err) ||
        !(kept.embeddings = mem_new(kept.n_bytes, 1, err)))
        return NULL;
    if (!encode(cache, picture, kept.embeddings, err)) {
        free(kept.embeddings);
        return NULL;
    }
    memcpy(kept.hash, picture->seen.hash, sizeof kept.hash);
    cache->n_bytes += kept.n_bytes;
    cache->items[cache->n] = kept;
    return &cache->items[cache->n++];
}

const float *picture_cache_get(struct picture_cache *cache, const struct picture *picture,
                               struct err *err)
{
    struct kept_picture *kept = find(cache, picture);
    if (!kept) kept = add(cache, picture, err);
    if (!kept) return NULL;
    kept->last_use = ++cache->n_uses;
    return kept->embeddings;
}

static size_t count_tokens(const void *model, size_t width, size_t height, size_t max_crops)
{
    return vision_tokens_of(model, width, height, max_crops);
}

struct picture_eyes picture_eyes_of(const struct model_info *info)
{
    return (struct picture_eyes){count_tokens, info, info->path};
}

static bool write_row(void *context, int32_t id, float *row, struct err *err)
{
    const struct picture_source *source = context;
    size_t i_row, n_embd = (size_t)model_info(source->cache->model)->n_embd;
    const struct picture *picture = pictures_find(source->pictures, id, &i_row);
    const float *rows = picture_cache_get(source->cache, picture, err);
    if (rows) memcpy(row, rows + i_row * n_embd, n_embd * sizeof *row);
    return rows != NULL;
}

struct embedding_rows picture_rows(struct picture_source *source)
{
    return (struct embedding_rows){(size_t)model_info(source->cache->model)->n_embd, write_row,
                                   source};
}

size_t picture_cache_encoded(const struct picture_cache *cache, int64_t *ns)
{
    *ns = cache->ns;
    return cache->n_encoded;
}
