/* arena.h - memory that dies together: a suite's items, one request.
 *
 * Allocations are never freed one by one. One thread at a time.
 */
#ifndef PHIBENCH_BASE_ARENA_H
#define PHIBENCH_BASE_ARENA_H

#include "base/buf.h"
#include "base/err.h"

#include <stddef.h>

struct arena;

/* A new arena that refuses to grow past maximum_bytes (0: no limit). Freed with arena_free. */
struct arena *arena_new(size_t maximum_bytes, struct err *err);
void arena_free(struct arena *arena);

/* Zeroed memory for n objects of `size` bytes, aligned to 16; NULL with ERR_MEMORY. Owned by the
 * arena. */
void *arena_alloc(struct arena *arena, size_t n, size_t size, struct err *err);

/* A zero-ended copy of n bytes (of a string); NULL with ERR_MEMORY. */
char *arena_copy(struct arena *arena, const char *text, size_t n_bytes, struct err *err);
char *arena_string(struct arena *arena, const char *text, struct err *err);
char *arena_printf(struct arena *arena, struct err *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A copy of n objects of `size` bytes; NULL with ERR_MEMORY. */
void *arena_copy_array(struct arena *arena, const void *items, size_t n, size_t size,
                       struct err *err);
/* Makes room for at least n objects in *items: [*capacity], doubling; the old ones stay in the
 * arena, too. */
bool arena_grow(struct arena *arena, void **items, size_t *capacity, size_t n, size_t size,
                struct err *err) __attribute__((warn_unused_result));
/* What a buffer holds, zero-ended; NULL with ERR_MEMORY, also if one of its appends failed. Frees
 * the buffer either way. */
char *arena_take(struct arena *arena, struct buf *text, struct err *err);

#endif
