/* unicode.h - the normalization forms and properties of Unicode that tokenizers name (Unicode
 * Standard Annex 15; Technical Standard 18 for what a word is made of), on utf8proc.
 *
 * Pure, thread-safe.
 */
#ifndef PHIBENCH_BASE_UNICODE_H
#define PHIBENCH_BASE_UNICODE_H

#include "base/buf.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum unicode_form { UNICODE_NFC, UNICODE_NFD, UNICODE_NFKC, UNICODE_NFKD };

/* Appends the text in this form. Malformed bytes stay as they are and part what is around them. */
bool unicode_normalize(enum unicode_form form, const char *text, size_t n_bytes, struct buf *out,
                       struct err *err) __attribute__((warn_unused_result));

/* Whether the bytes alone tell that the text is in this form: true for nearly all that is. */
bool unicode_is_surely(enum unicode_form form, const char *text, size_t n_bytes);

/* Unicode's White_Space. */
bool unicode_is_space(uint32_t code);
/* Where the white space that stands at `at` ends; `at` if there is none. */
size_t unicode_skip_space(const char *text, size_t n_bytes, size_t at);
/* Letters, marks, decimal digits, connectors and joiners: "\w" in a regular expression. */
bool unicode_is_word(uint32_t code);
/* Decimal digits of any script: what Python's "\d" matches. */
bool unicode_is_digit(uint32_t code);

#endif
