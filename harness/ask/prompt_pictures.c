/* prompt_pictures.c - see prompt_pictures.h. A file is decoded when a window is made ready, so that
 * a damaged one is known before anything is computed, and once more when its embeddings are: to
 * keep the pixels of a window's pictures would take gigabytes, and decoding is a trifle beside the
 * tower.
 */
#include "harness/ask/prompt_pictures.h"

#include "base/image.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void pictures_init(struct pictures *pictures, const struct picture_eyes *eyes, struct arena *arena)
{
    *pictures = (struct pictures){.eyes = eyes, .arena = arena, .next_id = -1};
}

void pictures_done(struct pictures *pictures)
{
    free(pictures->items);
    free(pictures->files);
    *pictures = (struct pictures){0};
}

/* ---- Looking at files ---- */

/* Whether the fault is the file's own. */
static bool is_of_file(const struct err *fault)
{
    return fault->code == ERR_INPUT || fault->code == ERR_IO || fault->code == ERR_UNSUPPORTED ||
           fault->code == ERR_CAPACITY;
}

static const struct picture *find_equal(const struct pictures *pictures, const char *hash,
                                        size_t max_crops)
{
    for (size_t i = 0; i < pictures->n_items; i++)
        if (pictures->items[i]->max_crops == max_crops &&
            !strcmp(pictures->items[i]->seen.hash, hash))
            return pictures->items[i];
    return NULL;
}

/* Decodes the whole picture, for what it is and how it looks. */
static bool see(struct pictures *pictures, const char *path, const uint8_t *bytes, size_t n_bytes,
                struct seen_picture *seen, struct err *err)
{
    struct image image = {0};
    struct buf thumbnail = {0};
    bool ok = image_decode(bytes, n_bytes, path, &image, err) &&
              image_thumbnail(&image, PICTURE_THUMBNAIL, &thumbnail, err);
    seen->width = image.width;
    seen->height = image.height;
    seen->media_type = image_media_type(bytes, n_bytes);
    seen->n_thumbnail_bytes = thumbnail.n_bytes;
    if (ok)
        ok = (seen->file = arena_string(pictures->arena, path, err)) &&
             (seen->thumbnail = (const uint8_t *)arena_take(pictures->arena, &thumbnail, err));
    buf_free(&thumbnail);
    image_free(&image);
    return ok;
}

/* Gives a new picture its ids. */
static bool add_picture(struct pictures *pictures, struct picture *picture, struct err *err)
{
    const struct seen_picture *seen = &picture->seen;
    const struct picture_eyes *eyes = pictures->eyes;
    if (eyes)
        picture->n_tokens = eyes->count(eyes->model, seen->width, seen->height, picture->max_crops);
    if (picture->n_tokens > (size_t)(pictures->next_id - INT32_MIN))
        return err_set(err, ERR_CAPACITY, "too many pictures at a time");
    if (!mem_grow((void **)&pictures->items, &pictures->items_capacity, pictures->n_items + 1,
                  sizeof *pictures->items, INT32_MAX, err))
        return false;
    picture->first_id = pictures->next_id;
    pictures->next_id -= (int32_t)picture->n_tokens;
    pictures->items[pictures->n_items++] = picture;
    return true;
}

/* The picture that the bytes are, known or new. */
static bool find_picture(struct pictures *pictures, const char *path, size_t max_crops,
                         const uint8_t *bytes, size_t n_bytes, const struct picture **found,
                         struct err *err)
{
    char hash[SHA256_HEX_BYTES];
    if (!sha256_bytes(bytes, n_bytes, hash, err)) return false;
    if ((*found = find_equal(pictures, hash, max_crops))) return true;
    struct picture *picture = arena_alloc(pictures->arena, 1, sizeof *picture, err);
    if (!picture) return false;
    picture->max_crops = max_crops;
    memcpy(picture->seen.hash, hash, sizeof hash);
    *found = picture;
    return see(pictures, path, bytes, n_bytes, &picture->seen, err) &&
           add_picture(pictures, picture, err);
}

/* Reads the file; a fault of its own is kept. */
static bool read_file(struct pictures *pictures, struct picture_file *file, struct err *err)
{
    struct err fault = {0};
    size_t n_bytes;
    uint8_t *bytes = image_read_file(file->path, &n_bytes, &fault);
    bool ok = bytes && find_picture(pictures, file->path, file->max_crops, bytes, n_bytes,
                                    &file->picture, &fault);
    free(bytes);
    if (ok) return true;
    file->picture = NULL;
    if (is_of_file(&fault)) {
        file->fault = arena_printf(pictures->arena, err, "%s: %s", file->path, fault.message);
        return file->fault != NULL;
    }
    if (err) *err = fault;
    return false;
}

static const struct picture_file *find_file(const struct pictures *pictures, const char *path,
                                            size_t max_crops)
{
    for (size_t i = 0; i < pictures->n_files; i++)
        if (pictures->files[i].max_crops == max_crops && !strcmp(pictures->files[i].path, path))
            return &pictures->files[i];
    return NULL;
}

bool pictures_look(struct pictures *pictures, const char *path, size_t max_crops,
                   struct picture_file *file, struct err *err)
{
    const struct picture_eyes *eyes = pictures->eyes;
    const struct picture_file *known = find_file(pictures, path, max_crops);
    if (eyes && !eyes->count(eyes->model, 1, 1, 1))
        return err_set(err, ERR_USAGE,
                       "%s has no eyes: to look at %s takes a model of Phi-3-vision's kind",
                       eyes->name, path);
    if (known) {
        *file = *known;
        return true;
    }
    *file = (struct picture_file){.path = arena_string(pictures->arena, path, err),
                                  .max_crops = max_crops};
    if (!file->path || !read_file(pictures, file, err) ||
        !mem_grow((void **)&pictures->files, &pictures->files_capacity, pictures->n_files + 1,
                  sizeof *pictures->files, INT32_MAX, err))
        return false;
    pictures->files[pictures->n_files++] = *file;
    return true;
}

bool pictures_seen(const struct pictures *pictures, const struct request *request,
                   struct arena *arena, struct response *response, struct err *err)
{
    struct seen_picture *seen = arena_alloc(arena, request->n_pictures, sizeof *seen, err);
    if (!seen) return false;
    for (size_t i = 0; i < request->n_pictures; i++) {
        const struct picture_file *file =
            find_file(pictures, request->pictures[i], request->max_crops);
        seen[i] = file->picture->seen;
        seen[i].file = file->path;
    }
    response->pictures = seen;
    response->n_pictures = request->n_pictures;
    return true;
}

/* ---- Ids and bytes ---- */

const struct picture *pictures_find(const struct pictures *pictures, int32_t id, size_t *i_row)
{
    size_t low = 0, high = pictures->n_items; /* the last one whose first id is not below */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (pictures->items[middle]->first_id >= id) low = middle;
        else high = middle;
    }
    const struct picture *picture = pictures->items[low];
    *i_row = (size_t)(picture->first_id - id);
    return picture;
}

uint8_t *picture_read(const struct picture *picture, size_t *n_bytes, struct err *err)
{
    char hash[SHA256_HEX_BYTES];
    uint8_t *bytes = image_read_file(picture->seen.file, n_bytes, err);
    if (!bytes) return NULL;
    if (sha256_bytes(bytes, *n_bytes, hash, err)) {
        if (!strcmp(hash, picture->seen.hash)) return bytes;
        err_set_at(err, ERR_INPUT, picture->seen.file, 0, 0,
                   "the picture has changed since the question was made ready: run it again");
    }
    free(bytes);
    return NULL;
}
