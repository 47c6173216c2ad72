/* model_options.h - what the commands about one model and one prompt have in common: options,
 * opening, encoding.
 *
 * A command lists MODEL_OPTIONS in its table and gets a model with a session.
 * Suites do not come here: the runner opens its models itself.
 */
#ifndef PHIBENCH_HARNESS_CLI_MODEL_OPTIONS_H
#define PHIBENCH_HARNESS_CLI_MODEL_OPTIONS_H

#include "engine/engine.h"
#include "harness/cli/command.h"

struct model_arguments {
    const char *model, *isa, *kv, *rope, *rstrip, *chat_format;
    int64_t n_threads, batch_tokens, context_tokens;
    bool no_bos, special;
};

#define OPTION_CONTEXT_TOKENS(type, field)                                                         \
    {                                                                                              \
        "context-tokens", 'c', OPTION_INTEGER, "N", "longest sequence; 0: the model's context",    \
            offsetof(type, field), 0, 1 << 24, 0                                                   \
    }
#define OPTION_KV(type, field)                                                                     \
    {                                                                                              \
        "kv", 0, OPTION_TEXT, "TYPE", "type of the KV cache: f16 (default), f32 or q8_0",          \
            offsetof(type, field), 0, 0, 0                                                         \
    }
#define OPTION_ROPE(type, field)                                                                   \
    {                                                                                              \
        "rope", 0, OPTION_TEXT, "FACTORS",                                                         \
            "LongRoPE's: auto (default): by the length, as transformers; short, long",             \
            offsetof(type, field), 0, 0, 0                                                         \
    }
#define OPTION_NO_BOS(type, field)                                                                 \
    {                                                                                              \
        "no-bos", 0, OPTION_FLAG, NULL, "do not begin with the BOS token", offsetof(type, field),  \
            0, 0, 0                                                                                \
    }
#define OPTION_SPECIAL(type, field)                                                                \
    {                                                                                              \
        "special", 0, OPTION_FLAG, NULL, "text like <|user|> means its special token",             \
            offsetof(type, field), 0, 0, 0                                                         \
    }

#define OPTION_RSTRIP(type, field)                                                                 \
    {                                                                                              \
        "rstrip", 0, OPTION_TEXT, "POLICY",                                                        \
            "white space after special tokens is dropped: file (default), on, off",                \
            offsetof(type, field), 0, 0, 0                                                         \
    }
#define OPTION_CHAT_FORMAT(type, field)                                                            \
    {                                                                                              \
        "chat-format", 0, OPTION_TEXT, "NAME",                                                     \
            "file (default): the file's own chat template; or phi3, phi3-april, phi3-small, "      \
            "llama2, llama3, mistral, gemma, chatml",                                              \
            offsetof(type, field), 0, 0, 0                                                         \
    }

/* Rows of an option table for a struct that begins with a struct model_arguments named `common`;
 * a command whose prompt may hold special tokens adds OPTION_SPECIAL(type, common.special). */
#define MODEL_OPTIONS(type)                                                                        \
    OPTION_MODEL(type, common.model), OPTION_THREADS(type, common.n_threads),                      \
        OPTION_ISA(type, common.isa), OPTION_BATCH_TOKENS(type, common.batch_tokens),              \
        OPTION_CONTEXT_TOKENS(type, common.context_tokens), OPTION_KV(type, common.kv),            \
        OPTION_ROPE(type, common.rope), OPTION_NO_BOS(type, common.no_bos)

/* The instruction set that isa, an option's or a configuration's value (NULL: none), or else the
 * environment asks for; ERR_USAGE if it is unknown or not available here. */
bool choose_isa(const struct invocation *invocation, const char *isa, enum isa *level,
                struct err *err) __attribute__((warn_unused_result));

/* Opens a model as the options of a command name it, none of which need be given: NULL and 0.
 * session: what will be opened with it (load_model.h). Close with model_close. */
struct model *open_model(const struct invocation *invocation, const char *path, const char *isa,
                         const struct session_options *session, struct err *err)
    __attribute__((warn_unused_result));

/* Its tokenizer alone, without loading weights. Free with tokenizer_release. */
struct tokenizer *open_tokenizer(const struct invocation *invocation, const char *path,
                                 struct err *err) __attribute__((warn_unused_result));

/* A model with a session on it. Close both with opened_close, also after a failed opened_open. */
struct opened {
    struct model *model;
    struct session *session;
};
bool opened_open(const struct invocation *invocation, const struct model_arguments *arguments,
                 struct opened *opened, struct err *err) __attribute__((warn_unused_result));
void opened_close(struct opened *opened);

/* The position of a text in NULL-ended names; NULL is the first. ERR_USAGE tells the names. */
bool parse_choice(const char *option, const char *const *names, const char *text, int *i,
                  struct err *err) __attribute__((warn_unused_result));
bool parse_kv_type(const char *text, enum kv_type *type, struct err *err);        /* NULL: f16 */
bool parse_rope(const char *text, enum rope_policy *policy, struct err *err);     /* NULL: auto */
bool parse_rstrip(const char *text, enum rstrip_policy *policy, struct err *err); /* NULL: file */
/* NULL: the file's template. */
bool parse_chat_format(const char *text, const char **format, struct err *err);

/* Encodes a text as the arguments say; is_chat: a rendered chat. */
bool encode_text(const struct tokenizer *tokenizer, const struct model_arguments *arguments,
                 const char *text, bool is_chat, struct tokens *ids, struct err *err)
    __attribute__((warn_unused_result));
/* Fails if a prompt is empty or does not fit the session's context. */
bool check_prompt(const struct opened *opened, const struct tokens *ids, struct err *err)
    __attribute__((warn_unused_result));
/* Both in one. */
bool encode_prompt(const struct opened *opened, const struct model_arguments *arguments,
                   const char *text, bool is_chat, struct tokens *ids, struct err *err)
    __attribute__((warn_unused_result));

#endif
