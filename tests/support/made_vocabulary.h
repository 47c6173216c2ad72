/* made_vocabulary.h - small vocabularies as metadata, for tests of what files say wrongly.
 *
 * Both have a token for every byte. What goes wrong here fails the running test.
 */
#ifndef PHIBENCH_TESTS_SUPPORT_MADE_VOCABULARY_H
#define PHIBENCH_TESTS_SUPPORT_MADE_VOCABULARY_H

#include "engine/tokenizer.h"
#include "engine/tools.h"

struct made_entry {
    const char *text;
    float score;
    enum token_kind kind;
};

enum { MADE_MAX_ENTRIES = 640 };

struct made_vocabulary {
    struct metadata_string tokens[MADE_MAX_ENTRIES];
    float scores[MADE_MAX_ENTRIES];
    int32_t kinds[MADE_MAX_ENTRIES];
    char texts[MADE_MAX_ENTRIES][24];
    size_t n;
};

/* A copy of the text becomes the next token. */
void made_put(struct made_vocabulary *made, const char *text, float score, enum token_kind kind);

/* 0 <unk>, 1 <s>, 2 </s>, 3 to 258 the bytes, 259 U+2581, 260 to 353 the printable characters of
 * ASCII, 354 to 373 twenty merged pieces, the i-th of score -i: "\u2581hello" is 367. */
void made_put_spm(struct made_vocabulary *made);

/* The alphabet of byte-level BPE in the order of bytes, 0 to 255. */
void made_put_bpe(struct made_vocabulary *made);

/* Tokens, scores and types, and the tokenizer's model. Free with metadata_free. */
struct metadata *made_metadata_of(const struct made_vocabulary *made, const char *model);

void made_set_array(struct metadata *metadata, const char *key, enum metadata_kind element,
                    const void *items, size_t n);
/* tokenizer.ggml.merges: every pair of tokens past the bytes that makes a third, in the order of
 * scores. */
void made_set_merges(struct metadata *metadata, const struct made_vocabulary *made);

/* The tokenizer of the metadata, which are freed. */
struct tokenizer *made_tokenizer(struct metadata *metadata);
/* The metadata, which are freed, are refused with ERR_INPUT and a message with this part. */
void made_assert_refused(struct metadata *metadata, const char *part);
/* The ids of a text as "1 367 2". */
void made_assert_ids(const struct tokenizer *tokenizer, const char *text, bool parse_special,
                     const char *expected);

#endif
