/* arena.c - a list of chunks, the newest first.
 *
 * A request that is larger than a chunk gets a chunk of its own. Chunks double as the unit of
 * freeing: nothing is given back before the arena dies.
 */
#include "base/arena.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK_BYTES = 64 << 10, ALIGNMENT = 16 };

struct chunk {
    struct chunk *next;
    size_t used, size;
    _Alignas(ALIGNMENT) unsigned char bytes[];
};

struct arena {
    struct chunk *newest;
    size_t used_bytes, maximum_bytes;
};

struct arena *arena_new(size_t maximum_bytes, struct err *err)
{
    struct arena *arena = mem_new(1, sizeof *arena, err);
    if (arena) arena->maximum_bytes = maximum_bytes;
    return arena;
}

void arena_free(struct arena *arena)
{
    if (!arena) return;
    for (struct chunk *chunk = arena->newest, *next; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    free(arena);
}

static bool add_chunk(struct arena *arena, size_t n_bytes, struct err *err)
{
    size_t size = n_bytes > CHUNK_BYTES ? n_bytes : CHUNK_BYTES, total;
    struct chunk *chunk = mem_add(size, sizeof *chunk, &total) ? calloc(1, total) : NULL;
    if (!chunk) return err_set(err, ERR_MEMORY, "out of memory: %zu bytes", n_bytes);
    chunk->size = size;
    chunk->next = arena->newest;
    arena->newest = chunk;
    return true;
}

void *arena_alloc(struct arena *arena, size_t n, size_t size, struct err *err)
{
    size_t n_bytes, total;
    if (!mem_multiply(n, size, &n_bytes) || !mem_add(n_bytes, ALIGNMENT - 1, &n_bytes) ||
        !mem_add(arena->used_bytes, n_bytes, &total)) {
        err_set(err, ERR_MEMORY, "size overflow");
        return NULL;
    }
    n_bytes -= n_bytes % ALIGNMENT;
    if (arena->maximum_bytes && total > arena->maximum_bytes) {
        err_set(err, ERR_MEMORY, "more than %zu bytes in one arena", arena->maximum_bytes);
        return NULL;
    }
    struct chunk *chunk = arena->newest;
    if (!chunk || chunk->size - chunk->used < n_bytes) {
        if (!add_chunk(arena, n_bytes, err)) return NULL;
        chunk = arena->newest;
    }
    void *memory = chunk->bytes + chunk->used;
    chunk->used += n_bytes;
    arena->used_bytes += n_bytes;
    return memory;
}

char *arena_copy(struct arena *arena, const char *text, size_t n_bytes, struct err *err)
{
    size_t total;
    if (!mem_add(n_bytes, 1, &total)) {
        err_set(err, ERR_MEMORY, "size overflow");
        return NULL;
    }
    char *copy = arena_alloc(arena, total, 1, err);
    if (copy && n_bytes) memcpy(copy, text, n_bytes);
    return copy;
}

char *arena_string(struct arena *arena, const char *text, struct err *err)
{
    return arena_copy(arena, text, strlen(text), err);
}

char *arena_printf(struct arena *arena, struct err *err, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = n < 0 ? NULL : arena_alloc(arena, (size_t)n + 1, 1, err);
    if (text) vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    return text;
}

void *arena_copy_array(struct arena *arena, const void *items, size_t n, size_t size,
                       struct err *err)
{
    void *copy = arena_alloc(arena, n, size, err);
    if (copy && n) memcpy(copy, items, n * size);
    return copy;
}

bool arena_grow(struct arena *arena, void **items, size_t *capacity, size_t n, size_t size,
                struct err *err)
{
    size_t doubled;
    if (n <= *capacity) return true;
    if (!mem_multiply(*capacity, 2, &doubled) || doubled < n) doubled = n < 8 ? 8 : n;
    void *grown = arena_alloc(arena, doubled, size, err);
    if (!grown) return false;
    if (*capacity) memcpy(grown, *items, *capacity * size);
    *items = grown;
    *capacity = doubled;
    return true;
}

char *arena_take(struct arena *arena, struct buf *text, struct err *err)
{
    char *copy =
        buf_check(text, err) ? arena_copy(arena, buf_string(text), text->n_bytes, err) : NULL;
    buf_free(text);
    return copy;
}
