/* pre_types.h - the table of pre-types: what a name in tokenizer.ggml.pre stands for.
 *
 * A pre-type is the regular expressions that cut text into words before byte-level BPE merges, and
 * what files of it mean where they do not say. How the expressions are applied is pretokenize.h's.
 */
#ifndef PHIBENCH_ENGINE_PRE_TYPES_H
#define PHIBENCH_ENGINE_PRE_TYPES_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* Unicode's White_Space, for a class. PCRE2's \s also takes U+180E, which is none since Unicode
 * 6.3, and none to the tokenizers that models were trained with. */
#define PRE_TYPE_SPACE "\\p{Z}\\t-\\r\\x85"
#define PRE_TYPE_SPACES "[" PRE_TYPE_SPACE "]+(?![^" PRE_TYPE_SPACE "])|[" PRE_TYPE_SPACE "]+"
/* What ByteLevel of the `tokenizers` library cuts by, unless told otherwise. */
#define PRE_TYPE_GPT2                                                                              \
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^" PRE_TYPE_SPACE                              \
    "\\p{L}\\p{N}]+|" PRE_TYPE_SPACES

enum { PRE_TYPE_MAX_EXPRESSIONS = 6 };

struct pre_type {
    const char *name;
    const char *source;  /* the model that the name was made for, NULL: none */
    bool adds_bos;       /* a text begins with BOS unless the file says otherwise */
    bool ignores_merges; /* a word that is a piece is taken as it is, whatever the merges say */
    const char *expressions[PRE_TYPE_MAX_EXPRESSIONS + 1]; /* NULL after the last */
};

/* Whether the tokenizers that the name was made for bring a text to NFC first. */
bool pre_type_composes(const char *name);

/* The row of this name, NULL if there is none. */
const struct pre_type *pre_type_find(const char *name);

/* The first name in the table for words that are cut by these expressions, in this order; NULL if
 * there is none. */
const char *pre_type_name(const char *const *expressions, size_t n, bool ignores_merges);

/* Appends all names in the order of the table, with ", " between them. */
void pre_type_list(struct buf *out);

#endif
