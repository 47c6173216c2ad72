/* strings.h - what the files about strings share: methods of case and class, formatting, pieces.
 *
 * Functions that take an invocation are methods of a string, call->self, or filters that are one.
 */
#ifndef PHIBENCH_ENGINE_JINJA_STRINGS_H
#define PHIBENCH_ENGINE_JINJA_STRINGS_H

#include "engine/jinja/builtins.h"

/* The result of a method: markup if the string is. Bytes are not copied; a buffer is freed. */
bool jinja_give(struct jinja_invocation *call, const char *bytes, size_t n_bytes);
bool jinja_give_buffer(struct jinja_invocation *call, struct buf *text);

/* How many bytes stand before the first line end, of *n_end bytes, 0 where there is none. */
size_t jinja_line_bytes(const char *bytes, size_t n_bytes, size_t *n_end);

/* Appends the text in upper case. */
void jinja_append_upper(struct buf *out, const char *bytes, size_t n_bytes);

jinja_builtin_fn jinja_upper, jinja_lower, jinja_capitalize, jinja_title_case, jinja_swap_case;
/* Whether all characters are of the class that is the variant, and there is one. */
enum jinja_class { CLASS_ASCII, CLASS_SPACE, CLASS_DIGIT, CLASS_LETTER, CLASS_LETTER_OR_DIGIT };
jinja_builtin_fn jinja_is_class;
/* isupper and islower; variant: upper. */
jinja_builtin_fn jinja_is_cased;
jinja_builtin_fn jinja_format;

#endif
