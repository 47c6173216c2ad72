/* needle.h - haystacks with a needle, of any length: a text of many words, and in one place of it a
 * sentence with a secret number.
 *
 * The text is made of invented sentences, or taken from the user's. Everything follows from the
 * options and the seed.
 */
#ifndef PHIBENCH_SUITES_NEEDLE_H
#define PHIBENCH_SUITES_NEEDLE_H

#include "suites/value.h"

struct needle_options {
    const int64_t *words; /* [n_words] lengths of the text, in words; 0: 1000 */
    const int64_t
        *depths; /* [n_depths] where the needle is: 0 the beginning, 100 the end; 0: five */
    size_t n_words, n_depths;
    int64_t count; /* texts for each length; each holds the needle at every depth; 0: 5 */
    uint64_t seed;
};

/* Called for each haystack, a map of text, place, number, words and depth. */
typedef bool needle_fn(void *context, const struct value *fields, struct err *err);

/* haystack: the user's text of n_bytes, NULL: an invented one. Texts of one length and number begin
 * alike up to their needles. ERR_INPUT for a haystack without sentences. */
bool needle_make(const struct needle_options *options, const char *haystack, size_t n_bytes,
                 struct arena *arena, needle_fn *take, void *context, struct err *err)
    __attribute__((warn_unused_result));

#endif
