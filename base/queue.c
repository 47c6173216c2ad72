/* queue.c - a ring of pointers under one mutex, with a condition for each thing that can be waited
 * for: room and items. Closing wakes everybody.
 */
#include "base/queue.h"

#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t has_room, has_items;
    size_t first, n_items, capacity;
    bool closed;
    void **items;
};

struct queue *queue_new(size_t capacity, struct err *err)
{
    struct queue *queue = mem_new(1, sizeof *queue, err);
    if (!queue) return NULL;
    queue->capacity = capacity ? capacity : 1;
    queue->items = mem_new(queue->capacity, sizeof *queue->items, err);
    if (!queue->items) {
        free(queue);
        return NULL;
    }
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->has_room, NULL);
    pthread_cond_init(&queue->has_items, NULL);
    return queue;
}

void queue_free(struct queue *queue)
{
    if (!queue) return;
    pthread_cond_destroy(&queue->has_items);
    pthread_cond_destroy(&queue->has_room);
    pthread_mutex_destroy(&queue->lock);
    free(queue->items);
    free(queue);
}

bool queue_push(struct queue *queue, void *item)
{
    pthread_mutex_lock(&queue->lock);
    while (queue->n_items == queue->capacity && !queue->closed)
        pthread_cond_wait(&queue->has_room, &queue->lock);
    bool open = !queue->closed;
    if (open) {
        queue->items[(queue->first + queue->n_items++) % queue->capacity] = item;
        pthread_cond_signal(&queue->has_items);
    }
    pthread_mutex_unlock(&queue->lock);
    return open;
}

void *queue_pop(struct queue *queue)
{
    void *item = NULL;
    pthread_mutex_lock(&queue->lock);
    while (!queue->n_items && !queue->closed) pthread_cond_wait(&queue->has_items, &queue->lock);
    if (queue->n_items) {
        item = queue->items[queue->first];
        queue->first = (queue->first + 1) % queue->capacity;
        queue->n_items--;
        pthread_cond_signal(&queue->has_room);
    }
    pthread_mutex_unlock(&queue->lock);
    return item;
}

void queue_close(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_cond_broadcast(&queue->has_room);
    pthread_cond_broadcast(&queue->has_items);
    pthread_mutex_unlock(&queue->lock);
}
