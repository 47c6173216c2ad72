/* model_options.h - what the commands about one model and one prompt have in common: options,
 * opening, encoding. */
#ifndef PHIBENCH_HARNESS_MODEL_OPTIONS_H
#define PHIBENCH_HARNESS_MODEL_OPTIONS_H

#include "harness/open_model.h"

struct model_arguments {
    const char *model, *isa, *kv;
    int64_t n_threads, batch_tokens, context_tokens;
    bool no_bos, special;
};

/* Rows of an option table for a struct that begins with a struct model_arguments named `common`. */
#define MODEL_OPTIONS(type)                                                                        \
    OPTION_MODEL(type, common.model), OPTION_THREADS(type, common.n_threads),                      \
        OPTION_ISA(type, common.isa), OPTION_BATCH_TOKENS(type, common.batch_tokens),              \
        {"context-tokens",                                                                         \
         'c',                                                                                      \
         OPTION_INTEGER,                                                                           \
         "N",                                                                                      \
         "context in tokens; 0: the model's",                                                      \
         offsetof(type, common.context_tokens),                                                    \
         0,                                                                                        \
         1 << 24,                                                                                  \
         0},                                                                                       \
        {"kv",                                                                                     \
         0,                                                                                        \
         OPTION_TEXT,                                                                              \
         "TYPE",                                                                                   \
         "type of the KV cache: f16 (default) or f32",                                             \
         offsetof(type, common.kv),                                                                \
         0,                                                                                        \
         0,                                                                                        \
         0},                                                                                       \
        {"no-bos",                                                                                 \
         0,                                                                                        \
         OPTION_FLAG,                                                                              \
         NULL,                                                                                     \
         "do not begin with the BOS token",                                                        \
         offsetof(type, common.no_bos),                                                            \
         0,                                                                                        \
         0,                                                                                        \
         0},                                                                                       \
    {                                                                                              \
        "special", 0, OPTION_FLAG, NULL, "text like <|user|> means its special token",             \
            offsetof(type, common.special), 0, 0, 0                                                \
    }

/* A model with a session on it. Close both with opened_close, also after a failed opened_open. */
struct opened {
    struct model *model;
    struct session *session;
};
bool opened_open(const struct invocation *invocation, const struct model_arguments *arguments,
                 struct opened *opened, struct err *err) __attribute__((warn_unused_result));
void opened_close(struct opened *opened);

bool parse_kv_type(const char *text, enum kv_type *type, struct err *err); /* NULL: f16 */

/* Encodes a prompt as the arguments say; fails if it is empty or does not fit the session's
 * context. */
bool encode_prompt(const struct opened *opened, const struct model_arguments *arguments,
                   const char *text, struct tokens *ids, struct err *err)
    __attribute__((warn_unused_result));

#endif
