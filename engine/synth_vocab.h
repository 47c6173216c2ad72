/* synth_vocab.h - the vocabulary of synthetic models: SentencePiece-like pieces made here, in
 * the layout of Phi-3's.
 *
 * Ids 0 to 2 are <unk>, <s> and </s>, then come the 256 bytes, printable ASCII, words and parts
 * of words, and last Phi-3's special tokens (32000 <|endoftext|> ... 32010 <|user|> in a
 * vocabulary of 32064).
 */
#ifndef PHIBENCH_ENGINE_SYNTH_VOCAB_H
#define PHIBENCH_ENGINE_SYNTH_VOCAB_H

#include "engine/metadata.h"

enum { SYNTH_VOCAB_MIN = 400, SYNTH_VOCAB_MAX = 1 << 20 };

/* Adds every tokenizer.* key of a generated vocabulary of n_vocab pieces, in the range above. "
 * A" to " D" and "Answer" are single pieces in all of them. */
bool synth_add_vocabulary(struct metadata *metadata, size_t n_vocab, struct err *err)
    __attribute__((warn_unused_result));

#endif
