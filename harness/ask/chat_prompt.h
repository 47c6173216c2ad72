/* chat_prompt.h - what is said in a chat as the prompt of a model: its own template, or a built-in
 * format, around every turn.
 */
#ifndef PHIBENCH_HARNESS_ASK_CHAT_PROMPT_H
#define PHIBENCH_HARNESS_ASK_CHAT_PROMPT_H

#include "engine/engine.h"
#include "suites/request.h"

/* Appends the prompt that asks for the next turn. format: of CHAT_FORMATS, NULL: the file's
 * template; system: NULL for none; stem: stands behind the last turn. ERR_INPUT where a template
 * refuses what is said, ERR_UNSUPPORTED without a template. Thread-safe. */
bool chat_prompt_render(const struct tokenizer *tokenizer, const char *format, const char *system,
                        const struct dialogue *dialogue, const char *stem, struct buf *out,
                        struct err *err) __attribute__((warn_unused_result));

#endif
