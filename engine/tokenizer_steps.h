/* tokenizer_steps.h - a tokenizer as a tokenizer.json describes it: tokens that are found as a
 * whole, a normalizer, a pre-tokenizer, BPE with merges, a decoder.
 *
 * GGUF's keys say less than that (which tokens take in white space, what NFC is asked for, how text
 * is cut), and what they leave out is guessed. So who makes a model's metadata of a folder puts
 * these steps beside them, and they count where they are. Only the files of the tokenizer and those
 * that write the key include this header.
 */
#ifndef PHIBENCH_ENGINE_TOKENIZER_STEPS_H
#define PHIBENCH_ENGINE_TOKENIZER_STEPS_H

#include "engine/tokenizer_internal.h"

/* The steps: a string, JSON like a tokenizer.json's with the members "added_tokens",
 * "normalizer", "pre_tokenizer", "decoder" and "model" without "vocab" and "merges", which are
 * GGUF's tokens and merges. */
#define TOKENIZER_STEPS_KEY "phibench.tokenizer.steps"
/* All tokens that end a generation: an array of ids. */
#define TOKENIZER_ENDS_KEY "phibench.tokenizer.end_token_ids"

struct token_steps;

/* Whether a tokenizer can take such steps, as far as these alone say; ERR_UNSUPPORTED names what it
 * cannot. (Reading normalizer and pre-tokenizer tells the rest.) */
bool steps_check(const struct json *json, struct err *err) __attribute__((warn_unused_result));

/* Reads the steps, if the metadata has any, into tokenizer->steps; the vocabulary is read before.
 * Sets the flags of its pieces and what tokenizer.c asks of each kind. */
bool steps_init(struct tokenizer *tokenizer, const struct metadata *metadata, struct err *err)
    __attribute__((warn_unused_result));
void steps_done(struct tokenizer *tokenizer);

/* Appends the ids of a text, without BOS. */
bool steps_encode(const struct tokenizer *tokenizer, const char *text, size_t n_bytes,
                  const struct encode_options *options, struct tokens *out, struct err *err)
    __attribute__((warn_unused_result));

/* Appends the text of ids that are in the vocabulary; control tokens only if `special`. What the
 * decoder strips from the beginning of a text is taken off `at_start`. */
bool steps_decode(const struct tokenizer *tokenizer, const int32_t *ids, size_t n, bool special,
                  bool at_start, struct buf *out, struct err *err)
    __attribute__((warn_unused_result));

#endif
