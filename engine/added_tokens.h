/* added_tokens.h - finding the tokens that a tokenizer.json adds to its vocabulary, which are
 * matched as a whole before anything else looks at a text.
 *
 * As the library `tokenizers` does it: leftmost first, then longest; a match is thrown away where
 * its token asks for single words and a letter touches it; it takes in the white space before and
 * behind it where its token says so. Only the files of the tokenizer include this header.
 */
#ifndef PHIBENCH_ENGINE_ADDED_TOKENS_H
#define PHIBENCH_ENGINE_ADDED_TOKENS_H

#include "engine/tokenizer_internal.h"

struct added_token {
    char *text; /* what is looked for */
    uint32_t n_bytes;
    char *content; /* what it is spelled like: the same, unless that was normalized */
    int32_t id;
};

struct added_set {
    struct added_token *tokens;
    size_t n, capacity;
    int32_t *slots; /* [slot_mask + 1] hash table of indices by text, -1 for empty */
    size_t slot_mask;
    /* The distinct lengths of tokens, longest first, by first byte:
     * lengths[first[b] .. first[b + 1]). */
    uint32_t *lengths;
    uint32_t first[257];
};

/* Adds a token by copies of its texts, which are not empty; then added_set_finish, once. */
bool added_set_add(struct added_set *set, const char *text, const char *content, int32_t id,
                   struct err *err) __attribute__((warn_unused_result));
bool added_set_finish(struct added_set *set, struct err *err) __attribute__((warn_unused_result));
void added_set_done(struct added_set *set);

/* A search through a text; `at` and `end` are 0 at first. */
struct added_search {
    const struct tokenizer *tokenizer;
    const struct added_set *set;
    const struct encode_options *options;
    const char *text;
    size_t n_bytes;
    size_t at;  /* where the next match is looked for */
    size_t end; /* of the last match: where the text before the next one begins */
};

struct added_match {
    int32_t id;
    size_t begin, end;
};

/* The next match; false if there is none. Control tokens are found only if special tokens are
 * parsed. */
bool added_find(struct added_search *search, struct added_match *match);

#endif
