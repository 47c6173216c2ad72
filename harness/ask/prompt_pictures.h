/* prompt_pictures.h - the pictures of the requests of a window: what each file holds, and the ids
 * that stand for it where a prompt has tokens.
 *
 * An id below 0 is a row of a picture's embeddings: each picture has as many of them, one after the
 * other downwards, as the model makes tokens of it. Files of the same bytes that are cut into as
 * many crops have the same ids, so that a trie shares them, whatever they are called. A file that
 * cannot be read is no error: its requests are not answered. One thread at a time.
 */
#ifndef PHIBENCH_HARNESS_ASK_PROMPT_PICTURES_H
#define PHIBENCH_HARNESS_ASK_PROMPT_PICTURES_H

#include "base/sha256.h"
#include "suites/request.h"

/* Pixels of a thumbnail's longer side. */
enum { PICTURE_THUMBNAIL = 128 };

struct picture {
    struct seen_picture seen; /* its file is the first one that held it */
    size_t max_crops;
    size_t n_tokens;  /* 0: nobody here knows, a server has its own */
    int32_t first_id; /* of n_tokens, downwards */
};

/* What a file came to. */
struct picture_file {
    const char *path;
    size_t max_crops;
    const struct picture *picture; /* NULL: it cannot be read */
    const char *fault;             /* why, with its name; NULL: it can */
};

/* Who looks at pictures: how many tokens it makes of one of this size, 0: it has no eyes. */
struct picture_eyes {
    size_t (*count)(const void *model, size_t width, size_t height, size_t max_crops);
    const void *model;
    const char *name; /* for messages */
};

struct pictures {
    const struct picture_eyes *eyes; /* NULL: those of a model behind a server */
    struct arena *arena;             /* of all that is found; the caller's */
    const struct picture **items;    /* [n_items] by first_id, downwards */
    struct picture_file *files;      /* [n_files] */
    size_t n_items, items_capacity, n_files, files_capacity;
    int32_t next_id;
};

/* Nothing is allocated. eyes and arena must outlive the pictures. */
void pictures_init(struct pictures *pictures, const struct picture_eyes *eyes, struct arena *arena);
void pictures_done(struct pictures *pictures);

/* Reads a file, once, and keeps what it came to; the picture's pixels are decoded and forgotten
 * again. True also where the file cannot be read (fault); ERR_USAGE for a model without
 * eyes. *file lives as the arena does. */
bool pictures_look(struct pictures *pictures, const char *path, size_t max_crops,
                   struct picture_file *file, struct err *err) __attribute__((warn_unused_result));

/* Gives a response the pictures of its request, all of which were looked at and can be read; in the
 * arena. */
bool pictures_seen(const struct pictures *pictures, const struct request *request,
                   struct arena *arena, struct response *response, struct err *err)
    __attribute__((warn_unused_result));

/* The picture that an id below 0 belongs to, and which of its rows it is. */
const struct picture *pictures_find(const struct pictures *pictures, int32_t id, size_t *i_row);

/* The file's bytes, which are still those that were looked at: free() them. ERR_INPUT if it has
 * changed. */
uint8_t *picture_read(const struct picture *picture, size_t *n_bytes, struct err *err)
    __attribute__((warn_unused_result));

#endif
