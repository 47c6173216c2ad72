/* buf.h - a growing, zero-ended byte buffer with a maximum, for text that is built piece by piece.
 *
 * Start with `struct buf b = {0}` (maximum 1 GiB) or set .maximum. A failed append sets .failed and
 * makes later ones do nothing, so that a long sequence needs one check at its end. One thread at a
 * time.
 */
#ifndef PHIBENCH_BASE_BUF_H
#define PHIBENCH_BASE_BUF_H

#include "base/err.h"

#include <stddef.h>
#include <stdio.h>

struct buf {
    char *data; /* zero-ended once anything was appended; NULL before */
    size_t n_bytes, capacity, maximum;
    bool failed;
};

void buf_free(struct buf *buf);
/* Keeps the memory, forgets the content; a failure stays until buf_free, so that what is put
 * together in pieces needs one check too. */
void buf_clear(struct buf *buf);

bool buf_append(struct buf *buf, const void *bytes, size_t n_bytes);
bool buf_text(struct buf *buf, const char *text);
bool buf_char(struct buf *buf, char c);
bool buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The content as a string ("" when empty), owned by the buffer. */
const char *buf_string(const struct buf *buf);

/* True if nothing failed so far, otherwise ERR_MEMORY. */
bool buf_check(const struct buf *buf, struct err *err) __attribute__((warn_unused_result));

/* Writes the content to a stream and frees it. ERR_MEMORY, with nothing written, if an append
 * failed. A fault of the stream is left to whoever closes it. */
bool buf_print(struct buf *buf, FILE *out, struct err *err) __attribute__((warn_unused_result));

/* Hands the string over to the caller (free() it); the buffer is empty after. NULL with
 * ERR_MEMORY. */
char *buf_take(struct buf *buf, struct err *err) __attribute__((warn_unused_result));

#endif
