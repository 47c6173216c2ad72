/* client.h - answers requests: the runner's view of whatever speaks for a model: the engine in this
 * process, or a server behind HTTP (client_api.h).
 *
 * A response depends on its request and the model alone, not on the other requests of the window,
 * the batch size, the threads or the KV budget.
 */
#ifndef PHIBENCH_HARNESS_ASK_CLIENT_H
#define PHIBENCH_HARNESS_ASK_CLIENT_H

#include "harness/ask/prompt_tokens.h"

struct client;
struct client_window;

struct client_options {
    enum bos_policy bos;
    const char *chat_format; /* of CHAT_FORMATS; NULL: the file's template */
    enum rstrip_policy rstrip;
    size_t reasoning_tokens; /* room beyond what is asked for, for what it says to itself */
    bool shares_prefixes; /* false: every distinct sequence from its first token, for measurement */
    struct session_options session;
};

/* The model must outlive the client. Close with client_close. */
struct client *client_open_engine(const struct model *model, const struct client_options *options,
                                  struct err *err) __attribute__((warn_unused_result));
/* How many pictures this one's tower has computed, each once for all questions about it that are
 * near to one another, and the time that they took. */
size_t client_engine_encoded_pictures(const struct client *client, int64_t *ns);
void client_close(struct client *client);

/* Where responses go. */
struct client_sink {
    /* Called in the requests' order; the response lives during the call. */
    bool (*respond)(void *context, size_t i_request, const struct response *response,
                    struct err *err);
    /* Called after every batch, when the responses that it completed are handed out; false
     * stops, and so does Ctrl-C, which a client looks for itself. May be NULL. */
    bool (*pause)(void *context, struct err *err);
    void *context;
};

/* What a client does after every batch: pauses, then ERR_INTERRUPTED if the user wants an end. */
bool client_sink_pause(const struct client_sink *sink, struct err *err)
    __attribute__((warn_unused_result));

/* A window of requests as tokens, laid out so that equal prefixes are computed once. The requests
 * must outlive it. May run in one thread while client_answer runs in another. Free with
 * client_window_free before the client closes. */
struct client_window *client_prepare(const struct client *client, const struct request *requests,
                                     size_t n_requests, struct err *err)
    __attribute__((warn_unused_result));
void client_window_free(struct client_window *window);

/* Answers a window, once. Each response is handed out as soon as it and all before it are there.
 * Stops at the first false of the sink, with its error. */
bool client_answer(struct client *client, struct client_window *window,
                   const struct client_sink *sink, struct err *err)
    __attribute__((warn_unused_result));

/* Prepares the requests, answers them and forgets the window: client_prepare, client_answer and
 * client_window_free in one. */
bool client_ask(struct client *client, const struct request *requests, size_t n_requests,
                const struct client_sink *sink, struct err *err)
    __attribute__((warn_unused_result));

/* Tokens computed so far, by whomever. */
uint64_t client_computed_tokens(const struct client *client);

#endif
