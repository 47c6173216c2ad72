/* pretokenize.h - cuts text into the words inside which BPE merges.
 *
 * A pre-tokenizer is a list of steps: most cut every span that the ones before left, at the matches
 * of a regular expression; some write a text anew, with marks for its spaces. It is found by a name
 * (a GGUF file's tokenizer.ggml.pre) or read from a tokenizer.json. Const once made, thread-safe.
 */
#ifndef PHIBENCH_ENGINE_PRETOKENIZE_H
#define PHIBENCH_ENGINE_PRETOKENIZE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/regex.h"

struct pretokenizer;

/* Finds one by its name in tokenizer.ggml.pre. ERR_UNSUPPORTED, with the names that are known, for
 * one that is not in the table (pre_types.h). */
struct pretokenizer *pretokenizer_new(const char *name, struct err *err)
    __attribute__((warn_unused_result));
/* From the JSON of a "pre_tokenizer" (pretokenize_json.c), null for one without steps.
 * ERR_UNSUPPORTED names a step that is not in. *is_byte_level: whether words are to be spelled in
 * bytes. */
struct pretokenizer *pretokenizer_read(const struct json *json, bool *is_byte_level,
                                       struct err *err) __attribute__((warn_unused_result));
void pretokenizer_free(struct pretokenizer *pretokenizer);

/* What the table says of this pre-type: Llama 3's texts begin with BOS where the file does not say
 * otherwise, and a word that is a piece is taken as it is. */
bool pretokenizer_adds_bos(const struct pretokenizer *pretokenizer);
bool pretokenizer_ignores_merges(const struct pretokenizer *pretokenizer);
/* And whether a text is brought to NFC before; a tokenizer.json has a normalizer for that. */
bool pretokenizer_composes(const struct pretokenizer *pretokenizer);
/* Whether a text begins with a space or a mark that was not in it. */
bool pretokenizer_prepends(const struct pretokenizer *pretokenizer);

/* The name in the table of pre-types for one that cuts in the same way, NULL if there is none.
 * ignores_merges: whether words that are pieces are not merged. */
const char *pretokenizer_name(const struct pretokenizer *pretokenizer, bool ignores_merges);

/* Where a fragment of a text stands, for what is put before it. */
enum fragment_place {
    FRAGMENT_FIRST,    /* at the beginning of the text */
    FRAGMENT_INNER,    /* behind a token that was found as a whole */
    FRAGMENT_CONTINUES /* behind other text */
};

struct word_list {
    const char *text;         /* what the spans are of: the caller's text or `written` */
    struct regex_span *spans; /* byte offsets, ascending */
    size_t n, capacity;
    struct buf written, spare; /* the text as steps have written it */
};
void word_list_done(struct word_list *words);

/* Fills *words, whose memory is reused, with the words of text, which must be valid UTF-8. Linear
 * in n_bytes. */
bool pretokenizer_split(const struct pretokenizer *pretokenizer, const char *text, size_t n_bytes,
                        enum fragment_place place, struct word_list *words, struct err *err)
    __attribute__((warn_unused_result));

/* ---- Making one, step by step ---- */

/* What becomes of the matches of an expression: words of their own (each, or all that touch as
 * one), nothing, or a part of the word before or behind them. */
enum split_behaviour {
    SPLIT_ISOLATED,
    SPLIT_CONTIGUOUS,
    SPLIT_REMOVED,
    SPLIT_MERGED_WITH_PREVIOUS,
    SPLIT_MERGED_WITH_NEXT
};
/* When a mark is put before a word. */
enum prefix_scheme { PREFIX_NEVER, PREFIX_FIRST, PREFIX_ALWAYS };

struct pretokenizer *pretokenizer_new_empty(struct err *err) __attribute__((warn_unused_result));
/* expression: PCRE2's syntax. `inverted`: matches are what lies between those of the expression. */
bool pretokenizer_add_split(struct pretokenizer *pretokenizer, const char *expression,
                            enum split_behaviour behaviour, bool inverted, struct err *err)
    __attribute__((warn_unused_result));
/* Every space becomes the mark (of at most MARK_BYTES), which may be a space, and a word that does
 * not begin with it gets one by the scheme. */
enum { MARK_BYTES = 8 };
bool pretokenizer_add_mark(struct pretokenizer *pretokenizer, const char *mark,
                           enum prefix_scheme scheme, struct err *err)
    __attribute__((warn_unused_result));

#endif
