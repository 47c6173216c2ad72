/* picture_cache.h - the embeddings of pictures: computed by the model's tower when a row of one is
 * first asked for, and kept for the questions that come, as far as a bounded memory allows.
 *
 * By content: the windows of a run have pictures of their own, and the same picture in two of them
 * is one here. What was given up is computed again, to the same bits. One thread at a time.
 */
#ifndef PHIBENCH_HARNESS_ASK_PICTURE_CACHE_H
#define PHIBENCH_HARNESS_ASK_PICTURE_CACHE_H

#include "harness/ask/embedding_rows.h"
#include "harness/ask/prompt_pictures.h"

/* Eight pictures of 17 crops in a model of 3072 channels; the last is kept whatever it takes. */
#define PICTURE_CACHE_BYTES ((uint64_t)256 << 20)

struct picture_cache;

/* The model, which has eyes, must outlive the cache. Nothing is computed yet; n_threads: 0 for
 * engine_default_threads(). most_bytes: of embeddings, 0: PICTURE_CACHE_BYTES. */
struct picture_cache *picture_cache_open(const struct model *model, int n_threads,
                                         uint64_t most_bytes, struct err *err)
    __attribute__((warn_unused_result));
void picture_cache_close(struct picture_cache *cache);

/* [n_tokens][n_embd] of a picture; valid until the next call. ERR_INPUT if its file is no longer
 * what it was. */
const float *picture_cache_get(struct picture_cache *cache, const struct picture *picture,
                               struct err *err) __attribute__((warn_unused_result));

/* A model's eyes, as its file describes it; info must outlive them. */
struct picture_eyes picture_eyes_of(const struct model_info *info);

/* The rows of the ids that pictures stand for; both must outlive what is made of them. */
struct picture_source {
    const struct pictures *pictures;
    struct picture_cache *cache;
};
struct embedding_rows picture_rows(struct picture_source *source);

/* How many pictures were computed so far, and the time that it took. */
size_t picture_cache_encoded(const struct picture_cache *cache, int64_t *ns);

#endif
