/* queue.h - a bounded queue of pointers between threads.
 *
 * Every function is thread-safe, except that queue_free must be the last. NULL cannot be an item.
 */
#ifndef PHIBENCH_BASE_QUEUE_H
#define PHIBENCH_BASE_QUEUE_H

#include "base/err.h"

#include <stddef.h>

struct queue;

struct queue *queue_new(size_t capacity, struct err *err);
void queue_free(struct queue *queue); /* not the items */

/* Waits while full. False once the queue was closed: the item stays the caller's. */
bool queue_push(struct queue *queue, void *item);
/* Waits while empty and open. NULL once it is closed and empty. */
void *queue_pop(struct queue *queue);
/* No more pushes; pops drain what is left. */
void queue_close(struct queue *queue);

#endif
