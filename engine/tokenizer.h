/* tokenizer.h - text to token ids and back: SentencePiece BPE by scores ("llama") and byte-level
 * BPE ("gpt2").
 *
 * Made from a model's metadata. Const after that and thread-safe. Engine-internal twin of what
 * engine.h exposes.
 */
#ifndef PHIBENCH_ENGINE_TOKENIZER_H
#define PHIBENCH_ENGINE_TOKENIZER_H

#include "engine/engine.h"
#include "engine/metadata.h"

/* Makes one from tokenizer.ggml.* keys. ERR_UNSUPPORTED for a tokenizer kind or pre-type that is
 * not in, ERR_INPUT for a vocabulary that contradicts itself. Free with tokenizer_free. */
struct tokenizer *tokenizer_new(const struct metadata *metadata, struct err *err)
    __attribute__((warn_unused_result));

int32_t tokenizer_find(const struct tokenizer *tokenizer, const char *piece); /* -1 if absent */
/* Overrides rstrip of one token, by the caller's explicit wish, before the tokenizer is shared. */
bool tokenizer_set_rstrip(struct tokenizer *tokenizer, const char *piece, bool rstrip,
                          struct err *err);

#endif
