/* chat.h - the chat formats that are built in, for files without a template and by choice.
 *
 * Const tables; thread-safe.
 */
#ifndef PHIBENCH_ENGINE_CHAT_H
#define PHIBENCH_ENGINE_CHAT_H

#include "engine/engine.h"

/* Appends the prompt for messages: [n] in a format of CHAT_FORMATS; the text holds special tokens
 * to be parsed, and no BOS. ERR_UNSUPPORTED for another format, ERR_USAGE for messages that it has
 * no place for. */
bool chat_render(const char *format, const struct chat_message *messages, size_t n,
                 bool add_generation_prompt, struct buf *out, struct err *err)
    __attribute__((warn_unused_result));

#endif
