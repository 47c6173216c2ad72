/* chat_template.c - see chat_template.h. The variables are those that `transformers` gives to a
 * template in apply_chat_template.
 *
 * The day that strftime_now prints is always the same one, or an answer would depend on when it was
 * asked for: 26 July 2024, which the templates of Llama 3 take where they are told no date.
 */
#include "engine/chat_template.h"

#include "base/mem.h"
#include "engine/jinja/jinja.h"

#include <stdlib.h>
#include <string.h>

static const char TEMPLATE_NAME[] = "chat template";

struct chat_template {
    struct jinja *jinja; /* NULL: it cannot be run */
    struct err fault;    /* and why */
};

struct chat_template *chat_template_new(const char *text, struct err *err)
{
    struct chat_template *chat = mem_new(1, sizeof *chat, err);
    if (!chat) return NULL;
    chat->jinja = jinja_compile(text, strlen(text), TEMPLATE_NAME, &chat->fault);
    if (chat->jinja || chat->fault.code != ERR_MEMORY) return chat;
    if (err) *err = chat->fault;
    chat_template_free(chat);
    return NULL;
}

void chat_template_free(struct chat_template *chat)
{
    if (!chat) return;
    jinja_free(chat->jinja);
    free(chat);
}

static void set_text(struct jinja_variables *variables, const char *name, const char *text)
{
    if (text) jinja_set(variables, name, jinja_new_string(variables, text, strlen(text)));
}

static void set_messages(struct jinja_variables *variables, const struct chat_message *messages,
                         size_t n)
{
    static const char *const ROLES[] = {
        [CHAT_SYSTEM] = "system", [CHAT_USER] = "user", [CHAT_ASSISTANT] = "assistant"};
    struct jinja_value *list = jinja_new_list(variables);
    for (size_t i = 0; i < n; i++) {
        const char *role = ROLES[messages[i].role], *text = messages[i].text;
        struct jinja_value *message = jinja_new_map(variables);
        jinja_put(variables, message, "role", jinja_new_string(variables, role, strlen(role)));
        jinja_put(variables, message, "content", jinja_new_string(variables, text, strlen(text)));
        jinja_push(variables, list, message);
    }
    jinja_set(variables, "messages", list);
}

bool chat_template_render(const struct chat_template *chat, const struct chat_tokens *tokens,
                          const struct chat_message *messages, size_t n, bool add_generation_prompt,
                          struct buf *out, struct err *err)
{
    static const struct tm DAY = {
        .tm_year = 124, .tm_mon = 6, .tm_mday = 26, .tm_wday = 5, .tm_yday = 207};
    static const struct jinja_options OPTIONS = {.now = &DAY};
    if (!chat->jinja) {
        if (err) *err = chat->fault;
        return false;
    }
    struct jinja_variables *variables = jinja_variables_new(err);
    if (!variables) return false;
    set_messages(variables, messages, n);
    jinja_set(variables, "add_generation_prompt", jinja_new_bool(variables, add_generation_prompt));
    jinja_set(variables, "tools", jinja_new_none(variables));
    jinja_set(variables, "documents", jinja_new_none(variables));
    set_text(variables, "bos_token", tokens->bos);
    set_text(variables, "eos_token", tokens->eos);
    set_text(variables, "unk_token", tokens->unknown);
    bool ok = jinja_render(chat->jinja, variables, &OPTIONS, out, err);
    jinja_variables_free(variables);
    return ok;
}
