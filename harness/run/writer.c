/* writer.c - see writer.h. The queue is short: when the disk is slower than the model, the model
 * waits.
 *
 * After an error the thread keeps emptying the queue without writing, so that nobody waits for it;
 * the error is read under the lock at the next flush and at the end.
 */
#include "harness/run/writer.h"

#include "base/arena.h"
#include "base/mem.h"
#include "base/queue.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { QUEUE_BATCHES = 4, MAX_ANSWERS = 1 << 20 };

struct batch {
    struct arena *arena;
    struct answer_record *answers; /* strings in the arena */
    size_t n, capacity;
};

struct writer {
    struct store *store;
    int64_t job;
    struct queue *queue;
    struct batch *filling; /* NULL: none yet */
    pthread_t thread;
    pthread_mutex_t lock;
    struct err failure; /* under the lock */
};

static void free_batch(struct batch *batch)
{
    if (!batch) return;
    arena_free(batch->arena);
    free(batch->answers);
    free(batch);
}

static bool write_batch(struct writer *writer, const struct batch *batch, struct err *err)
{
    if (!store_begin(writer->store, err)) return false;
    bool ok = true;
    for (size_t i = 0; ok && i < batch->n; i++)
        ok = store_put_answer(writer->store, writer->job, &batch->answers[i], err);
    ok = ok && store_commit(writer->store, err);
    if (!ok) store_rollback(writer->store);
    return ok;
}

static void *write_batches(void *context)
{
    struct writer *writer = context;
    bool failed = false;
    for (struct batch *batch; (batch = queue_pop(writer->queue)); free_batch(batch)) {
        struct err err = {0};
        if (failed || write_batch(writer, batch, &err)) continue;
        failed = true;
        pthread_mutex_lock(&writer->lock);
        writer->failure = err;
        pthread_mutex_unlock(&writer->lock);
    }
    return NULL;
}

struct writer *writer_open(struct store *store, int64_t job, struct err *err)
{
    struct writer *writer = mem_new(1, sizeof *writer, err);
    if (!writer) return NULL;
    writer->store = store;
    writer->job = job;
    writer->queue = queue_new(QUEUE_BATCHES, err);
    pthread_mutex_init(&writer->lock, NULL);
    if (writer->queue && pthread_create(&writer->thread, NULL, write_batches, writer) == 0)
        return writer;
    if (writer->queue) err_set(err, ERR_MEMORY, "cannot start the writer's thread");
    queue_free(writer->queue);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
    return NULL;
}

static struct batch *new_batch(struct err *err)
{
    struct batch *batch = mem_new(1, sizeof *batch, err);
    if (batch && (batch->arena = arena_new(0, err))) return batch;
    free(batch);
    return NULL;
}

/* A copy in the arena; NULL stays NULL. */
static bool copy(struct arena *arena, const char **text, struct err *err)
{
    return !*text || (*text = arena_string(arena, *text, err)) != NULL;
}

/* Copies of an answer's pictures in the arena. */
static bool copy_pictures(struct arena *arena, struct answer_record *answer, struct err *err)
{
    struct picture_record *pictures =
        arena_copy_array(arena, answer->pictures, answer->n_pictures, sizeof *pictures, err);
    answer->pictures = pictures;
    for (size_t i = 0; pictures && i < answer->n_pictures; i++) {
        struct picture_record *picture = &pictures[i];
        picture->thumbnail =
            arena_copy_array(arena, picture->thumbnail, picture->n_thumbnail_bytes, 1, err);
        if (!picture->thumbnail || !copy(arena, &picture->file, err) ||
            !copy(arena, &picture->hash, err) || !copy(arena, &picture->media_type, err))
            return false;
    }
    return pictures != NULL;
}

bool writer_put(struct writer *writer, const struct answer_record *answer, struct err *err)
{
    if (!writer->filling && !(writer->filling = new_batch(err))) return false;
    struct batch *batch = writer->filling;
    if (!mem_grow((void **)&batch->answers, &batch->capacity, batch->n + 1, sizeof *batch->answers,
                  MAX_ANSWERS, err))
        return false;
    struct answer_record *kept = &batch->answers[batch->n];
    *kept = *answer;
    const char **texts[] = {&kept->key,       &kept->file,        &kept->subset,
                            &kept->expected,  &kept->groups_json, &kept->response_json,
                            &kept->predicted, &kept->logits_hash, &kept->others_json,
                            &kept->prompt,    &kept->tokens_hash};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (!copy(batch->arena, texts[i], err)) return false;
    if (!copy_pictures(batch->arena, kept, err)) return false;
    batch->n++;
    return true;
}

static bool check_failure(struct writer *writer, struct err *err)
{
    pthread_mutex_lock(&writer->lock);
    bool ok = writer->failure.code == ERR_NONE;
    if (!ok && err) *err = writer->failure;
    pthread_mutex_unlock(&writer->lock);
    return ok;
}

bool writer_flush(struct writer *writer, struct err *err)
{
    if (writer->filling && writer->filling->n) {
        queue_push(writer->queue, writer->filling);
        writer->filling = NULL;
    }
    return check_failure(writer, err);
}

bool writer_close(struct writer *writer, struct err *err)
{
    if (!writer) return true;
    bool flushed = writer_flush(writer, NULL); /* the thread's error is read after its end */
    (void)flushed;
    queue_close(writer->queue);
    pthread_join(writer->thread, NULL);
    bool ok = check_failure(writer, err);
    free_batch(writer->filling);
    queue_free(writer->queue);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
    return ok;
}
