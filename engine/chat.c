/* chat.c - the built-in chat formats: a table of what stands around each message, and its use.
 *
 * The table says what the models' published templates emit, without the BOS at the very beginning,
 * which is encode's. Where a template knows no system role (phi3-april, mistral, gemma), the system
 * text goes before the first user message with an empty line between: to drop it, as some of them
 * do, would lose what the user asked for. A template that refuses turns which do not alternate
 * (llama2, mistral, gemma) is followed in that. The text is parsed for special tokens as a whole,
 * as the reference implementations do: a message that contains "<|end|>" ends its turn.
 */
#include "engine/chat.h"

#include <string.h>

enum { N_ROLES = CHAT_ASSISTANT + 1 };

struct turn {
    const char *open, *close;
};

struct chat_format {
    const char *name;
    struct turn turns[N_ROLES]; /* by chat_role */
    bool system_in_user;        /* the system turn stands inside the first user turn */
    bool alternates;            /* user, assistant, user... or an error */
    bool strips;                /* white space at both ends of a message */
    const char *before_later_user;
    const char *generation; /* opens the answer */
    const char *end;        /* closes a text that asks for no answer */
};

static const struct chat_format FORMATS[] = {
    {.name = "phi3",
     .turns = {{"<|system|>\n", "<|end|>\n"},
               {"<|user|>\n", "<|end|>\n"},
               {"<|assistant|>\n", "<|end|>\n"}},
     .generation = "<|assistant|>\n",
     .end = "<|endoftext|>"},
    {.name = "phi3-april",
     .turns = {{"", "\n\n"}, {"<|user|>\n", "<|end|>\n"}, {"<|assistant|>\n", "<|end|>\n"}},
     .system_in_user = true,
     .generation = "<|assistant|>\n"},
    {.name = "phi3-small",
     .turns = {{"<|system|>\n", "<|end|>\n"},
               {"<|user|>\n", "<|end|>\n"},
               {"<|assistant|>\n", "<|end|>\n"}},
     .generation = "<|assistant|>\n",
     .end = "<|endoftext|>"},
    {.name = "llama2",
     .turns = {{"<<SYS>>\n", "\n<</SYS>>\n\n"}, {"[INST] ", " [/INST]"}, {" ", " </s>"}},
     .system_in_user = true,
     .alternates = true,
     .strips = true,
     .before_later_user = "<s>"},
    {.name = "llama3",
     .turns = {{"<|start_header_id|>system<|end_header_id|>\n\n", "<|eot_id|>"},
               {"<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>"},
               {"<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>"}},
     .strips = true,
     .generation = "<|start_header_id|>assistant<|end_header_id|>\n\n"},
    {.name = "mistral",
     .turns = {{"", "\n\n"}, {"[INST] ", " [/INST]"}, {" ", "</s>"}},
     .system_in_user = true,
     .alternates = true},
    {.name = "gemma",
     .turns = {{"", "\n\n"},
               {"<start_of_turn>user\n", "<end_of_turn>\n"},
               {"<start_of_turn>model\n", "<end_of_turn>\n"}},
     .system_in_user = true,
     .alternates = true,
     .strips = true,
     .generation = "<start_of_turn>model\n"},
    {.name = "chatml",
     .turns = {{"<|im_start|>system\n", "<|im_end|>\n"},
               {"<|im_start|>user\n", "<|im_end|>\n"},
               {"<|im_start|>assistant\n", "<|im_end|>\n"}},
     .generation = "<|im_start|>assistant\n"},
};

const char *const CHAT_FORMATS[] = {CHAT_FORMAT_FILE, "phi3",   "phi3-april", "phi3-small",
                                    "llama2",         "llama3", "mistral",    "gemma",
                                    "chatml",         NULL};

static const struct chat_format *find_format(const char *name)
{
    for (size_t i = 0; i < sizeof FORMATS / sizeof *FORMATS; i++)
        if (strcmp(FORMATS[i].name, name) == 0) return &FORMATS[i];
    return NULL;
}

static bool check_order(const struct chat_format *format, const struct chat_message *messages,
                        size_t n, struct err *err)
{
    bool has_system = n && messages[0].role == CHAT_SYSTEM;
    if (format->system_in_user && has_system && (n < 2 || messages[1].role != CHAT_USER))
        return err_set(err, ERR_USAGE,
                       "the chat format %s has the system message inside the first user message, "
                       "but no user message follows",
                       format->name);
    for (size_t i = has_system; i < n; i++) {
        enum chat_role role = messages[i].role;
        if (role == CHAT_SYSTEM && format->system_in_user)
            return err_set(err, ERR_USAGE,
                           "message %zu: the chat format %s has one system message, the first",
                           i + 1, format->name);
        enum chat_role expected = (i - has_system) % 2 ? CHAT_ASSISTANT : CHAT_USER;
        if (format->alternates && role != expected)
            return err_set(err, ERR_USAGE,
                           "message %zu: in the chat format %s user and assistant alternate", i + 1,
                           format->name);
    }
    return true;
}

static void put_message(const struct chat_format *format, const char *text, struct buf *out)
{
    static const char SPACE[] = " \t\n\v\f\r";
    size_t n = strlen(text);
    if (format->strips) {
        size_t n_leading = strspn(text, SPACE);
        text += n_leading;
        n -= n_leading;
        while (n && strchr(SPACE, text[n - 1])) n--;
    }
    buf_append(out, text, n);
}

static void put_turn(const struct chat_format *format, const struct chat_message *message,
                     const struct chat_message *system, struct buf *out)
{
    const struct turn *turn = &format->turns[message->role];
    buf_text(out, turn->open);
    if (system) {
        buf_text(out, format->turns[CHAT_SYSTEM].open);
        put_message(format, system->text, out);
        buf_text(out, format->turns[CHAT_SYSTEM].close);
    }
    put_message(format, message->text, out);
    buf_text(out, turn->close);
}

bool chat_render(const char *format_name, const struct chat_message *messages, size_t n,
                 bool add_generation_prompt, struct buf *out, struct err *err)
{
    const struct chat_format *format = find_format(format_name);
    if (!format)
        return err_set(err, ERR_UNSUPPORTED, "not supported yet: the chat format \"%s\"",
                       format_name);
    if (!check_order(format, messages, n, err)) return false;
    const struct chat_message *system = NULL;
    bool had_user = false;
    for (size_t i = 0; i < n; i++) {
        if (messages[i].role == CHAT_SYSTEM && format->system_in_user) {
            system = &messages[i];
            continue;
        }
        if (messages[i].role == CHAT_USER) {
            if (had_user && format->before_later_user) buf_text(out, format->before_later_user);
            had_user = true;
        }
        put_turn(format, &messages[i], system, out);
        system = NULL;
    }
    const char *tail = add_generation_prompt ? format->generation : format->end;
    if (tail) buf_text(out, tail);
    return buf_check(out, err);
}
