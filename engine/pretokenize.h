/* pretokenize.h - cuts text into the words inside which byte-level BPE merges.
 *
 * Each pre-type is a list of regular expressions; each of them cuts every span that the ones before
 * it left into its matches and what lies between them. Const after pretokenizer_new, thread-safe.
 */
#ifndef PHIBENCH_ENGINE_PRETOKENIZE_H
#define PHIBENCH_ENGINE_PRETOKENIZE_H

#include "base/err.h"
#include "base/regex.h"

struct pretokenizer;

/* Finds one by its name in tokenizer.ggml.pre. ERR_UNSUPPORTED, with the names that are known, for
 * one that is not in the table (pre_types.h). */
struct pretokenizer *pretokenizer_new(const char *name, struct err *err)
    __attribute__((warn_unused_result));
void pretokenizer_free(struct pretokenizer *pretokenizer);

/* What the table says of this pre-type: Llama 3's texts begin with BOS where the file does not say
 * otherwise, and a word that is a piece is taken as it is. */
bool pretokenizer_adds_bos(const struct pretokenizer *pretokenizer);
bool pretokenizer_ignores_merges(const struct pretokenizer *pretokenizer);

struct word_list {
    struct regex_span *spans; /* byte offsets, ascending, together the whole text */
    size_t n, capacity;
};
void word_list_done(struct word_list *words);

/* Fills *words, whose memory is reused, with the words of text, which must be valid UTF-8. Linear
 * in n_bytes. */
bool pretokenizer_split(const struct pretokenizer *pretokenizer, const char *text, size_t n_bytes,
                        struct word_list *words, struct err *err)
    __attribute__((warn_unused_result));

#endif
