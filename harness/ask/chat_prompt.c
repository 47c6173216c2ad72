/* chat_prompt.c - see chat_prompt.h: turns become messages, the user's and the model's in turn.
 *
 * Owns nothing between two calls.
 */
#include "harness/ask/chat_prompt.h"

#include "base/mem.h"

#include <stdlib.h>

bool chat_prompt_render(const struct tokenizer *tokenizer, const char *format, const char *system,
                        const struct dialogue *dialogue, const char *stem, struct buf *out,
                        struct err *err)
{
    struct chat_message *messages = mem_new(dialogue->n + 1, sizeof *messages, err);
    struct buf last = {0};
    size_t n = 0;
    if (!messages) return false;
    if (system) messages[n++] = (struct chat_message){CHAT_SYSTEM, system};
    for (size_t i = 0; i < dialogue->n; i++)
        messages[n++] =
            (struct chat_message){i % 2 ? CHAT_ASSISTANT : CHAT_USER, dialogue->turns[i]};
    buf_text(&last, messages[n - 1].text);
    buf_text(&last, stem);
    messages[n - 1].text = buf_string(&last);
    bool ok = buf_check(&last, err) &&
              tokenizer_render_chat(tokenizer, format, messages, n, true, out, err);
    buf_free(&last);
    free(messages);
    return ok;
}
