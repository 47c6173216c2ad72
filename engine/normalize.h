/* normalize.h - what a tokenizer.json does to a text before it cuts it: the steps of its
 * "normalizer", as the library `tokenizers` defines them.
 *
 * Const after normalizer_new, thread-safe. Malformed bytes of a text pass through every step as
 * they are.
 */
#ifndef PHIBENCH_ENGINE_NORMALIZE_H
#define PHIBENCH_ENGINE_NORMALIZE_H

#include "base/json.h"

struct normalizer;

/* From the JSON of a normalizer; null is one without steps. ERR_UNSUPPORTED names a step that is
 * not in. Free with normalizer_free. */
struct normalizer *normalizer_new(const struct json *json, struct err *err)
    __attribute__((warn_unused_result));
void normalizer_free(struct normalizer *normalizer);

/* Whether texts stay what they are. */
bool normalizer_is_empty(const struct normalizer *normalizer);

/* Appends what becomes of the text, which is not empty. Prepend adds nothing where the text
 * `continues` another one. */
bool normalizer_run(const struct normalizer *normalizer, const char *text, size_t n_bytes,
                    bool continues, struct buf *out, struct err *err)
    __attribute__((warn_unused_result));

/* Whether a text begins with what a Prepend puts there. */
bool normalizer_prepends(const struct normalizer *normalizer);

#endif
