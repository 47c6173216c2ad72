/* cursor.h - the one way in which bytes of a file are read: little-endian, bounds-checked.
 *
 * A read past the end sets .failed, gives 0 and moves nothing; later reads give 0 too. Check once
 * per structure.
 */
#ifndef PHIBENCH_BASE_CURSOR_H
#define PHIBENCH_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cursor {
    const uint8_t *bytes;
    size_t n_bytes, at;
    bool failed;
};

/* n bytes at the cursor, which moves on; NULL past the end. */
static inline const uint8_t *cursor_take(struct cursor *cursor, uint64_t n)
{
    if (cursor->failed || n > cursor->n_bytes - cursor->at) {
        cursor->failed = true;
        return NULL;
    }
    const uint8_t *taken = cursor->bytes + cursor->at;
    cursor->at += (size_t)n;
    return taken;
}

static inline uint64_t cursor_unsigned(struct cursor *cursor, unsigned n_bytes)
{
    const uint8_t *taken = cursor_take(cursor, n_bytes);
    uint64_t value = 0;
    for (unsigned i = 0; taken && i < n_bytes; i++) value |= (uint64_t)taken[i] << (8 * i);
    return value;
}

static inline uint32_t cursor_u32(struct cursor *cursor)
{
    return (uint32_t)cursor_unsigned(cursor, 4);
}

static inline uint64_t cursor_u64(struct cursor *cursor)
{
    return cursor_unsigned(cursor, 8);
}

#endif
