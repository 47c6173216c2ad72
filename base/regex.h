/* regex.h - regular expressions on PCRE2 (UTF-8, Unicode properties).
 *
 * A compiled expression is const and may be used by many threads.
 */
#ifndef PHIBENCH_BASE_REGEX_H
#define PHIBENCH_BASE_REGEX_H

#include "base/err.h"

#include <stddef.h>

struct regex;

/* PCRE2 syntax, UTF and UCP on. Unlike Python's, \s takes U+180E, which was white space until
 * Unicode 6.3, and not U+001C to U+001F: no text that is evaluated has them. Free with
 * regex_free. */
struct regex *regex_new(const char *pattern, struct err *err) __attribute__((warn_unused_result));
void regex_free(struct regex *regex);

/* Where the first match at or after `from` lies: 1 and groups [n_groups] as {begin, end} byte
 * offsets (group 0 the whole match; SIZE_MAX, SIZE_MAX for one that took no part); 0 for none; -1
 * with an error (text is no UTF-8, limits). */
struct regex_span {
    size_t begin, end;
};
int regex_find(const struct regex *regex, const char *text, size_t n_bytes, size_t from,
               struct regex_span *groups, size_t n_groups, struct err *err);

/* regex_find for a text that the caller has found well-formed with utf8_is_valid. regex_find looks
 * through the whole text at every call, so that walking all matches takes time quadratic in it. */
int regex_find_valid(const struct regex *regex, const char *text, size_t n_bytes, size_t from,
                     struct regex_span *groups, size_t n_groups, struct err *err);

#endif
