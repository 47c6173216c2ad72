/* server_identity.h - which model stands behind a server: what the user says of it, and what the
 * server says of itself. Answers are those of another model where this differs.
 *
 * Of a server's words those count that stay the same while the model does: not when it was started
 * or asked, nor how many it can answer at a time.
 */
#ifndef PHIBENCH_HARNESS_ASK_SERVER_IDENTITY_H
#define PHIBENCH_HARNESS_ASK_SERVER_IDENTITY_H

#include "base/arena.h"
#include "harness/ask/api.h"

/* What a server says of itself: {"models":{"id":"phi-3",...},"props":{...}}, or NULL, and then why
 * not, "status 404". Both are NULL before it was asked. */
struct server_words {
    const char *json, *why;
    bool is_unreachable; /* and so nobody knows what it would say */
};

/* Asks GET /models below the base, and GET /props of llama.cpp's server; texts lie in the arena.
 * The options have their key. A server that does not answer in a way that can be read says nothing;
 * one that cannot be reached is ERR_IO. */
bool server_ask_words(const struct api_options *options, struct arena *arena,
                      struct server_words *words, struct err *err)
    __attribute__((warn_unused_result));

/* Append a member to an object where the body of a reply says something of the model: "models" by
 * the entry of that name in the list, or the only one; "props". *is_found: whether they did.
 * ERR_INPUT for what is no JSON. */
bool server_read_models(const char *body, size_t n_bytes, const char *model,
                        struct json_writer *json, bool *is_found, struct err *err)
    __attribute__((warn_unused_result));
bool server_read_props(const char *body, size_t n_bytes, struct json_writer *json, bool *is_found,
                       struct err *err) __attribute__((warn_unused_result));

/* All that tells a model behind a server from another one, as JSON in the arena; NULL on failure.
 * id: the configuration's, NULL for a judge. Headers stand there as they are written, so that no
 * secret does. */
const char *server_describe(const struct api_options *options, const char *id,
                            const struct server_words *words, struct arena *arena, struct err *err);

#endif
