/* chat_template.h - the chat template that a model's file brings, as `transformers` renders it.
 *
 * A template that cannot be run spoils nothing but chats: its fault is kept, and told by whoever
 * renders it. Const after its making, shared between threads.
 */
#ifndef PHIBENCH_ENGINE_CHAT_TEMPLATE_H
#define PHIBENCH_ENGINE_CHAT_TEMPLATE_H

#include "engine/engine.h"

struct chat_template;

/* text: Jinja. NULL for want of memory alone; freed with chat_template_free. */
struct chat_template *chat_template_new(const char *text, struct err *err)
    __attribute__((warn_unused_result));
void chat_template_free(struct chat_template *chat);

/* What templates call bos_token, eos_token and unk_token; NULL: the vocabulary has none. */
struct chat_tokens {
    const char *bos, *eos, *unknown;
};

/* Appends the prompt for messages: [n], with no tools and no documents. Errors have the line and
 * column of the template, ERR_INPUT where it refuses the messages itself. */
bool chat_template_render(const struct chat_template *chat, const struct chat_tokens *tokens,
                          const struct chat_message *messages, size_t n, bool add_generation_prompt,
                          struct buf *out, struct err *err) __attribute__((warn_unused_result));

#endif
