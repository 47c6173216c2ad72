/* pre_types.h - the table of pre-types: what a name in tokenizer.ggml.pre stands for.
 *
 * A pre-type is the regular expressions that cut text into words before byte-level BPE merges, and
 * what files of it mean where they do not say. How the expressions are applied is pretokenize.h's.
 */
#ifndef PHIBENCH_ENGINE_PRE_TYPES_H
#define PHIBENCH_ENGINE_PRE_TYPES_H

#include "base/buf.h"

#include <stdbool.h>

enum { PRE_TYPE_MAX_EXPRESSIONS = 6 };

struct pre_type {
    const char *name;
    const char *source;  /* the model that the name was made for, NULL: none */
    bool adds_bos;       /* a text begins with BOS unless the file says otherwise */
    bool ignores_merges; /* a word that is a piece is taken as it is, whatever the merges say */
    const char *expressions[PRE_TYPE_MAX_EXPRESSIONS + 1]; /* NULL after the last */
};

/* The row of this name, NULL if there is none. */
const struct pre_type *pre_type_find(const char *name);

/* Appends all names in the order of the table, with ", " between them. */
void pre_type_list(struct buf *out);

#endif
