/* store_pictures.c - the pictures that items ask about: each kept once, by the hash of its file,
 * with a small one that reports show.
 *
 * Which pictures an item has is a fact of it, and the newest reading wins. Knows no format.
 */
#include "results/store_internal.h"

#include <string.h>

static bool put_picture(struct store *store, const struct picture_record *picture, struct err *err)
{
    static const char PUT_PICTURE[] =
        "INSERT INTO picture (hash, media_type, width, height, thumbnail) "
        "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (hash) DO NOTHING";
    struct query *put = query_begin(store, PUT_PICTURE, err);
    query_add_text(put, picture->hash);
    query_add_text(put, picture->media_type);
    query_add_integer(put, picture->width);
    query_add_integer(put, picture->height);
    query_add_bytes(put, picture->thumbnail, picture->n_thumbnail_bytes);
    return query_run(put, err);
}

static bool put_item_picture(struct store *store, int64_t dataset, const char *key,
                             int64_t position, const struct picture_record *picture,
                             struct err *err)
{
    static const char PUT_ITEM_PICTURE[] =
        "INSERT INTO item_picture (item, position, file, picture) "
        "SELECT item.id, ?3, ?4, picture.id FROM item JOIN picture ON picture.hash = ?5 "
        "WHERE item.dataset = ?1 AND item.key = ?2 ON CONFLICT (item, position) DO UPDATE SET "
        "file = excluded.file, picture = excluded.picture "
        "WHERE (file, picture) IS NOT (excluded.file, excluded.picture)";
    struct query *put = query_begin_of(store, PUT_ITEM_PICTURE, dataset, err);
    query_add_text(put, key);
    query_add_integer(put, position);
    query_add_text(put, picture->file);
    query_add_text(put, picture->hash);
    return query_run(put, err);
}

/* Those of an older reading that had more. */
static bool drop_others(struct store *store, int64_t dataset, const char *key, int64_t n,
                        struct err *err)
{
    static const char DROP_OTHERS[] = "DELETE FROM item_picture WHERE position > ?3 AND item IN "
                                      "(SELECT id FROM item WHERE dataset = ?1 AND key = ?2)";
    struct query *drop = query_begin_of(store, DROP_OTHERS, dataset, err);
    query_add_text(drop, key);
    query_add_integer(drop, n);
    return query_run(drop, err);
}

bool store_put_pictures(struct store *store, int64_t dataset, const struct answer_record *answer,
                        struct err *err)
{
    for (size_t i = 0; i < answer->n_pictures; i++)
        if (!put_picture(store, &answer->pictures[i], err) ||
            !put_item_picture(store, dataset, answer->key, (int64_t)i + 1, &answer->pictures[i],
                              err))
            return false;
    return !answer->n_pictures ||
           drop_others(store, dataset, answer->key, (int64_t)answer->n_pictures, err);
}

static bool read_picture(const struct query *query, struct arena *arena,
                         struct picture_record *picture, struct err *err)
{
    size_t n_bytes;
    const void *bytes = query_bytes(query, 5, &n_bytes);
    *picture = (struct picture_record){.file = arena_string(arena, query_text(query, 0), err),
                                       .hash = arena_string(arena, query_text(query, 1), err),
                                       .media_type = arena_string(arena, query_text(query, 2), err),
                                       .width = query_integer(query, 3),
                                       .height = query_integer(query, 4),
                                       .thumbnail = arena_copy_array(arena, bytes, n_bytes, 1, err),
                                       .n_thumbnail_bytes = n_bytes};
    return picture->file && picture->hash && picture->media_type && picture->thumbnail;
}

bool store_find_pictures(struct store *store, int64_t job, const char *key, struct arena *arena,
                         const struct picture_record **pictures, size_t *n, struct err *err)
{
    static const char FIND_PICTURES[] =
        "SELECT item_picture.file, picture.hash, picture.media_type, picture.width, "
        "picture.height, picture.thumbnail FROM job JOIN item ON item.dataset = job.dataset "
        "JOIN item_picture ON item_picture.item = item.id "
        "JOIN picture ON picture.id = item_picture.picture "
        "WHERE job.id = ?1 AND item.key = ?2 ORDER BY item_picture.position";
    struct query *find = query_begin_of(store, FIND_PICTURES, job, err);
    struct picture_record *found = NULL;
    size_t capacity = 0;
    bool ok = true;
    int more = 0;
    query_add_text(find, key);
    for (*n = 0; ok && (more = query_next(find, err)) > 0; (*n)++)
        ok = arena_grow(arena, (void **)&found, &capacity, *n + 1, sizeof *found, err) &&
             read_picture(find, arena, &found[*n], err);
    query_close(find);
    *pictures = found;
    return ok && more == 0;
}
