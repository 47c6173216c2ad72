/* hf_chat_template.h - the chat templates of a Hugging Face folder, as keys of GGUF.
 *
 * Texts are handed through as they are: engine/chat_template.h runs them.
 */
#ifndef PHIBENCH_ENGINE_HF_HF_CHAT_TEMPLATE_H
#define PHIBENCH_ENGINE_HF_HF_CHAT_TEMPLATE_H

#include "base/json.h"
#include "engine/metadata.h"

/* Sets tokenizer.chat_template, and for named ones tokenizer.chat_templates and
 * tokenizer.chat_template.NAME. chat_template.jinja and the files of additional_chat_templates win
 * over what tokenizer_config.json (config) has, as in `transformers`; a chat_template.json counts
 * where neither says anything. */
bool hf_chat_template_read(const char *folder, const struct json *config, struct metadata *metadata,
                           struct err *err) __attribute__((warn_unused_result));

#endif
