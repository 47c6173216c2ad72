/* letter_case.h - letter case and white space over all of Unicode, as Python's str.lower, str.split
 * and str.strip have them: protocols of evaluation are defined by these.
 *
 * Code points of Unicode 14. Pure, thread-safe.
 */
#ifndef PHIBENCH_BASE_LETTER_CASE_H
#define PHIBENCH_BASE_LETTER_CASE_H

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

/* The lower-case letter of one code point; itself where there is none of one code point. */
uint32_t letter_lower(uint32_t code);

/* The capital letter whose lower case this is; itself where there is none. Of several (K and the
 * kelvin sign) the first. Letters that have a capital of several code points, or that no capital
 * has for its lower case, stay: Python's str.upper changes about a hundred of these. */
uint32_t letter_upper(uint32_t code);

/* Appends the text in lower case; malformed bytes as they are. A capital sigma becomes the final
 * form at the end of a word, and U+0130 two code points. */
void letter_lower_text(struct buf *out, const char *text, size_t n_bytes);

/* Appends the text as str.capitalize has it: what its first letter is at the beginning of a word,
 * which may be several code points ("\u00df" is "Ss"), and all others in lower case. */
void letter_capitalize_text(struct buf *out, const char *text, size_t n_bytes);

/* Whether str.split() divides and str.strip() strips there. */
bool letter_is_space(uint32_t code);

/* Whether both texts have the same words, as str.split() finds them: white space is all that may
 * differ. */
bool letter_same_words(const char *a, const char *b);
/* Whether the words of the second text stand in the first, in a row. No words stand nowhere. */
bool letter_has_words(const char *text, const char *words);

/* The text without white space at its beginning and, if `end`, at its end: *n_bytes is its new
 * length. */
const char *letter_strip(const char *text, size_t *n_bytes, bool end);

#endif
