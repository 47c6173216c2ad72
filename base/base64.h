/* base64.h - bytes as text (RFC 4648, section 4, with padding), for data: URLs.
 *
 * Written only: nothing here reads such text. Pure, thread-safe.
 */
#ifndef PHIBENCH_BASE_BASE64_H
#define PHIBENCH_BASE_BASE64_H

#include "base/buf.h"

#include <stdint.h>

/* Appends four characters for every three bytes, the last of them '=' where bytes are missing. */
void base64_put(struct buf *out, const uint8_t *bytes, size_t n_bytes);

/* Appends "data:MEDIA_TYPE;base64," and the bytes: a file inside of a text (RFC 2397). */
void base64_put_url(struct buf *out, const char *media_type, const uint8_t *bytes, size_t n_bytes);

#endif
