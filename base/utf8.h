/* utf8.h - UTF-8 by code point: decoding that survives any bytes, encoding, repair.
 *
 * Well-formed is what the Unicode Standard says in table 3-7. Thread-safe.
 */
#ifndef PHIBENCH_BASE_UTF8_H
#define PHIBENCH_BASE_UTF8_H

#include "base/buf.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* Decodes the code point at text[0..n_bytes): its length in bytes, 0 if n_bytes is 0. A malformed
 * byte counts as one, with *code = 0xFFFD and *valid = false (valid may be NULL). Overlong forms
 * and surrogates are malformed. */
size_t utf8_decode(const char *text, size_t n_bytes, uint32_t *code, bool *valid);

/* Writes at most 4 bytes; returns how many. */
size_t utf8_encode(uint32_t code, char out[4]);

bool utf8_is_valid(const char *text, size_t n_bytes);
/* Length of the longest beginning of text that is all valid UTF-8, or all malformed bytes; *valid
 * says which, and stays where n_bytes is 0. */
size_t utf8_run(const char *text, size_t n_bytes, bool *valid);
size_t utf8_count(const char *text, size_t n_bytes);

/* Appends text with every malformed byte replaced by U+FFFD. */
void utf8_append_valid(struct buf *out, const char *text, size_t n_bytes);

/* Passes over the byte order mark that editors put before a file's text, if there is one.
 * ERR_INPUT, at the file (may be NULL), for the marks of UTF-16 and UTF-32, which nothing here
 * reads. */
bool utf8_skip_mark(const char **text, size_t *n_bytes, const char *file, struct err *err)
    __attribute__((warn_unused_result));

/* Length of the longest prefix that does not end inside a code point: for streaming output. */
size_t utf8_complete_prefix(const char *text, size_t n_bytes);

#endif
