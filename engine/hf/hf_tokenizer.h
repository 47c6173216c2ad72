/* hf_tokenizer.h - the tokenizer of a Hugging Face folder, as keys of GGUF.
 *
 * tokenizer.json counts; where there is none, tokenizer.model (SentencePiece) or a *.tiktoken file
 * does. tokenizer_config.json, special_tokens_map.json, generation_config.json, config.json and
 * chat_template.jinja say the rest: BOS, EOS and other special tokens, which tokens end a
 * generation, chat templates.
 */
#ifndef PHIBENCH_ENGINE_HF_HF_TOKENIZER_H
#define PHIBENCH_ENGINE_HF_HF_TOKENIZER_H

#include "engine/metadata.h"

/* Sets tokenizer.* as the ecosystem's converter writes them, and two keys of our own for what GGUF
 * cannot say (tokenizer_steps.h). Errors name the file, and within it the member at fault;
 * ERR_UNSUPPORTED names what is not in. */
bool hf_tokenizer_read(const char *folder, struct metadata *metadata, struct err *err)
    __attribute__((warn_unused_result));

#endif
